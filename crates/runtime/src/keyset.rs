//! Keyset pagination: a page starts after the row that the cursor names.
//!
//! A list is ordered by a time and, among rows of the same time, by id. The cursor is the id of a row: [`resolve`] reads
//! that row's [`Position`], and [`Position::newer`] or [`Position::older`] narrows the list to the rows after it.

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::{OptionalExtension, Queryable};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods::LimitDsl;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use opencom_core::{Millis, Result};
use uuid::Uuid;

use crate::query::LoadQuery;
use crate::{QueryCx, RunQueryDsl};

/// The sort key of one row, read from its time and its id.
///
/// The id has no entity, so that the code for it exists once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Position {
    at: Millis,
    id: Uuid,
}

impl Position {
    /// Restricts an ascending list, `ORDER BY time, id`, to the rows after this one.
    pub fn newer<T, I>(self, time: T, id: I) -> Beyond<T, I>
    where
        T: Expression<SqlType = Timestamptz>,
        I: Expression<SqlType = SqlUuid>,
    {
        Beyond {
            time,
            id,
            position: self,
            order: Order::Ascending,
        }
    }

    /// Restricts a descending list, `ORDER BY time DESC, id DESC`, to the rows after this one.
    pub fn older<T, I>(self, time: T, id: I) -> Beyond<T, I>
    where
        T: Expression<SqlType = Timestamptz>,
        I: Expression<SqlType = SqlUuid>,
    {
        Beyond {
            time,
            id,
            position: self,
            order: Order::Descending,
        }
    }
}

/// Resolves a cursor to its position.
///
/// `row` selects the time and the id of the cursor's row, restricted to the list that is read. `None` if there is no
/// cursor or no such row: the list then starts at its beginning.
pub async fn resolve<'a, Q, P>(cx: &'a mut QueryCx, row: Option<Q>) -> Result<Option<P>>
where
    Q: LimitDsl,
    Q::Output: LoadQuery<'a, P>,
    P: Send + 'static,
{
    match row {
        Some(row) => Ok(row.first(cx.connection().await?).await.optional()?),
        None => Ok(None),
    }
}

/// Cuts the rows to one page and returns true if another page follows.
///
/// The query reads one row more than the page has; that row shows it.
pub fn cut_page<T>(rows: &mut Vec<T>, size: i64) -> bool {
    let size = usize::try_from(size).unwrap_or_default();
    let is_followed = rows.len() > size;
    rows.truncate(size);
    is_followed
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Ascending,
    Descending,
}

/// The condition of [`Position::newer`] and [`Position::older`].
#[derive(Clone, Copy, Debug)]
pub struct Beyond<T, I> {
    time: T,
    id: I,
    position: Position,
    order: Order,
}

impl<T: QueryFragment<Pg>, I: QueryFragment<Pg>> QueryFragment<Pg> for Beyond<T, I> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        compare(out, &self.time, &self.id, &self.position, self.order)
    }
}

/// Writes the condition, once for all tables.
///
/// In this form the first part bounds the index scan; `time > … OR time = … AND id > …` would not.
fn compare<'b>(
    mut out: AstPass<'_, 'b, Pg>,
    time: &'b dyn QueryFragment<Pg>,
    id: &'b dyn QueryFragment<Pg>,
    position: &'b Position,
    order: Order,
) -> QueryResult<()> {
    let (or_equal, strict) = match order {
        Order::Ascending => (" >= ", " > "),
        Order::Descending => (" <= ", " < "),
    };
    out.push_sql("((");
    time.walk_ast(out.reborrow())?;
    out.push_sql(or_equal);
    out.push_bind_param::<Timestamptz, _>(&position.at)?;
    out.push_sql(") AND ((");
    time.walk_ast(out.reborrow())?;
    out.push_sql(strict);
    out.push_bind_param::<Timestamptz, _>(&position.at)?;
    out.push_sql(") OR (");
    id.walk_ast(out.reborrow())?;
    out.push_sql(strict);
    out.push_bind_param::<SqlUuid, _>(&position.id)?;
    out.push_sql(")))");
    Ok(())
}

impl<T, I> QueryId for Beyond<T, I> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, I> Expression for Beyond<T, I> {
    type SqlType = Bool;
}

impl<T, I> ValidGrouping<()> for Beyond<T, I> {
    type IsAggregate = is_aggregate::No;
}

impl<QS, T: AppearsOnTable<QS>, I: AppearsOnTable<QS>> AppearsOnTable<QS> for Beyond<T, I> {}

impl<QS, T: SelectableExpression<QS>, I: SelectableExpression<QS>> SelectableExpression<QS> for Beyond<T, I> {}

#[cfg(test)]
mod tests {
    use opencom_schema::tags;

    use super::*;

    const POSITION: Position = Position {
        at: Millis(1_700_000_000_000),
        id: Uuid::nil(),
    };

    fn sql(condition: impl QueryFragment<Pg>) -> String {
        let sql = diesel::debug_query::<Pg, _>(&condition).to_string();
        let (sql, _) = sql.split_once(" -- ").unwrap();
        sql.replace('"', "")
    }

    #[test]
    fn an_ascending_page_starts_at_newer_rows() {
        assert_eq!(
            sql(POSITION.newer(tags::created_at, tags::id)),
            "((tags.created_at >= $1) AND ((tags.created_at > $2) OR (tags.id > $3)))"
        );
    }

    #[test]
    fn a_descending_page_starts_at_older_rows() {
        assert_eq!(
            sql(POSITION.older(tags::created_at, tags::id)),
            "((tags.created_at <= $1) AND ((tags.created_at < $2) OR (tags.id < $3)))"
        );
    }

    #[test]
    fn a_page_is_cut_where_the_next_one_starts() {
        for (read, size, kept, is_followed) in [(0, 2, 0, false), (2, 2, 2, false), (3, 2, 2, true), (1, 0, 0, true)] {
            let mut rows = vec![(); read];
            assert_eq!(cut_page(&mut rows, size), is_followed, "{read} rows");
            assert_eq!(rows.len(), kept, "{read} rows");
        }
    }
}
