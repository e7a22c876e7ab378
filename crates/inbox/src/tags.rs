//! Tags: a workspace's own words for its conversations, and which conversation has which.

pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use opencom_contract::tags::{
    AddToConversation, AppliedBy, AppliedTag, Create, Get, GetConversationTags, List, Remove, RemoveFromConversation,
    Tag, Update,
};
use opencom_core::error::OrNotFound;
use opencom_core::id::{ConversationId, ConversationTagId, TagId, UserId, WorkspaceId};
use opencom_core::{Error, Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx};

use self::rows::{NewConversationTag, TagRow};
use crate::Inbox;
use crate::conversations::queries as conversations;

/// The most tags in one answer of `tags:list`.
const LIST_LIMIT: i64 = 10_000;
/// The most tags of a conversation in one answer.
const CONVERSATION_LIMIT: i64 = 1000;

impl Handle<List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Tag>> {
        if !cx.has(Permission::ConversationsRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        let rows = queries::by_workspace(cx, req.workspace_id, req.cursor, LIST_LIMIT).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl Handle<Get> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<Tag>> {
        let Some(row) = queries::by_id(cx, req.id).await? else {
            return Ok(None);
        };
        let allowed = cx.has(Permission::ConversationsRead, row.workspace_id).await?;
        Ok(allowed.then(|| row.into()))
    }
}

impl Handle<Create> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<TagId> {
        cx.require(Permission::ChecklistsManage, req.workspace_id).await?;
        let now = cx.now();
        let row = TagRow {
            id: TagId::generate(),
            workspace_id: req.workspace_id,
            name: req.name,
            color: req.color,
            created_at: now,
            updated_at: now,
        };
        store::insert(cx, &row).await?;
        Ok(row.id)
    }
}

impl Handle<Update> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Update) -> Result<TagId> {
        let row = managed(cx, req.id).await?;
        store::update(cx, &row, req.name.as_deref(), req.color.as_deref()).await?;
        Ok(row.id)
    }
}

impl Handle<Remove> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Remove) -> Result<()> {
        let row = managed(cx, req.id).await?;
        store::delete(cx, &row).await
    }
}

impl Handle<AddToConversation> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: AddToConversation) -> Result<ConversationTagId> {
        let (caller, workspace_id) = linking(cx, req.conversation_id, req.tag_id).await?;
        if req.applied_by_user_id.is_some_and(|user| user != caller) {
            return Err(Error::not_authorized("Cannot apply tag on behalf of another user"));
        }
        let link = NewConversationTag {
            id: ConversationTagId::generate(),
            workspace_id,
            conversation_id: req.conversation_id,
            tag_id: req.tag_id,
            applied_by: req.applied_by.unwrap_or(AppliedBy::Manual),
            applied_by_user_id: Some(caller),
            created_at: cx.now(),
        };
        store::link(cx, link).await
    }
}

impl Handle<RemoveFromConversation> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: RemoveFromConversation) -> Result<()> {
        linking(cx, req.conversation_id, req.tag_id).await?;
        store::unlink(cx, req.conversation_id, req.tag_id).await
    }
}

impl Handle<GetConversationTags> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: GetConversationTags) -> Result<Vec<AppliedTag>> {
        let Some(parties) = conversations::parties(cx, req.conversation_id).await? else {
            return Ok(Vec::new());
        };
        if !cx.has(Permission::ConversationsRead, parties.workspace_id).await? {
            return Ok(Vec::new());
        }
        let rows = queries::by_conversation(cx, req.conversation_id, CONVERSATION_LIMIT).await?;
        Ok(rows.into_iter().map(rows::applied).collect())
    }
}

/// A tag that the caller may change.
async fn managed(cx: &mut MutationCx, id: TagId) -> Result<TagRow> {
    cx.agent().await?;
    let row = queries::by_id(cx, id).await?.or_not_found("Tag")?;
    cx.require(Permission::ChecklistsManage, row.workspace_id).await?;
    Ok(row)
}

/// Authorizes the caller to tag this conversation with this tag; returns the caller and the workspace. The tag stays until the
/// end of the transaction.
async fn linking(cx: &mut MutationCx, conversation: ConversationId, tag: TagId) -> Result<(UserId, WorkspaceId)> {
    cx.agent().await?;
    let conversation = conversations::parties(cx, conversation)
        .await?
        .or_not_found("Conversation")?;
    let tag = queries::hold(cx, tag).await?.or_not_found("Tag")?;
    let caller = cx
        .require(Permission::ConversationsAssign, conversation.workspace_id)
        .await?;
    if tag.workspace_id != conversation.workspace_id {
        return Err(Error::invalid(
            "tagId",
            "Tag and conversation belong to different workspaces",
        ));
    }
    Ok((caller.id, conversation.workspace_id))
}
