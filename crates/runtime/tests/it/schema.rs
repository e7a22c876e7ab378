//! The migrations, and the tables as diesel knows them.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::MigrationHarness;
use opencom_core::Millis;
use opencom_runtime::database::{MIGRATIONS, migrate};
use opencom_testkit::{Database, OWNERS};

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

/// Tables whose rows belong to no workspace, and why.
const WITHOUT_WORKSPACE: [(&str, &str); 11] = [
    (
        "auth_accounts",
        "belongs to a user, who may be a member of several workspaces",
    ),
    ("auth_rate_limits", "counts before the caller is known"),
    ("auth_refresh_tokens", "belongs to a session of a user"),
    ("auth_sessions", "belongs to a user"),
    (
        "auth_verification_codes",
        "belongs to an address, which may have no user yet",
    ),
    (
        "early_mail_reports",
        "names a mail by the provider's id before any message has it",
    ),
    (
        "jobs",
        "work of the whole server; the payload names the workspace where there is one",
    ),
    ("schedules", "periodic jobs of the whole server"),
    ("signing_keys", "belongs to the server"),
    (
        "sync_requests",
        "belongs to a connection of a client, before its caller is known",
    ),
    ("workspaces", "is the tenant itself"),
];

/// Tables with a workspace that is not that of the whole row, and why.
const OTHER_WORKSPACE: [(&str, &str); 1] = [("users", "the active workspace, or none")];

/// Tables whose workspace has no foreign key, and why.
const WITHOUT_KEY: [(&str, &str); 3] = [
    (
        "messages",
        "it would lock the workspace at each message; the conversation has one",
    ),
    ("stored_files", "a cascade would leave the bytes in the file store"),
    ("uploads", "as stored_files"),
];

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    comment: String,
    /// Whether the table has a column `workspace_id` that is not null.
    #[diesel(sql_type = Bool)]
    tenant: bool,
    /// Whether the column refers to `workspaces` and deletes with it.
    #[diesel(sql_type = Bool)]
    cascades: bool,
}

async fn tables() -> Vec<Table> {
    let database = Database::create().await;
    diesel::sql_query(
        "SELECT t.relname::text AS name, coalesce(obj_description(t.oid), '') AS comment,
                coalesce(c.attnotnull, false) AS tenant,
                EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = t.oid
                        AND confrelid = 'workspaces'::regclass AND conkey = ARRAY[c.attnum] AND confdeltype = 'c') AS cascades
         FROM pg_class t LEFT JOIN pg_attribute c ON c.attrelid = t.oid AND c.attname = 'workspace_id'
         WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace AND t.relname <> '__diesel_schema_migrations'
         ORDER BY t.relname",
    )
    .load(&mut database.connection().await)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenant_table_carries_its_workspace() {
    let names = |which: fn(&Table) -> bool, tables: &[Table]| -> Vec<String> {
        let found = tables.iter().filter(|table| which(table));
        found.map(|table| table.name.clone()).collect()
    };
    let listed = |lists: &[&[(&str, &str)]]| -> Vec<String> {
        let mut listed: Vec<_> = lists.concat().iter().map(|(name, _)| (*name).to_owned()).collect();
        listed.sort();
        listed
    };
    let tables = tables().await;
    // Both ways: a table that is missing here needs a workspace_id, and one that has it must not be listed.
    assert_eq!(
        names(|table| !table.tenant, &tables),
        listed(&[&WITHOUT_WORKSPACE, &OTHER_WORKSPACE])
    );
    assert_eq!(
        names(|table| !table.cascades, &tables),
        listed(&[&WITHOUT_WORKSPACE, &OTHER_WORKSPACE, &WITHOUT_KEY])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_names_its_owner() {
    for Table { name, comment, .. } in tables().await {
        let owner = comment
            .strip_prefix("Owner: ")
            .and_then(|rest| rest.split_once(". "))
            .map(|(owner, _)| owner);
        assert!(owner.is_some_and(|owner| OWNERS.contains(&owner)), "{name}: {comment}");
    }
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
