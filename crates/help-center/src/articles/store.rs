//! Writes of `articles` and `internal_articles`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::Result;
use opencom_core::id::ArticleId;
use opencom_runtime::topic::Everything;
use opencom_runtime::{MutationCx, Topic};
use opencom_schema::{articles, internal_articles};

use super::rows::{ArticleChanges, ArticleRow, LegacyChanges, LegacyRow, NewArticle, Standing};

/// Writes a draft.
pub(crate) async fn insert(cx: &mut MutationCx, new: &NewArticle) -> Result<()> {
    diesel::insert_into(articles::table)
        .values(new)
        .execute(cx.connection().await?)
        .await?;
    cx.write(Topic::Article(new.id));
    cx.write(Topic::ArticlesOfWorkspace(new.workspace_id));
    cx.write(Topic::ShelvesOfWorkspace(new.workspace_id));
    Ok(())
}

/// Changes a locked article.
pub(crate) async fn update(cx: &mut MutationCx, row: &ArticleRow, changes: &ArticleChanges) -> Result<()> {
    let after: Standing = diesel::update(articles::table.find(row.id))
        .set(changes)
        .returning(Standing::as_returning())
        .get_result(cx.connection().await?)
        .await?;
    changed(cx, &standing(row), Some(&after));
    Ok(())
}

/// Deletes a locked article with the feedback on it.
pub(crate) async fn delete(cx: &mut MutationCx, row: &ArticleRow) -> Result<()> {
    diesel::delete(articles::table.find(row.id))
        .execute(cx.connection().await?)
        .await?;
    cx.write(Topic::FeedbackOfArticle(row.id));
    changed(cx, &standing(row), None);
    Ok(())
}

/// Changes a row of the older table.
pub(crate) async fn update_legacy(cx: &mut MutationCx, row: &LegacyRow, changes: &LegacyChanges) -> Result<()> {
    cx.write(Topic::InternalArticle(row.id));
    cx.write(Topic::ArticlesOfWorkspace(row.workspace_id));
    diesel::update(internal_articles::table.find(row.id))
        .set(changes)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Deletes a row of the older table.
pub(crate) async fn delete_legacy(cx: &mut MutationCx, row: &LegacyRow) -> Result<()> {
    cx.write(Topic::InternalArticle(row.id));
    cx.write(Topic::ArticlesOfWorkspace(row.workspace_id));
    diesel::delete(internal_articles::table.find(row.id))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

fn standing(row: &ArticleRow) -> Standing {
    Standing {
        id: row.id,
        workspace_id: row.workspace_id,
        collection_id: row.collection_id,
        slug: row.slug.clone(),
        visibility: row.visibility,
        status: row.status,
    }
}

/// Records who sees that an article changed, or went.
fn changed(cx: &mut MutationCx, before: &Standing, after: Option<&Standing>) {
    let workspace = before.workspace_id;
    let (was, is) = (before.is_readable(), after.is_some_and(Standing::is_readable));
    cx.write(Topic::Article(before.id));
    cx.write(Topic::ArticlesOfWorkspace(workspace));
    if was || is {
        cx.write(Topic::PublicArticlesOfWorkspace(workspace));
    }
    if was != is || (is && after.is_some_and(|after| after.slug != before.slug)) {
        cx.write(Topic::PublicArticles(Everything));
    }
    if was != is || after.is_none_or(|after| after.collection_id != before.collection_id) {
        cx.write(Topic::ShelvesOfWorkspace(workspace));
    }
}

/// Records that feedback on an article changed.
pub(crate) fn heard(cx: &mut MutationCx, article: ArticleId) {
    cx.write(Topic::FeedbackOfArticle(article));
}
