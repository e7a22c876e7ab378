//! Workspaces: the tenants.

use bon::Builder;
use opencom_core::Permission::{SettingsSecurity, SettingsWorkspace};
use opencom_core::id::WorkspaceId;
use opencom_core::{Int, Millis, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::function::{AGENT, ANYONE, Access, SIGNED_IN, Who, functions, permitted};
use crate::limits;

functions! {
    Get: query "workspaces:get" -> Option<WorkspaceView>, Access::only(Who::Member).or_less();
    GetPublicWorkspaceContext: query "workspaces:getPublicWorkspaceContext" -> Option<PublicWorkspaceContext>, ANYONE;
    GetByName: query "workspaces:getByName" -> Option<Workspace>, Access::only(Who::Member).or("null");
    Create: mutation "workspaces:create" -> WorkspaceId, AGENT;
    GetOrCreateDefault: mutation "workspaces:getOrCreateDefault" -> Workspace, SIGNED_IN;
    ValidateOrigin: query "workspaces:validateOrigin" -> OriginVerdict, ANYONE;
    UpdateAllowedOrigins: mutation "workspaces:updateAllowedOrigins" -> (), permitted(SettingsSecurity);
    UpdateSignupSettings: mutation "workspaces:updateSignupSettings" -> (), permitted(SettingsSecurity);
    UpdateHelpCenterAccessPolicy: mutation "workspaces:updateHelpCenterAccessPolicy" -> (), permitted(SettingsWorkspace);
}

/// A workspace: all of it for members, id and name for everybody else.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Get {
    /// The workspace.
    pub id: WorkspaceId,
}

/// What an anonymous page of the help center may know: the named workspace, the one whose public article has this slug,
/// else the oldest with a public article, else the oldest.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetPublicWorkspaceContext {
    /// This workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// The workspace with this article.
    #[validate(length(max = limits::IDENTIFIER))]
    pub article_slug: Option<String>,
}

/// The oldest workspace of that exact name, when the caller is a member of it.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetByName {
    /// The exact name.
    #[validate(length(max = limits::NAME))]
    pub name: String,
}

/// Creates a workspace that the caller owns. A workspace of that name that the caller belongs to is returned instead.
///
/// # Errors
/// `NOT_AUTHENTICATED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Create {
    /// Any text, also an empty one.
    #[validate(length(max = limits::NAME))]
    pub name: String,
}

/// The caller's active workspace, or a new `Default Workspace` when it is gone.
///
/// # Errors
/// `NOT_AUTHENTICATED`.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetOrCreateDefault {}

/// Whether a page of this origin may use the workspace.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ValidateOrigin {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// `window.location.origin` of the page.
    #[validate(length(max = limits::URL))]
    pub origin: String,
}

/// Sets whose pages may use the widget.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateAllowedOrigins {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Origins, or `*.domain` for a domain and all below; empty: everyone's. Kept as they are given.
    #[validate(length(max = limits::IDS), custom(function = limits::short_entries))]
    pub allowed_origins: Vec<String>,
}

/// Sets who may join.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateSignupSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Who may.
    pub signup_mode: SignupMode,
    /// E-mail domains that may join, in mode `domain-allowlist`; none when absent and in the other mode.
    #[validate(length(max = limits::IDS), custom(function = limits::short_entries))]
    pub allowed_domains: Option<Vec<String>>,
    /// Ways to sign in; unchanged when absent.
    #[validate(length(max = limits::IDS))]
    pub auth_methods: Option<Vec<AuthMethod>>,
}

/// Sets who may read the help center.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateHelpCenterAccessPolicy {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Who may.
    pub policy: HelpCenterAccessPolicy,
}

text_enum! {
    /// Who may read the help center.
    pub enum HelpCenterAccessPolicy {
        /// Everyone.
        Public = "public",
        /// Members.
        Restricted = "restricted",
    }
}

text_enum! {
    /// Who may join.
    pub enum SignupMode {
        /// Whoever was invited.
        InviteOnly = "invite-only",
        /// Whoever was invited and has an address in an allowed domain.
        DomainAllowlist = "domain-allowlist",
    }
}

text_enum! {
    /// A way to sign in.
    pub enum AuthMethod {
        /// E-mail address and password.
        Password = "password",
        /// A code by e-mail.
        Otp = "otp",
    }
}

text_enum! {
    /// Whether a visitor who claims an external id must prove it.
    pub enum IdentityVerificationMode {
        /// A wrong or missing proof leaves the visitor unverified.
        Optional = "optional",
        /// A wrong or missing proof is refused.
        Required = "required",
    }
}

/// A workspace as members see it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// The workspace's id.
    #[serde(rename = "_id")]
    pub id: WorkspaceId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// Its name; not unique.
    pub name: String,
    /// When it was created.
    pub created_at: Millis,
    /// Origins whose pages may use the widget; absent or empty: all.
    pub allowed_origins: Option<Vec<String>>,
    /// Who may read the help center.
    pub help_center_access_policy: Option<HelpCenterAccessPolicy>,
    /// Who may join.
    pub signup_mode: Option<SignupMode>,
    /// E-mail domains that may join.
    pub allowed_domains: Option<Vec<String>>,
    /// Ways to sign in.
    pub auth_methods: Option<Vec<AuthMethod>>,
    /// The secret of identity verification; for owners and admins alone.
    pub identity_secret: Option<String>,
    /// Whether visitors' external ids are verified.
    pub identity_verification_enabled: Option<bool>,
    /// Whether they must be.
    pub identity_verification_mode: Option<IdentityVerificationMode>,
    /// How long a visitor's session lasts, in milliseconds; absent: 24 hours.
    pub session_lifetime_ms: Option<Int>,
}

/// A workspace as everybody else sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublicWorkspace {
    /// The workspace's id.
    #[serde(rename = "_id")]
    pub id: WorkspaceId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Millis,
}

/// A workspace, as much of it as the caller may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WorkspaceView {
    /// Anyone's view.
    Public(PublicWorkspace),
    /// A member's view.
    Member(Box<Workspace>),
}

/// What an anonymous page of the help center may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicWorkspaceContext {
    /// The workspace's id.
    #[serde(rename = "_id")]
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// `public` unless set.
    pub help_center_access_policy: HelpCenterAccessPolicy,
}

/// Whether an origin is admitted, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OriginVerdict {
    /// Whether it is.
    pub valid: bool,
    /// Why.
    pub reason: String,
}
