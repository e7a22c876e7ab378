//! Writes for sign-in, with the topics of what live queries rest on: sessions and invitations.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{Timestamptz, Uuid};
use opencom_core::id::{AuthRefreshTokenId, AuthSessionId, UserId, WorkspaceInvitationId};
use opencom_core::{Millis, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Hashed;
use opencom_schema::{
    auth_accounts, auth_refresh_tokens, auth_sessions, auth_verification_codes, workspace_invitations,
};

use super::rows::{InvitationRow, NewAccount, NewCode, NewRefreshToken, SessionRow};

/// A token and everything that came of it count as used before `$2`, where they do not already.
const REVOKE_BRANCH: &str = "WITH RECURSIVE branch AS (
    SELECT id FROM auth_refresh_tokens WHERE id = $1
    UNION SELECT child.id FROM auth_refresh_tokens child JOIN branch ON child.parent_id = branch.id
) UPDATE auth_refresh_tokens SET first_used_at = $2
WHERE id IN (SELECT id FROM branch) AND (first_used_at IS NULL OR first_used_at > $2)";

pub(super) async fn insert_session(
    cx: &mut MutationCx,
    id: AuthSessionId,
    user: UserId,
    expires_at: Millis,
) -> Result<()> {
    let now = cx.now();
    cx.write(topics::auth_session(id));
    diesel::insert_into(auth_sessions::table)
        .values((
            auth_sessions::id.eq(id),
            auth_sessions::user_id.eq(user),
            auth_sessions::expires_at.eq(expires_at),
            auth_sessions::created_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Locks a session until the end of the transaction.
pub(super) async fn lock_session(cx: &mut MutationCx, id: AuthSessionId) -> Result<Option<SessionRow>> {
    Ok(SessionRow::query()
        .find(id)
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Ends a session; its refresh tokens go with it.
pub(super) async fn delete_session(cx: &mut MutationCx, id: AuthSessionId) -> Result<()> {
    cx.write(topics::auth_session(id));
    diesel::delete(auth_sessions::table.find(id))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

pub(super) async fn insert_refresh_token(cx: &mut MutationCx, row: NewRefreshToken) -> Result<()> {
    diesel::insert_into(auth_refresh_tokens::table)
        .values(row)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

pub(super) async fn mark_used(cx: &mut MutationCx, id: AuthRefreshTokenId) -> Result<()> {
    let now = cx.now();
    diesel::update(auth_refresh_tokens::table.find(id))
        .set(auth_refresh_tokens::first_used_at.eq(now))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

pub(super) async fn revoke_branch(cx: &mut MutationCx, root: AuthRefreshTokenId, used_at: Millis) -> Result<()> {
    diesel::sql_query(REVOKE_BRANCH)
        .bind::<Uuid, _>(root)
        .bind::<Timestamptz, _>(used_at)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// A new account; `false` when the provider knows the address already.
pub(super) async fn insert_account(cx: &mut MutationCx, row: NewAccount<'_>) -> Result<bool> {
    let inserted = diesel::insert_into(auth_accounts::table)
        .values(row)
        .on_conflict((auth_accounts::provider, auth_accounts::provider_account_id))
        .do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(inserted > 0)
}

/// Keeps a code in place of the one that its address had.
pub(super) async fn replace_code(cx: &mut MutationCx, row: NewCode<'_>) -> Result<()> {
    diesel::insert_into(auth_verification_codes::table)
        .values(&row)
        .on_conflict(auth_verification_codes::email)
        .do_update()
        .set(&row)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Takes a code away, for whoever comes first, and tells until when it was good.
pub(super) async fn take_code(cx: &mut MutationCx, email: &str, hashes: &[Vec<u8>]) -> Result<Option<Millis>> {
    let code = auth_verification_codes::table
        .filter(auth_verification_codes::email.eq(email))
        .filter(auth_verification_codes::code_hash.eq_any(hashes));
    let expires_at = diesel::delete(code)
        .returning(auth_verification_codes::expires_at)
        .get_result(cx.connection().await?)
        .await
        .optional()?;
    Ok(expires_at)
}

/// Accepts those of the invitations of an address that still wait, and tells which.
pub(super) async fn accept_invitations(
    cx: &mut MutationCx,
    email: &str,
    ids: &[WorkspaceInvitationId],
) -> Result<Vec<InvitationRow>> {
    let waiting = workspace_invitations::table
        .filter(workspace_invitations::id.eq_any(ids))
        .filter(workspace_invitations::status.eq("pending"));
    let accepted: Vec<InvitationRow> = diesel::update(waiting)
        .set(workspace_invitations::status.eq("accepted"))
        .returning(InvitationRow::as_returning())
        .get_results(cx.connection().await?)
        .await?;
    cx.write(topics::invitations_of_address(Hashed::text(email)));
    for invitation in &accepted {
        cx.write(topics::invitations_of_workspace(invitation.workspace_id));
    }
    Ok(accepted)
}
