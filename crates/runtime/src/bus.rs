//! Tells the other replicas what changed: Postgres LISTEN/NOTIFY on a connection of its own, batched, and never inside
//! a mutation's transaction, where NOTIFY would make all writers wait for each other at commit.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::RunQueryDsl;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures_util::StreamExt;
use opencom_core::auth::token;
use tokio::sync::{mpsc, watch};

use crate::{Topic, Topics};

const CHANNEL: &str = "opencom_topics";
/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(3);
/// How many changes may wait to be told; beyond, listeners elsewhere start over.
const OUTBOX: usize = 64 * 1024;
/// Topics of one notification: its text must stay below 8000 bytes.
const PER_NOTIFICATION: usize = 250;
/// The pause before connecting again, doubled as long as that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How often to look whether the connections still live.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Joins this process's changes with those of the other replicas, until `stop` turns true.
///
/// While the bus is down, what happens elsewhere is not heard: once it is back, everything counts as changed.
pub async fn run(url: String, topics: Arc<Topics>, mut stop: watch::Receiver<bool>) {
    let replica = token::random::<9>()
        .map(|bytes| STANDARD_NO_PAD.encode(bytes))
        .unwrap_or_default();
    let (outbox, mut inbox) = mpsc::channel(OUTBOX);
    topics.connect(outbox);
    let mut pause = FIRST_PAUSE;
    let mut was_down = false;
    while !*stop.borrow() {
        tokio::select! {
            outcome = connected(&url, &replica, &topics, &mut inbox, was_down, &mut pause) => {
                if let Err(error) = outcome {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the change bus is down; reconnecting");
                }
            }
            _ = stop.changed() => return,
        }
        was_down = true;
        metrics::gauge!("opencom_bus_connected").set(0);
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
            _ = stop.changed() => return,
        }
    }
}

async fn connected(
    url: &str,
    replica: &str,
    topics: &Topics,
    inbox: &mut mpsc::Receiver<Topic>,
    was_down: bool,
    pause: &mut Duration,
) -> Result<(), diesel::result::Error> {
    let unreachable =
        |error: diesel::ConnectionError| diesel::result::Error::QueryBuilderError(error.to_string().into());
    let mut listening = AsyncPgConnection::establish(url).await.map_err(unreachable)?;
    let mut telling = AsyncPgConnection::establish(url).await.map_err(unreachable)?;
    // What is told needs no place in the log that survives a crash: whoever listened would be cut off by one too, and start
    // over. So nobody has to wait for the disk.
    diesel::sql_query("SET synchronous_commit = off")
        .execute(&telling)
        .await?;
    diesel::sql_query(format!("LISTEN {CHANNEL}"))
        .execute(&listening)
        .await?;
    *pause = FIRST_PAUSE;
    metrics::gauge!("opencom_bus_connected").set(1);
    // Whatever was published elsewhere before the LISTEN was missed.
    topics.publish_everything();
    if was_down {
        // What happened here meanwhile may not have been told.
        notify(&mut telling, format!("{replica} *")).await?;
    }
    let mut heard = pin!(listening.notifications_stream());
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            notification = heard.next() => match notification {
                Some(Ok(notification)) => hear(&notification.payload, replica, topics),
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            count = inbox.recv_many(&mut batch, OUTBOX) => {
                if count == 0 {
                    return Ok(());
                }
                tokio::time::sleep(GATHER).await;
                while let Ok(topic) = inbox.try_recv() {
                    batch.push(topic);
                }
                batch.sort_unstable();
                batch.dedup();
                metrics::counter!("opencom_bus_told_total").increment(batch.len() as u64);
                for part in batch.chunks(PER_NOTIFICATION) {
                    let packed: Vec<u8> = part.iter().flat_map(|topic| topic.pack()).collect();
                    notify(&mut telling, format!("{replica} {}", STANDARD_NO_PAD.encode(packed))).await?;
                }
                batch.clear();
            }
            () = tokio::time::sleep(HEARTBEAT) => {
                diesel::sql_query("SELECT 1").execute(&telling).await?;
            }
        }
    }
}

/// Has every process that is joined start over, as everything may have changed.
pub async fn tell_everything(connection: &mut AsyncPgConnection) -> Result<(), diesel::result::Error> {
    notify(connection, "- *".to_owned()).await
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Tells whoever listens on a channel.
    fn pg_notify(channel: Text, payload: Text) -> diesel::sql_types::Bool;
}

async fn notify(connection: &mut AsyncPgConnection, payload: String) -> Result<(), diesel::result::Error> {
    // Its result is of a type without values.
    diesel::select(pg_notify(CHANNEL, payload)).execute(connection).await?;
    Ok(())
}

fn hear(payload: &str, replica: &str, topics: &Topics) {
    let Some((from, what)) = payload.split_once(' ') else {
        return;
    };
    if from == replica {
        return;
    }
    let unpacked = (what != "*")
        .then(|| STANDARD_NO_PAD.decode(what).ok())
        .flatten()
        .and_then(|bytes| {
            let (packed, rest) = bytes.as_chunks::<{ Topic::PACKED }>();
            let topics = packed.iter().map(|topic| Topic::unpack(*topic));
            rest.is_empty().then(|| topics.collect::<Vec<_>>())
        });
    // A replica of another version may pack topics in another length.
    match unpacked {
        Some(heard) => {
            metrics::counter!("opencom_bus_heard_total").increment(heard.len() as u64);
            topics.publish_here(&heard);
        }
        None => topics.publish_everything(),
    }
}
