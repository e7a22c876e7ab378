//! What the server says of itself to apps that are about to connect.

use opencom_contract::discovery::{GetMetadata, Metadata};
use opencom_contract::workspaces::{AuthMethod, SignupMode};
use opencom_core::Result;
use opencom_runtime::{Handle, QueryCx};

use crate::Admin;
use crate::workspaces::queries;

/// The version of the description.
const VERSION: &str = "1.0";
/// What a server without a workspace is called.
const NAMELESS: &str = "Opencom";
/// What the server offers.
const FEATURES: [&str; 2] = ["chat", "knowledge-base"];

impl Handle<GetMetadata> for Admin {
    async fn handle(&self, cx: &mut QueryCx, _: GetMetadata) -> Result<Metadata> {
        let workspace = queries::oldest(cx).await?;
        let is_agent = cx.agent_if_any().await?.is_some();
        let (name, signup_mode, auth_methods) = match workspace {
            Some(row) => (row.name, row.signup_mode, row.auth_methods),
            None => (NAMELESS.to_owned(), None, None),
        };
        Ok(Metadata {
            version: VERSION.to_owned(),
            name,
            features: FEATURES.map(str::to_owned).to_vec(),
            signup_mode: is_agent.then(|| signup_mode.unwrap_or(SignupMode::InviteOnly)),
            auth_methods: is_agent.then(|| auth_methods.unwrap_or_else(|| vec![AuthMethod::Password, AuthMethod::Otp])),
        })
    }
}
