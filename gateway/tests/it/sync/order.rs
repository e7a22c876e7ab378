//! What comes after what: answers, the Transitions that cover them, bursts and timestamps.

use opencom_core::auth::token::base64_u64;
use serde_json::{Value, json};

use super::notes;
use super::socket::{NPM, Socket, add, mutation};

fn book(text: &str) -> Value {
    json!({ "book": "b", "text": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_is_shown_after_its_answer_and_by_the_transition_that_covers_it() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    socket.caught_up().await;
    for request in 0..30 {
        let text = format!("note {request}");
        let shown = |socket: &Socket| socket.results[&0]["value"].as_array().unwrap().contains(&json!(text));
        socket.mutate(request, "notes:add", book(&text)).await;
        let answer = loop {
            let frame = socket.frame().await;
            if frame["type"] == "MutationResponse" {
                break frame;
            }
            assert!(!shown(&socket), "shown before the answer: {frame}");
        };
        assert_eq!(answer["result"], json!(f64::from(request + 1)));
        while Some(socket.seen.ts) < socket.committed(request) {
            socket.transition().await;
        }
        assert!(shown(&socket), "covered and not shown: {:?}", socket.results);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_of_a_connection_run_in_the_order_in_which_they_were_sent() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let first = mutation(0, "notes:add", book("0"));
    let others = (1..20).map(|request| mutation(request, "notes:append", book(&request.to_string())));
    socket.send_together([first].into_iter().chain(others)).await;
    let mut answers = Vec::new();
    while answers.len() < 20 {
        let frame = socket.frame().await;
        if frame["type"] == "MutationResponse" {
            answers.push((frame["requestId"].clone(), frame["result"].clone()));
        }
    }
    let expected: Vec<_> = (0..20)
        .map(|request| (json!(request), json!(f64::from(request + 1))))
        .collect();
    assert_eq!(answers, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_mutation_leaves_nothing_and_does_not_stop_those_behind_it() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    socket.caught_up().await;
    let frames = [
        mutation(0, "notes:addInVain", json!({ "book": "b" })),
        mutation(1, "notes:append", book("too early")),
        mutation(2, "notes:add", book("first")),
    ];
    socket.send_together(frames).await;
    for (request, success) in [(0, false), (1, false), (2, true)] {
        assert_eq!(socket.answered(request).await["success"], success);
    }
    socket.until(0, |list| list["value"] == json!(["first"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_wait_neither_for_each_other_nor_for_mutations() {
    let (wire, notes) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.act(0, "notes:wait", json!({})).await;
    socket.mutate(1, "notes:signSlowly", json!({ "book": "b" })).await;
    notes.gate.reached_by(2).await;
    socket.act(2, "notes:fail", json!({})).await;
    socket.answer(2).await;
    notes.gate.open(2);
    let mut answered = Vec::new();
    while answered.len() < 2 {
        let frame = socket.frame().await;
        if frame["type"] != "Transition" {
            assert_eq!(frame["success"], true, "{frame}");
            answered.push(frame["requestId"].as_u64().unwrap());
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_query_holds_back_no_answer() {
    let (wire, notes) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:whoSlowly", json!({ "book": "slow" })).await;
    notes.gate.reached_by(1).await;
    socket.mutate(0, "notes:add", book("fast")).await;
    loop {
        let frame = socket.frame().await;
        if frame["type"] == "MutationResponse" {
            break;
        }
        assert!(!socket.results.contains_key(&0), "{frame}");
    }
    notes.gate.open(1);
    socket.until(0, |who| who["value"] == "nobody").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_opening_burst_of_a_reconnect_is_answered_by_one_transition() {
    let (wire, _) = notes::serve().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::open(&wire.url, NPM, &[]).await;
    let burst = [
        socket.hello(1),
        socket.token(Some(&wire.token(&owner))),
        socket.modify(json!([
            add(0, "notes:list", json!({ "book": "b" })),
            add(1, "auth:isAuthenticated", json!({}))
        ])),
        mutation(0, "notes:add", book("a")),
    ];
    socket.send_together(burst).await;
    assert_eq!(socket.answer(0).await["success"], true);
    let opening = socket.transition().await;
    assert_eq!((socket.seen.query_set, socket.seen.identity), (1, 1), "{opening}");
    assert!(Some(socket.seen.ts) >= socket.committed(0));
    assert_eq!(
        (&socket.results[&0]["value"], &socket.results[&1]["value"]),
        (&json!(["a"]), &json!(true))
    );
    // Nothing was left over, and nothing was pinged: a ping so early costs Rust clients 40 ms.
    socket.act(1, "notes:fail", json!({})).await;
    socket.answer(1).await;
    assert_eq!(socket.pings, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_gets_no_transition_before_it_has_named_its_queries() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::open(&wire.url, NPM, &[]).await;
    let hello = socket.hello(1);
    socket.send(hello).await;
    socket.mutate(0, "notes:add", book("a")).await;
    assert_eq!(socket.answer(0).await["success"], true);
    socket.act(1, "notes:fail", json!({})).await;
    socket.answer(1).await;
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    let opening = socket.transition().await;
    assert_eq!(opening["modifications"][0]["value"], json!(["a"]));
    assert!(Some(socket.seen.ts) >= socket.committed(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_never_falls_behind_what_a_client_has_seen_elsewhere() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.mutate(0, "notes:add", book("a")).await;
    socket.settled(0).await;
    let (session, elsewhere) = (socket.session.clone(), socket.seen.ts + 10_000_000);
    drop(socket);
    let mut socket = Socket::open(&wire.url, NPM, &[]).await;
    let hello = json!({ "type": "Connect", "sessionId": session, "connectionCount": 1, "lastCloseReason": null,
                        "maxObservedTimestamp": base64_u64(elsewhere) });
    let burst = [hello, socket.modify(json!([])), mutation(1, "notes:add", book("b"))];
    socket.send_together(burst).await;
    socket.settled(1).await;
    assert!(socket.seen.ts >= elsewhere, "{} < {elsewhere}", socket.seen.ts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_claims_the_end_of_time_harms_nobody_else() {
    let (wire, _) = notes::serve().await;
    let mut liar = Socket::open(&wire.url, NPM, &[]).await;
    let end = u64::from(convex_sync_types::Timestamp::MAX);
    let hello = json!({ "type": "Connect", "sessionId": liar.session, "connectionCount": 0, "lastCloseReason": null,
                        "maxObservedTimestamp": base64_u64(end) });
    let burst = [hello, liar.modify(json!([]))];
    liar.send_together(burst).await;

    let mut socket = Socket::npm(&wire.url).await;
    for request in 0..3 {
        socket.mutate(request, "notes:add", book("a")).await;
        assert_eq!(socket.settled(request).await["success"], true);
    }
    assert!(socket.seen.ts < end / 2, "{}", socket.seen.ts);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_are_told_to_clients_that_tell_theirs() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::open(&wire.url, NPM, &[]).await;
    let (mut hello, now) = (socket.hello(0), wire.kit.clock.now().0);
    hello["clientTs"] = json!(now - 5000);
    socket.send(hello).await;
    let opening = socket.transition().await;
    let skew = opening["clientClockSkew"].as_i64().unwrap();
    assert!((-5000 - 60_000..=-5000).contains(&skew), "{skew}");
    assert!(opening["serverTs"].as_i64().unwrap() >= now * 1_000_000, "{opening}");

    let mut socket = Socket::open(&wire.url, NPM, &[]).await;
    let mut hello = socket.hello(0);
    hello.as_object_mut().unwrap().remove("clientTs");
    socket.send(hello).await;
    let opening = socket.transition().await;
    // `null` would count as a result that took very long.
    assert!(
        opening.get("clientClockSkew").is_none() && opening.get("serverTs").is_none(),
        "{opening}"
    );
}
