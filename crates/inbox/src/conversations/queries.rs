//! Reads of `conversations`.

use crate::topics;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use opencom_contract::conversations::{ConversationStatus, InboxAiFilter};
use opencom_core::id::{ConversationId, VisitorId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::RunQueryDsl;
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

/// A place in a list: everything after this moment and id.
pub(crate) type Position = (Millis, ConversationId);

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

/// Conversations of a workspace, newest first.
pub(crate) async fn by_workspace(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    status: Option<ConversationStatus>,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ConversationRow>> {
    cx.read(topics::conversations_of_workspace(workspace));
    let mut query = ConversationRow::query()
        .filter(conversations::workspace_id.eq(workspace))
        .order((conversations::created_at.desc(), conversations::id.desc()))
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(conversations::status.eq(status));
    }
    if let Some((at, id)) = after {
        // In this form the first condition bounds the index scan.
        query = query
            .filter(conversations::created_at.le(at))
            .filter(conversations::created_at.lt(at).or(conversations::id.lt(id)));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// Where a conversation stands in the order of [`by_workspace`].
pub(crate) async fn position_by_creation(
    cx: &mut QueryCx,
    id: ConversationId,
    workspace: WorkspaceId,
) -> Result<Option<Position>> {
    cx.read(topics::conversations_of_workspace(workspace));
    let position = conversations::table
        .find(id)
        .filter(conversations::workspace_id.eq(workspace))
        .select((conversations::created_at, conversations::id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(position)
}

/// The inbox, latest activity first, with each conversation's visitor and newest message.
pub(crate) async fn inbox(
    cx: &mut QueryCx,
    filter: InboxFilter,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<InboxEntry>> {
    cx.read(topics::conversations_of_workspace(filter.workspace));
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
    if let Some((at, id)) = after {
        query = query
            .filter(conversations::activity_at.le(at))
            .filter(conversations::activity_at.lt(at).or(conversations::id.lt(id)));
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

/// Where a conversation stands in the inbox; `None` when it is not among those that the filter admits.
pub(crate) async fn position_in_inbox(
    cx: &mut QueryCx,
    id: ConversationId,
    filter: InboxFilter,
) -> Result<Option<Position>> {
    cx.read(topics::conversations_of_workspace(filter.workspace));
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
    Ok(query.first(cx.connection().await?).await.optional()?)
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
