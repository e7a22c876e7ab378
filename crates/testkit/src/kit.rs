//! Contexts on a database of one test.

use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use opencom_contract::{Function, Kind};
use opencom_core::auth::jwt::{JwtKey, JwtKeys};
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Error, Result};
use opencom_providers::email::received::ReceivedMails;
use opencom_providers::email::{EmailProvider, Mailbox, Recorder};
use opencom_providers::embeddings::{EmbeddingsProvider, LocalNgrams};
use opencom_providers::files::{FileStore, LocalDisk};
use opencom_runtime::handle::UnitOfWork;
use opencom_runtime::limits::{Quotas, RateLimits};
use opencom_runtime::timestamp::Timestamps;
use opencom_runtime::{Clock, Context, Dispatcher, Pool, Process, Registry, Server, Topics, worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::database::Database;
use crate::people::Person;

/// The master key of tests.
pub const MASTER_KEY: [u8; 32] = [7; 32];
/// An RSA key made for tests alone.
pub const TEST_PEM: &str = include_str!("test_key.pem");
/// The public address of the server under test.
pub const PUBLIC_URL: &str = "http://opencom.test";

/// Registers functions of a test's own beside those of the contexts.
pub type Functions = Arc<dyn Fn(&mut Registry) -> Result<()> + Send + Sync>;

/// Makes the contexts under test of their parts.
pub type Contexts = Arc<dyn Fn(&Parts) -> Vec<Arc<dyn Context>> + Send + Sync>;

/// What a test may set before it starts.
#[derive(Clone)]
pub struct Settings {
    /// Refuses visitors' calls without a token.
    pub strict_visitors: bool,
    /// Connections of the pool.
    pub connections: usize,
    /// Functions of the test's own.
    pub functions: Option<Functions>,
    /// Computes embeddings.
    pub embeddings: Arc<dyn EmbeddingsProvider>,
    /// The language of search.
    pub search_language: String,
    /// Fetches received mails; `None`: no provider does.
    pub received_mails: Option<Arc<dyn ReceivedMails>>,
    /// The domain of workspaces' mail addresses.
    pub mail_domain: String,
    /// Sends mails, in place of the recorder.
    pub email: Option<Arc<dyn EmailProvider>>,
    /// Rate limits.
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
            embeddings: Arc::new(LocalNgrams),
            search_language: "english".to_owned(),
            received_mails: None,
            mail_domain: "mail.opencom.app".to_owned(),
            email: None,
            // Tests do more in a second than people do; those about limits set them.
            quotas: Quotas::OFF,
            web_app_url: Some("http://dashboard.test".to_owned()),
        }
    }
}

/// What the contexts under test are made of.
#[derive(Clone)]
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// The keys that sign agents' tokens.
    pub jwt_keys: Arc<JwtKeys>,
    /// Sends mails.
    pub email: Arc<dyn EmailProvider>,
    /// The sender of mails.
    pub mail_from: Mailbox,
    /// Stores files.
    pub files: Arc<dyn FileStore>,
    /// What the test set.
    pub settings: Settings,
}

/// Contexts on a database of one test, with a clock that the test moves and mails that it reads.
pub struct Kit {
    /// Runs functions.
    pub dispatcher: Dispatcher,
    /// What all functions share.
    pub server: Arc<Server>,
    /// The contexts.
    pub contexts: Vec<Arc<dyn Context>>,
    /// What the contexts are made of.
    pub parts: Parts,
    /// The time.
    pub clock: Clock,
    /// Mails that were sent.
    pub mail: Arc<Recorder>,
    /// Files that were stored.
    pub files: Arc<dyn FileStore>,
    /// The database.
    pub database: Arc<Database>,
    make: Contexts,
    // Removed once the last replica is gone.
    directory: Arc<TempDir>,
}

impl Kit {
    /// The contexts with the default settings.
    pub async fn start(contexts: Contexts) -> Self {
        Self::start_with(Settings::default(), contexts).await
    }

    /// The contexts with these settings.
    pub async fn start_with(settings: Settings, contexts: Contexts) -> Self {
        let database = Arc::new(Database::create().await);
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        Self::compose(
            settings,
            contexts,
            database,
            directory,
            Clock::system(),
            Arc::new(Recorder::new()),
        )
        .await
    }

    /// Another process on the same database, files, mails and clock, with its own memory.
    pub async fn replica(&self) -> Self {
        self.replica_with(self.parts.settings.clone(), Arc::clone(&self.make))
            .await
    }

    /// Another process with settings and contexts of its own.
    pub async fn replica_with(&self, settings: Settings, contexts: Contexts) -> Self {
        let (database, directory) = (Arc::clone(&self.database), Arc::clone(&self.directory));
        let (clock, mail) = (self.clock.clone(), Arc::clone(&self.mail));
        Self::compose(settings, contexts, database, directory, clock, mail).await
    }

    async fn compose(
        settings: Settings,
        make: Contexts,
        database: Arc<Database>,
        directory: Arc<TempDir>,
        clock: Clock,
        mail: Arc<Recorder>,
    ) -> Self {
        let files: Arc<dyn FileStore> = Arc::new(LocalDisk::open(directory.path()).await.expect("a file store"));
        let key = JwtKey::from_pem(TEST_PEM).expect("the test key");
        let parts = Parts {
            clock: clock.clone(),
            jwt_keys: Arc::new(JwtKeys::new(vec![key])),
            email: settings.email.clone().unwrap_or_else(|| Arc::clone(&mail) as _),
            mail_from: "Opencom <noreply@opencom.test>".parse().expect("a sender"),
            files: Arc::clone(&files),
            settings,
        };
        let contexts = make(&parts);
        let mut registry = Registry::of(&contexts).expect("the contexts");
        if let Some(register) = &parts.settings.functions {
            register(&mut registry).expect("the test's own functions");
            assert_eq!(
                registry.clashes(),
                Vec::<String>::new(),
                "a context serves them already"
            );
        }
        let limits = RateLimits::new(&parts.settings.quotas, registry.limits(), clock.clone());
        let server = Arc::new(Server {
            limits: limits.expect("limits that are declared"),
            clock: clock.clone(),
            topics: Arc::new(Topics::default()),
            timestamps: Timestamps::default(),
            master_key: MasterKey::new(&MASTER_KEY).expect("the test key"),
            public_url: PUBLIC_URL.to_owned(),
            strict_visitors: parts.settings.strict_visitors,
        });
        let pool = Pool::new(database.url(), parts.settings.connections).expect("a pool");
        Self {
            dispatcher: Dispatcher::new(Arc::new(registry), Arc::clone(&server), pool),
            server,
            contexts,
            parts,
            clock,
            mail,
            files,
            database,
            make,
            directory,
        }
    }

    /// What the contexts may use outside of calls.
    pub fn process(&self) -> Process {
        Process {
            database_url: self.database.url().to_owned(),
            server: Arc::clone(&self.server),
        }
    }

    /// Calls a function as a person, through JSON both ways.
    pub async fn call<F: Function>(&self, person: &impl Person, request: &F) -> Result<F::Output> {
        let text = self
            .call_text(person, F::DESCRIPTOR.kind, F::DESCRIPTOR.path, &request.to_json()?)
            .await?;
        F::output_from_json(&text)
    }

    /// Calls an internal function.
    pub async fn invoke<F: Function<Kind: UnitOfWork>>(&self, request: F) -> Result<F::Output> {
        self.dispatcher
            .invoke(request, opencom_runtime::Caller::Anonymous)
            .await
    }

    /// Calls a function of any kind, by path.
    pub async fn call_json(&self, person: &impl Person, path: &str, arguments: Value) -> Result<Value> {
        let function = self.dispatcher.resolve(path)?;
        let text = self
            .dispatcher
            .call(&function, &arguments.to_string(), person.caller())
            .await?;
        serde_json::from_str(&text).map_err(Error::internal)
    }

    /// Calls a function of this kind with arguments as text.
    pub async fn call_text(&self, person: &impl Person, kind: Kind, path: &str, arguments: &str) -> Result<String> {
        let function = self.dispatcher.resolve(path)?;
        function.ensure_kind(kind)?;
        self.dispatcher.call(&function, arguments, person.caller()).await
    }

    /// Calls an internal function by path, anonymously.
    pub async fn invoke_json(&self, path: &str, arguments: Value) -> Result<Value> {
        let function = self.dispatcher.registry().resolve_internal(path)?;
        let anonymous = opencom_runtime::Caller::Anonymous;
        let text = self
            .dispatcher
            .call(&function, &arguments.to_string(), anonymous)
            .await?;
        serde_json::from_str(&text).map_err(Error::internal)
    }

    /// Runs every job that is due, and returns how many there were.
    pub async fn run_jobs(&self) -> usize {
        worker::run_due(&self.dispatcher).await.expect("the jobs")
    }

    /// A connection for rows that no function makes.
    pub async fn connection(&self) -> AsyncPgConnection {
        self.database.connection().await
    }
}
