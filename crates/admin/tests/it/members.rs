//! Members: what they may do to each other, also at the same moment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::{join, join_all};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceMemberId};
use opencom_core::{Code, Permission, Result, Role};
use opencom_schema::workspace_members;
use opencom_testkit::{Agent, Kit, Nobody, Person, Workspace};
use serde_json::{Value, json};

use crate::support::{entries, kit, refused};

async fn membership(kit: &Kit, agent: &Agent, ws: WorkspaceId) -> WorkspaceMemberId {
    workspace_members::table
        .filter(workspace_members::user_id.eq(agent.user_id))
        .filter(workspace_members::workspace_id.eq(ws))
        .select(workspace_members::id)
        .first(&mut kit.connection().await)
        .await
        .unwrap()
}

/// The roles of a workspace's members as they are stored.
async fn roles(kit: &Kit, ws: WorkspaceId) -> Vec<(UserId, Role)> {
    workspace_members::table
        .filter(workspace_members::workspace_id.eq(ws))
        .order((workspace_members::created_at, workspace_members::id))
        .select((workspace_members::user_id, workspace_members::role))
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}

async fn call(kit: &Kit, person: &impl Person, name: &str, arguments: Value) -> Result<Value> {
    kit.call_json(person, &format!("workspaceMembers:{name}"), arguments)
        .await
}

async fn update_role(kit: &Kit, person: &impl Person, ws: &Workspace, whom: &Agent, role: &str) -> Result<Value> {
    let arguments = json!({ "membershipId": membership(kit, whom, ws.id).await, "role": role });
    call(kit, person, "updateRole", arguments).await
}

async fn remove(kit: &Kit, person: &impl Person, ws: &Workspace, whom: &Agent) -> Result<Value> {
    call(
        kit,
        person,
        "remove",
        json!({ "membershipId": membership(kit, whom, ws.id).await }),
    )
    .await
}

async fn transfer(kit: &Kit, person: &impl Person, ws: &Workspace, to: &Agent) -> Result<Value> {
    let arguments = json!({ "workspaceId": ws.id, "newOwnerId": to.user_id });
    call(kit, person, "transferOwnership", arguments).await
}

#[tokio::test]
async fn members_are_listed_in_the_order_in_which_they_joined() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    kit.clock.advance(1);
    let agent = kit.agent(&ws, Role::Agent).await;
    let arguments = json!({ "workspaceId": ws.id });
    let listed = call(&kit, &agent, "listByWorkspace", arguments.clone()).await.unwrap();
    assert_eq!(listed[0]["userId"], json!(ws.owner.user_id));
    let second = listed[1].as_object().unwrap();
    let keys: Vec<_> = second.keys().map(String::as_str).collect();
    assert_eq!(keys, ["_id", "userId", "email", "name", "role", "createdAt"]);
    update_role(&kit, &ws.owner, &ws, &agent, "viewer").await.unwrap();
    let listed = call(&kit, &agent, "listByWorkspace", arguments.clone()).await.unwrap();
    assert_eq!(
        listed[1]["permissions"],
        json!(["conversations.read", "users.read", "articles.read", "audit.read"])
    );
    let role = call(&kit, &agent, "getMemberRole", arguments.clone()).await.unwrap();
    assert_eq!(
        role,
        json!({ "role": "viewer", "permissions": listed[1]["permissions"], "isOwner": false })
    );
    let role = call(&kit, &ws.owner, "getMemberRole", arguments.clone()).await.unwrap();
    assert_eq!(role, json!({ "role": "owner", "isOwner": true }));
    for name in ["listByWorkspace", "getWorkspacePendingInvitations"] {
        assert_eq!(call(&kit, &Nobody, name, arguments.clone()).await.unwrap(), json!([]));
    }
    assert_eq!(
        call(&kit, &Nobody, "getMemberRole", arguments).await.unwrap(),
        Value::Null
    );
    let mine = call(&kit, &agent, "listByUser", json!({})).await.unwrap();
    assert_eq!((&mine[0]["_id"], &mine[0]["role"]), (&json!(ws.id), &json!("viewer")));
}

#[tokio::test]
async fn a_role_comes_with_its_permissions() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    kit.set_permissions(&agent, ws.id, &["audit.read"]).await;
    let changed = update_role(&kit, &ws.owner, &ws, &agent, "admin").await.unwrap();
    assert_eq!(changed, json!({ "success": true }));
    let stored: Vec<String> = workspace_members::table
        .find(membership(&kit, &agent, ws.id).await)
        .select(workspace_members::permissions)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    let all: Vec<_> = Role::Admin
        .permissions()
        .map(|permission| permission.to_string())
        .collect();
    assert_eq!(stored, all);
    // And they count at once.
    update_role(&kit, &agent, &ws, &agent, "agent").await.unwrap();
    let error = update_role(&kit, &agent, &ws, &agent, "admin").await.unwrap_err();
    assert_eq!(error.message(), "Permission denied: users.manage");
    let id = membership(&kit, &agent, ws.id).await;
    let told = |old: &str, new: &str| {
        json!(["user.role.changed", "workspaceMember", id,
               { "targetUserId": agent.user_id, "previousRole": old, "newRole": new }])
    };
    assert_eq!(
        entries(&kit, ws.id).await,
        [told("agent", "admin"), told("admin", "agent")]
    );
}

#[tokio::test]
async fn owners_stay_and_only_leaders_make_admins() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (admin, clerk) = (kit.agent(&ws, Role::Admin).await, kit.agent(&ws, Role::Agent).await);
    kit.set_permissions(&clerk, ws.id, &["users.manage", "users.remove", "users.invite"])
        .await;
    refused(
        update_role(&kit, &admin, &ws, &ws.owner, "agent").await,
        Code::InvalidInput,
        "Cannot change owner role. Use ownership transfer instead.",
    );
    refused(
        remove(&kit, &admin, &ws, &ws.owner).await,
        Code::InvalidInput,
        "Cannot remove workspace owner. Transfer ownership first.",
    );
    let text = "Only owners and admins can promote users to admin";
    refused(
        update_role(&kit, &clerk, &ws, &clerk, "admin").await,
        Code::NotAuthorized,
        text,
    );
    let stranger = kit.user(None).await;
    let add = json!({ "workspaceId": ws.id, "userId": stranger.user_id, "role": "admin" });
    refused(call(&kit, &clerk, "add", add).await, Code::NotAuthorized, text);
    let unknown = json!({ "membershipId": WorkspaceMemberId::generate(), "role": "agent" });
    refused(
        call(&kit, &ws.owner, "updateRole", unknown.clone()).await,
        Code::NotFound,
        "Membership not found",
    );
    refused(
        call(&kit, &Nobody, "updateRole", unknown).await,
        Code::NotAuthenticated,
        "Not authenticated",
    );
    refused(
        update_role(&kit, &other.owner, &ws, &clerk, "viewer").await,
        Code::NotWorkspaceMember,
        "Not a member of this workspace",
    );
    assert!(entries(&kit, ws.id).await.is_empty());
}

#[tokio::test]
async fn the_last_admin_of_a_workspace_without_an_owner_stays() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let admin = kit.agent(&ws, Role::Admin).await;
    diesel::delete(workspace_members::table.filter(workspace_members::user_id.eq(ws.owner.user_id)))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    refused(
        update_role(&kit, &admin, &ws, &admin, "agent").await,
        Code::InvalidInput,
        "Cannot demote: workspace must have at least one admin",
    );
    refused(
        remove(&kit, &admin, &ws, &admin).await,
        Code::InvalidInput,
        "Cannot remove: workspace must have at least one admin",
    );
    // Of two who go at once, one stays.
    let second = kit.agent(&ws, Role::Admin).await;
    let (one, two) = join(remove(&kit, &admin, &ws, &admin), remove(&kit, &second, &ws, &second)).await;
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(roles(&kit, ws.id).await.len(), 1);
}

#[tokio::test]
async fn whoever_is_removed_is_out_at_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let agent = kit.agent(&ws, Role::Agent).await;
    let list = json!({ "workspaceId": ws.id });
    let members = call(&kit, &agent, "listByWorkspace", list.clone()).await.unwrap();
    assert_ne!(members, json!([]));
    let id = membership(&kit, &agent, ws.id).await;
    assert_eq!(
        remove(&kit, &ws.owner, &ws, &agent).await.unwrap(),
        json!({ "success": true })
    );
    let members = call(&kit, &agent, "listByWorkspace", list).await.unwrap();
    assert_eq!(members, json!([]));
    refused(
        call(&kit, &ws.owner, "remove", json!({ "membershipId": id })).await,
        Code::NotFound,
        "Membership not found",
    );
    assert_eq!(
        entries(&kit, ws.id).await,
        [json!(["user.removed", "workspaceMember", id,
                { "removedUserId": agent.user_id, "removedRole": "agent" }])]
    );
}

#[tokio::test]
async fn a_user_is_added_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let user = kit.user(None).await;
    let add = json!({ "workspaceId": ws.id, "userId": user.user_id, "role": "agent" });
    let added = join_all((0..5).map(|_| call(&kit, &ws.owner, "add", add.clone()))).await;
    let id = json!(membership(&kit, &user, ws.id).await);
    for added in added {
        assert_eq!(added.unwrap(), id);
    }
    assert_eq!(
        entries(&kit, ws.id).await,
        [json!(["user.invited", "workspaceMember", id,
                { "targetUserId": user.user_id, "role": "agent", "method": "direct_add" }])]
    );
    let nobody = json!({ "workspaceId": ws.id, "userId": UserId::generate(), "role": "agent" });
    refused(
        call(&kit, &ws.owner, "add", nobody).await,
        Code::NotFound,
        "User not found",
    );
}

#[tokio::test]
async fn ownership_goes_from_the_owner_to_a_member() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (admin, stranger) = (kit.agent(&ws, Role::Admin).await, kit.workspace().await.owner);
    let only_owners = "Only the workspace owner can transfer ownership";
    for nobody in [&admin, &stranger] {
        refused(
            transfer(&kit, nobody, &ws, &admin).await,
            Code::NotAuthorized,
            only_owners,
        );
    }
    refused(
        transfer(&kit, &ws.owner, &ws, &stranger).await,
        Code::NotFound,
        "New owner must be an existing workspace member",
    );
    refused(
        transfer(&kit, &ws.owner, &ws, &ws.owner).await,
        Code::InvalidInput,
        "You are the owner of this workspace already",
    );
    // A list of permissions says nothing about it.
    kit.set_permissions(&ws.owner, ws.id, &["users.read"]).await;
    assert_eq!(
        transfer(&kit, &ws.owner, &ws, &admin).await.unwrap(),
        json!({ "success": true })
    );
    assert_eq!(
        roles(&kit, ws.id).await,
        [(ws.owner.user_id, Role::Admin), (admin.user_id, Role::Owner)]
    );
    refused(
        transfer(&kit, &ws.owner, &ws, &admin).await,
        Code::NotAuthorized,
        only_owners,
    );
    let id = membership(&kit, &admin, ws.id).await;
    assert_eq!(
        entries(&kit, ws.id).await,
        [json!(["user.ownership.transferred", "workspaceMember", id,
                { "previousOwnerId": ws.owner.user_id, "newOwnerId": admin.user_id }])]
    );
}

#[tokio::test]
async fn of_many_transfers_at_once_one_counts() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let mut heirs = Vec::new();
    for _ in 0..6 {
        heirs.push(kit.agent(&ws, Role::Agent).await);
    }
    let done = join_all(heirs.iter().map(|heir| transfer(&kit, &ws.owner, &ws, heir))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    let owners = roles(&kit, ws.id).await;
    assert_eq!(owners.iter().filter(|(_, role)| *role == Role::Owner).count(), 1);
}

#[tokio::test]
async fn whoever_is_demoted_at_this_moment_changes_nothing_any_more() {
    for _ in 0..5 {
        let kit = kit().await;
        let ws = kit.workspace().await;
        let (admin, friend) = (kit.agent(&ws, Role::Admin).await, kit.agent(&ws, Role::Viewer).await);
        let (demoted, raised) = join(
            update_role(&kit, &ws.owner, &ws, &admin, "viewer"),
            update_role(&kit, &admin, &ws, &friend, "admin"),
        )
        .await;
        demoted.unwrap();
        // The one that came first decides: an admin raised the friend, or a viewer did not.
        let told = entries(&kit, ws.id).await;
        let of_friend = told.iter().position(|entry| entry[3]["newRole"] == "admin");
        assert_eq!(raised.is_ok(), of_friend.is_some());
        if let Err(error) = raised {
            assert_eq!(error.message(), "Permission denied: users.manage");
        }
    }
}

#[tokio::test]
async fn permissions_are_given_by_those_who_have_them() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (clerk, agent) = (kit.agent(&ws, Role::Viewer).await, kit.agent(&ws, Role::Agent).await);
    kit.set_permissions(&clerk, ws.id, &["users.manage", "users.read"])
        .await;
    let give = async |person: &Agent, whom: &Agent, permissions: Value| {
        let arguments = json!({ "membershipId": membership(&kit, whom, ws.id).await, "permissions": permissions });
        call(&kit, person, "updatePermissions", arguments).await
    };
    give(
        &ws.owner,
        &agent,
        json!(["audit.read", "conversations.read", "audit.read"]),
    )
    .await
    .unwrap();
    let may = async |permission: Permission| {
        let access = json!({ "workspaceId": ws.id });
        let role = call(&kit, &agent, "getMemberRole", access).await.unwrap();
        role["permissions"].as_array().unwrap().contains(&json!(permission))
    };
    assert!(may(Permission::AuditRead).await && !may(Permission::ConversationsReply).await);
    give(&clerk, &agent, json!(["audit.read", "users.read"])).await.unwrap();
    for himself in [&clerk, &agent] {
        refused(
            give(&clerk, himself, json!(["data.delete"])).await,
            Code::NotAuthorized,
            "You cannot give a permission that you do not have: data.delete",
        );
    }
    refused(
        give(&clerk, &clerk, json!([])).await,
        Code::NotAuthorized,
        "You cannot give a permission that you do not have: conversations.read",
    );
    refused(
        give(&clerk, &ws.owner, json!(["users.read"])).await,
        Code::InvalidInput,
        "Cannot change owner role. Use ownership transfer instead.",
    );
    let id = membership(&kit, &agent, ws.id).await;
    let told = |permissions: Value| {
        json!(["user.role.changed", "workspaceMember", id,
               { "targetUserId": agent.user_id, "previousRole": "agent", "newRole": "agent",
                 "permissions": permissions }])
    };
    assert_eq!(
        entries(&kit, ws.id).await,
        [
            told(json!(["conversations.read", "audit.read"])),
            told(json!(["users.read", "audit.read"]))
        ]
    );
}
