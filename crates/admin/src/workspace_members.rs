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

use async_trait::async_trait;
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
use opencom_runtime::audit::{Actor, AuditTrail, Entry};
use opencom_runtime::registry::Registration;
use opencom_runtime::{ActionCx, MutationCx, QueryCx};
use serde_json::{Value, json};

pub use self::mail::SendInvitation;
use self::rows::MemberRow;
use crate::auth::workspaces_of;
use crate::workspaces::store as workspaces;
use crate::{Admin, AdminService};

/// The functions of `workspaceMembers`.
#[async_trait]
pub trait WorkspaceMembers: Send + Sync {
    /// The members in the order in which they joined, for members with `users.read`; none for everybody else.
    async fn workspace_members_list_by_workspace(&self, cx: &mut QueryCx, req: ListByWorkspace) -> Result<Vec<Member>>;

    /// What the caller is in a workspace; `None` for whoever is no member.
    async fn workspace_members_get_member_role(
        &self,
        cx: &mut QueryCx,
        req: GetMemberRole,
    ) -> Result<Option<MemberRole>>;

    /// The caller's workspaces, in the order in which they joined; none for whoever is not signed in.
    async fn workspace_members_list_by_user(&self, cx: &mut QueryCx, req: ListByUser) -> Result<Vec<MyWorkspace>>;

    /// Makes a user a member, for members with `users.invite`. Who is one already stays as they are.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`, `NOT_FOUND`; `NOT_AUTHORIZED` for an admin made by
    /// somebody who is none.
    async fn workspace_members_add(&self, cx: &mut MutationCx, req: Add) -> Result<WorkspaceMemberId>;

    /// Gives a member another role with its permissions, for members with `users.manage`.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `INVALID_INPUT` for the owner and the
    /// last admin; `NOT_AUTHORIZED` for an admin made by somebody who is none, and for more than one has oneself.
    async fn workspace_members_update_role(&self, cx: &mut MutationCx, req: UpdateRole) -> Result<Done>;

    /// Gives a member permissions of their own, for members with `users.manage`. Nobody gives what they do not have.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `INVALID_INPUT` for the owner;
    /// `NOT_AUTHORIZED` for a permission that the caller does not have.
    async fn workspace_members_update_permissions(&self, cx: &mut MutationCx, req: UpdatePermissions) -> Result<Done>;

    /// Ends a membership, for members with `users.remove`.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `INVALID_INPUT` for the owner and the
    /// last admin.
    async fn workspace_members_remove(&self, cx: &mut MutationCx, req: Remove) -> Result<Done>;

    /// Makes another member the owner and the caller an admin, for owners alone, whatever their permissions.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`; `NOT_AUTHORIZED` for whoever is not the owner; `NOT_FOUND` for somebody who is no member;
    /// `INVALID_INPUT` for the owner.
    async fn workspace_members_transfer_ownership(&self, cx: &mut MutationCx, req: TransferOwnership) -> Result<Done>;

    /// Adds whoever has the address or invites them to sign up, for members with `users.invite`. Queues a mail.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `ALREADY_EXISTS` for a member and for an address
    /// that is invited; `NOT_AUTHORIZED` for an admin invited by somebody who is none; `INVALID_INPUT`; `RATE_LIMITED`.
    async fn workspace_members_invite_to_workspace(&self, cx: &mut ActionCx, req: InviteToWorkspace)
    -> Result<Invited>;

    /// Withdraws an invitation, for members with `users.manage`.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
    async fn workspace_members_cancel_invitation(&self, cx: &mut MutationCx, req: CancelInvitation) -> Result<Done>;

    /// Joins the workspace that invited the caller's address.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_FOUND`; `NOT_AUTHORIZED` for another address's and where the workspace does not admit the
    /// address; `INVALID_INPUT` when it waits no longer.
    async fn workspace_members_accept_invitation(&self, cx: &mut MutationCx, req: AcceptInvitation) -> Result<Done>;

    /// The invitations of a workspace that wait, for members with `users.read`; none for everybody else.
    async fn workspace_members_get_workspace_pending_invitations(
        &self,
        cx: &mut QueryCx,
        req: GetWorkspacePendingInvitations,
    ) -> Result<Vec<Invitation>>;

    /// The invitations that wait for the caller; none for whoever is not signed in.
    async fn workspace_members_get_pending_invitations(
        &self,
        cx: &mut QueryCx,
        req: GetPendingInvitations,
    ) -> Result<Vec<MyInvitation>>;

    /// Sends the mail about an invitation.
    async fn workspace_members_send_invitation(&self, cx: &mut ActionCx, job: SendInvitation) -> Result<()>;
}

pub(crate) fn register(of: &mut Registration<'_, dyn AdminService>) {
    of.query::<ListByWorkspace>(|s, cx, req| s.workspace_members_list_by_workspace(cx, req))
        .query::<GetMemberRole>(|s, cx, req| s.workspace_members_get_member_role(cx, req))
        .query::<ListByUser>(|s, cx, req| s.workspace_members_list_by_user(cx, req))
        .mutation::<Add>(|s, cx, req| s.workspace_members_add(cx, req))
        .mutation::<UpdateRole>(|s, cx, req| s.workspace_members_update_role(cx, req))
        .mutation::<UpdatePermissions>(|s, cx, req| s.workspace_members_update_permissions(cx, req))
        .mutation::<Remove>(|s, cx, req| s.workspace_members_remove(cx, req))
        .mutation::<TransferOwnership>(|s, cx, req| s.workspace_members_transfer_ownership(cx, req))
        .action::<InviteToWorkspace>(|s, cx, req| s.workspace_members_invite_to_workspace(cx, req))
        .mutation::<CancelInvitation>(|s, cx, req| s.workspace_members_cancel_invitation(cx, req))
        .mutation::<AcceptInvitation>(|s, cx, req| s.workspace_members_accept_invitation(cx, req))
        .query::<GetWorkspacePendingInvitations>(|s, cx, req| {
            s.workspace_members_get_workspace_pending_invitations(cx, req)
        })
        .query::<GetPendingInvitations>(|s, cx, req| s.workspace_members_get_pending_invitations(cx, req))
        .job::<SendInvitation>(|s, cx, job| s.workspace_members_send_invitation(cx, job));
}

#[async_trait]
impl WorkspaceMembers for Admin {
    async fn workspace_members_list_by_workspace(&self, cx: &mut QueryCx, req: ListByWorkspace) -> Result<Vec<Member>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        queries::of_workspace(cx, req.workspace_id).await
    }

    async fn workspace_members_get_member_role(
        &self,
        cx: &mut QueryCx,
        req: GetMemberRole,
    ) -> Result<Option<MemberRole>> {
        let member = cx.member_if_any(req.workspace_id).await?;
        Ok(member.map(|(_, membership)| MemberRole {
            role: membership.role,
            permissions: rows::own(membership.permissions),
            is_owner: membership.role == Role::Owner,
        }))
    }

    async fn workspace_members_list_by_user(&self, cx: &mut QueryCx, _: ListByUser) -> Result<Vec<MyWorkspace>> {
        match cx.agent_if_any().await? {
            Some(agent) => workspaces_of(cx, agent.id).await,
            None => Ok(Vec::new()),
        }
    }

    async fn workspace_members_add(&self, cx: &mut MutationCx, req: Add) -> Result<WorkspaceMemberId> {
        let manager = manage(cx, Permission::UsersInvite, req.workspace_id).await?;
        rules::may_make(&manager, req.role)?;
        cx.user_by_id(req.user_id).await?.or_not_found("User")?;
        if let Some(member) = queries::of_user(cx, req.user_id, req.workspace_id).await? {
            return Ok(member.id);
        }
        let id = store::insert(cx, req.workspace_id, req.user_id, req.role.into()).await?;
        let metadata = json!({ "targetUserId": req.user_id, "role": req.role, "method": "direct_add" });
        self.record(cx, entry(&manager, "user.invited", id, metadata)).await?;
        Ok(id)
    }

    async fn workspace_members_update_role(&self, cx: &mut MutationCx, req: UpdateRole) -> Result<Done> {
        let (manager, target) = manage_member(cx, Permission::UsersManage, req.membership_id).await?;
        let leads = queries::count_leaders(cx, target.workspace_id).await?;
        rules::may_change_role(&manager, &target, req.role, leads)?;
        let role = Role::from(req.role);
        let permissions: Vec<_> = role.permissions().map(Permission::as_str).collect();
        store::set_role(cx, &target, role, &permissions).await?;
        let metadata = json!({ "targetUserId": target.user_id, "previousRole": target.role, "newRole": role });
        self.record(cx, entry(&manager, "user.role.changed", target.id, metadata))
            .await?;
        Ok(Done::DONE)
    }

    async fn workspace_members_update_permissions(&self, cx: &mut MutationCx, req: UpdatePermissions) -> Result<Done> {
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
        self.record(cx, entry(&manager, "user.role.changed", target.id, metadata))
            .await?;
        Ok(Done::DONE)
    }

    async fn workspace_members_remove(&self, cx: &mut MutationCx, req: Remove) -> Result<Done> {
        let (manager, target) = manage_member(cx, Permission::UsersRemove, req.membership_id).await?;
        let leads = queries::count_leaders(cx, target.workspace_id).await?;
        rules::may_remove(&target, leads)?;
        store::delete(cx, &target).await?;
        let metadata = json!({ "removedUserId": target.user_id, "removedRole": target.role });
        self.record(cx, entry(&manager, "user.removed", target.id, metadata))
            .await?;
        Ok(Done::DONE)
    }

    async fn workspace_members_transfer_ownership(&self, cx: &mut MutationCx, req: TransferOwnership) -> Result<Done> {
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
        self.record(cx, entry(&owner, "user.ownership.transferred", heir.id, metadata))
            .await?;
        Ok(Done::DONE)
    }

    async fn workspace_members_invite_to_workspace(
        &self,
        cx: &mut ActionCx,
        req: InviteToWorkspace,
    ) -> Result<Invited> {
        self.invite(cx, &req).await
    }

    async fn workspace_members_cancel_invitation(&self, cx: &mut MutationCx, req: CancelInvitation) -> Result<Done> {
        self.cancel_invitation(cx, req.invitation_id).await
    }

    async fn workspace_members_accept_invitation(&self, cx: &mut MutationCx, req: AcceptInvitation) -> Result<Done> {
        self.accept_invitation(cx, req.invitation_id).await
    }

    async fn workspace_members_get_workspace_pending_invitations(
        &self,
        cx: &mut QueryCx,
        req: GetWorkspacePendingInvitations,
    ) -> Result<Vec<Invitation>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        queries::invitations_of_workspace(cx, req.workspace_id).await
    }

    async fn workspace_members_get_pending_invitations(
        &self,
        cx: &mut QueryCx,
        _: GetPendingInvitations,
    ) -> Result<Vec<MyInvitation>> {
        let agent = cx.agent_if_any().await?;
        match agent.as_ref().and_then(|agent| agent.email.as_deref()) {
            Some(address) => queries::invitations_of_address(cx, address).await,
            None => Ok(Vec::new()),
        }
    }

    async fn workspace_members_send_invitation(&self, _: &mut ActionCx, job: SendInvitation) -> Result<()> {
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
fn entry(manager: &MemberRow, action: &'static str, target: WorkspaceMemberId, metadata: Value) -> Entry {
    Entry {
        workspace_id: manager.workspace_id,
        actor: Actor::User(manager.user_id),
        action,
        resource_type: "workspaceMember",
        resource_id: Some(target.to_string()),
        metadata: Some(metadata),
    }
}
