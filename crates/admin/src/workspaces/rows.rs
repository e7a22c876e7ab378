//! Rows of `workspaces`, and as much of one as a reader may see.

use diesel::prelude::*;
use opencom_contract::workspaces::{
    AuthMethod, HelpCenterAccessPolicy, IdentityVerificationMode, PublicWorkspace, PublicWorkspaceContext, SignupMode,
    Workspace,
};
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::WorkspaceId;
use opencom_core::{Int, Millis, Result, Role};
use opencom_runtime::access::IDENTITY_SECRET;
use opencom_schema::workspaces;

/// A workspace.
#[derive(HasQuery)]
#[diesel(table_name = workspaces)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct WorkspaceRow {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) created_at: Millis,
    pub(crate) allowed_origins: Option<Vec<String>>,
    pub(crate) help_center_access_policy: Option<HelpCenterAccessPolicy>,
    pub(crate) signup_mode: Option<SignupMode>,
    pub(crate) allowed_domains: Option<Vec<String>>,
    pub(crate) auth_methods: Option<Vec<AuthMethod>>,
    pub(crate) identity_secret_sealed: Option<Vec<u8>>,
    pub(crate) identity_verification_enabled: Option<bool>,
    pub(crate) identity_verification_mode: Option<IdentityVerificationMode>,
    pub(crate) session_lifetime_ms: Option<i64>,
}

/// A workspace that is about to be.
#[derive(Insertable)]
#[diesel(table_name = workspaces)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewWorkspace<'a> {
    pub(crate) id: WorkspaceId,
    pub(crate) name: &'a str,
    pub(crate) created_at: Millis,
    pub(crate) help_center_access_policy: HelpCenterAccessPolicy,
}

impl WorkspaceRow {
    /// What a member with this role sees: the secret is for those who may manage it.
    pub(crate) fn for_member(self, role: Role, key: &MasterKey) -> Result<Workspace> {
        let secret = self
            .identity_secret_sealed
            .filter(|_| matches!(role, Role::Owner | Role::Admin));
        Ok(Workspace {
            id: self.id,
            creation_time: self.created_at,
            name: self.name,
            created_at: self.created_at,
            allowed_origins: self.allowed_origins,
            help_center_access_policy: self.help_center_access_policy,
            signup_mode: self.signup_mode,
            allowed_domains: self.allowed_domains,
            auth_methods: self.auth_methods,
            identity_secret: secret
                .map(|sealed| key.open_text(IDENTITY_SECRET, &sealed))
                .transpose()?,
            identity_verification_enabled: self.identity_verification_enabled,
            identity_verification_mode: self.identity_verification_mode,
            session_lifetime_ms: self.session_lifetime_ms.map(Int),
        })
    }
}

impl From<WorkspaceRow> for PublicWorkspace {
    fn from(row: WorkspaceRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

impl From<WorkspaceRow> for PublicWorkspaceContext {
    fn from(row: WorkspaceRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            help_center_access_policy: row.help_center_access_policy.unwrap_or(HelpCenterAccessPolicy::Public),
        }
    }
}
