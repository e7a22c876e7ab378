//! Writes of `collections`.

use crate::topics;
use diesel::prelude::*;
use opencom_core::Result;
use opencom_core::id::{CollectionId, WorkspaceId};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::collections;

use super::rows::{CollectionChanges, CollectionRow};

/// Makes a collection.
pub(crate) async fn insert(cx: &mut MutationCx, row: &CollectionRow) -> Result<()> {
    cx.write(topics::collections_of_workspace(row.workspace_id));
    diesel::insert_into(collections::table)
        .values(row)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Changes a collection of this workspace.
pub(crate) async fn update(
    cx: &mut MutationCx,
    id: CollectionId,
    workspace: WorkspaceId,
    changes: &CollectionChanges,
) -> Result<()> {
    cx.write(topics::collections_of_workspace(workspace));
    diesel::update(collections::table.find(id))
        .set(changes)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Deletes an empty collection of this workspace.
pub(crate) async fn delete(cx: &mut MutationCx, id: CollectionId, workspace: WorkspaceId) -> Result<()> {
    cx.write(topics::collections_of_workspace(workspace));
    diesel::delete(collections::table.find(id))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}
