//! Thousands of visitors with their conversations open: what their sockets cost while nothing happens, and how fast
//! each hears of its messages while some are sent.

use std::time::{Duration, Instant};

use opencom_contract::conversations::ListForInbox;
use rand::seq::SliceRandom;

use super::Stage;
use super::audience::{Arrivals, Audience, Subscription};
use crate::Fault;
use crate::client::Client;
use crate::load::percentiles;
use crate::people::Visitor;
use crate::report::{LiveRow, ms};

/// Messages a second.
const PER_SECOND: u32 = 50;
/// How long the sockets are left alone before their memory is looked at.
const REST: Duration = Duration::from_secs(10);
const TARGET: &str = "<= 25 KiB";

/// Both rows, on the same sockets.
pub(super) async fn rows(stage: &Stage<'_>) -> Result<Vec<LiveRow>, Fault> {
    let address = stage.address();
    let arrivals = Arrivals::new();
    let mut audience = Audience::default();
    let subscriptions = stage
        .visitors
        .iter()
        .map(|visitor| Subscription::timed(&visitor.thread(), &arrivals));
    let before = stage.gateway.resident()?;
    audience.join(address, subscriptions).await?;
    let rest = async {
        tokio::time::sleep(REST).await;
        stage.gateway.resident()
    };
    let after = audience.during(rest).await?;
    let mut rows = vec![idle(stage.visitors.len(), after.saturating_sub(before))];
    if stage.settings.wants("live update") {
        let inbox = ListForInbox::builder().workspace_id(stage.workspace_id()).build();
        let agents = stage.agents.iter();
        let agents = agents.map(|agent| Subscription::of_agent(&inbox, &agent.token));
        audience.join(address, agents).await?;
        rows.push(under_load(stage, &arrivals, &mut audience).await?);
    }
    Ok(rows)
}

fn idle(sockets: usize, bytes: u64) -> LiveRow {
    #[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
    let kibibytes = bytes as f64 / 1024.0 / sockets as f64;
    LiveRow {
        name: format!("memory of an idle socket, of {sockets}"),
        per_second: None,
        times: None,
        result: format!("{kibibytes:.1} KiB"),
        target: TARGET.to_owned(),
    }
}

async fn under_load(stage: &Stage<'_>, arrivals: &Arrivals, audience: &mut Audience) -> Result<LiveRow, Fault> {
    eprintln!(
        "sending {PER_SECOND} messages a second for {} s",
        stage.settings.seconds
    );
    // Everybody gets one before anybody gets a second.
    let mut visitors: Vec<_> = stage.visitors.iter().collect();
    visitors.shuffle(&mut rand::rng());
    let count = usize::try_from(stage.settings.seconds * u64::from(PER_SECOND))?;
    let began = Instant::now();
    let measurement = async {
        let senders = (0..stage.settings.clients).map(|first| {
            let due = (first..count).step_by(stage.settings.clients);
            send(stage.address(), &visitors, arrivals, began, due)
        });
        futures_util::future::try_join_all(senders).await?;
        arrivals.take(count).await
    };
    let times = audience.during(measurement).await?;
    let (p50, p99) = percentiles(times)?;
    Ok(LiveRow {
        name: format!("live update, {} sockets", stage.visitors.len()),
        per_second: Some(f64::from(PER_SECOND)),
        times: Some((p50, p99)),
        result: format!("{} ms", ms(p99)),
        target: "< 50 ms".to_owned(),
    })
}

/// Sends the messages with these numbers, each at its time.
async fn send(
    address: &str,
    visitors: &[&Visitor],
    arrivals: &Arrivals,
    began: Instant,
    numbers: impl Iterator<Item = usize>,
) -> Result<(), Fault> {
    let mut client = Client::connect(address, None).await?;
    for number in numbers {
        let due = began + Duration::from_secs(1) * u32::try_from(number)? / PER_SECOND;
        let mut begin = Instant::now();
        // One that had to wait for the one before it counts from when it was due.
        if begin < due {
            tokio::time::sleep_until(due.into()).await;
            begin = Instant::now();
        } else {
            begin = due;
        }
        let visitor = visitors[number % visitors.len()];
        client.call(&visitor.message(arrivals.stamp(begin))).await?;
    }
    Ok(())
}
