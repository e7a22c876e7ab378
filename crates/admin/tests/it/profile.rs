//! The signed-in user's own functions.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::auth::{CompleteSignupProfile, CurrentUser, GetUserWorkspaces, SwitchWorkspace};
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Role};
use opencom_schema::{users, workspaces};
use opencom_testkit::{Kit, Nobody, Person};
use serde_json::json;

use crate::support::{bearer, kit, refused, request_code, sign_up, tokens, with_code};
use crate::workspaces::set_secret;

#[tokio::test]
async fn the_current_user_sees_their_workspaces_and_only_their_own_secrets() {
    let kit = kit().await;
    let (own, other) = (kit.workspace().await, kit.workspace().await);
    set_secret(&kit, own.id).await;
    set_secret(&kit, other.id).await;
    kit.clock.advance(1);
    kit.join(&own.owner, other.id, Role::Viewer).await;
    let me = kit.call(&own.owner, &CurrentUser::default()).await.unwrap().unwrap();
    assert_eq!(me.user.id, own.owner.user_id);
    assert_eq!(me.user.workspace_id, Some(own.id));
    let seen: Vec<_> = me
        .workspaces
        .iter()
        .map(|one| (one.workspace.id, one.role, one.workspace.identity_secret.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [(own.id, Role::Owner, Some("s3cret")), (other.id, Role::Viewer, None)]
    );
    assert_eq!(
        kit.call(&own.owner, &GetUserWorkspaces::default()).await.unwrap(),
        me.workspaces
    );
    assert_eq!(kit.call(&Nobody, &GetUserWorkspaces::default()).await.unwrap(), []);
}

#[tokio::test]
async fn the_answer_has_the_shape_that_clients_know() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let me = kit.call_json(&ws.owner, "auth:currentUser", json!({})).await.unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&me), ["user", "workspaces"]);
    assert_eq!(keys(&me["user"]), ["_id", "email", "name", "workspaceId", "role"]);
    assert_eq!(
        keys(&me["workspaces"][0]),
        [
            "_id",
            "_creationTime",
            "name",
            "createdAt",
            "helpCenterAccessPolicy",
            "role"
        ]
    );
}

#[tokio::test]
async fn a_member_may_make_a_workspace_the_active_one() {
    let kit = kit().await;
    let (own, other, foreign) = (kit.workspace().await, kit.workspace().await, kit.workspace().await);
    kit.join(&own.owner, other.id, Role::Agent).await;
    let switched = kit
        .call(&own.owner, &SwitchWorkspace::builder().workspace_id(other.id).build())
        .await
        .unwrap();
    assert_eq!(
        (switched.user.workspace_id, switched.user.role),
        (other.id, Role::Agent)
    );
    let me = kit.call(&own.owner, &CurrentUser::default()).await.unwrap().unwrap();
    assert_eq!(me.user.workspace_id, Some(other.id));

    let text = "You are not a member of this workspace";
    for workspace_id in [foreign.id, WorkspaceId::generate()] {
        refused(
            kit.call(
                &own.owner,
                &SwitchWorkspace::builder().workspace_id(workspace_id).build(),
            )
            .await,
            Code::NotWorkspaceMember,
            text,
        );
    }
    let nobody = kit
        .call(&Nobody, &SwitchWorkspace::builder().workspace_id(other.id).build())
        .await;
    refused(nobody, Code::NotAuthenticated, "Not authenticated");
}

async fn complete(kit: &Kit, person: &impl Person, name: Option<&str>, workspace: Option<&str>) -> (bool, bool) {
    let request = CompleteSignupProfile::builder()
        .maybe_name(name)
        .maybe_workspace_name(workspace)
        .build();
    let completed = kit.call(person, &request).await.unwrap();
    assert!(completed.success);
    (completed.user_name_updated, completed.workspace_name_updated)
}

#[tokio::test]
async fn a_sign_up_by_code_is_completed_once() {
    let kit = kit().await;
    let code = request_code(&kit, "ada@example.com").await;
    let person = bearer(
        &kit,
        &tokens(&kit, with_code("ada@example.com", Some(&code))).await.unwrap(),
    );
    assert_eq!(complete(&kit, &person, Some(" "), Some("")).await, (false, false));
    assert_eq!(
        complete(&kit, &person, Some(" Ada "), Some(" Engines ")).await,
        (true, true)
    );
    let me = kit.call(&person, &CurrentUser::default()).await.unwrap().unwrap();
    assert_eq!(me.user.name.as_deref(), Some("Ada"));
    assert_eq!(me.workspaces[0].workspace.name, "Engines");
    assert_eq!(
        complete(&kit, &person, Some("Eve"), Some("Others")).await,
        (false, false)
    );
}

#[tokio::test]
async fn only_who_runs_a_workspace_renames_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let connection = &mut kit.connection().await;
    let born = format!("{}'s Workspace", agent.user_id);
    diesel::update(workspaces::table.find(ws.id))
        .set(workspaces::name.eq(&born))
        .execute(connection)
        .await
        .unwrap();
    assert_eq!(complete(&kit, &agent, None, Some("Taken over")).await, (false, false));
}

#[tokio::test]
async fn completing_needs_a_user_with_an_address_and_a_workspace() {
    let kit = kit().await;
    let request = CompleteSignupProfile::builder().build();
    refused(
        kit.call(&Nobody, &request).await,
        Code::NotAuthenticated,
        "Not authenticated",
    );
    let homeless = kit.user(None).await;
    refused(kit.call(&homeless, &request).await, Code::NotFound, "User not found");
    let person = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    diesel::update(users::table.find(person.0.user))
        .set(users::email.eq(None::<String>))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    refused(kit.call(&person, &request).await, Code::NotFound, "User not found");
}
