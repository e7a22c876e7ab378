//! What stands in the tables, as digests: two of them tell whether anything was written in between.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use opencom_testkit::Kit;

#[derive(QueryableByName)]
struct Fingerprint {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Text)]
    hash: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Number and digest of the rows of every table.
pub(crate) async fn fingerprints(kit: &Kit) -> BTreeMap<String, (i64, String)> {
    digests(
        kit,
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'",
        "",
    )
    .await
}

/// Number and digest of a workspace's rows in every table that knows whose a row is.
pub(crate) async fn rows_of(kit: &Kit, workspace: &str) -> BTreeMap<String, (i64, String)> {
    let tables = "SELECT table_name::text AS name FROM information_schema.columns
                  WHERE table_schema = 'public' AND column_name = 'workspace_id'";
    digests(kit, tables, &format!("WHERE workspace_id = '{workspace}'")).await
}

async fn digests(kit: &Kit, tables: &str, which: &str) -> BTreeMap<String, (i64, String)> {
    let connection = &mut kit.connection().await;
    let names: Vec<Name> = diesel::sql_query(tables).load(connection).await.unwrap();
    let digests: Vec<_> = names
        .iter()
        .map(|Name { name }| {
            format!(
                "SELECT '{name}' AS name, count(*) AS rows,
                        md5(coalesce(string_agg(r::text, ',' ORDER BY r::text), '')) AS hash
                 FROM \"{name}\" AS r {which}"
            )
        })
        .collect();
    let rows: Vec<Fingerprint> = diesel::sql_query(digests.join(" UNION ALL "))
        .load(connection)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.name, (row.rows, row.hash))).collect()
}

/// Foreign keys between tenant tables where a row is in another workspace than the row that it refers to.
pub(crate) async fn keys_across_workspaces(kit: &Kit) -> Vec<String> {
    // The workspace of a user is the active one, which says nothing of the rows that refer to the user.
    let keys = "SELECT format('SELECT %L AS name FROM %s AS child JOIN %s AS parent ON parent.%I = child.%I
                               WHERE parent.workspace_id <> child.workspace_id',
                              conname, conrelid::regclass, confrelid::regclass, theirs.attname, ours.attname) AS name
                FROM pg_constraint
                JOIN pg_attribute ours ON ours.attrelid = conrelid AND ours.attnum = conkey[1]
                JOIN pg_attribute theirs ON theirs.attrelid = confrelid AND theirs.attnum = confkey[1]
                WHERE contype = 'f' AND confrelid <> 'users'::regclass
                  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = 'workspace_id')
                  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'workspace_id')";
    let connection = &mut kit.connection().await;
    let keys: Vec<Name> = diesel::sql_query(keys).load(connection).await.unwrap();
    assert!(!keys.is_empty());
    let keys: Vec<String> = keys.into_iter().map(|key| key.name).collect();
    let found: Vec<Name> = diesel::sql_query(keys.join(" UNION ")).load(connection).await.unwrap();
    found.into_iter().map(|key| key.name).collect()
}
