//! Every statement that the functions of visitors send goes by index, among a hundred thousand visitors.

use diesel_async::SimpleAsyncConnection;
use opencom_testkit::{Kit, Nobody, Workspace};
use serde_json::json;

use crate::statements::{observed_kit, plan, recorded};
use crate::support::{boot, contexts};

/// A hundred thousand visitors in twenty workspaces.
const CROWD: &str = "
    INSERT INTO workspaces (id, name, created_at)
        SELECT ('00000000-0000-0000-0000-0000000000' || lpad(n::text, 2, '0'))::uuid, 'w', now() FROM generate_series(1, 20) n;
    INSERT INTO visitors (id, workspace_id, session_id, name, email, created_at)
        SELECT gen_random_uuid(), ('00000000-0000-0000-0000-0000000000' || lpad((n % 20 + 1)::text, 2, '0'))::uuid,
            's' || n, 'Visitor Number ' || n, 'v' || n || '@x.com', now() - n * interval '1 second'
        FROM generate_series(1, 100000) n;
    INSERT INTO widget_sessions (id, token_hash, visitor_id, workspace_id, identity_verified, expires_at, created_at)
        SELECT gen_random_uuid(), sha256(id::text::bytea), id, workspace_id, false, now() + interval '1 day', now() FROM visitors;
    INSERT INTO visitor_presence SELECT id, workspace_id, now() FROM visitors;
    INSERT INTO visitor_aliases SELECT gen_random_uuid(), workspace_id, id, now() FROM visitors;
    INSERT INTO conversations (id, workspace_id, visitor_id, status, created_at, updated_at)
        SELECT gen_random_uuid(), workspace_id, id, 'open', now(), now() FROM visitors;
    INSERT INTO tickets (id, workspace_id, visitor_id, subject, status, priority, created_at, updated_at)
        SELECT gen_random_uuid(), workspace_id, id, 'Help', 'submitted', 'normal', now(), now() FROM visitors;
    ANALYZE;
    SET plan_cache_mode = force_generic_plan;";

/// Calls every function in the ways that send different statements.
async fn call_all(kit: &Kit, ws: &Workspace) {
    let ann = boot(
        kit,
        ws.id,
        json!({"sessionId": "s1", "email": "ann@x.com", "customAttributes": {}}),
    )
    .await;
    let bob = boot(
        kit,
        ws.id,
        json!({"sessionId": "s2", "existingVisitorId": ann.visitor.id}),
    )
    .await;
    let other = boot(kit, ws.id, json!({"sessionId": "s3"})).await;
    let (id, token) = (other.visitor.id, &other.session_token);
    for (path, arguments) in [
        ("visitors:heartbeat", json!({"visitorId": id, "sessionToken": token})),
        ("visitors:heartbeat", json!({"visitorId": id, "sessionToken": token})),
        (
            "visitors:updateLocation",
            json!({"visitorId": id, "sessionToken": token, "location": {}}),
        ),
        ("visitors:getBySession", json!({"sessionId": "s1"})),
        ("visitors:isOnline", json!({"visitorId": id})),
        (
            "visitors:identify",
            json!({"visitorId": id, "sessionToken": token, "name": "Cy"}),
        ),
        (
            "visitors:identify",
            json!({"visitorId": id, "sessionToken": token, "email": "Ann@x.com"}),
        ),
        ("visitors:isOnline", json!({"visitorId": id})),
        ("widgetSessions:refresh", json!({"sessionToken": token})),
        ("widgetSessions:revoke", json!({"sessionToken": bob.session_token})),
    ] {
        kit.call_json(&Nobody, path, arguments).await.unwrap();
    }
    for (path, arguments) in [
        ("visitors:get", json!({"id": ann.visitor.id})),
        ("visitors:list", json!({"workspaceId": ws.id})),
        ("visitors:list", json!({"workspaceId": ws.id, "cursor": ann.visitor.id})),
        ("visitors:search", json!({"workspaceId": ws.id, "query": "number 12"})),
    ] {
        kit.call_json(&ws.owner, path, arguments).await.unwrap();
    }
    let clean_up = "widgetSessions:cleanupExpiredSessions";
    kit.invoke_json(clean_up, json!({})).await.unwrap();
}

#[tokio::test]
async fn every_statement_goes_by_index() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let connection = &mut kit.connection().await;
    connection.batch_execute(CROWD).await.unwrap();
    let ((), sent) = recorded(call_all(&kit, &ws)).await;
    let mut sent: Vec<_> = sent
        .iter()
        .map(|sql| sql.split(" -- binds: ").next().unwrap_or_default())
        .collect();
    let tables = ["visitors", "visitor_", "widget_sessions"];
    sent.retain(|sql| tables.iter().any(|table| sql.contains(table)));
    sent.sort();
    sent.dedup();
    let mut plans = String::new();
    for sql in sent {
        let plan = plan(connection, sql).await;
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
        plans.push_str(&plan);
    }
    for index in [
        "visitors_workspace_session_unique",
        "visitors_workspace_email",
        "visitors_workspace_created_at",
        "visitors_name_search",
        "visitors_session_id",
        "widget_sessions_token_hash_unique",
        "widget_sessions_visitor_id",
        "widget_sessions_expires_at",
        "conversations_visitor",
        "visitor_aliases_visitor_id",
    ] {
        assert!(plans.contains(index), "no statement goes by {index}:\n{plans}");
    }
}

#[tokio::test]
async fn a_boot_takes_two_statements_beside_its_audit_entry_and_a_heartbeat_one() {
    let kit = observed_kit(contexts()).await;
    let ws = kit.workspace().await;
    let warm = boot(&kit, ws.id, json!({"sessionId": "s1"})).await;
    let request = json!({"sessionId": "s1", "customAttributes": {}, "currentUrl": "https://x.com/"});
    let (_, sent) = recorded(boot(&kit, ws.id, request)).await;
    assert_eq!(sent.len(), 2, "visitor and session: {sent:#?}");
    let beat = json!({"visitorId": warm.visitor.id, "sessionToken": warm.session_token});
    for _ in 0..2 {
        kit.call_json(&Nobody, "visitors:heartbeat", beat.clone())
            .await
            .unwrap();
    }
    let (_, sent) = recorded(kit.call_json(&Nobody, "visitors:heartbeat", beat)).await;
    assert_eq!(sent.len(), 1, "{sent:#?}");
}
