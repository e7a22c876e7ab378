//! Reads of `conversations`.

use crate::topics;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use opencom_contract::conversations::{ConversationStatus, InboxAiFilter};
use opencom_core::Result;
use opencom_core::id::{ConversationId, VisitorId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::keyset::{self, Position};
use opencom_runtime::statement::literal_limit;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{conversations, messages, visitors};

use super::rows::{ConversationRow, InboxEntry, LockedConversation, Parties, PreviewRow};
use crate::messages::rows::MessageRow;
use crate::visitors::rows::VisitorRow;

/// What the inbox is narrowed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InboxFilter {
    pub(crate) workspace: WorkspaceId,
    pub(crate) status: Option<ConversationStatus>,
    pub(crate) ai: Option<InboxAiFilter>,
}

/// The default page of the inbox, and one row more to tell whether there are others.
const SMALL_PAGE: i64 = 51;
/// The largest page of the inbox, and one row more.
const LARGE_PAGE: i64 = 101;

/// A conversation of whatever workspace; the caller checks access.
pub(crate) async fn by_id(cx: &mut QueryCx, id: ConversationId) -> Result<Option<ConversationRow>> {
    cx.read(topics::conversation(id));
    Ok(ConversationRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Whose a conversation is. Records no topic, because the row changes with every counter: a query that refuses by it reads
/// [`topics::conversation`] itself.
pub(crate) async fn parties(cx: &mut QueryCx, id: ConversationId) -> Result<Option<Parties>> {
    Ok(Parties::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// A conversation, locked until the end of the transaction: messages of one conversation are stored one by one.
pub(crate) async fn lock(cx: &mut MutationCx, id: ConversationId) -> Result<Option<LockedConversation>> {
    Ok(LockedConversation::query()
        .find(id)
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Locks a visitor of the workspace, so that it is not merged away meanwhile and "one open conversation" can be
/// decided; whether there is one.
pub(crate) async fn lock_visitor(cx: &mut MutationCx, visitor: VisitorId, workspace: WorkspaceId) -> Result<bool> {
    let row = visitors::table
        .find(visitor)
        .filter(visitors::workspace_id.eq(workspace))
        .select(visitors::id)
        .for_update()
        .first::<VisitorId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(row.is_some())
}

/// The visitor's open conversation that was opened first.
pub(crate) async fn oldest_open(
    cx: &mut QueryCx,
    visitor: VisitorId,
    workspace: WorkspaceId,
) -> Result<Option<ConversationRow>> {
    cx.read(topics::conversations_of_visitor(visitor));
    let row = ConversationRow::query()
        .filter(conversations::visitor_id.eq(visitor))
        .filter(conversations::workspace_id.eq(workspace))
        // Spelled out: a bound value cannot be matched with the index's condition.
        .filter(sql::<Bool>("conversations.status = 'open'"))
        .order((conversations::created_at, conversations::id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Returns the conversations of a workspace, newest first, after the conversation `cursor`.
pub(crate) async fn by_workspace(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    status: Option<ConversationStatus>,
    cursor: Option<ConversationId>,
    limit: i64,
) -> Result<Vec<ConversationRow>> {
    cx.read(topics::conversations_of_workspace(workspace));
    let start = cursor.map(|id| {
        conversations::table
            .find(id)
            .filter(conversations::workspace_id.eq(workspace))
            .select((conversations::created_at, conversations::id))
    });
    let start: Option<Position> = keyset::resolve(cx, start).await?;
    let mut query = ConversationRow::query()
        .filter(conversations::workspace_id.eq(workspace))
        .order((conversations::created_at.desc(), conversations::id.desc()))
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(conversations::status.eq(status));
    }
    if let Some(start) = start {
        query = query.filter(start.older(conversations::created_at, conversations::id));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// Returns the inbox, latest activity first, with each conversation's visitor and newest message, after the conversation
/// `cursor`.
pub(crate) async fn inbox(
    cx: &mut QueryCx,
    filter: InboxFilter,
    cursor: Option<ConversationId>,
    limit: i64,
) -> Result<Vec<InboxEntry>> {
    cx.read(topics::conversations_of_workspace(filter.workspace));
    let start = match cursor {
        Some(cursor) => position_in_inbox(cx, cursor, filter).await?,
        None => None,
    };
    let mut query = conversations::table
        .left_join(visitors::table.on(conversations::visitor_id.eq(visitors::id.nullable())))
        .left_join(messages::table.on(conversations::last_message_id.eq(messages::id.nullable())))
        .select((
            ConversationRow::as_select(),
            Option::<VisitorRow>::as_select(),
            Option::<MessageRow>::as_select(),
        ))
        .filter(conversations::workspace_id.eq(filter.workspace))
        .order((conversations::activity_at.desc(), conversations::id.desc()))
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(conversations::status.eq(status));
    }
    if let Some(ai) = filter.ai {
        query = query.filter(sql::<Bool>(in_ai_state(ai)));
    }
    if let Some(start) = start {
        query = query.filter(start.older(conversations::activity_at, conversations::id));
    }
    // Two page sizes, not a hundred: each is a statement of its own on every connection.
    let page = if limit <= SMALL_PAGE { SMALL_PAGE } else { LARGE_PAGE };
    let mut rows: Vec<InboxEntry> = literal_limit(query, page).load(cx.connection().await?).await?;
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    for (conversation, _, _) in &rows {
        if let Some(visitor) = conversation.visitor_id {
            cx.read(topics::visitor(visitor));
        }
    }
    Ok(rows)
}

/// Returns the position of a conversation in the inbox; `None` if the filter excludes it.
async fn position_in_inbox(cx: &mut QueryCx, id: ConversationId, filter: InboxFilter) -> Result<Option<Position>> {
    let mut query = conversations::table
        .find(id)
        .filter(conversations::workspace_id.eq(filter.workspace))
        .select((conversations::activity_at, conversations::id))
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(conversations::status.eq(status));
    }
    if let Some(ai) = filter.ai {
        query = query.filter(sql::<Bool>(in_ai_state(ai)));
    }
    keyset::resolve(cx, Some(query)).await
}

/// Spelled out: a bound value cannot be matched with the index's condition.
const fn in_ai_state(filter: InboxAiFilter) -> &'static str {
    match filter {
        InboxAiFilter::AiHandled => "conversations.ai_workflow_state = 'ai_handled'",
        InboxAiFilter::Handoff => "conversations.ai_workflow_state = 'handoff'",
    }
}

/// A visitor's conversations, latest activity first, with each one's newest message.
pub(crate) async fn by_visitor(
    cx: &mut QueryCx,
    visitor: VisitorId,
    workspace: WorkspaceId,
    limit: i64,
) -> Result<Vec<PreviewRow>> {
    cx.read(topics::conversations_of_visitor(visitor));
    let query = conversations::table
        .left_join(messages::table.on(conversations::last_message_id.eq(messages::id.nullable())))
        .select((ConversationRow::as_select(), Option::<MessageRow>::as_select()))
        .filter(conversations::visitor_id.eq(visitor))
        .filter(conversations::workspace_id.eq(workspace))
        .order((conversations::activity_at.desc(), conversations::id.desc()));
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// How many messages a visitor has not read.
pub(crate) async fn unread_by_visitor(cx: &mut QueryCx, visitor: VisitorId, workspace: WorkspaceId) -> Result<i64> {
    cx.read(topics::conversations_of_visitor(visitor));
    let sum: Option<i64> = conversations::table
        .filter(conversations::visitor_id.eq(visitor))
        .filter(conversations::workspace_id.eq(workspace))
        .select(diesel::dsl::sum(conversations::unread_by_visitor))
        .first(cx.connection().await?)
        .await?;
    Ok(sum.unwrap_or(0))
}
