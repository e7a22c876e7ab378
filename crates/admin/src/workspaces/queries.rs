//! Reads of workspaces and of the memberships in them.

use crate::topics;
use diesel::prelude::*;
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::{Result, Role};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Everything;
use opencom_schema::{workspace_members, workspaces};

use super::rows::WorkspaceRow;

/// More workspaces of one user are not shown.
const MEMBERSHIPS: i64 = 1000;

pub(crate) async fn by_id(cx: &mut QueryCx, id: WorkspaceId) -> Result<Option<WorkspaceRow>> {
    cx.read(topics::workspace(id));
    Ok(WorkspaceRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

pub(crate) async fn oldest(cx: &mut QueryCx) -> Result<Option<WorkspaceRow>> {
    cx.read(topics::workspaces(Everything));
    let row = WorkspaceRow::query()
        .order((workspaces::created_at, workspaces::id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row.inspect(|row: &WorkspaceRow| cx.read(topics::workspace(row.id))))
}

pub(super) async fn oldest_by_name(cx: &mut QueryCx, name: &str) -> Result<Option<WorkspaceRow>> {
    cx.read(topics::workspaces(Everything));
    let row = WorkspaceRow::query()
        .filter(workspaces::name.eq(name))
        .order((workspaces::created_at, workspaces::id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row.inspect(|row: &WorkspaceRow| cx.read(topics::workspace(row.id))))
}

/// The oldest workspace of that name that the user belongs to.
pub(super) async fn own_by_name(cx: &mut QueryCx, user: UserId, name: &str) -> Result<Option<WorkspaceId>> {
    cx.read(topics::workspaces(Everything));
    cx.read(topics::memberships_of_user(user));
    let id = workspaces::table
        .inner_join(workspace_members::table.on(workspace_members::workspace_id.eq(workspaces::id)))
        .filter(workspace_members::user_id.eq(user))
        .filter(workspaces::name.eq(name))
        .order((workspaces::created_at, workspaces::id))
        .select(workspaces::id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(id)
}

/// The user's workspaces with their role there, in the order in which they joined.
pub(crate) async fn of_member(cx: &mut QueryCx, user: UserId) -> Result<Vec<(WorkspaceRow, Role)>> {
    cx.read(topics::memberships_of_user(user));
    let rows: Vec<(WorkspaceRow, Role)> = workspaces::table
        .inner_join(workspace_members::table.on(workspace_members::workspace_id.eq(workspaces::id)))
        .filter(workspace_members::user_id.eq(user))
        .order((workspace_members::created_at, workspace_members::id))
        .limit(MEMBERSHIPS)
        .select((WorkspaceRow::as_select(), workspace_members::role))
        .load(cx.connection().await?)
        .await?;
    for (row, _) in &rows {
        cx.read(topics::workspace(row.id));
    }
    Ok(rows)
}
