//! The key that signs agents' tokens: the deployer's, or one that the server makes once and keeps.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use opencom_core::auth::jwt::JwtKey;
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::SigningKeyId;
use opencom_core::{Error, Millis, Result};
use opencom_schema::signing_keys;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;

/// What the key is sealed for.
const PURPOSE: &str = "signing_key";
/// The length of a new key.
const BITS: usize = 2048;
/// The advisory lock under which the first key is made, so that replicas that start together agree on one.
const LOCK: i64 = 0x6f70_656e_636f_6d02;

/// The key in `env_pem` (`JWT_PRIVATE_KEY`); else the newest that is stored; else a new one, which is stored.
///
/// # Errors
/// When the PEM is no RSA key, the database cannot be reached, or the stored key does not open under this master key.
pub async fn load_or_create_signing_key(
    database_url: &str,
    master_key: &MasterKey,
    env_pem: Option<&str>,
    now: Millis,
) -> Result<JwtKey> {
    if let Some(pem) = env_pem.filter(|pem| !pem.trim().is_empty()) {
        return JwtKey::from_pem(pem);
    }
    let connection = &mut AsyncPgConnection::establish(database_url)
        .await
        .map_err(Error::internal)?;
    if let Some(pem) = stored(connection, master_key).await? {
        return JwtKey::from_pem(&pem);
    }
    let made = tokio::task::spawn_blocking(generate).await.map_err(Error::internal)??;
    let pem = connection
        .transaction(async |connection| {
            diesel::sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})"))
                .execute(connection)
                .await?;
            // Another replica may have been faster.
            if let Some(pem) = stored(connection, master_key).await? {
                return Ok(pem);
            }
            diesel::insert_into(signing_keys::table)
                .values((
                    signing_keys::id.eq(SigningKeyId::generate()),
                    signing_keys::private_key_sealed.eq(master_key.seal_text(PURPOSE, &made)?),
                    signing_keys::created_at.eq(now),
                ))
                .execute(connection)
                .await?;
            Ok::<_, Error>(made)
        })
        .await?;
    JwtKey::from_pem(&pem)
}

async fn stored(connection: &mut AsyncPgConnection, master_key: &MasterKey) -> Result<Option<String>> {
    let sealed: Option<Vec<u8>> = signing_keys::table
        .order((signing_keys::created_at.desc(), signing_keys::id.desc()))
        .select(signing_keys::private_key_sealed)
        .first(connection)
        .await
        .optional()?;
    sealed.map(|sealed| master_key.open_text(PURPOSE, &sealed)).transpose()
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
}
