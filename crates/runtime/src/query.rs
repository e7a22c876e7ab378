//! Running diesel's queries with little generated code.
//!
//! `diesel_async::RunQueryDsl` builds, for every query and result type, a chain of stream and future combinators of its
//! own. This trait has the same methods, but only two small generic steps: the query becomes text and binds, and the rows
//! become values. What lies between is compiled once.
//!
//! A shared reference to the connection is enough, so two queries can be sent without waiting in between (pipelining).

use diesel::QueryResult;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::query_dsl::CompatibleType;
use diesel::query_dsl::methods::LimitDsl;
use diesel_async::{AsyncConnectionCore, AsyncPgConnection};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;

use crate::BoxFuture;

type PgRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;
type Rows<'a> = BoxFuture<'a, QueryResult<Vec<PgRow>>>;

/// A query whose rows are read as `U`.
pub trait LoadQuery<'a, U>: Sized {
    #[doc(hidden)]
    fn send(self, connection: &'a AsyncPgConnection) -> Rows<'a>;

    #[doc(hidden)]
    fn read(row: &PgRow) -> QueryResult<U>;
}

impl<'a, Q, U, ST> LoadQuery<'a, U> for Q
where
    Q: AsQuery + 'a,
    Q::Query: QueryFragment<Pg> + QueryId + 'a,
    Q::SqlType: CompatibleType<U, Pg, SqlType = ST>,
    U: FromSqlRow<ST, Pg> + Send + 'static,
    Pg: QueryMetadata<Q::SqlType>,
    ST: 'static,
{
    fn send(self, connection: &'a AsyncPgConnection) -> Rows<'a> {
        collect(AsyncConnectionCore::load(&mut &*connection, self))
    }

    fn read(row: &PgRow) -> QueryResult<U> {
        U::build_from_row(row).map_err(diesel::result::Error::DeserializationError)
    }
}

/// The methods that run a query, for everything that diesel can run.
pub trait RunQueryDsl: Sized {
    /// Runs the statement and returns how many rows it touched.
    fn execute<'a>(self, connection: &'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<usize>>
    where
        Self: QueryFragment<Pg> + QueryId + 'a,
    {
        AsyncConnectionCore::execute_returning_count(&mut &*connection, self)
    }

    /// Returns all rows.
    fn load<'a, U>(self, connection: &'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<Vec<U>>>
    where
        Self: LoadQuery<'a, U>,
        U: Send + 'static,
    {
        all(self.send(connection), Self::read)
    }

    /// Returns all rows; the usual name for statements that write.
    fn get_results<'a, U>(self, connection: &'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<Vec<U>>>
    where
        Self: LoadQuery<'a, U>,
        U: Send + 'static,
    {
        all(self.send(connection), Self::read)
    }

    /// Returns the first row of the result.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    fn get_result<'a, U>(self, connection: &'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<U>>
    where
        Self: LoadQuery<'a, U>,
        U: Send + 'static,
    {
        one(self.send(connection), Self::read)
    }

    /// Limits the query to one row and returns it.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    fn first<'a, U>(self, connection: &'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<U>>
    where
        Self: LimitDsl,
        Self::Output: LoadQuery<'a, U>,
        U: Send + 'static,
    {
        one(self.limit(1).send(connection), Self::Output::read)
    }
}

impl<Q> RunQueryDsl for Q {}

fn collect<'a>(rows: BoxFuture<'a, QueryResult<BoxStream<'static, QueryResult<PgRow>>>>) -> Rows<'a> {
    Box::pin(async move { rows.await?.try_collect().await })
}

// By the type of the rows alone: the query's own type ends at these borders.

fn all<'a, U: Send + 'static>(
    rows: Rows<'a>,
    read: fn(&PgRow) -> QueryResult<U>,
) -> BoxFuture<'a, QueryResult<Vec<U>>> {
    Box::pin(async move { rows.await?.iter().map(read).collect() })
}

fn one<'a, U: Send + 'static>(rows: Rows<'a>, read: fn(&PgRow) -> QueryResult<U>) -> BoxFuture<'a, QueryResult<U>> {
    Box::pin(async move {
        let rows = rows.await?;
        let row = rows.as_slice().first().ok_or(diesel::result::Error::NotFound)?;
        read(row)
    })
}
