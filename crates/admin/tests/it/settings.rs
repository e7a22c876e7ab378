//! What a workspace can set: who gets in, the AI agent, what the widget does by itself.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Role};
use opencom_runtime::LiveQuery;
use opencom_schema::{ai_agent_settings, automation_settings};
use opencom_testkit::{Kit, Nobody, Person, Workspace};
use serde_json::{Value, json};

use crate::support::{entries, kit};

async fn call(kit: &Kit, person: &impl Person, ws: WorkspaceId, path: &str, mut arguments: Value) -> Value {
    arguments["workspaceId"] = json!(ws);
    kit.call_json(person, path, arguments).await.unwrap()
}

async fn set(kit: &Kit, ws: &Workspace, path: &str, arguments: Value) -> Value {
    call(kit, &ws.owner, ws.id, path, arguments).await
}

#[tokio::test]
async fn who_gets_in_is_set_and_told() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let origins = json!({ "allowedOrigins": [" https://a.com ", "https://a.com", "nonsense"] });
    assert_eq!(
        set(&kit, &ws, "workspaces:updateAllowedOrigins", origins.clone()).await,
        Value::Null
    );
    let signup = "workspaces:updateSignupSettings";
    set(&kit, &ws, signup, json!({ "signupMode": "domain-allowlist" })).await;
    let all = json!({ "signupMode": "domain-allowlist", "allowedDomains": ["a.com", "b.com"], "authMethods": ["otp"] });
    set(&kit, &ws, signup, all).await;
    let get = json!({ "id": ws.id });
    let seen = kit.call_json(&ws.owner, "workspaces:get", get.clone()).await.unwrap();
    assert_eq!(seen["allowedOrigins"], origins["allowedOrigins"]);
    assert_eq!(seen["allowedDomains"], json!(["a.com", "b.com"]));
    assert_eq!(seen["authMethods"], json!(["otp"]));
    // The other mode has no domains, and methods that are not named stay.
    set(
        &kit,
        &ws,
        signup,
        json!({ "signupMode": "invite-only", "allowedDomains": ["c.com"] }),
    )
    .await;
    let seen = kit.call_json(&ws.owner, "workspaces:get", get).await.unwrap();
    assert_eq!(
        (&seen["signupMode"], &seen["allowedDomains"]),
        (&json!("invite-only"), &json!([]))
    );
    assert_eq!(seen["authMethods"], json!(["otp"]));
    let policy = "workspaces:updateHelpCenterAccessPolicy";
    assert_eq!(
        set(&kit, &ws, policy, json!({ "policy": "restricted" })).await,
        Value::Null
    );
    let told = |mode: &str, domains: i32, methods: &str| {
        json!(["workspace.security.changed", "workspace", ws.id,
               { "setting": "signup", "signupMode": mode, "allowedDomainsCount": domains, "authMethods": methods }])
    };
    assert_eq!(
        entries(&kit, ws.id).await,
        [
            json!(["workspace.security.changed", "workspace", ws.id, { "setting": "allowedOrigins", "valueCount": 3 }]),
            told("domain-allowlist", 0, "password,otp"),
            told("domain-allowlist", 2, "otp"),
            told("invite-only", 0, "otp"),
            json!(["workspace.settings.changed", "workspace", ws.id,
                   { "setting": "helpCenterAccessPolicy", "value": "restricted" }]),
        ]
    );
}

fn ai_defaults() -> Value {
    json!({
        "enabled": false, "knowledgeSources": ["articles"], "confidenceThreshold": 0.6, "personality": null,
        "handoffMessage": "Let me connect you with a human agent who can help you better.", "workingHours": null,
        "model": "openai/gpt-5-nano", "suggestionsEnabled": false, "embeddingModel": "text-embedding-3-small",
    })
}

#[tokio::test]
async fn the_ai_agent_has_defaults_until_something_is_set() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (get, public) = ("aiAgent:getSettings", "aiAgent:getPublicSettings");
    let mut defaults = ai_defaults();
    assert_eq!(call(&kit, &Nobody, ws.id, public, json!({})).await, defaults);
    defaults["lastConfigError"] = Value::Null;
    for seen in [
        set(&kit, &ws, get, json!({})).await,
        call(&kit, &Nobody, ws.id, get, json!({})).await,
        call(&kit, &Nobody, WorkspaceId::generate(), get, json!({})).await,
    ] {
        assert_eq!(seen, defaults);
    }
    let update = json!({ "enabled": true, "embeddingModel": " TEXT-embedding-ada-002", "confidenceThreshold": 1 });
    let id = set(&kit, &ws, "aiAgent:updateSettings", update).await;
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let seen = call(&kit, &viewer, ws.id, get, json!({})).await;
    assert_eq!((&seen["_id"], &seen["workspaceId"]), (&id, &json!(ws.id)));
    assert_eq!(seen["embeddingModel"], "text-embedding-ada-002");
    assert_eq!(seen["handoffMessage"], defaults["handoffMessage"]);
    // Strangers see nothing of it but what is public.
    assert_eq!(call(&kit, &Nobody, ws.id, get, json!({})).await, defaults);
    let shown = call(&kit, &Nobody, ws.id, public, json!({})).await;
    assert_eq!((&shown["enabled"], shown.get("_id")), (&json!(true), None));
    assert_eq!(shown.as_object().unwrap().len(), 9);
}

#[tokio::test]
async fn of_the_ai_agent_only_what_is_given_changes() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let update = "aiAgent:updateSettings";
    let hours = json!({ "start": "09:00", "end": "17:00", "timezone": "Europe/Paris" });
    let first =
        json!({ "personality": "", "handoffMessage": "", "workingHours": hours, "knowledgeSources": [], "model": "" });
    let id = set(&kit, &ws, update, first).await;
    diesel::update(ai_agent_settings::table)
        .set(ai_agent_settings::last_config_error.eq(json!({ "code": "X", "message": "y", "detectedAt": 5 })))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let seen = set(&kit, &ws, "aiAgent:getSettings", json!({})).await;
    assert_eq!(
        seen["lastConfigError"],
        json!({ "code": "X", "message": "y", "detectedAt": 5.0 })
    );
    assert_eq!(
        (&seen["personality"], &seen["handoffMessage"]),
        (&json!(""), &json!(""))
    );
    assert_eq!((&seen["workingHours"], &seen["knowledgeSources"]), (&hours, &json!([])));
    kit.clock.advance(1);
    assert_eq!(set(&kit, &ws, update, json!({ "suggestionsEnabled": true })).await, id);
    let later = set(&kit, &ws, "aiAgent:getSettings", json!({})).await;
    assert_eq!(later["workingHours"], hours);
    assert_eq!(later["lastConfigError"], Value::Null);
    assert_ne!(later["updatedAt"], later["createdAt"]);
    set(&kit, &ws, update, json!({ "workingHours": null })).await;
    let later = set(&kit, &ws, "aiAgent:getSettings", json!({})).await;
    assert_eq!(later["workingHours"], Value::Null);
    assert_eq!(later["suggestionsEnabled"], true);
    for wrong in [-0.1, 1.1, 7.0] {
        let arguments = json!({ "workspaceId": ws.id, "confidenceThreshold": wrong });
        let error = kit.call_json(&ws.owner, update, arguments).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput);
        assert_eq!(error.data().field.as_deref(), Some("confidenceThreshold"));
    }
    assert!(entries(&kit, ws.id).await.is_empty());
}

#[tokio::test]
async fn settings_that_are_first_set_at_once_are_one_row() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let toggles = ["suggestArticlesEnabled", "showReplyTimeEnabled", "askForRatingEnabled"];
    let ids =
        join_all(toggles.map(|toggle| set(&kit, &ws, "automationSettings:upsert", json!({ toggle: true })))).await;
    assert!(ids.iter().all(|id| *id == ids[0]));
    let seen = set(&kit, &ws, "automationSettings:get", json!({})).await;
    for toggle in toggles {
        assert_eq!(seen[toggle], true, "{toggle}");
    }
    let updates = [
        json!({ "enabled": true }),
        json!({ "model": "a/b" }),
        json!({ "personality": "kind" }),
    ];
    join_all(updates.map(|update| set(&kit, &ws, "aiAgent:updateSettings", update))).await;
    let seen = set(&kit, &ws, "aiAgent:getSettings", json!({})).await;
    assert_eq!(
        (&seen["enabled"], &seen["model"], &seen["personality"]),
        (&json!(true), &json!("a/b"), &json!("kind"))
    );
    let connection = &mut kit.connection().await;
    let rows: (i64, i64) = (
        automation_settings::table.count().get_result(connection).await.unwrap(),
        ai_agent_settings::table.count().get_result(connection).await.unwrap(),
    );
    assert_eq!(rows, (1, 1));
}

#[tokio::test]
async fn automation_settings_have_defaults_that_everyone_sees() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (get, or_defaults) = ("automationSettings:get", "automationSettings:getOrCreate");
    assert_eq!(set(&kit, &ws, get, json!({})).await, Value::Null);
    let now = kit.clock.now();
    for workspace in [ws.id, WorkspaceId::generate()] {
        let mut seen = call(&kit, &Nobody, workspace, or_defaults, json!({})).await;
        let at = seen["createdAt"].take().as_f64().unwrap();
        assert!(at >= now.0 as f64, "{at}");
        seen.as_object_mut().unwrap().remove("createdAt");
        assert_eq!(seen["updatedAt"].take().as_f64(), Some(at));
        assert_eq!(
            seen,
            json!({ "workspaceId": workspace, "suggestArticlesEnabled": false, "showReplyTimeEnabled": false,
                    "collectEmailEnabled": true, "askForRatingEnabled": false, "updatedAt": null })
        );
    }
    let id = set(
        &kit,
        &ws,
        "automationSettings:upsert",
        json!({ "askForRatingEnabled": true }),
    )
    .await;
    let seen = set(&kit, &ws, get, json!({})).await;
    assert_eq!((&seen["_id"], &seen["collectEmailEnabled"]), (&id, &json!(true)));
    assert_eq!(call(&kit, &Nobody, ws.id, or_defaults, json!({})).await, seen);
    // Strangers see the settings there, and here none.
    let other = kit.workspace().await;
    for stranger in [
        call(&kit, &Nobody, ws.id, get, json!({})).await,
        call(&kit, &other.owner, ws.id, get, json!({})).await,
    ] {
        assert_eq!(stranger, Value::Null);
    }
    kit.clock.advance(1);
    set(
        &kit,
        &ws,
        "automationSettings:upsert",
        json!({ "collectEmailEnabled": false }),
    )
    .await;
    let later = set(&kit, &ws, get, json!({})).await;
    assert_eq!(
        (&later["askForRatingEnabled"], &later["collectEmailEnabled"]),
        (&json!(true), &json!(false))
    );
    assert!(later["updatedAt"].as_f64() > seen["updatedAt"].as_f64());
}

#[tokio::test]
async fn a_live_query_says_the_same_time_of_defaults_again_and_again() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let arguments = json!({ "workspaceId": ws.id }).to_string();
    let function = kit.dispatcher.resolve("automationSettings:getOrCreate").unwrap();
    let ask = async |journal: Option<&str>| {
        let query = LiveQuery {
            function: &function,
            arguments: &arguments,
            asker: Nobody.caller().into(),
            journal,
            resumed: journal.is_some(),
        };
        kit.dispatcher.live_query(query).await
    };
    let first = ask(None).await;
    assert!(first.reads.contains(&opencom_admin::topics::automation_settings(ws.id)));
    kit.clock.advance(5000);
    let second = ask(first.journal.as_deref()).await;
    assert_eq!(first.outcome.unwrap(), second.outcome.unwrap());
    // Whatever else a client sends is no time.
    ask(Some("nonsense")).await.outcome.unwrap();
}
