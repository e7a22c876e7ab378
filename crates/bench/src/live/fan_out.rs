//! Fan-out: one conversation, many sockets, one message at a time.

use std::time::{Duration, Instant};

use super::Stage;
use super::audience::{Arrivals, Audience, Subscription};
use crate::Fault;
use crate::client::Client;
use crate::load::percentiles;
use crate::people::Visitor;
use crate::report::LiveRow;

/// Between a message that has reached everyone and the next.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a message takes until half of the sockets have it, and until the last one has.
pub(super) async fn rows(stage: &Stage<'_>, sockets: usize) -> Result<Vec<LiveRow>, Fault> {
    let address = stage.address();
    let mut sender = Client::connect(address, None).await?;
    // A conversation of its own: every message is sent to everyone with all that came before it.
    let session = format!("fan_out_{sockets}");
    let visitor = Visitor::open(&mut sender, stage.workspace_id(), session).await?;
    let arrivals = Arrivals::new();
    let mut audience = Audience::default();
    let subscriptions = (0..sockets).map(|_| Subscription::timed(&visitor.thread(), &arrivals));
    audience.join(address, subscriptions).await?;

    let measurement = async {
        let (mut middles, mut lasts) = (Vec::new(), Vec::new());
        let mut sender = Client::connect(address, None).await?;
        // One more, that warms up.
        for send in 0..=stage.settings.sends {
            sender.call(&visitor.message(arrivals.stamp(Instant::now()))).await?;
            let mut times = arrivals.take(sockets).await?;
            times.sort_unstable();
            if send > 0 {
                middles.push(times[times.len() / 2]);
                lasts.extend(times.last());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok((percentiles(middles)?, percentiles(lasts)?))
    };
    let (middle, last) = audience.during(measurement).await?;
    let row = |name, times| LiveRow {
        name,
        per_second: None,
        times: Some(times),
        result: String::new(),
        target: String::new(),
    };
    Ok(match sockets {
        1 => vec![row("fan-out to 1 socket".to_owned(), last)],
        _ => vec![
            row(format!("fan-out to {sockets} sockets: the middle one"), middle),
            row(format!("fan-out to {sockets} sockets: the last one"), last),
        ],
    })
}
