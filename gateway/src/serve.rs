//! The life of a process: start, serve, stop.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpServer;
use metrics_exporter_prometheus::PrometheusHandle;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use opencom_runtime::{Pool, Process, bus, database, worker};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::compose::App;
use crate::config::{Config, Role};
use crate::demo::Demo;
use crate::http;
use crate::measurements::{self, Pools};
use crate::setup::{Database, Fault, check, compose};

/// Serves until the process is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Fault> {
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
    let database = Database::own(&config).await?;
    let url = database.url.clone();
    let applied = database::migrate(&url).await?;
    if applied > 0 {
        tracing::info!("{applied} migrations applied");
    }
    let app = compose(&config, checked, &url).await?;
    let process = app.process(&url);
    tokio::spawn(build_indexes(app.clone(), process.clone()));

    let (stop, stopping) = watch::channel(false);
    let beside = config.database_connections.div_ceil(4).max(2);
    let pools = Pools::default();
    let pool = |name| Ok::<_, Fault>(pools.watched(Pool::new(&url, beside)?.named(name)));
    let jobs = (config.role != Role::Api).then(|| pool("jobs")).transpose()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(measurements::sum_up(
        metrics.clone(),
        Arc::clone(app.server()),
        pools.clone(),
        jobs.clone(),
        stopping.clone(),
    ));
    for context in app.contexts.iter() {
        Arc::clone(context).background(&process, &stopping, &mut tasks);
    }
    if !config.single {
        tasks.spawn(bus::run(
            url.clone(),
            Arc::clone(&app.server().topics),
            stopping.clone(),
        ));
    }
    if let Some(jobs) = jobs {
        tasks.spawn(worker::run(app.dispatcher.on(jobs), stopping.clone()));
    }
    if config.role != Role::Worker {
        tasks.spawn(app.clone().keep_live(pool("live")?, beside, stopping.clone()));
    }
    let metrics = match for_operators {
        Some(listener) => {
            answer_operators(app.on(Pool::new(&url, 1)?), metrics, listener)?;
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
    database.close().await
}

/// Builds what takes long beside the calls. Interrupted, it starts over with the next process.
async fn build_indexes(app: App, process: Process) {
    for context in app.contexts.iter() {
        context.build_indexes(&process).await;
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Fault> {
    Ok(TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?)
}

/// Answers operators at an address of their own, until the process ends: health checks must not report it dead while it
/// stops.
fn answer_operators(app: App, metrics: PrometheusHandle, listener: TcpListener) -> Result<(), Fault> {
    let address = listener.local_addr()?;
    let app = App {
        metrics: Some(metrics),
        ..app
    };
    let server = HttpServer::new(move || http::operators(app.clone()));
    tokio::spawn(server.workers(1).disable_signals().listen(listener)?.run());
    tracing::info!("listening on http://{address} for operators: /metrics, /healthz, /readyz");
    Ok(())
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
        Some(Arc::new(Demo::prepare(&app).await?))
    } else {
        None
    };
    let next = Arc::new(AtomicUsize::new(0));
    let metrics_here = metrics.is_some();
    let sockets = Arc::clone(&app.sockets);
    let server = HttpServer::new(move || {
        let pool = pools[next.fetch_add(1, Ordering::Relaxed) % pools.len()].clone();
        http::routes(App {
            metrics: metrics.clone(),
            demo: demo.clone(),
            ..app.on(pool)
        })
    })
    .workers(threads)
    .tcp_nodelay(true)
    .shutdown_timeout(20)
    .disable_signals()
    .listen(listener)?
    .run();
    tracing::info!("listening on {public_url}; the API is described at {public_url}/docs");
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
