//! The periodic removal of what sign-in leaves behind.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::Millis;
use opencom_schema::{auth_rate_limits, auth_refresh_tokens, auth_sessions, auth_verification_codes};
use opencom_testkit::Kit;

use crate::support::{another, kit, request_code, sign_up, tokens, with_code};

async fn left(kit: &Kit) -> [i64; 4] {
    let connection = &mut kit.connection().await;
    [
        auth_sessions::table.count().get_result(connection).await.unwrap(),
        auth_refresh_tokens::table.count().get_result(connection).await.unwrap(),
        auth_verification_codes::table
            .count()
            .get_result(connection)
            .await
            .unwrap(),
        auth_rate_limits::table.count().get_result(connection).await.unwrap(),
    ]
}

#[tokio::test]
async fn what_no_longer_means_anything_is_removed() {
    let kit = kit().await;
    sign_up(&kit, "ada@example.com").await;
    let code = request_code(&kit, "eve@example.com").await;
    tokens(&kit, with_code("eve@example.com", Some(another(&code))))
        .await
        .err()
        .unwrap();
    kit.run_jobs().await;
    assert_eq!(left(&kit).await, [1, 1, 1, 2]);
    kit.clock.advance(Millis::HOUR);
    kit.run_jobs().await;
    assert_eq!(left(&kit).await, [1, 1, 0, 0]);
    kit.clock.advance(30 * Millis::DAY);
    kit.run_jobs().await;
    assert_eq!(left(&kit).await, [0, 0, 0, 0]);
}
