//! Messages: who may read and write, what a message does to its conversation, names.

use crate::support::{changed, kit};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::conversations::{AiWorkflowState, Conversation};
use opencom_contract::messages::{List, SenderType};
use opencom_core::id::{ConversationId, MessageId};
use opencom_core::{Int, Role};
use opencom_runtime::topic;
use opencom_schema::{jobs, messages, users};
use opencom_testkit::{Agent, Kit, Nobody};
use serde_json::{Value, json};

use crate::chat::{answer, ask, message, open, refusal, seen, thread};

const UNKNOWN: &str = "NOT_FOUND: Conversation not found";
const NOT_THEIRS: &str = "NOT_AUTHORIZED: Not authorized to send messages to this conversation";

async fn queued(kit: &Kit, kind: &str) -> Vec<Value> {
    jobs::table
        .filter(jobs::kind.eq(kind))
        .order(jobs::id)
        .select(jobs::payload)
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_refusal_of_a_message_stores_nothing() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger, foreign) = (
        kit.visitor(&ws).await,
        kit.visitor(&ws).await,
        kit.visitor(&other).await,
    );
    let (agent, viewer) = (kit.agent(&ws, Role::Agent).await, kit.agent(&ws, Role::Viewer).await);
    let id = open(&kit, &ws, &visitor).await.id;
    let unknown = ConversationId::generate();
    let by_token = |conversation, token: &str| {
        changed(message(conversation, SenderType::Visitor, "x"), |request| {
            request.session_token = Some(token.to_owned())
        })
    };
    let by_id = changed(message(id, SenderType::Visitor, "x"), |request| {
        request.visitor_id = Some(visitor.id)
    });
    let denied = "PERMISSION_DENIED: Permission denied: conversations.reply";
    for (outcome, expected) in [
        (
            kit.call(&agent, &message(id, SenderType::Bot, "x")).await,
            "NOT_AUTHORIZED: Not authorized: bot messages can only be sent by internal system callers",
        ),
        (kit.call(&Nobody, &by_id).await, NOT_THEIRS),
        (kit.call(&Nobody, &by_token(id, "")).await, NOT_THEIRS),
        (
            kit.call(&Nobody, &by_token(id, "wst_x")).await,
            "NOT_AUTHENTICATED: Invalid session token",
        ),
        (
            kit.call(&Nobody, &by_token(unknown, "wst_x")).await,
            "NOT_AUTHENTICATED: Invalid session token",
        ),
        (kit.call(&Nobody, &by_token(unknown, &visitor.token)).await, UNKNOWN),
        (
            kit.call(&Nobody, &by_token(id, &foreign.token)).await,
            "NOT_AUTHORIZED: Session token does not match workspace",
        ),
        (kit.call(&Nobody, &by_token(id, &stranger.token)).await, NOT_THEIRS),
        (
            kit.call(&Nobody, &message(id, SenderType::Agent, "x")).await,
            "NOT_AUTHENTICATED: Not authenticated",
        ),
        (
            kit.call(&Nobody, &message(id, SenderType::User, "x")).await,
            "NOT_AUTHENTICATED: Not authenticated",
        ),
        (
            kit.call(&agent, &message(unknown, SenderType::Agent, "x")).await,
            UNKNOWN,
        ),
        (
            kit.call(&other.owner, &message(id, SenderType::Agent, "x")).await,
            "NOT_WORKSPACE_MEMBER: Not a member of this workspace",
        ),
        (kit.call(&viewer, &message(id, SenderType::Agent, "x")).await, denied),
        (kit.call(&viewer, &message(id, SenderType::User, "x")).await, denied),
    ] {
        assert_eq!(refusal(outcome), expected);
    }
    let long = refusal(ask(&kit, &visitor, id, &"x".repeat(64 * 1024 + 1)).await);
    assert!(long.starts_with("INVALID_INPUT: content"), "{long}");
    kit.clock.advance(25 * 3_600_000);
    assert_eq!(
        refusal(ask(&kit, &visitor, id, "x").await),
        "SESSION_EXPIRED: Session expired"
    );
    let stored: i64 = messages::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(stored, 1, "the greeting alone");
    assert!(queued(&kit, "inbox.notify_new_message").await.is_empty());
}

#[tokio::test]
async fn a_visitors_message_counts_for_the_agents() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let before = open(&kit, &ws, &visitor).await;
    kit.clock.advance(1000);
    let id = ask(&kit, &visitor, before.id, "").await.unwrap();
    let sent = thread(&kit, &visitor, before.id).await.pop().unwrap();
    assert_eq!(sent.message.id, id);
    assert_eq!(
        sent.message.sender_id,
        visitor.id.to_string(),
        "what the request says does not count"
    );
    let at = sent.message.created_at;
    let expected = Conversation {
        updated_at: at,
        last_message_at: Some(at),
        unread_by_agent: Some(Int(1)),
        ..before.clone()
    };
    assert_eq!(seen(&kit, &ws, before.id).await, expected);
    let job = json!({
        "conversationId": before.id, "messageContent": "", "senderType": "visitor", "messageId": id,
        "senderId": visitor.id, "sentAt": at, "channel": "chat"
    });
    assert_eq!(queued(&kit, "inbox.notify_new_message").await, [job]);
}

#[tokio::test]
async fn the_first_answer_of_a_human_is_the_first_response() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let bot = json!({"conversationId": id, "content": "beep", "senderId": "ai-agent"});
    kit.invoke_json("messages:internalSendBotMessage", bot).await.unwrap();
    let row = seen(&kit, &ws, id).await;
    assert_eq!((row.first_response_at, row.unread_by_visitor), (None, Some(Int(1))));
    assert_eq!(row.ai_workflow_state, Some(AiWorkflowState::None));
    kit.call(&ws.owner, &message(id, SenderType::User, "on their behalf"))
        .await
        .unwrap();
    let row = seen(&kit, &ws, id).await;
    assert_eq!(
        (row.first_response_at, row.unread_by_visitor, row.unread_by_agent),
        (None, Some(Int(1)), None)
    );
    answer(&kit, &ws.owner, id, "hello").await.unwrap();
    let first = seen(&kit, &ws, id).await;
    assert_eq!(
        (first.first_response_at, first.unread_by_visitor),
        (first.last_message_at, Some(Int(2)))
    );
    kit.clock.advance(1000);
    answer(&kit, &ws.owner, id, "are you there?").await.unwrap();
    assert_eq!(seen(&kit, &ws, id).await.first_response_at, first.first_response_at);
    let kinds: Vec<Value> = queued(&kit, "inbox.notify_new_message").await;
    let kinds: Vec<_> = kinds.iter().map(|job| job["senderType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["bot", "agent", "agent"], "nobody is told of what users write");
}

#[tokio::test]
async fn bots_speak_through_internal_callers_alone() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let arguments = json!({"conversationId": id, "content": "beep"});
    let path = "messages:internalSendBotMessage";
    let made_up = kit.call_json(&ws.owner, "messages:madeUp", arguments.clone()).await;
    let internal = kit.call_json(&ws.owner, path, arguments.clone()).await;
    assert_eq!(refusal(internal), refusal(made_up).replace("messages:madeUp", path));
    let unknown = json!({"conversationId": ConversationId::generate(), "content": "beep"});
    let outcome = kit.invoke_json(path, unknown).await;
    assert_eq!(refusal(outcome), UNKNOWN);
    kit.invoke_json(path, arguments).await.unwrap();
    let sent = thread(&kit, &visitor, id).await.pop().unwrap();
    assert_eq!(
        (sent.message.sender_id.as_str(), sent.message.sender_type),
        ("system", SenderType::Bot)
    );
}

#[tokio::test]
async fn threads_are_read_by_their_visitor_and_by_readers() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let list = |token: Option<&str>| {
        List::builder()
            .conversation_id(id)
            .visitor_id(visitor.id)
            .maybe_session_token(token)
            .build()
    };
    for token in [None, Some(""), Some("wst_x"), Some(stranger.token.as_str())] {
        assert!(kit.call(&Nobody, &list(token)).await.unwrap().is_empty(), "{token:?}");
    }
    assert_eq!(kit.call(&Nobody, &list(Some(&visitor.token))).await.unwrap().len(), 1);
    assert_eq!(kit.call(&viewer, &list(None)).await.unwrap().len(), 1);
    assert_eq!(
        kit.call(&viewer, &list(Some("wst_x"))).await.unwrap().len(),
        1,
        "an agent needs no token"
    );
    assert!(kit.call(&other.owner, &list(None)).await.unwrap().is_empty());
    let unknown = changed(list(None), |request| {
        request.conversation_id = ConversationId::generate()
    });
    assert!(kit.call(&viewer, &unknown).await.unwrap().is_empty());
    kit.set_permissions(&viewer, ws.id, &["users.read"]).await;
    assert!(kit.call(&viewer, &list(None)).await.unwrap().is_empty());
}

#[tokio::test]
async fn threads_are_oldest_first_and_continue_before_a_message() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let mut sent = vec![thread(&kit, &visitor, id).await[0].message.id];
    for n in 0..4 {
        sent.push(ask(&kit, &visitor, id, &format!("{n}")).await.unwrap());
    }
    let before = async |message: Option<MessageId>| {
        let request = List::builder().conversation_id(id).maybe_before(message).build();
        let rows = kit.call(&ws.owner, &request).await.unwrap();
        rows.iter().map(|row| row.message.id).collect::<Vec<_>>()
    };
    assert_eq!(before(None).await, sent);
    assert_eq!(before(Some(sent[3])).await, sent[..3]);
    assert!(before(Some(sent[0])).await.is_empty());
    assert_eq!(
        before(Some(MessageId::generate())).await,
        sent,
        "a message of nowhere is no place to go on from"
    );
}

#[tokio::test]
async fn agents_are_named_by_name_then_address_then_support() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    answer(&kit, &ws.owner, id, "hello").await.unwrap();
    let address = format!(" {} ", ws.owner.email);
    for (name, email, expected) in [
        (Some("  Ada "), Some(address.as_str()), "Ada"),
        (Some("  "), Some(&address), &ws.owner.email),
        (None, None, "Support"),
    ] {
        rename(&kit, &ws.owner, name, email).await;
        let sent = thread(&kit, &visitor, id).await.pop().unwrap();
        assert_eq!(sent.sender_name.as_deref(), Some(expected));
    }
    diesel::delete(users::table.find(ws.owner.user_id))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::user(ws.owner.user_id)]);
    let sent = thread(&kit, &visitor, id).await.pop().unwrap();
    assert_eq!(
        sent.sender_name.as_deref(),
        Some("Support"),
        "also when the user is gone"
    );
    assert_eq!(sent.message.sender_id, ws.owner.user_id.to_string());
}

async fn rename(kit: &Kit, agent: &Agent, name: Option<&str>, email: Option<&str>) {
    diesel::update(users::table.find(agent.user_id))
        .set((users::name.eq(name), users::email.eq(email)))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::user(agent.user_id)]);
}
