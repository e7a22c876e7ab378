//! The plans of the hot reads on large tables: an index gives the rows in their order, whatever the arguments are.

use crate::support::contexts;
use diesel_async::SimpleAsyncConnection;
use opencom_contract::Kind;
use opencom_testkit::{Kit, Nobody, Person};
use serde_json::{Value, json};

use crate::chat::open;
use crate::statements::{observed_kit, plan, recorded};

/// Conversations of a busy workspace and of a busy visitor, and one long thread.
const FILL: &str = "
    INSERT INTO visitors (id, workspace_id, session_id, created_at)
    SELECT gen_random_uuid(), '{ws}', 'v' || n, now() FROM generate_series(1, 2000) n;
    INSERT INTO conversations (id, workspace_id, visitor_id, status, created_at, updated_at, last_message_at,
                               last_message_id, ai_workflow_state)
    SELECT gen_random_uuid(), '{ws}', CASE WHEN n % 10 = 0 THEN '{visitor}'::uuid ELSE v.id END,
           (ARRAY['open', 'closed', 'snoozed'])[1 + n % 3], now() - n * interval '1 minute', now(),
           now() - n * interval '1 minute', gen_random_uuid(), (ARRAY['none', 'ai_handled', 'handoff'])[1 + n % 7 % 3]
    FROM generate_series(1, 20000) n
    JOIN (SELECT id, row_number() OVER () AS r FROM visitors WHERE workspace_id = '{ws}') v ON v.r = 1 + n % 2000;
    INSERT INTO messages (id, workspace_id, conversation_id, sender_id, sender_type, content, created_at)
    SELECT last_message_id, workspace_id, id, 'system', 'bot', 'hello', last_message_at FROM conversations
    WHERE id <> '{conversation}';
    INSERT INTO messages (id, workspace_id, conversation_id, sender_id, sender_type, content, created_at)
    SELECT gen_random_uuid(), '{ws}', '{conversation}', 'system', 'bot', 'hello', now() FROM generate_series(1, 20000);
    ANALYZE;
";

/// The plans of the statements that a query runs, as the server makes them without knowing the arguments.
async fn plans(kit: &Kit, person: &impl Person, path: &str, arguments: &Value) -> Vec<String> {
    let request = arguments.to_string();
    let (outcome, statements) = recorded(kit.call_text(person, Kind::Query, path, &request)).await;
    outcome.unwrap();
    let mut connection = kit.connection().await;
    let mut plans = Vec::new();
    for sql in statements.iter().filter(|sql| sql.starts_with("SELECT")) {
        plans.push(format!("{sql}\n{}", plan(&mut connection, sql).await));
    }
    assert!(!plans.is_empty(), "{path} ran no statement");
    plans
}

#[tokio::test]
async fn hot_reads_follow_an_index() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let fill = FILL
        .replace("{ws}", &ws.id.to_string())
        .replace("{visitor}", &visitor.id.to_string())
        .replace("{conversation}", &id.to_string());
    kit.connection().await.batch_execute(&fill).await.unwrap();
    let inbox = |more: Value| {
        let mut arguments = json!({"workspaceId": ws.id});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    let owner = &ws.owner;
    let in_order = "conversations:listForInbox";
    let mut found = Vec::new();
    for filter in [
        json!({}),
        json!({"cursor": id}),
        json!({"status": "open"}),
        json!({"status": "open", "cursor": id}),
        json!({"aiWorkflowState": "handoff"}),
        json!({"status": "closed", "aiWorkflowState": "ai_handled"}),
    ] {
        found.extend(plans(&kit, owner, in_order, &inbox(filter)).await);
    }
    let session = inbox(json!({"sessionToken": visitor.token}));
    found.extend(plans(&kit, &Nobody, "conversations:listByVisitor", &session).await);
    found.extend(plans(&kit, &Nobody, "conversations:getTotalUnreadForVisitor", &session).await);
    found.extend(plans(&kit, owner, "conversations:list", &inbox(json!({}))).await);
    found.extend(
        plans(
            &kit,
            owner,
            "conversations:list",
            &inbox(json!({"status": "open", "cursor": id})),
        )
        .await,
    );
    found.extend(plans(&kit, owner, "messages:list", &json!({"conversationId": id})).await);
    assert!(found.len() >= 10, "{found:#?}");
    for plan in found {
        let reads_chat = plan.contains(r#""conversations""#) || plan.contains(r#""messages""#);
        let scans = plan.contains("Seq Scan on conversations") || plan.contains("Seq Scan on messages");
        assert!(!reads_chat || !scans && !plan.contains("Sort"), "{plan}");
    }
}
