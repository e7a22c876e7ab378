//! Conversations: access, life cycle, counters and lists.

use crate::support::{changed, kit, kit_with};
use opencom_contract::conversations::{
    Assign, Conversation, ConversationStatus, Create, Get, GetOrCreateForVisitor, GetTotalUnreadForVisitor,
    ListByVisitor, MarkAsRead, ReaderType, UpdateStatus,
};
use opencom_contract::messages::SenderType;
use opencom_core::id::{ConversationId, UserId, VisitorId};
use opencom_core::{Int, Role};
use opencom_testkit::{Agent, Changes, Kit, Nobody, Settings, Visitor, Workspace};
use serde_json::json;

use crate::chat::{answer, ask, open, refusal, seen, thread};

const UNKNOWN: &str = "NOT_FOUND: Conversation not found";
const NOBODY: &str = "NOT_AUTHENTICATED: Not authenticated";
const STRANGER: &str = "NOT_WORKSPACE_MEMBER: Not a member of this workspace";

async fn unread(kit: &Kit, ws: &Workspace, visitor: &Visitor) -> Int {
    let request = GetTotalUnreadForVisitor::builder()
        .session_token(visitor.token.clone())
        .workspace_id(ws.id)
        .build();
    kit.call(visitor, &request).await.unwrap()
}

fn read_by_visitor(id: ConversationId, token: &str) -> MarkAsRead {
    MarkAsRead::builder()
        .id(id)
        .reader_type(ReaderType::Visitor)
        .session_token(token)
        .build()
}

fn read_by_agent(id: ConversationId) -> MarkAsRead {
    MarkAsRead::builder().id(id).reader_type(ReaderType::Agent).build()
}

async fn set_status(kit: &Kit, agent: &Agent, id: ConversationId, status: ConversationStatus) {
    kit.call(agent, &UpdateStatus::builder().id(id).status(status).build())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_chat_goes_from_the_greeting_to_everything_read() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let conversation = open(&kit, &ws, &visitor).await;
    assert_eq!(conversation.last_message_at, Some(conversation.created_at));
    assert_eq!(conversation.updated_at, conversation.created_at);
    let greeting = thread(&kit, &visitor, conversation.id).await;
    assert_eq!(greeting.len(), 1);
    assert_eq!(greeting[0].message.sender_type, SenderType::Bot);
    assert_eq!(greeting[0].message.sender_id, "system");
    assert_eq!(greeting[0].message.content, "Hi! How can we help you today?");
    assert_eq!(greeting[0].message.created_at, conversation.created_at);
    assert_eq!((&greeting[0].sender_name, greeting[0].attachments.len()), (&None, 0));
    assert_eq!(unread(&kit, &ws, &visitor).await, Int(0));

    ask(&kit, &visitor, conversation.id, "Where is my order?")
        .await
        .unwrap();
    let inbox = kit
        .call_json(&ws.owner, "conversations:listForInbox", json!({"workspaceId": ws.id}))
        .await
        .unwrap();
    let row = &inbox["conversations"][0];
    assert_eq!(row["unreadByAgent"], json!(1.0));
    assert_eq!(row["lastMessage"]["content"], "Where is my order?");
    assert_eq!(row["visitor"]["_id"], json!(visitor.id));
    assert_eq!(
        row["aiWorkflow"],
        json!({"state": "none", "handoffReason": null, "confidence": null, "lastResponseAt": null})
    );
    assert_eq!(inbox["nextCursor"], json!(null));

    answer(&kit, &ws.owner, conversation.id, "On its way").await.unwrap();
    assert_eq!(unread(&kit, &ws, &visitor).await, Int(1));
    let read = read_by_visitor(conversation.id, &visitor.token);
    kit.call(&visitor, &read).await.unwrap();
    assert_eq!(unread(&kit, &ws, &visitor).await, Int(0));
    let row = seen(&kit, &ws, conversation.id).await;
    assert_eq!(
        (row.unread_by_agent, row.unread_by_visitor),
        (Some(Int(1)), Some(Int(0)))
    );
}

#[tokio::test]
async fn a_visitor_opens_conversations_by_token_alone() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let visitor = kit.visitor(&ws).await;
    for path in ["conversations:createForVisitor", "conversations:getOrCreateForVisitor"] {
        for (token, workspace, expected) in [
            ("", ws.id, "NOT_AUTHENTICATED: Session token required"),
            ("wst_unknown", ws.id, "NOT_AUTHENTICATED: Invalid session token"),
            (
                &visitor.token,
                other.id,
                "NOT_AUTHORIZED: Session token does not match workspace",
            ),
        ] {
            let arguments = json!({"workspaceId": workspace, "visitorId": visitor.id, "sessionToken": token});
            assert_eq!(
                refusal(kit.call_json(&Nobody, path, arguments).await),
                expected,
                "{path}"
            );
        }
    }
    kit.clock.advance(25 * 3_600_000);
    let arguments = json!({"workspaceId": ws.id, "sessionToken": visitor.token});
    let outcome = kit
        .call_json(&Nobody, "conversations:createForVisitor", arguments)
        .await;
    assert_eq!(refusal(outcome), "SESSION_EXPIRED: Session expired");
}

#[tokio::test]
async fn an_open_conversation_is_found_again_and_a_closed_one_is_not() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let request = GetOrCreateForVisitor::builder()
        .workspace_id(ws.id)
        .session_token(visitor.token.clone())
        .build();
    let first: Conversation = kit.call(&visitor, &request).await.unwrap();
    open(&kit, &ws, &visitor).await;
    assert_eq!(
        kit.call(&visitor, &request).await.unwrap(),
        first,
        "the oldest one, unchanged"
    );
    set_status(&kit, &ws.owner, first.id, ConversationStatus::Closed).await;
    let second = kit.call(&visitor, &request).await.unwrap();
    assert_ne!(second.id, first.id);
    set_status(&kit, &ws.owner, second.id, ConversationStatus::Snoozed).await;
    let third = kit.call(&visitor, &request).await.unwrap();
    assert!(![first.id, second.id].contains(&third.id));
    assert_eq!(third.last_message_at, Some(third.created_at));
}

#[tokio::test]
async fn a_conversation_is_shown_to_its_visitor_and_to_readers() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let conversation = open(&kit, &ws, &visitor).await;
    let get = |visitor_id: Option<VisitorId>, token: Option<&str>| {
        Get::builder()
            .id(conversation.id)
            .maybe_visitor_id(visitor_id)
            .maybe_session_token(token)
            .build()
    };
    let shown = async |request: Get| kit.call(&Nobody, &request).await.unwrap().is_some();
    assert!(shown(get(Some(visitor.id), None)).await);
    assert!(shown(get(None, Some(&visitor.token))).await);
    assert!(!shown(get(None, None)).await);
    assert!(!shown(get(Some(stranger.id), None)).await);
    assert!(!shown(get(Some(VisitorId::generate()), None)).await);
    assert!(
        !shown(get(Some(visitor.id), Some(&stranger.token))).await,
        "a token counts for more than an id"
    );
    assert!(!shown(get(Some(visitor.id), Some("wst_unknown"))).await);
    let unknown = changed(get(Some(visitor.id), None), |request| {
        request.id = ConversationId::generate()
    });
    assert!(!shown(unknown).await);
    let viewer = kit.agent(&ws, Role::Viewer).await;
    assert_eq!(
        kit.call(&viewer, &get(None, None)).await.unwrap(),
        Some(conversation.clone())
    );
    assert_eq!(kit.call(&other.owner, &get(None, None)).await.unwrap(), None);
    kit.set_permissions(&viewer, ws.id, &["users.read"]).await;
    assert_eq!(kit.call(&viewer, &get(None, None)).await.unwrap(), None);
}

#[tokio::test]
async fn a_bare_visitor_id_opens_nothing_where_visitors_are_strict() {
    let kit = kit_with(Settings {
        strict_visitors: true,
        ..Settings::default()
    })
    .await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let conversation = open(&kit, &ws, &visitor).await;
    let bare = Get::builder().id(conversation.id).visitor_id(visitor.id).build();
    assert_eq!(kit.call(&Nobody, &bare).await.unwrap(), None);
    let with_token = changed(bare, |request| request.session_token = Some(visitor.token.clone()));
    assert_eq!(kit.call(&Nobody, &with_token).await.unwrap(), Some(conversation));
}

#[tokio::test]
async fn a_merged_visitor_finds_the_conversation_by_the_old_id() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (survivor, visitor) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let conversation = open(&kit, &ws, &visitor).await;
    for one in [&survivor, &visitor] {
        let arguments = json!({"visitorId": one.id, "sessionToken": one.token, "email": "ada@example.com"});
        kit.call_json(&Nobody, "visitors:identify", arguments).await.unwrap();
    }
    let get = Get::builder().id(conversation.id).visitor_id(visitor.id).build();
    let found = kit.call(&Nobody, &get).await.unwrap().unwrap();
    assert_eq!(found.visitor_id, Some(survivor.id));
    assert_eq!(thread(&kit, &visitor, conversation.id).await.len(), 1);
    ask(&kit, &visitor, conversation.id, "still me").await.unwrap();
}

#[tokio::test]
async fn agents_open_conversations_with_people_of_their_workspace() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, foreign) = (kit.visitor(&ws).await, kit.visitor(&other).await);
    let agent = kit.agent(&ws, Role::Agent).await;
    let create = |visitor_id: Option<VisitorId>, user_id: Option<UserId>| {
        Create::builder()
            .workspace_id(ws.id)
            .maybe_visitor_id(visitor_id)
            .maybe_user_id(user_id)
            .build()
    };
    let id = kit
        .call(&agent, &create(Some(visitor.id), Some(agent.user_id)))
        .await
        .unwrap();
    let row = seen(&kit, &ws, id).await;
    assert_eq!((row.visitor_id, row.user_id), (Some(visitor.id), Some(agent.user_id)));
    assert_eq!((row.last_message_at, row.created_at), (None, row.updated_at));
    assert!(thread(&kit, &visitor, id).await.is_empty(), "no greeting");
    kit.call(&agent, &create(None, None)).await.unwrap();
    let viewer = kit.agent(&ws, Role::Viewer).await;
    for (outcome, expected) in [
        (kit.call(&Nobody, &create(None, None)).await, NOBODY),
        (kit.call(&other.owner, &create(None, None)).await, STRANGER),
        (
            kit.call(&viewer, &create(None, None)).await,
            "PERMISSION_DENIED: Permission denied: conversations.reply",
        ),
        (
            kit.call(&agent, &create(Some(foreign.id), None)).await,
            "NOT_FOUND: Visitor not found",
        ),
        (
            kit.call(&agent, &create(None, Some(other.owner.user_id))).await,
            "NOT_FOUND: User not found",
        ),
    ] {
        assert_eq!(refusal(outcome), expected);
    }
}

#[tokio::test]
async fn closing_states_when_and_opening_forgets_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    set_status(&kit, &ws.owner, id, ConversationStatus::Closed).await;
    let closed = seen(&kit, &ws, id).await;
    assert_eq!(closed.resolved_at, Some(closed.updated_at));
    kit.clock.advance(1000);
    set_status(&kit, &ws.owner, id, ConversationStatus::Closed).await;
    let again = seen(&kit, &ws, id).await;
    assert!(again.resolved_at > closed.resolved_at);
    set_status(&kit, &ws.owner, id, ConversationStatus::Snoozed).await;
    let snoozed = seen(&kit, &ws, id).await;
    assert_eq!(
        (snoozed.status, snoozed.resolved_at),
        (ConversationStatus::Snoozed, again.resolved_at)
    );
    set_status(&kit, &ws.owner, id, ConversationStatus::Open).await;
    assert_eq!(seen(&kit, &ws, id).await.resolved_at, None);
    set_status(&kit, &ws.owner, id, ConversationStatus::Closed).await;
    ask(&kit, &visitor, id, "one more thing").await.unwrap();
    assert_eq!(
        seen(&kit, &ws, id).await.status,
        ConversationStatus::Closed,
        "a message does not reopen"
    );
}

#[tokio::test]
async fn only_members_with_the_permission_close_and_assign() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let (agent, viewer) = (kit.agent(&ws, Role::Agent).await, kit.agent(&ws, Role::Viewer).await);
    let close = |id| {
        UpdateStatus::builder()
            .id(id)
            .status(ConversationStatus::Closed)
            .build()
    };
    let assign = |id, agent_id| Assign::builder().id(id).agent_id(agent_id).build();
    let unknown = ConversationId::generate();
    let me = agent.user_id;
    for (outcome, expected) in [
        (kit.call(&Nobody, &close(id)).await, NOBODY),
        (kit.call(&Nobody, &close(unknown)).await, NOBODY),
        (kit.call(&agent, &close(unknown)).await, UNKNOWN),
        (kit.call(&other.owner, &close(id)).await, STRANGER),
        (
            kit.call(&viewer, &close(id)).await,
            "PERMISSION_DENIED: Permission denied: conversations.close",
        ),
        (kit.call(&Nobody, &assign(unknown, me)).await, NOBODY),
        (kit.call(&agent, &assign(unknown, me)).await, UNKNOWN),
        (kit.call(&other.owner, &assign(id, me)).await, STRANGER),
        (
            kit.call(&viewer, &assign(id, me)).await,
            "PERMISSION_DENIED: Permission denied: conversations.assign",
        ),
        (
            kit.call(&agent, &assign(id, other.owner.user_id)).await,
            "NOT_FOUND: User not found",
        ),
        (
            kit.call(&agent, &assign(id, UserId::generate())).await,
            "NOT_FOUND: User not found",
        ),
    ] {
        assert_eq!(refusal(outcome), expected);
    }
    for _ in 0..2 {
        kit.call(&agent, &assign(id, viewer.user_id)).await.unwrap();
        assert_eq!(seen(&kit, &ws, id).await.assigned_agent_id, Some(viewer.user_id));
    }
    let wrong = json!({"id": id, "agentId": visitor.id});
    let text = refusal(kit.call_json(&agent, "conversations:assign", wrong).await);
    assert!(text.starts_with("INVALID_INPUT: ArgumentValidationError"), "{text}");
    kit.set_permissions(&viewer, ws.id, &["conversations.close"]).await;
    kit.call(&viewer, &close(id)).await.unwrap();
}

#[tokio::test]
async fn reading_counts_for_the_side_that_read() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let id = open(&kit, &ws, &visitor).await.id;
    ask(&kit, &visitor, id, "one").await.unwrap();
    answer(&kit, &ws.owner, id, "two").await.unwrap();
    let unknown = ConversationId::generate();
    for (outcome, expected) in [
        (
            kit.call(&Nobody, &read_by_visitor(id, "")).await,
            "NOT_AUTHENTICATED: Session token required",
        ),
        (
            kit.call(&Nobody, &read_by_visitor(id, "wst_x")).await,
            "NOT_AUTHENTICATED: Invalid session token",
        ),
        (
            kit.call(&Nobody, &read_by_visitor(unknown, &visitor.token)).await,
            UNKNOWN,
        ),
        (
            kit.call(&Nobody, &read_by_visitor(id, &stranger.token)).await,
            "NOT_AUTHORIZED: Not authorized",
        ),
        (kit.call(&Nobody, &read_by_agent(id)).await, NOBODY),
        (kit.call(&viewer, &read_by_agent(unknown)).await, UNKNOWN),
        (kit.call(&other.owner, &read_by_agent(id)).await, STRANGER),
    ] {
        assert_eq!(refusal(outcome), expected);
    }
    let before = seen(&kit, &ws, id).await;
    kit.clock.advance(1000);
    kit.call(&viewer, &read_by_agent(id)).await.unwrap();
    let after = seen(&kit, &ws, id).await;
    let expected = Conversation {
        unread_by_agent: Some(Int(0)),
        ..before
    };
    assert_eq!(after, expected, "nothing but the counter changes");
}

#[tokio::test]
async fn reading_again_changes_and_tells_nothing() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let mut changes = Changes::of(&kit.server.topics);
    kit.call(&ws.owner, &read_by_agent(id)).await.unwrap();
    kit.call(&visitor, &read_by_visitor(id, &visitor.token)).await.unwrap();
    assert!(
        changes.try_next().is_none(),
        "a counter that was never counted stays absent"
    );
    assert_eq!(seen(&kit, &ws, id).await.unread_by_agent, None);
    ask(&kit, &visitor, id, "hello").await.unwrap();
    kit.call(&ws.owner, &read_by_agent(id)).await.unwrap();
    while changes.try_next().is_some() {}
    kit.call(&ws.owner, &read_by_agent(id)).await.unwrap();
    assert!(changes.try_next().is_none());
}

#[tokio::test]
async fn visitors_see_their_own_conversations_latest_activity_first() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let first = open(&kit, &ws, &visitor).await.id;
    kit.clock.advance(10);
    let second = open(&kit, &ws, &visitor).await.id;
    open(&kit, &ws, &stranger).await;
    let list = |token: Option<&str>| {
        ListByVisitor::builder()
            .visitor_id(stranger.id)
            .maybe_session_token(token)
            .workspace_id(ws.id)
            .build()
    };
    let ids = async || {
        let rows = kit.call(&Nobody, &list(Some(&visitor.token))).await.unwrap();
        rows.iter().map(|row| row.conversation.id).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, [second, first]);
    kit.clock.advance(10);
    ask(&kit, &visitor, first, "hello").await.unwrap();
    assert_eq!(ids().await, [first, second]);
    let rows = kit.call(&Nobody, &list(Some(&visitor.token))).await.unwrap();
    assert_eq!(rows[0].last_message.as_ref().unwrap().content, "hello");
    for token in [None, Some("")] {
        assert!(kit.call(&Nobody, &list(token)).await.unwrap().is_empty());
        let unread = GetTotalUnreadForVisitor::builder()
            .maybe_session_token(token)
            .workspace_id(ws.id)
            .build();
        assert_eq!(kit.call(&Nobody, &unread).await.unwrap(), Int(0));
    }
    assert_eq!(
        refusal(kit.call(&Nobody, &list(Some("wst_x"))).await),
        "NOT_AUTHENTICATED: Invalid session token"
    );
    kit.clock.advance(25 * 3_600_000);
    let unread = GetTotalUnreadForVisitor::builder()
        .session_token(visitor.token.clone())
        .workspace_id(ws.id)
        .build();
    assert_eq!(
        refusal(kit.call(&Nobody, &unread).await),
        "SESSION_EXPIRED: Session expired"
    );
}
