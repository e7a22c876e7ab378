//! Reads of `collections`, and of what is filed in them.

use crate::topics;
use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};
use opencom_core::id::{ArticleId, CollectionId, WorkspaceId};
use opencom_core::{Json, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::statement::literal_limit;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{articles, collections};

use super::rows::CollectionRow;

/// Which collections are listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    /// All of the workspace.
    Every,
    /// Those directly in one, or those at the top.
    Under(Option<CollectionId>),
}

/// How many articles are directly in a collection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) all: i64,
    pub(crate) readable: i64,
}

/// The collections that a collection is in, from itself up; the walk ends at the top, at what is not of the workspace and
/// where it has been before.
const LINE: &str = "WITH RECURSIVE line (id, parent_id) AS (
        SELECT id, parent_id FROM collections WHERE id = $1 AND workspace_id = $2
        UNION
        SELECT parent.id, parent.parent_id FROM line
        JOIN collections AS parent ON parent.id = line.parent_id AND parent.workspace_id = $2
    )
    SELECT id FROM line";

#[derive(QueryableByName)]
struct InLine {
    #[diesel(sql_type = SqlUuid)]
    id: CollectionId,
}

/// A collection of whatever workspace; the caller checks access.
pub(crate) async fn by_id(cx: &mut QueryCx, id: CollectionId) -> Result<Option<CollectionRow>> {
    let row: Option<CollectionRow> = CollectionRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    if let Some(row) = &row {
        cx.read(topics::collections_of_workspace(row.workspace_id));
    }
    Ok(row)
}

/// The collection with this slug.
pub(crate) async fn by_slug(cx: &mut QueryCx, workspace: WorkspaceId, slug: &str) -> Result<Option<CollectionRow>> {
    cx.read(topics::collections_of_workspace(workspace));
    let row = CollectionRow::query()
        .filter(collections::workspace_id.eq(workspace))
        .filter(collections::slug.eq(slug))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// Collections of a workspace in their display order.
pub(crate) async fn list(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    level: Level,
    limit: i64,
) -> Result<Vec<CollectionRow>> {
    cx.read(topics::collections_of_workspace(workspace));
    let mut query = CollectionRow::query()
        .filter(collections::workspace_id.eq(workspace))
        .order((collections::sort_order, collections::created_at, collections::id))
        .into_boxed();
    match level {
        Level::Every => {}
        Level::Under(Some(parent)) => query = query.filter(collections::parent_id.eq(parent)),
        Level::Under(None) => query = query.filter(collections::parent_id.is_null()),
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// How many articles are directly in each collection of a workspace; collections without any are left out.
pub(crate) async fn counts(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<HashMap<CollectionId, Counts>> {
    cx.read(topics::shelves_of_workspace(workspace));
    let rows: Vec<(CollectionId, i64, i64)> = articles::table
        .filter(articles::workspace_id.eq(workspace))
        .filter(articles::collection_id.is_not_null())
        .group_by(articles::collection_id)
        .select((
            articles::collection_id.assume_not_null(),
            diesel::dsl::count_star(),
            sql::<BigInt>("count(*) FILTER (WHERE is_readable)"),
        ))
        .load(cx.connection().await?)
        .await?;
    let counts = |(id, all, readable)| (id, Counts { all, readable });
    Ok(rows.into_iter().map(counts).collect())
}

/// The audience rules in each collection of a workspace, among the articles that everyone may read, and how many articles
/// have them.
pub(crate) async fn audiences(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
) -> Result<Vec<(CollectionId, Option<Json>, i64)>> {
    cx.read(topics::public_articles_of_workspace(workspace));
    let rows = articles::table
        .filter(articles::workspace_id.eq(workspace))
        .filter(sql::<Bool>("is_readable"))
        .filter(articles::collection_id.is_not_null())
        .group_by((articles::collection_id, articles::audience_rules))
        .select((
            articles::collection_id.assume_not_null(),
            articles::audience_rules,
            diesel::dsl::count_star(),
        ))
        .load(cx.connection().await?)
        .await?;
    Ok(rows)
}

/// The workspace of a collection.
pub(crate) async fn workspace_of(cx: &mut QueryCx, id: CollectionId) -> Result<Option<WorkspaceId>> {
    let workspace = collections::table
        .find(id)
        .select(collections::workspace_id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(workspace)
}

/// A collection of a locked workspace.
pub(crate) async fn locked(cx: &mut MutationCx, id: CollectionId) -> Result<Option<CollectionRow>> {
    Ok(CollectionRow::query()
        .find(id)
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Whether the workspace has this collection, which stays until the end of the transaction then.
pub(crate) async fn keep(cx: &mut MutationCx, id: CollectionId, workspace: WorkspaceId) -> Result<bool> {
    let row = collections::table
        .find(id)
        .filter(collections::workspace_id.eq(workspace))
        .select(collections::id)
        .for_key_share()
        .first::<CollectionId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(row.is_some())
}

/// A collection and all that it is in, within its workspace; empty when there is no such collection.
pub(crate) async fn line(cx: &mut QueryCx, id: CollectionId, workspace: WorkspaceId) -> Result<Vec<CollectionId>> {
    let line: Vec<InLine> = diesel::sql_query(LINE)
        .bind::<SqlUuid, _>(id)
        .bind::<SqlUuid, _>(workspace)
        .load(cx.connection().await?)
        .await?;
    Ok(line.into_iter().map(|row| row.id).collect())
}

/// The place of a new collection: after the last of its siblings.
pub(crate) async fn next_place(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    parent: Option<CollectionId>,
) -> Result<f64> {
    let mut siblings = collections::table
        .filter(collections::workspace_id.eq(workspace))
        .select(diesel::dsl::max(collections::sort_order))
        .into_boxed();
    siblings = match parent {
        Some(parent) => siblings.filter(collections::parent_id.eq(parent)),
        None => siblings.filter(collections::parent_id.is_null()),
    };
    let last: Option<f64> = siblings.first(cx.connection().await?).await?;
    Ok(last.unwrap_or_default().max(0.0) + 1.0)
}

/// Whether any collection is in this one.
pub(crate) async fn has_children(cx: &mut MutationCx, id: CollectionId) -> Result<bool> {
    let child = collections::table
        .filter(collections::parent_id.eq(id))
        .select(collections::id)
        .first::<CollectionId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(child.is_some())
}

/// Whether any article is in this collection.
pub(crate) async fn has_articles(cx: &mut MutationCx, id: CollectionId) -> Result<bool> {
    let article = articles::table
        .filter(articles::collection_id.eq(id))
        .select(articles::id)
        .first::<ArticleId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(article.is_some())
}
