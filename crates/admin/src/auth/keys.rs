//! The keys that sign agents' tokens: the deployer's, or those that the server makes and keeps.
//!
//! The newest signs, but not before every server has seen it ([`SIGNS_AFTER`]); the one before is good for as long as a
//! token that it signed may be.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use opencom_contract::auth::SIGNS_AFTER;
use opencom_core::auth::jwt::{JwtKey, LIFETIME_SECONDS};
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::SigningKeyId;
use opencom_core::{Error, Millis, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::reseal::Sealed;
use opencom_schema::signing_keys;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;

/// What the keys are sealed for.
const PURPOSE: &str = "signing_key";
/// Where they are.
pub const SEALED: Sealed = Sealed {
    table: "signing_keys",
    by: "id",
    column: "private_key_sealed",
    purpose: PURPOSE,
};
/// The length of a new key.
const BITS: usize = 2048;
/// The advisory lock under which keys are made, so that replicas that start together agree on one.
const LOCK: i64 = 0x6f70_656e_636f_6d02;
/// How long an old key goes on to verify once another signs: a token's life, and what clocks differ by.
const GOOD_FOR: i64 = LIFETIME_SECONDS * Millis::SECOND + 5 * Millis::MINUTE;

/// Returns the stored keys that are still valid, the one that signs first; creates and stores one if there is none.
///
/// # Errors
/// An internal error if the database cannot be reached or a stored key does not open under this master key.
pub(crate) async fn load_or_create(database_url: &str, master_key: &MasterKey, now: Millis) -> Result<Vec<JwtKey>> {
    let connection = &mut AsyncPgConnection::establish(database_url)
        .await
        .map_err(Error::internal)?;
    let keys = stored(connection, master_key, now).await?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let made = make().await?;
    connection
        .transaction(async |connection| {
            lock(connection).await?;
            // Another replica may have been faster.
            if stored(connection, master_key, now).await?.is_empty() {
                insert(connection, master_key.seal_text(PURPOSE, &made)?, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    stored(connection, master_key, now).await
}

/// Stores a new key. Running servers load it within [`SIGNS_AFTER`]. The keys before it are deleted if they have expired,
/// with `at_once` in any case.
pub(super) async fn rotate(cx: &mut MutationCx, at_once: bool) -> Result<()> {
    let (made, now) = (make().await?, cx.now());
    let sealed = cx.server().master_key.seal_text(PURPOSE, &made)?;
    let connection = cx.connection().await?;
    lock(connection).await?;
    if at_once {
        diesel::delete(signing_keys::table).execute(connection).await?;
    } else {
        let rows = rows(connection).await?;
        let over = rows.iter().enumerate().filter(|(place, _)| is_over(&rows, *place, now));
        let over: Vec<SigningKeyId> = over.map(|(_, row)| row.id).collect();
        diesel::delete(signing_keys::table.filter(signing_keys::id.eq_any(over)))
            .execute(connection)
            .await?;
    }
    insert(connection, sealed, now).await
}

#[derive(Queryable)]
struct Row {
    id: SigningKeyId,
    sealed: Vec<u8>,
    created_at: Millis,
}

/// All that are stored, newest first.
async fn rows(connection: &mut AsyncPgConnection) -> Result<Vec<Row>> {
    Ok(signing_keys::table
        .order((signing_keys::created_at.desc(), signing_keys::id.desc()))
        .select((
            signing_keys::id,
            signing_keys::private_key_sealed,
            signing_keys::created_at,
        ))
        .load(connection)
        .await?)
}

/// Whether nothing that a key signed can be good any more: the next newer one has signed for so long.
fn is_over(rows: &[Row], place: usize, now: Millis) -> bool {
    let newer = place.checked_sub(1).and_then(|place| rows.get(place));
    newer.is_some_and(|newer| newer.created_at.plus(SIGNS_AFTER + GOOD_FOR) <= now)
}

/// The places of those that are good, the one that signs first.
fn good(rows: &[Row], now: Millis) -> Vec<usize> {
    let mut good: Vec<usize> = (0..rows.len()).filter(|place| !is_over(rows, *place, now)).collect();
    let seen = |place: &usize| rows[*place].created_at.plus(SIGNS_AFTER) <= now;
    // The oldest is good for want of another.
    let signing = good.iter().position(seen).unwrap_or(good.len().saturating_sub(1));
    if let Some(first) = good.get_mut(..=signing) {
        first.rotate_right(1);
    }
    good
}

/// Those that are stored and good, the one that signs first.
pub(crate) async fn stored(
    connection: &mut AsyncPgConnection,
    master_key: &MasterKey,
    now: Millis,
) -> Result<Vec<JwtKey>> {
    let rows = rows(connection).await?;
    let open = |place: usize| JwtKey::from_pem(&master_key.open_text(PURPOSE, &rows[place].sealed)?);
    good(&rows, now).into_iter().map(open).collect()
}

async fn lock(connection: &mut AsyncPgConnection) -> Result<()> {
    diesel::sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})"))
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut AsyncPgConnection, sealed: Vec<u8>, now: Millis) -> Result<()> {
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::id.eq(SigningKeyId::generate()),
            signing_keys::private_key_sealed.eq(sealed),
            signing_keys::created_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

async fn make() -> Result<String> {
    tokio::task::spawn_blocking(generate).await.map_err(Error::internal)?
}

/// A new key as PKCS#8 PEM. Takes a moment.
fn generate() -> Result<String> {
    let key = RsaPrivateKey::new(&mut OsRng, BITS).map_err(Error::internal)?;
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(Error::internal)?;
    Ok(pem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_signs() {
        let key = JwtKey::from_pem(&generate().unwrap()).unwrap();
        assert_eq!(key.exponent, "AQAB");
    }

    /// Keys of these ages in minutes, newest first.
    fn aged(minutes: &[i64]) -> (Vec<Row>, Millis) {
        let now = Millis(1_800_000_000_000);
        let row = |minutes: &i64| Row {
            id: SigningKeyId::generate(),
            sealed: Vec::new(),
            created_at: now.plus(-minutes * Millis::MINUTE),
        };
        (minutes.iter().map(row).collect(), now)
    }

    #[test]
    fn the_newest_key_signs_once_every_server_has_seen_it() {
        for (ages, expected) in [
            (&[][..], &[][..]),
            // The first one has nothing to wait for.
            (&[0], &[0]),
            (&[1, 500], &[1, 0]),
            (&[2, 500], &[0, 1]),
            // The old one is good for as long as its tokens are, and a while longer.
            (&[66, 500], &[0, 1]),
            (&[67, 500], &[0]),
            // Two new ones, and neither was seen by all.
            (&[0, 1, 500], &[2, 0, 1]),
            (&[1, 30, 500], &[1, 0, 2]),
            (&[0, 1], &[1, 0]),
        ] {
            let (rows, now) = aged(ages);
            assert_eq!(good(&rows, now), expected, "{ages:?}");
        }
    }
}
