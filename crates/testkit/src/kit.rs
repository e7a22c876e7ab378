//! The composed services on a database of one test.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use opencom_contract::{Function, Kind};
use opencom_core::auth::jwt::{JwtKey, JwtKeys};
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Error, Millis, Result};
use opencom_gateway::compose::{App, Parts};
use opencom_gateway::discovery::Discovery;
use opencom_gateway::mail_channel::MailChannel;
use opencom_live::session::Limits;
use opencom_providers::email::{EmailProvider, Recorder};
use opencom_providers::embeddings::{EmbeddingsProvider, LocalNgrams};
use opencom_providers::files::{FileStore, LocalDisk};
use opencom_runtime::limits::Quotas;
use opencom_runtime::{Clock, Dispatcher, Pool, Registry, worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::database::Database;
use crate::people::Person;

/// The master key of tests.
pub const MASTER_KEY: [u8; 32] = [7; 32];
/// An RSA key made for tests alone.
pub const TEST_PEM: &str = include_str!("test_key.pem");

/// Registers functions of a test's own beside those of the contract.
pub type Functions = Arc<dyn Fn(&mut Registry) -> Result<()> + Send + Sync>;

/// What a test may set before it starts.
#[derive(Clone)]
pub struct Settings {
    /// Refuses visitors' calls without a token.
    pub strict_visitors: bool,
    /// Connections of the pool.
    pub connections: usize,
    /// Functions of the test's own.
    pub functions: Option<Functions>,
    /// Times and limits of sync sockets.
    pub socket_limits: Limits,
    /// The most sync sockets.
    pub most_sockets: usize,
    /// Makes vectors of texts.
    pub embeddings: Arc<dyn EmbeddingsProvider>,
    /// The language of search.
    pub search_language: String,
    /// What apps are told before they connect.
    pub discovery: Discovery,
    /// How mail comes in.
    pub mail_channel: MailChannel,
    /// Sends mails, in place of the recorder.
    pub email: Option<Arc<dyn EmailProvider>>,
    /// How often something may be done.
    pub quotas: Quotas,
    /// Address of the dashboard.
    pub web_app_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strict_visitors: false,
            connections: 12,
            functions: None,
            // A busy machine must not change what is shown together.
            socket_limits: Limits {
                opening_patience: Duration::from_secs(60),
                settle_patience: Duration::from_secs(60),
                ..Limits::default()
            },
            most_sockets: 1000,
            embeddings: Arc::new(LocalNgrams),
            search_language: "english".to_owned(),
            discovery: Discovery::default(),
            mail_channel: MailChannel::default(),
            email: None,
            // Tests do more in a second than people do; those about limits set them.
            quotas: Quotas::OFF,
            web_app_url: Some("http://dashboard.test".to_owned()),
        }
    }
}

/// The composed services on a database of one test, with a clock that the test moves and mails that it reads.
pub struct Kit {
    /// The services.
    pub app: App,
    /// Runs functions.
    pub dispatcher: Dispatcher,
    /// The time.
    pub clock: Clock,
    /// Mails that were sent.
    pub mail: Arc<Recorder>,
    /// Files that were stored.
    pub files: Arc<dyn FileStore>,
    /// The database.
    pub database: Arc<Database>,
    settings: Settings,
    // Removed once the last replica is gone.
    directory: Arc<TempDir>,
}

impl Kit {
    /// The services with the default settings.
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// The services.
    pub async fn start_with(settings: Settings) -> Self {
        let database = Arc::new(Database::create().await);
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        let (clock, mail) = (Clock::system(), Arc::new(Recorder::new()));
        Self::compose(settings, database, directory, clock, mail).await
    }

    /// The services once more, as another process has them: database, files, mails and the time are shared, what a process
    /// keeps in memory is not.
    pub async fn replica(&self) -> Self {
        self.replica_with(self.settings.clone()).await
    }

    /// Another process with settings of its own.
    pub async fn replica_with(&self, settings: Settings) -> Self {
        let (database, directory) = (Arc::clone(&self.database), Arc::clone(&self.directory));
        let (clock, mail) = (self.clock.clone(), Arc::clone(&self.mail));
        Self::compose(settings, database, directory, clock, mail).await
    }

    async fn compose(
        settings: Settings,
        database: Arc<Database>,
        directory: Arc<TempDir>,
        clock: Clock,
        mail: Arc<Recorder>,
    ) -> Self {
        let files: Arc<dyn FileStore> = Arc::new(LocalDisk::open(directory.path()).await.expect("a file store"));
        let mut app = App::new(Parts {
            clock: clock.clone(),
            master_key: MasterKey::new(&MASTER_KEY).expect("the test key"),
            jwt_keys: JwtKeys::new(vec![JwtKey::from_pem(TEST_PEM).expect("the test key")]).expect("one key"),
            public_url: "http://opencom.test".to_owned(),
            strict_visitors: settings.strict_visitors,
            agent_session_ms: 30 * Millis::DAY,
            email: settings.email.clone().unwrap_or_else(|| Arc::clone(&mail) as _),
            mail_from: "Opencom <noreply@opencom.test>".parse().expect("a sender"),
            web_app_url: settings.web_app_url.clone(),
            files: Arc::clone(&files),
            embeddings: Arc::clone(&settings.embeddings),
            search_language: settings.search_language.clone(),
            socket_limits: settings.socket_limits.clone(),
            most_sockets: settings.most_sockets,
            quotas: settings.quotas.clone(),
            trusted_proxies: Vec::new(),
            discovery: settings.discovery.clone(),
            mail_channel: settings.mail_channel.clone(),
        })
        .expect("the services");
        if let Some(register) = &settings.functions {
            let registry = Arc::get_mut(&mut app.registry).expect("a registry that nobody else has yet");
            register(registry).expect("the test's own functions");
        }
        let dispatcher = app.dispatcher(Pool::new(database.url(), settings.connections).expect("a pool"));
        Self {
            app,
            dispatcher,
            clock,
            mail,
            files,
            database,
            settings,
            directory,
        }
    }

    /// Calls a function as somebody, through JSON both ways.
    pub async fn call<F: Function>(&self, person: &impl Person, request: &F) -> Result<F::Output> {
        let arguments = serde_json::to_string(request).map_err(Error::internal)?;
        let text = self
            .call_text(person, F::DESCRIPTOR.kind, F::DESCRIPTOR.path, &arguments)
            .await?;
        serde_json::from_str(&text).map_err(Error::internal)
    }

    /// Calls a function of whatever kind it is, by path.
    pub async fn call_json(&self, person: &impl Person, path: &str, arguments: Value) -> Result<Value> {
        let text = self
            .dispatcher
            .call_any(path, &arguments.to_string(), person.caller())
            .await?;
        serde_json::from_str(&text).map_err(Error::internal)
    }

    /// Calls a function with arguments as text.
    pub async fn call_text(&self, person: &impl Person, kind: Kind, path: &str, arguments: &str) -> Result<String> {
        self.dispatcher.call(kind, path, arguments, person.caller()).await
    }

    /// Runs every job that is due, and says how many there were.
    pub async fn run_jobs(&self) -> usize {
        worker::run_due(&self.dispatcher).await.expect("the jobs")
    }

    /// Runs a mutation's SQL outside any function, as nobody: for rows that no function makes.
    pub async fn connection(&self) -> AsyncPgConnection {
        self.database.connection().await
    }
}
