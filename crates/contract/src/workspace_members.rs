//! Members of workspaces, and whom they invite.

use bon::Builder;
use opencom_core::Permission::{UsersInvite, UsersManage, UsersRead, UsersRemove};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceInvitationId, WorkspaceMemberId};
use opencom_core::{Millis, Permission, Role, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::auth::MyWorkspace;
use crate::done::Done;
use crate::function::{AGENT, ANYONE, Access, Who, functions, permitted};
use crate::limits;

functions! {
    ListByWorkspace: query "workspaceMembers:listByWorkspace" -> Vec<Member>, permitted(UsersRead).or("[]");
    GetMemberRole: query "workspaceMembers:getMemberRole" -> Option<MemberRole>, Access::only(Who::Member).or("null");
    ListByUser: query "workspaceMembers:listByUser" -> Vec<MyWorkspace>, AGENT.or("[]");
    Add: mutation "workspaceMembers:add" -> WorkspaceMemberId, permitted(UsersInvite);
    UpdateRole: mutation "workspaceMembers:updateRole" -> Done, permitted(UsersManage);
    UpdatePermissions: mutation "workspaceMembers:updatePermissions" -> Done, permitted(UsersManage);
    Remove: mutation "workspaceMembers:remove" -> Done, permitted(UsersRemove);
    TransferOwnership: mutation "workspaceMembers:transferOwnership" -> Done, AGENT;
    InviteToWorkspace: action "workspaceMembers:inviteToWorkspace" -> Invited, permitted(UsersInvite);
    CancelInvitation: mutation "workspaceMembers:cancelInvitation" -> Done, permitted(UsersManage);
    AcceptInvitation: mutation "workspaceMembers:acceptInvitation" -> Done, AGENT;
    GetWorkspacePendingInvitations: query "workspaceMembers:getWorkspacePendingInvitations" -> Vec<Invitation>,
        permitted(UsersRead).or("[]");
    GetPendingInvitations: query "workspaceMembers:getPendingInvitations" -> Vec<MyInvitation>, ANYONE;
}

/// The members of a workspace, in the order in which they joined.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ListByWorkspace {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// What the caller is in a workspace.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetMemberRole {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// The caller's workspaces, in the order in which they joined.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListByUser {}

/// Makes a user a member. Who is one already stays as they are.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`, `NOT_FOUND`; `NOT_AUTHORIZED` for an admin made by
/// a member who is no admin.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Add {
    /// The user.
    pub user_id: UserId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// What they are from now on.
    pub role: GivenRole,
}

/// Gives a member another role, with the permissions of that role.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `INVALID_INPUT` for the owner and the
/// last admin; `NOT_AUTHORIZED` for an admin made by a member who is no admin, and for permissions that the caller lacks.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateRole {
    /// The membership.
    pub membership_id: WorkspaceMemberId,
    /// What they are from now on.
    pub role: GivenRole,
}

/// Gives a member permissions of their own, which count instead of those of the role.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `INVALID_INPUT` for the owner;
/// `NOT_AUTHORIZED` for a permission that the caller does not have.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdatePermissions {
    /// The membership.
    pub membership_id: WorkspaceMemberId,
    /// All that they may do from now on; empty: what the role may.
    #[validate(length(max = limits::IDS))]
    pub permissions: Vec<Permission>,
}

/// Ends a membership.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `INVALID_INPUT` for the owner and the
/// last admin.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Remove {
    /// The membership.
    pub membership_id: WorkspaceMemberId,
}

/// Makes another member the owner, and the caller an admin.
///
/// # Errors
/// `NOT_AUTHENTICATED`; `NOT_AUTHORIZED` for callers other than the owner; `NOT_FOUND` for a user who is no member;
/// `INVALID_INPUT` for the owner.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TransferOwnership {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The user who owns it from now on.
    pub new_owner_id: UserId,
}

/// Adds whoever has this address, or invites them to sign up, and sends a mail about it.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`; `ALREADY_EXISTS` for a member and for an address
/// that is invited; `NOT_AUTHORIZED` for an admin invited by a member who is no admin; `INVALID_INPUT`; `RATE_LIMITED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct InviteToWorkspace {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The address.
    #[validate(length(max = limits::EMAIL))]
    pub email: String,
    /// What they will be.
    pub role: GivenRole,
    /// Where the dashboard is, for the link in the mail. The operator's own setting goes before it.
    #[validate(length(max = limits::URL))]
    pub base_url: String,
}

/// Withdraws an invitation.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_FOUND`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct CancelInvitation {
    /// The invitation.
    pub invitation_id: WorkspaceInvitationId,
}

/// Joins the workspace that invited the caller.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_FOUND`; `NOT_AUTHORIZED` for another address's and where the workspace does not admit the
/// address; `INVALID_INPUT` when it waits no longer.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct AcceptInvitation {
    /// The invitation.
    pub invitation_id: WorkspaceInvitationId,
}

/// The invitations of a workspace that wait, oldest first.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetWorkspacePendingInvitations {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// The invitations that wait for the caller, oldest first; none for whoever is not signed in.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetPendingInvitations {}

text_enum! {
    /// A role that members give to others. Owners come to be in other ways.
    pub enum GivenRole {
        /// An admin.
        Admin = "admin",
        /// An agent.
        Agent = "agent",
        /// A viewer.
        Viewer = "viewer",
    }
}

impl From<GivenRole> for Role {
    fn from(role: GivenRole) -> Self {
        match role {
            GivenRole::Admin => Self::Admin,
            GivenRole::Agent => Self::Agent,
            GivenRole::Viewer => Self::Viewer,
        }
    }
}

text_enum! {
    /// What became of an invitation.
    pub enum InvitationStatus {
        /// It waits.
        Pending = "pending",
        /// It was accepted.
        Accepted = "accepted",
        /// It was withdrawn.
        Declined = "declined",
    }
}

/// A member.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The membership.
    #[serde(rename = "_id")]
    pub id: WorkspaceMemberId,
    /// The user.
    pub user_id: UserId,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// What they are.
    pub role: Role,
    /// What they may do, when it is not just what the role may.
    pub permissions: Option<Vec<String>>,
    /// When they joined.
    pub created_at: Millis,
}

/// What the caller is.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberRole {
    /// The role.
    pub role: Role,
    /// What they may do, when it is not just what the role may.
    pub permissions: Option<Vec<String>>,
    /// Whether the role is that of the owner.
    pub is_owner: bool,
}

text_enum! {
    /// How an invitation went.
    pub enum InvitedStatus {
        /// The address is a user's, who is a member now.
        Added = "added",
        /// The address is nobody's yet; whoever signs up with it becomes a member.
        Invited = "invited",
    }
}

/// Somebody was added or invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invited {
    /// Which of both.
    pub status: InvitedStatus,
}

/// An invitation.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The invitation's id.
    #[serde(rename = "_id")]
    pub id: WorkspaceInvitationId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The address that was invited.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// Who invited; absent when that user is gone.
    pub invited_by: Option<UserId>,
    /// What became of it.
    pub status: InvitationStatus,
    /// When they were invited.
    pub created_at: Millis,
    /// Name or address of who invited.
    pub inviter_name: Option<String>,
}

/// An invitation of the caller.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// The workspace's name.
    pub workspace_name: Option<String>,
}
