//! Sessions and the rotation of refresh tokens.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::auth::{CurrentUser, IsAuthenticated, SignOut, Tokens};
use opencom_core::id::AuthSessionId;
use opencom_core::{Code, Millis};
use opencom_schema::{auth_refresh_tokens, auth_sessions};
use opencom_testkit::{Kit, Nobody};

use crate::support::{bearer, kit, refused, sign_up, tokens_if_any, with_refresh_token};

async fn refresh(kit: &Kit, token: &str) -> Option<Tokens> {
    tokens_if_any(kit, &Nobody, with_refresh_token(token)).await.unwrap()
}

async fn unused_tokens(kit: &Kit) -> i64 {
    auth_refresh_tokens::table
        .filter(auth_refresh_tokens::first_used_at.is_null())
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_of_the_same_session() {
    let kit = kit().await;
    let first = sign_up(&kit, "ada@example.com").await;
    let second = refresh(&kit, &first.refresh_token).await.unwrap();
    assert_ne!(second.token, first.token, "even within one second");
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(bearer(&kit, &second).0.session, bearer(&kit, &first).0.session);
    assert!(refresh(&kit, &second.refresh_token).await.is_some());
}

#[tokio::test]
async fn refresh_tokens_are_stored_hashed() {
    let kit = kit().await;
    let tokens = sign_up(&kit, "ada@example.com").await;
    let (secret, session) = tokens.refresh_token.split_once('|').unwrap();
    assert_eq!(
        session.parse::<AuthSessionId>().unwrap(),
        bearer(&kit, &tokens).0.session
    );
    let hash: Vec<u8> = auth_refresh_tokens::table
        .select(auth_refresh_tokens::token_hash)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(hash, opencom_core::auth::token::sha256(secret));
}

#[tokio::test]
async fn a_refresh_whose_answer_got_lost_gets_the_same_token_again() {
    let kit = kit().await;
    let first = sign_up(&kit, "ada@example.com").await;
    let lost = refresh(&kit, &first.refresh_token).await.unwrap();
    kit.clock.advance(Millis::DAY);
    let again = refresh(&kit, &first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token, lost.refresh_token);
    assert!(refresh(&kit, &again.refresh_token).await.is_some());
}

#[tokio::test]
async fn a_token_used_by_many_at_once_leads_to_one_successor() {
    let kit = kit().await;
    let first = sign_up(&kit, "ada@example.com").await;
    let results = join_all((0..8).map(|_| refresh(&kit, &first.refresh_token))).await;
    let mut successors: Vec<String> = results
        .into_iter()
        .map(|tokens| tokens.unwrap().refresh_token)
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(unused_tokens(&kit).await, 1);
}

#[tokio::test]
async fn a_second_tab_may_use_an_overtaken_token_for_ten_seconds() {
    let kit = kit().await;
    let first = sign_up(&kit, "ada@example.com").await;
    let overtaken = kit.clock.now();
    let second = refresh(&kit, &first.refresh_token).await.unwrap();
    refresh(&kit, &second.refresh_token).await.unwrap();
    // However long that took.
    kit.clock
        .advance(overtaken.plus(9 * Millis::SECOND).since(kit.clock.now()));
    let other_tab = refresh(&kit, &first.refresh_token).await.unwrap();
    assert!(refresh(&kit, &other_tab.refresh_token).await.is_some());
}

#[tokio::test]
async fn a_stolen_token_ends_everything_that_came_of_it() {
    let kit = kit().await;
    let first = sign_up(&kit, "ada@example.com").await;
    let second = refresh(&kit, &first.refresh_token).await.unwrap();
    let third = refresh(&kit, &second.refresh_token).await.unwrap();
    kit.clock.advance(11 * Millis::SECOND);
    assert!(refresh(&kit, &first.refresh_token).await.is_none());
    assert!(refresh(&kit, &third.refresh_token).await.is_none());
    assert!(refresh(&kit, &second.refresh_token).await.is_none());
    assert_eq!(unused_tokens(&kit).await, 0);
    assert!(
        kit.call(&bearer(&kit, &first), &IsAuthenticated::default())
            .await
            .unwrap(),
        "the session stays"
    );
}

#[tokio::test]
async fn an_unknown_secret_ends_the_session_that_it_names() {
    let kit = kit().await;
    let tokens = sign_up(&kit, "ada@example.com").await;
    let session = bearer(&kit, &tokens).0.session;
    assert!(refresh(&kit, &format!("guess|{session}")).await.is_none());
    assert!(
        !kit.call(&bearer(&kit, &tokens), &IsAuthenticated::default())
            .await
            .unwrap()
    );
    assert!(refresh(&kit, &tokens.refresh_token).await.is_none());
    assert!(
        refresh(&kit, &format!("guess|{}", AuthSessionId::generate()))
            .await
            .is_none()
    );
    assert!(refresh(&kit, "guess|nonsense").await.is_none());
}

#[tokio::test]
async fn a_refresh_token_has_two_parts() {
    let kit = kit().await;
    for bad in ["x", "|", "x|", "|x"] {
        let result = tokens_if_any(&kit, &Nobody, with_refresh_token(bad)).await;
        let error = refused(result, Code::InvalidInput, "Can't parse refresh token: <redacted>");
        assert_eq!(error.data().field.as_deref(), Some("refreshToken"));
    }
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_however_often_it_is_refreshed() {
    let kit = kit().await;
    let first = sign_up(&kit, "ada@example.com").await;
    kit.clock.advance(29 * Millis::DAY);
    let second = refresh(&kit, &first.refresh_token).await.unwrap();
    kit.clock.advance(Millis::DAY);
    assert!(refresh(&kit, &second.refresh_token).await.is_none());
    assert!(
        kit.call(&bearer_of_expired(&kit, &second), &CurrentUser::default())
            .await
            .unwrap()
            .is_none()
    );
}

/// The token as it was before its hour was over.
fn bearer_of_expired(kit: &Kit, tokens: &Tokens) -> crate::support::Bearer {
    kit.clock.advance(-Millis::DAY);
    let bearer = bearer(kit, tokens);
    kit.clock.advance(Millis::DAY);
    bearer
}

#[tokio::test]
async fn a_sign_out_ends_the_session_at_once() {
    let kit = kit().await;
    let tokens = sign_up(&kit, "ada@example.com").await;
    let person = bearer(&kit, &tokens);
    assert!(kit.call(&person, &IsAuthenticated::default()).await.unwrap());
    kit.call(&person, &SignOut::default()).await.unwrap();
    assert!(!kit.call(&person, &IsAuthenticated::default()).await.unwrap());
    assert!(kit.call(&person, &CurrentUser::default()).await.unwrap().is_none());
    assert!(refresh(&kit, &tokens.refresh_token).await.is_none());
    let connection = &mut kit.connection().await;
    assert_eq!(
        auth_sessions::table
            .count()
            .get_result::<i64>(connection)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        auth_refresh_tokens::table
            .count()
            .get_result::<i64>(connection)
            .await
            .unwrap(),
        0
    );
    kit.call(&person, &SignOut::default()).await.unwrap();
    kit.call(&Nobody, &SignOut::default()).await.unwrap();
}

#[tokio::test]
async fn nobody_is_not_authenticated() {
    let kit = kit().await;
    assert!(!kit.call(&Nobody, &IsAuthenticated::default()).await.unwrap());
    assert!(kit.call(&Nobody, &CurrentUser::default()).await.unwrap().is_none());
}
