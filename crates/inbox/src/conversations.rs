//! Conversations: who sees them, how they open, close and change hands, and what counts as read.
//!
//! Where a rule needs the row and the caller, the caller is asked about first: somebody unknown never learns whether a
//! conversation exists.

pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use opencom_contract::conversations::{
    AiWorkflowState, Assign, Conversation, ConversationPreview, ConversationStatus, Create, CreateForVisitor, Get,
    GetOrCreateForVisitor, GetTotalUnreadForVisitor, InboxPage, List, ListByVisitor, ListForInbox, MarkAsRead,
    ReaderType, UpdateStatus,
};
use opencom_core::error::OrNotFound;
use opencom_core::id::{ConversationId, MessageId, VisitorId, WorkspaceId};
use opencom_core::{Error, Int, Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx, keyset};

use self::queries::InboxFilter;
use self::rows::{ConversationRow, NewConversation, Parties};
use crate::given::given;
use crate::messages::post;
use crate::{Inbox, visitors};

/// The first message of every conversation that a visitor opens.
const GREETING: &str = "Hi! How can we help you today?";
/// The most conversations in one answer of `conversations:list`.
const LIST_LIMIT: i64 = 10_000;
/// The most conversations of a visitor in one answer.
const VISITOR_LIMIT: i64 = 1000;
/// A page of the inbox unless asked otherwise.
const PAGE: i64 = 50;
/// The largest page of the inbox.
const LONGEST_PAGE: i64 = 100;

impl Handle<List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Conversation>> {
        if !cx.has(Permission::ConversationsRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        let rows = queries::by_workspace(cx, req.workspace_id, req.status, req.cursor, LIST_LIMIT).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl Handle<Get> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<Conversation>> {
        let Some(row) = queries::by_id(cx, req.id).await? else {
            return Ok(None);
        };
        let allowed = is_asked_by_its_visitor(cx, &row, &req).await?
            || cx.has(Permission::ConversationsRead, row.workspace_id).await?;
        Ok(allowed.then(|| row.into()))
    }
}

impl Handle<Create> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<ConversationId> {
        cx.require(Permission::ConversationsReply, req.workspace_id).await?;
        if let Some(visitor) = req.visitor_id
            && !queries::lock_visitor(cx, visitor, req.workspace_id).await?
        {
            return Err(Error::not_found("Visitor"));
        }
        if let Some(user) = req.user_id {
            cx.membership(user, req.workspace_id).await?.or_not_found("User")?;
        }
        let now = cx.now();
        let conversation = NewConversation {
            id: ConversationId::generate(),
            workspace_id: req.workspace_id,
            visitor_id: req.visitor_id,
            user_id: req.user_id,
            status: ConversationStatus::Open,
            channel: None,
            subject: None,
            created_at: now,
            updated_at: now,
            last_message_at: None,
            last_message_id: None,
            ai_workflow_state: AiWorkflowState::None,
        };
        Ok(store::insert(cx, conversation).await?.id)
    }
}

impl Handle<CreateForVisitor> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: CreateForVisitor) -> Result<Conversation> {
        let visitor = locked_visitor(cx, &req.session_token, req.workspace_id).await?;
        open_for_visitor(cx, visitor, req.workspace_id).await
    }
}

impl Handle<GetOrCreateForVisitor> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: GetOrCreateForVisitor) -> Result<Conversation> {
        let visitor = locked_visitor(cx, &req.session_token, req.workspace_id).await?;
        match queries::oldest_open(cx, visitor, req.workspace_id).await? {
            Some(row) => Ok(row.into()),
            None => open_for_visitor(cx, visitor, req.workspace_id).await,
        }
    }
}

impl Handle<UpdateStatus> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateStatus) -> Result<()> {
        let parties = for_agent(cx, req.id, Permission::ConversationsClose).await?;
        store::set_status(cx, parties, req.status).await
    }
}

impl Handle<Assign> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Assign) -> Result<()> {
        let parties = for_agent(cx, req.id, Permission::ConversationsAssign).await?;
        cx.membership(req.agent_id, parties.workspace_id)
            .await?
            .or_not_found("User")?;
        store::assign(cx, parties, req.agent_id).await
    }
}

impl Handle<MarkAsRead> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: MarkAsRead) -> Result<()> {
        let parties = match req.reader_type {
            ReaderType::Agent => for_agent(cx, req.id, Permission::ConversationsRead).await?,
            ReaderType::Visitor => {
                let session = cx.session_by_token(req.session_token.as_deref()).await?;
                let parties = queries::parties(cx, req.id).await?.or_not_found("Conversation")?;
                let session = session.in_workspace(parties.workspace_id, cx.now())?;
                if parties.visitor_id != Some(session.visitor_id) {
                    return Err(Error::not_authorized("Not authorized"));
                }
                parties
            }
        };
        store::mark_as_read(cx, parties, req.reader_type).await
    }
}

impl Handle<GetTotalUnreadForVisitor> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: GetTotalUnreadForVisitor) -> Result<Int> {
        let (Some(token), Some(workspace)) = (given(req.session_token.as_deref()), req.workspace_id) else {
            return Ok(Int(0));
        };
        let session = cx.visitor(Some(token), workspace).await?;
        Ok(Int(queries::unread_by_visitor(cx, session.visitor_id, workspace).await?))
    }
}

impl Handle<ListByVisitor> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: ListByVisitor) -> Result<Vec<ConversationPreview>> {
        let (Some(token), Some(workspace)) = (given(req.session_token.as_deref()), req.workspace_id) else {
            return Ok(Vec::new());
        };
        let session = cx.visitor(Some(token), workspace).await?;
        let rows = queries::by_visitor(cx, session.visitor_id, workspace, VISITOR_LIMIT).await?;
        Ok(rows.into_iter().map(rows::preview).collect())
    }
}

impl Handle<ListForInbox> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: ListForInbox) -> Result<InboxPage> {
        if !cx.has(Permission::ConversationsRead, req.workspace_id).await? {
            return Ok(InboxPage {
                conversations: Vec::new(),
                next_cursor: None,
            });
        }
        let limit = page_size(req.limit);
        let filter = InboxFilter {
            workspace: req.workspace_id,
            status: req.status,
            ai: req.ai_workflow_state,
        };
        let cursor = req.cursor.as_deref().and_then(|cursor| cursor.parse().ok());
        let mut rows = queries::inbox(cx, filter, cursor, limit + 1).await?;
        let is_followed = keyset::cut_page(&mut rows, limit);
        let next_cursor = (rows.last().filter(|_| is_followed)).map(|(conversation, _, _)| conversation.id);
        Ok(InboxPage {
            conversations: rows.into_iter().map(rows::inbox_row).collect(),
            next_cursor,
        })
    }
}

fn page_size(limit: Option<Int>) -> i64 {
    limit.map_or(PAGE, |limit| limit.0.clamp(1, LONGEST_PAGE))
}

/// Whose a conversation is, for a signed-in agent with a permission in its workspace.
async fn for_agent(cx: &mut QueryCx, id: ConversationId, permission: Permission) -> Result<Parties> {
    cx.agent().await?;
    let parties = queries::parties(cx, id).await?.or_not_found("Conversation")?;
    cx.require(permission, parties.workspace_id).await?;
    Ok(parties)
}

/// Whether the visitor's side of a request names the conversation's visitor: by token when there is one, otherwise, as
/// today's widget does, by the bare id or one that was merged into it.
async fn is_asked_by_its_visitor(cx: &mut QueryCx, row: &ConversationRow, req: &Get) -> Result<bool> {
    let Some(owner) = row.visitor_id else { return Ok(false) };
    if let Some(token) = given(req.session_token.as_deref()) {
        let session = cx.visitor_if_valid(Some(token), row.workspace_id).await?;
        return Ok(session.is_some_and(|session| session.visitor_id == owner));
    }
    let Some(visitor) = req.visitor_id.filter(|_| !cx.server().strict_visitors) else {
        return Ok(false);
    };
    let is_owner = visitor == owner || visitors::queries::resolve_alias(cx, visitor).await? == owner;
    Ok(is_owner && visitors::queries::by_id(cx, owner).await?.is_some())
}

/// The visitor of a token, locked.
async fn locked_visitor(cx: &mut MutationCx, token: &str, workspace: WorkspaceId) -> Result<VisitorId> {
    let visitor = cx.visitor(Some(token), workspace).await?.visitor_id;
    if queries::lock_visitor(cx, visitor, workspace).await? {
        Ok(visitor)
    } else {
        Err(Error::not_authorized(
            "Not authorized: visitor does not belong to this workspace",
        ))
    }
}

/// Opens a conversation with the greeting. All stamps are equal: the widget knows an empty draft by that.
async fn open_for_visitor(cx: &mut MutationCx, visitor: VisitorId, workspace: WorkspaceId) -> Result<Conversation> {
    let now = cx.now();
    let greeting = MessageId::generate();
    let conversation = NewConversation {
        id: ConversationId::generate(),
        workspace_id: workspace,
        visitor_id: Some(visitor),
        user_id: None,
        status: ConversationStatus::Open,
        channel: None,
        subject: None,
        created_at: now,
        updated_at: now,
        last_message_at: Some(now),
        last_message_id: Some(greeting),
        ai_workflow_state: AiWorkflowState::None,
    };
    let row = store::insert(cx, conversation).await?;
    let parties = Parties {
        id: row.id,
        workspace_id: row.workspace_id,
        visitor_id: row.visitor_id,
    };
    post::greet(cx, parties, greeting, GREETING).await?;
    Ok(row.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_inbox_have_1_to_100_rows() {
        for (limit, size) in [
            (None, 50),
            (Some(0), 1),
            (Some(-5), 1),
            (Some(10), 10),
            (Some(1000), 100),
        ] {
            assert_eq!(page_size(limit.map(Int)), size, "{limit:?}");
        }
    }
}
