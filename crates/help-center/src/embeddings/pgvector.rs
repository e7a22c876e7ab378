//! Nearest neighbours by the extension pgvector, where the server has it: an index of the codes in the database, in place of
//! those that a process keeps ([decision 22](../../../../docs/decisions/0022-pgvector-where-there-is-one.md)).
//!
//! The index is no part of the migrations, because most servers could not make it. [`prepare`] makes it at the start.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Nullable, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use opencom_contract::embeddings::ContentType;
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::content_embeddings as embeddings;

use super::codes::{BITS, Code};
use super::rows::EmbeddingRow;

/// The oldest version that goes on when few of those that it found belong to the workspace.
const OLDEST: (u32, u32) = (0, 8);
/// The advisory lock under which the index is made.
const LOCK: i64 = 0x6f70_656e_636f_6d02;
const INDEX: &str = "content_embeddings_codes";

/// What stands between the server and neighbours by pgvector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The index is there.
    Ready,
    /// Another process is making it.
    UnderWay,
    /// The server has no such extension.
    NotInstalled,
    /// The extension of this version does not go on looking; 0.8 and newer ones do.
    TooOld(String),
    /// This role may not create the extension; somebody who may has to.
    NotAllowed(String),
}

/// Creates the extension and its index, where the server has one and neither is there yet. Takes some seconds for each
/// 100 000 chunks that are stored already; writes go on meanwhile.
///
/// # Errors
/// When the server cannot be reached or refuses to make the index.
pub async fn prepare(url: &str) -> Result<Readiness, PrepareError> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    let connection = &mut connection;
    let available: Option<(Option<String>, Option<String>)> = diesel::select((
        sql::<Nullable<Text>>("(SELECT default_version FROM pg_available_extensions WHERE name = 'vector')"),
        sql::<Nullable<Text>>("(SELECT extversion FROM pg_extension WHERE extname = 'vector')"),
    ))
    .first(connection)
    .await
    .optional()?;
    let (default, installed) = available.unwrap_or_default();
    let Some(version) = installed.clone().or(default) else {
        return Ok(Readiness::NotInstalled);
    };
    if parse(&version) < Some(OLDEST) {
        return Ok(Readiness::TooOld(version));
    }
    if installed.is_none()
        && let Err(error) = connection.batch_execute("CREATE EXTENSION IF NOT EXISTS vector").await
    {
        return Ok(Readiness::NotAllowed(error.to_string()));
    }
    // Whoever waited for the lock would hold up the one who makes the index: that waits for all who look at the database.
    let locked: bool = diesel::select(sql::<Bool>(&format!("pg_try_advisory_lock({LOCK})")))
        .get_result(connection)
        .await?;
    if !locked {
        return Ok(Readiness::UnderWay);
    }
    let valid: Option<bool> = diesel::select(sql::<Nullable<Bool>>(&format!(
        "(SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{INDEX}'))"
    )))
    .get_result(connection)
    .await?;
    if valid == Some(false) {
        // What an earlier attempt left that did not come to its end.
        connection
            .batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {INDEX}"))
            .await?;
    }
    if valid != Some(true) {
        connection
            .batch_execute(&format!(
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS {INDEX} ON content_embeddings USING hnsw (({}) bit_hamming_ops)",
                bits()
            ))
            .await?;
    }
    Ok(Readiness::Ready)
}

/// Why the index could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// No connection.
    #[error("no connection to the database")]
    Connect(#[from] ConnectionError),
    /// The server refused.
    #[error("PostgreSQL refused to make the index of vectors")]
    Refused(#[from] diesel::result::Error),
}

/// Returns the version of the installed extension; `None` if there is none.
///
/// # Errors
/// If the server cannot be reached.
pub(crate) async fn installed(url: &str) -> Result<Option<String>, PrepareError> {
    let connection = AsyncPgConnection::establish(url).await?;
    let version = sql::<Nullable<Text>>("(SELECT extversion FROM pg_extension WHERE extname = 'vector')");
    Ok(diesel::select(version).get_result(&connection).await?)
}

/// A stored code, as the index has it.
fn bits() -> String {
    format!("('x' || encode(code, 'hex'))::bit({BITS})")
}

/// Major and minor of a version.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Whether the index is there.
pub(super) async fn is_ready(cx: &mut QueryCx) -> Result<bool> {
    let ready = sql::<Bool>("EXISTS (SELECT FROM pg_index WHERE indisvalid AND indexrelid = to_regclass('")
        .sql(INDEX)
        .sql("'))");
    Ok(diesel::select(ready).get_result(cx.connection().await?).await?)
}

/// The vectors of a workspace and model whose codes differ least from `code`, nearest first. Fewer than `wanted` when there
/// are no more, or when too many of other workspaces are nearer.
pub(super) async fn closest(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    model: &str,
    types: &[ContentType],
    code: &Code,
    wanted: usize,
) -> Result<Vec<EmbeddingRow>> {
    let mut query = EmbeddingRow::query()
        .filter(embeddings::workspace_id.eq(workspace))
        .filter(embeddings::model.eq(model))
        .into_boxed();
    if !types.is_empty() {
        query = query.filter(embeddings::content_type.eq_any(types));
    }
    let differing = sql::<Integer>(&bits())
        .sql(" <~> ")
        .bind::<Text, _>(format!("x{}", hex::encode(code.to_bytes())))
        .sql(&format!("::bit({BITS})"));
    Ok(query
        .order(differing)
        .limit(i64::try_from(wanted).unwrap_or(i64::MAX))
        .load(cx.connection().await?)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(parse("0.8.0") >= Some(OLDEST) && parse("0.10.1") >= Some(OLDEST) && parse("1.0") >= Some(OLDEST));
        assert!(parse("0.7.4") < Some(OLDEST) && parse("none") < Some(OLDEST));
    }
}
