//! Sealing stored secrets anew after the master key was changed.

use crate::RunQueryDsl;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bytea, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Error, Result};
use uuid::Uuid;

/// How many groups of rows are sealed anew in one transaction.
const AT_ONCE: i64 = 200;

/// A column of sealed secrets.
#[derive(Clone, Copy, Debug)]
pub struct Sealed {
    /// The table.
    pub table: &'static str,
    /// A column of uuids with an index, in whose order the table is gone through.
    pub by: &'static str,
    /// The column.
    pub column: &'static str,
    /// What its secrets are sealed for.
    pub purpose: &'static str,
}

/// Under which keys the secrets of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Under the key itself.
    pub current: usize,
    /// Under an earlier one.
    pub earlier: usize,
    /// Under none that is known.
    pub unknown: usize,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Row {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = SqlUuid)]
    by: Uuid,
    #[diesel(sql_type = Bytea)]
    sealed: Vec<u8>,
}

impl Sealed {
    /// Looks under which keys the secrets are, and changes nothing.
    pub async fn look(&self, connection: &mut AsyncPgConnection, key: &MasterKey) -> Result<Found> {
        let (mut found, mut after) = (Found::default(), Some(Uuid::nil()));
        while let Some(from) = after {
            let rows = self.rows_after(connection, from, "").await?;
            after = rows.iter().map(|row| row.by).max();
            for row in rows {
                match key.reseal(self.purpose, &row.sealed) {
                    Ok(None) => found.current += 1,
                    Ok(Some(_)) => found.earlier += 1,
                    Err(_) => found.unknown += 1,
                }
            }
        }
        Ok(found)
    }

    /// Seals anew whatever is under an earlier key, while servers go on writing. What they sealed under an earlier one
    /// meanwhile is found by [`look`](Self::look), and another time by this.
    pub async fn renew(&self, connection: &mut AsyncPgConnection, key: &MasterKey) -> Result<()> {
        let update = format!(
            "UPDATE {table} SET {column} = renewed.sealed FROM unnest($1, $2) AS renewed (place, sealed)
             WHERE {table}.ctid = renewed.place::tid",
            table = self.table,
            column = self.column,
        );
        let mut after = Some(Uuid::nil());
        while let Some(from) = after {
            after = connection
                .transaction(async |connection| {
                    let rows = self.rows_after(connection, from, "FOR UPDATE").await?;
                    let last = rows.iter().map(|row| row.by).max();
                    let (mut places, mut renewed) = (Vec::new(), Vec::new());
                    for row in rows {
                        // Whatever opens under no key stays as it is: that key may turn up.
                        if let Ok(Some(sealed)) = key.reseal(self.purpose, &row.sealed) {
                            places.push(row.place);
                            renewed.push(sealed);
                        }
                    }
                    if !places.is_empty() {
                        diesel::sql_query(&update)
                            .bind::<Array<Text>, _>(places)
                            .bind::<Array<Bytea>, _>(renewed)
                            .execute(connection)
                            .await?;
                    }
                    Ok::<_, Error>(last)
                })
                .await?;
        }
        Ok(())
    }

    async fn rows_after(&self, connection: &mut AsyncPgConnection, after: Uuid, lock: &str) -> Result<Vec<Row>> {
        let Self { table, by, column, .. } = self;
        let rows = format!(
            "SELECT ctid::text AS place, {by} AS by, {column} AS sealed FROM {table}
             WHERE {column} IS NOT NULL AND {by} = ANY (ARRAY(
                 SELECT DISTINCT {by} FROM {table} WHERE {by} > $1 AND {column} IS NOT NULL ORDER BY {by} LIMIT {AT_ONCE}
             )) {lock}"
        );
        Ok(diesel::sql_query(rows)
            .bind::<SqlUuid, _>(after)
            .load(connection)
            .await?)
    }
}
