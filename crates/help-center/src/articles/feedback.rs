//! Rows of `article_feedback`: who found an article helpful.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::articles::FeedbackStats;
use opencom_core::id::{ArticleFeedbackId, ArticleId, VisitorId, WorkspaceId};
use opencom_core::{Int, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{article_feedback, articles, visitors};

use super::rows::Standing;
use super::store;

/// Where an article stands, which is not deleted before the end of the transaction.
pub(super) async fn keep_article(cx: &mut MutationCx, id: ArticleId) -> Result<Option<Standing>> {
    Ok(Standing::query()
        .filter(articles::id.eq(id))
        .for_key_share()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Whether the workspace has this visitor.
pub(super) async fn has_visitor(cx: &mut MutationCx, visitor: VisitorId, workspace: WorkspaceId) -> Result<bool> {
    let row = visitors::table
        .find(visitor)
        .filter(visitors::workspace_id.eq(workspace))
        .select(visitors::id)
        .first::<VisitorId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(row.is_some())
}

/// Records feedback. A visitor's feedback replaces the visitor's earlier one.
pub(super) async fn record(
    cx: &mut MutationCx,
    article: &Standing,
    helpful: bool,
    visitor: Option<VisitorId>,
) -> Result<ArticleFeedbackId> {
    store::heard(cx, article.id);
    let now = cx.now();
    let id = diesel::insert_into(article_feedback::table)
        .values((
            article_feedback::id.eq(ArticleFeedbackId::generate()),
            article_feedback::workspace_id.eq(article.workspace_id),
            article_feedback::article_id.eq(article.id),
            article_feedback::helpful.eq(helpful),
            article_feedback::visitor_id.eq(visitor),
            article_feedback::created_at.eq(now),
        ))
        .on_conflict((article_feedback::article_id, article_feedback::visitor_id))
        .do_update()
        .set(article_feedback::helpful.eq(helpful))
        .returning(article_feedback::id)
        .get_result(cx.connection().await?)
        .await?;
    Ok(id)
}

/// Counts the voices.
pub(super) async fn stats(cx: &mut QueryCx, article: ArticleId) -> Result<FeedbackStats> {
    cx.read(topics::feedback_of_article(article));
    let counts: Vec<(bool, i64)> = article_feedback::table
        .filter(article_feedback::article_id.eq(article))
        .group_by(article_feedback::helpful)
        .select((article_feedback::helpful, diesel::dsl::count_star()))
        .load(cx.connection().await?)
        .await?;
    let of = |which| {
        counts
            .iter()
            .filter(|(helpful, _)| *helpful == which)
            .map(|(_, n)| n)
            .sum()
    };
    let (helpful, not_helpful): (i64, i64) = (of(true), of(false));
    Ok(FeedbackStats {
        helpful: Int(helpful),
        not_helpful: Int(not_helpful),
        total: Int(helpful + not_helpful),
    })
}
