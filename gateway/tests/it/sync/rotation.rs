//! A visitor's token that is replaced while subscriptions that were opened with it are live: the widget has no error
//! boundary, so they must not fail before it has opened new ones.

use opencom_core::Millis;
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use super::chat::{Chat, GREETING, contents};
use super::socket::{Socket, add};

/// How long a subscription outlives its token at least.
const GRACE: i64 = Millis::MINUTE;
/// How long a session lasts when a workspace has not said otherwise.
const LIFETIME: i64 = Millis::DAY;

/// What a widget subscribes to with its token.
async fn widget(chat: &Chat) -> Socket {
    let mut socket = Socket::npm(&chat.wire.url).await;
    let whose = json!({ "workspaceId": chat.workspace.id, "sessionToken": chat.visitor.token });
    let frame = socket.modify(json!([
        add(0, "messages:list", chat.list()),
        add(1, "conversations:listByVisitor", whose.clone()),
        add(2, "conversations:getTotalUnreadForVisitor", whose),
    ]));
    socket.send(frame).await;
    socket.caught_up().await;
    socket
}

async fn refresh(chat: &Chat) -> Value {
    let args = json!({ "sessionToken": chat.visitor.token });
    chat.wire
        .kit
        .call_json(&Nobody, "widgetSessions:refresh", args)
        .await
        .unwrap()["sessionToken"]
        .clone()
}

/// Says something as the owner and waits until the widget shows it, without an error on the way.
async fn hears(chat: &Chat, socket: &mut Socket, text: &str) {
    chat.answer(text).await;
    loop {
        socket.transition().await;
        for (id, latest) in &socket.results {
            assert_eq!(latest["type"], "QueryUpdated", "query {id}: {latest}");
        }
        let shown = contents(&socket.results[&0]);
        assert_eq!(shown.first().map(String::as_str), Some(GREETING), "emptied");
        if shown.last().is_some_and(|last| last == text) {
            return;
        }
    }
}

/// All that is shown of the visitor ends.
async fn ends(socket: &mut Socket) {
    socket.until(0, |list| list["value"] == json!([])).await;
    socket.until(1, |list| list["type"] == "QueryFailed").await;
    socket.until(2, |unread| unread["type"] == "QueryFailed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_outlive_the_rotation_of_their_token_by_a_minute() {
    let chat = Chat::start().await;
    let mut socket = widget(&chat).await;
    let fresh = refresh(&chat).await;
    hears(&chat, &mut socket, "at once").await;
    chat.wire.kit.clock.advance(GRACE - 10 * Millis::SECOND);
    hears(&chat, &mut socket, "later").await;
    socket.until(2, |unread| unread["value"] == 2.0).await;

    // New calls need the new token.
    socket.mutate(0, "messages:send", chat.send("with the old one")).await;
    let answer = socket.settled(0).await;
    assert_eq!(answer["success"], false, "{answer}");
    let mut args = chat.send("with the new one");
    args["sessionToken"] = fresh;
    socket.mutate(1, "messages:send", args).await;
    assert_eq!(socket.settled(1).await["success"], true);
    socket
        .until(0, |list| contents(list).ends_with(&["with the new one".to_owned()]))
        .await;

    chat.wire.kit.clock.advance(11 * Millis::SECOND);
    ends(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_with_a_rotated_token_is_refused_though_others_are_still_served() {
    let chat = Chat::start().await;
    let mut early = widget(&chat).await;
    refresh(&chat).await;
    hears(&chat, &mut early, "at once").await;
    let late = &mut widget(&chat).await;
    ends(late).await;
    hears(&chat, &mut early, "still").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_outlive_the_end_of_their_session_by_a_minute() {
    let chat = Chat::start().await;
    let mut socket = widget(&chat).await;
    chat.wire.kit.clock.advance(LIFETIME + 10 * Millis::SECOND);
    hears(&chat, &mut socket, "late").await;
    // The session's row may not be cleaned away under them.
    chat.wire.kit.run_jobs().await;
    hears(&chat, &mut socket, "later").await;
    chat.wire.kit.clock.advance(GRACE);
    ends(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_has_no_grace() {
    let chat = Chat::start().await;
    let mut socket = widget(&chat).await;
    let args = json!({ "sessionToken": chat.visitor.token });
    chat.wire
        .kit
        .call_json(&Nobody, "widgetSessions:revoke", args)
        .await
        .unwrap();
    ends(&mut socket).await;
}
