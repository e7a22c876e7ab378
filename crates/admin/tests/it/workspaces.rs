//! Workspaces.

use opencom_runtime::topic;
use opencom_testkit::Settings;
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::articles::{InternalOldestPublicWorkspace, InternalWorkspacesWithSlug};
use opencom_contract::workspaces::{
    Create, Get, GetByName, GetOrCreateDefault, GetPublicWorkspaceContext, ValidateOrigin, WorkspaceView,
};
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::{Code, Role};
use opencom_runtime::access::IDENTITY_SECRET;
use opencom_schema::{audit_logs, users, workspace_members, workspaces};
use opencom_testkit::{Agent, Kit, Nobody, Person};
use serde_json::{Value, json};

use crate::support::{contexts, kit, refused};

/// Gives a workspace the secret `s3cret`.
pub(crate) async fn set_secret(kit: &Kit, workspace: WorkspaceId) {
    let sealed = kit.server.master_key.seal_text(IDENTITY_SECRET, "s3cret").unwrap();
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::identity_secret_sealed.eq(sealed))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
}

async fn rename(kit: &Kit, workspace: WorkspaceId, name: &str) {
    diesel::update(workspaces::table.find(workspace))
        .set(workspaces::name.eq(name))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
}

async fn leave(kit: &Kit, agent: &Agent, workspace: WorkspaceId) {
    diesel::delete(workspace_members::table)
        .filter(workspace_members::user_id.eq(agent.user_id))
        .filter(workspace_members::workspace_id.eq(workspace))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    kit.server.topics.publish(&[topic::memberships_of_user(agent.user_id)]);
}

async fn count_workspaces(kit: &Kit) -> i64 {
    workspaces::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap()
}

async fn secret_seen_by(kit: &Kit, person: &impl Person, id: WorkspaceId) -> Option<String> {
    match kit.call(person, &Get::builder().id(id).build()).await.unwrap().unwrap() {
        WorkspaceView::Member(workspace) => workspace.identity_secret,
        WorkspaceView::Public(_) => panic!("not seen as a member"),
    }
}

#[tokio::test]
async fn the_secret_is_for_owners_and_admins() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    set_secret(&kit, ws.id).await;
    for (role, seen) in [(Role::Admin, true), (Role::Agent, false), (Role::Viewer, false)] {
        let agent = kit.agent(&ws, role).await;
        kit.set_permissions(&agent, ws.id, &["settings.security"]).await;
        assert_eq!(secret_seen_by(&kit, &agent, ws.id).await.is_some(), seen, "{role}");
    }
    assert_eq!(secret_seen_by(&kit, &ws.owner, ws.id).await.as_deref(), Some("s3cret"));
}

#[tokio::test]
async fn everybody_else_sees_id_name_and_age() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let arguments = json!({ "id": ws.id });
    for seen in [
        kit.call_json(&Nobody, "workspaces:get", arguments.clone())
            .await
            .unwrap(),
        kit.call_json(&other.owner, "workspaces:get", arguments.clone())
            .await
            .unwrap(),
    ] {
        let keys: Vec<&String> = seen.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["_id", "_creationTime", "name", "createdAt"]);
    }
    assert!(
        kit.call(&ws.owner, &Get::builder().id(WorkspaceId::generate()).build())
            .await
            .unwrap()
            .is_none()
    );
    let foreign = kit
        .call_json(&Nobody, "workspaces:get", json!({ "id": UserId::generate() }))
        .await
        .unwrap_err();
    assert_eq!(foreign.code(), Code::InvalidInput);
    assert_eq!(foreign.data().field.as_deref(), Some("id"));
}

#[tokio::test]
async fn the_oldest_workspace_of_a_name_is_found_by_its_members() {
    let kit = kit().await;
    let oldest = kit.workspace().await;
    kit.clock.advance(1);
    let newer = kit.workspace().await;
    for id in [oldest.id, newer.id] {
        rename(&kit, id, "Engines").await;
        set_secret(&kit, id).await;
    }
    let viewer = kit.agent(&oldest, Role::Viewer).await;
    let request = GetByName::builder().name("Engines").build();
    let seen = kit.call(&oldest.owner, &request).await.unwrap().unwrap();
    assert_eq!((seen.id, seen.identity_secret.as_deref()), (oldest.id, Some("s3cret")));
    let seen = kit.call(&viewer, &request).await.unwrap().unwrap();
    assert_eq!((seen.id, seen.identity_secret), (oldest.id, None));
    assert!(kit.call(&newer.owner, &request).await.unwrap().is_none());
    assert!(kit.call(&Nobody, &request).await.unwrap().is_none());
    assert!(
        kit.call(&oldest.owner, &GetByName::builder().name("engines").build())
            .await
            .unwrap()
            .is_none()
    );
}

fn create(name: &str) -> Create {
    Create::builder().name(name).build()
}

#[tokio::test]
async fn whoever_creates_a_workspace_owns_it() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let id = kit.call(&ws.owner, &create("Engines")).await.unwrap();
    let connection = &mut kit.connection().await;
    let members: Vec<(UserId, Role, Vec<String>)> = workspace_members::table
        .filter(workspace_members::workspace_id.eq(id))
        .select((
            workspace_members::user_id,
            workspace_members::role,
            workspace_members::permissions,
        ))
        .load(connection)
        .await
        .unwrap();
    assert_eq!(members, [(ws.owner.user_id, Role::Owner, Vec::new())]);
    let active: Option<WorkspaceId> = users::table
        .find(ws.owner.user_id)
        .select(users::workspace_id)
        .first(connection)
        .await
        .unwrap();
    assert_eq!(active, Some(ws.id), "the active workspace stays");
    type Logged = (
        WorkspaceId,
        Option<UserId>,
        String,
        String,
        String,
        Option<String>,
        Option<Value>,
    );
    let audited: Vec<Logged> = audit_logs::table
        .select((
            audit_logs::workspace_id,
            audit_logs::actor_id,
            audit_logs::actor_type,
            audit_logs::action,
            audit_logs::resource_type,
            audit_logs::resource_id,
            audit_logs::metadata,
        ))
        .load(connection)
        .await
        .unwrap();
    let metadata = json!({ "operation": "create_workspace", "name": "Engines" });
    let expected: Logged = (
        id,
        Some(ws.owner.user_id),
        "user".to_owned(),
        "workspace.settings.changed".to_owned(),
        "workspace".to_owned(),
        Some(id.to_string()),
        Some(metadata),
    );
    assert_eq!(audited, [expected]);
    refused(
        kit.call(&Nobody, &create("x")).await,
        Code::NotAuthenticated,
        "Not authenticated",
    );
}

#[tokio::test]
async fn a_name_means_the_callers_own_workspace_if_there_is_one() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let first = kit.call(&ws.owner, &create("Engines")).await.unwrap();
    assert_eq!(kit.call(&ws.owner, &create("Engines")).await.unwrap(), first);
    assert_ne!(kit.call(&other.owner, &create("Engines")).await.unwrap(), first);
    let unnamed = kit.call(&ws.owner, &create("")).await.unwrap();
    assert_ne!(unnamed, first);
}

#[tokio::test]
async fn a_workspace_created_twice_at_once_exists_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let request = create("Engines");
    let ids = join_all((0..5).map(|_| kit.call(&ws.owner, &request))).await;
    let first = *ids[0].as_ref().unwrap();
    assert!(ids.into_iter().all(|id| id.unwrap() == first));
    assert_eq!(count_workspaces(&kit).await, 2);
}

#[tokio::test]
async fn the_default_is_the_active_workspace() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    set_secret(&kit, ws.id).await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let seen = kit.call(&agent, &GetOrCreateDefault::default()).await.unwrap();
    assert_eq!((seen.id, seen.identity_secret), (ws.id, None));
    assert_eq!(count_workspaces(&kit).await, 1);
    refused(
        kit.call(&Nobody, &GetOrCreateDefault::default()).await,
        Code::NotAuthenticated,
        "Not authenticated",
    );
}

#[tokio::test]
async fn ten_at_once_who_have_no_workspace_left_get_the_same_new_one() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    leave(&kit, &agent, ws.id).await;
    let request = GetOrCreateDefault::default();
    let results = join_all((0..10).map(|_| kit.call(&agent, &request))).await;
    let made = results[0].as_ref().unwrap().clone();
    assert_eq!(made.name, "Default Workspace");
    assert_ne!(made.id, ws.id);
    assert!(results.into_iter().all(|result| result.unwrap() == made));
    assert_eq!(count_workspaces(&kit).await, 2);
    let metadata: Vec<Option<Value>> = audit_logs::table
        .select(audit_logs::metadata)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(metadata, [Some(json!({ "operation": "create_default_workspace" }))]);
}

#[tokio::test]
async fn whoever_lost_their_workspace_altogether_gets_a_new_one() {
    let kit = kit().await;
    let homeless = kit.user(None).await;
    let made = kit.call(&homeless, &GetOrCreateDefault::default()).await.unwrap();
    assert_eq!(kit.call(&homeless, &GetOrCreateDefault::default()).await.unwrap(), made);
}

#[tokio::test]
async fn origins_are_validated_by_the_workspaces_list() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let verdict = async |workspace_id, origin: &str| {
        let verdict = kit
            .call(
                &Nobody,
                &ValidateOrigin::builder()
                    .workspace_id(workspace_id)
                    .origin(origin)
                    .build(),
            )
            .await
            .unwrap();
        (verdict.valid, verdict.reason)
    };
    let expect = |valid, reason: &str| (valid, reason.to_owned());
    assert_eq!(
        verdict(WorkspaceId::generate(), "https://a.com").await,
        expect(false, "Workspace not found")
    );
    assert_eq!(
        verdict(ws.id, "nonsense").await,
        expect(true, "No origin restrictions configured")
    );
    diesel::update(workspaces::table.find(ws.id))
        .set(workspaces::allowed_origins.eq(vec!["https://a.com"]))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(verdict(ws.id, "https://a.com").await, expect(true, "Origin allowed"));
    assert_eq!(
        verdict(ws.id, "https://u@a.com").await,
        expect(false, "Origin not in allowed list")
    );
    assert_eq!(
        verdict(ws.id, "nonsense").await,
        expect(false, "Origin must be a valid http(s) origin")
    );
}

#[tokio::test]
async fn without_a_clue_the_oldest_workspace_is_the_public_one() {
    let kit = kit().await;
    let anything = GetPublicWorkspaceContext::builder().build();
    assert!(kit.call(&Nobody, &anything).await.unwrap().is_none());
    let oldest = kit.workspace().await;
    kit.clock.advance(1);
    let newer = kit.workspace().await;
    diesel::update(workspaces::table.find(newer.id))
        .set(workspaces::help_center_access_policy.eq("restricted"))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let seen = kit
        .call_json(&Nobody, "workspaces:getPublicWorkspaceContext", json!({}))
        .await
        .unwrap();
    let name = format!("Workspace {}", oldest.id);
    assert_eq!(
        seen,
        json!({ "_id": oldest.id, "name": name, "helpCenterAccessPolicy": "public" })
    );
    let named = json!({ "workspaceId": newer.id });
    let seen = kit
        .call_json(&Nobody, "workspaces:getPublicWorkspaceContext", named)
        .await
        .unwrap();
    assert_eq!(seen["helpCenterAccessPolicy"], "restricted");
    let unknown = GetPublicWorkspaceContext::builder()
        .workspace_id(WorkspaceId::generate())
        .build();
    assert!(kit.call(&Nobody, &unknown).await.unwrap().is_none());
}

#[tokio::test]
async fn an_article_that_one_workspace_has_decides() {
    let kit = kit().await;
    let (first, second) = (kit.workspace().await.id, kit.workspace().await.id);
    // Articles `one` in `first`, `both` in both workspaces; `second` is the oldest with one.
    let settings = Settings {
        functions: Some(Arc::new(move |registry| {
            registry.answer::<InternalWorkspacesWithSlug>(move |_, request| {
                let found = match request.slug.as_str() {
                    "one" => vec![first],
                    "both" => vec![first, second],
                    _ => Vec::new(),
                };
                Box::pin(async { Ok(found) })
            });
            registry.answer::<InternalOldestPublicWorkspace>(move |_, _| Box::pin(async move { Ok(Some(second)) }));
            Ok(())
        })),
        ..Settings::default()
    };
    let kit = kit.replica_with(settings, contexts()).await;
    for (arguments, expected) in [
        (json!({ "articleSlug": "one" }), first),
        (json!({ "articleSlug": "both" }), second),
        (json!({ "articleSlug": "none" }), second),
        (json!({ "articleSlug": "" }), second),
        (json!({}), second),
        (json!({ "workspaceId": first, "articleSlug": "both" }), first),
    ] {
        let path = "workspaces:getPublicWorkspaceContext";
        let seen = kit.call_json(&Nobody, path, arguments.clone()).await.unwrap();
        assert_eq!(seen["_id"], json!(expected), "{arguments}");
    }
}
