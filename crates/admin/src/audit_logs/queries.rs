//! Reads of the audit log.

use crate::topics;
use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid};
use opencom_contract::audit_logs::Entry;
use opencom_core::id::{AuditLogId, UserId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::keyset::{self, Position};
use opencom_schema::{audit_log_settings, audit_logs, users};

use super::rows::{Actor, EntryRow, SettingsRow};

/// Every action once. It steps from one to the next through the index, however many entries there are of each.
const ACTIONS: &str = "WITH RECURSIVE actions AS (
    (SELECT action FROM audit_logs WHERE workspace_id = $1 ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT next.action FROM audit_logs next
            WHERE next.workspace_id = $1 AND next.action > actions.action ORDER BY next.action LIMIT 1)
    FROM actions WHERE actions.action IS NOT NULL
) SELECT action FROM actions WHERE action IS NOT NULL";

/// Which entries are wanted. An empty text is none.
pub(super) struct Filter<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) action: Option<&'a str>,
    pub(super) actor: Option<UserId>,
    pub(super) resource_type: Option<&'a str>,
    pub(super) resource_id: Option<&'a str>,
    /// At or after.
    pub(super) since: Option<Millis>,
    /// At or before.
    pub(super) until: Option<Millis>,
    /// After this entry, in the order at hand.
    pub(super) after: Option<AuditLogId>,
}

/// In which direction entries are read.
#[derive(Clone, Copy)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// The entries of a workspace that are wanted.
pub(super) async fn entries(cx: &mut QueryCx, filter: &Filter<'_>, order: Order, limit: i64) -> Result<Vec<Entry>> {
    cx.read(topics::audit_of_workspace(filter.workspace));
    let mut wanted = EntryRow::query()
        .filter(audit_logs::workspace_id.eq(filter.workspace))
        .limit(limit)
        .into_boxed();
    if let Some(action) = given(filter.action) {
        wanted = wanted.filter(audit_logs::action.eq(action));
    }
    if let Some(actor) = filter.actor {
        wanted = wanted.filter(audit_logs::actor_id.eq(actor));
    }
    if let Some(kind) = given(filter.resource_type) {
        wanted = wanted.filter(audit_logs::resource_type.eq(kind));
    }
    if let Some(id) = given(filter.resource_id) {
        wanted = wanted.filter(audit_logs::resource_id.eq(id));
    }
    if let Some(since) = filter.since {
        wanted = wanted.filter(audit_logs::timestamp.ge(since));
    }
    if let Some(until) = filter.until {
        wanted = wanted.filter(audit_logs::timestamp.le(until));
    }
    let start = filter.after.map(|id| {
        audit_logs::table
            .find(id)
            .filter(audit_logs::workspace_id.eq(filter.workspace))
            .select((audit_logs::timestamp, audit_logs::id))
    });
    let start: Option<Position> = keyset::resolve(cx, start).await?;
    wanted = match order {
        Order::NewestFirst => {
            if let Some(start) = start {
                wanted = wanted.filter(start.older(audit_logs::timestamp, audit_logs::id));
            }
            wanted.order((audit_logs::timestamp.desc(), audit_logs::id.desc()))
        }
        Order::OldestFirst => {
            if let Some(start) = start {
                wanted = wanted.filter(start.newer(audit_logs::timestamp, audit_logs::id));
            }
            wanted.order((audit_logs::timestamp.asc(), audit_logs::id.asc()))
        }
    };
    let rows = wanted.load(cx.connection().await?).await?;
    with_actors(cx, rows).await
}

/// A text that restricts something.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The entries, with names and addresses of those who did it.
async fn with_actors(cx: &mut QueryCx, rows: Vec<EntryRow>) -> Result<Vec<Entry>> {
    let actors: BTreeSet<_> = rows.iter().filter_map(|row| row.actor_id).collect();
    for actor in &actors {
        cx.read(topics::user(*actor));
    }
    let actors: Vec<(UserId, Actor)> = if actors.is_empty() {
        Vec::new()
    } else {
        users::table
            .filter(users::id.eq_any(&actors))
            .select((users::id, (users::name, users::email)))
            .load(cx.connection().await?)
            .await?
    };
    let actors: HashMap<_, _> = actors.into_iter().collect();
    rows.into_iter()
        .map(|row| {
            let actor = row.actor_id.and_then(|id| actors.get(&id)).cloned();
            row.with_actor(actor.unwrap_or_default())
        })
        .collect()
}

#[derive(QueryableByName)]
struct Action {
    #[diesel(sql_type = Text)]
    action: String,
}

/// The actions that occur, in the order of their letters.
pub(super) async fn actions(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Vec<String>> {
    cx.read(topics::audit_of_workspace(workspace));
    let actions: Vec<Action> = diesel::sql_query(ACTIONS)
        .bind::<Uuid, _>(workspace)
        .load(cx.connection().await?)
        .await?;
    let mut actions: Vec<_> = actions.into_iter().map(|row| row.action).collect();
    // The database may have an order of its own.
    actions.sort_unstable();
    Ok(actions)
}

pub(super) async fn settings(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<SettingsRow>> {
    cx.read(topics::audit_log_settings(workspace));
    let row = SettingsRow::query()
        .filter(audit_log_settings::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}
