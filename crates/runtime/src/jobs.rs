//! Work after the commit: a row in `jobs`, inserted with the change that causes it.

use std::sync::LazyLock;

use crate::RunQueryDsl;
use diesel_async::AsyncPgConnection;
use opencom_core::id::JobId;
use opencom_core::{Error, Millis, Result};
use opencom_schema::jobs;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

/// Work to do after a commit. It may run more than once, so it must be harmless to repeat.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which it is stored: `context.verb_noun`. Never changed while such jobs wait.
    const KIND: &'static str;

    /// When given, at most one job with this key waits at a time; queueing another changes nothing.
    fn dedupe_key(&self) -> Option<String> {
        None
    }
}

/// A job that is about to be queued.
#[derive(diesel::Insertable)]
#[diesel(table_name = jobs)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewJob {
    id: JobId,
    kind: &'static str,
    payload: serde_json::Value,
    state: &'static str,
    run_at: Millis,
    dedupe_key: Option<String>,
    created_at: Millis,
}

impl NewJob {
    pub(crate) fn new<J: Job>(job: &J, run_at: Millis, now: Millis) -> Result<Self> {
        let payload = serde_json::to_value(job).map_err(Error::internal)?;
        Ok(Self::raw(J::KIND, payload, job.dedupe_key(), run_at, now))
    }

    pub(crate) fn raw(
        kind: &'static str,
        payload: serde_json::Value,
        dedupe_key: Option<String>,
        run_at: Millis,
        now: Millis,
    ) -> Self {
        Self {
            id: JobId::generate(),
            kind,
            payload,
            state: "ready",
            run_at,
            dedupe_key,
            created_at: now,
        }
    }
}

/// Queues all jobs of a transaction in one statement.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, queued: &[NewJob]) -> Result<()> {
    if let [one] = queued {
        // Almost every transaction queues one, and a statement for one is prepared once.
        diesel::insert_into(jobs::table)
            .values(one)
            .on_conflict_do_nothing()
            .execute(connection)
            .await?;
    } else {
        diesel::insert_into(jobs::table)
            .values(queued)
            .on_conflict_do_nothing()
            .execute(connection)
            .await?;
    }
    Ok(())
}

static QUEUED: LazyLock<Notify> = LazyLock::new(Notify::new);

/// Tells the workers of this process that a job was queued, so that they need not wait for their next look.
pub(crate) fn wake_workers() {
    QUEUED.notify_one();
}

pub(crate) async fn queued() {
    QUEUED.notified().await;
}
