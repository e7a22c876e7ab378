//! The signing keys.

use std::sync::Arc;

use diesel::prelude::*;
use futures_util::future::join_all;
use opencom_admin::Admin;
use opencom_core::auth::jwt::JwtKeys;
use opencom_core::auth::seal::MasterKey;
use opencom_runtime::{Context, Process, RunQueryDsl, Server};
use opencom_schema::signing_keys;
use opencom_testkit::Kit;

use crate::support::{admin_parts, kit};

/// The keys of a process that has none of its own, after it prepared.
async fn prepared(kit: &Kit, process: &Process) -> opencom_core::Result<String> {
    let keys = Arc::new(JwtKeys::default());
    let admin = Admin::new(opencom_admin::AdminParts {
        jwt_keys: Arc::clone(&keys),
        ..admin_parts(&kit.parts)
    });
    admin.prepare(process).await?;
    Ok(keys.get()[0].modulus.clone())
}

#[tokio::test]
async fn replicas_that_start_together_agree_on_one_key() {
    let kit = kit().await;
    let process = kit.process();
    let moduli = join_all((0..3).map(|_| prepared(&kit, &process))).await;
    let later = prepared(&kit, &process).await.unwrap();
    assert!(moduli.into_iter().all(|modulus| modulus.unwrap() == later));
    let stored: Vec<Vec<u8>> = signing_keys::table
        .select(signing_keys::private_key_sealed)
        .load(&kit.connection().await)
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    assert!(!String::from_utf8_lossy(&stored[0]).contains("PRIVATE KEY"));
    let stranger = Process {
        server: Arc::new(Server {
            clock: kit.clock.clone(),
            topics: Arc::default(),
            master_key: MasterKey::new(&[8; 32]).unwrap(),
            timestamps: Default::default(),
            limits: opencom_runtime::limits::RateLimits::new(
                &opencom_runtime::limits::Quotas::OFF,
                &[],
                kit.clock.clone(),
            )
            .unwrap(),
            public_url: kit.server.public_url.clone(),
            strict_visitors: false,
        }),
        ..process
    };
    assert!(prepared(&kit, &stranger).await.is_err());
}

#[tokio::test]
async fn the_deployers_key_wins() {
    let kit = kit().await;
    let given = kit.parts.jwt_keys.get()[0].modulus.clone();
    for context in &kit.contexts {
        context.prepare(&kit.process()).await.unwrap();
    }
    assert_eq!(kit.parts.jwt_keys.get()[0].modulus, given);
    let stored: i64 = signing_keys::table
        .count()
        .get_result(&kit.connection().await)
        .await
        .unwrap();
    assert_eq!(stored, 0);
}
