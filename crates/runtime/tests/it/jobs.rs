//! Jobs: queued with their transaction, retried, parked, never lost and never run by two workers.

use crate::kit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::prelude::*;
use opencom_core::{Error, Millis, Result};
use opencom_runtime::{ActionCx, Caller, Dispatcher, Job, Perform, Registry, RunQueryDsl, ScopedFutureExt, worker};
use opencom_schema::jobs;
use opencom_testkit::Kit;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Fails as often as it says, then succeeds.
#[derive(Serialize, Deserialize)]
struct Greet {
    failures: usize,
    key: Option<String>,
}

impl Job for Greet {
    const KIND: &'static str = "test.greet";
    fn dedupe_key(&self) -> Option<String> {
        self.key.clone()
    }
}

fn greet(failures: usize) -> Greet {
    Greet { failures, key: None }
}

#[derive(Default)]
struct Greeter {
    runs: AtomicUsize,
}

impl Perform<Greet> for Greeter {
    async fn perform(&self, _: &mut ActionCx, job: Greet) -> Result<()> {
        self.run(&job)
    }
}

impl Greeter {
    fn run(&self, job: &Greet) -> Result<()> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        if run < job.failures {
            Err(Error::internal("not yet"))
        } else {
            Ok(())
        }
    }
}

struct Setup {
    kit: Kit,
    greeter: Arc<Greeter>,
    dispatcher: Dispatcher,
}

async fn setup() -> Setup {
    let kit = kit().await;
    let greeter = Arc::new(Greeter::default());
    let mut registry = Registry::default();
    registry.job::<Greet, _>(&greeter);
    let server = Arc::clone(&kit.server);
    let dispatcher = Dispatcher::new(Arc::new(registry), server, kit.dispatcher.pool().clone());
    Setup {
        kit,
        greeter,
        dispatcher,
    }
}

impl Setup {
    async fn enqueue(&self, job: Greet) {
        let job = &job;
        self.dispatcher
            .transaction(Caller::Anonymous, |cx| async move { cx.enqueue(job) }.scope_boxed())
            .await
            .unwrap();
    }

    fn runs(&self) -> usize {
        AtomicUsize::load(&self.greeter.runs, Ordering::SeqCst)
    }

    async fn states(&self) -> Vec<String> {
        jobs::table
            .select(jobs::state)
            .load(&self.kit.connection().await)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_and_is_gone() {
    let setup = setup().await;
    setup.enqueue(greet(0)).await;
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 1);
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 0);
    assert_eq!(setup.runs(), 1);
    assert!(setup.states().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_queues_nothing() {
    let setup = setup().await;
    let failed: Result<()> = setup
        .dispatcher
        .transaction(Caller::Anonymous, |cx| {
            async move {
                cx.enqueue(&greet(0))?;
                Err(Error::not_authenticated())
            }
            .scope_boxed()
        })
        .await;
    failed.unwrap_err();
    assert!(setup.states().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_waits_before_it_is_tried_again() {
    let setup = setup().await;
    setup.enqueue(greet(1)).await;
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 1);
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 0);
    setup.kit.clock.advance(3 * Millis::SECOND);
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 1);
    assert_eq!(setup.runs(), 2);
    assert!(setup.states().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_never_succeeds_is_parked() {
    let setup = setup().await;
    setup.enqueue(greet(usize::MAX)).await;
    for _ in 0..40 {
        worker::run_due(&setup.dispatcher).await.unwrap();
        setup.kit.clock.advance(31 * Millis::MINUTE);
    }
    assert_eq!(setup.states().await, ["dead"]);
    assert_eq!(setup.runs(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_with_a_key_waits_at_a_time() {
    let setup = setup().await;
    for _ in 0..3 {
        setup
            .enqueue(Greet {
                failures: 0,
                key: Some("the only one".to_owned()),
            })
            .await;
    }
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 1);
    setup
        .enqueue(Greet {
            failures: 0,
            key: Some("the only one".to_owned()),
        })
        .await;
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_jobs_and_run_none_twice() {
    let setup = setup().await;
    for _ in 0..100 {
        setup.enqueue(greet(0)).await;
    }
    let (stop, stopping) = watch::channel(false);
    let workers = [0, 1].map(|_| tokio::spawn(worker::run(setup.dispatcher.clone(), stopping.clone())));
    while !setup.states().await.is_empty() {
        tokio::task::yield_now().await;
    }
    stop.send_replace(true);
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(setup.runs(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_worker_that_died_comes_back() {
    let setup = setup().await;
    setup.enqueue(greet(0)).await;
    // As a claim leaves it: counted, and due again after the lease.
    let later = setup.kit.clock.now().plus(5 * Millis::MINUTE);
    diesel::update(jobs::table)
        .set((jobs::attempts.eq(1), jobs::run_at.eq(later)))
        .execute(&setup.kit.connection().await)
        .await
        .unwrap();
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 0);
    setup.kit.clock.advance(6 * Millis::MINUTE);
    assert_eq!(worker::run_due(&setup.dispatcher).await.unwrap(), 1);
}
