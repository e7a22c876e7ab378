//! Reads of `articles` and `internal_articles`.

use crate::topics;
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use opencom_contract::articles::{ArticleRef, ArticleStatus, Visibility};
use opencom_core::Result;
use opencom_core::id::{ArticleId, CollectionId, InternalArticleId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::statement::literal_limit;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{articles, internal_articles};

use super::rows::{ArticleRow, LegacyRow};

/// What a list of articles is narrowed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub(crate) workspace: WorkspaceId,
    pub(crate) status: Option<ArticleStatus>,
    pub(crate) collection: Option<CollectionId>,
    pub(crate) visibility: Option<Visibility>,
}

/// What an id of either table stands for.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Article(Box<ArticleRow>),
    Legacy(LegacyRow),
}

impl Found {
    pub(crate) fn workspace(&self) -> WorkspaceId {
        match self {
            Self::Article(row) => row.workspace_id,
            Self::Legacy(row) => row.workspace_id,
        }
    }
}

/// Spelled out: a bound value cannot be matched with an index's condition.
fn readable() -> diesel::expression::SqlLiteral<Bool> {
    sql::<Bool>("articles.is_readable")
}

/// An article of whatever workspace, or a row of the older table that became none; the caller checks access.
pub(crate) async fn find(cx: &mut QueryCx, id: ArticleRef) -> Result<Option<Found>> {
    match id {
        ArticleRef::Article(id) => Ok(by_id(cx, id).await?.map(|row| Found::Article(Box::new(row)))),
        ArticleRef::Legacy(id) => {
            cx.read(topics::internal_article(id));
            if let Some(row) = by_legacy_id(cx, id).await? {
                return Ok(Some(Found::Article(Box::new(row))));
            }
            let row = LegacyRow::query()
                .find(id)
                .first(cx.connection().await?)
                .await
                .optional()?;
            Ok(row.map(Found::Legacy))
        }
    }
}

/// An article of whatever workspace; the caller checks access.
pub(crate) async fn by_id(cx: &mut QueryCx, id: ArticleId) -> Result<Option<ArticleRow>> {
    cx.read(topics::article(id));
    Ok(ArticleRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

async fn by_legacy_id(cx: &mut QueryCx, id: InternalArticleId) -> Result<Option<ArticleRow>> {
    let row: Option<ArticleRow> = ArticleRow::query()
        .filter(articles::legacy_internal_article_id.eq(id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    if let Some(row) = &row {
        cx.read(topics::article(row.id));
    }
    Ok(row)
}

/// The article with this slug.
pub(crate) async fn by_slug(cx: &mut QueryCx, workspace: WorkspaceId, slug: &str) -> Result<Option<ArticleRow>> {
    cx.read(topics::articles_of_workspace(workspace));
    Ok(ArticleRow::query()
        .filter(articles::workspace_id.eq(workspace))
        .filter(articles::slug.eq(slug))
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The article with this slug that everyone may read.
pub(crate) async fn readable_by_slug(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    slug: &str,
) -> Result<Option<ArticleRow>> {
    cx.read(topics::public_articles_of_workspace(workspace));
    Ok(ArticleRow::query()
        .filter(articles::workspace_id.eq(workspace))
        .filter(articles::slug.eq(slug))
        .filter(readable())
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Articles that everyone may read, in their display order.
pub(crate) async fn readable_in_order(cx: &mut QueryCx, filter: Filter, limit: i64) -> Result<Vec<ArticleRow>> {
    cx.read(topics::public_articles_of_workspace(filter.workspace));
    let contradicts = filter.status.is_some_and(|status| status != ArticleStatus::Published)
        || filter.visibility == Some(Visibility::Internal);
    if contradicts {
        return Ok(Vec::new());
    }
    let mut query = ArticleRow::query()
        .filter(articles::workspace_id.eq(filter.workspace))
        .filter(readable())
        .order((articles::sort_order, articles::created_at, articles::id))
        .into_boxed();
    if let Some(collection) = filter.collection {
        query = query.filter(articles::collection_id.eq(collection));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// Articles of whatever standing, newest change first.
pub(crate) async fn by_change(cx: &mut QueryCx, filter: Filter, limit: i64) -> Result<Vec<ArticleRow>> {
    cx.read(topics::articles_of_workspace(filter.workspace));
    let mut query = ArticleRow::query()
        .filter(articles::workspace_id.eq(filter.workspace))
        .order(articles::updated_at.desc())
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(articles::status.eq(status));
    }
    if let Some(collection) = filter.collection {
        query = query.filter(articles::collection_id.eq(collection));
    }
    query = match filter.visibility {
        None => query,
        Some(Visibility::Internal) => query.filter(articles::visibility.eq(Visibility::Internal)),
        Some(Visibility::Public) => query.filter(
            articles::visibility
                .eq(Visibility::Public)
                .or(articles::visibility.is_null()),
        ),
    };
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// Rows of the older table that became no article, newest change first.
pub(crate) async fn legacy_by_change(cx: &mut QueryCx, filter: Filter, limit: i64) -> Result<Vec<LegacyRow>> {
    cx.read(topics::articles_of_workspace(filter.workspace));
    if filter.collection.is_some() || filter.visibility == Some(Visibility::Public) {
        return Ok(Vec::new());
    }
    let became = articles::table.filter(articles::legacy_internal_article_id.eq(internal_articles::id.nullable()));
    let mut query = LegacyRow::query()
        .filter(internal_articles::workspace_id.eq(filter.workspace))
        .filter(not(exists(became)))
        .order(internal_articles::updated_at.desc())
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(internal_articles::status.eq(status));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// An article, locked until the end of the transaction.
pub(crate) async fn lock(cx: &mut MutationCx, id: ArticleId) -> Result<Option<ArticleRow>> {
    Ok(ArticleRow::query()
        .find(id)
        .for_no_key_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// A row of the older table, locked until the end of the transaction.
pub(crate) async fn lock_legacy(cx: &mut MutationCx, id: InternalArticleId) -> Result<Option<LegacyRow>> {
    Ok(LegacyRow::query()
        .find(id)
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The place of a new article: after the last one in its collection.
pub(crate) async fn next_place(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    collection: Option<CollectionId>,
) -> Result<f64> {
    let mut siblings = articles::table
        .filter(articles::workspace_id.eq(workspace))
        .select(diesel::dsl::max(articles::sort_order))
        .into_boxed();
    siblings = match collection {
        Some(collection) => siblings.filter(articles::collection_id.eq(collection)),
        None => siblings.filter(articles::collection_id.is_null()),
    };
    let last: Option<f64> = siblings.first(cx.connection().await?).await?;
    Ok(last.unwrap_or_default().max(0.0) + 1.0)
}

/// An article as HTML.
pub(crate) async fn html(cx: &mut QueryCx, id: ArticleId) -> Result<String> {
    cx.read(topics::article(id));
    Ok(articles::table
        .find(id)
        .select(articles::content_html)
        .first(cx.connection().await?)
        .await?)
}
