//! Rows of the audit log and of its settings.

use diesel::prelude::*;
use opencom_contract::audit_logs::{ActorType, Entry, Settings};
use opencom_core::id::{AuditLogId, AuditLogSettingsId, UserId, WorkspaceId};
use opencom_core::{Error, Int, Json, Millis, Result};
use opencom_schema::{audit_log_settings, audit_logs};
use serde_json::Value;

#[derive(HasQuery)]
#[diesel(table_name = audit_logs)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct EntryRow {
    pub(super) id: AuditLogId,
    workspace_id: WorkspaceId,
    pub(super) actor_id: Option<UserId>,
    actor_type: ActorType,
    action: String,
    resource_type: String,
    resource_id: Option<String>,
    metadata: Option<Value>,
    timestamp: Millis,
}

/// Name and address of a user.
pub(super) type Actor = (Option<String>, Option<String>);

impl EntryRow {
    /// The entry, with who did it.
    pub(super) fn with_actor(self, (actor_name, actor_email): Actor) -> Result<Entry> {
        Ok(Entry {
            id: self.id,
            creation_time: self.timestamp,
            workspace_id: self.workspace_id,
            actor_id: self.actor_id,
            actor_type: self.actor_type,
            action: self.action,
            resource_type: self.resource_type,
            resource_id: self.resource_id,
            metadata: self.metadata.map(Json::new).transpose().map_err(Error::internal)?,
            timestamp: self.timestamp,
            actor_name,
            actor_email,
        })
    }
}

#[derive(HasQuery)]
#[diesel(table_name = audit_log_settings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct SettingsRow {
    id: AuditLogSettingsId,
    workspace_id: WorkspaceId,
    retention_days: i32,
    created_at: Millis,
    updated_at: Millis,
}

impl From<SettingsRow> for Settings {
    fn from(row: SettingsRow) -> Self {
        Self {
            id: Some(row.id),
            creation_time: Some(row.created_at),
            workspace_id: row.workspace_id,
            retention_days: Int::from(row.retention_days),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
