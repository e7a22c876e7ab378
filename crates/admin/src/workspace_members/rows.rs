//! Rows of `workspace_members` and `workspace_invitations`.

use diesel::prelude::*;
use opencom_contract::workspace_members::{Invitation, InvitationStatus, Member};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceInvitationId, WorkspaceMemberId};
use opencom_core::{Millis, Permission, Role, permission};
use opencom_schema::{workspace_invitations, workspace_members};

#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = workspace_members)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct MemberRow {
    pub(crate) id: WorkspaceMemberId,
    pub(crate) user_id: UserId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) role: Role,
    pub(crate) permissions: Vec<String>,
    pub(crate) created_at: Millis,
}

impl MemberRow {
    /// Whether the member may do something.
    pub(super) fn allows(&self, permission: Permission) -> bool {
        permission::allows(self.role, &self.permissions, permission)
    }

    /// Whether the member may do what admins do by their role.
    pub(super) fn leads(&self) -> bool {
        matches!(self.role, Role::Owner | Role::Admin)
    }

    pub(super) fn with_user(self, name: Option<String>, email: Option<String>) -> Member {
        Member {
            id: self.id,
            user_id: self.user_id,
            email,
            name,
            role: self.role,
            permissions: own(self.permissions),
            created_at: self.created_at,
        }
    }
}

/// A member's own list; an empty one says nothing.
pub(super) fn own(permissions: Vec<String>) -> Option<Vec<String>> {
    Some(permissions).filter(|permissions| !permissions.is_empty())
}

#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = workspace_invitations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct InvitationRow {
    pub(super) id: WorkspaceInvitationId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) email: String,
    pub(super) role: Role,
    pub(super) invited_by: Option<UserId>,
    pub(super) status: InvitationStatus,
    pub(super) created_at: Millis,
}

impl InvitationRow {
    /// The invitation, with name and address of who invited.
    pub(super) fn by(self, inviter: Option<(Option<String>, Option<String>)>) -> Invitation {
        Invitation {
            id: self.id,
            creation_time: self.created_at,
            workspace_id: self.workspace_id,
            email: self.email,
            role: self.role,
            invited_by: self.invited_by,
            status: self.status,
            created_at: self.created_at,
            inviter_name: inviter.and_then(|(name, email)| name.filter(|name| !name.is_empty()).or(email)),
        }
    }
}
