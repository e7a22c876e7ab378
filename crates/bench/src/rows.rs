//! The rows of the table.

use std::path::Path;
use std::time::Duration;

use opencom_contract::email_channel::{GetEmailConfig, UpsertEmailConfig};
use opencom_contract::{conversations, tickets};
use rand::RngExt;

use crate::client::{Client, is_success};
use crate::data::{self, FIRST};
use crate::load::{self, Outcome};
use crate::people::{Agent, boot, sign_up, thread};
use crate::report::{self, Row};
use crate::server::{Gateway, Launch, Place, database};
use crate::{Fault, Settings, pgbench};

/// Everything that a row needs.
struct Bench<'a> {
    settings: &'a Settings,
    address: &'a str,
    agent: &'a Agent,
    bin_dir: &'a Path,
    url: &'a str,
}

impl Bench<'_> {
    /// A row: half of our load before pgbench and half after, because whoever writes first after a checkpoint writes
    /// whole pages to the log and makes it easier for the next one.
    async fn row<F>(&self, name: &'static str, script: &str, target: f64, one: F) -> Result<Row, Fault>
    where
        F: AsyncFn(&mut Client) -> Result<(), Fault>,
    {
        let half = self.settings.time() / 2;
        let before = self.ours(half, &one).await?;
        let limit = self.limit(script).await?;
        let after = self.ours(half, &one).await?;
        Ok(Row {
            name,
            ours: before.mean(&after),
            limit,
            target,
        })
    }

    fn any_conversation(&self) -> u64 {
        rand::rng().random_range(0..self.settings.conversations)
    }

    async fn ours<F>(&self, time: Duration, one: &F) -> Result<Outcome, Fault>
    where
        F: AsyncFn(&mut Client) -> Result<(), Fault>,
    {
        let connect = async || Client::connect(self.address, Some(&self.agent.token)).await;
        load::run(self.settings.clients, time, &connect, one).await
    }

    async fn limit(&self, script: &str) -> Result<Outcome, Fault> {
        let variables = [
            ("workspace", self.agent.workspace_id.to_string()),
            ("conversations", self.settings.conversations.to_string()),
            ("first", FIRST.to_string()),
        ];
        pgbench::run(
            self.bin_dir,
            self.url,
            script,
            &variables,
            self.settings.clients,
            self.settings.time(),
        )
        .await
    }

    async fn messages_send(&self) -> Result<Row, Fault> {
        let script = include_str!("../sql/messages_send.sql");
        self.row("messages:send", script, 0.6, async |client| {
            let text = "You find it under Settings, Billing, Address.".to_owned();
            let request = self.agent.message(data::id(self.any_conversation()), text);
            expect_success(client.raw(&request).await?)
        })
        .await
    }

    async fn messages_list(&self) -> Result<Row, Fault> {
        let script = include_str!("../sql/messages_list.sql");
        self.row("messages:list", script, 0.6, async |client| {
            let request = thread(data::id(self.any_conversation()), None);
            expect_success(client.raw(&request).await?)
        })
        .await
    }

    async fn conversations_list_for_inbox(&self) -> Result<Row, Fault> {
        let script = include_str!("../sql/conversations_list_for_inbox.sql");
        self.row("conversations:listForInbox", script, 0.6, async |client| {
            let request = conversations::ListForInbox::builder()
                .workspace_id(self.agent.workspace_id)
                .status(conversations::ConversationStatus::Open)
                .build();
            expect_success(client.raw(&request).await?)
        })
        .await
    }

    async fn tickets_list(&self) -> Result<Row, Fault> {
        let script = include_str!("../sql/tickets_list.sql");
        self.row("tickets:list (1000 of them)", script, 0.6, async |client| {
            let request = tickets::List::builder()
                .workspace_id(self.agent.workspace_id)
                .status(tickets::TicketStatus::InProgress)
                .build();
            expect_success(client.raw(&request).await?)
        })
        .await
    }

    /// Mails from ever new senders, as a provider reports them: each makes a visitor, a conversation and a message.
    async fn email_inbound(&self) -> Result<Row, Fault> {
        let mut client = Client::connect(self.address, Some(&self.agent.token)).await?;
        let workspace_id = self.agent.workspace_id;
        let set_up = UpsertEmailConfig::builder()
            .workspace_id(workspace_id)
            .enabled(true)
            .build();
        client.call(&set_up).await?;
        let config = client
            .call(&GetEmailConfig::builder().workspace_id(workspace_id).build())
            .await?;
        let to = config.ok_or("setting up mail did nothing")?.forwarding_address;
        let script = include_str!("../sql/email_inbound.sql");
        self.row("POST /email/inbound", script, 0.6, async |client| {
            let id = format!("{:032x}", rand::random::<u128>());
            let body = format!(
                r#"{{"from":"Ada <{id}@example.org>","to":["{to}"],"subject":"Where is my order {id}?","text":"Hello,\n\nmy order has not arrived yet.\n\nAda","headers":{{"message-id":"<{id}@example.org>"}}}}"#
            );
            let answer = client.post_to("/email/inbound", &body).await?;
            let is_stored = answer.starts_with(br#"{"success":true"#);
            is_stored.then_some(()).ok_or_else(|| String::from_utf8_lossy(answer).into())
        })
        .await
    }

    async fn widget_sessions_boot(&self) -> Result<Row, Fault> {
        let script = include_str!("../sql/widget_sessions_boot.sql");
        self.row("widgetSessions:boot", script, 0.6, async |client| {
            let session = format!("session_{:032x}", rand::random::<u128>());
            expect_success(client.raw(&boot(self.agent.workspace_id, session)).await?)
        })
        .await
    }
}

fn expect_success(body: &[u8]) -> Result<(), Fault> {
    if is_success(body) {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(body).into())
    }
}

/// Measures every row and prints the table.
pub(crate) async fn run(settings: &Settings) -> Result<(), Fault> {
    let place = Place::new(settings)?;
    let postgres = database(&place).await?;
    let url = postgres.url("opencom");
    let gateway = Gateway::start(settings, &place, Launch::calls(&url)).await?;
    let agent = sign_up(&gateway.address, "bench").await?;
    data::generate(&url, agent.workspace_id, settings.conversations).await?;
    let bench = Bench {
        settings,
        address: &gateway.address,
        agent: &agent,
        bin_dir: postgres.bin_dir(),
        url: &url,
    };

    let mut rows = Vec::new();
    // Reads first: writes leave pages that have to be written back.
    if settings.wants("messages:list") {
        rows.push(bench.messages_list().await?);
    }
    if settings.wants("conversations:listForInbox") {
        rows.push(bench.conversations_list_for_inbox().await?);
    }
    if settings.wants("tickets:list") {
        rows.push(bench.tickets_list().await?);
    }
    if settings.wants("messages:send") {
        rows.push(bench.messages_send().await?);
    }
    if settings.wants("widgetSessions:boot") {
        rows.push(bench.widget_sessions_boot().await?);
    }
    if settings.wants("/email/inbound") {
        rows.push(bench.email_inbound().await?);
    }
    report::print(&rows);
    gateway.kill().await?;
    postgres.stop().await?;
    Ok(())
}
