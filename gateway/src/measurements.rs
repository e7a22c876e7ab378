//! What the process measures of itself, for Prometheus: the names, their meaning, and what is looked up every few seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use opencom_core::Result;
use opencom_runtime::{Pool, Server, worker};
use tokio::sync::watch;

/// How often measurements are summed up.
const SUM_UP_EVERY: Duration = Duration::from_secs(5);
/// Bounds of the histograms, in seconds.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How something is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How long something took, in seconds, by [`BOUNDS`].
    Seconds,
}

/// Something that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Its name.
    pub name: &'static str,
    /// How.
    pub kind: Kind,
    /// What it tells, and its labels.
    pub help: &'static str,
}

const fn one(name: &'static str, kind: Kind, help: &'static str) -> Measurement {
    Measurement { name, kind, help }
}

/// Everything that is measured. What the process takes from the machine comes on top, under the usual names (`process_…`).
pub const MEASUREMENTS: &[Measurement] = &[
    one(
        "opencom_build_info",
        Kind::Gauge,
        "Always 1; the label says which version runs.",
    ),
    one(
        "opencom_calls_total",
        Kind::Counter,
        "Calls over HTTP and sockets, by function and code; OK when none failed.",
    ),
    one(
        "opencom_call_seconds",
        Kind::Seconds,
        "How long calls took, by function.",
    ),
    one(
        "opencom_transaction_retries_total",
        Kind::Counter,
        "Transactions run again because the database asked for it.",
    ),
    one(
        "opencom_rate_limited_total",
        Kind::Counter,
        "Calls refused by a limit, by limit.",
    ),
    one("opencom_live_sockets", Kind::Gauge, "Open sync sockets."),
    one(
        "opencom_live_queries",
        Kind::Gauge,
        "Distinct queries that are held for sockets.",
    ),
    one(
        "opencom_live_held_bytes",
        Kind::Gauge,
        "What the results of held queries take.",
    ),
    one("opencom_live_runs_total", Kind::Counter, "Runs of held queries."),
    one(
        "opencom_live_run_seconds",
        Kind::Seconds,
        "How long runs of held queries took.",
    ),
    one(
        "opencom_live_lag_seconds",
        Kind::Seconds,
        "From a change to the new result of a held query.",
    ),
    one(
        "opencom_live_transitions_total",
        Kind::Counter,
        "Changes of views sent to sockets.",
    ),
    one(
        "opencom_bus_connected",
        Kind::Gauge,
        "1 while this process tells others what changed and hears of them.",
    ),
    one(
        "opencom_bus_told_total",
        Kind::Counter,
        "Changes told to other processes.",
    ),
    one(
        "opencom_bus_heard_total",
        Kind::Counter,
        "Changes heard of from other processes.",
    ),
    one(
        "opencom_jobs_total",
        Kind::Counter,
        "Jobs that were tried, by kind and result.",
    ),
    one("opencom_job_seconds", Kind::Seconds, "How long jobs took, by kind."),
    one(
        "opencom_jobs_due",
        Kind::Gauge,
        "Jobs whose time has come and that no worker has taken yet.",
    ),
    one(
        "opencom_jobs_overdue_seconds",
        Kind::Gauge,
        "For how long the oldest of them has waited.",
    ),
    one(
        "opencom_jobs_dead",
        Kind::Gauge,
        "Jobs that never succeeded and wait for an operator.",
    ),
    one(
        "opencom_embeddings_total",
        Kind::Counter,
        "Contents whose vectors were made or not, by result.",
    ),
    one(
        "opencom_pool_connections",
        Kind::Gauge,
        "Connections to the database, by pool.",
    ),
    one("opencom_pool_busy", Kind::Gauge, "Those of them that are in use."),
    one("opencom_pool_waiting", Kind::Gauge, "Who waits for one."),
    one(
        "opencom_pool_wait_seconds",
        Kind::Seconds,
        "How long they waited, by pool.",
    ),
];

/// Begins to measure. Once for a process.
///
/// # Errors
/// When something else measures already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

/// How measurements are kept.
///
/// # Errors
/// Never, with the bounds that stand here.
pub fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BOUNDS)
}

/// Tells the recorder what everything means.
fn describe() {
    for Measurement { name, kind, help } in MEASUREMENTS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *help),
            Kind::Gauge => metrics::describe_gauge!(*name, *help),
            Kind::Seconds => metrics::describe_histogram!(*name, Unit::Seconds, *help),
        }
    }
    Collector::default().describe();
    metrics::gauge!("opencom_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// The pools of the process, which are looked at every few seconds.
#[derive(Clone, Default)]
pub struct Pools(Arc<Mutex<Vec<Pool>>>);

impl Pools {
    /// A pool that is looked at from now on.
    pub fn watched(&self, pool: Pool) -> Pool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(pool.clone());
        pool
    }

    /// Sums up pools of one name: there is one for each thread.
    fn look(&self) {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut names: Vec<_> = pools.iter().map(Pool::name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let usage = pools.iter().filter(|pool| pool.name() == name).map(Pool::usage);
            let (open, busy, waiting) = usage.fold((0, 0, 0), |sum, usage| {
                (sum.0 + usage.open, sum.1 + usage.busy, sum.2 + usage.waiting)
            });
            metrics::gauge!("opencom_pool_connections", "pool" => name).set(open);
            metrics::gauge!("opencom_pool_busy", "pool" => name).set(busy);
            metrics::gauge!("opencom_pool_waiting", "pool" => name).set(waiting);
        }
    }
}

/// Sums up what was measured every few seconds, and forgets whom no limit is near to: both pile up until somebody does.
/// Looks at the jobs too, by the pool of those who run them.
pub async fn sum_up(
    metrics: PrometheusHandle,
    server: Arc<Server>,
    pools: Pools,
    jobs: Option<Pool>,
    mut stop: watch::Receiver<bool>,
) {
    let process = Collector::default();
    while !*stop.borrow() {
        metrics.run_upkeep();
        server.limits.forget();
        process.collect();
        pools.look();
        if let Some(jobs) = &jobs
            && let Err(error) = look_at_jobs(jobs, &server).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "jobs could not be counted");
        }
        tokio::select! {
            () = tokio::time::sleep(SUM_UP_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn look_at_jobs(pool: &Pool, server: &Server) -> Result<()> {
    let queue = worker::queue(pool, server.clock.now()).await?;
    metrics::gauge!("opencom_jobs_due").set(queue.due);
    metrics::gauge!("opencom_jobs_overdue_seconds").set(queue.overdue_seconds);
    metrics::gauge!("opencom_jobs_dead").set(queue.dead);
    Ok(())
}
