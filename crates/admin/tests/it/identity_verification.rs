//! Identity verification, up to the visitors who are verified by it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::identity_verification::Enable;
use opencom_core::Code;
use opencom_core::id::WorkspaceId;
use opencom_schema::workspaces;
use opencom_testkit::{Kit, Nobody, Workspace};
use serde_json::{Value, json};

use crate::support::{entries, kit, refused};

async fn call(kit: &Kit, ws: &Workspace, name: &str, mut arguments: Value) -> opencom_core::Result<Value> {
    arguments["workspaceId"] = json!(ws.id);
    kit.call_json(&ws.owner, &format!("identityVerification:{name}"), arguments)
        .await
}

#[tokio::test]
async fn verification_is_turned_on_and_off_with_one_secret() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let before = json!({ "enabled": false, "mode": "optional", "hasSecret": false });
    assert_eq!(call(&kit, &ws, "getSettings", json!({})).await.unwrap(), before);
    assert_eq!(call(&kit, &ws, "getSecret", json!({})).await.unwrap(), Value::Null);
    assert_eq!(
        call(&kit, &ws, "isRequired", json!({})).await.unwrap(),
        json!({ "enabled": false })
    );
    let enabled = call(&kit, &ws, "enable", json!({ "mode": "required" })).await.unwrap();
    let secret = enabled["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(
        enabled,
        json!({ "success": true, "isNewSecret": true, "mode": "required", "secret": secret })
    );
    assert_eq!(
        call(&kit, &ws, "isRequired", json!({})).await.unwrap(),
        json!({ "enabled": true, "required": true })
    );
    assert_eq!(
        call(&kit, &ws, "disable", json!({})).await.unwrap(),
        json!({ "success": true })
    );
    let off = json!({ "enabled": false, "mode": "required", "hasSecret": true });
    assert_eq!(call(&kit, &ws, "getSettings", json!({})).await.unwrap(), off);
    assert_eq!(
        call(&kit, &ws, "isRequired", json!({})).await.unwrap(),
        json!({ "enabled": false, "required": false })
    );
    assert_eq!(
        call(&kit, &ws, "getSecret", json!({})).await.unwrap(),
        json!({ "secret": secret })
    );
    // A mode that is not named is the milder one, and the secret is shown once.
    assert_eq!(
        call(&kit, &ws, "enable", json!({})).await.unwrap(),
        json!({ "success": true, "isNewSecret": false, "mode": "optional" })
    );
    let none = json!({ "workspaceId": WorkspaceId::generate() });
    assert_eq!(
        kit.call_json(&Nobody, "identityVerification:isRequired", none)
            .await
            .unwrap(),
        json!({ "enabled": false, "required": false })
    );
    assert_eq!(
        entries(&kit, ws.id).await,
        [
            json!(["widget.identity.enabled", "workspace", ws.id, { "mode": "required" }]),
            json!(["widget.identity.disabled", "workspace", ws.id, null]),
            json!(["widget.identity.enabled", "workspace", ws.id, { "mode": "optional" }]),
        ]
    );
}

#[tokio::test]
async fn what_needs_verification_is_refused_without() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    refused(
        call(&kit, &ws, "rotateSecret", json!({})).await,
        Code::InvalidInput,
        "Identity verification must be enabled to rotate secret",
    );
    refused(
        call(&kit, &ws, "updateMode", json!({ "mode": "required" })).await,
        Code::InvalidInput,
        "Identity verification must be enabled first",
    );
    let error = refused(
        call(&kit, &ws, "disable", json!({ "confirmDisable": false })).await,
        Code::InvalidInput,
        "Confirmation required to disable identity verification",
    );
    assert_eq!(error.data().field.as_deref(), Some("confirmDisable"));
    assert!(entries(&kit, ws.id).await.is_empty());
}

#[tokio::test]
async fn of_two_who_turn_it_on_at_once_one_makes_the_secret() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let enable = Enable::builder().workspace_id(ws.id).build();
    let made = join_all((0..6).map(|_| kit.call(&ws.owner, &enable))).await;
    let secrets: Vec<_> = made.into_iter().filter_map(|made| made.unwrap().secret).collect();
    assert_eq!(secrets.len(), 1);
    let kept = call(&kit, &ws, "getSecret", json!({})).await.unwrap();
    assert_eq!(kept["secret"], json!(secrets[0]));
}

#[tokio::test]
async fn the_secret_is_sealed_at_rest() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let enabled = call(&kit, &ws, "enable", json!({})).await.unwrap();
    let stored: Option<Vec<u8>> = workspaces::table
        .find(ws.id)
        .select(workspaces::identity_secret_sealed)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    let secret = enabled["secret"].as_str().unwrap().as_bytes();
    assert!(!stored.unwrap().windows(secret.len()).any(|bytes| bytes == secret));
}
