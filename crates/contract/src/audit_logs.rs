//! The audit log of a workspace.

use bon::Builder;
use opencom_core::Permission::{AuditRead, DataExport, SettingsSecurity};
use opencom_core::id::{AuditLogId, AuditLogSettingsId, UserId, WorkspaceId};
use opencom_core::{Int, Json, Millis, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::done::Done;
use crate::function::{ANYONE, Access, INTERNAL, Who, functions, permitted};
use crate::limits;

functions! {
    List: query "auditLogs:list" -> Vec<Entry>, permitted(AuditRead).or_strangers("[]");
    GetActions: query "auditLogs:getActions" -> Vec<String>, permitted(AuditRead).or_strangers("[]");
    GetSettings: query "auditLogs:getSettings" -> Option<Settings>, permitted(SettingsSecurity).or_strangers("null");
    UpdateSettings: mutation "auditLogs:updateSettings" -> Done, permitted(SettingsSecurity);
    GetAccess: query "auditLogs:getAccess" -> AuditAccess, ANYONE;
    ExportLogs: query "auditLogs:exportLogs" -> Export, permitted(DataExport);
    LogExport: mutation "auditLogs:logExport" -> Done, Access::only(Who::Member);
    InternalRecord: mutation "auditLogs:internalRecord" -> (), INTERNAL;
    CleanupOldLogs: mutation "auditLogs:cleanupOldLogs" -> CleanedUp, INTERNAL;
}

/// Appends an entry to a workspace's audit log, in the transaction of the change that it records. Never holds a secret.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct InternalRecord {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The user who made the change; absent: a caller of the API who is no user.
    pub actor_id: Option<UserId>,
    /// What was done: one of the actions of the contract.
    pub action: String,
    /// The kind of thing it was done to.
    pub resource_type: String,
    /// The id of that thing.
    pub resource_id: Option<String>,
    /// Further details of the action.
    pub metadata: Option<serde_json::Value>,
}

/// Entries of a workspace, newest first.
///
/// # Errors
/// `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only entries of this action; empty: of all.
    #[validate(length(max = limits::IDENTIFIER))]
    pub action: Option<String>,
    /// Only what this user did.
    pub actor_id: Option<UserId>,
    /// Only what was done to this kind of thing; empty: to all.
    #[validate(length(max = limits::IDENTIFIER))]
    pub resource_type: Option<String>,
    /// Only what was done to this thing; empty: to all.
    #[validate(length(max = limits::IDENTIFIER))]
    pub resource_id: Option<String>,
    /// Only entries at or after this time.
    pub start_time: Option<Millis>,
    /// Only entries at or before this time; 0: no end.
    pub end_time: Option<Millis>,
    /// How many at most: 100 unless given, 1000 at most.
    pub limit: Option<Int>,
    /// Only entries after this one in the order of the list: the last one of the page before.
    pub cursor: Option<AuditLogId>,
}

/// The actions that occur in the log, in the order of their letters.
///
/// # Errors
/// `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetActions {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// How long entries are kept.
///
/// # Errors
/// `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Sets how long entries are kept.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`, `INVALID_INPUT` for other numbers of days than 30,
/// 90 and 365.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// 30, 90 or 365.
    pub retention_days: f64,
}

/// What the caller may do with the log. Never an error.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetAccess {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Entries of a workspace for a file, oldest first, up to 10,000 at a time.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ExportLogs {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only entries of this action; empty: of all.
    #[validate(length(max = limits::IDENTIFIER))]
    pub action: Option<String>,
    /// Only what this user did.
    pub actor_id: Option<UserId>,
    /// Only what was done to this kind of thing; empty: to all.
    #[validate(length(max = limits::IDENTIFIER))]
    pub resource_type: Option<String>,
    /// Only what was done to this thing; empty: to all.
    #[validate(length(max = limits::IDENTIFIER))]
    pub resource_id: Option<String>,
    /// Only entries at or after this time; 30 days before the end when absent.
    pub start_time: Option<Millis>,
    /// Only entries at or before this time; now when absent.
    pub end_time: Option<Millis>,
    /// `json` when absent.
    pub format: Option<Format>,
    /// Only entries after this one in the order of the export: `nextCursor` of the part before.
    pub cursor: Option<AuditLogId>,
}

/// Notes in the log that the caller took data out.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct LogExport {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// What data: the entry's `resourceType`.
    #[validate(length(max = limits::IDENTIFIER))]
    pub export_type: String,
    /// How much of it.
    pub record_count: Int,
}

/// Deletes the oldest entries whose time is over. For jobs.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct CleanupOldLogs {
    /// Of this workspace; of all when absent.
    pub workspace_id: Option<WorkspaceId>,
    /// How many of a workspace at most: 100 unless given. 10,000 of all workspaces together.
    pub batch_size: Option<Int>,
}

text_enum! {
    /// Who did it.
    pub enum ActorType {
        /// A signed-in user.
        User = "user",
        /// The server by itself.
        System = "system",
        /// Somebody who is not a user.
        Api = "api",
    }
}

text_enum! {
    /// How an export is written.
    pub enum Format {
        /// A list of objects.
        Json = "json",
        /// A text with a line for each entry.
        Csv = "csv",
    }
}

/// One thing that was done.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The entry's id.
    #[serde(rename = "_id")]
    pub id: AuditLogId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// Whose log.
    pub workspace_id: WorkspaceId,
    /// Who did it, when it was a user.
    pub actor_id: Option<UserId>,
    /// Who did it.
    pub actor_type: ActorType,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which one.
    pub resource_id: Option<String>,
    /// What else there is to say.
    pub metadata: Option<Json>,
    /// When it was done.
    pub timestamp: Millis,
    /// The user's name.
    #[serialize_always]
    pub actor_name: Option<String>,
    /// The user's address.
    #[serialize_always]
    pub actor_email: Option<String>,
}

/// How long entries are kept.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditLogSettings")]
pub struct Settings {
    /// The row's id; absent when nothing was ever set.
    #[serde(rename = "_id")]
    pub id: Option<AuditLogSettingsId>,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Option<Millis>,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Entries older than this are deleted.
    pub retention_days: Int,
    /// When it was first set; 0 when never.
    pub created_at: Millis,
    /// When it was last set; 0 when never.
    pub updated_at: Millis,
}

text_enum! {
    /// Whether somebody is signed in.
    pub enum AccessStatus {
        /// Somebody is.
        Ok = "ok",
        /// Nobody is.
        Unauthenticated = "unauthenticated",
    }
}

/// What the caller may do with the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditAccess {
    /// Whether somebody is signed in.
    pub status: AccessStatus,
    /// `audit.read`.
    pub can_read: bool,
    /// `data.export`.
    pub can_export: bool,
    /// `settings.security`.
    pub can_manage_security: bool,
}

/// Entries for a file.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// How they are written.
    pub format: Format,
    /// How many there are.
    pub count: Int,
    /// The entries.
    pub data: ExportData,
    /// Where to go on; absent when these were all.
    pub next_cursor: Option<AuditLogId>,
}

/// Entries as they are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExportData {
    /// As objects.
    Json(Vec<ExportedEntry>),
    /// As lines: a head, then one for each entry, every cell in quotes.
    Csv(String),
}

/// An entry in a file.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedEntry {
    /// When it was done: ISO 8601 in UTC, with milliseconds.
    pub timestamp: String,
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor_type: ActorType,
    /// Who did it, when it was a user.
    pub actor_id: Option<UserId>,
    /// The user's name.
    #[serialize_always]
    pub actor_name: Option<String>,
    /// The user's address.
    #[serialize_always]
    pub actor_email: Option<String>,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which one.
    pub resource_id: Option<String>,
    /// What else there is to say.
    pub metadata: Option<Json>,
}

/// What a clean-up deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CleanedUp {
    /// How many entries.
    pub total_deleted: Int,
    /// Of how many workspaces.
    pub workspaces_processed: Int,
    /// Of which ones.
    pub results: Vec<CleanedWorkspace>,
}

/// What a clean-up deleted of one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CleanedWorkspace {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// How many entries.
    pub deleted: Int,
}
