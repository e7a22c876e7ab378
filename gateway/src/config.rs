//! What an operator can set: flags, each with an environment variable.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use opencom_providers::email::EmailConfigError;
use opencom_providers::email::received::ResendReceived;
use opencom_providers::email::webhook::Gate;
use opencom_providers::files::S3Config;
use opencom_runtime::limits::Quotas;

use crate::discovery::Discovery;
use crate::mail_channel::{DOMAIN, LARGEST, MailChannel, TOLERANCE};

/// An open customer-messaging server: the Opencom backend on PostgreSQL.
#[derive(Parser)]
#[command(name = "opencom", version, about, max_term_width = 120)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings of `serve`, which may stand without the word.
    #[command(flatten)]
    pub config: Config,
}

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Serve the API (the default).
    Serve(Box<Config>),
    /// Bring the database up to date and stop.
    Migrate(Box<Config>),
    /// Print the OpenAPI document of the HTTP API and stop.
    Openapi,
    /// Fill a new workspace with people, conversations, tickets and articles, to look at and to try things out.
    SeedDemo(Box<SeedDemo>),
    /// Check the settings, the database, the providers and the clock, and say what to mend. Ends with 1 when something is
    /// wrong. Nobody is written to.
    Doctor(Box<Doctor>),
    /// Put a new secret in the place of one that is in use.
    #[command(subcommand)]
    Rotate(Rotate),
}

/// What `seed-demo` can be told.
#[derive(Args)]
pub struct SeedDemo {
    /// Conversations to make, spread over the last four weeks.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub conversations: u32,
    /// The same number makes the same workspace.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The settings of `serve`.
    #[command(flatten)]
    pub config: Config,
}

/// What `doctor` can be told.
#[derive(Args)]
pub struct Doctor {
    /// Print the findings as JSON, for programs.
    #[arg(long)]
    pub json: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub config: Config,
}

/// The secrets that a command exchanges. docs/security.md says how to exchange every other one.
#[derive(Subcommand)]
pub enum Rotate {
    /// Seal all stored secrets anew under a new master key.
    MasterKey(Box<RotateMasterKey>),
    /// Sign agents' tokens with a new key. Nobody is signed out.
    SigningKey(Box<RotateSigningKey>),
    /// End the sessions of all agents: everybody signs in again.
    Sessions(Box<RotateSessions>),
}

/// How to change the master key.
#[derive(Args)]
pub struct RotateMasterKey {
    /// Remove the earlier keys from the data directory, once nothing is sealed under them.
    #[arg(long)]
    pub forget: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub config: Config,
}

/// How to change the signing key.
#[derive(Args)]
pub struct RotateSigningKey {
    /// Make what the keys before it signed worthless within seconds, for when one was stolen. Programs of agents renew their
    /// tokens by themselves.
    #[arg(long)]
    pub at_once: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub config: Config,
}

/// Whose sessions to end.
#[derive(Args)]
pub struct RotateSessions {
    /// End those of visitors too: their widgets start anew, and know only identified visitors again.
    #[arg(long)]
    pub visitors: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub config: Config,
}

/// Which work a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Answers calls.
    Api,
    /// Runs jobs.
    Worker,
    /// Both.
    All,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings. Secrets are never shown or logged.
#[derive(Args, Clone)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, env = "OPENCOM_LISTEN", default_value = "127.0.0.1:3210")]
    pub listen: SocketAddr,

    /// Another address for /metrics, /healthz and /readyz; the first of them is then answered there alone. Of use where
    /// everybody reaches the other address, and for processes that only run jobs, which have no other.
    #[arg(long, env = "OPENCOM_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,

    /// Where callers reach this server; the issuer of agents' tokens. Default: http:// and the address it listens on.
    #[arg(long, env = "OPENCOM_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Where the embedded PostgreSQL, uploaded files, recorded mails and the master key are kept.
    #[arg(long, env = "OPENCOM_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// PostgreSQL 14 or newer to use. Default: an embedded one in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Most sync sockets of this process; further clients are told to come back.
    #[arg(long, env = "OPENCOM_MAX_SOCKETS", default_value_t = 20_000)]
    pub max_sockets: usize,

    /// Most connections to the database for calls, over all threads; live queries and jobs have a quarter each beside.
    #[arg(long, env = "OPENCOM_DATABASE_CONNECTIONS", default_value_t = 32)]
    pub database_connections: usize,

    /// Directory with the binaries of PostgreSQL, for the embedded one. Default: searched, then fetched.
    #[arg(long, env = "OPENCOM_POSTGRES_BIN")]
    pub postgres_bin: Option<PathBuf>,

    /// Account that runs the embedded PostgreSQL when this program runs as root. Default: opencom, postgres or nobody.
    #[arg(long, env = "OPENCOM_POSTGRES_USER")]
    pub postgres_user: Option<String>,

    /// 64 hex digits under which secrets are stored. Default: made once and kept in the data directory.
    #[arg(long, env = "OPENCOM_MASTER_KEY", hide_env_values = true)]
    pub master_key: Option<String>,

    /// Master keys from before, while the key is being changed: they still open what they sealed. See `opencom rotate`.
    #[arg(
        long,
        env = "OPENCOM_MASTER_KEY_PREVIOUS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub master_key_previous: Vec<String>,

    /// PKCS#8 PEM of the RSA key that signs agents' tokens. Default: made once and kept in the database.
    #[arg(long, env = "JWT_PRIVATE_KEY", hide_env_values = true)]
    pub jwt_private_key: Option<String>,

    /// Answer calls, run jobs, or both.
    #[arg(long, env = "OPENCOM_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// This is the only process on its database: it neither tells other processes what changed nor listens to them.
    /// With a second one, both would answer from what they remember.
    #[arg(long, env = "OPENCOM_SINGLE", hide = true)]
    pub single: bool,

    /// Threads that answer calls. Default: one for each processor.
    #[arg(long, env = "OPENCOM_THREADS")]
    pub threads: Option<usize>,

    /// Where uploaded files are kept.
    #[command(flatten)]
    pub s3: S3Flags,

    /// Mail server, as smtp://user:password@host:587 or smtps://… Default: mails are recorded in the data directory.
    #[arg(long, env = "OPENCOM_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,

    /// Key of Resend, to send mails through it.
    #[arg(long, env = "RESEND_API_KEY", hide_env_values = true)]
    pub resend_api_key: Option<String>,

    /// Secret under which the provider of mail signs what it reports (whsec_…). Without one its reports are refused.
    #[arg(long, env = "RESEND_WEBHOOK_SECRET", hide_env_values = true)]
    pub resend_webhook_secret: Option<String>,

    /// `false` takes unsigned reports while there is no secret. For trying out.
    #[arg(long, env = "ENFORCE_WEBHOOK_SIGNATURES", hide = true)]
    pub enforce_webhook_signatures: Option<String>,

    /// Seconds by which a report's time may differ from this machine's. Default: 300.
    #[arg(long, env = "WEBHOOK_MAX_AGE_SECONDS")]
    pub webhook_max_age_seconds: Option<String>,

    /// The largest report that is taken, in bytes.
    #[arg(long, env = "OPENCOM_WEBHOOK_MAX_BYTES", default_value_t = LARGEST)]
    pub webhook_max_bytes: usize,

    /// Domain of the addresses that mail to workspaces goes to.
    #[arg(long, env = "OPENCOM_MAIL_DOMAIN", default_value = DOMAIN)]
    pub mail_domain: String,

    /// Where Resend's API is, if not at Resend itself.
    #[arg(long, env = "RESEND_API_URL", hide = true)]
    pub resend_api_url: Option<String>,

    /// Sender of the server's mails.
    #[arg(long, env = "EMAIL_FROM", default_value = "Opencom <noreply@support.opencom.dev>")]
    pub email_from: String,

    /// Address of the dashboard, for links in mails to agents.
    #[arg(long, env = "OPENCOM_WEB_APP_URL")]
    pub web_app_url: Option<String>,

    /// Key of an API for embeddings that speaks like OpenAI's. Default: vectors are made here, from words and their pieces.
    #[arg(long, env = "AI_GATEWAY_API_KEY", hide_env_values = true)]
    pub ai_gateway_api_key: Option<String>,

    /// Where that API is. Default: OpenAI, or Vercel's gateway when the key starts with vck_.
    #[arg(long, env = "AI_GATEWAY_BASE_URL")]
    pub ai_gateway_base_url: Option<String>,

    /// Language whose word forms the help center's search knows: a text search configuration of PostgreSQL.
    #[arg(long, env = "OPENCOM_SEARCH_LANGUAGE", default_value = "english")]
    pub search_language: String,

    /// The address that apps connect to, as /.well-known/opencom.json gives it. Default: the one that it was asked by.
    #[arg(long, env = "CONVEX_CLOUD_URL")]
    pub convex_url: Option<String>,

    /// The same under an older name.
    #[arg(long, env = "VITE_CONVEX_URL", hide = true)]
    pub vite_convex_url: Option<String>,

    /// Origins whose pages may read /.well-known/opencom.json, each exactly as browsers send it. Default: pages on
    /// localhost and 127.0.0.1.
    #[arg(long, env = "OPENCOM_PUBLIC_CORS_ORIGINS", value_delimiter = ',')]
    pub public_cors_origins: Vec<String>,

    /// Refuse visitors' calls without a session token that published apps still make (identify, heartbeat, reading a
    /// conversation by visitor id).
    #[arg(long, env = "OPENCOM_STRICT_VISITORS")]
    pub strict_visitors: bool,

    /// How often something may be done: `on`, `off`, or the figures that differ, as send=300/120,boot=600/600 (at once / a
    /// minute). By address: sign-in (600/300), sign-up (600/300), email-code (300/120), boot and identify (2000/1200),
    /// webhook (1200/1200); by visitor or agent: send (300/120), search (300/300).
    #[arg(long, env = "OPENCOM_RATE_LIMITS", default_value = "on")]
    pub rate_limits: Quotas,

    /// Addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed, beside those on this machine.
    #[arg(long, env = "OPENCOM_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Hours until an agent must sign in again.
    #[arg(long, env = "OPENCOM_AGENT_SESSION_HOURS", default_value_t = 720)]
    pub agent_session_hours: u32,

    /// Serve a page at /demo on which a visitor and an agent chat, in a workspace made for it. For trying out, on this
    /// machine alone: the page signs everybody in who opens it.
    #[arg(long, env = "OPENCOM_DEMO")]
    pub demo: bool,

    /// How log lines look.
    #[arg(long, env = "OPENCOM_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// The bucket for uploaded files, when they are not to lie in the data directory.
#[derive(Args, Clone)]
pub struct S3Flags {
    /// Bucket of S3, or of a store that speaks its protocol, for uploaded files. Default: they lie in the data directory.
    #[arg(long, env = "OPENCOM_S3_BUCKET", requires_all = ["s3_access_key_id", "s3_secret_access_key"])]
    pub s3_bucket: Option<String>,

    /// Address of a store other than Amazon's, as https://host. Buckets are named in the path.
    #[arg(long, env = "OPENCOM_S3_ENDPOINT", requires = "s3_bucket")]
    pub s3_endpoint: Option<String>,

    /// Region of the bucket.
    #[arg(long, env = "OPENCOM_S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,

    /// Id of the access key for the bucket.
    #[arg(long, env = "OPENCOM_S3_ACCESS_KEY_ID")]
    pub s3_access_key_id: Option<String>,

    /// The access key for the bucket.
    #[arg(long, env = "OPENCOM_S3_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<String>,
}

impl S3Flags {
    /// The bucket, when one is set.
    pub fn bucket(&self) -> Option<S3Config> {
        Some(S3Config {
            bucket: self.s3_bucket.clone()?,
            region: self.s3_region.clone(),
            endpoint: self.s3_endpoint.clone(),
            access_key_id: self.s3_access_key_id.clone()?,
            secret_access_key: self.s3_secret_access_key.clone()?,
        })
    }
}

/// A network, or an address, which is the network of itself.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is neither an address nor a network like 10.0.0.0/8"))
}

impl Config {
    /// How mail comes in.
    pub fn mail_channel(&self) -> Result<MailChannel, EmailConfigError> {
        let key = self.resend_api_key.as_deref().filter(|key| !key.trim().is_empty());
        let received = key.map(|key| ResendReceived::new(key, self.resend_api_url.as_deref()));
        let seconds = self
            .webhook_max_age_seconds
            .as_deref()
            .and_then(|text| text.trim().parse().ok());
        let enforced = self.enforce_webhook_signatures.as_deref() != Some("false");
        Ok(MailChannel {
            gate: Gate::new(
                self.resend_webhook_secret.clone(),
                enforced,
                seconds.unwrap_or(TOLERANCE),
            ),
            received: received.transpose()?.map(|received| Arc::new(received) as _),
            domain: self.mail_domain.trim().to_lowercase(),
            largest: self.webhook_max_bytes,
        })
    }

    /// What apps are told before they connect.
    pub fn discovery(&self) -> Discovery {
        let url = (self.convex_url.clone()).filter(|url| !url.is_empty());
        Discovery::new(url.or_else(|| self.vite_convex_url.clone()), &self.public_cors_origins)
    }

    /// Where callers reach this server, without a slash at the end.
    pub fn public_url(&self) -> Result<String, String> {
        let given = self
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.listen));
        let url = url::Url::parse(&given).map_err(|error| format!("OPENCOM_PUBLIC_URL {given:?}: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "OPENCOM_PUBLIC_URL {given:?}: must start with http:// or https://"
            ));
        }
        Ok(given.trim_end_matches('/').to_owned())
    }
}
