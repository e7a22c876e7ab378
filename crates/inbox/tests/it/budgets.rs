//! How many statements the hot functions send, once caches are warm.

use crate::support::{changed, contexts};
use opencom_contract::messages::{List, SenderType};
use serde_json::json;

use crate::chat::{answer, ask, message, open};
use crate::statements::{observed_kit, recorded};

#[tokio::test]
async fn a_message_takes_four_statements() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    ask(&kit, &visitor, id, "warm").await.unwrap();
    answer(&kit, &ws.owner, id, "warm").await.unwrap();
    let by_visitor = changed(message(id, SenderType::Visitor, "hello"), |request| {
        request.session_token = Some(visitor.token.clone())
    });
    let (outcome, statements) = recorded(kit.call(&visitor, &by_visitor)).await;
    outcome.unwrap();
    assert_eq!(statements.len(), 4, "{statements:#?}");
    let (outcome, statements) = recorded(kit.call(&ws.owner, &message(id, SenderType::Agent, "hello"))).await;
    outcome.unwrap();
    assert_eq!(statements.len(), 4, "{statements:#?}");
}

#[tokio::test]
async fn hot_reads_take_one_statement_after_access() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let session = json!({"workspaceId": ws.id, "sessionToken": visitor.token});
    let inbox = json!({"workspaceId": ws.id});
    let thread = List::builder()
        .conversation_id(id)
        .session_token(visitor.token.clone())
        .build();
    kit.call_json(&visitor, "conversations:listByVisitor", session.clone())
        .await
        .unwrap();
    kit.call_json(&ws.owner, "conversations:listForInbox", inbox.clone())
        .await
        .unwrap();
    for (path, arguments) in [
        ("conversations:listByVisitor", &session),
        ("conversations:getTotalUnreadForVisitor", &session),
    ] {
        let (outcome, statements) = recorded(kit.call_json(&visitor, path, arguments.clone())).await;
        outcome.unwrap();
        assert_eq!(statements.len(), 1, "{path}: {statements:#?}");
    }
    let (outcome, statements) = recorded(kit.call_json(&ws.owner, "conversations:listForInbox", inbox)).await;
    outcome.unwrap();
    assert_eq!(statements.len(), 1, "{statements:#?}");
    let (outcome, statements) = recorded(kit.call(&visitor, &thread)).await;
    outcome.unwrap();
    assert_eq!(statements.len(), 2, "whose it is, and the thread: {statements:#?}");
}
