//! What the widget does by itself, workspace by workspace.

mod rows;
mod store;

use opencom_contract::automation_settings::{Get, GetOrCreate, Settings, Upsert};
use opencom_core::id::{AutomationSettingsId, WorkspaceId};
use opencom_core::{Millis, Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx};

use self::rows::NewSettings;
use crate::Admin;

impl Handle<Get> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<Settings>> {
        if cx.member_if_any(req.workspace_id).await?.is_none() {
            return Ok(None);
        }
        let row = store::of_workspace(cx, req.workspace_id).await?;
        Ok(row.map(Settings::from))
    }
}

impl Handle<GetOrCreate> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetOrCreate) -> Result<Settings> {
        match store::of_workspace(cx, req.workspace_id).await? {
            Some(row) => Ok(row.into()),
            None => Ok(defaults(req.workspace_id, first_asked_at(cx))),
        }
    }
}

impl Handle<Upsert> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: Upsert) -> Result<AutomationSettingsId> {
        cx.require(Permission::SettingsWorkspace, req.workspace_id).await?;
        let new = NewSettings::new(&req, cx.now());
        store::upsert(cx, &req, new).await
    }
}

/// When the live query that this is first found no settings: it says so each time, so that nothing seems to change.
fn first_asked_at(cx: &mut QueryCx) -> Millis {
    let before = cx.journal().and_then(|journal| journal.parse().ok());
    let at = before.map_or(cx.now(), Millis);
    cx.keep_journal(at.0.to_string());
    at
}

fn defaults(workspace_id: WorkspaceId, at: Millis) -> Settings {
    Settings {
        id: None,
        creation_time: None,
        workspace_id,
        suggest_articles_enabled: false,
        show_reply_time_enabled: false,
        collect_email_enabled: true,
        ask_for_rating_enabled: false,
        created_at: at,
        updated_at: at,
    }
}
