//! Runs jobs: claims them in turn, retries with backoff, parks those that never succeed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::RunQueryDsl;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use opencom_core::id::JobId;
use opencom_core::{Millis, Result};
use opencom_schema::{jobs, schedules};
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::jobs::NewJob;
use crate::{Caller, Dispatcher, Pool};

/// How many jobs one worker runs side by side.
const AT_ONCE: usize = 8;
/// How long a claimed job is left alone; after that its worker counts as dead.
const LEASE: i64 = 5 * Millis::MINUTE;
/// How often a job is tried before it is parked.
const TRIES: i32 = 12;
/// The first pause after a failure; doubled each time.
const FIRST_PAUSE: i64 = 2 * Millis::SECOND;
/// The longest pause.
const LONGEST_PAUSE: i64 = 30 * Millis::MINUTE;
/// How often to look when nothing was queued in this process: other replicas queue too, and jobs fall due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Claims what is due, each job for one worker.
const CLAIM: &str = "UPDATE jobs SET run_at = $1, attempts = attempts + 1 WHERE id IN (
    SELECT id FROM jobs WHERE state = 'ready' AND run_at <= $2 AND kind = ANY($3)
    ORDER BY run_at LIMIT $4 FOR UPDATE SKIP LOCKED
) RETURNING id, kind, payload, attempts";

/// Jobs that wait.
const QUEUE: &str = "SELECT
    (SELECT count(*) FROM jobs WHERE state = 'ready' AND run_at <= $1)::integer AS due,
    (SELECT coalesce(extract(epoch FROM $1 - min(run_at)), 0) FROM jobs WHERE state = 'ready' AND run_at <= $1)::float8
        AS overdue_seconds,
    (SELECT count(*) FROM jobs WHERE state = 'dead')::integer AS dead";

/// The jobs that wait for a worker or for an operator.
#[derive(Clone, Copy, Debug, PartialEq, QueryableByName)]
pub struct Queue {
    /// Those whose time has come.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub due: i32,
    /// For how long the oldest of them has waited.
    #[diesel(sql_type = diesel::sql_types::Double)]
    pub overdue_seconds: f64,
    /// Those that never succeeded.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub dead: i32,
}

/// Looks at the jobs that wait.
pub async fn queue(pool: &Pool, now: Millis) -> Result<Queue> {
    Ok(diesel::sql_query(QUEUE)
        .bind::<Timestamptz, _>(now)
        .get_result(&*pool.get().await?)
        .await?)
}

#[derive(QueryableByName)]
#[diesel(table_name = jobs)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct ClaimedJob {
    id: JobId,
    kind: String,
    payload: serde_json::Value,
    attempts: i32,
}

/// Runs jobs until `stop` turns true, then finishes those that are running.
pub async fn run(dispatcher: Dispatcher, mut stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    let kinds = Arc::new(dispatcher.registry().job_kinds());
    while !*stop.borrow() {
        let free = AT_ONCE - running.len();
        let claimed = match claim_and_schedule(&dispatcher, &kinds, free).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "jobs could not be claimed; trying again"
                );
                Vec::new()
            }
        };
        let got_all = claimed.len() == free;
        for job in claimed {
            let dispatcher = dispatcher.clone();
            running.spawn(async move { run_one(&dispatcher, job).await });
        }
        tokio::select! {
            // Full: go on as soon as one is done. Otherwise there may be more at once.
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = crate::jobs::queued(), if !got_all => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

/// Runs everything that is due now, one after the other, until nothing is. For tests and one-off commands.
pub async fn run_due(dispatcher: &Dispatcher) -> Result<usize> {
    let kinds = dispatcher.registry().job_kinds();
    let mut done = 0;
    loop {
        let claimed = claim_and_schedule(dispatcher, &kinds, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(done);
        }
        for job in claimed {
            run_one(dispatcher, job).await;
            done += 1;
        }
    }
}

async fn claim_and_schedule(dispatcher: &Dispatcher, kinds: &[&'static str], limit: usize) -> Result<Vec<ClaimedJob>> {
    let mut connection = dispatcher.pool().get().await?;
    let now = dispatcher.server().clock.now();
    for schedule in dispatcher.registry().schedules() {
        // One statement decides which replica queues the next run.
        let next = now.plus(schedule.every_ms);
        let postpone = diesel::insert_into(schedules::table)
            .values((schedules::name.eq(schedule.kind), schedules::next_run_at.eq(next)))
            .on_conflict(schedules::name)
            .do_update()
            .set(schedules::next_run_at.eq(next));
        let due = FilterDsl::filter(postpone, schedules::next_run_at.le(now))
            .execute(&connection)
            .await?;
        if due > 0 {
            let key = Some(format!("schedule:{}", schedule.kind));
            let job = NewJob::raw(schedule.kind, schedule.payload.clone(), key, now, now);
            crate::jobs::insert(&mut connection, &[job]).await?;
        }
    }
    // diesel takes no sub-select on the table that it updates.
    let claimed = diesel::sql_query(CLAIM)
        .bind::<Timestamptz, _>(now.plus(LEASE))
        .bind::<Timestamptz, _>(now)
        .bind::<Array<Text>, _>(kinds)
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .get_results(&connection)
        .await?;
    Ok(claimed)
}

async fn run_one(dispatcher: &Dispatcher, job: ClaimedJob) {
    let started = Instant::now();
    // Claimed more often than tried to the end: it takes its worker down with it.
    let outcome = if job.attempts > TRIES {
        Err(opencom_core::Error::internal("its workers died"))
    } else {
        run_handler(dispatcher, &job).await
    };
    let result = if outcome.is_ok() { "done" } else { "failed" };
    metrics::counter!("opencom_jobs_total", "kind" => job.kind.clone(), "result" => result).increment(1);
    metrics::histogram!("opencom_job_seconds", "kind" => job.kind.clone()).record(started.elapsed());
    let settled = match &outcome {
        Ok(()) => forget(dispatcher, &job).await,
        Err(error) => {
            tracing::warn!(
                job = %job.id, kind = job.kind, attempt = job.attempts, error = error as &dyn std::error::Error,
                cause = error.cause().map(tracing::field::debug), "a job failed"
            );
            postpone(dispatcher, &job, &error.to_string()).await
        }
    };
    if let Err(error) = settled {
        // The lease brings the job back.
        tracing::warn!(job = %job.id, error = &error as &dyn std::error::Error, "a job's outcome could not be stored");
    }
}

async fn run_handler(dispatcher: &Dispatcher, job: &ClaimedJob) -> Result<()> {
    let handler = dispatcher
        .registry()
        .job_handler(&job.kind)
        .ok_or_else(|| opencom_core::Error::internal(format!("no handler for the job {}", job.kind)))?;
    let payload = job.payload.to_string();
    handler(&mut dispatcher.action_cx(Caller::Anonymous), &payload).await
}

async fn forget(dispatcher: &Dispatcher, job: &ClaimedJob) -> Result<()> {
    let connection = dispatcher.pool().get().await?;
    diesel::delete(jobs::table.find(job.id)).execute(&connection).await?;
    Ok(())
}

async fn postpone(dispatcher: &Dispatcher, job: &ClaimedJob, error: &str) -> Result<()> {
    let connection = dispatcher.pool().get().await?;
    let state = if job.attempts >= TRIES { "dead" } else { "ready" };
    let run_at = dispatcher.server().clock.now().plus(pause_after(job.attempts));
    diesel::update(jobs::table.find(job.id))
        .set((
            jobs::state.eq(state),
            jobs::run_at.eq(run_at),
            jobs::last_error.eq(error),
        ))
        .execute(&connection)
        .await?;
    Ok(())
}

/// Doubles with every attempt, and differs between jobs that failed together.
fn pause_after(attempts: i32) -> i64 {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
    let pause = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
    rand::rng().random_range(pause / 2..=pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (attempts, most) in [
            (1, FIRST_PAUSE),
            (2, 2 * FIRST_PAUSE),
            (3, 4 * FIRST_PAUSE),
            (30, LONGEST_PAUSE),
        ] {
            let pause = pause_after(attempts);
            assert!((most / 2..=most).contains(&pause), "{attempts}: {pause}");
        }
    }
}
