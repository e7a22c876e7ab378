//! Audit entries about visitors' sessions.

use opencom_contract::audit_logs::InternalRecord;
use opencom_core::Result;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_runtime::MutationCx;
use serde_json::Value;

/// Records what happened to a visitor's session.
pub(super) async fn record(
    cx: &mut MutationCx,
    workspace_id: WorkspaceId,
    visitor: VisitorId,
    action: &'static str,
    metadata: Value,
) -> Result<()> {
    let entry = InternalRecord::builder()
        .workspace_id(workspace_id)
        .action(action)
        .resource_type("widgetSession")
        .resource_id(visitor.to_string())
        .metadata(metadata)
        .build();
    cx.call(entry).await
}
