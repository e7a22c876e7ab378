//! The connection pool, the migrations, and which database errors are worth another try.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::RunQueryDsl;
use diesel::QueryableByName;
use diesel::migration::MigrationSource;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::deadpool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::FutureExt;
use opencom_core::{Error, Millis, Result};

/// The migrations, in the program.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The oldest server that works.
const OLDEST_SERVER: i32 = 140_000;
/// The advisory lock under which migrations run, so that replicas that start together take turns.
const MIGRATION_LOCK: i64 = 0x6f70_656e_636f_6d01;
/// Longer than any statement of ours may take; ends what a lost client left behind. The last two are heard by pgvector,
/// where the server has it: an index goes on until it found enough that fits the other conditions.
const SESSION: &str = "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s';
    SET hnsw.iterative_scan = 'relaxed_order'; SET hnsw.ef_search = '200';";

/// A connection out of the pool.
pub type Connection = deadpool::Object<AsyncPgConnection>;

/// Connections to the database. A connection is driven by the tokio runtime that opened it, so every actix worker has
/// a pool of its own, and a statement never crosses threads.
#[derive(Clone)]
pub struct Pool {
    connections: deadpool::Pool<AsyncPgConnection>,
    name: &'static str,
}

/// How much of a pool is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Connections that are open.
    pub open: u32,
    /// Those of them that somebody has.
    pub busy: u32,
    /// How many wait for one.
    pub waiting: u32,
}

/// The database cannot be reached or has no free connection; the same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("the database is unavailable: {0}")]
pub struct Unavailable(String);

impl Pool {
    /// Up to `size` connections to `url` for calls, opened when they are first needed.
    pub fn new(url: &str, size: usize) -> Result<Self> {
        let mut config = ManagerConfig::<AsyncPgConnection>::default();
        // A closed connection shows without asking the server.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| {
            async move {
                let mut connection = AsyncPgConnection::establish(url).await?;
                connection
                    .batch_execute(SESSION)
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                Ok(connection)
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = deadpool::Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(Duration::from_secs(10)))
            .create_timeout(Some(Duration::from_secs(10)))
            .runtime(::deadpool::Runtime::Tokio1)
            .build()
            .map_err(Error::internal)?;
        Ok(Self {
            connections: pool,
            name: "calls",
        })
    }

    /// The same for something else, under whose name it is measured.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// What it is for.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A free connection.
    pub async fn get(&self) -> Result<Connection> {
        let started = Instant::now();
        let connection = self.connections.get().await;
        metrics::histogram!("opencom_pool_wait_seconds", "pool" => self.name).record(started.elapsed());
        connection.map_err(|error| Error::internal(Unavailable(error.to_string())))
    }

    /// How much of it is used.
    pub fn usage(&self) -> Usage {
        let status = self.connections.status();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Usage {
            open: count(status.size),
            busy: count(status.size.saturating_sub(status.available)),
            waiting: count(status.waiting),
        }
    }

    /// Asks the database something small.
    pub async fn ping(&self) -> Result<()> {
        diesel::sql_query("SELECT 1").execute(&*self.get().await?).await?;
        Ok(())
    }
}

/// Whether there was no database to ask, or none to hear the answer of: the same call may succeed later, and what it did
/// is not known.
pub fn is_unavailable(error: &Error) -> bool {
    error.cause().is_some_and(|cause| {
        cause.is::<Unavailable>()
            || matches!(
                cause.downcast_ref::<DieselError>(),
                Some(DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _))
            )
    })
}

/// Whether another run of the same transaction may succeed.
pub fn is_worth_another_try(error: &Error) -> bool {
    match error.cause().and_then(|cause| cause.downcast_ref::<DieselError>()) {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        // Deadlocks have no kind of their own in diesel. Servers that speak another language report an error instead.
        Some(DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)) => info.message() == "deadlock detected",
        _ => false,
    }
}

/// Something changed between looking and locking: the transaction has to run again from the start.
pub fn overtaken(by: &str) -> Error {
    let by = Box::new(by.to_owned());
    Error::from(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, by))
}

/// The name of the unique constraint or index that an insert or update broke.
pub fn broken_unique(error: &DieselError) -> Option<&str> {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => info.constraint_name(),
        _ => None,
    }
}

/// Brings the database up to date. Replicas that start together take turns.
///
/// # Errors
/// When the server cannot be reached or is too old, or a migration fails; the text says what to do.
pub async fn migrate(url: &str) -> Result<usize, MigrateError> {
    let connection = AsyncPgConnection::establish(url).await.map_err(MigrateError::Connect)?;
    let version = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(
        "current_setting('server_version_num')::integer",
    ))
    .get_result::<i32>(&connection)
    .await?;
    if version < OLDEST_SERVER {
        return Err(MigrateError::TooOld {
            major: version / 10_000,
        });
    }
    let has_trigrams: bool = diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(
        "EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')",
    ))
    .get_result(&connection)
    .await?;
    if !has_trigrams {
        return Err(MigrateError::NoTrigrams);
    }
    diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .execute(&connection)
        .await?;
    // The harness blocks; its own thread keeps that off the runtime. The lock ends with the connection.
    tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        harness
            .run_pending_migrations(MIGRATIONS)
            .map(|applied| applied.len())
            .map_err(MigrateError::Migration)
    })
    .await
    .map_err(|error| MigrateError::Migration(error.into()))?
}

/// What a database is like, before anything is done with it.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The server's version, as it says it.
    pub version: String,
    /// Whether that is new enough.
    pub new_enough: bool,
    /// Whether the extension pg_trgm can be had.
    pub trigrams: bool,
    /// The version of the extension vector, where it can be had.
    pub vectors: Option<String>,
    /// How texts are encoded.
    pub encoding: String,
    /// Connections that this role may open at most, over all processes.
    pub connections: i32,
    /// The server's time.
    pub time: Millis,
    /// Migrations of this program that the database lacks.
    pub pending: usize,
    /// Migrations of the database that this program does not know.
    pub unknown: usize,
}

/// Nothing in it depends on a table.
const INSPECT: &str = "SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
    current_setting('server_version_num')::integer AS number,
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS trigrams,
    (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS vectors,
    pg_encoding_to_char(encoding) AS encoding,
    least(nullif(datconnlimit, -1), nullif(rolconnlimit, -1),
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
    ) AS connections,
    clock_timestamp() AS time,
    to_regclass('__diesel_schema_migrations') IS NOT NULL AS has_migrations
    FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user";

#[derive(QueryableByName)]
struct Inspected {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    number: i32,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    trigrams: bool,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    vectors: Option<String>,
    #[diesel(sql_type = diesel::sql_types::Text)]
    encoding: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    connections: i32,
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    time: Millis,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    has_migrations: bool,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

/// Looks at a database and changes nothing.
///
/// # Errors
/// When the server cannot be reached, or refuses a look at its catalogue.
pub async fn inspect(url: &str) -> Result<Inspection, MigrateError> {
    let connection = AsyncPgConnection::establish(url).await.map_err(MigrateError::Connect)?;
    let found: Inspected = diesel::sql_query(INSPECT).get_result(&connection).await?;
    let applied: Vec<Applied> = if found.has_migrations {
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
            .load(&connection)
            .await?
    } else {
        Vec::new()
    };
    let applied: BTreeSet<String> = applied.into_iter().map(|applied| applied.version).collect();
    let ours = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS).map_err(MigrateError::Migration)?;
    let ours: BTreeSet<String> = ours
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    Ok(Inspection {
        version: found.version,
        new_enough: found.number >= OLDEST_SERVER,
        trigrams: found.trigrams,
        vectors: found.vectors,
        encoding: found.encoding,
        connections: found.connections,
        time: found.time,
        pending: ours.difference(&applied).count(),
        unknown: applied.difference(&ours).count(),
    })
}

/// Why the database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error("no connection to the database; check DATABASE_URL and that the server runs")]
    Connect(#[source] diesel::ConnectionError),
    /// The server is too old.
    #[error("PostgreSQL {major} is too old; 14 or newer is needed")]
    TooOld {
        /// The server's major version.
        major: i32,
    },
    /// An extension that search needs is not installed on the server.
    #[error(
        "PostgreSQL has no extension pg_trgm; install the contributed modules on its machine (postgresql-contrib in most \
         distributions), nothing else is to be done"
    )]
    NoTrigrams,
    /// A statement failed.
    #[error("the database refused a statement")]
    Statement(#[from] DieselError),
    /// A migration failed.
    #[error("a migration failed; nothing of it was kept")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}
