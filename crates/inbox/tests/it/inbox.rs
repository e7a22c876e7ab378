//! The inbox and the list of a workspace's conversations: order, pages, filters.

use crate::support::{changed, kit};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::conversations::{ConversationStatus, InboxAiFilter, InboxPage, List, ListForInbox, UpdateStatus};
use opencom_core::id::ConversationId;
use opencom_core::{Int, Role};
use opencom_schema::conversations;
use opencom_testkit::{Kit, Nobody, Person, Visitor, Workspace};
use serde_json::json;

use crate::chat::{ask, open, refusal};

fn inbox(ws: &Workspace) -> ListForInbox {
    ListForInbox::builder().workspace_id(ws.id).build()
}

fn ids(page: &InboxPage) -> Vec<ConversationId> {
    page.conversations.iter().map(|row| row.conversation.id).collect()
}

/// Conversations, the one opened last first.
async fn opened(kit: &Kit, ws: &Workspace, visitor: &Visitor, count: usize) -> Vec<ConversationId> {
    let mut opened = Vec::new();
    for _ in 0..count {
        opened.push(open(kit, ws, visitor).await.id);
        kit.clock.advance(1);
    }
    opened.reverse();
    opened
}

#[tokio::test]
async fn pages_follow_each_other_without_repeats() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let expected = opened(&kit, &ws, &visitor, 25).await;
    let (mut found, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let request = changed(inbox(&ws), |request| {
            request.limit = Some(Int(10));
            request.cursor = cursor;
        });
        let page = kit.call(&ws.owner, &request).await.unwrap();
        found.extend(ids(&page));
        sizes.push(page.conversations.len());
        let Some(next) = page.next_cursor else { break };
        cursor = Some(next.to_string());
    }
    assert_eq!((found, sizes), (expected.clone(), vec![10, 10, 5]));
    let all = kit.call(&ws.owner, &inbox(&ws)).await.unwrap();
    assert_eq!((ids(&all), all.next_cursor), (expected, None));
}

#[tokio::test]
async fn a_cursor_that_fits_nothing_starts_over() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, foreign) = (kit.visitor(&ws).await, kit.visitor(&other).await);
    let expected = opened(&kit, &ws, &visitor, 3).await;
    let elsewhere = open(&kit, &other, &foreign).await.id;
    for cursor in [
        "bogus".to_owned(),
        String::new(),
        ws.id.to_string(),
        ConversationId::generate().to_string(),
        elsewhere.to_string(),
    ] {
        let request = changed(inbox(&ws), |request| request.cursor = Some(cursor.clone()));
        assert_eq!(
            ids(&kit.call(&ws.owner, &request).await.unwrap()),
            expected,
            "{cursor:?}"
        );
    }
    let closed = UpdateStatus::builder()
        .id(expected[0])
        .status(ConversationStatus::Closed)
        .build();
    kit.call(&ws.owner, &closed).await.unwrap();
    let filtered_out = changed(inbox(&ws), |request| {
        request.status = Some(ConversationStatus::Open);
        request.cursor = Some(expected[0].to_string());
    });
    assert_eq!(ids(&kit.call(&ws.owner, &filtered_out).await.unwrap()), expected[1..]);
}

#[tokio::test]
async fn a_page_has_at_least_one_and_at_most_a_hundred_rows() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    opened(&kit, &ws, &visitor, 101).await;
    for (limit, rows) in [(None, 50), (Some(0), 1), (Some(1000), 100), (Some(101), 100)] {
        let request = changed(inbox(&ws), |request| request.limit = limit.map(Int));
        let page = kit.call(&ws.owner, &request).await.unwrap();
        assert_eq!(page.conversations.len(), rows, "{limit:?}");
        assert_eq!(page.next_cursor, ids(&page).last().copied());
    }
}

#[tokio::test]
async fn activity_orders_the_inbox_and_filters_narrow_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let [third, second, first] = opened(&kit, &ws, &visitor, 3).await[..] else {
        panic!("three")
    };
    ask(&kit, &visitor, first, "me again").await.unwrap();
    assert_eq!(
        ids(&kit.call(&ws.owner, &inbox(&ws)).await.unwrap()),
        [first, third, second]
    );
    let snoozed = UpdateStatus::builder()
        .id(third)
        .status(ConversationStatus::Snoozed)
        .build();
    kit.call(&ws.owner, &snoozed).await.unwrap();
    diesel::update(conversations::table.filter(conversations::id.eq_any([first, third])))
        .set((
            conversations::ai_workflow_state.eq("handoff"),
            conversations::ai_handoff_reason.eq("asked for a human"),
            conversations::ai_last_confidence.eq(0.5),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    for (status, ai, expected) in [
        (Some(ConversationStatus::Open), None, vec![first, second]),
        (Some(ConversationStatus::Snoozed), None, vec![third]),
        (Some(ConversationStatus::Closed), None, vec![]),
        (None, Some(InboxAiFilter::Handoff), vec![first, third]),
        (None, Some(InboxAiFilter::AiHandled), vec![]),
        (
            Some(ConversationStatus::Open),
            Some(InboxAiFilter::Handoff),
            vec![first],
        ),
    ] {
        let request = changed(inbox(&ws), |request| {
            request.status = status;
            request.ai_workflow_state = ai;
        });
        let page = kit.call(&ws.owner, &request).await.unwrap();
        assert_eq!(ids(&page), expected, "{status:?} {ai:?}");
    }
    let arguments = json!({"workspaceId": ws.id, "aiWorkflowState": "handoff", "limit": 1});
    let page = kit
        .call_json(&ws.owner, "conversations:listForInbox", arguments)
        .await
        .unwrap();
    let expected = json!({
        "state": "handoff", "handoffReason": "asked for a human", "confidence": 0.5, "lastResponseAt": null
    });
    assert_eq!(page["conversations"][0]["aiWorkflow"], expected);
    assert_eq!(page["nextCursor"], json!(first));
    let none = json!({"workspaceId": ws.id, "aiWorkflowState": "none"});
    let text = refusal(kit.call_json(&ws.owner, "conversations:listForInbox", none).await);
    assert!(text.starts_with("INVALID_INPUT: ArgumentValidationError"), "{text}");
}

#[tokio::test]
async fn a_conversation_without_visitor_or_message_is_shown_with_nulls() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    kit.call_json(&ws.owner, "conversations:create", json!({"workspaceId": ws.id}))
        .await
        .unwrap();
    let page = kit
        .call_json(&ws.owner, "conversations:listForInbox", json!({"workspaceId": ws.id}))
        .await
        .unwrap();
    let row = &page["conversations"][0];
    assert_eq!((&row["visitor"], &row["lastMessage"]), (&json!(null), &json!(null)));
    assert!(row.get("lastMessageAt").is_none() && row.get("unreadByAgent").is_none());
}

#[tokio::test]
async fn lists_are_empty_for_whoever_may_not_read() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let (viewer, limited) = (kit.agent(&ws, Role::Viewer).await, kit.agent(&ws, Role::Agent).await);
    kit.set_permissions(&limited, ws.id, &["users.read"]).await;
    let list = List::builder().workspace_id(ws.id).build();
    assert_eq!(rows_seen(&kit, &Nobody, &ws).await, 0);
    assert_eq!(rows_seen(&kit, &other.owner, &ws).await, 0);
    assert_eq!(rows_seen(&kit, &limited, &ws).await, 0);
    assert_eq!(rows_seen(&kit, &viewer, &ws).await, 1);
    assert_eq!(kit.call(&viewer, &list).await.unwrap()[0].id, id);
}

/// How many conversations somebody finds in both lists of a workspace.
async fn rows_seen(kit: &Kit, person: &impl Person, ws: &Workspace) -> usize {
    let list = List::builder().workspace_id(ws.id).build();
    let rows = kit.call(person, &list).await.unwrap().len();
    let page = kit.call(person, &inbox(ws)).await.unwrap();
    assert_eq!((page.conversations.len(), page.next_cursor), (rows, None));
    rows
}

#[tokio::test]
async fn the_list_of_a_workspace_is_newest_first_and_continues() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, foreign) = (kit.visitor(&ws).await, kit.visitor(&other).await);
    let expected = opened(&kit, &ws, &visitor, 3).await;
    let elsewhere = open(&kit, &other, &foreign).await.id;
    ask(&kit, &visitor, expected[2], "activity does not matter here")
        .await
        .unwrap();
    let list = |status, cursor| {
        List::builder()
            .workspace_id(ws.id)
            .maybe_status(status)
            .maybe_cursor(cursor)
            .build()
    };
    let found = async |request: List| {
        let rows = kit.call(&ws.owner, &request).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(found(list(None, None)).await, expected);
    assert_eq!(found(list(None, Some(expected[0]))).await, expected[1..]);
    assert_eq!(found(list(None, Some(elsewhere))).await, expected);
    let closed = UpdateStatus::builder()
        .id(expected[1])
        .status(ConversationStatus::Closed)
        .build();
    kit.call(&ws.owner, &closed).await.unwrap();
    assert_eq!(found(list(Some(ConversationStatus::Closed), None)).await, [expected[1]]);
    assert_eq!(
        found(list(Some(ConversationStatus::Open), Some(expected[1]))).await,
        [expected[2]]
    );
}
