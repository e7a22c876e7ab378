//! Identity verification: whether visitors who claim an id of the customer's system must prove it.

use bon::Builder;
use opencom_core::Millis;
use opencom_core::Permission::SettingsSecurity;
use opencom_core::id::{VisitorId, WorkspaceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::done::Done;
use crate::function::{ANYONE, Access, Who, functions, permitted, permitted_or_visitor};
use crate::limits;
use crate::workspaces::IdentityVerificationMode;

functions! {
    GetSettings: query "identityVerification:getSettings" -> Option<Settings>, Access::only(Who::Member).or_strangers("null");
    Enable: mutation "identityVerification:enable" -> Enabled, permitted(SettingsSecurity);
    Disable: mutation "identityVerification:disable" -> Done, permitted(SettingsSecurity);
    RotateSecret: mutation "identityVerification:rotateSecret" -> RotatedSecret, permitted(SettingsSecurity);
    UpdateMode: mutation "identityVerification:updateMode" -> Done, permitted(SettingsSecurity);
    GetSecret: query "identityVerification:getSecret" -> Option<Secret>, permitted(SettingsSecurity);
    IsRequired: query "identityVerification:isRequired" -> Requirement, ANYONE;
    GetVisitorStatus: query "identityVerification:getVisitorStatus" -> Option<VisitorStatus>,
        permitted_or_visitor(opencom_core::Permission::UsersRead);
}

/// Whether verification is on, for members.
///
/// # Errors
/// `NOT_WORKSPACE_MEMBER`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Turns verification on. The secret is made the first time and kept from then on.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Enable {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// `optional` when absent, whatever it was before.
    pub mode: Option<IdentityVerificationMode>,
}

/// Turns verification off. Secret and mode stay.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`, `INVALID_INPUT` when it is not confirmed.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Disable {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// `false` refuses; absent confirms.
    pub confirm_disable: Option<bool>,
}

/// Replaces the secret at once.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`, `INVALID_INPUT` while verification is off.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RotateSecret {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Changes the mode while verification is on.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`, `INVALID_INPUT` while verification is off.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateMode {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The mode.
    pub mode: IdentityVerificationMode,
}

/// The secret, also while verification is off; `null` when none was ever made.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetSecret {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Whether visitors must prove who they are, for everyone.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct IsRequired {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Whether a visitor has proven who they are; `null` when there is no such visitor.
///
/// # Errors
/// `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED` for agents; what the token is refused for and `NOT_AUTHORIZED` for
/// another visitor's for everybody else.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetVisitorStatus {
    /// The visitor.
    pub visitor_id: VisitorId,
    /// The visitor's own token.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// Whether verification is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "IdentityVerificationSettings")]
pub struct Settings {
    /// Whether it is.
    pub enabled: bool,
    /// Whether a proof is needed.
    pub mode: IdentityVerificationMode,
    /// Whether there is a secret.
    pub has_secret: bool,
}

/// Verification is on.
#[skip_serializing_none]
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enabled {
    /// Always `true`.
    pub success: bool,
    /// The secret, only when it was made now.
    pub secret: Option<String>,
    /// Whether it was.
    pub is_new_secret: bool,
    /// The mode from now on.
    pub mode: IdentityVerificationMode,
}

/// There is another secret.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RotatedSecret {
    /// Always `true`.
    pub success: bool,
    /// The new secret.
    pub secret: String,
}

/// The secret under which the customer's server hashes the ids of its users: HMAC-SHA-256, as lower-case hex.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Secret {
    /// 64 letters and digits; their bytes are the key.
    pub secret: String,
}

/// Whether a proof is needed.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    /// Whether proofs are looked at.
    pub enabled: bool,
    /// Whether they are needed; absent where verification was never on.
    pub required: Option<bool>,
}

/// Whether a visitor has proven who they are.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitorStatus {
    /// Whether they have.
    pub verified: bool,
    /// When they last did.
    pub verified_at: Option<Millis>,
}
