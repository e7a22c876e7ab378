//! Writes of members and invitations.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::workspace_members::{GivenRole, InvitationStatus};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceInvitationId, WorkspaceMemberId};
use opencom_core::{Error, Result, Role};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::database::overtaken;
use opencom_runtime::topic::Hashed;
use opencom_schema::{workspace_invitations, workspace_members};

use super::rows::{InvitationRow, MemberRow};

fn touch(cx: &mut MutationCx, user: UserId, workspace: WorkspaceId) {
    cx.write(topics::memberships_of_user(user));
    cx.write(topics::members_of_workspace(workspace));
}

/// Makes a user a member. Somebody who joins by himself at the same moment makes it fail, and the transaction run again.
pub(super) async fn insert(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    user: UserId,
    role: Role,
) -> Result<WorkspaceMemberId> {
    touch(cx, user, workspace);
    let (id, now) = (WorkspaceMemberId::generate(), cx.now());
    let inserted = diesel::insert_into(workspace_members::table)
        .values((
            workspace_members::id.eq(id),
            workspace_members::user_id.eq(user),
            workspace_members::workspace_id.eq(workspace),
            workspace_members::role.eq(role),
            workspace_members::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    if inserted == 0 {
        return Err(overtaken("a user who joined at the same moment"));
    }
    Ok(id)
}

/// Gives a member a role and a list of permissions.
pub(super) async fn set_role(cx: &mut MutationCx, member: &MemberRow, role: Role, permissions: &[&str]) -> Result<()> {
    touch(cx, member.user_id, member.workspace_id);
    diesel::update(workspace_members::table.find(member.id))
        .set((
            workspace_members::role.eq(role),
            workspace_members::permissions.eq(permissions),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Ends a membership.
pub(super) async fn delete(cx: &mut MutationCx, member: &MemberRow) -> Result<()> {
    touch(cx, member.user_id, member.workspace_id);
    diesel::delete(workspace_members::table.find(member.id))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Invites an address; `None` when it is invited already.
pub(super) async fn insert_invitation(
    cx: &mut MutationCx,
    inviter: &MemberRow,
    address: &str,
    role: GivenRole,
) -> Result<Option<WorkspaceInvitationId>> {
    let (id, now) = (WorkspaceInvitationId::generate(), cx.now());
    cx.write(topics::invitations_of_workspace(inviter.workspace_id));
    cx.write(topics::invitations_of_address(Hashed::text(address)));
    let inserted = diesel::insert_into(workspace_invitations::table)
        .values((
            workspace_invitations::id.eq(id),
            workspace_invitations::workspace_id.eq(inviter.workspace_id),
            workspace_invitations::email.eq(address),
            workspace_invitations::role.eq(role),
            workspace_invitations::invited_by.eq(inviter.user_id),
            workspace_invitations::status.eq(InvitationStatus::Pending),
            workspace_invitations::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok((inserted > 0).then_some(id))
}

/// Says what became of an invitation.
pub(super) async fn set_status(
    cx: &mut MutationCx,
    invitation: &InvitationRow,
    status: InvitationStatus,
) -> Result<()> {
    cx.write(topics::invitations_of_workspace(invitation.workspace_id));
    cx.write(topics::invitations_of_address(Hashed::text(&invitation.email)));
    let updated = diesel::update(workspace_invitations::table.find(invitation.id))
        .set(workspace_invitations::status.eq(status))
        .execute(cx.connection().await?)
        .await?;
    if updated == 0 {
        return Err(Error::internal("a locked invitation is gone"));
    }
    Ok(())
}
