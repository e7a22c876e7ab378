//! Rows of `snippets`.

use diesel::prelude::*;
use opencom_contract::snippets::Snippet;
use opencom_core::Millis;
use opencom_core::id::{ContentFolderId, SnippetId, UserId, WorkspaceId};
use opencom_schema::snippets;

/// A snippet's row, as far as it is shown.
#[derive(Clone, Debug, HasQuery, QueryableByName)]
#[diesel(table_name = snippets)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct SnippetRow {
    pub(crate) id: SnippetId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) content: String,
    pub(crate) shortcut: Option<String>,
    pub(crate) folder_id: Option<ContentFolderId>,
    pub(crate) created_by: Option<UserId>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// A snippet that is about to be stored.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = snippets)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewSnippet<'a> {
    pub(crate) id: SnippetId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: &'a str,
    pub(crate) content: &'a str,
    pub(crate) shortcut: Option<&'a str>,
    pub(crate) created_by: Option<UserId>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

impl From<SnippetRow> for Snippet {
    fn from(row: SnippetRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            name: row.name,
            content: row.content,
            shortcut: row.shortcut,
            folder_id: row.folder_id,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
