//! Reads and writes of `automation_settings`.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::automation_settings::Upsert;
use opencom_core::Result;
use opencom_core::id::{AutomationSettingsId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::automation_settings::{self, dsl};

use super::rows::{NewSettings, SettingsRow};

pub(super) async fn of_workspace(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<SettingsRow>> {
    cx.read(topics::automation_settings(workspace));
    let row = SettingsRow::query()
        .filter(dsl::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Inserts the settings, or changes those that are given of the row that there is.
pub(super) async fn upsert(cx: &mut MutationCx, req: &Upsert, new: NewSettings) -> Result<AutomationSettingsId> {
    cx.write(topics::automation_settings(req.workspace_id));
    let now = cx.now();
    let id = diesel::insert_into(automation_settings::table)
        .values(new)
        .on_conflict(dsl::workspace_id)
        .do_update()
        .set((
            req.suggest_articles_enabled
                .map(|on| dsl::suggest_articles_enabled.eq(on)),
            req.show_reply_time_enabled
                .map(|on| dsl::show_reply_time_enabled.eq(on)),
            req.collect_email_enabled.map(|on| dsl::collect_email_enabled.eq(on)),
            req.ask_for_rating_enabled.map(|on| dsl::ask_for_rating_enabled.eq(on)),
            dsl::updated_at.eq(now),
        ))
        .returning(dsl::id)
        .get_result(cx.connection().await?)
        .await?;
    Ok(id)
}
