//! Composes the contexts into one server. The only place that knows all contexts.

use std::sync::Arc;

use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use opencom_admin::{Admin, AdminParts};
use opencom_core::auth::jwt::JwtKeys;
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Error, Result};
use opencom_help_center::{HelpCenter, HelpCenterParts};
use opencom_inbox::{Inbox, InboxParts};
use opencom_live::Engine;
use opencom_live::executor;
use opencom_live::session::{Host, Limits};
use opencom_providers::email::webhook::Gate;
use opencom_providers::email::{EmailProvider, Mailbox};
use opencom_providers::embeddings::EmbeddingsProvider;
use opencom_providers::files::FileStore;
use opencom_runtime::limits::{Quotas, RateLimits};
use opencom_runtime::timestamp::Timestamps;
use opencom_runtime::{Clock, Context, Dispatcher, Pool, Process, Registry, Server, Topics};
use tokio::sync::watch;

use crate::absent;
use crate::demo::Demo;
use crate::discovery::Discovery;
use crate::http::email::WEBHOOK;
use crate::mail_channel::MailChannel;
use crate::sockets::Sockets;
use crate::tokens::Verifier;

/// The contexts of the server.
pub fn contexts(parts: &Parts) -> Vec<Arc<dyn Context>> {
    vec![
        Arc::new(Admin::new(AdminParts {
            jwt_keys: Arc::clone(&parts.jwt_keys),
            email: Arc::clone(&parts.email),
            mail_from: parts.mail_from.clone(),
            web_app_url: parts.web_app_url.clone(),
            session_lifetime_ms: parts.agent_session_ms,
            refresh_token_lifetime_ms: parts.agent_session_ms,
        })),
        Arc::new(Inbox::new(InboxParts {
            email: Arc::clone(&parts.email),
            mail_from: parts.mail_from.clone(),
            received_mails: parts.mail_channel.received.clone(),
            mail_domain: parts.mail_channel.domain.clone(),
            web_app_url: parts.web_app_url.clone(),
            files: Arc::clone(&parts.files),
        })),
        Arc::new(HelpCenter::new(HelpCenterParts {
            search_language: parts.search_language.clone(),
            embeddings: Arc::clone(&parts.embeddings),
        })),
        Arc::new(Edge),
    ]
}

/// What the gateway itself registers.
struct Edge;

impl Context for Edge {
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()> {
        registry.declare_limits(&[WEBHOOK]);
        registry.answer_absent(absent::ANSWERS);
        Ok(())
    }
}

/// What the services are made of.
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// Secrets at rest.
    pub master_key: MasterKey,
    /// The keys that sign agents' tokens; none: those of the database.
    pub jwt_keys: Arc<JwtKeys>,
    /// Where callers reach this server, without a slash at the end.
    pub public_url: String,
    /// Refuses visitors' calls without a token.
    pub strict_visitors: bool,
    /// How long agents' sessions and refresh tokens last, in milliseconds.
    pub agent_session_ms: i64,
    /// Sends mails.
    pub email: Arc<dyn EmailProvider>,
    /// Their sender.
    pub mail_from: Mailbox,
    /// How mail comes in.
    pub mail_channel: MailChannel,
    /// Address of the dashboard.
    pub web_app_url: Option<String>,
    /// Keeps files.
    pub files: Arc<dyn FileStore>,
    /// Makes vectors of texts.
    pub embeddings: Arc<dyn EmbeddingsProvider>,
    /// The language of search: the name of a text search configuration of PostgreSQL.
    pub search_language: String,
    /// Times and limits of sync sockets.
    pub socket_limits: Limits,
    /// The most sync sockets of this process.
    pub most_sockets: usize,
    /// How often something may be done.
    pub quotas: Quotas,
    /// Proxies that say where calls come from, beside those on this machine.
    pub trusted_proxies: Vec<IpNet>,
    /// What apps are told before they connect.
    pub discovery: Discovery,
}

/// The server of a process, with the pool of one thread. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Runs functions.
    pub dispatcher: Dispatcher,
    /// The contexts.
    pub contexts: Arc<[Arc<dyn Context>]>,
    /// The keys that sign agents' tokens.
    pub jwt_keys: Arc<JwtKeys>,
    /// Verifies agents' tokens.
    pub tokens: Arc<Verifier>,
    /// The live queries.
    pub engine: Arc<Engine>,
    /// The sync sockets.
    pub sockets: Arc<Sockets>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// The answer of `/.well-known/opencom.json`.
    pub discovery: Arc<Discovery>,
    /// Stores files.
    pub files: Arc<dyn FileStore>,
    /// Verifies the signatures of webhooks.
    pub webhooks: Gate,
    /// The largest body of a webhook, in bytes.
    pub largest_webhook: usize,
    /// The metrics that `/metrics` shows; `None` if they are shown elsewhere.
    pub metrics: Option<PrometheusHandle>,
    /// The demo's page; `None` without `--demo`.
    pub demo: Option<Arc<Demo>>,
}

impl App {
    /// Composes the contexts into a server that runs on `pool`.
    ///
    /// # Errors
    /// An internal error if two contexts claim the same name; `INVALID_INPUT` for a rate limit that no context declares.
    pub fn new(parts: Parts, pool: Pool) -> Result<Self> {
        let contexts = contexts(&parts);
        let registry = Registry::of(&contexts)?;
        let limits = RateLimits::new(&parts.quotas, registry.limits(), parts.clock.clone())
            .map_err(|error| Error::invalid("OPENCOM_RATE_LIMITS", error))?;
        let server = Arc::new(Server {
            limits,
            clock: parts.clock.clone(),
            topics: Arc::new(Topics::default()),
            timestamps: Timestamps::default(),
            master_key: parts.master_key.clone(),
            public_url: parts.public_url.clone(),
            strict_visitors: parts.strict_visitors,
        });
        Ok(Self::serving(
            Dispatcher::new(Arc::new(registry), server, pool),
            contexts,
            parts,
        ))
    }

    /// A server of contexts that run on `dispatcher`.
    pub fn serving(dispatcher: Dispatcher, contexts: Vec<Arc<dyn Context>>, parts: Parts) -> Self {
        let server = Arc::clone(dispatcher.server());
        let engine = Engine::new(Arc::clone(&server.topics));
        let tokens = Arc::new(Verifier::new(Arc::clone(&parts.jwt_keys), Arc::clone(&server)));
        let host = Host {
            server: Arc::clone(&server),
            engine: Arc::clone(&engine),
            tokens: Arc::clone(&tokens) as _,
            limits: parts.socket_limits,
        };
        Self {
            dispatcher,
            contexts: contexts.into(),
            jwt_keys: parts.jwt_keys,
            tokens,
            engine,
            sockets: Arc::new(Sockets::new(host, parts.most_sockets)),
            trusted_proxies: parts.trusted_proxies.into(),
            discovery: Arc::new(parts.discovery),
            files: parts.files,
            webhooks: parts.mail_channel.gate,
            largest_webhook: parts.mail_channel.largest,
            metrics: None,
            demo: None,
        }
    }

    /// The same server on another pool: each thread has its own.
    #[must_use]
    pub fn on(&self, pool: Pool) -> Self {
        Self {
            dispatcher: self.dispatcher.on(pool),
            ..self.clone()
        }
    }

    /// What all functions share.
    pub fn server(&self) -> &Arc<Server> {
        self.dispatcher.server()
    }

    /// What the contexts may use outside of calls.
    pub fn process(&self, database_url: &str) -> Process {
        Process {
            database_url: database_url.to_owned(),
            server: Arc::clone(self.server()),
        }
    }

    /// Keeps live queries up to date on a pool of `connections`, until `stop` turns true.
    pub async fn keep_live(self, pool: Pool, connections: usize, stop: watch::Receiver<bool>) {
        executor::run(self.engine, self.dispatcher.on(pool), connections, stop).await;
    }
}
