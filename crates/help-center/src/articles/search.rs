//! Search in articles. First those that contain the very text, in the contract's order; only where there is none, those
//! that have its words ([`words`](super::words)).
//!
//! A text that is in many articles is found soon by going through the articles in the order of the answer, and one that
//! is in few by an index of pieces of texts. Neither way is good for both, and the planner cannot tell which it is; so the first
//! [`LOOKED_AT`] articles are gone through. If they nearly fill the answer, so do the next [`LOOKED_FURTHER`] before long;
//! otherwise the index is asked, which then has little to give.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use opencom_contract::articles::Visibility;
use opencom_core::id::{ArticleId, WorkspaceId};
use opencom_core::{Json, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::statement::prepared;
use opencom_runtime::{QueryCx, Topic};
use opencom_schema::articles;

use super::rows::ArticleRow;
use super::{fragments, words};
use crate::audience::Audience;

/// How many articles one answer has.
pub(super) const FOUND: usize = 20;
/// How many articles are gone through one by one.
const LOOKED_AT: i64 = 1000;
/// With so many matches among them, the index would have a lot to give, and an answer is full soon beyond.
const OFTEN: usize = 12;
/// How many articles are gone through then, after those.
const LOOKED_FURTHER: i64 = 3 * LOOKED_AT;
/// How many matches are looked at for a visitor before the index is asked: some are for others.
const FOR_VISITOR: i64 = 200;
/// The most matches that are looked at for a visitor.
const MOST_FOR_VISITOR: i64 = 10_000;

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
    pub(super) fn condition(self) -> &'static str {
        use Visibility::{Internal, Public};
        let (published_only, visibility) = match self {
            Self::Readable => (true, Some(Public)),
            Self::Members {
                published_only,
                visibility,
            } => (published_only, visibility),
        };
        match (published_only, visibility) {
            (true, Some(Public)) => "is_readable",
            (true, Some(Internal)) => "status = 'published' AND visibility = 'internal'",
            (true, None) => "status = 'published'",
            (false, Some(Public)) => "visibility IS DISTINCT FROM 'internal'",
            (false, Some(Internal)) => "visibility = 'internal'",
            (false, None) => "true",
        }
    }

    fn topic(self, workspace: WorkspaceId) -> Topic {
        match self {
            Self::Readable => topics::public_articles_of_workspace(workspace),
            Self::Members { .. } => topics::articles_of_workspace(workspace),
        }
    }
}

/// The order of an answer.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// Newest change first.
    ByChange,
    /// Oldest first.
    ByAge,
}

impl Order {
    const fn sql(self) -> &'static str {
        match self {
            Self::ByChange => "updated_at DESC, created_at, id",
            Self::ByAge => "created_at, id",
        }
    }
}

/// An article that may be in the answer.
#[derive(QueryableByName)]
#[diesel(table_name = articles)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct Candidate {
    pub(super) id: ArticleId,
    pub(super) audience_rules: Option<Json>,
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    size: i64,
}

/// The articles that contain the text, newest change first.
pub(super) async fn containing(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    scope: Scope,
) -> Result<Vec<ArticleRow>> {
    cx.read(scope.topic(workspace));
    let (text, most) = (query.to_lowercase(), i64::try_from(FOUND).unwrap_or(i64::MAX));
    let order = Order::ByChange;
    let mut found = among::<0, LOOKED_AT>(cx, workspace, &text, scope, order, most).await?;
    if found.len() < FOUND && has_more(cx, workspace, scope).await? {
        if found.len() >= OFTEN {
            found.extend(among::<LOOKED_AT, LOOKED_FURTHER>(cx, workspace, &text, scope, order, most).await?);
            found.truncate(FOUND);
        }
        if found.len() < FOUND {
            found = by_index(cx, workspace, &text, scope, order, most).await?;
        }
    }
    rows(cx, found.into_iter().map(|candidate| candidate.id).collect()).await
}

/// The articles that have the words of the text or nearly so, best first; none for what is no text of words.
pub(super) async fn resembling(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    language: &str,
    scope: Scope,
) -> Result<Vec<ArticleRow>> {
    cx.read(scope.topic(workspace));
    let found = words::ranked(cx, workspace, query, language, scope).await?;
    rows(
        cx,
        found.into_iter().map(|candidate| candidate.id).take(FOUND).collect(),
    )
    .await
}

/// The first articles for a visitor that contain the text, oldest first; where there is none, those that have its words.
pub(super) async fn for_visitor(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    language: &str,
    visitor: &Audience,
) -> Result<Vec<ArticleRow>> {
    let (scope, text) = (Scope::Readable, query.to_lowercase());
    cx.read(scope.topic(workspace));
    let first = among::<0, LOOKED_AT>(cx, workspace, &text, scope, Order::ByAge, FOR_VISITOR).await?;
    let mut found = admitted(cx, first, visitor).await?;
    if found.len() < FOUND {
        let all = by_index(cx, workspace, &text, scope, Order::ByAge, MOST_FOR_VISITOR).await?;
        found = admitted(cx, all, visitor).await?;
    }
    if found.is_empty() {
        let alike = words::ranked(cx, workspace, query, language, scope).await?;
        found = admitted(cx, alike, visitor).await?;
    }
    found.truncate(FOUND);
    rows(cx, found).await
}

/// The ids of those that are for the visitor.
async fn admitted(cx: &mut QueryCx, candidates: Vec<Candidate>, visitor: &Audience) -> Result<Vec<ArticleId>> {
    let rules = candidates.iter().map(|candidate| candidate.audience_rules.as_ref());
    let admitted = visitor.admits(cx, rules).await?;
    let found = candidates.into_iter().zip(admitted).filter(|(_, admitted)| *admitted);
    Ok(found.map(|(candidate, _)| candidate.id).collect())
}

/// Up to `most` matches among `COUNT` articles in this order, after the first `SKIPPED`.
async fn among<const SKIPPED: i64, const COUNT: i64>(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    text: &str,
    scope: Scope,
    order: Order,
    most: i64,
) -> Result<Vec<Candidate>> {
    let (condition, order) = (scope.condition(), order.sql());
    let sql = format!(
        "SELECT id, audience_rules FROM (
            SELECT id, audience_rules, updated_at, created_at, title_lower, content_lower FROM articles
            WHERE workspace_id = $1 AND {condition} ORDER BY {order} OFFSET {SKIPPED} LIMIT {COUNT}
         ) AS these
         WHERE strpos(title_lower, $2) > 0 OR strpos(content_lower, $2) > 0 ORDER BY {order} LIMIT {most}"
    );
    // Without an index, looking for a text is half as dear as comparing with a pattern.
    let statement = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(workspace)
        .bind::<Text, _>(text);
    Ok(prepared(statement).load(cx.connection().await?).await?)
}

/// Whether there are more articles than are gone through.
async fn has_more(cx: &mut QueryCx, workspace: WorkspaceId, scope: Scope) -> Result<bool> {
    let condition = scope.condition();
    let sql = format!(
        "SELECT count(*) AS size
         FROM (SELECT FROM articles WHERE workspace_id = $1 AND {condition} LIMIT {LOOKED_AT} + 1) AS these"
    );
    let statement = diesel::sql_query(sql).bind::<SqlUuid, _>(workspace);
    let size: Size = prepared(statement).get_result(cx.connection().await?).await?;
    Ok(size.size > LOOKED_AT)
}

/// Up to `most` matches among all articles, by index: that of [`fragments`](super::fragments), or that of trigrams for a
/// text that is shorter than they are. Materialized, so that it is not traded for going through all of them in order.
async fn by_index(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    text: &str,
    scope: Scope,
    order: Order,
    most: i64,
) -> Result<Vec<Candidate>> {
    let (condition, order) = (scope.condition(), order.sql());
    let fragments = fragments::of_query(workspace, text);
    let matches = if fragments.is_some() {
        let found = |by: &str| {
            format!(
                "SELECT id, audience_rules, updated_at, created_at FROM articles
                 WHERE workspace_id = $1 AND {condition} AND {by}
                       AND (strpos(title_lower, $2) > 0 OR strpos(content_lower, $2) > 0)"
            )
        };
        // Few have none, and they have an index of their own.
        format!("{} UNION ALL {}", found("fragments @> $3"), found("fragments IS NULL"))
    } else {
        format!(
            "SELECT id, audience_rules, updated_at, created_at FROM articles
             WHERE workspace_id = $1 AND {condition} AND (title_lower LIKE $2 OR content_lower LIKE $2)"
        )
    };
    let sql = format!(
        "WITH matches AS MATERIALIZED ({matches}) SELECT id, audience_rules FROM matches ORDER BY {order} LIMIT {most}"
    );
    let statement = diesel::sql_query(sql).bind::<SqlUuid, _>(workspace);
    let connection = cx.connection().await?;
    Ok(match fragments {
        Some(fragments) => {
            let statement = statement.bind::<Text, _>(text).bind::<Array<BigInt>, _>(fragments);
            prepared(statement).load(connection).await?
        }
        None => {
            prepared(statement.bind::<Text, _>(pattern(text)))
                .load(connection)
                .await?
        }
    })
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

/// The text as a pattern of LIKE: anywhere, with no character meaning anything else.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
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
        assert_eq!(pattern("50%_off\\"), "%50\\%\\_off\\\\%");
        assert_eq!(pattern(""), "%%");
    }
}
