//! The migrations, and the tables as diesel knows them.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::MigrationHarness;
use opencom_core::Millis;
use opencom_runtime::database::{MIGRATIONS, migrate};
use opencom_testkit::Database;

#[derive(QueryableByName, Debug, PartialEq, Eq)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    udt_name: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

async fn columns(url: &str) -> Vec<Column> {
    let mut connection = AsyncPgConnection::establish(url).await.unwrap();
    diesel::sql_query(
        "SELECT table_name::text, column_name::text, udt_name::text, is_nullable = 'YES' AS nullable
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'
         ORDER BY table_name, ordinal_position",
    )
    .load(&mut connection)
    .await
    .unwrap()
}

/// The columns that `table!` declares, as the database would name their types.
fn declared() -> BTreeMap<String, Vec<(String, String, bool)>> {
    let types = [
        ("Uuid", "uuid"),
        ("Text", "text"),
        ("Jsonb", "jsonb"),
        ("Timestamptz", "timestamptz"),
        ("Int4", "int4"),
        ("Int8", "int8"),
        ("Bytea", "bytea"),
        ("Bool", "bool"),
        ("Float8", "float8"),
        ("Array<Text>", "_text"),
        ("Array<Uuid>", "_uuid"),
        ("Array<Float4>", "_float4"),
        ("Array<BigInt>", "_int8"),
        ("TsVector", "tsvector"),
    ];
    let mut tables = BTreeMap::<String, Vec<_>>::new();
    let mut table = String::new();
    let files = concat!(
        include_str!("../../../schema/src/admin.rs"),
        include_str!("../../../schema/src/help_center.rs"),
        include_str!("../../../schema/src/inbox.rs"),
        include_str!("../../../schema/src/mail.rs"),
        include_str!("../../../schema/src/runtime.rs"),
    );
    for line in files.lines() {
        if let Some((name, _)) = line.trim().split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name.to_owned();
        } else if let Some((column, kind)) = line.trim().trim_end_matches(',').split_once(" -> ") {
            let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let name = types
                .iter()
                .find(|(diesel, _)| *diesel == inner.unwrap_or(kind))
                .unwrap()
                .1;
            tables
                .entry(table.clone())
                .or_default()
                .push((column.to_owned(), name.to_owned(), inner.is_some()));
        }
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn the_declared_tables_are_those_of_the_migrations() {
    let database = Database::create().await;
    let mut found = BTreeMap::<String, Vec<_>>::new();
    for column in columns(database.url()).await {
        found
            .entry(column.table_name)
            .or_default()
            .push((column.column_name, column.udt_name, column.nullable));
    }
    assert_eq!(declared(), found);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_up_and_down_and_up_again_to_the_same_tables() {
    let database = Database::empty().await;
    migrate(database.url()).await.unwrap();
    let first = columns(database.url()).await;
    let connection = database.connection().await;
    tokio::task::spawn_blocking(move || {
        AsyncMigrationHarness::new(connection)
            .revert_all_migrations(MIGRATIONS)
            .map(|_| ())
            .unwrap();
    })
    .await
    .unwrap();
    assert_eq!(columns(database.url()).await, []);
    migrate(database.url()).await.unwrap();
    assert_eq!(columns(database.url()).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_migrate_once() {
    let database = Database::empty().await;
    let (a, b) = tokio::join!(migrate(database.url()), migrate(database.url()));
    let applied = [a.unwrap(), b.unwrap()];
    assert!(applied.contains(&0) && applied.iter().sum::<usize>() > 0, "{applied:?}");
}

#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    moment: Millis,
    #[diesel(sql_type = Text)]
    shown: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_stored_to_the_millisecond() {
    let database = Database::create().await;
    for (ms, shown) in [
        (0, "1970-01-01 00:00:00+00"),
        (-1, "1969-12-31 23:59:59.999+00"),
        (946_684_800_000, "2000-01-01 00:00:00+00"),
        (1_795_347_551_601, "2026-11-22 11:39:11.601+00"),
    ] {
        let row: Moment = diesel::sql_query("SELECT $1 AS moment, $1::text AS shown")
            .bind::<diesel::sql_types::Timestamptz, _>(Millis(ms))
            .get_result(&mut database.connection().await)
            .await
            .unwrap();
        assert_eq!((row.moment, row.shown.as_str()), (Millis(ms), shown));
    }
}
