//! The contexts of the server on a database of one test, and the server around them.

use std::sync::Arc;
use std::time::Duration;

use opencom_core::Millis;
use opencom_core::auth::seal::MasterKey;
use opencom_gateway::compose::{self, App};
use opencom_gateway::discovery::Discovery;
use opencom_gateway::mail_channel::MailChannel;
use opencom_live::session::Limits;
use opencom_testkit::{Contexts, Kit, MASTER_KEY, PUBLIC_URL, Parts, Settings};

/// What a test may set of the gateway itself.
#[derive(Clone)]
pub(crate) struct Edge {
    /// Times and limits of sync sockets.
    pub(crate) socket_limits: Limits,
    /// The most sync sockets.
    pub(crate) most_sockets: usize,
    /// The answer of `/.well-known/opencom.json`.
    pub(crate) discovery: Discovery,
    /// How webhooks are verified.
    pub(crate) mail_channel: MailChannel,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            // A busy machine must not change what is shown together.
            socket_limits: Limits {
                opening_patience: Duration::from_secs(60),
                settle_patience: Duration::from_secs(60),
                ..Limits::default()
            },
            most_sockets: 1000,
            discovery: Discovery::default(),
            mail_channel: MailChannel::default(),
        }
    }
}

/// Every context of the server.
pub(crate) fn contexts() -> Contexts {
    Arc::new(|parts| compose::contexts(&server_parts(parts, Edge::default())))
}

/// Every context with the default settings.
pub(crate) async fn kit() -> Kit {
    kit_with(Settings::default()).await
}

/// Every context with these settings.
pub(crate) async fn kit_with(settings: Settings) -> Kit {
    Kit::start_with(settings, contexts()).await
}

/// The server around the contexts of a kit.
pub(crate) fn app(kit: &Kit, edge: Edge) -> App {
    let parts = server_parts(&kit.parts, edge);
    App::serving(kit.dispatcher.clone(), kit.contexts.clone(), parts)
}

fn server_parts(parts: &Parts, edge: Edge) -> compose::Parts {
    let settings = &parts.settings;
    compose::Parts {
        clock: parts.clock.clone(),
        master_key: MasterKey::new(&MASTER_KEY).unwrap(),
        jwt_keys: Arc::clone(&parts.jwt_keys),
        public_url: PUBLIC_URL.to_owned(),
        strict_visitors: settings.strict_visitors,
        agent_session_ms: 30 * Millis::DAY,
        email: Arc::clone(&parts.email),
        mail_from: parts.mail_from.clone(),
        mail_channel: MailChannel {
            received: settings.received_mails.clone(),
            domain: settings.mail_domain.clone(),
            ..edge.mail_channel
        },
        web_app_url: settings.web_app_url.clone(),
        files: Arc::clone(&parts.files),
        embeddings: Arc::clone(&settings.embeddings),
        search_language: settings.search_language.clone(),
        socket_limits: edge.socket_limits,
        most_sockets: edge.most_sockets,
        quotas: settings.quotas.clone(),
        trusted_proxies: Vec::new(),
        discovery: edge.discovery,
    }
}
