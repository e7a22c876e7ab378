//! Members of workspaces: who they are, what they may do, and whom they invite.
//!
//! Changes of one workspace's members happen one after the other, under a lock on the workspace. Under it, whoever makes
//! the change is looked at again: what the cache knew may have been taken away a moment ago.

mod invitations;
mod mail;
pub(crate) mod queries;
mod rows;
mod rules;
mod store;

use std::sync::Arc;

use opencom_contract::audit_logs::InternalRecord;
use opencom_contract::auth::MyWorkspace;
use opencom_contract::done::Done;
use opencom_contract::workspace_members::{
    AcceptInvitation, Add, CancelInvitation, GetMemberRole, GetPendingInvitations, GetWorkspacePendingInvitations,
    Invitation, InviteToWorkspace, Invited, ListByUser, ListByWorkspace, Member, MemberRole, MyInvitation, Remove,
    TransferOwnership, UpdatePermissions, UpdateRole,
};
use opencom_core::error::OrNotFound;
use opencom_core::id::{WorkspaceId, WorkspaceMemberId};
use opencom_core::{Error, Permission, Result, Role};
use opencom_runtime::{ActionCx, Handle, MutationCx, Perform, QueryCx, Registry};
use serde_json::{Value, json};

pub use self::mail::SendInvitation;
use self::rows::MemberRow;
use crate::auth::workspaces_of;
use crate::workspaces::store as workspaces;
use crate::{Admin, audit};

pub(crate) fn register_jobs(service: &Arc<Admin>, registry: &mut Registry) {
    registry.job::<SendInvitation, _>(service);
}

impl Handle<ListByWorkspace> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: ListByWorkspace) -> Result<Vec<Member>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        queries::of_workspace(cx, req.workspace_id).await
    }
}

impl Handle<GetMemberRole> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetMemberRole) -> Result<Option<MemberRole>> {
        let member = cx.member_if_any(req.workspace_id).await?;
        Ok(member.map(|(_, membership)| MemberRole {
            role: membership.role,
            permissions: rows::own(membership.permissions),
            is_owner: membership.role == Role::Owner,
        }))
    }
}

impl Handle<ListByUser> for Admin {
    async fn handle(&self, cx: &mut QueryCx, _: ListByUser) -> Result<Vec<MyWorkspace>> {
        match cx.agent_if_any().await? {
            Some(agent) => workspaces_of(cx, agent.id).await,
            None => Ok(Vec::new()),
        }
    }
}

impl Handle<Add> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: Add) -> Result<WorkspaceMemberId> {
        let manager = manage(cx, Permission::UsersInvite, req.workspace_id).await?;
        rules::may_make(&manager, req.role)?;
        cx.user_by_id(req.user_id).await?.or_not_found("User")?;
        if let Some(member) = queries::of_user(cx, req.user_id, req.workspace_id).await? {
            return Ok(member.id);
        }
        let id = store::insert(cx, req.workspace_id, req.user_id, req.role.into()).await?;
        let metadata = json!({ "targetUserId": req.user_id, "role": req.role, "method": "direct_add" });
        audit::record(cx, entry(&manager, "user.invited", id, metadata)).await?;
        Ok(id)
    }
}

impl Handle<UpdateRole> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateRole) -> Result<Done> {
        let (manager, target) = manage_member(cx, Permission::UsersManage, req.membership_id).await?;
        let leads = queries::count_leaders(cx, target.workspace_id).await?;
        rules::may_change_role(&manager, &target, req.role, leads)?;
        let role = Role::from(req.role);
        let permissions: Vec<_> = role.permissions().map(Permission::as_str).collect();
        store::set_role(cx, &target, role, &permissions).await?;
        let metadata = json!({ "targetUserId": target.user_id, "previousRole": target.role, "newRole": role });
        audit::record(cx, entry(&manager, "user.role.changed", target.id, metadata)).await?;
        Ok(Done::DONE)
    }
}

impl Handle<UpdatePermissions> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdatePermissions) -> Result<Done> {
        let (manager, target) = manage_member(cx, Permission::UsersManage, req.membership_id).await?;
        rules::may_give(&manager, &target, &req.permissions)?;
        let permissions: Vec<_> = (Permission::ALL.iter())
            .filter(|permission| req.permissions.contains(permission))
            .map(|permission| permission.as_str())
            .collect();
        store::set_role(cx, &target, target.role, &permissions).await?;
        let metadata = json!({
            "targetUserId": target.user_id, "previousRole": target.role, "newRole": target.role,
            "permissions": permissions,
        });
        audit::record(cx, entry(&manager, "user.role.changed", target.id, metadata)).await?;
        Ok(Done::DONE)
    }
}

impl Handle<Remove> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: Remove) -> Result<Done> {
        let (manager, target) = manage_member(cx, Permission::UsersRemove, req.membership_id).await?;
        let leads = queries::count_leaders(cx, target.workspace_id).await?;
        rules::may_remove(&target, leads)?;
        store::delete(cx, &target).await?;
        let metadata = json!({ "removedUserId": target.user_id, "removedRole": target.role });
        audit::record(cx, entry(&manager, "user.removed", target.id, metadata)).await?;
        Ok(Done::DONE)
    }
}

impl Handle<TransferOwnership> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: TransferOwnership) -> Result<Done> {
        let agent = cx.agent().await?;
        workspaces::lock_name(cx, req.workspace_id).await?;
        let owner = queries::of_user(cx, agent.id, req.workspace_id)
            .await?
            .filter(|member| member.role == Role::Owner)
            .ok_or_else(|| Error::not_authorized("Only the workspace owner can transfer ownership"))?;
        if req.new_owner_id == agent.id {
            return Err(Error::invalid(
                "newOwnerId",
                "You are the owner of this workspace already",
            ));
        }
        let heir = queries::of_user(cx, req.new_owner_id, req.workspace_id)
            .await?
            .ok_or_else(rules::no_member)?;
        for (member, role) in [(&heir, Role::Owner), (&owner, Role::Admin)] {
            let permissions: Vec<_> = role.permissions().map(Permission::as_str).collect();
            store::set_role(cx, member, role, &permissions).await?;
        }
        let metadata = json!({ "previousOwnerId": owner.user_id, "newOwnerId": heir.user_id });
        audit::record(cx, entry(&owner, "user.ownership.transferred", heir.id, metadata)).await?;
        Ok(Done::DONE)
    }
}

impl Handle<InviteToWorkspace> for Admin {
    async fn handle(&self, cx: &mut ActionCx, req: InviteToWorkspace) -> Result<Invited> {
        self.invite(cx, &req).await
    }
}

impl Handle<CancelInvitation> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: CancelInvitation) -> Result<Done> {
        self.cancel_invitation(cx, req.invitation_id).await
    }
}

impl Handle<AcceptInvitation> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: AcceptInvitation) -> Result<Done> {
        self.accept_invitation(cx, req.invitation_id).await
    }
}

impl Handle<GetWorkspacePendingInvitations> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetWorkspacePendingInvitations) -> Result<Vec<Invitation>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        queries::invitations_of_workspace(cx, req.workspace_id).await
    }
}

impl Handle<GetPendingInvitations> for Admin {
    async fn handle(&self, cx: &mut QueryCx, _: GetPendingInvitations) -> Result<Vec<MyInvitation>> {
        let agent = cx.agent_if_any().await?;
        match agent.as_ref().and_then(|agent| agent.email.as_deref()) {
            Some(address) => queries::invitations_of_address(cx, address).await,
            None => Ok(Vec::new()),
        }
    }
}

impl Perform<SendInvitation> for Admin {
    async fn perform(&self, _: &mut ActionCx, job: SendInvitation) -> Result<()> {
        self.send_invitation(&job).await
    }
}

/// The caller with this permission, who changes members of a workspace from now on until the end of the transaction.
async fn manage(cx: &mut MutationCx, permission: Permission, workspace: WorkspaceId) -> Result<MemberRow> {
    let agent = cx.require(permission, workspace).await?;
    workspaces::lock_name(cx, workspace).await?.or_not_found("Workspace")?;
    let member = queries::of_user(cx, agent.id, workspace)
        .await?
        .ok_or_else(Error::not_workspace_member)?;
    if member.allows(permission) {
        Ok(member)
    } else {
        Err(Error::permission_denied(permission))
    }
}

/// The same, and the member whom the change is about.
async fn manage_member(
    cx: &mut MutationCx,
    permission: Permission,
    target: WorkspaceMemberId,
) -> Result<(MemberRow, MemberRow)> {
    cx.agent().await?;
    let before = queries::by_id(cx, target).await?.or_not_found("Membership")?;
    let manager = manage(cx, permission, before.workspace_id).await?;
    let target = queries::by_id(cx, target).await?.or_not_found("Membership")?;
    Ok((manager, target))
}

/// What a member did to a membership.
fn entry(manager: &MemberRow, action: &'static str, target: WorkspaceMemberId, metadata: Value) -> InternalRecord {
    InternalRecord::builder()
        .workspace_id(manager.workspace_id)
        .actor_id(manager.user_id)
        .action(action)
        .resource_type("workspaceMember")
        .resource_id(target.to_string())
        .metadata(metadata)
        .build()
}
