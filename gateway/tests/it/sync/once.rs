//! A mutation of one session and request id happens once, however often it is sent.

use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use opencom_core::Millis;
use serde_json::json;

use super::chat::{Chat, GREETING};
use super::held::Held;
use super::notes;
use super::socket::{Socket, mutation};

/// How many answers are kept.
async fn kept(connection: &mut AsyncPgConnection) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let row: Count = diesel::sql_query("SELECT count(*) FROM sync_requests")
        .get_result(connection)
        .await
        .unwrap();
    row.count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_twice_on_a_connection_runs_once() {
    let chat = Chat::start().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    let frames = [
        mutation(0, "messages:send", chat.send("hi")),
        mutation(0, "messages:send", chat.send("hi")),
    ];
    socket.send_together(frames).await;
    let first = socket.answered(0).await;
    let second = socket.answered(0).await;
    assert_eq!(first, second);
    assert_eq!(chat.stored().await, [GREETING, "hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_after_a_reconnect_gets_the_answer_it_missed() {
    let chat = Chat::start().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    socket.mutate(0, "messages:send", chat.send("hi")).await;
    let first = socket.settled(0).await;
    let session = socket.session.clone();
    drop(socket);
    for connection_count in 1..=2 {
        let mut socket = Socket::npm_again(&chat.wire.url, &session, connection_count).await;
        let burst = [socket.modify(json!([])), mutation(0, "messages:send", chat.send("hi"))];
        socket.send_together(burst).await;
        assert_eq!(socket.settled(0).await, first);
    }
    assert_eq!(chat.stored().await, [GREETING, "hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_knows_the_answer_too() {
    let chat = Chat::start().await;
    let elsewhere = chat.wire.replica().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    socket.mutate(0, "messages:send", chat.send("hi")).await;
    let first = socket.settled(0).await;
    let mut socket = Socket::npm_again(&elsewhere.url, &socket.session, 1).await;
    let burst = [socket.modify(json!([])), mutation(0, "messages:send", chat.send("hi"))];
    socket.send_together(burst).await;
    assert_eq!(socket.settled(0).await, first);
    assert_eq!(chat.stored().await, [GREETING, "hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_still_committing_is_waited_for() {
    let chat = Chat::start().await;
    let mut held = Held::commits_of(&chat.wire.kit.database, "messages").await;
    let mut first = Socket::npm(&chat.wire.url).await;
    first.mutate(0, "messages:send", chat.send("hi")).await;
    held.reached_by(1).await;
    let mut second = Socket::npm_again(&chat.wire.url, &first.session, 1).await;
    let burst = [second.modify(json!([])), mutation(0, "messages:send", chat.send("hi"))];
    second.send_together(burst).await;
    held.reached_by(2).await;
    held.let_go().await;
    assert_eq!(first.settled(0).await, second.settled(0).await);
    assert_eq!(chat.stored().await, [GREETING, "hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_send_the_same_at_once_get_the_same_answer() {
    let chat = Chat::start().await;
    let elsewhere = chat.wire.replica().await;
    let mut one = Socket::npm(&chat.wire.url).await;
    let session = one.session.clone();
    let mut other = Socket::npm_again(&elsewhere.url, &session, 0).await;
    let mut expected = vec![GREETING.to_owned()];
    for request in 0..20 {
        let text = format!("message {request}");
        tokio::join!(
            one.mutate(request, "messages:send", chat.send(&text)),
            other.mutate(request, "messages:send", chat.send(&text)),
        );
        let (first, second) = tokio::join!(one.settled(request), other.settled(request));
        assert_eq!(first, second);
        assert_eq!(first["success"], true, "{first}");
        expected.push(text);
    }
    assert_eq!(chat.stored().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_failed_runs_again() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let append = |request| mutation(request, "notes:append", json!({ "book": "b", "text": "second" }));
    socket.send(append(0)).await;
    assert_eq!(socket.settled(0).await["success"], false);
    assert_eq!(kept(&mut wire.kit.connection().await).await, 0);
    socket
        .mutate(1, "notes:add", json!({ "book": "b", "text": "first" }))
        .await;
    socket.settled(1).await;
    let mut again = Socket::npm_again(&wire.url, &socket.session, 1).await;
    let burst = [again.modify(json!([])), append(0)];
    again.send_together(burst).await;
    assert_eq!(again.settled(0).await["result"], 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_of_another_session_are_other_requests() {
    let (wire, _) = notes::serve().await;
    for number in [1.0, 2.0] {
        let mut socket = Socket::npm(&wire.url).await;
        socket.mutate(0, "notes:add", json!({ "book": "b", "text": "t" })).await;
        assert_eq!(socket.settled(0).await["result"], number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_sent_again_runs_again() {
    let (wire, notes) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    notes.gate.open(2);
    for _ in 0..2 {
        socket.act(0, "notes:wait", json!({})).await;
        assert_eq!(socket.answer(0).await["result"], "through");
    }
    notes.gate.reached_by(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_kept_for_a_day() {
    let (wire, _) = notes::serve().await;
    let connection = &mut wire.kit.connection().await;
    wire.kit.run_jobs().await;
    let mut socket = Socket::npm(&wire.url).await;
    let add = || mutation(0, "notes:add", json!({ "book": "b", "text": "t" }));
    socket.send(add()).await;
    assert_eq!(socket.settled(0).await["result"], 1.0);

    wire.kit.clock.advance(Millis::DAY - Millis::HOUR);
    wire.kit.run_jobs().await;
    assert_eq!(kept(connection).await, 1);
    wire.kit.clock.advance(2 * Millis::HOUR);
    wire.kit.run_jobs().await;
    assert_eq!(kept(connection).await, 0);

    socket.send(add()).await;
    assert_eq!(socket.settled(0).await["result"], 2.0);
}
