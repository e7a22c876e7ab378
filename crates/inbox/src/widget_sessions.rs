//! Visitors' sessions: how the widget and the mobile SDKs come in, and for how long.

mod boot;
mod rows;
mod store;

use async_trait::async_trait;
use opencom_contract::widget_sessions;
use opencom_contract::widget_sessions::{Booted, Cleanup, Refreshed, Revoked, TokenVerdict};
use opencom_core::auth::token;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Code, Error, Millis, Result};
use opencom_runtime::access::{LIVE_GRACE_MS, SessionRefusal};
use opencom_runtime::audit::{Actor, Entry};
use opencom_runtime::limits::Limit;
use opencom_runtime::registry::Registration;
use opencom_runtime::{ActionCx, Job, MutationCx, QueryCx, ScopedFutureExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::store::end_all as end_all_sessions;
use crate::visitors::queries;
use crate::{Inbox, InboxService, workspace_settings};

/// How many sessions one clean-up deletes.
const CLEANED_AT_ONCE: i64 = 1000;
/// How often sessions that have run out are deleted.
const CLEAN_EVERY: i64 = 10 * Millis::MINUTE;

/// Deletes sessions that have run out.
#[derive(Serialize, Deserialize)]
pub struct CleanUpSessions {}

impl Job for CleanUpSessions {
    const KIND: &'static str = "inbox.clean_up_sessions";
}

/// The functions of `widgetSessions`.
#[async_trait]
pub trait WidgetSessions: Send + Sync {
    /// Finds or makes the visitor, patches it and opens a session; for everyone.
    ///
    /// # Errors
    /// `NOT_AUTHORIZED` for the origin, for a workspace that does not exist, and for an external id that is not proven
    /// where it has to be; `INVALID_INPUT` when the visitor gets too many attributes; `RATE_LIMITED`.
    async fn widget_sessions_boot(&self, cx: &mut MutationCx, req: widget_sessions::Boot) -> Result<Booted>;

    /// Replaces a session by one of full lifetime under a new token; of two calls at once one wins.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED` for an unknown token, `SESSION_EXPIRED`, `RATE_LIMITED`.
    async fn widget_sessions_refresh(&self, cx: &mut MutationCx, req: widget_sessions::Refresh) -> Result<Refreshed>;

    /// Ends a session, if there is one.
    async fn widget_sessions_revoke(&self, cx: &mut MutationCx, req: widget_sessions::Revoke) -> Result<Revoked>;

    /// What a token is worth in a workspace, for everyone.
    async fn widget_sessions_validate_session_token(
        &self,
        cx: &mut QueryCx,
        req: widget_sessions::ValidateSessionToken,
    ) -> Result<TokenVerdict>;

    /// Deletes up to a thousand sessions that have run out; for jobs alone.
    async fn widget_sessions_cleanup_expired_sessions(
        &self,
        cx: &mut MutationCx,
        req: widget_sessions::CleanupExpiredSessions,
    ) -> Result<Cleanup>;

    /// Deletes all sessions that ran out long enough ago that nothing rests on them, a thousand at a time.
    async fn clean_up_sessions(&self, cx: &mut ActionCx, job: CleanUpSessions) -> Result<()>;
}

#[async_trait]
impl WidgetSessions for Inbox {
    async fn widget_sessions_boot(&self, cx: &mut MutationCx, req: widget_sessions::Boot) -> Result<Booted> {
        self.boot(cx, &req).await
    }

    async fn widget_sessions_refresh(&self, cx: &mut MutationCx, req: widget_sessions::Refresh) -> Result<Refreshed> {
        cx.count_address(Limit::Boot)?;
        // Here an empty token is one that nobody has.
        let session = cx
            .session_by_token(Some(&req.session_token))
            .await?
            .map_err(|_| SessionRefusal::Unknown)?;
        if session.expires_at < cx.now() {
            return Err(Error::new(Code::SessionExpired, "Session expired: please re-boot"));
        }
        let settings = workspace_settings::of_workspace(cx, session.workspace_id)
            .await?
            .unwrap_or_default();
        let (session_token, expires_at) = (
            token::visitor_session_token()?,
            cx.now().plus(settings.session_lifetime()),
        );
        let visitor = store::replace(cx, &req.session_token, &session_token, expires_at).await?;
        let visitor = visitor.ok_or(SessionRefusal::Unknown)?;
        let metadata = json!({ "source": "widgetSessions.refresh", "refreshed": true });
        self.log_session(cx, session.workspace_id, visitor, "auth.session.created", metadata)
            .await?;
        Ok(Refreshed {
            session_token,
            expires_at,
        })
    }

    async fn widget_sessions_revoke(&self, cx: &mut MutationCx, req: widget_sessions::Revoke) -> Result<Revoked> {
        if let Some((workspace, visitor)) = store::delete(cx, &req.session_token).await? {
            let metadata = json!({ "source": "widgetSessions.revoke" });
            self.log_session(cx, workspace, visitor, "auth.logout", metadata)
                .await?;
        }
        Ok(Revoked { success: true })
    }

    async fn widget_sessions_validate_session_token(
        &self,
        cx: &mut QueryCx,
        req: widget_sessions::ValidateSessionToken,
    ) -> Result<TokenVerdict> {
        let session = match cx.visitor_session(Some(&req.session_token), req.workspace_id).await? {
            Ok(session) => session,
            Err(refusal) => return Ok(refused(refusal.message())),
        };
        if let Some(expected) = req.visitor_id.filter(|id| *id != session.visitor_id)
            && queries::resolve_alias(cx, expected).await? != session.visitor_id
        {
            return Ok(refused("Session token does not match visitor"));
        }
        Ok(TokenVerdict {
            valid: true,
            visitor_id: Some(session.visitor_id),
            identity_verified: Some(session.identity_verified),
            reason: None,
        })
    }

    async fn widget_sessions_cleanup_expired_sessions(
        &self,
        cx: &mut MutationCx,
        _: widget_sessions::CleanupExpiredSessions,
    ) -> Result<Cleanup> {
        let deleted = store::delete_expired(cx, cx.now(), CLEANED_AT_ONCE).await?;
        Ok(Cleanup {
            deleted: deleted.into(),
            has_more: i64::try_from(deleted) == Ok(CLEANED_AT_ONCE),
        })
    }

    async fn clean_up_sessions(&self, cx: &mut ActionCx, _: CleanUpSessions) -> Result<()> {
        // Open live queries may rest on a session that has just run out.
        let time = cx.now().plus(-LIVE_GRACE_MS);
        loop {
            let deleted = cx
                .transaction(|cx| async move { store::delete_expired(cx, time, CLEANED_AT_ONCE).await }.scope_boxed())
                .await?;
            if i64::try_from(deleted) != Ok(CLEANED_AT_ONCE) {
                return Ok(());
            }
        }
    }
}

impl Inbox {
    async fn log_session(
        &self,
        cx: &mut MutationCx,
        workspace_id: WorkspaceId,
        visitor: VisitorId,
        action: &'static str,
        metadata: Value,
    ) -> Result<()> {
        let entry = Entry {
            workspace_id,
            actor: Actor::Api,
            action,
            resource_type: "widgetSession",
            resource_id: Some(visitor.to_string()),
            metadata: Some(metadata),
        };
        self.parts.audit.record(cx, entry).await
    }
}

fn refused(reason: &str) -> TokenVerdict {
    TokenVerdict {
        valid: false,
        visitor_id: None,
        identity_verified: None,
        reason: Some(reason.to_owned()),
    }
}

pub(crate) fn register(of: &mut Registration<'_, dyn InboxService>) -> Result<()> {
    of.mutation::<widget_sessions::Boot>(|s, cx, req| s.widget_sessions_boot(cx, req))
        .mutation::<widget_sessions::Refresh>(|s, cx, req| s.widget_sessions_refresh(cx, req))
        .mutation::<widget_sessions::Revoke>(|s, cx, req| s.widget_sessions_revoke(cx, req))
        .query::<widget_sessions::ValidateSessionToken>(|s, cx, req| s.widget_sessions_validate_session_token(cx, req))
        .mutation::<widget_sessions::CleanupExpiredSessions>(|s, cx, req| {
            s.widget_sessions_cleanup_expired_sessions(cx, req)
        })
        .job::<CleanUpSessions>(|s, cx, job| s.clean_up_sessions(cx, job))
        .every(CLEAN_EVERY, &CleanUpSessions {})?;
    Ok(())
}
