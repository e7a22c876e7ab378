//! What every command needs before it can do its own: the database, the providers, and the services on top of them.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use opencom_core::Millis;
use opencom_core::auth::jwt::{JwtKey, JwtKeys};
use opencom_core::auth::seal::MasterKey;
use opencom_embedded_postgres::{Options, Postgres, url_of_running};
use opencom_live::session::Limits;
use opencom_providers::email::{self, EmailConfig, EmailProvider, Mailbox};
use opencom_providers::embeddings::{self, EmbeddingsConfig, EmbeddingsProvider};
use opencom_providers::files::{FileStore, LocalDisk, S3};
use opencom_runtime::{Clock, Pool};

use crate::compose::{App, Parts};
use crate::config::Config;
use crate::{demo, secrets};

/// Why a command cannot go on, for people.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// The name of the embedded database.
const DATABASE: &str = "opencom";

/// An error and what caused it, in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The database: the one that was named, or an embedded one.
pub(crate) struct Database {
    /// How it is reached.
    pub(crate) url: String,
    /// The embedded one, as long as it is this process that runs it.
    postgres: Option<Postgres>,
}

impl Database {
    /// For the one process that serves: an embedded one lives as long as it.
    pub(crate) async fn own(config: &Config) -> Result<Self, Fault> {
        if let Some(url) = &config.database_url {
            return Ok(Self {
                url: url.clone(),
                postgres: None,
            });
        }
        let postgres = Postgres::start(Options {
            binaries: config.postgres_bin.clone(),
            run_as: config.postgres_user.clone(),
            ..Options::durable(&config.data_dir)
        })
        .await?;
        postgres.ensure_database(DATABASE).await?;
        Ok(Self {
            url: postgres.url(DATABASE),
            postgres: Some(postgres),
        })
    }

    /// For a command beside the server: an embedded one that the server runs, or else runs for a moment.
    pub(crate) async fn reach(config: &Config) -> Result<Self, Fault> {
        match Self::running(config) {
            Some(url) => Ok(Self { url, postgres: None }),
            None => Self::own(config).await,
        }
    }

    /// The embedded one, where a server runs it.
    fn running(config: &Config) -> Option<String> {
        match config.database_url {
            Some(_) => None,
            None => url_of_running(&config.data_dir, DATABASE),
        }
    }

    /// Whether this process runs it, so that no server uses it.
    pub(crate) fn is_own(&self) -> bool {
        self.postgres.is_some()
    }

    /// Stops it, if it is this process that runs it.
    pub(crate) async fn close(self) -> Result<(), Fault> {
        if let Some(postgres) = self.postgres {
            postgres.stop().await?;
        }
        Ok(())
    }
}

/// The settings that can be wrong by themselves, checked before anything slow starts.
pub(crate) struct Checked {
    pub(crate) public_url: String,
    master_key: MasterKey,
    email: Arc<dyn EmailProvider>,
    mail_from: Mailbox,
    embeddings: Arc<dyn EmbeddingsProvider>,
}

pub(crate) fn check(config: &Config) -> Result<Checked, Fault> {
    // Made here, open to the embedded PostgreSQL's account; what is private inside has modes of its own.
    std::fs::create_dir_all(&config.data_dir).map_err(|error| {
        let directory = config.data_dir.display();
        format!("{directory} cannot be the data directory: {error}; set OPENCOM_DATA_DIR to one that can be written")
    })?;
    let public_url = config.public_url()?;
    if config.demo {
        demo::check(config, &public_url)?;
    }
    let mail_from = mail_from(config)?;
    let email = email(config)?;
    if email.name() == "recorder" {
        tracing::info!(
            "no mail server is set: mails are recorded in {}",
            mail_dir(config).display()
        );
    }
    let embeddings = embeddings(config)?;
    if embeddings.name() == "local" {
        tracing::info!("no AI_GATEWAY_API_KEY is set: embeddings are made here, from words and their pieces");
    }
    let master_key = secrets::master_key(config)?;
    Ok(Checked {
        public_url,
        master_key,
        email,
        mail_from,
        embeddings,
    })
}

/// The sender of mails.
pub(crate) fn mail_from(config: &Config) -> Result<Mailbox, Fault> {
    let parsed = config.email_from.parse();
    Ok(parsed.map_err(|error| format!("EMAIL_FROM: {error}"))?)
}

/// Where mails are recorded that nobody sends.
fn mail_dir(config: &Config) -> PathBuf {
    config.data_dir.join("mail")
}

/// What sends mails.
pub(crate) fn email(config: &Config) -> Result<Arc<dyn EmailProvider>, Fault> {
    let (smtp, resend) = (config.smtp_url.clone(), config.resend_api_key.clone());
    let email = EmailConfig::from_settings(smtp, resend, Some(mail_dir(config))).and_then(email::build);
    Ok(email.map_err(|error| format!("OPENCOM_SMTP_URL or RESEND_API_KEY: {error}"))?)
}

/// What makes vectors of texts.
pub(crate) fn embeddings(config: &Config) -> Result<Arc<dyn EmbeddingsProvider>, Fault> {
    let settings = EmbeddingsConfig::from_settings(
        config.ai_gateway_api_key.as_deref(),
        config.ai_gateway_base_url.as_deref(),
    );
    let embeddings = embeddings::build(&settings);
    Ok(embeddings.map_err(|error| format!("AI_GATEWAY_API_KEY or AI_GATEWAY_BASE_URL: {error}"))?)
}

/// Composes the contexts with the providers that the configuration names, and prepares each.
pub(crate) async fn compose(config: &Config, checked: Checked, url: &str) -> Result<App, Fault> {
    let app = assemble(config, checked, url).await?;
    let process = app.process(url);
    for context in app.contexts.iter() {
        context.prepare(&process).await.map_err(|error| match error.cause() {
            Some(cause) => Fault::from(format!("{error}: {cause}")),
            None => Fault::from(error.message().to_owned()),
        })?;
    }
    Ok(app)
}

/// Composes the contexts, which read nothing from the database yet.
pub(crate) async fn assemble(config: &Config, checked: Checked, url: &str) -> Result<App, Fault> {
    let pem = config.jwt_private_key.as_deref().filter(|pem| !pem.trim().is_empty());
    let jwt_keys = pem.map(JwtKey::from_pem).transpose()?;
    let files = file_store(config).await?;
    let parts = Parts {
        clock: Clock::system(),
        master_key: checked.master_key,
        jwt_keys: Arc::new(JwtKeys::new(jwt_keys.into_iter().collect())),
        public_url: checked.public_url,
        strict_visitors: config.strict_visitors,
        agent_session_ms: i64::from(config.agent_session_hours) * Millis::HOUR,
        email: checked.email,
        mail_from: checked.mail_from,
        embeddings: checked.embeddings,
        search_language: config.search_language.clone(),
        web_app_url: config
            .web_app_url
            .as_ref()
            .map(|url| url.trim_end_matches('/').to_owned()),
        files,
        socket_limits: Limits::default(),
        most_sockets: config.max_sockets,
        quotas: config.rate_limits.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        discovery: config.discovery(),
        mail_channel: config
            .mail_channel()
            .map_err(|error| format!("RESEND_API_KEY: {error}"))?,
    };
    Ok(App::new(parts, Pool::new(url, 1)?)?)
}

/// Where uploaded files are kept: the bucket that is set, or the data directory.
pub(crate) async fn file_store(config: &Config) -> Result<Arc<dyn FileStore>, Fault> {
    if let Some(bucket) = config.s3.bucket() {
        let name = bucket.bucket.clone();
        let store = S3::open(bucket).await.map_err(|error| {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            format!(
                "the bucket {name:?} cannot be used; look at OPENCOM_S3_BUCKET and the variables beside it: {cause}"
            )
        })?;
        return Ok(Arc::new(store));
    }
    let place = config.data_dir.join("files");
    let store = LocalDisk::open(&place)
        .await
        .map_err(|error| format!("{} cannot be used: {error}", place.display()))?;
    Ok(Arc::new(store))
}
