//! The plans of the audit log's statements, among a million entries.

use crate::support::kit;
use std::time::Instant;

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

async fn plan(connection: &mut AsyncPgConnection, sql: &str) -> String {
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN {sql}"))
        .load(connection)
        .await
        .unwrap();
    lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_million_entries_are_read_by_index() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let connection = &mut kit.connection().await;
    // A year of a busy workspace: almost all of it are sessions, and a change now and then.
    connection
        .batch_execute(&format!(
            "INSERT INTO audit_logs
             SELECT gen_random_uuid(), '{ws}', CASE WHEN n % 10000 = 0 THEN '{owner}'::uuid END,
                 CASE WHEN n % 10000 = 0 THEN 'user' ELSE 'api' END,
                 CASE WHEN n % 10000 = 0 THEN 'user.role.changed' ELSE 'auth.session.created' END,
                 'widgetSession', n::text, NULL, now() - n * interval '30 seconds'
             FROM generate_series(1, 1000000) n;
             ANALYZE audit_logs;",
            ws = ws.id,
            owner = ws.owner.user_id
        ))
        .await
        .unwrap();
    let here = format!("FROM audit_logs WHERE workspace_id = '{}'", ws.id);
    let (week, day) = ("now() - interval '60 days'", "now() - interval '59 days'");
    for (index, sql) in [
        (
            "audit_logs_workspace_timestamp",
            format!(
                r#"SELECT * {here} AND "timestamp" >= {week} AND "timestamp" <= {day} ORDER BY "timestamp" DESC, id DESC LIMIT 100"#
            ),
        ),
        (
            "audit_logs_workspace_timestamp",
            format!(r#"SELECT * {here} ORDER BY "timestamp" DESC, id DESC LIMIT 100"#),
        ),
        (
            "audit_logs_workspace_action",
            format!(r#"SELECT * {here} AND action = 'user.role.changed' ORDER BY "timestamp" DESC, id DESC LIMIT 100"#),
        ),
        (
            "audit_logs_workspace_actor",
            format!(
                r#"SELECT * {here} AND actor_id = '{}' ORDER BY "timestamp" DESC, id DESC LIMIT 100"#,
                ws.owner.user_id
            ),
        ),
    ] {
        let plan = plan(connection, &sql).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{sql}\n{plan}");
        assert!(!plan.contains("Sort"), "{sql}\n{plan}");
    }
    // The functions themselves, all of which would take long if they looked at every entry.
    let now = kit.clock.now();
    let range =
        json!({ "workspaceId": ws.id, "startTime": now.plus(-60 * 86_400_000), "endTime": now.plus(-59 * 86_400_000) });
    let rare = json!({ "workspaceId": ws.id, "action": "user.role.changed" });
    let by_owner = json!({ "workspaceId": ws.id, "actorId": ws.owner.user_id });
    for (path, arguments, count) in [
        ("auditLogs:list", range, 100),
        ("auditLogs:list", rare, 100),
        ("auditLogs:list", by_owner, 100),
        ("auditLogs:getActions", json!({ "workspaceId": ws.id }), 2),
    ] {
        let started = Instant::now();
        let found = kit.call_json(&ws.owner, path, arguments.clone()).await.unwrap();
        println!("{path} {arguments}: {:?}", started.elapsed());
        assert_eq!(found.as_array().unwrap().len(), count, "{path} {arguments}");
    }
}
