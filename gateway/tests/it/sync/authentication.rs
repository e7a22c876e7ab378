//! Who a connection speaks for, and how that changes while it is open.

use opencom_core::{Millis, Role};
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use super::notes::{self, Gate};
use super::socket::{Socket, add, mutation};
use crate::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn another_user_sees_nothing_of_the_one_before() {
    let wire = Wire::start().await;
    let (one, other) = (wire.kit.workspace().await.owner, wire.kit.workspace().await.owner);
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&one);
    let burst = [
        socket.token(Some(&token)),
        socket.modify(json!([
            add(0, "auth:currentUser", json!({})),
            add(1, "auth:isAuthenticated", json!({}))
        ])),
    ];
    socket.send_together(burst).await;
    socket.caught_up().await;
    assert_eq!(socket.results[&0]["value"]["user"]["_id"], json!(one.user_id));

    socket.authenticate(Some(&wire.token(&other))).await;
    let change = socket.transition().await;
    assert_eq!(
        (
            socket.seen.identity,
            &change["modifications"][0]["value"]["user"]["_id"]
        ),
        (2, &json!(other.user_id))
    );
    assert!(!change.to_string().contains(&one.user_id.to_string()), "{change}");
    assert_eq!(
        change["modifications"].as_array().unwrap().len(),
        1,
        "what is equal is not repeated: {change}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_was_computed_for_the_identity_before_is_not_shown() {
    let (wire, notes) = notes::serve().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&owner);
    let burst = [
        socket.token(Some(&token)),
        socket.modify(json!([add(0, "notes:whoSlowly", json!({ "book": "b" }))])),
    ];
    socket.send_together(burst).await;
    notes.gate.reached_by(1).await;
    socket.authenticate(None).await;
    notes.gate.open(2);
    while socket.seen.identity < 2 || !socket.results.contains_key(&0) {
        let transition = socket.transition().await;
        let shown = transition.to_string().contains(&owner.user_id.to_string());
        assert!(!shown || socket.seen.identity == 1, "{transition}");
    }
    socket.until(0, |who| who["value"] == "nobody").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_runs_as_whoever_the_connection_spoke_for_when_it_was_sent() {
    let (wire, notes) = notes::serve().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&owner);
    let sign = |request| mutation(request, "notes:signSlowly", json!({ "book": "b" }));
    let frames = [
        sign(0),
        socket.token(Some(&token)),
        sign(1),
        socket.token(None),
        sign(2),
    ];
    socket.send_together(frames).await;
    notes.gate.open(3);
    for request in 0..3 {
        socket.answered(request).await;
    }
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    socket
        .until(0, |list| list["value"] == json!(["nobody", owner.user_id, "nobody"]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_good_is_refused_with_the_version_that_it_was_to_replace() {
    let wire = Wire::start().await;
    let owner = wire.kit.workspace().await.owner;
    let good = wire.token(&owner);
    let issue = |issuer: &str, now: Millis| {
        wire.app
            .jwt_keys
            .issue(owner.user_id, owner.session_id, issuer, now)
            .unwrap()
    };
    let now = wire.kit.clock.now();
    let foreign = issue("http://elsewhere.test", now);
    let expired = issue(&wire.kit.server.public_url, now.plus(-2 * Millis::HOUR));
    for token in ["nonsense", "", "a.b.c", &format!("{good}x"), &foreign, &expired] {
        let mut socket = Socket::npm(&wire.url).await;
        socket.authenticate(Some(&good)).await;
        socket.caught_up().await;
        socket.authenticate(Some(token)).await;
        refused(&mut socket, 1).await;
    }
    let mut socket = Socket::npm(&wire.url).await;
    socket
        .send(json!({ "type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": "key" }))
        .await;
    refused(&mut socket, 0).await;
}

async fn refused(socket: &mut Socket, version: u32) {
    let frame = socket.frame().await;
    assert_eq!(
        (&frame["type"], &frame["baseVersion"]),
        (&json!("AuthError"), &json!(version)),
        "{frame}"
    );
    assert_eq!(frame["authUpdateAttempted"], true);
    assert!(!frame["error"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_token_was_refused_is_let_go_and_nothing_of_it_runs() {
    let (wire, _) = notes::serve().await;
    let mut socket = Socket::npm(&wire.url).await;
    let add = mutation(0, "notes:add", json!({ "book": "b", "text": "t" }));
    let burst = [socket.token(Some("nonsense")), socket.modify(json!([])), add];
    socket.send_together(burst).await;
    refused(&mut socket, 0).await;
    socket.end().await;
    assert!(!socket.has_answered(0));
    let list = wire
        .kit
        .call_json(&Nobody, "notes:list", json!({ "book": "b" }))
        .await
        .unwrap();
    assert_eq!(list, json!([]));
}

/// A connection of a user whose token has run out meanwhile, with a live list of notes.
async fn expired(wire: &Wire) -> Socket {
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&owner);
    let burst = [
        socket.token(Some(&token)),
        socket.modify(json!([add(0, "notes:list", json!({ "book": "b" }))])),
    ];
    socket.send_together(burst).await;
    socket.caught_up().await;
    wire.kit.clock.advance(Millis::HOUR + Millis::SECOND);
    socket
}

async fn told_that_it_expired(mut socket: Socket) {
    let frame = socket.frame().await;
    assert_eq!(
        (&frame["type"], &frame["baseVersion"]),
        (&json!("AuthError"), &json!(1)),
        "{frame}"
    );
    assert_eq!(frame["authUpdateAttempted"], false);
    socket.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutation_runs_under_a_token_that_has_run_out() {
    let (wire, _) = notes::serve().await;
    let mut socket = expired(&wire).await;
    socket
        .mutate(0, "notes:add", json!({ "book": "b", "text": "late" }))
        .await;
    told_that_it_expired(socket).await;
    let list = wire
        .kit
        .call_json(&Nobody, "notes:list", json!({ "book": "b" }))
        .await
        .unwrap();
    assert_eq!(list, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_action_or_query_runs_under_a_token_that_has_run_out() {
    let (wire, _) = notes::serve().await;
    let mut socket = expired(&wire).await;
    socket.act(0, "notes:fail", json!({})).await;
    told_that_it_expired(socket).await;
    let mut socket = expired(&wire).await;
    socket.add(1, "auth:currentUser", json!({})).await;
    told_that_it_expired(socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_was_running_when_the_token_ran_out_is_answered_on_the_next_connection() {
    let (wire, notes) = notes::serve().await;
    let mut socket = expired_while(&wire, &notes.gate).await;
    notes.gate.open(1);
    let frame = socket.frame().await;
    assert_eq!(frame["type"], "AuthError", "{frame}");
    let owner = wire.kit.workspace().await.owner;
    let mut again = Socket::npm_again(&wire.url, &socket.session, 1).await;
    let token = wire.token(&owner);
    let list = add(0, "notes:list", json!({ "book": "b" }));
    let sign = mutation(0, "notes:signSlowly", json!({ "book": "b" }));
    let burst = [again.token(Some(&token)), again.modify(json!([list])), sign];
    again.send_together(burst).await;
    notes.gate.open(1);
    assert_eq!(again.settled(0).await["result"], 1.0);
    assert_eq!(again.results[&0]["value"].as_array().unwrap().len(), 1);
}

/// A connection whose token has run out while a mutation of it waits at the gate.
async fn expired_while(wire: &Wire, gate: &Gate) -> Socket {
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&owner);
    let sign = mutation(0, "notes:signSlowly", json!({ "book": "b" }));
    let burst = [socket.token(Some(&token)), socket.modify(json!([])), sign];
    socket.send_together(burst).await;
    gate.reached_by(1).await;
    wire.kit.clock.advance(Millis::HOUR + Millis::SECOND);
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_shown_under_a_token_that_has_run_out() {
    let (wire, _) = notes::serve().await;
    let socket = expired(&wire).await;
    wire.kit
        .call_json(&Nobody, "notes:add", json!({ "book": "b", "text": "new" }))
        .await
        .unwrap();
    told_that_it_expired(socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_be_renewed_after_it_has_run_out() {
    let (wire, _) = notes::serve().await;
    let owner = wire.kit.workspace().await.owner;
    let mut socket = Socket::npm(&wire.url).await;
    socket.authenticate(Some(&wire.token(&owner))).await;
    socket.caught_up().await;
    wire.kit.clock.advance(Millis::HOUR + Millis::SECOND);
    socket.authenticate(Some(&wire.token(&owner))).await;
    // Either it is taken, or the client is told that the old one has run out and comes again.
    let frame = socket.frame().await;
    match frame["type"].as_str().unwrap() {
        "Transition" => assert_eq!(socket.seen.identity, 2),
        _ => assert_eq!(
            (&frame["type"], &frame["authUpdateAttempted"]),
            (&json!("AuthError"), &json!(false)),
            "{frame}"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_live_much_longer_than_a_refresh_takes() {
    let wire = Wire::start().await;
    let owner = wire.kit.workspace().await.owner;
    let token = wire.token(&owner);
    let verified = wire.app.tokens.verify(&token).unwrap();
    // A JavaScript client with a token of 10 s or less asks for new ones without a pause.
    assert!(verified.expires_at.since(wire.kit.clock.now()) > 10 * Millis::MINUTE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_elsewhere_ends_here() {
    let wire = Wire::start().await;
    let workspace = wire.kit.workspace().await;
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&workspace.owner);
    let inbox = json!({ "workspaceId": workspace.id });
    let burst = [
        socket.token(Some(&token)),
        socket.modify(json!([
            add(0, "auth:currentUser", json!({})),
            add(1, "conversations:listForInbox", inbox),
            add(2, "auth:isAuthenticated", json!({})),
        ])),
    ];
    socket.send_together(burst).await;
    socket.caught_up().await;
    assert_eq!(socket.results[&2]["value"], true);

    wire.value("action", "auth:signOut", json!({}), Some(&token)).await;
    socket.until(0, |me| me["value"] == Value::Null).await;
    socket.until(2, |signed_in| signed_in["value"] == false).await;
    socket.mutate(0, "workspaces:create", json!({ "name": "x" })).await;
    let answer = socket.settled(0).await;
    assert_eq!(
        (&answer["success"], &answer["errorData"]["code"]),
        (&json!(false), &json!("NOT_AUTHENTICATED"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_loses_a_permission_loses_what_it_showed() {
    let wire = Wire::start().await;
    let workspace = wire.kit.workspace().await;
    let agent = wire.kit.agent(&workspace, Role::Agent).await;
    let visitor = wire.kit.visitor(&workspace).await;
    let open = json!({ "workspaceId": workspace.id, "sessionToken": visitor.token });
    wire.kit
        .call_json(&Nobody, "conversations:createForVisitor", open)
        .await
        .unwrap();
    let mut socket = Socket::npm(&wire.url).await;
    let token = wire.token(&agent);
    let list = add(0, "conversations:list", json!({ "workspaceId": workspace.id }));
    let burst = [socket.token(Some(&token)), socket.modify(json!([list]))];
    socket.send_together(burst).await;
    socket
        .until(0, |list| list["value"].as_array().unwrap().len() == 1)
        .await;
    wire.kit.set_permissions(&agent, workspace.id, &["users.read"]).await;
    socket.until(0, |list| list["value"] == json!([])).await;
}
