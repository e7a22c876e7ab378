#![doc = include_str!("../README.md")]

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
