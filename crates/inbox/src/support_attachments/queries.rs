//! Reads of `support_attachments`.

use crate::topics;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use opencom_contract::support_attachments::AttachmentStatus;
use opencom_core::Result;
use opencom_core::id::{StoredFileId, SupportAttachmentId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{stored_files, support_attachments, workspaces};

use super::rows::AttachmentRow;

/// Attachments that are part of something, and whether their files are still there.
pub(crate) async fn attached(cx: &mut QueryCx, ids: &[SupportAttachmentId]) -> Result<Vec<(AttachmentRow, bool)>> {
    for id in ids {
        cx.read(topics::support_attachment(*id));
    }
    let rows: Vec<(AttachmentRow, bool)> = support_attachments::table
        .left_join(stored_files::table.on(support_attachments::file_id.eq(stored_files::id)))
        .select((AttachmentRow::as_select(), stored_files::id.nullable().is_not_null()))
        .filter(support_attachments::id.eq_any(ids))
        .filter(support_attachments::status.eq(AttachmentStatus::Attached))
        .load(cx.connection().await?)
        .await?;
    for (attachment, _) in &rows {
        cx.read(topics::stored_file(attachment.file_id));
    }
    Ok(rows)
}

/// Attachments of the workspace, locked in the order of their ids, so that two messages that take the same ones wait for
/// each other.
pub(crate) async fn lock(
    cx: &mut MutationCx,
    ids: &[SupportAttachmentId],
    workspace: WorkspaceId,
) -> Result<Vec<AttachmentRow>> {
    let rows = AttachmentRow::query()
        .filter(support_attachments::id.eq_any(ids))
        .filter(support_attachments::workspace_id.eq(workspace))
        .order(support_attachments::id)
        .for_update()
        .load(cx.connection().await?)
        .await?;
    Ok(rows)
}

/// The attachment that a file became.
pub(crate) async fn by_file(
    cx: &mut QueryCx,
    file: StoredFileId,
    workspace: WorkspaceId,
) -> Result<Option<AttachmentRow>> {
    let row = AttachmentRow::query()
        .filter(support_attachments::file_id.eq(file))
        .filter(support_attachments::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Attachments that no message took in time, locked, without those that another worker has.
pub(crate) async fn lock_expired(cx: &mut MutationCx, limit: i64) -> Result<Vec<(SupportAttachmentId, StoredFileId)>> {
    let now = cx.now();
    let rows = support_attachments::table
        .select((support_attachments::id, support_attachments::file_id))
        // Spelled out: a bound value cannot be matched with the index's condition.
        .filter(sql::<Bool>("status = 'staged'"))
        .filter(support_attachments::expires_at.lt(now))
        .order(support_attachments::expires_at)
        .limit(limit)
        .for_update()
        .skip_locked()
        .load(cx.connection().await?)
        .await?;
    Ok(rows)
}

/// Whether there is such a workspace.
pub(crate) async fn workspace_exists(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<bool> {
    let exists = diesel::dsl::exists(workspaces::table.find(workspace));
    Ok(diesel::select(exists).get_result(cx.connection().await?).await?)
}
