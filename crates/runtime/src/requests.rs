//! Mutations that came over a sync socket, and what was answered: the record that makes them happen once.

use std::sync::Arc;

use crate::RunQueryDsl;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::AsyncPgConnection;
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Error, Millis, Result};
use opencom_schema::sync_requests;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::reseal::Sealed;
use crate::unit_of_work::{ActionCx, MutationCx};
use crate::{Job, Perform, Registry, ScopedFutureExt};

/// How long an answer is kept, in milliseconds: a client that comes back later starts over.
const KEPT_MS: i64 = Millis::DAY;
/// How often old answers are removed, in milliseconds.
const PRUNE_EVERY_MS: i64 = 10 * Millis::MINUTE;
/// How many are removed in one statement.
const PRUNED_AT_ONCE: i64 = 10_000;

/// The purpose under which answers are sealed: some hold secrets.
const RESULT: &str = "sync_requests.result";
/// Where they are.
pub const SEALED: Sealed = Sealed {
    table: "sync_requests",
    by: "session_id",
    column: "result_sealed",
    purpose: RESULT,
};

/// By hand, because diesel takes no sub-select on the table that it deletes from.
const PRUNE: &str = "DELETE FROM sync_requests WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM sync_requests WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
))";

/// Names a request over all connections of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// Chosen by the client and kept over reconnects.
    pub session: Uuid,
    /// Counted by the client.
    pub request: u32,
}

/// A mutation's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The result as JSON.
    pub value: String,
    /// The timestamp of the commit.
    pub ts: u64,
    /// Whether this is the answer to an earlier sending of the same request, and nothing ran now.
    pub repeated: bool,
}

/// The answer that was recorded.
pub(crate) async fn find(
    connection: &mut AsyncPgConnection,
    key: &MasterKey,
    id: RequestId,
) -> Result<Option<Answered>> {
    let found = sync_requests::table
        .find((id.session, i64::from(id.request)))
        .select((sync_requests::result_sealed, sync_requests::ts))
        .first::<(Vec<u8>, i64)>(connection)
        .await
        .optional()?;
    found
        .map(|(sealed, ts)| {
            Ok(Answered {
                value: key.open_text(RESULT, &sealed)?,
                ts: ts.unsigned_abs(),
                repeated: true,
            })
        })
        .transpose()
}

/// Records the answer in the mutation's transaction. Of two transactions with the same request, one waits here for the
/// other, and fails once that has committed.
pub(crate) async fn record(cx: &mut MutationCx, id: RequestId, value: String) -> Result<Answered> {
    let now = cx.now();
    let ts = cx.server().timestamps.next(now);
    let sealed = cx.server().master_key.seal_text(RESULT, &value)?;
    let recorded = diesel::insert_into(sync_requests::table)
        .values((
            sync_requests::session_id.eq(id.session),
            sync_requests::request_id.eq(i64::from(id.request)),
            sync_requests::ts.eq(i64::try_from(ts).map_err(Error::internal)?),
            sync_requests::result_sealed.eq(sealed),
            sync_requests::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    if recorded == 0 {
        return Err(Error::internal("the request was answered meanwhile"));
    }
    Ok(Answered {
        value,
        ts,
        repeated: false,
    })
}

/// Removes old answers.
#[derive(Serialize, Deserialize)]
pub struct PruneRequests {}

impl Job for PruneRequests {
    const KIND: &'static str = "runtime.prune_sync_requests";

    fn dedupe_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// The service that runs the runtime's own jobs.
struct Upkeep;

impl Perform<PruneRequests> for Upkeep {
    async fn perform(&self, cx: &mut ActionCx, _: PruneRequests) -> Result<()> {
        let expired = cx.now().plus(-KEPT_MS);
        loop {
            let removed = cx.transaction(|cx| prune(cx, expired).scope_boxed()).await?;
            if i64::try_from(removed) != Ok(PRUNED_AT_ONCE) {
                return Ok(());
            }
        }
    }
}

async fn prune(cx: &mut MutationCx, expired: Millis) -> Result<usize> {
    let removed = diesel::sql_query(PRUNE)
        .bind::<Timestamptz, _>(expired)
        .bind::<BigInt, _>(PRUNED_AT_ONCE)
        .execute(cx.connection().await?)
        .await?;
    Ok(removed)
}

/// Registers the job that removes old answers.
///
/// # Errors
/// An internal error if the job has no JSON form.
pub(crate) fn register(registry: &mut Registry) -> Result<()> {
    registry.job::<PruneRequests, _>(&Arc::new(Upkeep));
    registry.every(PRUNE_EVERY_MS, &PruneRequests {})
}
