//! What the server says of itself to apps that are about to connect.

use async_trait::async_trait;
use opencom_contract::discovery::{GetMetadata, Metadata};
use opencom_contract::workspaces::{AuthMethod, SignupMode};
use opencom_core::Result;
use opencom_runtime::QueryCx;
use opencom_runtime::registry::Registration;

use crate::workspaces::queries;
use crate::{Admin, AdminService};

/// The version of the description.
const VERSION: &str = "1.0";
/// What a server without a workspace is called.
const NAMELESS: &str = "Opencom";
/// What the server offers.
const FEATURES: [&str; 2] = ["chat", "knowledge-base"];

/// Functions of the module `discovery`.
#[async_trait]
pub trait Discovery: Send + Sync {
    /// Version, name and features for everyone; how to sign up and in for signed-in agents.
    async fn discovery_get_metadata(&self, cx: &mut QueryCx, req: GetMetadata) -> Result<Metadata>;
}

pub(crate) fn register(of: &mut Registration<'_, dyn AdminService>) {
    of.query::<GetMetadata>(|s, cx, req| s.discovery_get_metadata(cx, req));
}

#[async_trait]
impl Discovery for Admin {
    async fn discovery_get_metadata(&self, cx: &mut QueryCx, _: GetMetadata) -> Result<Metadata> {
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
