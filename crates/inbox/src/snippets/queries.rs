//! Reads of `snippets`.

use crate::topics;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Uuid};
use opencom_core::Result;
use opencom_core::id::{SnippetId, WorkspaceId};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::keyset::{self, Position};
use opencom_runtime::statement::literal_limit;
use opencom_schema::snippets;

use super::rows::SnippetRow;

/// The shortest text that an index of groups of three characters can find.
const SHORTEST_INDEXED: usize = 3;

/// Finds all that match by the index first: in the order of creation it might have to read the whole workspace.
const SEARCH: &str = r#"WITH matches AS MATERIALIZED (
        SELECT * FROM snippets
        WHERE workspace_id = $1 AND search_text LIKE ('%' || lower($2 COLLATE "en-x-icu") || '%') COLLATE "default"
    )
    SELECT * FROM matches ORDER BY created_at, id LIMIT $3"#;

/// Reads in the order of creation: a short text is part of many.
const SEARCH_SHORT: &str = r#"SELECT * FROM snippets
    WHERE workspace_id = $1 AND search_text LIKE ('%' || lower($2 COLLATE "en-x-icu") || '%') COLLATE "default"
    ORDER BY created_at, id LIMIT $3"#;

/// A snippet of whatever workspace; the caller checks access.
pub(crate) async fn by_id(cx: &mut QueryCx, id: SnippetId) -> Result<Option<SnippetRow>> {
    cx.read(topics::snippet(id));
    Ok(SnippetRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Returns the snippets of a workspace by name, those of one name by age, after the snippet `cursor`.
pub(crate) async fn by_name(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    cursor: Option<SnippetId>,
    limit: i64,
) -> Result<Vec<SnippetRow>> {
    cx.read(topics::snippets_of_workspace(workspace));
    let start = cursor.map(|id| {
        snippets::table
            .find(id)
            .filter(snippets::workspace_id.eq(workspace))
            .select((snippets::name, (snippets::created_at, snippets::id)))
    });
    let start: Option<(String, Position)> = keyset::resolve(cx, start).await?;
    let mut query = SnippetRow::query()
        .filter(snippets::workspace_id.eq(workspace))
        .order((snippets::name, snippets::created_at, snippets::id))
        .into_boxed();
    if let Some((name, start)) = start {
        let newer = start.newer(snippets::created_at, snippets::id);
        // In this form the first condition bounds the index scan.
        query = query
            .filter(snippets::name.ge(name.clone()))
            .filter(snippets::name.gt(name).or(newer));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// The oldest snippets with a text in name, shortcut or content, letter case aside.
pub(crate) async fn search(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    text: &str,
    limit: i64,
) -> Result<Vec<SnippetRow>> {
    cx.read(topics::snippets_of_workspace(workspace));
    let sql = if text.chars().count() < SHORTEST_INDEXED {
        SEARCH_SHORT
    } else {
        SEARCH
    };
    let rows = diesel::sql_query(sql)
        .bind::<Uuid, _>(workspace)
        .bind::<Text, _>(literally(text))
        .bind::<BigInt, _>(limit)
        .load(cx.connection().await?)
        .await?;
    Ok(rows)
}

/// A text for `LIKE` that stands for itself.
fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The oldest snippet of the workspace with a shortcut.
pub(crate) async fn by_shortcut(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    shortcut: &str,
) -> Result<Option<SnippetRow>> {
    cx.read(topics::snippets_of_workspace(workspace));
    let query = SnippetRow::query()
        .filter(snippets::workspace_id.eq(workspace))
        .filter(snippets::shortcut.eq(shortcut))
        .order((snippets::created_at, snippets::id));
    // Spelled out: the index has no empty shortcuts, and a bound value does not tell that it is none.
    let row = if shortcut.is_empty() {
        query.first(cx.connection().await?).await
    } else {
        query
            .filter(sql::<Bool>("snippets.shortcut <> ''"))
            .first(cx.connection().await?)
            .await
    };
    Ok(row.optional()?)
}

#[cfg(test)]
mod tests {
    use super::literally;

    #[test]
    fn wildcards_are_text() {
        assert_eq!(literally(r"50% a_b \"), r"50\% a\_b \\");
    }
}
