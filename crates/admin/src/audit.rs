//! The audit trail: one row for each thing done, written with it.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::audit_logs::{ActorType, InternalRecord};
use opencom_core::id::{AuditLogId, UserId, WorkspaceId};
use opencom_core::{Int, Millis, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{Handle, MutationCx};
use opencom_schema::audit_logs;
use serde_json::{Value, json};

use crate::Admin;

#[derive(Insertable)]
#[diesel(table_name = audit_logs)]
#[diesel(treat_none_as_default_value = false)]
struct NewEntry<'a> {
    id: AuditLogId,
    workspace_id: WorkspaceId,
    actor_id: Option<UserId>,
    actor_type: ActorType,
    action: &'a str,
    resource_type: &'a str,
    resource_id: Option<String>,
    metadata: Option<Value>,
    timestamp: Millis,
}

impl Handle<InternalRecord> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: InternalRecord) -> Result<()> {
        record(cx, req).await
    }
}

/// Appends an entry, in the transaction of the change that it records.
pub(crate) async fn record(cx: &mut MutationCx, entry: InternalRecord) -> Result<()> {
    let row = NewEntry {
        id: AuditLogId::generate(),
        workspace_id: entry.workspace_id,
        actor_id: entry.actor_id,
        actor_type: entry.actor_id.map_or(ActorType::Api, |_| ActorType::User),
        action: &entry.action,
        resource_type: &entry.resource_type,
        resource_id: entry.resource_id,
        metadata: entry.metadata,
        timestamp: cx.now(),
    };
    insert(cx, row).await
}

async fn insert(cx: &mut MutationCx, row: NewEntry<'_>) -> Result<()> {
    cx.write(topics::audit_of_workspace(row.workspace_id));
    diesel::insert_into(audit_logs::table)
        .values(row)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Writes that a user took data out, of a kind that the user names.
pub(crate) async fn record_export(
    cx: &mut MutationCx,
    user: UserId,
    workspace: WorkspaceId,
    kind: &str,
    count: Int,
) -> Result<()> {
    let row = NewEntry {
        id: AuditLogId::generate(),
        workspace_id: workspace,
        actor_id: Some(user),
        actor_type: ActorType::User,
        action: "data.exported",
        resource_type: kind,
        resource_id: None,
        metadata: Some(json!({ "recordCount": count })),
        timestamp: cx.now(),
    };
    insert(cx, row).await
}

/// What a user did to a workspace as a whole.
pub(crate) fn to_workspace(
    user: UserId,
    workspace: WorkspaceId,
    action: &'static str,
    metadata: Option<Value>,
) -> InternalRecord {
    InternalRecord::builder()
        .workspace_id(workspace)
        .actor_id(user)
        .action(action)
        .resource_type("workspace")
        .resource_id(workspace.to_string())
        .maybe_metadata(metadata)
        .build()
}
