//! The conversations between client and server that the specification writes down, frame by frame.

use opencom_core::Millis;
use opencom_core::auth::token::base64_u64;
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use super::chat::{Chat, GREETING, contents};
use super::notes;
use super::socket::{Socket, add, mutation};
use crate::wire::Wire;

/// The versions of a Transition: where it starts and where it ends, without the time.
fn versions(transition: &Value) -> [u64; 4] {
    let of = |version: &str, part: &str| transition[version][part].as_u64().unwrap();
    [
        of("startVersion", "querySet"),
        of("startVersion", "identity"),
        of("endVersion", "querySet"),
        of("endVersion", "identity"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_subscribes_sees_updates_and_unsubscribes() {
    let chat = Chat::start().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    socket.add(0, "messages:list", chat.list()).await;
    let opening = socket.transition().await;
    assert_eq!(
        opening["startVersion"],
        json!({ "querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA=" })
    );
    assert_eq!(versions(&opening), [0, 0, 1, 0]);
    let modification = &opening["modifications"][0];
    assert_eq!(modification["type"], "QueryUpdated");
    assert_eq!(
        (&modification["logLines"], &modification["journal"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(contents(modification), [GREETING]);
    assert_eq!(opening["modifications"].as_array().unwrap().len(), 1);

    chat.answer("Hello!").await;
    let update = socket.transition().await;
    assert_eq!(versions(&update), [1, 0, 1, 0]);
    assert_eq!(contents(&update["modifications"][0]), [GREETING, "Hello!"]);

    socket.remove(0).await;
    let removal = socket.transition().await;
    assert_eq!(versions(&removal), [1, 0, 2, 0]);
    assert_eq!(
        removal["modifications"],
        json!([{ "type": "QueryRemoved", "queryId": 0 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_is_answered_and_then_covered_by_a_transition() {
    let chat = Chat::start().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    let frame = socket.modify(json!([]));
    socket.send(frame).await;
    let opening = socket.transition().await;
    assert_eq!(
        (versions(&opening), &opening["modifications"]),
        ([0, 0, 1, 0], &json!([]))
    );

    socket.mutate(0, "messages:send", chat.send("hi")).await;
    let answer = socket.answer(0).await;
    assert_eq!(
        (&answer["type"], &answer["success"]),
        (&json!("MutationResponse"), &json!(true))
    );
    assert_eq!(answer["logLines"], json!([]));
    assert!(answer["result"].is_string(), "{answer}");
    let cover = socket.transition().await;
    assert_eq!((versions(&cover), &cover["modifications"]), ([1, 0, 1, 0], &json!([])));
    assert!(Some(socket.seen.ts) >= socket.committed(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_carry_their_data() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket
        .add(0, "notes:missing", json!({ "value": { "$integer": "AQAAAAAAAAA=" } }))
        .await;
    let opening = socket.transition().await;
    assert_eq!(
        opening["modifications"],
        json!([{ "type": "QueryFailed", "queryId": 0, "errorMessage": "Note not found", "logLines": [],
                 "journal": null, "errorData": { "code": "NOT_FOUND", "message": "Note not found" } }])
    );

    socket.mutate(0, "notes:addInVain", json!({ "book": "b" })).await;
    let answer = socket.answer(0).await;
    assert_eq!(
        (&answer["type"], &answer["success"]),
        (&json!("MutationResponse"), &json!(false))
    );
    assert_eq!(answer["result"], "slow down");
    assert_eq!(answer["errorData"]["code"], "RATE_LIMITED");
    assert_eq!(answer["errorData"]["retryAfterMs"], json!(1000.0));
    // Python and Rust settle a failure with data by the next Transition only.
    assert_eq!(socket.transition().await["modifications"], json!([]));

    socket.act(1, "notes:fail", json!({})).await;
    let answer = socket.answer(1).await;
    assert_eq!(
        (&answer["type"], &answer["success"]),
        (&json!("ActionResponse"), &json!(false))
    );
    assert_eq!(
        (&answer["result"], &answer["errorData"]["code"]),
        (&json!("boom"), &json!("NOT_AUTHORIZED"))
    );
    assert_eq!(answer["logLines"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_authenticates_refreshes_and_logs_out() {
    let wire = Wire::start().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&owner);
    let burst = [
        socket.token(Some(&token)),
        socket.modify(json!([add(0, "auth:currentUser", json!({}))])),
    ];
    socket.send_together(burst).await;
    let opening = socket.transition().await;
    assert_eq!(versions(&opening), [0, 0, 1, 1]);
    assert_eq!(
        opening["modifications"][0]["value"]["user"]["_id"],
        json!(owner.user_id)
    );

    wire.kit.clock.advance(Millis::MINUTE);
    let fresh = wire.token(&owner);
    assert_ne!(token, fresh);
    socket.authenticate(Some(&fresh)).await;
    let refresh = socket.transition().await;
    assert_eq!(
        (versions(&refresh), &refresh["modifications"]),
        ([1, 1, 1, 2], &json!([]))
    );

    socket.authenticate(None).await;
    let logout = socket.transition().await;
    assert_eq!(versions(&logout), [1, 2, 1, 3]);
    assert_eq!(
        logout["modifications"],
        json!([{ "type": "QueryUpdated", "queryId": 0, "value": null, "logLines": [], "journal": null }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_can_be_replaced_on_a_new_connection() {
    let wire = Wire::start().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    let burst = [socket.token(Some("a.b.c")), socket.modify(json!([]))];
    socket.send_together(burst).await;
    let refusal = socket.frame().await;
    assert_eq!(
        (
            &refusal["type"],
            &refusal["baseVersion"],
            &refusal["authUpdateAttempted"]
        ),
        (&json!("AuthError"), &json!(0), &json!(true))
    );
    assert!(!refusal["error"].as_str().unwrap().is_empty());
    let session = socket.session.clone();
    drop(socket);

    let mut socket = Socket::npm_again(&wire.url, &session, 1).await;
    let burst = [socket.token(Some(&wire.token(&owner))), socket.modify(json!([]))];
    socket.send_together(burst).await;
    assert_eq!(versions(&socket.transition().await), [0, 0, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_replays_its_queries_and_its_mutation() {
    let chat = Chat::start().await;
    let mut socket = Socket::npm(&chat.wire.url).await;
    socket.add(0, "messages:list", chat.list()).await;
    socket.transition().await;
    socket.mutate(0, "messages:send", chat.send("hi")).await;
    let (session, observed) = (socket.session.clone(), socket.seen.ts);
    drop(socket);

    let mut socket = Socket::open(&chat.wire.url, super::socket::NPM, &[]).await;
    let hello = json!({ "type": "Connect", "sessionId": session, "connectionCount": 1,
                        "lastCloseReason": "closed with code 1006", "maxObservedTimestamp": base64_u64(observed),
                        "clientTs": 1 });
    let mut query = add(0, "messages:list", chat.list());
    query["journal"] = Value::Null;
    let burst = [
        hello,
        socket.modify(json!([query])),
        mutation(0, "messages:send", chat.send("hi")),
    ];
    socket.send_together(burst).await;
    let answer = socket.settled(0).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(socket.seen.ts >= observed);
    assert_eq!(contents(&socket.results[&0]), [GREETING, "hi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transition_comes_in_parts() {
    let (wire, _) = notes::serve().await;
    let large = json!({ "book": "b", "character": "é", "times": 3_000_000.0 });
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:large", large.clone()).await;
    socket.transition().await;
    assert!(socket.parts >= 2, "{} parts", socket.parts);
    let text = socket.results[&0]["value"][0].as_str().unwrap();
    assert!(text.len() == 6_000_000 && text.chars().all(|character| character == 'é'));

    // The next one is small again, and whole.
    let before = socket.parts;
    socket.add(1, "notes:echo", json!({ "value": true })).await;
    socket.transition().await;
    assert_eq!(socket.parts, before);

    // The Rust client knows no parts.
    let mut socket = Socket::rust(&wire.url).await;
    socket.add(0, "notes:large", large).await;
    socket.transition().await;
    assert_eq!(socket.results[&0]["value"][0].as_str().unwrap().len(), 6_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_may_be_the_first_thing_that_a_client_does() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::rust(&wire.url).await;
    socket.mutate(0, "notes:add", json!({ "book": "b", "text": "a" })).await;
    let answer = socket.answer(0).await;
    assert_eq!((&answer["success"], &answer["result"]), (&json!(true), &json!(1.0)));
    let cover = socket.transition().await;
    assert_eq!((versions(&cover), &cover["modifications"]), ([0, 0, 0, 0], &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_may_be_asked_once() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::rust(&wire.url).await;
    socket.add(0, "notes:echo", json!({ "value": 5.0 })).await;
    let opening = socket.transition().await;
    assert_eq!(
        (versions(&opening), &opening["modifications"][0]["value"]),
        ([0, 0, 1, 0], &json!(5.0))
    );
    socket.remove(0).await;
    let removal = socket.transition().await;
    assert_eq!(versions(&removal), [1, 0, 2, 0]);
    assert_eq!(
        removal["modifications"],
        json!([{ "type": "QueryRemoved", "queryId": 0 }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_be_set_before_the_first_query() {
    let wire = Wire::start().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::rust(&wire.url).await;
    let token = wire.token(&owner);
    let burst = [
        socket.token(Some(&token)),
        socket.modify(json!([add(0, "auth:isAuthenticated", json!({}))])),
    ];
    socket.send_together(burst).await;
    let opening = socket.transition().await;
    assert_eq!(
        (versions(&opening), &opening["modifications"][0]["value"]),
        ([0, 0, 1, 1], &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_value_comes_back_as_it_was_sent() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let values = [
        json!({ "$integer": "AAAAAAAAAAA=" }),
        json!({ "$integer": "AQAAAAAAAAA=" }),
        json!({ "$integer": "//////////8=" }),
        json!({ "$integer": "KgAAAAAAAAA=" }),
        json!({ "$integer": "/////////38=" }),
        json!({ "$integer": "AAAAAAAAAIA=" }),
        json!({ "$float": "AAAAAAAAAIA=" }),
        json!({ "$float": "AAAAAAAA+H8=" }),
        json!({ "$float": "AAAAAAAA8H8=" }),
        json!({ "$float": "AAAAAAAA8P8=" }),
        json!({ "$bytes": "" }),
        json!({ "$bytes": "AQID" }),
        json!(3.0),
        json!({ "b": 1.0, "c": null }),
        json!({ "": true, "_key with.dots-and spaces": ["é", "\u{1f600}"] }),
        Value::Null,
    ];
    for (id, value) in (0..).zip(&values) {
        socket.add(id, "notes:echo", json!({ "value": value })).await;
    }
    socket.caught_up().await;
    for (id, value) in (0..).zip(&values) {
        assert_eq!(&socket.results[&id]["value"], value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_keep_their_ends_in_the_journal() {
    let (wire, _) = notes::serve().await;
    let note = |text: &str| json!({ "book": "b", "text": text });
    for text in ["a", "b", "c"] {
        wire.kit.call_json(&Nobody, "notes:add", note(text)).await.unwrap();
    }
    let page = |cursor: Value| json!({ "book": "b", "paginationOpts": { "cursor": cursor, "id": -1, "numItems": 2 } });
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:page", page(Value::Null)).await;
    let first = socket.transition().await["modifications"][0].clone();
    assert_eq!(
        first["value"],
        json!({ "page": ["a", "b"], "isDone": false, "continueCursor": "b" })
    );
    assert_eq!(first["journal"], "end=b");
    socket.add(1, "notes:page", page(json!("b"))).await;
    let second = socket.transition().await["modifications"][0].clone();
    assert_eq!(
        second["value"],
        json!({ "page": ["c"], "isDone": true, "continueCursor": "end" })
    );
    assert_eq!(second["journal"], Value::Null);

    // What comes in between is shown once: the first page grows, the second does not shift.
    wire.kit.call_json(&Nobody, "notes:add", note("aa")).await.unwrap();
    let grown = json!({ "page": ["a", "aa", "b"], "isDone": false, "continueCursor": "b" });
    let shown = socket.until(0, |latest| latest["value"] == grown).await;
    assert_eq!(shown["journal"], "end=b");
    assert_eq!(socket.results[&1]["value"]["page"], json!(["c"]));

    // A reconnect brings the end back.
    let mut again = Socket::npm_again(&wire.url, &socket.session, 1).await;
    let mut query = add(0, "notes:page", page(Value::Null));
    query["journal"] = json!("end=b");
    let mut fresh = page(Value::Null);
    fresh["paginationOpts"]["id"] = json!(-2);
    let frame = again.modify(json!([query, add(1, "notes:page", fresh)]));
    again.send(frame).await;
    again.caught_up().await;
    assert_eq!(again.results[&0]["value"], grown);
    assert_eq!(again.results[&1]["value"]["page"], json!(["a", "aa"]));
}
