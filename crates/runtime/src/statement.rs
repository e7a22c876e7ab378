//! How hot statements are written, so that PostgreSQL parses and plans them once for each connection.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A query whose limit stands in its text.
///
/// A bound limit keeps the planner from knowing that a page is small: it plans the statement anew at each call, which
/// costs as much as running it. For limits that take few values, because each makes a statement of its own.
#[derive(Clone, Copy, Debug)]
pub struct LiteralLimit<Q> {
    query: Q,
    limit: i64,
}

/// Gives a query its limit, see [`LiteralLimit`].
pub fn literal_limit<Q>(query: Q, limit: i64) -> LiteralLimit<Q> {
    LiteralLimit { query, limit }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for LiteralLimit<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(&format!(" LIMIT {}", self.limit));
        Ok(())
    }
}

impl<Q> QueryId for LiteralLimit<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for LiteralLimit<Q> {
    type SqlType = Q::SqlType;
}

/// A statement that is prepared once for each connection.
///
/// diesel prepares updates, upserts and batches anew at each call, because their text may take any number of forms. For
/// those that take few: it saves a round trip, the parsing and the planning.
#[derive(Clone, Copy, Debug)]
pub struct Prepared<Q>(Q);

/// Lets a statement be prepared once, see [`Prepared`].
pub fn prepared<Q>(query: Q) -> Prepared<Q> {
    Prepared(query)
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}
