//! Writes of workspaces and of the memberships in them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::workspaces::HelpCenterAccessPolicy;
use opencom_core::id::{UserId, WorkspaceId, WorkspaceMemberId};
use opencom_core::{Millis, Result, Role};
use opencom_runtime::topic::Everything;
use opencom_runtime::{MutationCx, Topic};
use opencom_schema::{workspace_members, workspaces};

use super::rows::{NewWorkspace, WorkspaceRow};

#[derive(Insertable)]
#[diesel(table_name = workspace_members)]
#[diesel(treat_none_as_default_value = false)]
struct NewMember {
    id: WorkspaceMemberId,
    user_id: UserId,
    workspace_id: WorkspaceId,
    role: Role,
    created_at: Millis,
}

/// A new workspace with an open help center and this user as its owner.
pub(crate) async fn insert_owned_by(cx: &mut MutationCx, owner: UserId, name: &str) -> Result<WorkspaceRow> {
    let row = NewWorkspace {
        id: WorkspaceId::generate(),
        name,
        created_at: cx.now(),
        help_center_access_policy: HelpCenterAccessPolicy::Public,
    };
    cx.write(Topic::Workspace(row.id));
    cx.write(Topic::Workspaces(Everything));
    let workspace: WorkspaceRow = diesel::insert_into(workspaces::table)
        .values(row)
        .returning(WorkspaceRow::as_returning())
        .get_result(cx.connection().await?)
        .await?;
    insert_members(cx, owner, &[(workspace.id, Role::Owner)]).await?;
    Ok(workspace)
}

/// Makes the user a member of workspaces; those that they belong to already stay as they are.
pub(crate) async fn insert_members(cx: &mut MutationCx, user: UserId, roles: &[(WorkspaceId, Role)]) -> Result<()> {
    let created_at = cx.now();
    let rows: Vec<NewMember> = roles
        .iter()
        .map(|&(workspace_id, role)| NewMember {
            id: WorkspaceMemberId::generate(),
            user_id: user,
            workspace_id,
            role,
            created_at,
        })
        .collect();
    cx.write(Topic::MembershipsOfUser(user));
    for row in &rows {
        cx.write(Topic::MembersOfWorkspace(row.workspace_id));
    }
    diesel::insert_into(workspace_members::table)
        .values(rows)
        .on_conflict((workspace_members::user_id, workspace_members::workspace_id))
        .do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Locks a workspace until the end of the transaction and gives its name.
pub(crate) async fn lock_name(cx: &mut MutationCx, id: WorkspaceId) -> Result<Option<String>> {
    let name = workspaces::table
        .find(id)
        .select(workspaces::name)
        .for_no_key_update()
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(name)
}

pub(crate) async fn rename(cx: &mut MutationCx, id: WorkspaceId, name: &str) -> Result<()> {
    cx.write(Topic::Workspace(id));
    cx.write(Topic::Workspaces(Everything));
    diesel::update(workspaces::table.find(id))
        .set(workspaces::name.eq(name))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}
