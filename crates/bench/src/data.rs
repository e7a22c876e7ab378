//! Generates a busy workspace: conversations with five messages each, visitors with ten conversations and tickets each. Ids follow
//! from a number, so that the load and pgbench pick rows without looking them up.

use std::time::Instant;

use opencom_core::Id;
use opencom_core::id::{Entity, WorkspaceId};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::Fault;

/// Messages of each conversation.
pub(crate) const MESSAGES: u64 = 5;
/// Conversations of each visitor.
const PER_VISITOR: u64 = 10;
/// Conversations made by one statement.
const BATCH: u64 = 20_000;
/// The first 48 bits of the first id; as the time in a UUIDv7, the year 2023.
pub(crate) const FIRST: u64 = 1_700_000_000_000;

/// The id of the row with this number.
pub(crate) fn id<E: Entity>(number: u64) -> Id<E> {
    Id::tagged(Uuid::from_u128(u128::from(FIRST + number) << 80))
}

const VISITORS: &str = "
    INSERT INTO visitors (id, workspace_id, session_id, readable_id, name, created_at, first_seen_at, last_seen_at)
    SELECT (lpad(to_hex($4::bigint + i), 12, '0') || repeat('0', 18) || '10')::uuid, $1, 'generated_' || i,
           'calm-otter-' || i % 99, 'Visitor ' || i, at, at, at
    FROM generate_series($2::bigint, $3::bigint - 1) AS i,
         LATERAL (SELECT now() - interval '1 year' + i * interval '30 seconds' AS at) AS t";

const CONVERSATIONS: &str = "
    INSERT INTO conversations (id, workspace_id, visitor_id, status, created_at, updated_at, last_message_at,
                               last_message_id, unread_by_agent, unread_by_visitor, ai_workflow_state)
    SELECT (lpad(to_hex($4::bigint + i), 12, '0') || repeat('0', 18) || '12')::uuid, $1,
           (lpad(to_hex($4::bigint + i / $5::bigint), 12, '0') || repeat('0', 18) || '10')::uuid,
           CASE WHEN i % 10 < 6 THEN 'closed' WHEN i % 10 < 9 THEN 'open' ELSE 'snoozed' END,
           at, at + interval '4 minutes', at + interval '4 minutes',
           (lpad(to_hex($4::bigint + i * $6::bigint + $6::bigint - 1), 12, '0') || repeat('0', 18) || '13')::uuid,
           (i % 3)::integer, 0, CASE WHEN i % 20 = 0 THEN 'handoff' ELSE 'none' END
    FROM generate_series($2::bigint, $3::bigint - 1) AS i,
         LATERAL (SELECT now() - interval '1 year' + i * interval '30 seconds' AS at) AS t";

/// As many tickets as conversations, on their visitors.
const TICKETS: &str = "
    INSERT INTO tickets (id, workspace_id, visitor_id, subject, status, priority, created_at, updated_at)
    SELECT (lpad(to_hex($4::bigint + i), 12, '0') || repeat('0', 18) || '16')::uuid, $1,
           (lpad(to_hex($4::bigint + i / $5::bigint), 12, '0') || repeat('0', 18) || '10')::uuid,
           'Ticket ' || i || ' about an order that has not arrived',
           (ARRAY['submitted', 'in_progress', 'waiting_on_customer', 'resolved'])[1 + i % 4], 'normal', at, at
    FROM generate_series($2::bigint, $3::bigint - 1) AS i,
         LATERAL (SELECT now() - interval '1 year' + i * interval '30 seconds' AS at) AS t";

const THREADS: &str = "
    INSERT INTO messages (id, workspace_id, conversation_id, sender_id, sender_type, content, created_at)
    SELECT (lpad(to_hex($3::bigint + i * $4::bigint + m), 12, '0') || repeat('0', 18) || '13')::uuid, $6,
           (lpad(to_hex($3::bigint + i), 12, '0') || repeat('0', 18) || '12')::uuid,
           lpad(to_hex($3::bigint + i / $5::bigint), 12, '0') || repeat('0', 18) || '10', 'visitor',
           'Message ' || m || ' of conversation ' || i || ': how do I change the address on my invoice?',
           now() - interval '1 year' + i * interval '30 seconds' + m * interval '1 minute'
    FROM generate_series($1::bigint, $2::bigint - 1) AS i, generate_series(0, $4::bigint - 1) AS m";

/// Connects for SQL of the benchmark's own.
pub(crate) async fn connect(url: &str) -> Result<Client, Fault> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Fills the workspace, with progress.
pub(crate) async fn generate(url: &str, workspace: WorkspaceId, conversations: u64) -> Result<(), Fault> {
    let client = connect(url).await?;
    client
        .batch_execute("SET synchronous_commit = off; SET work_mem = '256MB'")
        .await?;
    let (workspace, first, per_visitor, messages) = (
        workspace.uuid(),
        i64::try_from(FIRST)?,
        i64::try_from(PER_VISITOR)?,
        i64::try_from(MESSAGES)?,
    );
    let started = Instant::now();
    let mut done = 0;
    while done < conversations {
        let next = (done + BATCH).min(conversations);
        let (from, to) = (i64::try_from(done)?, i64::try_from(next)?);
        let (v_from, v_to) = (
            i64::try_from(done.div_ceil(PER_VISITOR))?,
            i64::try_from(next.div_ceil(PER_VISITOR))?,
        );
        client.execute(VISITORS, &[&workspace, &v_from, &v_to, &first]).await?;
        client
            .execute(
                CONVERSATIONS,
                &[&workspace, &from, &to, &first, &per_visitor, &messages],
            )
            .await?;
        client
            .execute(TICKETS, &[&workspace, &from, &to, &first, &per_visitor])
            .await?;
        client
            .execute(THREADS, &[&from, &to, &first, &messages, &per_visitor, &workspace])
            .await?;
        done = next;
        let rate = f64::from(u32::try_from(done)?) / started.elapsed().as_secs_f64();
        eprint!(
            "\rgenerating: {done} of {conversations} conversations, {} messages ({rate:.0} conversations/s)   ",
            done * MESSAGES
        );
    }
    eprintln!();
    eprintln!("vacuum and analyze");
    client.batch_execute("VACUUM ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    Ok(())
}
