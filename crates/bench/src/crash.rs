//! Power cuts: the gateway and PostgreSQL are killed under load; every acknowledged message must be there afterwards.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opencom_core::id::{MessageId, WorkspaceId};

use crate::client::Client;
use crate::people::{Visitor, sign_up};
use crate::server::{Gateway, Launch, Place};
use crate::{Fault, Settings};

/// Connections that send.
const SENDERS: usize = 16;

struct Sender {
    visitor: Visitor,
    acknowledged: Mutex<HashSet<MessageId>>,
}

async fn open(address: &str, workspace_id: WorkspaceId, number: usize) -> Result<Sender, Fault> {
    let mut client = Client::connect(address, None).await?;
    Ok(Sender {
        visitor: Visitor::open(&mut client, workspace_id, format!("crash_{number}")).await?,
        acknowledged: Mutex::default(),
    })
}

/// Sends until told to stop, connecting again whenever the server is gone.
async fn send(address: &str, sender: &Sender, stop: &AtomicBool) {
    let mut client = None;
    let mut n = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let Some(connected) = &mut client else {
            client = Client::connect(address, None).await.ok();
            if client.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            continue;
        };
        n += 1;
        match connected.call(&sender.visitor.message(format!("message {n}"))).await {
            Ok(id) => {
                sender
                    .acknowledged
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(id);
            }
            Err(_) => {
                client = None;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Every acknowledged message is in its thread.
async fn check(address: &str, senders: &[Sender]) -> Result<usize, Fault> {
    let mut all = 0;
    for sender in senders {
        let thread = Client::connect(address, None)
            .await?
            .call(&sender.visitor.thread())
            .await?;
        let stored: HashSet<_> = thread.into_iter().map(|message| message.message.id).collect();
        let acknowledged = sender.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = acknowledged.difference(&stored).count();
        if lost > 0 {
            return Err(format!("{lost} acknowledged messages are gone").into());
        }
        all += acknowledged.len();
    }
    Ok(all)
}

/// Runs the load, kills, and counts.
pub(crate) async fn run(settings: &Settings) -> Result<(), Fault> {
    let place = Place::new(settings)?;
    eprintln!(
        "starting the server with a database of its own in {}",
        place.path().display()
    );
    let mut gateway = Gateway::start(settings, &place, Launch::default()).await?;
    let address = gateway.address.clone();
    let agent = sign_up(&address, "crash").await?;
    let senders =
        futures_util::future::try_join_all((0..SENDERS).map(|number| open(&address, agent.workspace_id, number)))
            .await?;
    let stop = AtomicBool::new(false);
    let load = futures_util::future::join_all(senders.iter().map(|sender| send(&address, sender, &stop)));
    let kills = async {
        let under_load = Duration::from_secs(settings.seconds.clamp(2, 5));
        tokio::time::sleep(under_load).await;
        eprintln!("kill -9 of the gateway");
        gateway.kill().await?;
        let again = Launch {
            address: Some(&address),
            ..Launch::default()
        };
        gateway = Gateway::start(settings, &place, again).await?;
        tokio::time::sleep(under_load).await;
        let pid = postmaster(&place)?;
        eprintln!("kill -9 of PostgreSQL (pid {pid})");
        std::process::Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        gateway.ready().await?;
        tokio::time::sleep(under_load).await;
        stop.store(true, Ordering::Relaxed);
        Ok::<_, Fault>(gateway)
    };
    let (_, killed) = futures_util::future::join(load, kills).await;
    let gateway = killed?;
    let all = check(&address, &senders).await?;
    eprintln!("crash: {all} messages were acknowledged around two kills; every one is there");
    gateway.stop().await
}

/// The process id of the gateway's own PostgreSQL.
fn postmaster(place: &Place) -> Result<u32, Fault> {
    let file = place.path().join("gateway/postgres/postmaster.pid");
    let text = std::fs::read_to_string(&file)?;
    Ok(text.lines().next().ok_or("postmaster.pid is empty")?.trim().parse()?)
}
