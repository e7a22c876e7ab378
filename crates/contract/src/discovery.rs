//! What a server says of itself to apps that are about to connect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::function::{ANYONE, functions};
use crate::workspaces::{AuthMethod, SignupMode};

functions! {
    GetMetadata: query "discovery:getMetadata" -> Metadata, ANYONE;
}

/// What this server is: named after its oldest workspace; how to sign up, for signed-in agents only.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetMetadata {}

/// What a server is.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The version of this description, `1.0`.
    pub version: String,
    /// The oldest workspace's name, or `Opencom`.
    pub name: String,
    /// What the server offers.
    pub features: Vec<String>,
    /// How people join the oldest workspace, for signed-in agents.
    pub signup_mode: Option<SignupMode>,
    /// How people sign in there, for signed-in agents.
    pub auth_methods: Option<Vec<AuthMethod>>,
}
