//! The signing key.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_admin::auth::keys::load_or_create_signing_keys;
use opencom_core::auth::seal::MasterKey;
use opencom_schema::signing_keys;
use opencom_testkit::{Kit, MASTER_KEY, TEST_PEM};

#[tokio::test]
async fn replicas_that_start_together_agree_on_one_key() {
    let kit = Kit::start().await;
    let master_key = &MasterKey::new(&MASTER_KEY).unwrap();
    let (url, now) = (kit.database.url(), kit.clock.now());
    let keys = join_all((0..3).map(|_| load_or_create_signing_keys(url, master_key, None, now))).await;
    let moduli: Vec<String> = keys.into_iter().map(|keys| keys.unwrap()[0].modulus.clone()).collect();
    let later = load_or_create_signing_keys(url, master_key, Some(" "), now)
        .await
        .unwrap();
    assert!(moduli.iter().all(|modulus| *modulus == later[0].modulus));
    let stored: Vec<Vec<u8>> = signing_keys::table
        .select(signing_keys::private_key_sealed)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    assert!(!String::from_utf8_lossy(&stored[0]).contains("PRIVATE KEY"));
    let other = MasterKey::new(&[8; 32]).unwrap();
    assert!(load_or_create_signing_keys(url, &other, None, now).await.is_err());
}

#[tokio::test]
async fn the_deployers_key_wins() {
    let kit = Kit::start().await;
    let master_key = MasterKey::new(&MASTER_KEY).unwrap();
    let key = load_or_create_signing_keys(kit.database.url(), &master_key, Some(TEST_PEM), kit.clock.now())
        .await
        .unwrap();
    assert_eq!(key[0].modulus, kit.app.jwt_keys.get()[0].modulus);
    let stored: i64 = signing_keys::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(stored, 0);
}
