//! The life of a process: start, serve, stop.

use std::error::Error;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpServer;
use metrics_exporter_prometheus::PrometheusHandle;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use opencom_core::Millis;
use opencom_core::auth::seal::MasterKey;
use opencom_embedded_postgres::{Options, Postgres};
use opencom_help_center::embeddings::pgvector::{self, Readiness};
use opencom_live::session::Limits;
use opencom_providers::email::{self, EmailConfig, EmailProvider, Mailbox};
use opencom_providers::embeddings::{self, EmbeddingsConfig, EmbeddingsProvider};
use opencom_providers::files::{FileStore, LocalDisk, S3};
use opencom_runtime::{Clock, Pool, bus, database, worker};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::compose::{App, Parts};
use crate::config::{Cli, Command, Config, Role};
use crate::demo::{self, Demo};
use crate::measurements::{self, Pools};
use crate::{http, logging, openapi, secrets};

type Fault = Box<dyn Error + Send + Sync>;

/// The name of the embedded database.
const DATABASE: &str = "opencom";

/// Runs the program, and says on standard error why it ended when it did not end well.
pub fn main(cli: Cli) -> ExitCode {
    let (config, serving) = match cli.command {
        None => (cli.config, true),
        Some(Command::Serve(config)) => (*config, true),
        Some(Command::Migrate(config)) => (*config, false),
        Some(Command::Openapi) => return print(openapi::text()),
    };
    logging::start(config.log_format);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Fault::from)
        .and_then(|runtime| {
            runtime.block_on(async {
                if serving {
                    serve(config).await
                } else {
                    migrate(config).await
                }
            })
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output. A reader that has seen enough is no failure.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// An error and what caused it, in one line.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The database: the one that was named, or an embedded one that lives as long as this process.
async fn database(config: &Config) -> Result<(String, Option<Postgres>), Fault> {
    if let Some(url) = &config.database_url {
        return Ok((url.clone(), None));
    }
    let postgres = Postgres::start(Options {
        binaries: config.postgres_bin.clone(),
        run_as: config.postgres_user.clone(),
        ..Options::durable(&config.data_dir)
    })
    .await?;
    postgres.ensure_database(DATABASE).await?;
    Ok((postgres.url(DATABASE), Some(postgres)))
}

async fn migrate(config: Config) -> Result<(), Fault> {
    let (url, postgres) = database(&config).await?;
    let applied = database::migrate(&url).await?;
    tracing::info!("{applied} migrations applied; the database is up to date");
    prepare_vectors(url).await;
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    Ok(())
}

async fn serve(config: Config) -> Result<(), Fault> {
    let checked = check(&config)?;
    let public_url = checked.public_url.clone();
    // Before anything slow: a port that is taken should be known at once.
    let listener = match config.role {
        Role::Worker => None,
        Role::Api | Role::All => Some(bind(config.listen)?),
    };
    let for_operators = config.metrics_listen.map(bind).transpose()?;
    allow_many_sockets();
    let metrics = measurements::start()?;
    let (url, postgres) = database(&config).await?;
    let applied = database::migrate(&url).await?;
    if applied > 0 {
        tracing::info!("{applied} migrations applied");
    }
    opencom_help_center::check_search_language(&Pool::new(&url, 1)?, &config.search_language)
        .await
        .map_err(|error| format!("OPENCOM_SEARCH_LANGUAGE: {error}"))?;
    let app = compose(&config, checked, &url).await?;
    // Beside everything else: an index of much that is there already takes a while, and whoever ends meanwhile starts over.
    tokio::spawn(prepare_vectors(url.clone()));

    let (stop, stopping) = watch::channel(false);
    let beside = config.database_connections.div_ceil(4).max(2);
    let pools = Pools::default();
    let pool = |name| Ok::<_, Fault>(pools.watched(Pool::new(&url, beside)?.named(name)));
    let jobs = (config.role != Role::Api).then(|| pool("jobs")).transpose()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(measurements::sum_up(
        metrics.clone(),
        Arc::clone(&app.server),
        pools.clone(),
        jobs.clone(),
        stopping.clone(),
    ));
    if !config.single {
        tasks.spawn(bus::run(url.clone(), Arc::clone(&app.server.topics), stopping.clone()));
    }
    if let Some(jobs) = jobs {
        tasks.spawn(worker::run(app.dispatcher(jobs), stopping.clone()));
    }
    if config.role != Role::Worker {
        tasks.spawn(app.clone().keep_live(pool("live")?, beside, stopping.clone()));
    }
    let metrics = match for_operators {
        Some(listener) => {
            let address = listener.local_addr()?;
            let (app, pool) = (app.clone(), Pool::new(&url, 1)?);
            let server =
                HttpServer::new(move || http::operators(http::State::new(&app, pool.clone(), Some(metrics.clone()))));
            // It answers until the very end, so that nothing takes the process for dead while it stops.
            tokio::spawn(server.workers(1).disable_signals().listen(listener)?.run());
            tracing::info!("listening on http://{address} for operators: /metrics, /healthz, /readyz");
            None
        }
        None => Some(metrics),
    };

    match listener {
        Some(listener) => answer(&config, app, &url, &public_url, (metrics, &pools), listener).await?,
        None => {
            tracing::info!("running jobs; stop with Ctrl-C");
            told_to_stop().await?;
        }
    }

    tracing::info!("stopping");
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    Ok(())
}

/// Has nearest neighbours found by pgvector where the server has it. That it cannot be done is no reason not to serve.
async fn prepare_vectors(url: String) {
    match pgvector::prepare(&url).await {
        Ok(Readiness::Ready) => tracing::info!("nearest neighbours are found by pgvector"),
        Ok(Readiness::NotInstalled | Readiness::UnderWay) => {}
        Ok(Readiness::TooOld(version)) => tracing::warn!("pgvector {version} is not used; 0.8 and newer ones are"),
        Ok(Readiness::NotAllowed(refusal)) => tracing::warn!(
            "the server has pgvector, but this role may not create it ({refusal}); CREATE EXTENSION vector by one that \
             may has it used from the next start on"
        ),
        Err(error) => tracing::warn!("pgvector is not used: {}", with_causes(&error)),
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Fault> {
    Ok(TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?)
}

/// Every socket is an open file, and many systems start programs with room for a thousand although they would give more.
fn allow_many_sockets() {
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(
            error = &error as &dyn Error,
            "the limit of open files stays as it is; it limits the sockets"
        );
    }
}

/// Waits for Ctrl-C or for the signal by which service managers stop a program.
async fn told_to_stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

/// The settings that can be wrong by themselves, checked before anything slow starts.
struct Checked {
    public_url: String,
    master_key: MasterKey,
    email: Arc<dyn EmailProvider>,
    mail_from: Mailbox,
    embeddings: Arc<dyn EmbeddingsProvider>,
}

fn check(config: &Config) -> Result<Checked, Fault> {
    // Made here, open to the embedded PostgreSQL's account; what is private inside has modes of its own.
    std::fs::create_dir_all(&config.data_dir).map_err(|error| {
        let directory = config.data_dir.display();
        format!("{directory} cannot be the data directory: {error}; set OPENCOM_DATA_DIR to one that can be written")
    })?;
    let public_url = config.public_url()?;
    if config.demo {
        demo::check(config, &public_url)?;
    }
    let mail_from = config
        .email_from
        .parse()
        .map_err(|error| format!("EMAIL_FROM: {error}"))?;
    let mail_dir = config.data_dir.join("mail");
    let smtp = config.smtp_url.clone();
    let email = EmailConfig::from_settings(smtp, config.resend_api_key.clone(), Some(mail_dir.clone()))
        .and_then(email::build)
        .map_err(|error| format!("OPENCOM_SMTP_URL or RESEND_API_KEY: {error}"))?;
    if email.name() == "recorder" {
        tracing::info!("no mail server is set: mails are recorded in {}", mail_dir.display());
    }
    let embeddings = EmbeddingsConfig::from_settings(
        config.ai_gateway_api_key.as_deref(),
        config.ai_gateway_base_url.as_deref(),
    );
    let embeddings = embeddings::build(&embeddings)
        .map_err(|error| format!("AI_GATEWAY_API_KEY or AI_GATEWAY_BASE_URL: {error}"))?;
    if embeddings.name() == "local" {
        tracing::info!("no AI_GATEWAY_API_KEY is set: embeddings are made here, from words and their pieces");
    }
    let master_key = secrets::master_key(config.master_key.as_deref(), &config.data_dir)?;
    Ok(Checked {
        public_url,
        master_key,
        email,
        mail_from,
        embeddings,
    })
}

/// The services with the providers that the configuration names.
async fn compose(config: &Config, checked: Checked, url: &str) -> Result<App, Fault> {
    let clock = Clock::system();
    let jwt_key = opencom_admin::auth::keys::load_or_create_signing_key(
        url,
        &checked.master_key,
        config.jwt_private_key.as_deref(),
        clock.now(),
    )
    .await?;
    let files = file_store(config).await?;
    let app = App::new(Parts {
        clock,
        master_key: checked.master_key,
        jwt_key,
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
    })?;
    Ok(app)
}

/// Where uploaded files are kept: the bucket that is set, or the data directory.
async fn file_store(config: &Config) -> Result<Arc<dyn FileStore>, Fault> {
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

/// Answers calls until the process is told to stop.
async fn answer(
    config: &Config,
    app: App,
    url: &str,
    public_url: &str,
    (metrics, watched): (Option<PrometheusHandle>, &Pools),
    listener: TcpListener,
) -> Result<(), Fault> {
    let threads = match config.threads {
        Some(threads) => threads.max(1),
        None => std::thread::available_parallelism().map_or(2, Into::into),
    };
    let per_thread = (config.database_connections / threads).max(1);
    // A pool for each thread: its connections are driven where they are used.
    let pools = (0..threads)
        .map(|_| Ok(watched.watched(Pool::new(url, per_thread)?)))
        .collect::<opencom_core::Result<Vec<_>>>()?;
    let demo = if config.demo {
        Some(Arc::new(Demo::prepare(&app, Pool::new(url, 1)?).await?))
    } else {
        None
    };
    let next = Arc::new(AtomicUsize::new(0));
    let metrics_here = metrics.is_some();
    let sockets = Arc::clone(&app.sockets);
    let server = HttpServer::new(move || {
        let pool = pools[next.fetch_add(1, Ordering::Relaxed) % pools.len()].clone();
        http::app(http::State::new(&app, pool, metrics.clone()).with_demo(demo.clone()))
    })
    .workers(threads)
    .tcp_nodelay(true)
    .shutdown_timeout(20)
    .disable_signals()
    .listen(listener)?
    .run();
    tracing::info!("listening on {public_url}");
    if metrics_here {
        tracing::info!("health: {public_url}/healthz   metrics: {public_url}/metrics");
    }
    tracing::info!("stop with Ctrl-C");
    if config.demo {
        tracing::info!("demo: {public_url}/demo");
        tracing::warn!("--demo is for trying out: its page signs everybody in who opens it, as an agent");
    }
    let handle = server.handle();
    let mut server = tokio::spawn(server);
    tokio::select! {
        ended = &mut server => ended??,
        told = told_to_stop() => {
            told?;
            tracing::info!("finishing the calls that run and closing the sync sockets");
            sockets.stop();
            handle.stop(true).await;
            server.await??;
        }
    }
    Ok(())
}
