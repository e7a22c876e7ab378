//! Reads and writes of `ai_agent_settings`.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::ai_agent::UpdateSettings;
use opencom_core::Result;
use opencom_core::id::{AiAgentSettingsId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::ai_agent_settings;

use super::rows::{Change, NewSettings, SettingsRow};

pub(super) async fn of_workspace(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<SettingsRow>> {
    cx.read(topics::ai_agent_settings(workspace));
    let row = SettingsRow::query()
        .filter(ai_agent_settings::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Inserts the settings, or changes those that are given of the row that there is.
pub(super) async fn upsert(cx: &mut MutationCx, req: UpdateSettings) -> Result<AiAgentSettingsId> {
    cx.write(topics::ai_agent_settings(req.workspace_id));
    let new = NewSettings::new(&req, cx.now());
    let change = Change::new(req, cx.now());
    let id = diesel::insert_into(ai_agent_settings::table)
        .values(new)
        .on_conflict(ai_agent_settings::workspace_id)
        .do_update()
        .set(change)
        .returning(ai_agent_settings::id)
        .get_result(cx.connection().await?)
        .await?;
    Ok(id)
}
