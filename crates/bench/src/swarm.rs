//! A thousand visitors at once: each boots, opens a conversation and sends; nothing may be lost, doubled or refused.

use std::collections::HashSet;
use std::time::Instant;

use opencom_core::id::{ConversationId, MessageId, WorkspaceId};
use tokio_postgres::NoTls;

use crate::client::Client;
use crate::people::{Visitor, sign_up};
use crate::server::{Gateway, Launch, Place, database};
use crate::{Fault, Settings};

/// Messages that each visitor sends.
const MESSAGES: usize = 5;

struct Sent {
    conversation: ConversationId,
    messages: Vec<MessageId>,
}

async fn visit(address: &str, workspace_id: WorkspaceId, number: usize) -> Result<Sent, Fault> {
    let mut client = Client::connect(address, None).await?;
    let visitor = Visitor::open(&mut client, workspace_id, format!("swarm_{number}")).await?;
    let mut sent = Sent {
        conversation: visitor.conversation,
        messages: Vec::with_capacity(MESSAGES),
    };
    for n in 0..MESSAGES {
        let text = format!("visitor {number}, message {n}");
        sent.messages.push(client.call(&visitor.message(text)).await?);
    }
    Ok(sent)
}

/// Runs the swarm and counts what is stored.
pub(crate) async fn run(settings: &Settings) -> Result<(), Fault> {
    let place = Place::new(settings)?;
    let postgres = database(&place).await?;
    let url = postgres.url("opencom");
    let gateway = Gateway::start(settings, &place, Launch::calls(&url)).await?;
    let agent = sign_up(&gateway.address, "swarm").await?;
    eprintln!(
        "{} visitors boot, open and send {MESSAGES} messages each, all at once",
        settings.visitors
    );
    let started = Instant::now();
    let visits = (0..settings.visitors).map(|number| visit(&gateway.address, agent.workspace_id, number));
    let sent = futures_util::future::try_join_all(visits).await?;
    let elapsed = started.elapsed();

    let conversations: HashSet<_> = sent.iter().map(|sent| sent.conversation).collect();
    let messages: HashSet<_> = sent.iter().flat_map(|sent| &sent.messages).collect();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM visitors), (SELECT count(*) FROM conversations),
                    (SELECT count(*) FROM messages WHERE sender_type = 'visitor'),
                    (SELECT count(DISTINCT content) FROM messages WHERE sender_type = 'visitor'),
                    (SELECT sum(unread_by_agent)::bigint FROM conversations)",
            &[],
        )
        .await?;
    let stored: Vec<i64> = (0..5).map(|column| row.get(column)).collect();
    let (visitors, all) = (
        i64::try_from(settings.visitors)?,
        i64::try_from(settings.visitors * MESSAGES)?,
    );
    if conversations.len() != settings.visitors || messages.len() != settings.visitors * MESSAGES {
        return Err("two calls were answered with one id".into());
    }
    if stored != [visitors, visitors, all, all, all] {
        return Err(format!("stored visitors, conversations, messages, texts, unread: {stored:?}").into());
    }
    eprintln!(
        "swarm: {} visitors and {} messages in {:.1} s; no call refused, nothing lost, nothing doubled",
        settings.visitors,
        messages.len(),
        elapsed.as_secs_f64()
    );
    gateway.kill().await?;
    postgres.stop().await?;
    Ok(())
}
