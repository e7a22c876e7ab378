//! Reads of `visitors`, `visitor_presence` and `visitor_aliases`.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid};
use diesel_async::AsyncPgConnection;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Hashed;
use opencom_schema::{visitor_aliases, visitor_presence, visitors};

use super::rows::VisitorRow;

#[diesel::declare_sql_function]
extern "SQL" {
    /// Lower case, as the index on addresses has it.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// A text with its punctuation turned to space, as in the index on names.
macro_rules! words_of {
    ($text:literal) => {
        concat!(
            "translate(",
            $text,
            r##", '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '"##,
            "                                ')"
        )
    };
}

/// Names with all words of `$2`, the last one as a prefix. A thousand of them are ranked: a query that more names fit
/// says too little for an order. The text of a tsquery is safe to extend, because its words are quoted.
const SEARCH_NAMES: &str = concat!(
    "WITH words AS MATERIALIZED (
        SELECT (NULLIF(plainto_tsquery('simple', ",
    words_of!("$2"),
    ")::text, '') || ':*')::tsquery AS query
    ), candidates AS (
        SELECT * FROM visitors WHERE name IS NOT NULL
        AND array_to_tsvector(ARRAY[workspace_id::text]) || to_tsvector('simple', ",
    words_of!("name"),
    ")
            @@ (('''' || $1::text || '''')::tsquery && (SELECT query FROM words))
        LIMIT 1000
    )
    SELECT candidates.* FROM candidates, words
    ORDER BY ts_rank(to_tsvector('simple', ",
    words_of!("name"),
    "), query) DESC, created_at, id
    LIMIT $3"
);

/// A visitor of whatever workspace, without heartbeats; the caller checks the workspace.
pub(crate) async fn by_id(cx: &mut QueryCx, id: VisitorId) -> Result<Option<VisitorRow>> {
    cx.read(topics::visitor(id));
    Ok(VisitorRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The visitor that `id` stands for now, see [`resolve_alias`].
pub(crate) async fn by_id_or_alias(cx: &mut QueryCx, id: VisitorId) -> Result<Option<VisitorRow>> {
    match by_id(cx, id).await? {
        Some(row) => Ok(Some(row)),
        None => match alias(cx, id).await? {
            Some(survivor) => by_id(cx, survivor).await,
            None => Ok(None),
        },
    }
}

/// The visitor that `id` stands for now: the survivor of a merge, or `id` itself, whether or not there is one.
pub(crate) async fn resolve_alias(cx: &mut QueryCx, id: VisitorId) -> Result<VisitorId> {
    Ok(alias(cx, id).await?.unwrap_or(id))
}

/// The survivor of the merge that ended `id`. Aliases are kept pointing at visitors that exist, so one step is enough.
async fn alias(cx: &mut QueryCx, id: VisitorId) -> Result<Option<VisitorId>> {
    cx.read(topics::visitor_alias(id));
    let survivor = visitor_aliases::table.find(id).select(visitor_aliases::visitor_id);
    Ok(survivor.first(cx.connection().await?).await.optional()?)
}

/// The visitor that `id` stands for now and its workspace, mostly from the cache: what a heartbeat needs to know.
pub(crate) async fn home(cx: &mut QueryCx, id: VisitorId) -> Result<Option<(VisitorId, WorkspaceId)>> {
    if let Some(workspace) = cached_home(cx, id).await? {
        return Ok(Some((id, workspace)));
    }
    let Some(survivor) = alias(cx, id).await? else {
        return Ok(None);
    };
    Ok(cached_home(cx, survivor).await?.map(|workspace| (survivor, workspace)))
}

async fn cached_home(cx: &mut QueryCx, id: VisitorId) -> Result<Option<WorkspaceId>> {
    let workspace = cx
        .cached(topics::visitor(id), move |connection| {
            Box::pin(async move {
                let workspace = visitors::table.find(id).select(visitors::workspace_id);
                Ok(workspace.first::<WorkspaceId>(connection).await.optional()?)
            })
        })
        .await?;
    Ok(*workspace)
}

/// A visitor of whatever workspace, last seen at the last heartbeat; the caller checks the workspace.
pub(crate) async fn seen_by_id(cx: &mut QueryCx, id: VisitorId) -> Result<Option<VisitorRow>> {
    cx.read(topics::visitor(id));
    cx.read(topics::presence(id));
    let seen = visitors::table
        .left_join(visitor_presence::table.on(visitor_presence::visitor_id.eq(visitors::id)))
        .filter(visitors::id.eq(id))
        .select((VisitorRow::as_select(), visitor_presence::last_seen_at.nullable()))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(seen.map(with_heartbeat))
}

/// The oldest visitor with a session id, over all workspaces, last seen at the last heartbeat.
pub(crate) async fn seen_by_session(cx: &mut QueryCx, session_id: &str) -> Result<Option<VisitorRow>> {
    cx.read(topics::visitors_of_session(Hashed::text(session_id)));
    let seen = visitors::table
        .left_join(visitor_presence::table.on(visitor_presence::visitor_id.eq(visitors::id)))
        .filter(visitors::session_id.eq(session_id))
        .order((visitors::created_at, visitors::id))
        .select((VisitorRow::as_select(), visitor_presence::last_seen_at.nullable()))
        .first(cx.connection().await?)
        .await
        .optional()?;
    let Some(row) = seen.map(with_heartbeat) else {
        return Ok(None);
    };
    cx.read(topics::visitor(row.id));
    cx.read(topics::presence(row.id));
    Ok(Some(row))
}

fn with_heartbeat((mut row, heartbeat): (VisitorRow, Option<Millis>)) -> VisitorRow {
    row.last_seen_at = row.last_seen_at.max(heartbeat);
    row
}

/// Whether a visitor is one of the workspace.
pub(crate) async fn is_in_workspace(cx: &mut QueryCx, id: VisitorId, workspace: WorkspaceId) -> Result<bool> {
    cx.read(topics::visitor(id));
    let found = visitors::table
        .find(id)
        .filter(visitors::workspace_id.eq(workspace))
        .select(visitors::id)
        .first::<VisitorId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(found.is_some())
}

/// The visitor of the workspace with a session id.
pub(crate) async fn id_by_session(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    session_id: &str,
) -> Result<Option<VisitorId>> {
    cx.read(topics::visitors_of_session(Hashed::text(session_id)));
    let visitor = visitors::table
        .filter(visitors::workspace_id.eq(workspace))
        .filter(visitors::session_id.eq(session_id))
        .select(visitors::id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(visitor)
}

/// The oldest visitor of the workspace with an address, letter case aside, who is not `except`.
pub(crate) async fn oldest_by_email(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    email: &str,
    except: Option<VisitorId>,
) -> Result<Option<VisitorId>> {
    cx.read(topics::visitors_of_workspace(workspace));
    let visitor = visitors::table
        .filter(visitors::workspace_id.eq(workspace))
        .filter(lower(visitors::email).eq(lower(email)))
        .filter(visitors::email.is_not_null())
        .filter(visitors::id.nullable().is_distinct_from(except))
        .order((visitors::created_at, visitors::id))
        .select(visitors::id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(visitor)
}

/// Visitors of a workspace, newest first, from behind the visitor `after`; from the start when there is no such one.
pub(crate) async fn newest(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    after: Option<VisitorId>,
    limit: i64,
) -> Result<Vec<VisitorRow>> {
    cx.read(topics::visitors_of_workspace(workspace));
    let mut page = VisitorRow::query()
        .filter(visitors::workspace_id.eq(workspace))
        .order((visitors::created_at.desc(), visitors::id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        let start = visitors::table
            .find(after)
            .filter(visitors::workspace_id.eq(workspace))
            .select(visitors::created_at)
            .first::<Millis>(cx.connection().await?)
            .await
            .optional()?;
        if let Some(start) = start {
            // The first condition is the one that the index takes.
            page = page
                .filter(visitors::created_at.le(start))
                .filter(visitors::created_at.lt(start).or(visitors::id.lt(after)));
        }
    }
    Ok(page.load(cx.connection().await?).await?)
}

/// Visitors of a workspace by words of their name, best first, then those with that address; each once.
pub(crate) async fn search(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    text: &str,
    limit: i64,
) -> Result<Vec<VisitorRow>> {
    cx.read(topics::visitors_of_workspace(workspace));
    let connection: &AsyncPgConnection = cx.connection().await?;
    let by_name = diesel::sql_query(SEARCH_NAMES)
        .bind::<Uuid, _>(workspace)
        .bind::<Text, _>(text)
        .bind::<BigInt, _>(limit)
        .load::<VisitorRow>(connection);
    let by_email = VisitorRow::query()
        .filter(visitors::workspace_id.eq(workspace))
        .filter(lower(visitors::email).eq(lower(text)))
        .filter(visitors::email.is_not_null())
        .order((visitors::created_at, visitors::id))
        .limit(limit)
        .load(connection);
    let (mut found, by_email): (Vec<VisitorRow>, Vec<VisitorRow>) =
        futures_util::future::try_join(by_name, by_email).await?;
    for row in by_email {
        if !found.iter().any(|other| other.id == row.id) {
            found.push(row);
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}
