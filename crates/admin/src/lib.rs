//! The context `admin`: workspaces, users, members, agents' sign-in, settings and the audit log.
//!
//! Owns the tables `workspaces`, `users`, `workspace_members`, `workspace_invitations`, `auth_*`, `signing_keys`,
//! `audit_logs`, `audit_log_settings`, `ai_agent_settings` and `automation_settings`, and is the only one that writes them.
//! Knows nothing of conversations.
//!
//! What always holds: no user, workspace or membership comes to be before a password was set or a code came back; an
//! address is stored trimmed and in lower case, and one user has it; passwords, refresh tokens and codes are stored as
//! hashes, keys and secrets sealed; a session that ended lets nobody in, whatever its tokens say; a workspace that has an
//! owner keeps one, and nobody gives himself more than he has.

pub mod ai_agent;
mod audit;
pub mod audit_logs;
pub mod auth;
pub mod automation_settings;
mod context;
pub mod discovery;
pub mod identity_verification;
pub mod limits;
mod service;
pub mod topics;
mod users;
pub mod workspace_members;
pub mod workspaces;

pub use service::{Admin, AdminParts, DEFAULT_LIFETIME};

opencom_runtime::service! {
    /// The functions of the context.
    pub trait AdminService for Admin {
        ai_agent: GetSettings, UpdateSettings, GetPublicSettings;
        audit_logs: List, GetActions, GetSettings, UpdateSettings, GetAccess, ExportLogs, LogExport, CleanupOldLogs,
            InternalRecord;
        auth: SignIn, SignOut, IsAuthenticated, CurrentUser, SwitchWorkspace, CompleteSignupProfile, GetUserWorkspaces,
            InternalRotateSigningKey, InternalEndAllSessions;
        automation_settings: Get, GetOrCreate, Upsert;
        discovery: GetMetadata;
        identity_verification: GetSettings, Enable, Disable, RotateSecret, UpdateMode, GetSecret, IsRequired,
            GetVisitorStatus;
        workspace_members: ListByWorkspace, GetMemberRole, ListByUser, Add, UpdateRole, UpdatePermissions, Remove,
            TransferOwnership, InviteToWorkspace, CancelInvitation, AcceptInvitation, GetWorkspacePendingInvitations,
            GetPendingInvitations;
        workspaces: Get, GetPublicWorkspaceContext, GetByName, Create, GetOrCreateDefault, ValidateOrigin,
            UpdateAllowedOrigins, UpdateSignupSettings, UpdateHelpCenterAccessPolicy;
    }
}
