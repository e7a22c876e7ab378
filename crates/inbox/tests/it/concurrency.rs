//! What several callers do at once.

use crate::support::kit;
use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::conversations::{Assign, GetOrCreateForVisitor};
use opencom_core::id::MessageId;
use opencom_core::{Int, Role};
use opencom_schema::conversations;

use crate::chat::{answer, ask, open, seen, thread};

#[tokio::test]
async fn messages_sent_at_once_are_all_counted_and_the_newest_one_is_last() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let texts: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    let sent = join_all(texts.iter().map(|text| ask(&kit, &visitor, id, text))).await;
    let sent: HashSet<MessageId> = sent.into_iter().map(Result::unwrap).collect();
    assert_eq!(sent.len(), 50);
    let messages = thread(&kit, &visitor, id).await;
    assert_eq!(messages.len(), 51);
    let row = seen(&kit, &ws, id).await;
    assert_eq!(row.unread_by_agent, Some(Int(50)));
    let newest = &messages[50].message;
    let last: Option<MessageId> = conversations::table
        .find(id)
        .select(conversations::last_message_id)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!((last, row.last_message_at), (Some(newest.id), Some(newest.created_at)));
}

#[tokio::test]
async fn both_sides_count_when_they_write_at_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let asked = join_all((0..20).map(|_| ask(&kit, &visitor, id, "?")));
    let answered = join_all((0..20).map(|_| answer(&kit, &ws.owner, id, "!")));
    let (asked, answered) = tokio::join!(asked, answered);
    assert!(asked.iter().chain(&answered).all(Result::is_ok));
    let row = seen(&kit, &ws, id).await;
    assert_eq!(
        (row.unread_by_agent, row.unread_by_visitor),
        (Some(Int(20)), Some(Int(20)))
    );
    assert!(row.first_response_at.is_some());
}

#[tokio::test]
async fn a_visitor_who_opens_ten_times_at_once_has_one_conversation() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let request = GetOrCreateForVisitor::builder()
        .workspace_id(ws.id)
        .session_token(visitor.token.clone())
        .build();
    let opened = join_all((0..10).map(|_| kit.call(&visitor, &request))).await;
    let ids: HashSet<_> = opened
        .into_iter()
        .map(|conversation| conversation.unwrap().id)
        .collect();
    assert_eq!(ids.len(), 1);
    let rows: i64 = conversations::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn of_two_who_assign_at_once_both_succeed_and_one_stands() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let agents = [kit.agent(&ws, Role::Agent).await, kit.agent(&ws, Role::Agent).await];
    let before = open(&kit, &ws, &visitor).await;
    kit.clock.advance(1000);
    let [one, two] = agents
        .each_ref()
        .map(|agent| Assign::builder().id(before.id).agent_id(agent.user_id).build());
    let (first, second) = tokio::join!(kit.call(&agents[0], &one), kit.call(&agents[1], &two));
    first.and(second).unwrap();
    let row = seen(&kit, &ws, before.id).await;
    assert!(agents.iter().any(|agent| row.assigned_agent_id == Some(agent.user_id)));
    assert!(row.updated_at > before.updated_at);
}
