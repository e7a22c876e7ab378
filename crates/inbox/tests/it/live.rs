//! Live results stay what a fresh execution gives.

use crate::support::kit;
use opencom_contract::conversations::{Assign, ConversationStatus, UpdateStatus};
use opencom_testkit::{Nobody, Probe};
use serde_json::json;

use crate::chat::{answer, ask, open};

#[tokio::test]
async fn live_results_of_a_chat_are_never_stale() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let id = open(&kit, &ws, &visitor).await.id;
    let mut probe = Probe::new(&kit);
    for person in [&visitor, &stranger] {
        let session = json!({"workspaceId": ws.id, "sessionToken": person.token});
        probe
            .subscribe(&Nobody, "conversations:listByVisitor", session.clone())
            .await;
        probe
            .subscribe(&Nobody, "conversations:getTotalUnreadForVisitor", session)
            .await;
        let thread = json!({"conversationId": id, "sessionToken": person.token});
        probe.subscribe(&Nobody, "messages:list", thread).await;
        probe
            .subscribe(
                &Nobody,
                "conversations:get",
                json!({"id": id, "sessionToken": person.token}),
            )
            .await;
        probe
            .subscribe(&Nobody, "conversations:get", json!({"id": id, "visitorId": person.id}))
            .await;
    }
    for filter in [
        json!({}),
        json!({"status": "open"}),
        json!({"aiWorkflowState": "handoff"}),
        json!({"limit": 1}),
    ] {
        let mut arguments = filter;
        arguments["workspaceId"] = json!(ws.id);
        probe
            .subscribe(&ws.owner, "conversations:listForInbox", arguments)
            .await;
    }
    probe
        .subscribe(&ws.owner, "conversations:list", json!({"workspaceId": ws.id}))
        .await;
    probe
        .subscribe(&ws.owner, "messages:list", json!({"conversationId": id}))
        .await;
    probe.subscribe(&ws.owner, "conversations:get", json!({"id": id})).await;

    ask(&kit, &visitor, id, "hello").await.unwrap();
    probe.check("a visitor's message").await;
    answer(&kit, &ws.owner, id, "hello").await.unwrap();
    probe.check("an answer").await;
    let read = json!({"id": id, "readerType": "visitor", "sessionToken": visitor.token});
    kit.call_json(&Nobody, "conversations:markAsRead", read).await.unwrap();
    probe.check("reading by the visitor").await;
    kit.call_json(
        &ws.owner,
        "conversations:markAsRead",
        json!({"id": id, "readerType": "agent"}),
    )
    .await
    .unwrap();
    probe.check("reading by an agent").await;
    let close = UpdateStatus::builder()
        .id(id)
        .status(ConversationStatus::Closed)
        .build();
    kit.call(&ws.owner, &close).await.unwrap();
    probe.check("closing").await;
    kit.call(&ws.owner, &Assign::builder().id(id).agent_id(ws.owner.user_id).build())
        .await
        .unwrap();
    probe.check("assigning").await;
    open(&kit, &ws, &visitor).await;
    probe.check("another conversation").await;
    let create = json!({"workspaceId": ws.id, "visitorId": stranger.id});
    kit.call_json(&ws.owner, "conversations:create", create).await.unwrap();
    probe.check("a conversation that an agent opened").await;
    for person in [&visitor, &stranger] {
        let identify = json!({"visitorId": person.id, "sessionToken": person.token, "email": "ada@example.com"});
        kit.call_json(&Nobody, "visitors:identify", identify).await.unwrap();
        probe.check("an address").await;
    }
    answer(&kit, &ws.owner, id, "welcome back").await.unwrap();
    probe.check("an answer after the merge").await;
}

#[tokio::test]
async fn a_message_re_runs_no_other_thread() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (visitor, other) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let (id, quiet) = (open(&kit, &ws, &visitor).await.id, open(&kit, &ws, &other).await.id);
    let mut probe = Probe::new(&kit);
    let session = json!({"workspaceId": ws.id, "sessionToken": other.token});
    probe
        .subscribe(&Nobody, "conversations:listByVisitor", session.clone())
        .await;
    probe
        .subscribe(&Nobody, "conversations:getTotalUnreadForVisitor", session)
        .await;
    probe
        .subscribe(
            &Nobody,
            "messages:list",
            json!({"conversationId": quiet, "sessionToken": other.token}),
        )
        .await;
    probe
        .subscribe(
            &Nobody,
            "conversations:get",
            json!({"id": quiet, "visitorId": other.id}),
        )
        .await;
    let thread = json!({"conversationId": id, "sessionToken": visitor.token});
    ask(&kit, &visitor, id, "hello").await.unwrap();
    probe.check("a message elsewhere").await;
    assert_eq!(probe.reruns(), 0);
    probe.subscribe(&Nobody, "messages:list", thread).await;
    kit.call_json(
        &ws.owner,
        "conversations:markAsRead",
        json!({"id": id, "readerType": "agent"}),
    )
    .await
    .unwrap();
    probe.check("reading").await;
    assert_eq!(probe.reruns(), 0, "a counter is no part of a thread");
}
