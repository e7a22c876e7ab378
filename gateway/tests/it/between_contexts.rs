//! What holds between contexts: the settings of one decide what another does.

use diesel::prelude::*;
use opencom_contract::identity_verification::{Enable, RotateSecret};
use opencom_core::auth::token;
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Error, Result, Role};
use opencom_runtime::RunQueryDsl;
use opencom_schema::{audit_logs, workspaces};
use opencom_testkit::{Kit, Nobody, Workspace};
use serde_json::{Value, json};

use crate::kit::kit;

async fn call(kit: &Kit, ws: &Workspace, name: &str, mut arguments: Value) -> opencom_core::Result<Value> {
    arguments["workspaceId"] = json!(ws.id);
    kit.call_json(&ws.owner, &format!("identityVerification:{name}"), arguments)
        .await
}

async fn boot(kit: &Kit, ws: &Workspace, user: &str, hash: Option<&str>) -> opencom_core::Result<Value> {
    let mut request = json!({ "workspaceId": ws.id, "sessionId": user, "externalUserId": user });
    if let Some(hash) = hash {
        request["userHash"] = json!(hash);
    }
    kit.call_json(&Nobody, "widgetSessions:boot", request).await
}

#[track_caller]
fn refused<T>(result: Result<T>, code: Code, message: &str) -> Error {
    let Err(error) = result else {
        panic!("{message:?} was expected, but it succeeded")
    };
    assert_eq!((error.code(), error.message()), (code, message));
    error
}

/// What stands in the audit log of a workspace, oldest first: action, kind and id of the thing, metadata.
async fn entries(kit: &Kit, workspace: WorkspaceId) -> Vec<Value> {
    let rows: Vec<(String, String, Option<String>, Option<Value>)> = audit_logs::table
        .filter(audit_logs::workspace_id.eq(workspace))
        .order((audit_logs::timestamp, audit_logs::id))
        .select((
            audit_logs::action,
            audit_logs::resource_type,
            audit_logs::resource_id,
            audit_logs::metadata,
        ))
        .load(&kit.connection().await)
        .await
        .unwrap();
    rows.into_iter().map(|row| json!(row)).collect()
}

#[tokio::test]
async fn a_rotated_secret_counts_at_once_and_alone() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let enable = Enable::builder()
        .workspace_id(ws.id)
        .mode(opencom_contract::workspaces::IdentityVerificationMode::Required)
        .build();
    let old = kit.call(&ws.owner, &enable).await.unwrap().secret.unwrap();
    boot(&kit, &ws, "ada", Some(&token::user_hash(&old, "ada")))
        .await
        .unwrap();
    let rotate = RotateSecret::builder().workspace_id(ws.id).build();
    let new = kit.call(&ws.owner, &rotate).await.unwrap().secret;
    assert_ne!(new, old);
    refused(
        boot(&kit, &ws, "ada", Some(&token::user_hash(&old, "ada"))).await,
        Code::NotAuthorized,
        "Identity verification failed: invalid userHash",
    );
    refused(
        boot(&kit, &ws, "ada", None).await,
        Code::NotAuthorized,
        "Identity verification failed: userHash is required",
    );
    let booted = boot(&kit, &ws, "ada", Some(&token::user_hash(&new, "ada").to_uppercase()))
        .await
        .unwrap();
    assert_eq!(booted["visitor"]["identityVerified"], true);
    let modes = call(&kit, &ws, "updateMode", json!({ "mode": "optional" }))
        .await
        .unwrap();
    assert_eq!(modes, json!({ "success": true }));
    boot(&kit, &ws, "bob", None).await.unwrap();
    let told = entries(&kit, ws.id).await;
    let told: Vec<_> = told.iter().filter(|entry| entry[1] == "workspace").collect();
    assert_eq!(
        told[1..],
        [
            &json!(["widget.identity.secret.rotated", "workspace", ws.id, null]),
            &json!(["workspace.security.changed", "workspace", ws.id,
                    { "setting": "identityVerificationMode", "oldValue": "required", "newValue": "optional" }]),
        ]
    );
}

/// Computed with `openssl dgst -sha256 -hmac`.
#[tokio::test]
async fn hashes_are_those_that_other_programs_compute() {
    for (secret, user, hash) in [
        (
            "key",
            "The quick brown fox jumps over the lazy dog",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
        ),
        (
            "Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ] {
        let kit = kit().await;
        let ws = kit.workspace().await;
        let key = &kit.server.master_key;
        let sealed = key.seal_text(opencom_runtime::access::IDENTITY_SECRET, secret).unwrap();
        diesel::update(workspaces::table.find(ws.id))
            .set(workspaces::identity_secret_sealed.eq(sealed))
            .execute(&kit.connection().await)
            .await
            .unwrap();
        call(&kit, &ws, "enable", json!({ "mode": "required" })).await.unwrap();
        let booted = boot(&kit, &ws, user, Some(hash)).await.unwrap();
        assert_eq!(booted["visitor"]["identityVerified"], true, "{user}");
    }
}

#[tokio::test]
async fn whoever_is_verified_is_shown_so() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let secret = call(&kit, &ws, "enable", json!({})).await.unwrap()["secret"].take();
    let hash = token::user_hash(secret.as_str().unwrap(), "ada");
    let verified = boot(&kit, &ws, "ada", Some(&hash)).await.unwrap();
    let other = boot(&kit, &ws, "bob", Some("00")).await.unwrap();
    let viewer = kit.agent(&ws, Role::Viewer).await;
    let status = |booted: &Value| json!({ "visitorId": booted["visitor"]["_id"] });
    let path = "identityVerification:getVisitorStatus";
    let seen = kit.call_json(&viewer, path, status(&verified)).await.unwrap();
    assert_eq!(seen["verified"], true);
    assert_eq!(seen["verifiedAt"], verified["visitor"]["identityVerifiedAt"]);
    let seen = kit.call_json(&viewer, path, status(&other)).await.unwrap();
    assert_eq!(seen, json!({ "verified": false }));
    let mut own = status(&other);
    own["sessionToken"] = other["sessionToken"].clone();
    assert_eq!(kit.call_json(&Nobody, path, own).await.unwrap(), seen);
}

#[tokio::test]
async fn allowed_origins_count_at_the_next_boot() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    kit.visitor(&ws).await;
    let set = json!({ "workspaceId": ws.id, "allowedOrigins": ["https://a.com"] });
    kit.call_json(&ws.owner, "workspaces:updateAllowedOrigins", set)
        .await
        .unwrap();
    let boot = json!({ "workspaceId": ws.id, "sessionId": "s", "origin": "https://b.com" });
    let error = kit.call_json(&Nobody, "widgetSessions:boot", boot).await.unwrap_err();
    assert_eq!(error.message(), "Origin validation failed: Origin not in allowed list");
}
