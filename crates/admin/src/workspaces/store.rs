//! Writes of workspaces and of the memberships in them.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::workspaces::{AuthMethod, HelpCenterAccessPolicy, IdentityVerificationMode, SignupMode};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceMemberId};
use opencom_core::{Millis, Result, Role};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Everything;
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
    cx.write(topics::workspace(row.id));
    cx.write(topics::workspaces(Everything));
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
    cx.write(topics::memberships_of_user(user));
    for row in &rows {
        cx.write(topics::members_of_workspace(row.workspace_id));
    }
    diesel::insert_into(workspace_members::table)
        .values(rows)
        .on_conflict((workspace_members::user_id, workspace_members::workspace_id))
        .do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Locks a workspace until the end of the transaction.
pub(crate) async fn lock(cx: &mut MutationCx, id: WorkspaceId) -> Result<Option<WorkspaceRow>> {
    let row = WorkspaceRow::query()
        .find(id)
        .for_no_key_update()
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
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
    cx.write(topics::workspace(id));
    cx.write(topics::workspaces(Everything));
    diesel::update(workspaces::table.find(id))
        .set(workspaces::name.eq(name))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

pub(crate) async fn set_allowed_origins(cx: &mut MutationCx, id: WorkspaceId, origins: &[String]) -> Result<()> {
    cx.write(topics::workspace(id));
    diesel::update(workspaces::table.find(id))
        .set(workspaces::allowed_origins.eq(origins))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Sets who may join, and gives the ways to sign in that hold from now on.
pub(crate) async fn set_signup(
    cx: &mut MutationCx,
    id: WorkspaceId,
    mode: SignupMode,
    domains: &[String],
    methods: Option<&[AuthMethod]>,
) -> Result<Option<Vec<AuthMethod>>> {
    cx.write(topics::workspace(id));
    let methods = methods.map(|methods| workspaces::auth_methods.eq(methods));
    let holding = diesel::update(workspaces::table.find(id))
        .set((
            workspaces::signup_mode.eq(mode),
            workspaces::allowed_domains.eq(domains),
            methods,
        ))
        .returning(workspaces::auth_methods)
        .get_result(cx.connection().await?)
        .await?;
    Ok(holding)
}

/// Which workspace a page without further clues belongs to may depend on it.
pub(crate) async fn set_help_center_access_policy(
    cx: &mut MutationCx,
    id: WorkspaceId,
    policy: HelpCenterAccessPolicy,
) -> Result<()> {
    cx.write(topics::workspace(id));
    cx.write(topics::workspaces(Everything));
    diesel::update(workspaces::table.find(id))
        .set(workspaces::help_center_access_policy.eq(policy))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// What changes of identity verification; what is absent stays.
#[derive(AsChangeset, Default)]
#[diesel(table_name = workspaces)]
pub(crate) struct IdentityChange {
    #[diesel(column_name = identity_verification_enabled)]
    pub(crate) enabled: Option<bool>,
    #[diesel(column_name = identity_verification_mode)]
    pub(crate) mode: Option<IdentityVerificationMode>,
    #[diesel(column_name = identity_secret_sealed)]
    pub(crate) secret_sealed: Option<Vec<u8>>,
}

pub(crate) async fn set_identity(cx: &mut MutationCx, id: WorkspaceId, change: IdentityChange) -> Result<()> {
    cx.write(topics::workspace(id));
    diesel::update(workspaces::table.find(id))
        .set(change)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}
