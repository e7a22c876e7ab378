//! Live results stay right whatever happens.

use opencom_contract::auth::{CompleteSignupProfile, SignOut, SwitchWorkspace};
use opencom_contract::workspaces::{Create, GetOrCreateDefault};
use opencom_testkit::{Nobody, Probe};
use serde_json::json;

use crate::support::{PASSWORD, bearer, kit, request_code, sign_up, tokens, with_code, with_password};

#[tokio::test]
async fn every_query_hears_of_what_changes_it() {
    let kit = kit().await;
    let mut probe = Probe::new(&kit);
    let code = request_code(&kit, "ada@example.com").await;
    let ada = bearer(
        &kit,
        &tokens(&kit, with_code("ada@example.com", Some(&code))).await.unwrap(),
    );
    let default = kit.call(&ada, &GetOrCreateDefault::default()).await.unwrap().id;
    probe.subscribe(&ada, "auth:currentUser", json!({})).await;
    probe.subscribe(&ada, "auth:isAuthenticated", json!({})).await;
    probe.subscribe(&ada, "auth:getUserWorkspaces", json!({})).await;
    probe.subscribe(&ada, "workspaces:get", json!({ "id": default })).await;
    probe
        .subscribe(&ada, "workspaces:getByName", json!({ "name": "Engines" }))
        .await;
    probe
        .subscribe(&Nobody, "workspaces:get", json!({ "id": default }))
        .await;
    probe
        .subscribe(&Nobody, "workspaces:getPublicWorkspaceContext", json!({}))
        .await;
    probe
        .subscribe(
            &Nobody,
            "workspaces:validateOrigin",
            json!({ "workspaceId": default, "origin": "x" }),
        )
        .await;

    let request = CompleteSignupProfile::builder()
        .name("Ada")
        .workspace_name("Engines")
        .build();
    kit.call(&ada, &request).await.unwrap();
    probe.check("auth:completeSignupProfile").await;
    let workspace_id = kit.call(&ada, &Create::builder().name("Second").build()).await.unwrap();
    probe.check("workspaces:create").await;
    kit.call(&ada, &SwitchWorkspace::builder().workspace_id(workspace_id).build())
        .await
        .unwrap();
    probe.check("auth:switchWorkspace").await;
    sign_up(&kit, "eve@example.com").await;
    probe.check("a sign-up of somebody else").await;
    tokens(&kit, with_password("signIn", "eve@example.com", PASSWORD))
        .await
        .unwrap();
    probe.check("a sign-in of somebody else").await;
    kit.call(&ada, &SignOut::default()).await.unwrap();
    probe.check("auth:signOut").await;
    assert!(probe.reruns() > 0);
}
