//! Rows of accounts, sessions, refresh tokens, codes and invitations.

use diesel::prelude::*;
use opencom_contract::auth::Provider;
use opencom_contract::workspaces::{AuthMethod, SignupMode};
use opencom_core::id::{
    AuthAccountId, AuthRefreshTokenId, AuthSessionId, AuthVerificationCodeId, UserId, WorkspaceId,
    WorkspaceInvitationId,
};
use opencom_core::{Millis, Role};
use opencom_schema::{
    auth_accounts, auth_refresh_tokens, auth_sessions, auth_verification_codes, workspace_invitations, workspaces,
};

#[derive(HasQuery)]
#[diesel(table_name = auth_accounts)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct AccountRow {
    pub(super) user_id: UserId,
    pub(super) secret: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = auth_accounts)]
#[diesel(treat_none_as_default_value = false)]
pub(super) struct NewAccount<'a> {
    pub(super) id: AuthAccountId,
    pub(super) user_id: UserId,
    pub(super) provider: Provider,
    pub(super) provider_account_id: &'a str,
    pub(super) secret: Option<&'a str>,
    pub(super) email_verified: bool,
    pub(super) created_at: Millis,
}

#[derive(HasQuery)]
#[diesel(table_name = auth_sessions)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct SessionRow {
    pub(super) user_id: UserId,
    pub(super) expires_at: Millis,
}

#[derive(HasQuery)]
#[diesel(table_name = auth_refresh_tokens)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct RefreshTokenRow {
    pub(super) id: AuthRefreshTokenId,
    pub(super) parent_id: Option<AuthRefreshTokenId>,
    pub(super) expires_at: Millis,
    pub(super) first_used_at: Option<Millis>,
}

#[derive(Insertable)]
#[diesel(table_name = auth_refresh_tokens)]
#[diesel(treat_none_as_default_value = false)]
pub(super) struct NewRefreshToken {
    pub(super) id: AuthRefreshTokenId,
    pub(super) session_id: AuthSessionId,
    pub(super) token_hash: Vec<u8>,
    pub(super) parent_id: Option<AuthRefreshTokenId>,
    pub(super) expires_at: Millis,
    pub(super) created_at: Millis,
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = auth_verification_codes)]
#[diesel(treat_none_as_default_value = false)]
pub(super) struct NewCode<'a> {
    pub(super) id: AuthVerificationCodeId,
    pub(super) email: &'a str,
    pub(super) code_hash: Vec<u8>,
    pub(super) expires_at: Millis,
    pub(super) created_at: Millis,
}

/// An invitation that waits.
#[derive(Clone, Copy, HasQuery)]
#[diesel(table_name = workspace_invitations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct InvitationRow {
    pub(super) id: WorkspaceInvitationId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) role: Role,
    pub(super) invited_by: Option<UserId>,
}

/// Who may join a workspace.
#[derive(Default, HasQuery)]
#[diesel(table_name = workspaces)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct SignupSettings {
    pub(super) signup_mode: Option<SignupMode>,
    pub(super) allowed_domains: Option<Vec<String>>,
    pub(super) auth_methods: Option<Vec<AuthMethod>>,
}
