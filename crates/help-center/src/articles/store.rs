//! Writes of `articles` and `internal_articles`.

use crate::topics;
use diesel::prelude::*;
use opencom_core::Result;
use opencom_core::id::ArticleId;
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Everything;
use opencom_schema::{articles, internal_articles};

use super::rows::{ArticleChanges, ArticleRow, LegacyChanges, LegacyRow, NewArticle, Standing};

/// Writes a draft.
pub(crate) async fn insert(cx: &mut MutationCx, new: &NewArticle) -> Result<()> {
    diesel::insert_into(articles::table)
        .values(new)
        .execute(cx.connection().await?)
        .await?;
    cx.write(topics::article(new.id));
    cx.write(topics::articles_of_workspace(new.workspace_id));
    cx.write(topics::shelves_of_workspace(new.workspace_id));
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
    cx.write(topics::feedback_of_article(row.id));
    changed(cx, &standing(row), None);
    Ok(())
}

/// Changes a row of the older table.
pub(crate) async fn update_legacy(cx: &mut MutationCx, row: &LegacyRow, changes: &LegacyChanges) -> Result<()> {
    cx.write(topics::internal_article(row.id));
    cx.write(topics::articles_of_workspace(row.workspace_id));
    diesel::update(internal_articles::table.find(row.id))
        .set(changes)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Deletes a row of the older table.
pub(crate) async fn delete_legacy(cx: &mut MutationCx, row: &LegacyRow) -> Result<()> {
    cx.write(topics::internal_article(row.id));
    cx.write(topics::articles_of_workspace(row.workspace_id));
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
    cx.write(topics::article(before.id));
    cx.write(topics::articles_of_workspace(workspace));
    if was || is {
        cx.write(topics::public_articles_of_workspace(workspace));
    }
    if was != is || (is && after.is_some_and(|after| after.slug != before.slug)) {
        cx.write(topics::public_articles(Everything));
    }
    if was != is || after.is_none_or(|after| after.collection_id != before.collection_id) {
        cx.write(topics::shelves_of_workspace(workspace));
    }
}

/// Records that feedback on an article changed.
pub(crate) fn heard(cx: &mut MutationCx, article: ArticleId) {
    cx.write(topics::feedback_of_article(article));
}

/// Gives some articles the word forms of this language; how many. Nobody is told: what is shown does not change.
pub(crate) async fn set_language(cx: &mut MutationCx, language: &str, most: i64) -> Result<usize> {
    // An index has what is less and what is greater, but not what is different.
    let others = articles::search_language
        .lt(language)
        .or(articles::search_language.gt(language));
    let connection = cx.connection().await?;
    let ids: Vec<ArticleId> = articles::table
        .filter(others)
        .select(articles::id)
        .limit(most)
        .for_no_key_update()
        .skip_locked()
        .load(connection)
        .await?;
    let changed = diesel::update(articles::table.filter(articles::id.eq_any(ids)))
        .set(articles::search_language.eq(language))
        .execute(connection)
        .await?;
    Ok(changed)
}
