//! Deletes entries whose time is over.

use std::collections::BTreeMap;

use opencom_contract::audit_logs::{CleanedUp, CleanedWorkspace, CleanupOldLogs};
use opencom_core::{Int, Millis, Result};
use opencom_runtime::{ActionCx, Job, MutationCx, ScopedFutureExt};
use serde::{Deserialize, Serialize};

use super::store;

/// How often it happens.
pub(super) const EVERY_MS: i64 = Millis::HOUR;
/// How many entries of a workspace one call deletes when nobody says so.
const BATCH: i64 = 100;
/// How many entries one transaction deletes at most.
const AT_ONCE: i64 = 10_000;
/// How many entries one transaction of the job deletes.
const JOB_BATCH: i64 = 1000;

/// Deletes all of them.
#[derive(Serialize, Deserialize)]
pub struct CleanUpAuditLogs {}

impl Job for CleanUpAuditLogs {
    const KIND: &'static str = "admin.clean_up_audit_logs";
}

/// A batch.
pub(super) async fn delete(cx: &mut MutationCx, req: &CleanupOldLogs) -> Result<CleanedUp> {
    let batch = req.batch_size.map_or(BATCH, |Int(batch)| batch.clamp(0, AT_ONCE));
    let deleted = store::delete_old(cx, req.workspace_id, batch, AT_ONCE).await?;
    let mut by_workspace = BTreeMap::<_, usize>::new();
    for workspace in &deleted {
        *by_workspace.entry(*workspace).or_default() += 1;
    }
    Ok(CleanedUp {
        total_deleted: deleted.len().into(),
        workspaces_processed: by_workspace.len().into(),
        results: by_workspace
            .into_iter()
            .map(|(workspace_id, deleted)| CleanedWorkspace {
                workspace_id,
                deleted: deleted.into(),
            })
            .collect(),
    })
}

/// Batch after batch, until none is left.
pub(super) async fn run(cx: &ActionCx) -> Result<()> {
    loop {
        let deleted = cx
            .transaction(|cx| async move { store::delete_old(cx, None, JOB_BATCH, JOB_BATCH).await }.scope_boxed())
            .await?;
        if deleted.is_empty() {
            return Ok(());
        }
    }
}
