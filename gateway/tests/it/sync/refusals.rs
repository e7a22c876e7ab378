//! What clients may do wrong, and what it costs them: the call, or the connection.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::notes;
use super::socket::{End, NPM, Socket, add};
use crate::wire::Wire;

/// The server says that the client has broken the protocol, and ends the connection. Gives what it says.
async fn breaks_the_protocol(socket: &mut Socket) -> (String, End) {
    let frame = socket.frame().await;
    assert_eq!(frame["type"], "FatalError", "{frame}");
    (frame["error"].as_str().unwrap().to_owned(), socket.end().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_ends_the_connection() {
    let wire = Wire::start().await;
    for text in ["{bad", "", "[]", "7", r#"{"type":"Dance"}"#, r#"{"no":"type"}"#] {
        let mut socket = Socket::npm(&wire.url).await;
        socket.send_text(text).await;
        let (said, _) = breaks_the_protocol(&mut socket).await;
        assert!(!said.is_empty(), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_frame_other_than_connect_ends_the_connection() {
    let wire = Wire::start().await;
    for frame in [
        json!({ "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [] }),
        json!({ "type": "Connect", "sessionId": "no uuid", "connectionCount": 0, "lastCloseReason": null }),
        json!({ "type": "Connect", "connectionCount": 0, "lastCloseReason": null }),
    ] {
        let mut socket = Socket::open(&wire.url, NPM, &[]).await;
        socket.send(frame).await;
        breaks_the_protocol(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_twice_ends_the_connection() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    let again = socket.hello(0);
    socket.send(again).await;
    breaks_the_protocol(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_set_on_a_wrong_base_ends_the_connection_and_both_versions_are_named() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket
        .send(json!({ "type": "ModifyQuerySet", "baseVersion": 5, "newVersion": 6, "modifications": [] }))
        .await;
    let (said, end) = breaks_the_protocol(&mut socket).await;
    assert!(said.contains('5') && said.contains('0'), "{said}");
    assert!(matches!(end, End::Closed(1008, _)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_on_a_wrong_base_ends_the_connection() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket
        .send(json!({ "type": "Authenticate", "baseVersion": 1, "tokenType": "None" }))
        .await;
    let (said, _) = breaks_the_protocol(&mut socket).await;
    assert!(said.contains('1') && said.contains('0'), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_added_twice_or_removed_without_being_there_ends_the_connection() {
    let wire = Wire::start().await;
    let query = || add(0, "auth:isAuthenticated", json!({}));
    for modifications in [json!([query(), query()]), json!([{ "type": "Remove", "queryId": 0 }])] {
        let mut socket = Socket::npm(&wire.url).await;
        let frame = socket.modify(modifications);
        socket.send(frame).await;
        breaks_the_protocol(&mut socket).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_does_not_exist_fails_alone() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    let queries = [
        ("nothing:here", "Could not find public function for 'nothing:here'."),
        (
            "messages:internalSendBotMessage",
            "Could not find public function for 'messages:internalSendBotMessage'.",
        ),
        (
            "messages:send",
            "Trying to execute messages:send as Query, but it is defined as Mutation.",
        ),
        ("../a:b", "\"../a:b\" is not a valid path to a function."),
        ("a-b:c", "\"a-b:c\" is not a valid path to a function."),
        ("a:b:c", "\"a:b:c\" is not a valid path to a function."),
        ("ä:b", "\"ä:b\" is not a valid path to a function."),
        ("1a:b", "Could not find public function for '1a:b'."),
    ];
    let good = add(100, "auth:isAuthenticated", json!({}));
    let bad = (0..).zip(&queries).map(|(id, (path, _))| add(id, path, json!({})));
    let modifications: Vec<Value> = bad.chain([good]).collect();
    let frame = socket.modify(json!(modifications));
    socket.send(frame).await;
    socket.caught_up().await;
    for (id, (path, said)) in (0..).zip(queries) {
        let failure = &socket.results[&id];
        assert_eq!(
            (&failure["type"], &failure["errorMessage"]),
            (&json!("QueryFailed"), &json!(said)),
            "{path}"
        );
        assert!(failure["errorData"]["code"].is_string(), "{failure}");
    }
    assert_eq!(socket.results[&100]["value"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_fit_nothing_fail_alone() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    let odd = [
        json!(7),
        json!([1]),
        json!([{}, {}]),
        json!("text"),
        json!([{ "extra": 1 }]),
    ];
    let modifications: Vec<Value> = (0..)
        .zip(&odd)
        .map(|(id, args)| json!({ "type": "Add", "queryId": id, "udfPath": "auth:isAuthenticated", "args": args }))
        .collect();
    let frame = socket.modify(json!(modifications));
    socket.send(frame).await;
    socket.caught_up().await;
    for (id, args) in (0..).zip(&odd) {
        let failure = &socket.results[&id];
        assert_eq!(
            (&failure["type"], &failure["errorData"]["code"]),
            (&json!("QueryFailed"), &json!("INVALID_INPUT")),
            "{args}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_arguments_are_none() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    let frame = socket.modify(json!([
        { "type": "Add", "queryId": 0, "udfPath": "auth:isAuthenticated" },
        { "type": "Add", "queryId": 1, "udfPath": "auth:isAuthenticated", "args": [] },
        { "type": "Add", "queryId": 2, "udfPath": "auth:isAuthenticated", "args": {}, "componentPath": null },
    ]));
    socket.send(frame).await;
    socket.caught_up().await;
    for id in 0..3 {
        assert_eq!(socket.results[&id]["value"], false, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_run_are_answered_and_mutations_covered() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    let calls = [
        ("Mutation", "auth:isAuthenticated", "defined as Query"),
        ("Mutation", "nothing:here", "Could not find public function"),
        (
            "Mutation",
            "messages:internalSendBotMessage",
            "Could not find public function",
        ),
        ("Mutation", "a-b:c", "not a valid path"),
        ("Action", "auth:isAuthenticated", "defined as Query"),
        ("Action", "nothing:here", "Could not find public function"),
        ("Action", "a:b:c", "not a valid path"),
    ];
    for (request, (kind, path, said)) in (0..).zip(calls) {
        socket
            .send(json!({ "type": kind, "requestId": request, "udfPath": path, "args": [{}] }))
            .await;
        let answer = socket.answer(request).await;
        assert_eq!(
            (&answer["type"], &answer["success"]),
            (&json!(format!("{kind}Response")), &json!(false))
        );
        assert!(answer["result"].as_str().unwrap().contains(said), "{answer}");
        if kind == "Mutation" {
            assert_eq!(socket.transition().await["modifications"], json!([]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_would_freeze_javascript_clients_fails_alone() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let long = "k".repeat(1025);
    let keys = ["$key", "clé", "tab\t", &long, "plain"];
    let queries: Vec<Value> = (0..)
        .zip(keys)
        .map(|(id, key)| add(id, "notes:odd", json!({ "key": key })))
        .collect();
    let frame = socket.modify(json!(queries));
    socket.send(frame).await;
    socket.caught_up().await;
    for id in 0..4 {
        assert_eq!(socket.results[&id]["type"], "QueryFailed", "{:?}", keys[id as usize]);
    }
    assert_eq!(socket.results[&4]["value"], json!({ "plain": 1.0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_would_freeze_javascript_clients_are_not_stored() {
    let wire = Wire::start().await;
    let workspace = wire.kit.workspace().await;
    let visitor = wire.kit.visitor(&workspace).await;
    let mut socket = Socket::npm(&wire.url).await;
    for (request, key) in (0..).zip(["$key", "clé", "tab\t"]) {
        let args = json!({ "visitorId": visitor.id, "sessionToken": visitor.token, "customAttributes": { key: 1.0 } });
        socket.mutate(request, "visitors:identify", args).await;
        let answer = socket.settled(request).await;
        assert_eq!(
            (&answer["success"], &answer["errorData"]["code"]),
            (&json!(false), &json!("INVALID_INPUT"))
        );
        assert!(answer["result"].as_str().unwrap().contains("not allowed"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_not_answered() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    for event in [json!({}), json!(null), json!([1, "x"]), json!({ "delayMillis": 3 })] {
        socket
            .send(json!({ "type": "Event", "eventType": "NetworkRecoveryReconnect", "event": event }))
            .await;
    }
    socket.act(0, "notes:fail", json!({})).await;
    socket.answer(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_frames_do_no_harm() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.send_together([]).await;
    assert!(socket.try_send(Message::binary(vec![0_u8, 159, 146, 150])).await);
    // Ignored or closed: no client sends any. Another connection lives either way.
    let mut other = Socket::npm(&wire.url).await;
    other.act(0, "notes:fail", json!({})).await;
    other.answer(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_of_megabytes_are_taken_and_frames_beyond_the_limit_end_the_connection() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let text = "x".repeat(6 << 20);
    socket
        .mutate(0, "notes:add", json!({ "book": "b", "text": text }))
        .await;
    assert_eq!(socket.settled(0).await["success"], true);
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    socket.until(0, |list| list["value"][0] == text).await;

    let beyond = json!({ "type": "Mutation", "requestId": 1, "udfPath": "notes:add",
                         "args": [{ "book": "b", "text": "x".repeat(17 << 20) }] });
    // The server may hang up before it has read all of it.
    socket.try_send(Message::text(beyond.to_string())).await;
    socket.end().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    socket
        .until(0, |list| list["value"].as_array().unwrap().len() == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_thousand_and_first_subscription_fails_alone() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let all: Vec<Value> = (0..=1000)
        .map(|id| add(id, "notes:echo", json!({ "value": true })))
        .collect();
    let frame = socket.modify(json!(all));
    socket.send(frame).await;
    socket.caught_up().await;
    socket.until(1000, |last| last["type"] == "QueryFailed").await;
    for id in 0..1000 {
        assert_eq!(socket.until(id, |_| true).await["value"], true, "{id}");
    }
    // Another one may take the place of one that is gone.
    let frame = socket.modify(json!([
        { "type": "Remove", "queryId": 0 },
        { "type": "Remove", "queryId": 1000 },
        add(1001, "notes:echo", json!({ "value": 1.0 })),
    ]));
    socket.send(frame).await;
    socket.until(1001, |latest| latest["value"] == 1.0).await;
}
