//! Removes what sign-in leaves behind: sessions and codes whose time is over, and buckets that are full again.

use diesel::sql_types::{BigInt, Timestamptz};
use opencom_core::{Millis, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{ActionCx, Job, ScopedFutureExt};
use serde::{Deserialize, Serialize};

/// How often it happens.
pub(super) const EVERY_MS: i64 = 15 * Millis::MINUTE;
/// How many rows one transaction removes.
const BATCH: usize = 1000;
/// How many transactions one run makes of each kind; the next run goes on.
const BATCHES: usize = 50;

// diesel takes no sub-select on the table that it deletes from.
const SESSIONS: &str = "DELETE FROM auth_sessions WHERE id IN (
    SELECT id FROM auth_sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const CODES: &str = "DELETE FROM auth_verification_codes WHERE id IN (
    SELECT id FROM auth_verification_codes WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const BUCKETS: &str = "DELETE FROM auth_rate_limits WHERE identifier IN (
    SELECT identifier FROM auth_rate_limits WHERE full_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Removes them.
#[derive(Serialize, Deserialize)]
pub struct CleanUp {}

impl Job for CleanUp {
    const KIND: &'static str = "admin.clean_up_sign_in";
}

pub(super) async fn run(cx: &ActionCx) -> Result<()> {
    let now = cx.now();
    for (statement, until) in [(SESSIONS, now), (CODES, now), (BUCKETS, now)] {
        for _ in 0..BATCHES {
            if delete_batch(cx, statement, until).await? < BATCH {
                break;
            }
        }
    }
    Ok(())
}

async fn delete_batch(cx: &ActionCx, statement: &'static str, until: Millis) -> Result<usize> {
    cx.transaction(|cx| {
        async move {
            let deleted = diesel::sql_query(statement)
                .bind::<Timestamptz, _>(until)
                .bind::<BigInt, _>(i64::try_from(BATCH).unwrap_or(i64::MAX))
                .execute(cx.connection().await?)
                .await?;
            Ok(deleted)
        }
        .scope_boxed()
    })
    .await
}
