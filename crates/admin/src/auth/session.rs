//! Sessions and their refresh tokens: one session for each sign-in, in it a tree of tokens of which the newest counts.
//!
//! A refresh token travels as `<secret>|<session id>` and is stored as a hash. A child's secret is derived from its
//! parent's, so whoever repeats a refresh because the answer got lost can be given the very same child again.

use opencom_contract::auth::Tokens;
use opencom_core::auth::seal::MasterKey;
use opencom_core::auth::token;
use opencom_core::id::{AuthRefreshTokenId, AuthSessionId, UserId};
use opencom_core::{Error, Int, Millis, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{ActionCx, Caller, MutationCx, ScopedFutureExt};
use opencom_schema::auth_sessions;

use super::rows::{NewRefreshToken, RefreshTokenRow};
use super::{queries, store};
use crate::{Admin, AdminParts};

/// How long after its first use a token may be used again, for tabs that refresh at the same time.
const REUSE_WINDOW: i64 = 10 * Millis::SECOND;

/// A session that stands, and the refresh token to hand out for it.
pub(super) struct Grant {
    user: UserId,
    session: AuthSessionId,
    refresh_token: String,
}

impl Admin {
    /// Signs a user in: a new session in place of the one that the caller comes with.
    pub(super) async fn start_session(&self, cx: &mut MutationCx, user: UserId) -> Result<Grant> {
        if let Caller::Agent(identity) = cx.caller() {
            store::delete_session(cx, identity.session).await?;
        }
        let session = AuthSessionId::generate();
        let expires_at = cx.now().plus(self.parts.session_lifetime_ms);
        store::insert_session(cx, session, user, expires_at).await?;
        let secret = hex::encode(token::random::<32>()?);
        let root = new_token(
            cx.now(),
            &self.parts,
            AuthRefreshTokenId::generate(),
            session,
            None,
            &secret,
        );
        store::insert_refresh_token(cx, root).await?;
        Ok(Grant {
            user,
            session,
            refresh_token: on_the_wire(&secret, session),
        })
    }

    /// The tokens that a grant stands for. Outside the transaction, because signing takes its time.
    pub(super) fn tokens(&self, cx: &ActionCx, grant: Grant) -> Result<Tokens> {
        let issuer = &cx.server().public_url;
        let token = self.parts.jwt_keys.issue(grant.user, grant.session, issuer, cx.now())?;
        Ok(Tokens {
            token,
            refresh_token: grant.refresh_token,
        })
    }

    /// Trades a refresh token for new tokens; `None` when it is not good.
    pub(super) async fn refresh(&self, cx: &ActionCx, text: &str) -> Result<Option<Tokens>> {
        let (secret, session) = text
            .split_once('|')
            .filter(|(secret, session)| !secret.is_empty() && !session.is_empty())
            .ok_or_else(|| Error::invalid("refreshToken", "Can't parse refresh token: <redacted>"))?;
        let Ok(session) = session.parse::<AuthSessionId>() else {
            return Ok(None);
        };
        let parts = &self.parts;
        let grant = cx
            .transaction(|cx| async move { rotate(cx, parts, secret, session).await }.scope_boxed())
            .await?;
        grant.map(|grant| self.tokens(cx, grant)).transpose()
    }
}

/// Deletes the sessions of all agents, and with them their refresh tokens. The caller has every server drop its caches
/// afterwards ([`tell_everything`](opencom_runtime::bus::tell_everything)).
pub(super) async fn end_all(cx: &mut MutationCx) -> Result<Int> {
    let ended = diesel::delete(auth_sessions::table)
        .execute(cx.connection().await?)
        .await?;
    Ok(ended.into())
}

/// Ends the caller's session, if there is one.
pub(super) async fn end(cx: &ActionCx) -> Result<()> {
    let Caller::Agent(identity) = cx.caller() else {
        return Ok(());
    };
    cx.transaction(|cx| async move { store::delete_session(cx, identity.session).await }.scope_boxed())
        .await
}

/// Uses a refresh token. Two uses at once take turns at the session's row.
async fn rotate(
    cx: &mut MutationCx,
    parts: &AdminParts,
    secret: &str,
    session: AuthSessionId,
) -> Result<Option<Grant>> {
    let now = cx.now();
    let standing = store::lock_session(cx, session)
        .await?
        .filter(|row| row.expires_at > now);
    let presented = queries::refresh_token(cx, session, &token::sha256(secret)).await?;
    let (Some(standing), Some(presented)) = (standing, presented.filter(|row| row.expires_at > now)) else {
        store::delete_session(cx, session).await?;
        return Ok(None);
    };
    let active = queries::newest_unused_token(cx, session).await?;
    let secret = match step(&presented, active.as_ref(), now) {
        Step::Reused => {
            store::revoke_branch(cx, presented.id, now.plus(-REUSE_WINDOW)).await?;
            return Ok(None);
        }
        Step::Repeated { child } => match known_child_secret(cx, session, secret, child).await? {
            Some(secret) => secret,
            None => return Ok(None),
        },
        Step::Next { first_use } => {
            if first_use {
                store::mark_used(cx, presented.id).await?;
            }
            let child = AuthRefreshTokenId::generate();
            let secret = child_secret(&cx.server().master_key, secret, child);
            let row = new_token(now, parts, child, session, Some(presented.id), &secret);
            store::insert_refresh_token(cx, row).await?;
            secret
        }
    };
    Ok(Some(Grant {
        user: standing.user_id,
        session,
        refresh_token: on_the_wire(&secret, session),
    }))
}

/// What using a refresh token leads to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A new child.
    Next {
        /// The token counts as used from now on.
        first_use: bool,
    },
    /// The child that the last use made: nobody has used it yet, so its answer may have got lost.
    Repeated { child: AuthRefreshTokenId },
    /// Somebody went on without this one long ago: it, or what came of it, was stolen.
    Reused,
}

fn step(presented: &RefreshTokenRow, active: Option<&RefreshTokenRow>, now: Millis) -> Step {
    let Some(first_used_at) = presented.first_used_at else {
        return Step::Next { first_use: true };
    };
    match active {
        Some(active) if active.parent_id == Some(presented.id) => Step::Repeated { child: active.id },
        _ if first_used_at.plus(REUSE_WINDOW) > now => Step::Next { first_use: false },
        _ => Step::Reused,
    }
}

/// What children's secrets are derived for.
const PURPOSE: &str = "auth.refresh";

fn child_secret(key: &MasterKey, parent_secret: &str, child: AuthRefreshTokenId) -> String {
    hex::encode(key.derive(PURPOSE, &[parent_secret.as_bytes(), child.uuid().as_bytes()]))
}

/// The secret of a child that exists. The master key may have been changed since that was made; under a key that is gone
/// it cannot be told again.
async fn known_child_secret(
    cx: &mut MutationCx,
    session: AuthSessionId,
    parent_secret: &str,
    child: AuthRefreshTokenId,
) -> Result<Option<String>> {
    let id = child.uuid();
    let parts: [&[u8]; 2] = [parent_secret.as_bytes(), id.as_bytes()];
    for derived in cx.server().master_key.derivations(PURPOSE, &parts) {
        let secret = hex::encode(derived);
        let kept = queries::refresh_token(cx, session, &token::sha256(&secret)).await?;
        if kept.is_some_and(|kept| kept.id == child) {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

fn on_the_wire(secret: &str, session: AuthSessionId) -> String {
    format!("{secret}|{session}")
}

fn new_token(
    now: Millis,
    parts: &AdminParts,
    id: AuthRefreshTokenId,
    session_id: AuthSessionId,
    parent_id: Option<AuthRefreshTokenId>,
    secret: &str,
) -> NewRefreshToken {
    NewRefreshToken {
        id,
        session_id,
        token_hash: token::sha256(secret).to_vec(),
        parent_id,
        expires_at: now.plus(parts.refresh_token_lifetime_ms),
        created_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn row(parent_id: Option<AuthRefreshTokenId>, first_used_at: Option<Millis>) -> RefreshTokenRow {
        let id = AuthRefreshTokenId::generate();
        RefreshTokenRow {
            id,
            parent_id,
            expires_at: NOW.plus(Millis::DAY),
            first_used_at,
        }
    }

    #[test]
    fn an_unused_token_leads_on() {
        let token = row(None, None);
        assert_eq!(step(&token, Some(&token), NOW), Step::Next { first_use: true });
    }

    #[test]
    fn a_repeated_refresh_gets_the_same_child_however_late() {
        let token = row(None, Some(NOW.plus(-Millis::DAY)));
        let child = row(Some(token.id), None);
        assert_eq!(step(&token, Some(&child), NOW), Step::Repeated { child: child.id });
    }

    #[test]
    fn a_used_token_leads_on_within_ten_seconds_alone() {
        let grandchild = row(Some(AuthRefreshTokenId::generate()), None);
        for (ago, expected) in [
            (0, Step::Next { first_use: false }),
            (9_999, Step::Next { first_use: false }),
        ]
        .into_iter()
        .chain([(10_000, Step::Reused), (Millis::DAY, Step::Reused)])
        {
            let token = row(None, Some(NOW.plus(-ago)));
            assert_eq!(step(&token, Some(&grandchild), NOW), expected, "{ago}");
            assert_eq!(step(&token, None, NOW), expected, "{ago}");
        }
    }

    #[test]
    fn a_child_has_one_secret() {
        let key = MasterKey::new(&[7; 32]).unwrap();
        let (a, b) = (AuthRefreshTokenId::generate(), AuthRefreshTokenId::generate());
        assert_eq!(child_secret(&key, "parent", a), child_secret(&key, "parent", a));
        assert_ne!(child_secret(&key, "parent", a), child_secret(&key, "parent", b));
        assert_ne!(child_secret(&key, "parent", a), child_secret(&key, "other", a));
    }
}
