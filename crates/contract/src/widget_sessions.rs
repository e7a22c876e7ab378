//! Sessions of visitors: how the widget and the mobile SDKs come in.

use bon::Builder;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Attributes, Int, Json, Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::arguments::object_if_any;
use crate::function::{ANYONE, INTERNAL, functions};
use crate::limits;
use crate::visitors::{Device, Location, Visitor};

functions! {
    Boot: mutation "widgetSessions:boot" -> Booted, ANYONE, nulls in "customAttributes";
    Refresh: mutation "widgetSessions:refresh" -> Refreshed, ANYONE, nulls in "workspaceId", session token;
    Revoke: mutation "widgetSessions:revoke" -> Revoked, ANYONE, nulls in "workspaceId", session token;
    ValidateSessionToken: query "widgetSessions:validateSessionToken" -> TokenVerdict, ANYONE, session token;
    CleanupExpiredSessions: mutation "widgetSessions:cleanupExpiredSessions" -> Cleanup, INTERNAL;
    InternalEndAllSessions: mutation "widgetSessions:internalEndAllSessions" -> Int, INTERNAL;
}

/// Ends every visitor's session and returns how many there were.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalEndAllSessions {}

/// The widget's first call: finds or makes the visitor and opens a session.
///
/// # Errors
/// `NOT_AUTHORIZED` for the origin, for a workspace that does not exist, and for an external id that is not proven
/// where it has to be; `INVALID_INPUT` when the visitor gets too many attributes; `RATE_LIMITED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Boot {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The id that the client made for its browser or device; absent from native apps, which get one.
    #[validate(length(max = limits::IDENTIFIER))]
    pub session_id: Option<String>,
    /// The visitor's address.
    #[validate(length(max = limits::EMAIL))]
    pub email: Option<String>,
    /// The visitor's name.
    #[validate(length(max = limits::NAME))]
    pub name: Option<String>,
    /// The visitor's id in the customer's own system.
    #[validate(length(max = limits::IDENTIFIER))]
    pub external_user_id: Option<String>,
    /// Hex HMAC-SHA-256 of `externalUserId` under the workspace's secret.
    #[validate(length(max = limits::TOKEN))]
    pub user_hash: Option<String>,
    /// Where they are.
    #[serde(default, deserialize_with = "object_if_any")]
    #[validate(nested)]
    pub location: Option<Location>,
    /// What they use.
    #[serde(default, deserialize_with = "object_if_any")]
    #[validate(nested)]
    pub device: Option<Device>,
    /// The page they came from.
    #[validate(length(max = limits::URL))]
    pub referrer: Option<String>,
    /// The page they are on.
    #[validate(length(max = limits::URL))]
    pub current_url: Option<String>,
    /// Laid over the stored ones.
    pub custom_attributes: Option<Attributes>,
    /// The visitor that this client was before.
    pub existing_visitor_id: Option<VisitorId>,
    /// The page's origin, judged by the workspace's list.
    #[validate(length(max = limits::URL))]
    pub origin: Option<String>,
    /// `web_widget`, `mobile_sdk` …; guessed from the device when absent.
    #[validate(length(max = limits::IDENTIFIER))]
    pub client_type: Option<String>,
    /// The client's version.
    #[validate(length(max = limits::IDENTIFIER))]
    pub client_version: Option<String>,
    /// The client's package or bundle.
    #[validate(length(max = limits::IDENTIFIER))]
    pub client_identifier: Option<String>,
}

/// Trades a session token for a new one of full lifetime.
///
/// # Errors
/// `NOT_AUTHENTICATED` for an unknown token, `SESSION_EXPIRED`, `RATE_LIMITED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Refresh {
    /// The token; it ends with this call.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: String,
    /// Native apps send it; ignored.
    pub workspace_id: Option<Json>,
}

/// Ends a session. Unknown tokens succeed too.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Revoke {
    /// The token.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: String,
    /// Native apps send it; ignored.
    pub workspace_id: Option<Json>,
}

/// Whether a token is good in a workspace. Never fails.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ValidateSessionToken {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The token.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: String,
    /// The visitor it should be of.
    pub visitor_id: Option<VisitorId>,
}

/// Deletes up to 1000 sessions that have run out.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CleanupExpiredSessions {}

/// A session as its owner gets it, once.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Booted {
    /// The visitor.
    pub visitor: Visitor,
    /// `wst_` and 64 hex digits; the credential of every later call.
    pub session_token: String,
    /// Good until.
    pub expires_at: Millis,
}

/// The new token.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refreshed {
    /// `wst_` and 64 hex digits.
    pub session_token: String,
    /// Good until.
    pub expires_at: Millis,
}

/// The session is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// Always true.
    pub success: bool,
}

/// What a token is worth.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenVerdict {
    /// Whether it is good.
    pub valid: bool,
    /// Whose it is, when good.
    pub visitor_id: Option<VisitorId>,
    /// Whether the external id was verified at boot, when good.
    pub identity_verified: Option<bool>,
    /// Why not, when not.
    pub reason: Option<String>,
}

/// What a clean-up did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cleanup {
    /// Rows deleted.
    pub deleted: Int,
    /// Whether there may be more.
    pub has_more: bool,
}
