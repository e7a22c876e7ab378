//! Live queries as a client sees them: which results come, when again, and when not.

use std::sync::atomic::Ordering;

use opencom_core::Millis;
use opencom_live::session::Limits;
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use super::notes;
use super::socket::{Socket, add};
use crate::kit::Edge;
use crate::wire::Wire;

fn book(text: &str) -> Value {
    json!({ "book": "b", "text": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_execution_serves_all_who_ask_the_same_in_whatever_spelling() {
    let (wire, notes) = notes::serve().await;
    let mut sockets = Vec::new();
    for path in ["notes:list", "notes.js:list", "notes:list", "notes.js:list"] {
        let mut socket = Socket::npm(&wire.url).await;
        socket.add(0, path, json!({ "book": "b" })).await;
        socket.until(0, |list| list["value"] == json!([])).await;
        sockets.push(socket);
    }
    let before = notes.runs.load(Ordering::Relaxed);
    wire.kit.call_json(&Nobody, "notes:add", book("a")).await.unwrap();
    for socket in &mut sockets {
        socket.until(0, |list| list["value"] == json!(["a"])).await;
    }
    assert_eq!(notes.runs.load(Ordering::Relaxed) - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_mean_the_same_with_and_without_a_point() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    for (id, args) in [
        (0, r#"{"book":"b","character":"x","times":3}"#),
        (1, r#"{"times":3.0,"character":"x","book":"b"}"#),
    ] {
        let modify = format!(
            r#"{{"type":"ModifyQuerySet","baseVersion":{id},"newVersion":{},"modifications":
               [{{"type":"Add","queryId":{id},"udfPath":"notes:large","args":[{args}]}}]}}"#,
            id + 1
        );
        socket.asked.query_set += 1;
        socket.send_text(modify).await;
    }
    socket.caught_up().await;
    for id in 0..2 {
        assert_eq!(socket.until(id, |_| true).await["value"], json!(["xxx", 0.0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_does_not_come_to_an_end_holds_back_the_others_for_a_moment_only() {
    let (wire, notes) = notes::serve_with(Edge {
        socket_limits: Limits::default(),
        ..Edge::default()
    })
    .await;
    let mut socket = Socket::npm(&wire.url).await;
    let queries = [
        add(0, "notes:whoSlowly", json!({ "book": "slow" })),
        add(1, "notes:list", json!({ "book": "b" })),
    ];
    let frame = socket.modify(json!(queries));
    socket.send(frame).await;
    socket.until(1, |list| list["value"] == json!([])).await;
    assert!(!socket.results.contains_key(&0));
    socket.mutate(0, "notes:add", book("a")).await;
    socket.answered(0).await;
    socket.until(1, |list| list["value"] == json!(["a"])).await;
    notes.gate.open(1);
    socket.until(0, |who| who["value"] == "nobody").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_query_comes_good_and_a_result_that_did_not_change_is_not_sent_again() {
    let (wire, notes) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let frame = socket.modify(json!([
        add(0, "notes:first", json!({ "book": "b" })),
        add(1, "notes:list", json!({ "book": "b" })),
    ]));
    socket.send(frame).await;
    socket.caught_up().await;
    assert_eq!(socket.results[&0]["errorData"]["code"], "NOT_FOUND");
    for (text, shown) in [("a", 2), ("b", 1), ("c", 1)] {
        wire.kit.call_json(&Nobody, "notes:add", book(text)).await.unwrap();
        let update = socket.transition().await;
        assert_eq!(update["modifications"].as_array().unwrap().len(), shown, "{update}");
    }
    assert_eq!(socket.results[&0]["value"], "a");
    assert_eq!(notes.runs.load(Ordering::Relaxed), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_subscriptions_live_and_end_each_for_itself() {
    let (wire, _) = notes::serve().await;
    let list = |id| add(id, "notes:list", json!({ "book": "b" }));
    let mut socket = Socket::npm(&wire.url).await;
    let frame = socket.modify(json!([list(0), list(1), list(2)]));
    socket.send(frame).await;
    socket.caught_up().await;
    let frame = socket.modify(json!([
        { "type": "Remove", "queryId": 1 },
        // One that is added again gets all of its result again.
        { "type": "Remove", "queryId": 2 },
        list(2),
    ]));
    socket.send(frame).await;
    let change = socket.transition().await;
    assert_eq!(change["modifications"].as_array().unwrap().len(), 2, "{change}");
    assert_eq!(
        (&socket.results[&1]["type"], &socket.results[&2]["value"]),
        (&json!("QueryRemoved"), &json!([]))
    );

    wire.kit.call_json(&Nobody, "notes:add", book("a")).await.unwrap();
    let update = socket.transition().await;
    let updated: Vec<_> = update["modifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["queryId"].clone())
        .collect();
    assert_eq!(updated, [json!(0), json!(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_holds_for_a_time_only_changes_when_that_is_over() {
    let wire = Wire::start().await;
    let workspace = wire.kit.workspace().await;
    let visitor = wire.kit.visitor(&workspace).await;
    let heartbeat = json!({ "visitorId": visitor.id, "sessionToken": visitor.token });
    wire.kit
        .call_json(&visitor, "visitors:heartbeat", heartbeat)
        .await
        .unwrap();
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&workspace.owner);
    let online = add(0, "visitors:isOnline", json!({ "visitorId": visitor.id }));
    let burst = [socket.token(Some(&token)), socket.modify(json!([online]))];
    socket.send_together(burst).await;
    socket.until(0, |online| online["value"] == true).await;
    // Nothing is written.
    wire.kit.clock.advance(3 * Millis::MINUTE);
    socket.until(0, |online| online["value"] == false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_panic_fail_alone() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let frame = socket.modify(json!([
        add(0, "notes:panicQuery", json!({})),
        add(1, "notes:list", json!({ "book": "b" })),
    ]));
    socket.send(frame).await;
    socket.caught_up().await;
    assert_eq!(socket.results[&0]["errorData"]["code"], "INTERNAL_ERROR");

    for round in 0..6 {
        socket
            .mutate(2 * round, "notes:panicMutation", json!({ "book": "b" }))
            .await;
        let answer = socket.settled(2 * round).await;
        assert_eq!(
            (&answer["success"], &answer["errorData"]["code"]),
            (&json!(false), &json!("INTERNAL_ERROR"))
        );
        socket.act(2 * round + 1, "notes:panicAction", json!({})).await;
        let answer = socket.answer(2 * round + 1).await;
        assert_eq!(
            (&answer["success"], &answer["errorData"]["code"]),
            (&json!(false), &json!("INTERNAL_ERROR"))
        );
    }
    // Nothing of it stayed, neither a row nor a lock on the book.
    socket.mutate(100, "notes:add", book("a")).await;
    socket.settled(100).await;
    socket.until(1, |list| list["value"] == json!(["a"])).await;
}
