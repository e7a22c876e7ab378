//! Snippets: texts that members paste into their answers.

use bon::Builder;
use opencom_core::id::{ContentFolderId, SnippetId, UserId, WorkspaceId};
use opencom_core::{Millis, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::Event;
use crate::done::Done;
use crate::function::{functions, permitted};
use crate::limits;

functions! {
    List: query "snippets:list" -> Vec<Snippet>, permitted(Permission::SnippetsManage);
    Get: query "snippets:get" -> Snippet, permitted(Permission::SnippetsManage);
    Search: query "snippets:search" -> Vec<Snippet>, permitted(Permission::SnippetsManage);
    GetByShortcut: query "snippets:getByShortcut" -> Option<Snippet>, permitted(Permission::SnippetsManage);
    Create: mutation "snippets:create" -> SnippetId, permitted(Permission::SnippetsManage);
    Update: mutation "snippets:update" -> SnippetId, permitted(Permission::SnippetsManage);
    Remove: mutation "snippets:remove" -> Done, permitted(Permission::SnippetsManage);
}

/// A snippet was created, or its name or its text was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnippetSaved {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The snippet.
    pub id: SnippetId,
}

impl Event for SnippetSaved {}

/// A snippet was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnippetRemoved {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The snippet.
    pub id: SnippetId,
}

impl Event for SnippetRemoved {}

/// Snippets of a workspace by name, as English readers sort them. At most 10 000; `cursor` continues.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The last snippet of the previous page.
    pub cursor: Option<SnippetId>,
}

/// A snippet.
///
/// # Errors
/// `NOT_FOUND` for an unknown one.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Get {
    /// The snippet.
    pub id: SnippetId,
}

/// The 20 oldest snippets with this text in name, shortcut or content, letter case aside.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Search {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Part of a text, not trimmed; an empty one is part of every text.
    #[validate(length(max = limits::IDENTIFIER))]
    pub query: String,
}

/// The snippet with a shortcut, letter case counting; the oldest one for the empty shortcut.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetByShortcut {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The shortcut.
    #[validate(length(max = limits::IDENTIFIER))]
    pub shortcut: String,
}

/// Makes a snippet. Texts are stored as they are.
///
/// # Errors
/// `NOT_AUTHORIZED` for another maker than the caller, `ALREADY_EXISTS` when the workspace has one with the shortcut.
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
    /// The text.
    #[validate(length(max = limits::MESSAGE))]
    pub content: String,
    /// What members type for it; the only one of its kind in the workspace unless empty.
    #[validate(length(max = limits::IDENTIFIER))]
    pub shortcut: Option<String>,
    /// Nobody but the caller. Absent: the snippet does not say who made it.
    pub created_by: Option<UserId>,
}

/// Changes a snippet. What is not given stays.
///
/// # Errors
/// `NOT_FOUND` for an unknown one, `ALREADY_EXISTS` when another one has the shortcut.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Update {
    /// The snippet.
    pub id: SnippetId,
    /// The new name.
    #[validate(length(max = limits::IDENTIFIER))]
    pub name: Option<String>,
    /// The new text.
    #[validate(length(max = limits::MESSAGE))]
    pub content: Option<String>,
    /// The new shortcut.
    #[validate(length(max = limits::IDENTIFIER))]
    pub shortcut: Option<String>,
    /// Whatever it is: takes the snippet out of its folder.
    pub folder_id: Option<ContentFolderId>,
}

/// Deletes a snippet.
///
/// # Errors
/// `NOT_FOUND` for an unknown one.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Remove {
    /// The snippet.
    pub id: SnippetId,
}

/// A snippet.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snippet {
    /// The snippet's id.
    #[serde(rename = "_id")]
    pub id: SnippetId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The name.
    pub name: String,
    /// The text.
    pub content: String,
    /// What members type for it.
    pub shortcut: Option<String>,
    /// The folder that it lies in.
    pub folder_id: Option<ContentFolderId>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Millis,
    /// The last change.
    pub updated_at: Millis,
}
