//! What the widget does by itself.

use bon::Builder;
use opencom_core::Millis;
use opencom_core::Permission::SettingsWorkspace;
use opencom_core::id::{AutomationSettingsId, WorkspaceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::function::{ANYONE, Access, Who, functions, permitted};

functions! {
    Get: query "automationSettings:get" -> Option<Settings>, Access::only(Who::Member).or("null");
    GetOrCreate: query "automationSettings:getOrCreate" -> Settings, ANYONE;
    Upsert: mutation "automationSettings:upsert" -> AutomationSettingsId, permitted(SettingsWorkspace);
}

/// The settings, for members; `null` while none were saved.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Get {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// The settings or, while none were saved, the defaults, for everyone. Writes nothing.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetOrCreate {
    /// The workspace, which need not exist.
    pub workspace_id: WorkspaceId,
}

/// Saves those settings that are given.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Upsert {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whether articles are suggested while a visitor writes; not unless set.
    pub suggest_articles_enabled: Option<bool>,
    /// Whether the expected reply time is shown; not unless set.
    pub show_reply_time_enabled: Option<bool>,
    /// Whether visitors are asked for their address; they are unless set.
    pub collect_email_enabled: Option<bool>,
    /// Whether visitors are asked to rate a conversation; not unless set.
    pub ask_for_rating_enabled: Option<bool>,
}

/// The settings.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AutomationSettings")]
pub struct Settings {
    /// The row's id; absent while none were saved.
    #[serde(rename = "_id")]
    pub id: Option<AutomationSettingsId>,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Option<Millis>,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whether articles are suggested while a visitor writes.
    pub suggest_articles_enabled: bool,
    /// Whether the expected reply time is shown.
    pub show_reply_time_enabled: bool,
    /// Whether visitors are asked for their address.
    pub collect_email_enabled: bool,
    /// Whether visitors are asked to rate a conversation.
    pub ask_for_rating_enabled: bool,
    /// When they were first saved; when they were first asked for, while none were.
    pub created_at: Millis,
    /// When they were last saved.
    pub updated_at: Millis,
}
