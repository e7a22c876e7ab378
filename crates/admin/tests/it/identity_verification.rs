//! Identity verification, up to the visitors who are verified by it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::identity_verification::{Enable, RotateSecret};
use opencom_core::auth::token;
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Role};
use opencom_schema::workspaces;
use opencom_testkit::{Kit, Nobody, Workspace};
use serde_json::{Value, json};

use crate::support::{entries, refused};

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

#[tokio::test]
async fn verification_is_turned_on_and_off_with_one_secret() {
    let kit = Kit::start().await;
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
    let kit = Kit::start().await;
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
async fn a_rotated_secret_counts_at_once_and_alone() {
    let kit = Kit::start().await;
    let ws = kit.workspace().await;
    let enable = Enable {
        workspace_id: ws.id,
        mode: Some(opencom_contract::workspaces::IdentityVerificationMode::Required),
    };
    let old = kit.call(&ws.owner, &enable).await.unwrap().secret.unwrap();
    boot(&kit, &ws, "ada", Some(&token::user_hash(&old, "ada")))
        .await
        .unwrap();
    let rotate = RotateSecret { workspace_id: ws.id };
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
        let kit = Kit::start().await;
        let ws = kit.workspace().await;
        let key = &kit.app.server.master_key;
        let sealed = key.seal_text(opencom_runtime::access::IDENTITY_SECRET, secret).unwrap();
        diesel::update(workspaces::table.find(ws.id))
            .set(workspaces::identity_secret_sealed.eq(sealed))
            .execute(&mut kit.connection().await)
            .await
            .unwrap();
        call(&kit, &ws, "enable", json!({ "mode": "required" })).await.unwrap();
        let booted = boot(&kit, &ws, user, Some(hash)).await.unwrap();
        assert_eq!(booted["visitor"]["identityVerified"], true, "{user}");
    }
}

#[tokio::test]
async fn of_two_who_turn_it_on_at_once_one_makes_the_secret() {
    let kit = Kit::start().await;
    let ws = kit.workspace().await;
    let enable = Enable {
        workspace_id: ws.id,
        mode: None,
    };
    let made = join_all((0..6).map(|_| kit.call(&ws.owner, &enable))).await;
    let secrets: Vec<_> = made.into_iter().filter_map(|made| made.unwrap().secret).collect();
    assert_eq!(secrets.len(), 1);
    let kept = call(&kit, &ws, "getSecret", json!({})).await.unwrap();
    assert_eq!(kept["secret"], json!(secrets[0]));
}

#[tokio::test]
async fn the_secret_is_sealed_at_rest() {
    let kit = Kit::start().await;
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

#[tokio::test]
async fn whoever_is_verified_is_shown_so() {
    let kit = Kit::start().await;
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
