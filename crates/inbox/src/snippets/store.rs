//! Writes of `snippets`.

use crate::topics;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use opencom_contract::snippets::Update;
use opencom_core::id::{ContentFolderId, SnippetId, WorkspaceId};
use opencom_core::{Error, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::database::broken_unique;
use opencom_schema::snippets;

use super::rows::{NewSnippet, SnippetRow};

/// Makes a snippet.
pub(crate) async fn insert(cx: &mut MutationCx, snippet: &NewSnippet<'_>) -> Result<()> {
    touched(cx, snippet.id, snippet.workspace_id);
    diesel::insert_into(snippets::table)
        .values(snippet)
        .execute(cx.connection().await?)
        .await
        .map_err(taken)?;
    Ok(())
}

/// Changes what is given; `None` when the snippet is gone meanwhile.
pub(crate) async fn update(cx: &mut MutationCx, row: &SnippetRow, req: &Update) -> Result<Option<SnippetRow>> {
    touched(cx, row.id, row.workspace_id);
    let now = cx.now();
    let after = diesel::update(snippets::table.find(row.id))
        .set((
            req.name.as_ref().map(|name| snippets::name.eq(name)),
            req.content.as_ref().map(|content| snippets::content.eq(content)),
            req.shortcut.as_ref().map(|shortcut| snippets::shortcut.eq(shortcut)),
            req.folder_id.map(|_| snippets::folder_id.eq(None::<ContentFolderId>)),
            snippets::updated_at.eq(now),
        ))
        .returning(SnippetRow::as_returning())
        .get_result(cx.connection().await?)
        .await
        .optional()
        .map_err(taken)?;
    Ok(after)
}

/// Deletes a snippet.
pub(crate) async fn delete(cx: &mut MutationCx, row: &SnippetRow) -> Result<()> {
    touched(cx, row.id, row.workspace_id);
    diesel::delete(snippets::table.find(row.id))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

fn taken(error: DieselError) -> Error {
    match broken_unique(&error) {
        Some("snippets_shortcut") => Error::already_exists("Shortcut already exists"),
        _ => error.into(),
    }
}

fn touched(cx: &mut MutationCx, id: SnippetId, workspace: WorkspaceId) {
    cx.write(topics::snippet(id));
    cx.write(topics::snippets_of_workspace(workspace));
}
