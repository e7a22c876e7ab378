//! Agents' sign-in, in the protocol of the Convex Auth library, and what the dashboards call around it.

use bon::Builder;
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::{Int, Json, Millis, Role, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::arguments::object_if_any;
use crate::function::{ANYONE, INTERNAL, SIGNED_IN, functions};
use crate::limits;
use crate::workspaces::{AuthMethod, Workspace};

functions! {
    SignIn: action "auth:signIn" -> SignInResult, ANYONE, nulls in "params";
    SignOut: action "auth:signOut" -> (), ANYONE;
    IsAuthenticated: query "auth:isAuthenticated" -> bool, SIGNED_IN.or("false");
    CurrentUser: query "auth:currentUser" -> Option<Me>, SIGNED_IN.or("null");
    SwitchWorkspace: mutation "auth:switchWorkspace" -> SwitchedWorkspace, SIGNED_IN;
    CompleteSignupProfile: mutation "auth:completeSignupProfile" -> CompletedProfile, SIGNED_IN;
    GetUserWorkspaces: query "auth:getUserWorkspaces" -> Vec<MyWorkspace>, SIGNED_IN.or("[]");
    InternalRotateSigningKey: mutation "auth:internalRotateSigningKey" -> (), INTERNAL;
    InternalEndAllSessions: mutation "auth:internalEndAllSessions" -> Int, INTERNAL;
}

/// How long, in milliseconds, a new signing key only verifies while there is another: every server reloads the keys within
/// that time.
pub const SIGNS_AFTER: i64 = 2 * Millis::MINUTE;

/// Creates a new key that signs agents' tokens.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalRotateSigningKey {
    /// Whether to discard the keys in use, so that every token signed before is invalid. Otherwise the new key signs two
    /// minutes later and the one before stays valid for an hour after that.
    pub at_once: bool,
}

/// Ends every agent's session and returns how many there were.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalEndAllSessions {}

/// Signs in or up, verifies an e-mail code, or trades a refresh token for new tokens.
///
/// # Errors
/// `NOT_AUTHENTICATED` for an unknown account, a wrong password and a wrong code, `RATE_LIMITED` after ten of them and
/// for too many calls from one address, `ALREADY_EXISTS` for a sign-up with an address in use,
/// `INVALID_INPUT` for everything else. A refresh token that is not good is no error but `tokens: null`.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct SignIn {
    /// A [`Provider`]; absent to refresh, or to verify a code that came by link.
    #[validate(length(max = limits::IDENTIFIER))]
    pub provider: Option<String>,
    /// What the provider needs.
    #[serde(default, deserialize_with = "object_if_any")]
    #[validate(nested)]
    pub params: Option<SignInParams>,
    /// Kept for links; compared with nothing.
    #[validate(length(max = limits::TOKEN))]
    pub verifier: Option<String>,
    /// Trades this refresh token for new tokens.
    #[validate(length(max = limits::TOKEN))]
    pub refresh_token: Option<String>,
    /// Which client calls; logged.
    #[validate(length(max = limits::IDENTIFIER))]
    pub called_by: Option<String>,
}

text_enum! {
    /// A way to prove who one is.
    pub enum Provider {
        /// E-mail address and password.
        Password = "password",
        /// A code by e-mail.
        Otp = "resend-otp",
    }
}

impl From<Provider> for AuthMethod {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Password => Self::Password,
            Provider::Otp => Self::Otp,
        }
    }
}

/// What a sign-in provider may be given. Unknown entries are ignored, and an entry that is no text counts as absent.
#[skip_serializing_none]
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignInParams {
    /// `signUp`, `signIn`, `reset`, `reset-verification` or `email-verification`.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::IDENTIFIER))]
    pub flow: Option<String>,
    /// The account's address.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::EMAIL))]
    pub email: Option<String>,
    /// At least 8 UTF-16 units.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::PASSWORD))]
    pub password: Option<String>,
    /// For the flow `reset-verification`.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::PASSWORD))]
    pub new_password: Option<String>,
    /// The person's name, for a sign-up.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::NAME))]
    pub name: Option<String>,
    /// The new workspace's name, for a sign-up.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::NAME))]
    pub workspace_name: Option<String>,
    /// The code from the mail.
    #[serde(default, deserialize_with = "text_if_any")]
    #[validate(length(max = limits::TOKEN))]
    pub code: Option<String>,
    /// Where a link should lead: `/…`, `?…` or below the server's own address.
    pub redirect_to: Option<Json>,
}

/// Entries of `params` are not typed on the wire, so a value of another type is no argument error.
fn text_if_any<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?
        .as_str()
        .map(str::to_owned))
}

/// The outcome of a sign-in: tokens, no tokens, or a code on its way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SignInResult {
    /// A code was sent.
    Started {
        /// Always true.
        started: bool,
    },
    /// Signed in, or `null`: the refresh token or the code was not good.
    Tokens {
        /// Access and refresh token.
        tokens: Option<Tokens>,
    },
}

/// An access token and the token that renews it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// A JWT, good for an hour.
    pub token: String,
    /// `<secret>|<session id>`; good once, and again within seconds for a second tab.
    pub refresh_token: String,
}

/// Ends the caller's session. Never an error.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignOut {}

/// Whether the call carries a token that verifies, of a session that has not ended.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IsAuthenticated {}

/// The signed-in user and their workspaces; `null` for everybody else.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CurrentUser {}

/// The caller's workspaces, in the order in which they joined.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetUserWorkspaces {}

/// Makes another of the caller's workspaces the active one.
///
/// # Errors
/// `NOT_AUTHENTICATED` or `NOT_WORKSPACE_MEMBER`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct SwitchWorkspace {
    /// A workspace that the caller is a member of.
    pub workspace_id: WorkspaceId,
}

/// Fills in what a sign-up by e-mail code could not ask for: the person's name, and a better name for a workspace that
/// still has the one it was born with.
///
/// # Errors
/// `NOT_AUTHENTICATED`, or `NOT_FOUND` for a user without an address or an active workspace.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct CompleteSignupProfile {
    /// Taken only when the user has none.
    #[validate(length(max = limits::NAME))]
    pub name: Option<String>,
    /// Taken only by an owner or admin, and only while the name is the one given at birth.
    #[validate(length(max = limits::NAME))]
    pub workspace_name: Option<String>,
}

text_enum! {
    /// A leftover of an older permission model. Clients show it; no rule reads it beyond "is set".
    pub enum LegacyRole {
        /// Made their own workspace.
        Admin = "admin",
        /// Was added to one.
        Agent = "agent",
    }
}

/// The signed-in user and their workspaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// The user.
    pub user: MyUser,
    /// Their workspaces, in the order in which they joined.
    pub workspaces: Vec<MyWorkspace>,
}

/// The signed-in user.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyUser {
    /// The user's id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// The active workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// See [`LegacyRole`].
    pub role: Option<LegacyRole>,
    /// Their picture.
    pub avatar_url: Option<String>,
}

/// A workspace and what the caller is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MyWorkspace {
    /// The workspace; its secret only for owners and admins.
    #[serde(flatten)]
    pub workspace: Workspace,
    /// The membership's role.
    pub role: Role,
}

/// The user after switching.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchedWorkspace {
    /// The user; `role` is the one in the workspace.
    pub user: SwitchedUser,
}

/// See [`SwitchedWorkspace`].
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwitchedUser {
    /// The user's id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// The workspace that is active now.
    pub workspace_id: WorkspaceId,
    /// The membership's role.
    pub role: Role,
    /// Their picture.
    pub avatar_url: Option<String>,
}

/// What [`CompleteSignupProfile`] changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletedProfile {
    /// Always true.
    pub success: bool,
    /// The name was taken.
    pub user_name_updated: bool,
    /// The workspace was renamed.
    pub workspace_name_updated: bool,
}
