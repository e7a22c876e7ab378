//! Writes of the audit log's settings, and the deletion of what is old.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Timestamptz, Uuid};
use opencom_core::Result;
use opencom_core::id::{AuditLogSettingsId, WorkspaceId};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::audit_log_settings;

use crate::workspaces::store as workspaces;

use super::DEFAULT_RETENTION;

/// The oldest entries of each workspace whose time is over. By hand, because diesel knows no lateral joins.
const DELETE_OLD: &str = "DELETE FROM audit_logs WHERE id = ANY (ARRAY(
    SELECT old.id FROM workspaces
    LEFT JOIN audit_log_settings settings ON settings.workspace_id = workspaces.id
    CROSS JOIN LATERAL (
        SELECT entry.id FROM audit_logs entry
        WHERE entry.workspace_id = workspaces.id
            AND entry.timestamp < $1 - coalesce(settings.retention_days, $2) * interval '24 hours'
        ORDER BY entry.timestamp, entry.id LIMIT $3
    ) old
    WHERE $5 IS NULL OR workspaces.id = $5
    LIMIT $4
)) RETURNING workspace_id";

/// Sets for how many days entries are kept, and gives what was set before.
pub(super) async fn set_retention(cx: &mut MutationCx, workspace: WorkspaceId, days: i32) -> Result<Option<i32>> {
    // One at a time, so that each entry tells the value before.
    workspaces::lock_name(cx, workspace).await?;
    cx.write(topics::audit_log_settings(workspace));
    let now = cx.now();
    let before = audit_log_settings::table
        .filter(audit_log_settings::workspace_id.eq(workspace))
        .select(audit_log_settings::retention_days)
        .first(cx.connection().await?)
        .await
        .optional()?;
    diesel::insert_into(audit_log_settings::table)
        .values((
            audit_log_settings::id.eq(AuditLogSettingsId::generate()),
            audit_log_settings::workspace_id.eq(workspace),
            audit_log_settings::retention_days.eq(days),
            audit_log_settings::created_at.eq(now),
            audit_log_settings::updated_at.eq(now),
        ))
        .on_conflict(audit_log_settings::workspace_id)
        .do_update()
        .set((
            audit_log_settings::retention_days.eq(days),
            audit_log_settings::updated_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(before)
}

#[derive(QueryableByName)]
struct Deleted {
    #[diesel(sql_type = Uuid)]
    workspace_id: WorkspaceId,
}

/// Deletes entries whose time is over: up to `of_each` of a workspace and `at_once` altogether. Gives whose they were.
pub(super) async fn delete_old(
    cx: &mut MutationCx,
    workspace: Option<WorkspaceId>,
    of_each: i64,
    at_once: i64,
) -> Result<Vec<WorkspaceId>> {
    let now = cx.now();
    let deleted: Vec<Deleted> = diesel::sql_query(DELETE_OLD)
        .bind::<Timestamptz, _>(now)
        .bind::<Integer, _>(DEFAULT_RETENTION)
        .bind::<BigInt, _>(of_each)
        .bind::<BigInt, _>(at_once)
        .bind::<Nullable<Uuid>, _>(workspace)
        .get_results(cx.connection().await?)
        .await?;
    for row in &deleted {
        cx.write(topics::audit_of_workspace(row.workspace_id));
    }
    Ok(deleted.into_iter().map(|row| row.workspace_id).collect())
}
