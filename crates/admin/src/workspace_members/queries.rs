//! Reads of members and invitations.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::workspace_members::{Invitation, InvitationStatus, Member, MyInvitation};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceInvitationId, WorkspaceMemberId};
use opencom_core::{Result, Role};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Hashed;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{users, workspace_invitations, workspace_members, workspaces};

use super::rows::{InvitationRow, MemberRow};

/// Of more members than this, the first are shown.
const MEMBERS: i64 = 5000;
/// Of more invitations than this, the oldest are shown.
const INVITATIONS: i64 = 1000;

/// Name and address of a user.
type Person = (Option<String>, Option<String>);

/// The members of a workspace, in the order in which they joined.
pub(super) async fn of_workspace(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Vec<Member>> {
    cx.read(topics::members_of_workspace(workspace));
    let rows: Vec<(MemberRow, Person)> = workspace_members::table
        .inner_join(users::table.on(users::id.eq(workspace_members::user_id)))
        .filter(workspace_members::workspace_id.eq(workspace))
        .order((workspace_members::created_at, workspace_members::id))
        .limit(MEMBERS)
        .select((MemberRow::as_select(), (users::name, users::email)))
        .load(cx.connection().await?)
        .await?;
    for (row, _) in &rows {
        cx.read(topics::user(row.user_id));
    }
    Ok(rows
        .into_iter()
        .map(|(row, (name, email))| row.with_user(name, email))
        .collect())
}

/// A membership as it stands in this transaction.
pub(super) async fn by_id(cx: &mut QueryCx, id: WorkspaceMemberId) -> Result<Option<MemberRow>> {
    let row = MemberRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// What a user is in a workspace as it stands in this transaction.
pub(super) async fn of_user(cx: &mut QueryCx, user: UserId, workspace: WorkspaceId) -> Result<Option<MemberRow>> {
    let row = MemberRow::query()
        .filter(workspace_members::user_id.eq(user))
        .filter(workspace_members::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// How many owners and admins a workspace has; two is as good as more.
pub(super) async fn count_leaders(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<i64> {
    let leaders: Vec<WorkspaceMemberId> = workspace_members::table
        .filter(workspace_members::workspace_id.eq(workspace))
        .filter(workspace_members::role.eq_any([Role::Owner, Role::Admin]))
        .select(workspace_members::id)
        .limit(2)
        .load(cx.connection().await?)
        .await?;
    Ok(i64::try_from(leaders.len()).unwrap_or(i64::MAX))
}

/// The invitations of a workspace that wait, oldest first.
pub(super) async fn invitations_of_workspace(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Vec<Invitation>> {
    cx.read(topics::invitations_of_workspace(workspace));
    let rows: Vec<(InvitationRow, Option<Person>)> = workspace_invitations::table
        .left_join(users::table.on(workspace_invitations::invited_by.eq(users::id.nullable())))
        .filter(workspace_invitations::workspace_id.eq(workspace))
        .filter(workspace_invitations::status.eq(InvitationStatus::Pending))
        .order((workspace_invitations::created_at, workspace_invitations::id))
        .limit(INVITATIONS)
        .select((InvitationRow::as_select(), (users::name, users::email).nullable()))
        .load(cx.connection().await?)
        .await?;
    Ok(rows.into_iter().map(|(row, inviter)| shown(cx, row, inviter)).collect())
}

/// The invitations that wait for an address, oldest first.
pub(super) async fn invitations_of_address(cx: &mut QueryCx, address: &str) -> Result<Vec<MyInvitation>> {
    cx.read(topics::invitations_of_address(Hashed::text(address)));
    let rows: Vec<(InvitationRow, String, Option<Person>)> = workspace_invitations::table
        .inner_join(workspaces::table.on(workspaces::id.eq(workspace_invitations::workspace_id)))
        .left_join(users::table.on(workspace_invitations::invited_by.eq(users::id.nullable())))
        .filter(workspace_invitations::email.eq(address))
        .filter(workspace_invitations::status.eq(InvitationStatus::Pending))
        .order((workspace_invitations::created_at, workspace_invitations::id))
        .limit(INVITATIONS)
        .select((
            InvitationRow::as_select(),
            workspaces::name,
            (users::name, users::email).nullable(),
        ))
        .load(cx.connection().await?)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(row, workspace_name, inviter)| {
            cx.read(topics::workspace(row.workspace_id));
            MyInvitation {
                invitation: shown(cx, row, inviter),
                workspace_name: Some(workspace_name),
            }
        })
        .collect())
}

fn shown(cx: &mut QueryCx, row: InvitationRow, inviter: Option<Person>) -> Invitation {
    if let Some(inviter) = row.invited_by {
        cx.read(topics::user(inviter));
    }
    row.by(inviter)
}

/// An invitation.
pub(super) async fn invitation(cx: &mut QueryCx, id: WorkspaceInvitationId) -> Result<Option<InvitationRow>> {
    let row = InvitationRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// An invitation, locked until the end of the transaction.
pub(super) async fn lock_invitation(cx: &mut MutationCx, id: WorkspaceInvitationId) -> Result<Option<InvitationRow>> {
    let row = InvitationRow::query()
        .find(id)
        .for_no_key_update()
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}
