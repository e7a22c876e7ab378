//! Articles that have the words of a query: in whatever form and order, the last one perhaps not typed to its end, and with
//! what is misspelt taken for what was meant. Titles count more than texts.
//!
//! Asked only when no article contains the very text of the query, so that nothing here stands beside or before what the
//! contract says is found ([decision 15](../../../../docs/decisions/0015-search-adds-only-where-nothing-matches.md)).

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::statement::prepared;
use opencom_runtime::{MutationCx, Pool, QueryCx};
use opencom_schema::article_words;
use strsim::osa_distance;

use super::search::{Candidate, Scope};

/// The shortest query that is taken for words.
const SHORTEST_QUERY: usize = 3;
/// The shortest word that may be misspelt: most short words have many neighbours.
const SHORTEST_WORD: usize = 4;
/// The longest word that is remembered.
const LONGEST_WORD: usize = 32;
/// From this length on two typing errors are forgiven.
const TWO_ERRORS: usize = 8;
/// The most words of one article that are remembered.
const MOST_WORDS: usize = 4000;
/// The most words of a query that are looked up one by one.
const MOST_QUERY_WORDS: usize = 12;
/// How many articles are ranked: a query that more fit says too little for an order.
const RANKED: usize = 200;
/// How many are given: some of them may be for other visitors.
const GIVEN: usize = RANKED;

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    asked: String,
    #[diesel(sql_type = Text)]
    word: String,
}

/// Articles that have the words of a query, best first.
pub(super) async fn ranked(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    language: &str,
    scope: Scope,
) -> Result<Vec<Candidate>> {
    if !is_words(query) {
        return Ok(Vec::new());
    }
    let found = with_all(cx, workspace, query, language, scope).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(meant) = corrected(cx, workspace, query).await? {
        let found = with_all(cx, workspace, &meant, language, scope).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        return with_most(cx, workspace, &meant, language, scope).await;
    }
    with_most(cx, workspace, query, language, scope).await
}

/// Whether a query is a text of words. One with other characters, or with space at an end, is after that very text.
fn is_words(query: &str) -> bool {
    let in_words = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '\'' | '’' | '-' | ',' | '.' | '?' | '!' | ':' | '/' | '&' | '+'
            )
    };
    query.chars().count() >= SHORTEST_QUERY
        && query.trim() == query
        && query.chars().all(in_words)
        && query.chars().any(char::is_alphanumeric)
}

/// The statement that ranks what matches the `query` that `parse` makes of the language `$1` and the text `$2`, by `rank`.
fn ranked_sql(scope: Scope, parse: &str) -> String {
    let condition = scope.condition();
    format!(
        "WITH words AS MATERIALIZED ({parse}), matches AS MATERIALIZED (
            SELECT id, audience_rules, updated_at, search_words FROM articles, words
            WHERE search_words @@ ($3::tsquery && words.query) AND {condition} LIMIT {RANKED}
         )
         SELECT id, audience_rules FROM matches, words
         ORDER BY ts_rank_cd('{{0.1, 0.2, 0.4, 1.0}}', search_words, words.rank, 1) DESC, updated_at DESC, id
         LIMIT {GIVEN}"
    )
}

async fn load(
    cx: &mut QueryCx,
    sql: String,
    workspace: WorkspaceId,
    query: &str,
    language: &str,
) -> Result<Vec<Candidate>> {
    let statement = diesel::sql_query(sql)
        .bind::<Text, _>(language)
        .bind::<Text, _>(query)
        .bind::<Text, _>(format!("'{}'", workspace.uuid()));
    Ok(prepared(statement).load(cx.connection().await?).await?)
}

/// Articles with all words, the last one as a prefix. The text of a tsquery is safe to extend, because its words are
/// quoted.
async fn with_all(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    language: &str,
    scope: Scope,
) -> Result<Vec<Candidate>> {
    let parse = "SELECT query, query AS rank FROM (
            SELECT (NULLIF(plainto_tsquery($1::regconfig, $2)::text, '') || ':*')::tsquery AS query
        ) AS parsed";
    load(cx, ranked_sql(scope, parse), workspace, query, language).await
}

/// Articles with at least two thirds of the words, where there are three or more.
async fn with_most(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    query: &str,
    language: &str,
    scope: Scope,
) -> Result<Vec<Candidate>> {
    // Every choice of two thirds is one alternative; a long query is cut, so that there are few.
    let parse = "SELECT query, rank FROM (
            WITH lexemes AS (
                SELECT quote_literal(lexeme) AS word, row_number() OVER (ORDER BY positions[1]) AS n, count(*) OVER () AS total
                FROM unnest(to_tsvector($1::regconfig, $2)) ORDER BY positions[1] LIMIT 6
            )
            SELECT (
                SELECT string_agg('(' || a.word || '&' || b.word || CASE WHEN a.total > 4 THEN '&' || c.word ELSE '' END || ')', '|')
                FROM lexemes a JOIN lexemes b ON a.n < b.n JOIN lexemes c ON CASE WHEN a.total > 4 THEN b.n < c.n ELSE c.n = b.n END
                WHERE a.total > 2
            )::tsquery AS query,
            (SELECT string_agg(word, '|') FROM lexemes)::tsquery AS rank
        ) AS parsed";
    load(cx, ranked_sql(scope, parse), workspace, query, language).await
}

/// The query with each word that no article has replaced by the nearest one that some article has; `None` when nothing is
/// to be replaced.
async fn corrected(cx: &mut QueryCx, workspace: WorkspaceId, query: &str) -> Result<Option<String>> {
    let lower = query.to_lowercase();
    let asked: Vec<&str> = words(&lower).take(MOST_QUERY_WORDS).collect();
    let doubtful: Vec<&str> = (asked.iter().copied())
        .filter(|word| (SHORTEST_WORD..=LONGEST_WORD).contains(&word.chars().count()))
        .collect();
    let swapped: Vec<String> = doubtful.iter().flat_map(|word| with_two_swapped(word)).collect();
    let statement = diesel::sql_query(
        "SELECT asked.word AS asked, known.word FROM unnest($2::text[]) AS asked (word), LATERAL (
            SELECT word FROM article_words WHERE workspace_id = $1 AND (word = ANY($3) OR word % asked.word)
            ORDER BY similarity(word, asked.word) DESC, word LIMIT 100
         ) AS known",
    )
    .bind::<SqlUuid, _>(workspace)
    .bind::<Array<Text>, _>(&doubtful)
    .bind::<Array<Text>, _>(&swapped);
    let known: Vec<Known> = prepared(statement).load(cx.connection().await?).await?;
    let meant: Vec<&str> = asked.iter().map(|word| nearest(word, &known).unwrap_or(word)).collect();
    Ok((meant != asked).then(|| meant.join(" ")))
}

/// Returns the known word with the smallest edit distance to this one, which may be itself: of equally near ones the most
/// similar, which comes first.
///
/// The distance is optimal string alignment, so that two swapped neighbours are one error.
fn nearest<'k>(word: &str, known: &'k [Known]) -> Option<&'k str> {
    let forgiven = if word.chars().count() >= TWO_ERRORS { 2 } else { 1 };
    let candidates = known.iter().filter(|known| known.asked == word);
    candidates
        .map(|known| (osa_distance(word, &known.word), known.word.as_str()))
        .filter(|(errors, _)| *errors <= forgiven)
        .min_by_key(|(errors, _)| *errors)
        .map(|(_, word)| word)
}

/// The words of a text in lower case.
fn words(lower: &str) -> impl Iterator<Item = &str> {
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The word, and what it is with two neighbours swapped: the one typing error that leaves few trigrams.
fn with_two_swapped(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let swapped = (1..letters.len()).map(|n| {
        let mut letters = letters.clone();
        letters.swap(n - 1, n);
        letters.into_iter().collect()
    });
    std::iter::once(word.to_owned()).chain(swapped).collect()
}

/// Remembers the words of an article, so that misspelt ones can be told from them.
pub(super) async fn learn(cx: &mut MutationCx, workspace: WorkspaceId, title: &str, content: &str) -> Result<()> {
    let worth = |word: &&str| {
        (SHORTEST_WORD..=LONGEST_WORD).contains(&word.chars().count()) && word.chars().all(char::is_alphabetic)
    };
    // In one order, so that two who write at once do not wait for each other.
    let new: BTreeSet<&str> = words(title)
        .chain(words(content))
        .filter(worth)
        .take(MOST_WORDS)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = new
        .into_iter()
        .map(|word| (article_words::workspace_id.eq(workspace), article_words::word.eq(word)))
        .collect();
    diesel::insert_into(article_words::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Language {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The languages that the server knows.
pub(crate) async fn languages(pool: &Pool) -> Result<Vec<String>> {
    let languages: Vec<Language> = diesel::sql_query("SELECT cfgname::text AS name FROM pg_ts_config ORDER BY cfgname")
        .load(&*pool.get().await?)
        .await?;
    Ok(languages.into_iter().map(|language| language.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_counted() {
        for (typed, meant, n) in [
            ("password", "password", 0),
            ("pasword", "password", 1),
            ("passsword", "password", 1),
            ("passwird", "password", 1),
            ("chnage", "change", 1),
            ("chnaeg", "change", 2),
            // No letter is edited twice: the Damerau-Levenshtein distance is 2.
            ("ca", "abc", 3),
            ("", "abc", 3),
            ("ärger", "arger", 1),
        ] {
            assert_eq!(osa_distance(typed, meant), n, "{typed}");
            assert_eq!(osa_distance(meant, typed), n, "{typed}");
        }
        assert!(with_two_swapped("chnage").contains(&"change".to_owned()));
    }

    #[test]
    fn the_nearest_known_word_is_meant() {
        let nearest_of = |typed: &str, known: &[&str]| {
            let known: Vec<Known> = (known.iter())
                .map(|word| Known {
                    asked: typed.to_owned(),
                    word: (*word).to_owned(),
                })
                .collect();
            nearest(typed, &known).map(str::to_owned)
        };
        for (typed, known, meant) in [
            ("chnage", &["chance", "change"][..], Some("change")),
            ("chnage", &["chances", "chnages", "change"], Some("chnages")),
            ("change", &["changes", "change"], Some("change")),
            ("chnaeg", &["change"], None),
            ("pasword", &["passwords"], None),
            ("passwrods", &["password", "passwords"], Some("passwords")),
            ("paswordds", &["passwords"], Some("passwords")),
            ("passwords", &["keyboards"], None),
        ] {
            assert_eq!(nearest_of(typed, known).as_deref(), meant, "{typed}");
        }
    }

    #[test]
    fn what_is_after_a_very_text_is_not_taken_for_words() {
        for query in ["reset password", "what's new?", "sign-in", "C++", "日本語"] {
            assert!(is_words(query), "{query}");
        }
        for query in [
            "",
            "ab",
            " reset",
            "reset ",
            "100%",
            "a_b",
            "a\\b",
            "\"quoted\"",
            "...",
            "a*b",
        ] {
            assert!(!is_words(query), "{query}");
        }
    }
}
