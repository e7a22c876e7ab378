//! The live rows: what sockets cost, how fast they hear of a change, and what writing over them costs.

mod audience;
mod fan_out;
mod update;
mod writes;

use opencom_core::id::WorkspaceId;

use crate::people::{self, Agent, Visitor};
use crate::report;
use crate::server::{Gateway, Launch, Place, database};
use crate::socket::allow_sockets;
use crate::{Fault, Settings};

/// Sockets, unless told otherwise.
const SOCKETS: usize = 5000;
/// Agents who look at the inbox.
const AGENTS: usize = 10;

/// Everything that a row needs.
struct Stage<'a> {
    settings: &'a Settings,
    place: &'a Place,
    url: &'a str,
    gateway: &'a Gateway,
    agents: Vec<Agent>,
    visitors: Vec<Visitor>,
}

impl Stage<'_> {
    fn address(&self) -> &str {
        &self.gateway.address
    }

    /// The workspace where everybody is.
    fn workspace_id(&self) -> WorkspaceId {
        self.agents[0].workspace_id
    }
}

/// Measures every row and prints the table.
pub(crate) async fn run(settings: &Settings) -> Result<(), Fault> {
    let sockets = settings.sockets.unwrap_or(SOCKETS);
    allow_sockets(sockets)?;
    let place = Place::new(settings)?;
    let postgres = database(&place).await?;
    let url = postgres.url("opencom");
    let gateway = Gateway::start(settings, &place, Launch::calls(&url)).await?;
    gateway.expect_room_for(sockets)?;
    let agents = people::agents(&gateway.address, &url, "live", AGENTS).await?;
    let visitors = people::visitors(&gateway.address, agents[0].workspace_id, settings.clients, sockets).await?;
    let stage = Stage {
        settings,
        place: &place,
        url: &url,
        gateway: &gateway,
        agents,
        visitors,
    };

    let mut rows = Vec::new();
    if settings.wants("memory of an idle socket") || settings.wants("live update") {
        rows.extend(update::rows(&stage).await?);
    }
    if settings.wants("fan-out") {
        for sockets in [1, 100, sockets] {
            rows.extend(fan_out::rows(&stage, sockets).await?);
        }
    }
    if settings.wants("messages:send over sockets") {
        rows.extend(writes::over_sockets(&stage).await?);
    }
    if settings.wants("messages:send with the bus") {
        rows.extend(writes::bus(&stage).await?);
    }
    report::print_live(&rows);
    gateway.kill().await?;
    postgres.stop().await?;
    Ok(())
}
