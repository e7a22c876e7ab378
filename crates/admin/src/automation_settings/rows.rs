//! Rows of `automation_settings`.

use diesel::prelude::*;
use opencom_contract::automation_settings::{Settings, Upsert};
use opencom_core::Millis;
use opencom_core::id::{AutomationSettingsId, WorkspaceId};
use opencom_schema::automation_settings;

#[derive(HasQuery)]
#[diesel(table_name = automation_settings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct SettingsRow {
    id: AutomationSettingsId,
    workspace_id: WorkspaceId,
    suggest_articles_enabled: bool,
    show_reply_time_enabled: bool,
    collect_email_enabled: bool,
    ask_for_rating_enabled: bool,
    created_at: Millis,
    updated_at: Millis,
}

impl From<SettingsRow> for Settings {
    fn from(row: SettingsRow) -> Self {
        Self {
            id: Some(row.id),
            creation_time: Some(row.created_at),
            workspace_id: row.workspace_id,
            suggest_articles_enabled: row.suggest_articles_enabled,
            show_reply_time_enabled: row.show_reply_time_enabled,
            collect_email_enabled: row.collect_email_enabled,
            ask_for_rating_enabled: row.ask_for_rating_enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = automation_settings)]
pub(super) struct NewSettings {
    id: AutomationSettingsId,
    workspace_id: WorkspaceId,
    suggest_articles_enabled: bool,
    show_reply_time_enabled: bool,
    collect_email_enabled: bool,
    ask_for_rating_enabled: bool,
    created_at: Millis,
    updated_at: Millis,
}

impl NewSettings {
    /// The first settings of a workspace: what is not given is what held before.
    pub(super) fn new(req: &Upsert, now: Millis) -> Self {
        let before = super::defaults(req.workspace_id, now);
        Self {
            id: AutomationSettingsId::generate(),
            workspace_id: req.workspace_id,
            suggest_articles_enabled: req.suggest_articles_enabled.unwrap_or(before.suggest_articles_enabled),
            show_reply_time_enabled: req.show_reply_time_enabled.unwrap_or(before.show_reply_time_enabled),
            collect_email_enabled: req.collect_email_enabled.unwrap_or(before.collect_email_enabled),
            ask_for_rating_enabled: req.ask_for_rating_enabled.unwrap_or(before.ask_for_rating_enabled),
            created_at: now,
            updated_at: now,
        }
    }
}
