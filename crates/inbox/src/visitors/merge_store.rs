//! Writes of a merge: locks, links, the survivor and the alias that the source leaves.

use crate::topics;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use opencom_core::Result;
use opencom_core::id::{ConversationId, TicketId, VisitorId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Hashed;
use opencom_runtime::{MutationCx, files};
use opencom_schema::{conversations, support_attachments, tickets, visitor_aliases, visitors, widget_sessions};

use super::rows::{MergedVisitor, VisitorRow};
use super::store::changed;

/// How many rows changed hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) conversations: usize,
    pub(crate) sessions: usize,
}

/// Locks visitors until the commit, in the order of their ids so that merges in opposite directions take turns. Those
/// that are gone are missing from the result.
pub(crate) async fn lock(cx: &mut MutationCx, ids: &[VisitorId]) -> Result<Vec<VisitorRow>> {
    let rows = VisitorRow::query()
        .filter(visitors::id.eq_any(ids))
        .order(visitors::id)
        .for_update()
        .load(cx.connection().await?)
        .await?;
    Ok(rows)
}

/// Gives the source's conversations, tickets, sessions and older names to the survivor. Messages keep the sender they had.
pub(crate) async fn move_links(cx: &mut MutationCx, source: &VisitorRow, survivor: VisitorId) -> Result<Moved> {
    let connection = cx.connection().await?;
    let conversations: Vec<ConversationId> = diesel::update(conversations::table)
        .filter(conversations::visitor_id.eq(source.id))
        .filter(conversations::workspace_id.eq(source.workspace_id))
        .set(conversations::visitor_id.eq(survivor))
        .returning(conversations::id)
        .load(connection)
        .await?;
    let tickets: Vec<TicketId> = diesel::update(tickets::table)
        .filter(tickets::visitor_id.eq(source.id))
        .filter(tickets::workspace_id.eq(source.workspace_id))
        .set(tickets::visitor_id.eq(survivor))
        .returning(tickets::id)
        .load(connection)
        .await?;
    let tokens: Vec<Vec<u8>> = diesel::update(widget_sessions::table)
        .filter(widget_sessions::visitor_id.eq(source.id))
        .filter(widget_sessions::workspace_id.eq(source.workspace_id))
        .set(widget_sessions::visitor_id.eq(survivor))
        .returning(widget_sessions::token_hash)
        .load(connection)
        .await?;
    let aliases: Vec<VisitorId> = diesel::update(visitor_aliases::table)
        .filter(visitor_aliases::visitor_id.eq(source.id))
        .set(visitor_aliases::visitor_id.eq(survivor))
        .returning(visitor_aliases::old_visitor_id)
        .load(connection)
        .await?;

    // Files that wait for a message, and addresses that wait for a file, stay usable.
    let (old_name, new_name) = (source.id.to_string(), survivor.to_string());
    diesel::update(support_attachments::table)
        .filter(support_attachments::uploaded_by_id.eq(&old_name))
        // Spelled out: a bound value cannot be matched with the index's condition.
        .filter(sql::<Bool>("support_attachments.status = 'staged'"))
        .set(support_attachments::uploaded_by_id.eq(&new_name))
        .execute(connection)
        .await?;
    files::hand_over(cx, &old_name, &new_name).await?;

    let moved = Moved {
        conversations: conversations.len(),
        sessions: tokens.len(),
    };
    for conversation in conversations {
        cx.write(topics::conversation(conversation));
    }
    cx.write(topics::conversations_of_visitor(source.id));
    cx.write(topics::conversations_of_visitor(survivor));
    cx.write(topics::conversations_of_workspace(source.workspace_id));
    for ticket in tickets {
        cx.write(topics::ticket(ticket));
    }
    cx.write(topics::tickets_of_workspace(source.workspace_id));
    for token in tokens {
        cx.write(topics::widget_session(Hashed::stored_digest(&token)?));
    }
    for alias in aliases {
        cx.write(topics::visitor_alias(alias));
    }
    Ok(moved)
}

/// Writes the survivor, deletes the source and leaves an alias in its place.
pub(crate) async fn end(
    cx: &mut MutationCx,
    source: &VisitorRow,
    survivor: VisitorId,
    merged: &MergedVisitor,
) -> Result<VisitorRow> {
    let now = cx.now();
    let connection = cx.connection().await?;
    diesel::delete(visitors::table.find(source.id))
        .execute(connection)
        .await?;
    diesel::insert_into(visitor_aliases::table)
        .values((
            visitor_aliases::old_visitor_id.eq(source.id),
            visitor_aliases::workspace_id.eq(source.workspace_id),
            visitor_aliases::visitor_id.eq(survivor),
            visitor_aliases::created_at.eq(now),
        ))
        .execute(connection)
        .await?;
    let after = diesel::update(visitors::table.find(survivor))
        .set(merged)
        .returning(VisitorRow::as_returning())
        .get_result(connection)
        .await?;
    cx.write(topics::visitor_alias(source.id));
    cx.write(topics::visitors_of_session(Hashed::text(&source.session_id)));
    cx.write(topics::presence(source.id));
    changed(cx, source);
    changed(cx, &after);
    Ok(after)
}
