//! Visitors: the people on a customer's website or in a customer's app.

use bon::Builder;
use opencom_core::id::{UserId, VisitorId, WorkspaceId};
use opencom_core::{Attributes, Int, Millis, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::Event;
use crate::arguments::{object, object_if_any};
use crate::function::{ANYONE, Access, VISITOR, Who, functions, permitted, permitted_or_visitor};
use crate::limits;

functions! {
    Get: query "visitors:get" -> Option<Visitor>, Access::only(Who::Member).or("null");
    GetBySession: query "visitors:getBySession" -> Option<Visitor>, ANYONE;
    Identify: mutation "visitors:identify" -> Visitor, VISITOR, nulls in "customAttributes";
    UpdateLocation: mutation "visitors:updateLocation" -> (), permitted_or_visitor(Permission::UsersRead);
    Heartbeat: mutation "visitors:heartbeat" -> (), VISITOR.or("null");
    List: query "visitors:list" -> Vec<Visitor>, permitted(Permission::UsersRead).or("[]");
    Search: query "visitors:search" -> Vec<Visitor>, permitted(Permission::UsersRead).or("[]");
    IsOnline: query "visitors:isOnline" -> bool, ANYONE;
}

/// `visitors:identify` changed fields or custom attributes of a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorChanged {
    /// The visitor.
    pub visitor_id: VisitorId,
    /// What changed; never empty.
    pub changes: Vec<VisitorChange>,
}

impl Event for VisitorChanged {}

/// One field or custom attribute that changed, its values as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorChange {
    /// Whether `key` is a field of the visitor or a custom attribute.
    pub source: ChangeSource,
    /// The field or attribute.
    pub key: String,
    /// The value before; `None` if there was none.
    pub from: Option<String>,
    /// The value after; `None` if there is none.
    pub to: Option<String>,
}

/// Where a visitor changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeSource {
    /// `email`, `name` or `externalUserId`.
    State,
    /// A custom attribute.
    Attribute,
}

/// A visitor, for members of the workspace.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Get {
    /// The visitor.
    pub id: VisitorId,
}

/// The oldest visitor with this session id, for whoever knows it.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetBySession {
    /// The id that the client made for its browser or device.
    #[validate(length(max = limits::IDENTIFIER))]
    pub session_id: String,
}

/// Says who a visitor is. With the e-mail address of another visitor the two become one: the other one survives and is
/// returned.
///
/// # Errors
/// What an invalid session token gives (`NOT_AUTHENTICATED`, `NOT_AUTHORIZED`, `SESSION_EXPIRED`); `INVALID_INPUT`
/// without a visitor's id or with too many attributes; `NOT_FOUND`; `NOT_AUTHORIZED` for the origin and for an external
/// id that is not proven where it has to be; `RATE_LIMITED`.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Identify {
    /// The visitor; required in effect, replaced by the token's.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session; must be valid when present.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// Their address; the key of merging.
    #[validate(length(max = limits::EMAIL))]
    pub email: Option<String>,
    /// Their name.
    #[validate(length(max = limits::NAME))]
    pub name: Option<String>,
    /// Their id in the customer's own system.
    #[validate(length(max = limits::IDENTIFIER))]
    pub external_user_id: Option<String>,
    /// Hex HMAC-SHA-256 of `externalUserId` under the workspace's secret.
    #[validate(length(max = limits::TOKEN))]
    pub user_hash: Option<String>,
    /// Where they are; replaces the stored one.
    #[serde(default, deserialize_with = "object_if_any")]
    #[validate(nested)]
    pub location: Option<Location>,
    /// What they use; replaces the stored one.
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
    /// The page's origin, judged by the workspace's list.
    #[validate(length(max = limits::URL))]
    pub origin: Option<String>,
    /// Native apps send it; ignored.
    pub workspace_id: Option<WorkspaceId>,
}

/// Replaces a visitor's location.
///
/// # Errors
/// `NOT_FOUND`; `PERMISSION_DENIED` for agents; for everybody else what the token is refused for, and `NOT_AUTHORIZED`
/// for another visitor's.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct UpdateLocation {
    /// The visitor.
    pub visitor_id: VisitorId,
    /// The visitor's session, when no agent is signed in.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The new location.
    #[serde(deserialize_with = "object")]
    #[validate(nested)]
    pub location: Location,
}

/// Says that the visitor is still there. Never fails for a session that is over.
///
/// # Errors
/// `NOT_AUTHORIZED` for the origin.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Heartbeat {
    /// The visitor; replaced by the token's.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The page's origin, judged by the workspace's list.
    #[validate(length(max = limits::URL))]
    pub origin: Option<String>,
    /// Native apps send it; ignored.
    pub workspace_id: Option<WorkspaceId>,
}

/// Visitors of a workspace, newest first.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Default 100, at most 1000.
    pub limit: Option<Int>,
    /// The last visitor of the previous page.
    pub cursor: Option<VisitorId>,
}

/// Visitors whose name has these words, the last one as a prefix, best first; then those with exactly this address.
///
/// # Errors
/// `RATE_LIMITED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Search {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// At least two characters after trimming; shorter finds nothing.
    #[validate(length(max = limits::IDENTIFIER))]
    pub query: String,
    /// Default 20, at most 50.
    pub limit: Option<Int>,
}

/// Whether the visitor was seen within the last two minutes.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct IsOnline {
    /// The visitor.
    pub visitor_id: VisitorId,
}

/// Where a visitor is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
pub struct Location {
    /// The city's name.
    #[validate(length(max = limits::NAME))]
    pub city: Option<String>,
    /// The region's name.
    #[validate(length(max = limits::NAME))]
    pub region: Option<String>,
    /// The country's name.
    #[validate(length(max = limits::NAME))]
    pub country: Option<String>,
    /// ISO 3166 code of the country.
    #[validate(length(max = limits::NAME))]
    pub country_code: Option<String>,
}

/// What a visitor uses.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
pub struct Device {
    /// The browser's name.
    #[validate(length(max = limits::NAME))]
    pub browser: Option<String>,
    /// The operating system.
    #[validate(length(max = limits::NAME))]
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet` …
    #[validate(length(max = limits::NAME))]
    pub device_type: Option<String>,
    /// `web`, `ios`, `android` …
    #[validate(length(max = limits::NAME))]
    pub platform: Option<String>,
    /// Native apps send it; neither stored nor returned.
    #[serde(skip_serializing)]
    #[validate(length(max = limits::NAME))]
    pub app_version: Option<String>,
}

/// A visitor.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Visitor {
    /// The visitor's id.
    #[serde(rename = "_id")]
    pub id: VisitorId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The id that the client made for its browser or device.
    pub session_id: String,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The user that this visitor is, where that is known.
    pub user_id: Option<UserId>,
    /// `adjective-noun-NN`: a name for people; not unique.
    pub readable_id: Option<String>,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their id in the customer's own system.
    pub external_user_id: Option<String>,
    /// Where they are.
    pub location: Option<Location>,
    /// What they use.
    pub device: Option<Device>,
    /// The page they came from.
    pub referrer: Option<String>,
    /// The page they are on.
    pub current_url: Option<String>,
    /// What the customer says about them.
    pub custom_attributes: Option<Attributes>,
    /// Their first boot.
    pub first_seen_at: Option<Millis>,
    /// Their last sign of life. In lists as of the last boot or identify, so that heartbeats do not re-run lists.
    pub last_seen_at: Option<Millis>,
    /// When they were created.
    pub created_at: Millis,
    /// Whether the customer's server vouched for the external id.
    pub identity_verified: Option<bool>,
    /// When it did so last.
    pub identity_verified_at: Option<Millis>,
}

opencom_core::jsonb_column!(Location);
opencom_core::jsonb_column!(Device);
