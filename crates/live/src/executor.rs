//! Runs the queries that the engine says have to run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use opencom_core::Error;
use opencom_runtime::topics::Sequence;
use opencom_runtime::{Asker, Dispatcher, Execution, LiveQuery};
use tokio::sync::{Semaphore, watch};

use crate::engine::{Engine, QueryId, Run};

/// The shortest time between the beginnings of two runs of one query.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause that a slow query makes between its runs.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Runs what has to run, `at_once` queries side by side, until `stop` turns true.
pub async fn run(engine: Arc<Engine>, dispatcher: Dispatcher, at_once: usize, mut stop: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(at_once));
    let clock = dispatcher.server().clock.clone();
    while !*stop.borrow() {
        engine.end(clock.now());
        while let Some(id) = engine.next() {
            tokio::spawn(settle(
                Arc::clone(&engine),
                dispatcher.clone(),
                Arc::clone(&permits),
                id,
            ));
        }
        let next_end = engine.next_end();
        let ended = async {
            match next_end {
                Some(time) => clock.sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = engine.has_work() => {}
            () = ended => {}
            _ = stop.changed() => {}
        }
    }
}

/// Runs a query until its outcome is settled.
async fn settle(engine: Arc<Engine>, dispatcher: Dispatcher, permits: Arc<Semaphore>, id: QueryId) {
    loop {
        // Nobody closes the semaphore.
        let Ok(permit) = permits.acquire().await else { return };
        let Some(run) = engine.begin(id) else { return };
        let started = Instant::now();
        let since = engine.position();
        let execution = AssertUnwindSafe(execute(&dispatcher, &run, since)).catch_unwind().await;
        let took = started.elapsed();
        drop(permit);
        let execution = execution.unwrap_or_else(|_| Execution {
            journal: run.journal,
            ..Execution::failed(Error::internal("the function panicked"), since)
        });
        metrics::counter!("opencom_live_runs_total").increment(1);
        metrics::histogram!("opencom_live_run_seconds").record(took);
        let once_more = engine.finish(id, execution, dispatcher.server().clock.now());
        if let Some(since) = run.owed_since {
            metrics::histogram!("opencom_live_lag_seconds").record(since.elapsed());
        }
        if !once_more {
            return;
        }
        // Half of the time at most goes into one query, however often its rows change.
        let pause = (took * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        tokio::time::sleep(pause.saturating_sub(started.elapsed())).await;
    }
}

/// Runs a query once.
async fn execute(dispatcher: &Dispatcher, run: &Run, since: Sequence) -> Execution {
    let function = match dispatcher.resolve(&run.query.path) {
        Ok(function) => function,
        Err(error) => return Execution::failed(error, since),
    };
    let query = LiveQuery {
        function: &function,
        arguments: &run.query.arguments,
        asker: Asker {
            caller: run.query.caller,
            address: run.address,
        },
        journal: run.journal.as_deref(),
        resumed: run.resumed,
    };
    dispatcher.live_query(query).await
}
