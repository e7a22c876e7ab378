//! Search in articles: those that contain the very text, as the contract has it.

use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use opencom_contract::articles::Visibility;
use opencom_core::id::{ArticleId, WorkspaceId};
use opencom_core::{Json, Result};
use opencom_runtime::{QueryCx, Topic};
use opencom_schema::articles;

use super::rows::ArticleRow;
use crate::audience::Audience;

/// How many articles one answer has.
pub(super) const FOUND: usize = 20;

/// Among which articles somebody searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those that everyone may read.
    Readable,
    /// Those of this visibility, or of any; published ones only, or of any status.
    Members {
        published_only: bool,
        visibility: Option<Visibility>,
    },
}

impl Scope {
    /// The condition, spelled out so that it can be matched with an index's.
    fn condition(self) -> &'static str {
        match self {
            Self::Readable
            | Self::Members {
                published_only: true,
                visibility: Some(Visibility::Public),
            } => "is_readable",
            Self::Members {
                published_only: true,
                visibility: Some(Visibility::Internal),
            } => "status = 'published' AND visibility = 'internal'",
            Self::Members {
                published_only: true,
                visibility: None,
            } => "status = 'published'",
            Self::Members {
                published_only: false,
                visibility: Some(Visibility::Public),
            } => "visibility IS DISTINCT FROM 'internal'",
            Self::Members {
                published_only: false,
                visibility: Some(Visibility::Internal),
            } => "visibility = 'internal'",
            Self::Members {
                published_only: false,
                visibility: None,
            } => "true",
        }
    }
}

#[derive(QueryableByName)]
#[diesel(table_name = articles)]
struct Hit {
    #[diesel(sql_type = SqlUuid)]
    id: ArticleId,
}

#[derive(QueryableByName)]
#[diesel(table_name = articles)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Candidate {
    id: ArticleId,
    audience_rules: Option<Json>,
}

/// The articles that contain the text, newest change first.
pub(super) async fn containing(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    scope: Scope,
) -> Result<Vec<ArticleRow>> {
    cx.read(match scope {
        Scope::Readable => Topic::PublicArticlesOfWorkspace(workspace),
        Scope::Members { .. } => Topic::ArticlesOfWorkspace(workspace),
    });
    let sql = format!(
        "SELECT id FROM articles WHERE workspace_id = $1 AND {} AND (title_lower LIKE $2 OR content_lower LIKE $2)
         ORDER BY updated_at DESC, created_at, id LIMIT {FOUND}",
        scope.condition()
    );
    let hits: Vec<Hit> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(workspace)
        .bind::<Text, _>(pattern(query))
        .load(cx.connection().await?)
        .await?;
    rows(cx, hits.into_iter().map(|hit| hit.id).collect()).await
}

/// The first articles for a visitor that contain the text, oldest first.
pub(super) async fn containing_for(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    visitor: &Audience<'_>,
) -> Result<Vec<ArticleRow>> {
    cx.read(Topic::PublicArticlesOfWorkspace(workspace));
    let candidates: Vec<Candidate> = diesel::sql_query(
        "SELECT id, audience_rules FROM articles
         WHERE workspace_id = $1 AND is_readable AND (title_lower LIKE $2 OR content_lower LIKE $2)
         ORDER BY created_at, id",
    )
    .bind::<SqlUuid, _>(workspace)
    .bind::<Text, _>(pattern(query))
    .load(cx.connection().await?)
    .await?;
    let admitted = visitor
        .admits(cx, candidates.iter().map(|candidate| candidate.audience_rules.as_ref()))
        .await?;
    let found = candidates.iter().zip(admitted).filter(|(_, admitted)| *admitted);
    rows(cx, found.map(|(candidate, _)| candidate.id).take(FOUND).collect()).await
}

/// The rows with these ids, in this order.
async fn rows(cx: &mut QueryCx, ids: Vec<ArticleId>) -> Result<Vec<ArticleRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows: Vec<ArticleRow> = ArticleRow::query()
        .filter(articles::id.eq_any(&ids))
        .load(cx.connection().await?)
        .await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(rows)
}

/// The text as a pattern of LIKE: in lower case, anywhere, with no character meaning anything else.
fn pattern(query: &str) -> String {
    let mut pattern = String::with_capacity(query.len() + 2);
    pattern.push('%');
    for c in query.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn no_character_of_a_query_means_anything_but_itself() {
        assert_eq!(pattern("50%_Off\\"), "%50\\%\\_off\\\\%");
        assert_eq!(pattern(""), "%%");
    }
}
