//! The audit log: who reads it, how long it is kept, and how it is taken out.

mod clean_up;
mod export;
mod queries;
mod rows;
mod store;

use std::sync::Arc;

use opencom_contract::audit_logs::{
    AccessStatus, AuditAccess, CleanedUp, CleanupOldLogs, Entry, Export, ExportLogs, Format, GetAccess, GetActions,
    GetSettings, InternalRecord, List, LogExport, Settings, UpdateSettings,
};
use opencom_contract::done::Done;
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Error, Int, Millis, Permission, Result};
use opencom_runtime::{ActionCx, Handle, MutationCx, Perform, QueryCx, Registry};
use serde_json::json;

pub use self::clean_up::CleanUpAuditLogs;
use self::queries::{Filter, Order};
use crate::audit::record_export;
use crate::workspaces::SECURITY_CHANGED;
use crate::{Admin, audit};

/// For how many days entries are kept where nobody said so.
const DEFAULT_RETENTION: i32 = 90;
/// The entries that a list shows when nobody says how many.
const DEFAULT_LIMIT: i64 = 100;
/// The entries that a list shows at most.
const LONGEST_LIST: i64 = 1000;
/// The entries of one part of an export.
const EXPORTED_AT_ONCE: i64 = 10_000;
/// How far back an export goes when nobody says so.
const EXPORTED_SINCE: i64 = 30 * Millis::DAY;

pub(crate) fn register_jobs(service: &Arc<Admin>, registry: &mut Registry) -> Result<()> {
    registry.job::<CleanUpAuditLogs, _>(service);
    registry.every(clean_up::EVERY_MS, &CleanUpAuditLogs {})
}

/// These functions have a word of their own for whoever is not signed in.
fn unauthorized() -> Error {
    Error::new(Code::NotAuthenticated, "Unauthorized")
}

impl Handle<List> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Entry>> {
        if cx.agent_if_any().await?.is_none() {
            return Ok(Vec::new());
        }
        cx.require(Permission::AuditRead, req.workspace_id).await?;
        let limit = req
            .limit
            .map_or(DEFAULT_LIMIT, |Int(limit)| limit.clamp(0, LONGEST_LIST));
        let filter = Filter {
            workspace: req.workspace_id,
            action: req.action.as_deref(),
            actor: req.actor_id,
            resource_type: req.resource_type.as_deref(),
            resource_id: req.resource_id.as_deref(),
            since: req.start_time,
            until: req.end_time.filter(|end| end.0 != 0),
            after: req.cursor,
        };
        queries::entries(cx, &filter, Order::NewestFirst, limit).await
    }
}

impl Handle<GetActions> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetActions) -> Result<Vec<String>> {
        if cx.agent_if_any().await?.is_none() {
            return Ok(Vec::new());
        }
        cx.require(Permission::AuditRead, req.workspace_id).await?;
        queries::actions(cx, req.workspace_id).await
    }
}

impl Handle<GetSettings> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetSettings) -> Result<Option<Settings>> {
        if cx.agent_if_any().await?.is_none() {
            return Ok(None);
        }
        cx.require(Permission::SettingsSecurity, req.workspace_id).await?;
        let settings = queries::settings(cx, req.workspace_id).await?;
        Ok(Some(
            settings.map_or_else(|| default_settings(req.workspace_id), Settings::from),
        ))
    }
}

impl Handle<UpdateSettings> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateSettings) -> Result<Done> {
        let agent = cx.agent_if_any().await?.ok_or_else(unauthorized)?;
        cx.require(Permission::SettingsSecurity, req.workspace_id).await?;
        let days = retention_days(req.retention_days)?;
        let before = store::set_retention(cx, req.workspace_id, days).await?;
        let entry = InternalRecord::builder()
            .workspace_id(req.workspace_id)
            .actor_id(agent.id)
            .action(SECURITY_CHANGED)
            .resource_type("auditLogSettings")
            .metadata(json!({
                "setting": "retentionDays", "oldValue": before.unwrap_or(DEFAULT_RETENTION), "newValue": days,
            }))
            .build();
        audit::record(cx, entry).await?;
        Ok(Done::DONE)
    }
}

impl Handle<GetAccess> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetAccess) -> Result<AuditAccess> {
        let status = match cx.agent_if_any().await? {
            Some(_) => AccessStatus::Ok,
            None => AccessStatus::Unauthenticated,
        };
        Ok(AuditAccess {
            status,
            can_read: cx.has(Permission::AuditRead, req.workspace_id).await?,
            can_export: cx.has(Permission::DataExport, req.workspace_id).await?,
            can_manage_security: cx.has(Permission::SettingsSecurity, req.workspace_id).await?,
        })
    }
}

impl Handle<ExportLogs> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: ExportLogs) -> Result<Export> {
        cx.agent_if_any().await?.ok_or_else(unauthorized)?;
        cx.require(Permission::DataExport, req.workspace_id).await?;
        let end = req.end_time.unwrap_or(cx.now());
        let filter = Filter {
            workspace: req.workspace_id,
            action: req.action.as_deref(),
            actor: req.actor_id,
            resource_type: req.resource_type.as_deref(),
            resource_id: req.resource_id.as_deref(),
            since: Some(req.start_time.unwrap_or(end.plus(-EXPORTED_SINCE))),
            until: Some(end),
            after: req.cursor,
        };
        let entries = queries::entries(cx, &filter, Order::OldestFirst, EXPORTED_AT_ONCE).await?;
        if let (None, None, Some(oldest)) = (req.start_time, req.end_time, entries.first()) {
            cx.holds_until(oldest.timestamp.plus(EXPORTED_SINCE + 1));
        }
        let is_all = i64::try_from(entries.len()) != Ok(EXPORTED_AT_ONCE);
        Ok(Export {
            format: req.format.unwrap_or(Format::Json),
            count: entries.len().into(),
            next_cursor: entries.last().map(|entry| entry.id).filter(|_| !is_all),
            data: export::write(req.format.unwrap_or(Format::Json), entries),
        })
    }
}

impl Handle<LogExport> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: LogExport) -> Result<Done> {
        let agent = cx.agent_if_any().await?.ok_or_else(unauthorized)?;
        cx.membership(agent.id, req.workspace_id)
            .await?
            .ok_or_else(Error::not_workspace_member)?;
        record_export(cx, agent.id, req.workspace_id, &req.export_type, req.record_count).await?;
        Ok(Done::DONE)
    }
}

impl Handle<CleanupOldLogs> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: CleanupOldLogs) -> Result<CleanedUp> {
        clean_up::delete(cx, &req).await
    }
}

impl Perform<CleanUpAuditLogs> for Admin {
    async fn perform(&self, cx: &mut ActionCx, _: CleanUpAuditLogs) -> Result<()> {
        clean_up::run(cx).await
    }
}

fn default_settings(workspace_id: WorkspaceId) -> Settings {
    Settings {
        id: None,
        creation_time: None,
        workspace_id,
        retention_days: DEFAULT_RETENTION.into(),
        created_at: Millis(0),
        updated_at: Millis(0),
    }
}

fn retention_days(days: f64) -> Result<i32> {
    [30, 90, 365]
        .into_iter()
        .find(|known| f64::from(*known) == days)
        .ok_or_else(|| Error::invalid("retentionDays", "Retention days must be 30, 90, or 365"))
}
