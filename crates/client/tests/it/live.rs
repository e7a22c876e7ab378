//! Live queries: typed, renewed, and back after the server was away.

use std::net::TcpListener;
use std::time::Duration;

use futures_util::future::join;
use futures_util::{StreamExt, poll};
use opencom_client::contract::auth::CurrentUser;
use opencom_client::contract::messages::Message;
use opencom_client::contract::tickets;
use opencom_client::core::Code;
use opencom_client::{Client, Error, Updates};

use crate::bot;
use crate::server::{Server, boot};
use crate::visitors::{open, says, thread};

/// Reads results until one ends with this text.
async fn until(updates: &mut Updates<Vec<Message>>, content: &str) {
    let reading = async {
        while let Some(messages) = updates.next().await {
            let messages = messages.unwrap();
            if messages.last().is_some_and(|last| last.message.content == content) {
                return;
            }
        }
        panic!("the subscription ended");
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_answers_a_visitor_who_sees_it_live() {
    let server = Server::start().await;
    let (agent, workspace_id) = server.agent().await;
    let (visitor, _) = server.client().boot(boot(workspace_id)).await.unwrap();
    let conversation = open(&visitor, workspace_id).await;
    let mut updates = visitor.subscribe(&thread(conversation)).await.unwrap();
    let bot = agent.clone();
    let answering =
        tokio::spawn(async move { bot::answer_everybody(&bot, 1).await.map_err(|error| error.to_string()) });
    visitor.mutation(&says(conversation, "Hello?")).await.unwrap();
    until(&mut updates, "Thank you! Somebody will be with you soon.").await;
    answering.await.unwrap().unwrap();
    visitor.close().await;
    agent.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_comes_back_with_the_server() {
    let mut server = Server::start().await;
    let (_, workspace_id) = server.agent().await;
    let (visitor, _) = server.client().boot(boot(workspace_id)).await.unwrap();
    let conversation = open(&visitor, workspace_id).await;
    let mut updates = visitor.subscribe(&thread(conversation)).await.unwrap();
    visitor.mutation(&says(conversation, "before")).await.unwrap();
    until(&mut updates, "before").await;
    server.restart().await;
    // The connection that was kept for calls went with the server: queries try again, of a mutation it would be said that
    // nobody knows whether it happened.
    visitor.query(&thread(conversation)).await.unwrap();
    visitor.mutation(&says(conversation, "after")).await.unwrap();
    until(&mut updates, "after").await;
    visitor.close().await;
    assert!(updates.next().await.is_none());
    // The session is as good as it was.
    let mut again = visitor.subscribe(&thread(conversation)).await.unwrap();
    until(&mut again, "after").await;
    visitor.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_is_told_with_a_code() {
    let server = Server::start().await;
    let (agent, workspace_id) = server.agent().await;
    let tickets = tickets::List::builder().workspace_id(workspace_id).build();
    let nobody = server.client();
    let mut refused = nobody.subscribe(&tickets).await.unwrap();
    let refusal = refused.next().await.unwrap().unwrap_err();
    assert!(refusal.is(Code::NotAuthenticated), "{refusal:?}");
    let mut lists = agent.subscribe(&tickets).await.unwrap();
    assert!(lists.next().await.unwrap().unwrap().is_empty());
    nobody.close().await;
    agent.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_server_that_is_silent_is_told_that_the_connection_was_closed() {
    crate::server::provide_cryptography();
    // The system takes the connection, and nobody speaks on it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let request = CurrentUser::default();
    let mut subscribing = std::pin::pin!(client.subscribe(&request));
    assert!(poll!(&mut subscribing).is_pending());
    let (subscribed, ()) = join(subscribing, client.close()).await;
    assert!(matches!(subscribed, Err(Error::Live(_))));
}
