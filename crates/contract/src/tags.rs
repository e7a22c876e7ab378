//! Tags of conversations.

use bon::Builder;
use opencom_core::id::{ConversationId, ConversationTagId, TagId, UserId, WorkspaceId};
use opencom_core::{Millis, Permission, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::function::{functions, permitted};
use crate::limits;

functions! {
    List: query "tags:list" -> Vec<Tag>, permitted(Permission::ConversationsRead).or("[]");
    Get: query "tags:get" -> Option<Tag>, permitted(Permission::ConversationsRead).or("null");
    Create: mutation "tags:create" -> TagId, permitted(Permission::ChecklistsManage);
    Update: mutation "tags:update" -> TagId, permitted(Permission::ChecklistsManage);
    Remove: mutation "tags:remove" -> (), permitted(Permission::ChecklistsManage);
    AddToConversation: mutation "tags:addToConversation" -> ConversationTagId,
        permitted(Permission::ConversationsAssign);
    RemoveFromConversation: mutation "tags:removeFromConversation" -> (), permitted(Permission::ConversationsAssign);
    GetConversationTags: query "tags:getConversationTags" -> Vec<AppliedTag>,
        permitted(Permission::ConversationsRead).or("[]");
}

/// Tags of a workspace, oldest first. At most 10 000; `cursor` continues.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The last tag of the previous page.
    pub cursor: Option<TagId>,
}

/// A tag; `null` for whoever may not read conversations.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Get {
    /// The tag.
    pub id: TagId,
}

/// Makes a tag. Its name is stored as it is and is the only one of its kind in the workspace, letter case counting.
///
/// # Errors
/// `ALREADY_EXISTS` when the workspace has one of that name.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Create {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The name.
    #[validate(length(max = limits::IDENTIFIER))]
    pub name: String,
    /// Any text.
    #[validate(length(max = limits::NAME))]
    pub color: Option<String>,
}

/// Renames or recolours a tag. What is not given stays.
///
/// # Errors
/// `NOT_FOUND` for an unknown one, `ALREADY_EXISTS` when another one has the name.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Update {
    /// The tag.
    pub id: TagId,
    /// The new name.
    #[validate(length(max = limits::IDENTIFIER))]
    pub name: Option<String>,
    /// The new colour.
    #[validate(length(max = limits::NAME))]
    pub color: Option<String>,
}

/// Deletes a tag and takes it off every conversation.
///
/// # Errors
/// `NOT_FOUND` for an unknown one.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Remove {
    /// The tag.
    pub id: TagId,
}

/// Puts a tag on a conversation. Doing so twice changes nothing.
///
/// # Errors
/// `NOT_FOUND` for an unknown conversation or tag, `INVALID_INPUT` for those of different workspaces.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct AddToConversation {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// A tag of its workspace.
    pub tag_id: TagId,
    /// Default `manual`.
    pub applied_by: Option<AppliedBy>,
    /// Nobody but the caller, which is the default.
    pub applied_by_user_id: Option<UserId>,
}

/// Takes a tag off a conversation, if it is there.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RemoveFromConversation {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// A tag of its workspace.
    pub tag_id: TagId,
}

/// Tags of a conversation in the order in which they were applied, at most 1000.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetConversationTags {
    /// The conversation.
    pub conversation_id: ConversationId,
}

text_enum! {
    /// How a tag came to a conversation.
    pub enum AppliedBy {
        /// Somebody put it there.
        Manual = "manual",
        /// A rule did.
        Auto = "auto",
    }
}

/// A tag.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// The tag's id.
    #[serde(rename = "_id")]
    pub id: TagId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The name.
    pub name: String,
    /// The colour.
    pub color: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// The last change.
    pub updated_at: Millis,
}

/// A tag on a conversation.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedTag {
    /// The tag.
    #[serde(flatten)]
    pub tag: Tag,
    /// How it came there.
    pub applied_by: Option<AppliedBy>,
    /// Who put it there.
    pub applied_by_user_id: Option<UserId>,
    /// When.
    pub applied_at: Millis,
}
