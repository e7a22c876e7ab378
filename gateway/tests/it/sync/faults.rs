//! The database goes away and comes back: that is nobody's protocol error, and no client has to be reloaded for it.

use diesel_async::RunQueryDsl;
use serde_json::json;

use super::chat::{Chat, GREETING, contents};
use super::socket::{End, Socket, mutation};
use crate::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_finds_no_database_is_sent_again_and_happens_once() {
    let chat = Chat::start().await;
    let database = &chat.wire.kit.database;
    let mut reader = Socket::npm(&chat.wire.url).await;
    reader.add(0, "messages:list", chat.list()).await;
    reader.caught_up().await;

    database.go_away().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    let mut connections = 0;
    let frames = |socket: &mut Socket| {
        let list = super::socket::add(0, "messages:list", chat.list());
        [
            socket.modify(json!([list])),
            mutation(0, "messages:send", chat.send("hi")),
        ]
    };
    let burst = frames(&mut socket);
    socket.send_together(burst).await;
    let end = socket.end().await;
    assert_eq!(end, End::Closed(1011, "InternalServerError".to_owned()));
    assert!(!socket.has_answered(0));

    database.come_back().await;
    let answer = loop {
        connections += 1;
        socket = Socket::npm_again(&chat.wire.url, &socket.session, connections).await;
        let burst = frames(&mut socket);
        socket.send_together(burst).await;
        // Connections that died meanwhile may still be in a pool.
        if let Ok(answer) = socket.try_settled(0).await {
            break answer;
        }
    };
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(contents(&socket.results[&0]), [GREETING, "hi"]);
    // Who had nothing to ask meanwhile was not disturbed.
    reader.until(0, |list| contents(list) == [GREETING, "hi"]).await;
    assert_eq!(chat.stored().await, [GREETING, "hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_by_a_fault_of_ours_shows_no_cause_and_comes_back_by_itself() {
    let wire = Wire::start().await;
    let connection = &mut wire.kit.connection().await;
    let rename = |from: &str, to: &str| diesel::sql_query(format!("ALTER TABLE {from} RENAME TO {to}"));
    rename("visitors", "gone").execute(connection).await.unwrap();
    let mut socket = Socket::npm(&wire.url).await;
    socket
        .add(0, "visitors:getBySession", json!({ "sessionId": "s" }))
        .await;
    let failure = socket.until(0, |latest| latest["type"] == "QueryFailed").await;
    assert_eq!(failure["errorData"]["code"], "INTERNAL_ERROR");
    let message = failure["errorMessage"].as_str().unwrap();
    assert!(
        message.starts_with("[Request ID: ") && message.ends_with("] Server Error"),
        "{message}"
    );

    rename("gone", "visitors").execute(connection).await.unwrap();
    socket.until(0, |latest| latest["type"] == "QueryUpdated").await;
}
