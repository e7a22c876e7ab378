//! The topics of the context, and those of other contexts whose rows it reads.

use opencom_core::id::{AuthSessionId, UserId, VisitorId, WorkspaceId};
use opencom_runtime::topic::{Everything, Hashed};

opencom_runtime::topics! {
    /// A workspace's own row.
    workspace(WorkspaceId) = "admin.workspace";
    /// Any workspace: which ones there are and their names.
    workspaces(Everything) = "admin.workspaces";
    /// A user's own row.
    user(UserId) = "admin.user";
    /// The memberships of a user.
    memberships_of_user(UserId) = "admin.memberships_of_user";
    /// The members of a workspace.
    members_of_workspace(WorkspaceId) = "admin.members_of_workspace";
    /// An agent's session.
    auth_session(AuthSessionId) = "admin.auth_session";
    /// The audit log of a workspace.
    audit_of_workspace(WorkspaceId) = "admin.audit_of_workspace";
    /// The AI agent's settings of a workspace.
    ai_agent_settings(WorkspaceId) = "admin.ai_agent_settings";
    /// The automation settings of a workspace.
    automation_settings(WorkspaceId) = "admin.automation_settings";
    /// A visitor's own row.
    visitor(VisitorId) = "inbox.visitor";
    /// The invitations of a workspace.
    invitations_of_workspace(WorkspaceId) = "admin.invitations_of_workspace";
    /// The invitations of an address, over all workspaces.
    invitations_of_address(Hashed) = "admin.invitations_of_address";
    /// How long a workspace keeps its audit log.
    audit_log_settings(WorkspaceId) = "admin.audit_log_settings";
}
