//! The audit log: reading, keeping and taking it out.

use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use opencom_contract::audit_logs::InternalRecord;
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::{Code, Millis, Role};
use opencom_schema::{audit_log_settings, audit_logs};
use opencom_testkit::{Kit, Nobody, Person, Workspace};
use serde_json::{Value, json};

use crate::support::{entries, kit, refused};

async fn call(kit: &Kit, person: &impl Person, ws: WorkspaceId, name: &str, mut arguments: Value) -> Value {
    arguments["workspaceId"] = json!(ws);
    kit.call_json(person, &format!("auditLogs:{name}"), arguments)
        .await
        .unwrap()
}

async fn list(kit: &Kit, ws: &Workspace, arguments: Value) -> Vec<Value> {
    let found = call(kit, &ws.owner, ws.id, "list", arguments).await;
    found.as_array().unwrap().clone()
}

/// Writes entries with these actions, at least a millisecond after each other, and says when.
async fn happen(kit: &Kit, ws: &Workspace, actions: &[&str]) -> Vec<Millis> {
    let mut times = Vec::new();
    for action in actions {
        kit.clock.advance(1);
        let now = kit.clock.now();
        let entry = format!(
            "INSERT INTO audit_logs VALUES (gen_random_uuid(), '{}', '{}', 'user', '{action}', 'thing', '{action}', NULL,
                                            TIMESTAMPTZ 'epoch' + {} * INTERVAL '1 ms')",
            ws.id, ws.owner.user_id, now.0
        );
        kit.connection().await.batch_execute(&entry).await.unwrap();
        times.push(now);
    }
    times
}

fn actions(found: &[Value]) -> Vec<&str> {
    found.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn entries_come_newest_first_with_who_did_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let by_api = InternalRecord::builder()
        .workspace_id(ws.id)
        .action("auth.session.created")
        .resource_type("widgetSession")
        .metadata(json!({ "source": "widgetSessions.boot", "identityVerified": false }))
        .build();
    kit.invoke(by_api).await.unwrap();
    kit.clock.advance(1000);
    happen(&kit, &ws, &["one", "two"]).await;
    let found = list(&kit, &ws, json!({})).await;
    assert_eq!(actions(&found), ["two", "one", "auth.session.created"]);
    assert_eq!(found[0]["actorEmail"], json!(ws.owner.email));
    assert_eq!(found[0]["actorName"], json!(format!("Agent {}", ws.owner.user_id)));
    assert_eq!(found[0]["timestamp"], found[0]["_creationTime"]);
    let api = found[2].as_object().unwrap();
    assert_eq!((&api["actorName"], &api["actorEmail"]), (&Value::Null, &Value::Null));
    assert!(!api.contains_key("actorId"), "{api:?}");
    assert_eq!(api["actorType"], "api");
    assert_eq!(
        api["metadata"],
        json!({ "source": "widgetSessions.boot", "identityVerified": false })
    );
}

#[tokio::test]
async fn filters_hold_before_the_limit() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let rare = happen(&kit, &ws, &["rare"]).await[0];
    let last = happen(&kit, &ws, &["noise"; 30]).await[29];
    for (filter, count) in [
        (json!({ "action": "rare", "limit": 1 }), 1),
        (json!({ "action": "" }), 31),
        (json!({ "resourceType": "thing", "resourceId": "rare" }), 1),
        (json!({ "resourceType": "other" }), 0),
        (json!({ "actorId": ws.owner.user_id }), 31),
        (json!({ "actorId": UserId::generate() }), 0),
        (json!({ "startTime": last }), 1),
        (json!({ "startTime": rare, "endTime": rare }), 1),
        (json!({ "endTime": 0 }), 31),
        (json!({ "limit": 0 }), 0),
        (json!({ "limit": -5 }), 0),
        (json!({ "limit": 7 }), 7),
    ] {
        assert_eq!(list(&kit, &ws, filter.clone()).await.len(), count, "{filter}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    // Many at the same millisecond.
    let crowd = format!(
        "INSERT INTO audit_logs SELECT overlay(gen_random_uuid()::text PLACING '09' FROM 35)::uuid, '{}', NULL, 'api', 'a' || n, 't', NULL, NULL,
            '2026-01-01'::timestamptz + (n / 10) * interval '1 ms' FROM generate_series(1, 95) n",
        ws.id
    );
    kit.connection().await.batch_execute(&crowd).await.unwrap();
    let all = list(&kit, &ws, json!({ "limit": 1000 })).await;
    assert_eq!(all.len(), 95);
    let mut seen = list(&kit, &ws, json!({ "limit": 20 })).await;
    loop {
        let cursor = &seen.last().unwrap()["_id"];
        let page = list(&kit, &ws, json!({ "limit": 20, "cursor": cursor })).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, all);
    let exported = call(&kit, &ws.owner, ws.id, "exportLogs", json!({ "startTime": 0 })).await;
    let exported: Vec<_> = exported["data"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|e| &e["action"])
        .collect();
    assert_eq!(exported, all.iter().map(|entry| &entry["action"]).collect::<Vec<_>>());
    // Another workspace's entry is no place to go on from.
    let foreign = list(&kit, &other, json!({ "cursor": all[0]["_id"] })).await;
    assert!(foreign.is_empty());
}

#[tokio::test]
async fn actions_are_those_of_the_workspace_in_the_order_of_their_letters() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    happen(&kit, &ws, &["b.x", "B.x", "a_b", "a.c", "b.x", "é"]).await;
    happen(&kit, &other, &["zzz"]).await;
    let found = call(&kit, &ws.owner, ws.id, "getActions", json!({})).await;
    assert_eq!(found, json!(["B.x", "a.c", "a_b", "b.x", "é"]));
    assert_eq!(call(&kit, &Nobody, ws.id, "getActions", json!({})).await, json!([]));
}

#[tokio::test]
async fn retention_is_thirty_ninety_or_a_year() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    assert_eq!(
        call(&kit, &ws.owner, ws.id, "getSettings", json!({})).await,
        json!({ "workspaceId": ws.id, "retentionDays": 90.0, "createdAt": 0.0, "updatedAt": 0.0 })
    );
    for wrong in [0.0, 31.0, 30.5, -30.0, 1e300] {
        let error = refused(
            kit.call_json(
                &ws.owner,
                "auditLogs:updateSettings",
                json!({ "workspaceId": ws.id, "retentionDays": wrong }),
            )
            .await,
            Code::InvalidInput,
            "Retention days must be 30, 90, or 365",
        );
        assert_eq!(error.data().field.as_deref(), Some("retentionDays"));
    }
    for days in [30, 365] {
        kit.clock.advance(1);
        let set = call(
            &kit,
            &ws.owner,
            ws.id,
            "updateSettings",
            json!({ "retentionDays": days }),
        )
        .await;
        assert_eq!(set, json!({ "success": true }));
    }
    let settings = call(&kit, &ws.owner, ws.id, "getSettings", json!({})).await;
    assert_eq!(settings["retentionDays"], json!(365.0));
    assert_eq!(settings["createdAt"], settings["_creationTime"]);
    assert_ne!(settings["createdAt"], settings["updatedAt"]);
    let told = |old: i32, new: i32| {
        json!(["workspace.security.changed", "auditLogSettings", null,
               { "setting": "retentionDays", "oldValue": old, "newValue": new }])
    };
    assert_eq!(entries(&kit, ws.id).await, [told(90, 30), told(30, 365)]);
}

#[tokio::test]
async fn settings_that_are_changed_at_once_are_one_row_and_an_unbroken_story() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let days = [30, 90, 365, 30, 90, 365];
    join_all(days.map(|days| {
        call(
            &kit,
            &ws.owner,
            ws.id,
            "updateSettings",
            json!({ "retentionDays": days }),
        )
    }))
    .await;
    let rows: i64 = audit_log_settings::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(rows, 1);
    let mut told = Vec::new();
    let mut before = json!(90);
    let mut left = entries(&kit, ws.id).await;
    // Each entry goes on where another one ended.
    while let Some(next) = left.iter().position(|entry| entry[3]["oldValue"] == before) {
        let entry = left.remove(next);
        before = entry[3]["newValue"].clone();
        told.push(entry);
    }
    assert!(!told.is_empty());
    let settings = call(&kit, &ws.owner, ws.id, "getSettings", json!({})).await;
    assert!(
        days.iter()
            .any(|days| settings["retentionDays"] == json!(f64::from(*days)))
    );
}

#[tokio::test]
async fn access_says_what_each_may_do() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let access = |status: &str, read: bool, export: bool, security: bool| json!({ "status": status, "canRead": read, "canExport": export, "canManageSecurity": security });
    let nobody = call(&kit, &Nobody, ws.id, "getAccess", json!({})).await;
    assert_eq!(nobody, access("unauthenticated", false, false, false));
    let outsider = call(&kit, &other.owner, ws.id, "getAccess", json!({})).await;
    assert_eq!(outsider, access("ok", false, false, false));
    for (role, read, all) in [
        (Role::Owner, true, true),
        (Role::Admin, true, true),
        (Role::Agent, false, false),
        (Role::Viewer, true, false),
    ] {
        let agent = kit.agent(&ws, role).await;
        let seen = call(&kit, &agent, ws.id, "getAccess", json!({})).await;
        assert_eq!(seen, access("ok", read, all, all), "{role}");
    }
}

#[tokio::test]
async fn exports_are_objects_or_lines() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    happen(&kit, &ws, &["one", "two"]).await;
    let json = call(&kit, &ws.owner, ws.id, "exportLogs", json!({})).await;
    assert_eq!((&json["format"], &json["count"]), (&json!("json"), &json!(2.0)));
    assert_eq!(json["data"][0]["action"], "one");
    let timestamp = json["data"][0]["timestamp"].as_str().unwrap();
    assert!(timestamp.ends_with('Z') && timestamp.len() == 24, "{timestamp}");
    let csv = call(
        &kit,
        &ws.owner,
        ws.id,
        "exportLogs",
        json!({ "format": "csv", "action": "two" }),
    )
    .await;
    let lines: Vec<_> = csv["data"].as_str().unwrap().split('\n').map(str::to_owned).collect();
    let timestamp = json["data"][1]["timestamp"].as_str().unwrap();
    let (id, email) = (ws.owner.user_id, &ws.owner.email);
    assert_eq!(
        lines,
        [
            "timestamp,action,actorType,actorId,actorName,actorEmail,resourceType,resourceId,ipAddress,userAgent"
                .to_owned(),
            format!(r#""{timestamp}","two","user","{id}","Agent {id}","{email}","thing","two","","""#),
        ]
    );
    // The last thirty days, unless somebody asks for more.
    let later = json!({ "endTime": kit.clock.now().plus(30 * Millis::DAY + 1) });
    let late = call(&kit, &ws.owner, ws.id, "exportLogs", later).await;
    assert_eq!(late["count"], json!(0.0));
}

#[tokio::test]
async fn an_export_is_noted_by_members_alone() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let note = json!({ "workspaceId": ws.id, "exportType": "helpCenterMarkdown", "recordCount": 12 });
    let path = "auditLogs:logExport";
    refused(
        kit.call_json(&Nobody, path, note.clone()).await,
        Code::NotAuthenticated,
        "Unauthorized",
    );
    refused(
        kit.call_json(&other.owner, path, note.clone()).await,
        Code::NotWorkspaceMember,
        "Not a member of this workspace",
    );
    let viewer = kit.agent(&ws, Role::Viewer).await;
    assert_eq!(
        kit.call_json(&viewer, path, note).await.unwrap(),
        json!({ "success": true })
    );
    assert_eq!(
        entries(&kit, ws.id).await,
        [json!(["data.exported", "helpCenterMarkdown", null, { "recordCount": 12.0 }])]
    );
}

#[tokio::test]
async fn entries_go_when_their_time_is_over() {
    let kit = kit().await;
    let (short, long) = (kit.workspace().await, kit.workspace().await);
    call(
        &kit,
        &short.owner,
        short.id,
        "updateSettings",
        json!({ "retentionDays": 30 }),
    )
    .await;
    let old = "INSERT INTO audit_logs SELECT gen_random_uuid(), id, NULL, 'api', 'old', 't', NULL, NULL,
                   now() - days * interval '1 day' - interval '1 hour'
               FROM workspaces, unnest(ARRAY[29, 30, 60, 89, 90, 400]) days, generate_series(1, 300)";
    kit.connection().await.batch_execute(old).await.unwrap();
    let left = async |ws: WorkspaceId| -> i64 {
        audit_logs::table
            .filter(audit_logs::workspace_id.eq(ws))
            .filter(audit_logs::action.eq("old"))
            .count()
            .get_result(&mut kit.connection().await)
            .await
            .unwrap()
    };
    let clean = async |arguments: Value| -> Value {
        let path = "auditLogs:cleanupOldLogs";
        kit.invoke_json(path, arguments).await.unwrap()
    };
    let one = clean(json!({ "workspaceId": long.id })).await;
    assert_eq!(
        one,
        json!({ "totalDeleted": 100.0, "workspacesProcessed": 1.0,
                "results": [{ "workspaceId": long.id, "deleted": 100.0 }] })
    );
    let both = clean(json!({ "batchSize": 7 })).await;
    assert_eq!(both["totalDeleted"], json!(14.0));
    assert_eq!(both["workspacesProcessed"], json!(2.0));
    kit.run_jobs().await;
    assert_eq!((left(short.id).await, left(long.id).await), (300, 1200));
    let nothing = clean(json!({})).await;
    assert_eq!(
        nothing,
        json!({ "totalDeleted": 0.0, "workspacesProcessed": 0.0, "results": [] })
    );
    // Later the job does it by itself.
    kit.clock.advance(2 * Millis::DAY);
    kit.run_jobs().await;
    assert_eq!((left(short.id).await, left(long.id).await), (0, 900));
}
