//! Agents: signing in and out, and tokens that renew themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opencom_client::contract::auth::CurrentUser;
use opencom_client::contract::tags;
use opencom_client::core::Code;
use opencom_client::core::id::WorkspaceId;
use opencom_client::{Client, Error, Tokens};

use crate::server::Server;

/// A client that counts how often tokens change, with such tokens as these.
fn counting(server: &Server, tokens: Tokens) -> (Client, Arc<AtomicUsize>) {
    let renewed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&renewed);
    let client = Client::builder(&server.url)
        .on_tokens(move |tokens| {
            assert!(tokens.is_some());
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    (client.with_tokens(tokens), renewed)
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_sign_up_in_and_out() {
    let server = Server::start().await;
    let (agent, _) = server.agent().await;
    let wrong = server
        .client()
        .sign_in("ada@example.com", "wrong horse")
        .await
        .unwrap_err();
    assert!(wrong.code().is_some(), "{wrong:?}");
    let again = server
        .client()
        .sign_in("ada@example.com", "correct horse")
        .await
        .unwrap();
    let me = again.query(&CurrentUser::default()).await.unwrap().unwrap();
    assert_eq!(me.user.name.as_deref(), Some("Ada"));
    again.sign_out().await.unwrap();
    assert_eq!(again.tokens().await.map(|_| ()), None);
    assert!(matches!(
        again.query(&CurrentUser::default()).await,
        Err(Error::SignedOut)
    ));
    assert!(agent.query(&CurrentUser::default()).await.unwrap().is_some());
    assert_eq!(
        format!("{agent:?}"),
        format!("Client {{ server: \"{}/\", who: an agent, .. }}", server.url)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_runs_out_is_renewed_once_however_many_need_it() {
    let server = Server::start().await;
    let (agent, _) = server.agent().await;
    let tokens = agent.tokens().await.unwrap();
    // {"exp":1}
    let over = Tokens {
        token: "e30.eyJleHAiOjF9.x".to_owned(),
        ..tokens
    };
    let (agent, renewed) = counting(&server, over);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let agent = agent.clone();
            tokio::spawn(async move { agent.query(&CurrentUser::default()).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().unwrap().is_some());
    }
    assert_eq!(renewed.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_server_does_not_like_is_renewed() {
    let server = Server::start().await;
    let (agent, _) = server.agent().await;
    let tokens = agent.tokens().await.unwrap();
    let bad = Tokens {
        token: "bad".to_owned(),
        ..tokens
    };
    let (agent, renewed) = counting(&server, bad.clone());
    assert!(agent.query(&CurrentUser::default()).await.unwrap().is_some());
    assert!(agent.query(&CurrentUser::default()).await.unwrap().is_some());
    assert_eq!(renewed.load(Ordering::Relaxed), 1);
    // A refresh token that was never given out.
    let stranger = server.client().with_tokens(Tokens {
        refresh_token: "never|given".to_owned(),
        ..bad
    });
    assert!(stranger.query(&CurrentUser::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_codes() {
    let server = Server::start().await;
    let (agent, workspace_id) = server.agent().await;
    let list = tags::List::builder().workspace_id(workspace_id).build();
    let nobody = server.client().query(&list).await;
    assert!(nobody.is_err() || nobody.unwrap().is_empty());
    let elsewhere = tags::Create::builder()
        .workspace_id(WorkspaceId::generate())
        .name("vip")
        .build();
    assert!(
        agent
            .mutation(&elsewhere)
            .await
            .unwrap_err()
            .is(Code::NotWorkspaceMember)
    );
    let long = tags::Create::builder()
        .workspace_id(workspace_id)
        .name("x".repeat(1 << 20))
        .build();
    let Error::Refused(refusal) = agent.mutation(&long).await.unwrap_err() else {
        panic!("no refusal")
    };
    assert_eq!(
        (refusal.code.as_str(), refusal.field.as_deref()),
        ("INVALID_INPUT", Some("name"))
    );
}
