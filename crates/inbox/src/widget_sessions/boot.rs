//! `widgetSessions:boot`: which visitor a client is, and its new session.

use crate::limits;
use opencom_contract::widget_sessions::{Boot, Booted};
use opencom_core::Result;
use opencom_core::auth::token;
use opencom_core::id::{VisitorId, WidgetSessionId};
use opencom_runtime::MutationCx;
use opencom_runtime::database::overtaken;
use serde_json::json;

use super::rows::NewSession;
use super::{audit, store};
use crate::given::given;
use crate::identity::{self, Identity};
use crate::visitors::queries;
use crate::visitors::rows::{Details, IdentityMark, VisitorRow};
use crate::visitors::store::{self as visitor_store, Patch};
use crate::{Inbox, workspace_settings};

/// Which visitor a boot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The one with the session id, made when there is none.
    OfSession,
    /// This one, who gets the session id when nobody has it.
    Known { visitor: VisitorId, takes_session: bool },
}

impl Inbox {
    pub(super) async fn boot(&self, cx: &mut MutationCx, req: &Boot) -> Result<Booted> {
        cx.count_address(limits::BOOT)?;
        let origin = given(req.origin.as_ref());
        let settings = workspace_settings::admitting_origin(cx, req.workspace_id, origin).await?;
        let details = Details::from(req);
        let identity = identity::check(
            cx,
            &settings,
            details.external_user_id,
            given(req.user_hash.as_ref()),
            "Identity verification failed: invalid userHash",
        )?;
        let patch = Patch {
            details,
            attributes: req.custom_attributes.as_ref(),
            mark: IdentityMark::of(identity, cx.now()),
        };
        let verified = identity == Identity::Verified;
        let trusted = verified || !settings.requires_verified_identity();
        let visitor = find_or_make_visitor(cx, req, &patch, trusted).await?;

        let session_token = token::visitor_session_token()?;
        let expires_at = cx.now().plus(settings.session_lifetime());
        let platform = req.device.as_ref().and_then(|device| given(device.platform.as_ref()));
        let session = NewSession {
            id: WidgetSessionId::generate(),
            token_hash: &token::sha256(&session_token),
            visitor_id: visitor.id,
            workspace_id: req.workspace_id,
            identity_verified: verified,
            client_type: given(req.client_type.as_ref()).unwrap_or_else(|| client_type_of(platform)),
            client_version: given(req.client_version.as_ref()),
            client_identifier: given(req.client_identifier.as_ref()),
            origin,
            current_url: details.current_url,
            device_platform: platform,
            expires_at,
            created_at: cx.now(),
        };
        store::insert(cx, &session).await?;
        let metadata = json!({ "source": "widgetSessions.boot", "identityVerified": verified });
        audit::record(cx, req.workspace_id, visitor.id, "auth.session.created", metadata).await?;
        Ok(Booted {
            visitor: visitor.into(),
            session_token,
            expires_at,
        })
    }
}

/// The visitor of a boot, patched. Usually one statement: the session id says all.
async fn find_or_make_visitor(cx: &mut MutationCx, req: &Boot, patch: &Patch<'_>, trusted: bool) -> Result<VisitorRow> {
    let made;
    let session_id = match given(req.session_id.as_ref()) {
        Some(session_id) => session_id,
        None => {
            made = format!("session_{}", hex::encode(token::random::<24>()?));
            &made
        }
    };
    match target(cx, req, session_id, patch.details.email, trusted).await? {
        Target::OfSession => visitor_store::upsert_by_session(cx, req.workspace_id, session_id, patch).await,
        Target::Known { visitor, takes_session } => {
            let session_id = takes_session.then_some(session_id);
            let updated = visitor_store::update(cx, visitor, session_id, patch).await?;
            updated.ok_or_else(|| overtaken("a merge of the visitor"))
        }
    }
}

async fn target(
    cx: &mut MutationCx,
    req: &Boot,
    session_id: &str,
    email: Option<&str>,
    trusted: bool,
) -> Result<Target> {
    if req.existing_visitor_id.is_none() && email.is_none() {
        return Ok(Target::OfSession);
    }
    let holder = queries::id_by_session(cx, req.workspace_id, session_id).await?;
    let mut existing = None;
    if let Some(id) = req.existing_visitor_id {
        let id = queries::resolve_alias(cx, id).await?;
        existing = queries::is_in_workspace(cx, id, req.workspace_id).await?.then_some(id);
    }
    let mut by_email = None;
    if let Some(email) = email
        && holder.is_none()
        && trusted
    {
        visitor_store::lock_email(cx, req.workspace_id, email).await?;
        by_email = queries::oldest_by_email(cx, req.workspace_id, email, None).await?;
    }
    Ok(choose(existing, holder, by_email, trusted))
}

/// The first that is known: the visitor that the client says it was, the holder of its session id, the oldest with its
/// address. A client that is not trusted may only be whom its session id says.
fn choose(
    existing: Option<VisitorId>,
    holder: Option<VisitorId>,
    by_email: Option<VisitorId>,
    trusted: bool,
) -> Target {
    match (existing, holder, by_email) {
        (Some(visitor), _, _) if trusted => Target::Known {
            visitor,
            takes_session: holder.is_none(),
        },
        (_, None, Some(visitor)) if trusted => Target::Known {
            visitor,
            takes_session: true,
        },
        _ => Target::OfSession,
    }
}

/// What kind of client runs on a platform.
fn client_type_of(platform: Option<&str>) -> &'static str {
    if matches!(platform, Some("ios" | "android")) {
        "mobile_sdk"
    } else {
        "web_widget"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_visitor_is_taken_and_the_untrusted_stay_with_their_session() {
        let [existing, holder, by_email] = [(); 3].map(|()| VisitorId::generate());
        let known = |visitor, takes_session| Target::Known { visitor, takes_session };
        for (candidates, trusted, untrusted) in [
            ((None, None, None), Target::OfSession, Target::OfSession),
            (
                (None, Some(holder), Some(by_email)),
                Target::OfSession,
                Target::OfSession,
            ),
            ((None, None, Some(by_email)), known(by_email, true), Target::OfSession),
            (
                (Some(existing), None, Some(by_email)),
                known(existing, true),
                Target::OfSession,
            ),
            (
                (Some(existing), Some(holder), None),
                known(existing, false),
                Target::OfSession,
            ),
            (
                (Some(existing), Some(existing), None),
                known(existing, false),
                Target::OfSession,
            ),
        ] {
            let (existing, holder, by_email) = candidates;
            assert_eq!(choose(existing, holder, by_email, true), trusted, "{candidates:?}");
            assert_eq!(choose(existing, holder, by_email, false), untrusted, "{candidates:?}");
        }
    }

    #[test]
    fn phones_are_told_by_their_platform() {
        for (platform, client) in [
            (Some("ios"), "mobile_sdk"),
            (Some("android"), "mobile_sdk"),
            (Some("web"), "web_widget"),
            (None, "web_widget"),
        ] {
            assert_eq!(client_type_of(platform), client);
        }
    }
}
