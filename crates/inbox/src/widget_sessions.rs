//! Visitors' sessions: how the widget and the mobile SDKs come in, and for how long.

mod boot;
mod rows;
mod store;

use std::sync::Arc;

use crate::limits;
use opencom_contract::audit_logs::InternalRecord;
use opencom_contract::widget_sessions;
use opencom_contract::widget_sessions::{Booted, Cleanup, Refreshed, Revoked, TokenVerdict};
use opencom_core::auth::token;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Code, Error, Int, Millis, Result};
use opencom_runtime::access::{LIVE_GRACE_MS, SessionError};
use opencom_runtime::{ActionCx, Handle, Job, MutationCx, Perform, QueryCx, Registry, ScopedFutureExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::visitors::queries;
use crate::{Inbox, workspace_settings};

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

impl Handle<widget_sessions::Boot> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: widget_sessions::Boot) -> Result<Booted> {
        self.boot(cx, &req).await
    }
}

impl Handle<widget_sessions::Refresh> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: widget_sessions::Refresh) -> Result<Refreshed> {
        cx.count_address(limits::BOOT)?;
        // Here an empty token is one that nobody has.
        let session = cx
            .session_by_token(Some(&req.session_token))
            .await
            .map_err(|error| match error {
                SessionError::Missing => SessionError::Unknown,
                other => other,
            })?;
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
        let visitor = visitor.ok_or(SessionError::Unknown)?;
        let metadata = json!({ "source": "widgetSessions.refresh", "refreshed": true });
        log_session(cx, session.workspace_id, visitor, "auth.session.created", metadata).await?;
        Ok(Refreshed {
            session_token,
            expires_at,
        })
    }
}

impl Handle<widget_sessions::Revoke> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: widget_sessions::Revoke) -> Result<Revoked> {
        if let Some((workspace, visitor)) = store::delete(cx, &req.session_token).await? {
            let metadata = json!({ "source": "widgetSessions.revoke" });
            log_session(cx, workspace, visitor, "auth.logout", metadata).await?;
        }
        Ok(Revoked { success: true })
    }
}

impl Handle<widget_sessions::ValidateSessionToken> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: widget_sessions::ValidateSessionToken) -> Result<TokenVerdict> {
        let session = match cx.visitor(Some(&req.session_token), req.workspace_id).await {
            Ok(session) => session,
            Err(error) => match error.message() {
                Some(reason) => return Ok(refused(reason)),
                None => return Err(error.into()),
            },
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
}

impl Handle<widget_sessions::CleanupExpiredSessions> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, _: widget_sessions::CleanupExpiredSessions) -> Result<Cleanup> {
        let deleted = store::delete_expired(cx, cx.now(), CLEANED_AT_ONCE).await?;
        Ok(Cleanup {
            deleted: deleted.into(),
            has_more: i64::try_from(deleted) == Ok(CLEANED_AT_ONCE),
        })
    }
}

impl Perform<CleanUpSessions> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, _: CleanUpSessions) -> Result<()> {
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

impl Handle<widget_sessions::InternalEndAllSessions> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, _: widget_sessions::InternalEndAllSessions) -> Result<Int> {
        store::end_all(cx).await
    }
}

async fn log_session(
    cx: &mut MutationCx,
    workspace_id: WorkspaceId,
    visitor: VisitorId,
    action: &'static str,
    metadata: Value,
) -> Result<()> {
    let entry = InternalRecord::builder()
        .workspace_id(workspace_id)
        .action(action)
        .resource_type("widgetSession")
        .resource_id(visitor.to_string())
        .metadata(metadata)
        .build();
    cx.call(entry).await
}

fn refused(reason: &str) -> TokenVerdict {
    TokenVerdict {
        valid: false,
        visitor_id: None,
        identity_verified: None,
        reason: Some(reason.to_owned()),
    }
}

pub(crate) fn register_jobs(service: &Arc<Inbox>, registry: &mut Registry) -> Result<()> {
    registry.job::<CleanUpSessions, _>(service);
    registry.every(CLEAN_EVERY, &CleanUpSessions {})
}
