//! Reads for sign-in. None of them is part of a live query, so they record no topics.

use diesel::dsl::exists;
use diesel::prelude::*;
use opencom_contract::auth::Provider;
use opencom_core::Result;
use opencom_core::id::{AuthSessionId, WorkspaceId};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::{auth_accounts, auth_refresh_tokens, users, workspace_invitations, workspaces};

use super::rows::{AccountRow, InvitationRow, RefreshTokenRow, SignupSettings};

/// Of more invitations than this, the oldest are looked at.
const INVITATIONS: i64 = 1000;

pub(super) async fn account(cx: &mut QueryCx, provider: Provider, email: &str) -> Result<Option<AccountRow>> {
    let row = AccountRow::query()
        .filter(auth_accounts::provider.eq(provider))
        .filter(auth_accounts::provider_account_id.eq(email))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Whether any user or account has this address.
pub(super) async fn is_taken(cx: &mut QueryCx, email: &str) -> Result<bool> {
    let user = users::table.filter(users::email.eq(email));
    let account = auth_accounts::table
        .filter(auth_accounts::provider.eq_any(Provider::ALL))
        .filter(auth_accounts::provider_account_id.eq(email));
    Ok(diesel::select(exists(user).or(exists(account)))
        .get_result(cx.connection().await?)
        .await?)
}

pub(super) async fn refresh_token(
    cx: &mut QueryCx,
    session: AuthSessionId,
    hash: &[u8; 32],
) -> Result<Option<RefreshTokenRow>> {
    let row = RefreshTokenRow::query()
        .filter(auth_refresh_tokens::token_hash.eq(hash.as_slice()))
        .filter(auth_refresh_tokens::session_id.eq(session))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

pub(super) async fn newest_unused_token(cx: &mut QueryCx, session: AuthSessionId) -> Result<Option<RefreshTokenRow>> {
    let row = RefreshTokenRow::query()
        .filter(auth_refresh_tokens::session_id.eq(session))
        .filter(auth_refresh_tokens::first_used_at.is_null())
        .order(auth_refresh_tokens::id.desc())
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Who may join a workspace.
pub(super) async fn signup_settings(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<SignupSettings>> {
    let settings = SignupSettings::query()
        .find(workspace)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(settings)
}

/// The invitations that wait for this address, with the rules of the workspaces that invite.
pub(super) async fn pending_invitations(cx: &mut QueryCx, email: &str) -> Result<Vec<(InvitationRow, SignupSettings)>> {
    let rows = workspace_invitations::table
        .inner_join(workspaces::table.on(workspaces::id.eq(workspace_invitations::workspace_id)))
        .filter(workspace_invitations::email.eq(email))
        .filter(workspace_invitations::status.eq("pending"))
        .order((workspace_invitations::created_at, workspace_invitations::id))
        .limit(INVITATIONS)
        .select((InvitationRow::as_select(), SignupSettings::as_select()))
        .load(cx.connection().await?)
        .await?;
    Ok(rows)
}
