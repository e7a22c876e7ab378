//! Puts the services together. The only place that knows all contexts.

use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use opencom_admin::{Admin, AdminParts, AdminService};
use opencom_contract::embeddings::ContentType;
use opencom_core::Result;
use opencom_core::auth::jwt::JwtKeys;
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::{SnippetId, WorkspaceId};
use opencom_help_center::embeddings::{self, Content};
use opencom_help_center::{HelpCenter, HelpCenterParts, HelpCenterService, public};
use opencom_inbox::ports::SnippetKnowledge;
use opencom_inbox::{Inbox, InboxParts, InboxService};
use opencom_live::Engine;
use opencom_live::executor;
use opencom_live::session::{Host, Limits};
use opencom_providers::email::webhook::Gate;
use opencom_providers::email::{EmailProvider, Mailbox};
use opencom_providers::embeddings::EmbeddingsProvider;
use opencom_providers::files::FileStore;
use opencom_runtime::limits::{Quotas, RateLimits};
use opencom_runtime::timestamp::Timestamps;
use opencom_runtime::{Clock, Dispatcher, MutationCx, Pool, QueryCx, Registry, Server, Topics};
use tokio::sync::watch;

use crate::absent;
use crate::discovery::Discovery;
use crate::mail_channel::MailChannel;
use crate::sockets::Sockets;
use crate::tokens::Verifier;

/// What the help center tells the context `admin`.
struct PublicArticles;

#[async_trait]
impl opencom_admin::ports::PublicArticles for PublicArticles {
    async fn workspaces_with_slug(&self, cx: &mut QueryCx, slug: &str) -> Result<Vec<WorkspaceId>> {
        public::workspaces_with_slug(cx, slug).await
    }

    async fn oldest_workspace_with_one(&self, cx: &mut QueryCx) -> Result<Option<WorkspaceId>> {
        public::oldest_workspace_with_one(cx).await
    }
}

/// What the inbox tells the help center of its snippets: they are found by meaning like articles.
struct Snippets;

impl Snippets {
    fn content(workspace_id: WorkspaceId, id: SnippetId) -> Content {
        Content {
            workspace_id,
            content_type: ContentType::Snippet,
            content_id: id.to_string(),
        }
    }
}

#[async_trait]
impl SnippetKnowledge for Snippets {
    async fn snippet_saved(
        &self,
        cx: &mut MutationCx,
        workspace: WorkspaceId,
        id: SnippetId,
        _: &str,
        _: &str,
    ) -> Result<()> {
        embeddings::schedule(cx, Self::content(workspace, id)).await
    }

    async fn snippet_removed(&self, cx: &mut MutationCx, id: SnippetId) -> Result<()> {
        embeddings::remove(cx, ContentType::Snippet, &id.to_string()).await
    }
}

/// What the services are made of.
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// Secrets at rest.
    pub master_key: MasterKey,
    /// Sign agents' tokens.
    pub jwt_keys: JwtKeys,
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

/// The composed services, ready to run on a pool.
#[derive(Clone)]
pub struct App {
    /// Every function and job.
    pub registry: Arc<Registry>,
    /// What they share.
    pub server: Arc<Server>,
    /// Sign agents' tokens.
    pub jwt_keys: Arc<JwtKeys>,
    /// Verifies them.
    pub tokens: Arc<Verifier>,
    /// The live queries.
    pub engine: Arc<Engine>,
    /// The sync sockets.
    pub sockets: Arc<Sockets>,
    /// Proxies that say where calls come from.
    pub trusted_proxies: Arc<[IpNet]>,
    /// What apps are told before they connect.
    pub discovery: Arc<Discovery>,
    /// Keeps files.
    pub files: Arc<dyn FileStore>,
    /// Takes in what webhooks bring.
    pub inbox: Arc<dyn InboxService>,
    /// Checks where webhooks come from.
    pub webhooks: Gate,
    /// The largest body of a webhook.
    pub largest_webhook: usize,
}

impl App {
    /// Puts the services together.
    pub fn new(parts: Parts) -> Result<Self> {
        let jwt_keys = Arc::new(parts.jwt_keys);
        let server = Arc::new(Server {
            limits: RateLimits::new(&parts.quotas, parts.clock.clone()),
            clock: parts.clock,
            topics: Arc::new(Topics::default()),
            timestamps: Timestamps::default(),
            master_key: parts.master_key,
            public_url: parts.public_url,
            strict_visitors: parts.strict_visitors,
        });
        let admin = Arc::new(Admin::new(AdminParts {
            jwt_keys: Arc::clone(&jwt_keys),
            email: Arc::clone(&parts.email),
            mail_from: parts.mail_from.clone(),
            web_app_url: parts.web_app_url.clone(),
            articles: Some(Arc::new(PublicArticles)),
            session_lifetime_ms: parts.agent_session_ms,
            refresh_token_lifetime_ms: parts.agent_session_ms,
        }));
        let inbox = Arc::new(Inbox::new(InboxParts {
            audit: Arc::clone(&admin) as _,
            email: parts.email,
            mail_from: parts.mail_from,
            received_mails: parts.mail_channel.received,
            mail_domain: parts.mail_channel.domain,
            web_app_url: parts.web_app_url,
            files: Arc::clone(&parts.files),
            visitor_changes: Vec::new(),
            snippet_knowledge: Some(Arc::new(Snippets)),
            push: None,
        }));
        let help_center = Arc::new(HelpCenter::new(HelpCenterParts {
            search_language: parts.search_language,
            events: None,
            embeddings: parts.embeddings,
        }));
        let mut registry = Registry::default();
        opencom_runtime::requests::register(&mut registry)?;
        registry.answer_absent(absent::ANSWERS);
        opencom_admin::register(&mut registry, &(admin as Arc<dyn AdminService>))?;
        let inbox: Arc<dyn InboxService> = inbox;
        opencom_inbox::register(&mut registry, &inbox)?;
        opencom_help_center::register(&mut registry, &(help_center as Arc<dyn HelpCenterService>))?;
        let engine = Engine::new(Arc::clone(&server.topics));
        let tokens = Arc::new(Verifier::new(Arc::clone(&jwt_keys), Arc::clone(&server)));
        let host = Host {
            server: Arc::clone(&server),
            engine: Arc::clone(&engine),
            tokens: Arc::clone(&tokens) as _,
            limits: parts.socket_limits,
        };
        Ok(Self {
            registry: Arc::new(registry),
            server,
            jwt_keys,
            tokens,
            engine,
            sockets: Arc::new(Sockets::new(host, parts.most_sockets)),
            trusted_proxies: parts.trusted_proxies.into(),
            discovery: Arc::new(parts.discovery),
            files: parts.files,
            inbox,
            webhooks: parts.mail_channel.gate,
            largest_webhook: parts.mail_channel.largest,
        })
    }

    /// Runs the functions on a pool.
    pub fn dispatcher(&self, pool: Pool) -> Dispatcher {
        Dispatcher::new(Arc::clone(&self.registry), Arc::clone(&self.server), pool)
    }

    /// Keeps live queries up to date on a pool of `connections`, until `stop` turns true.
    pub async fn keep_live(self, pool: Pool, connections: usize, stop: watch::Receiver<bool>) {
        let dispatcher = self.dispatcher(pool);
        executor::run(self.engine, dispatcher, connections, stop).await;
    }
}
