//! Invitations, up to the sign-up of those who were invited.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::workspaces::GetByName;
use opencom_core::id::WorkspaceInvitationId;
use opencom_core::{Code, Result, Role};
use opencom_schema::{workspace_invitations, workspaces};
use opencom_testkit::{Agent, Kit, Person, Settings, Workspace};
use serde_json::{Value, json};

use crate::support::{bearer, entries, kit, kit_with, refused, sign_up};

async fn call(kit: &Kit, person: &impl Person, name: &str, arguments: Value) -> Result<Value> {
    kit.call_json(person, &format!("workspaceMembers:{name}"), arguments)
        .await
}

async fn invite(kit: &Kit, person: &impl Person, ws: &Workspace, email: &str, role: &str) -> Result<Value> {
    let arguments = json!({ "workspaceId": ws.id, "email": email, "role": role, "baseUrl": "https://app.example.com" });
    call(kit, person, "inviteToWorkspace", arguments).await
}

async fn waiting(kit: &Kit, ws: &Workspace) -> Vec<Value> {
    let arguments = json!({ "workspaceId": ws.id });
    let waiting = call(kit, &ws.owner, "getWorkspacePendingInvitations", arguments).await;
    waiting.unwrap().as_array().unwrap().clone()
}

/// An invitation for somebody who is a user already.
async fn invitation_for(kit: &Kit, ws: &Workspace, email: &str) -> WorkspaceInvitationId {
    let id = WorkspaceInvitationId::generate();
    diesel::insert_into(workspace_invitations::table)
        .values((
            workspace_invitations::id.eq(id),
            workspace_invitations::workspace_id.eq(ws.id),
            workspace_invitations::email.eq(email),
            workspace_invitations::role.eq(Role::Agent),
            workspace_invitations::invited_by.eq(ws.owner.user_id),
            workspace_invitations::status.eq("pending"),
            workspace_invitations::created_at.eq(kit.clock.now()),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn whoever_is_invited_joins_by_signing_up() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let invited = invite(&kit, &ws.owner, &ws, " Ada@Example.com ", "agent")
        .await
        .unwrap();
    assert_eq!(invited, json!({ "status": "invited" }));
    let [waits] = &waiting(&kit, &ws).await[..] else {
        panic!("one invitation waits")
    };
    assert_eq!(waits["email"], "ada@example.com");
    assert_eq!(waits["inviterName"], json!(format!("Agent {}", ws.owner.user_id)));
    assert_eq!(waits["status"], "pending");
    kit.run_jobs().await;
    let [mail] = &kit.mail.take()[..] else {
        panic!("one mail was sent")
    };
    assert_eq!(
        mail.subject,
        format!("You've been invited to Workspace {} on Opencom", ws.id)
    );
    // The operator's own dashboard goes before what the caller says.
    let link = "http://dashboard.test/invite/accept?email=ada%40example.com";
    assert!(mail.text.as_ref().unwrap().contains(link), "{:?}", mail.text);

    let ada = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    assert!(waiting(&kit, &ws).await.is_empty());
    let mine = call(&kit, &ada, "listByUser", json!({})).await.unwrap();
    let roles: Vec<_> = mine.as_array().unwrap().iter().map(|ws| &ws["role"]).collect();
    assert_eq!(roles, ["owner", "agent"]);
    let told = entries(&kit, ws.id).await;
    assert_eq!(
        told,
        [
            json!(["user.invited", "workspaceInvitation", null,
                   { "targetEmail": "ada@example.com", "role": "agent", "method": "email_invite" }]),
            json!(["user.invited", "workspaceInvitation", waits["_id"],
                   { "invitationStatus": "accepted", "role": "agent", "invitedBy": ws.owner.user_id }]),
        ]
    );
}

#[tokio::test]
async fn whoever_is_a_user_is_added_at_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let user = kit.user(None).await;
    let added = invite(&kit, &ws.owner, &ws, &user.email, "viewer").await.unwrap();
    assert_eq!(added, json!({ "status": "added" }));
    kit.run_jobs().await;
    let mails = kit.mail.take();
    assert_eq!(
        mails[0].subject,
        format!("You've been added to Workspace {} on Opencom", ws.id)
    );
    assert_eq!(
        entries(&kit, ws.id).await,
        [json!(["user.invited", "workspaceMember", user.user_id,
                { "targetUserId": user.user_id, "targetEmail": user.email, "role": "viewer",
                  "method": "existing_user_add" }])]
    );
    refused(
        invite(&kit, &ws.owner, &ws, &user.email, "viewer").await,
        Code::AlreadyExists,
        "User is already a member of this workspace",
    );
}

#[tokio::test]
async fn an_address_is_invited_once_at_a_time() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let sent = join_all((0..5).map(|_| invite(&kit, &ws.owner, &ws, "ada@example.com", "agent"))).await;
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 1);
    for error in sent.into_iter().filter_map(Result::err) {
        assert_eq!(
            (error.code(), error.message()),
            (Code::AlreadyExists, "Invitation already sent to this email")
        );
    }
    kit.run_jobs().await;
    assert_eq!(kit.mail.take().len(), 1);
    // Another workspace asks for itself.
    let other = kit.workspace().await;
    invite(&kit, &other.owner, &other, "ada@example.com", "agent")
        .await
        .unwrap();
}

#[tokio::test]
async fn an_invitation_that_was_withdrawn_counts_no_longer() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    invite(&kit, &ws.owner, &ws, "ada@example.com", "agent").await.unwrap();
    let id = waiting(&kit, &ws).await[0]["_id"].clone();
    let withdraw = json!({ "invitationId": id });
    let done = call(&kit, &ws.owner, "cancelInvitation", withdraw.clone())
        .await
        .unwrap();
    assert_eq!(done, json!({ "success": true }));
    assert!(waiting(&kit, &ws).await.is_empty());
    let ada = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    let mine = call(&kit, &ada, "listByUser", json!({})).await.unwrap();
    assert_eq!(mine.as_array().unwrap().len(), 1);
    refused(
        call(&kit, &ada, "acceptInvitation", withdraw).await,
        Code::InvalidInput,
        "Invitation is no longer valid",
    );
    let told = entries(&kit, ws.id).await;
    assert_eq!(
        told[1],
        json!(["user.removed", "workspaceInvitation", id,
               { "invitationStatus": "declined", "targetEmail": "ada@example.com" }])
    );
    let unknown = json!({ "invitationId": WorkspaceInvitationId::generate() });
    for name in ["cancelInvitation", "acceptInvitation"] {
        refused(
            call(&kit, &ws.owner, name, unknown.clone()).await,
            Code::NotFound,
            "Invitation not found",
        );
    }
}

#[tokio::test]
async fn a_user_accepts_what_waits_for_their_address() {
    let kit = kit().await;
    let (ws, own) = (kit.workspace().await, kit.workspace().await);
    let user = &own.owner;
    let id = invitation_for(&kit, &ws, &user.email).await;
    let waits = call(&kit, user, "getPendingInvitations", json!({})).await.unwrap();
    assert_eq!(waits[0]["_id"], json!(id));
    assert_eq!(waits[0]["workspaceName"], json!(format!("Workspace {}", ws.id)));
    assert_eq!(waits[0]["inviterName"], json!(format!("Agent {}", ws.owner.user_id)));
    let accept = json!({ "invitationId": id });
    refused(
        call(&kit, &ws.owner, "acceptInvitation", accept.clone()).await,
        Code::NotAuthorized,
        "This invitation is not for you",
    );
    let twice = join_all((0..2).map(|_| call(&kit, user, "acceptInvitation", accept.clone()))).await;
    assert_eq!(twice.iter().filter(|done| done.is_ok()).count(), 1);
    let mine = call(&kit, user, "listByUser", json!({})).await.unwrap();
    assert_eq!(mine.as_array().unwrap().len(), 2);
    let none = call(&kit, user, "getPendingInvitations", json!({})).await.unwrap();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn a_workspace_with_a_list_of_domains_admits_those_alone() {
    let kit = kit().await;
    let (ws, own) = (kit.workspace().await, kit.workspace().await);
    let user: &Agent = &own.owner;
    let set = json!({ "workspaceId": ws.id, "signupMode": "domain-allowlist", "allowedDomains": ["engines.com"] });
    let set_path = "workspaces:updateSignupSettings";
    kit.call_json(&ws.owner, set_path, set.clone()).await.unwrap();
    let accept = json!({ "invitationId": invitation_for(&kit, &ws, &user.email).await });
    refused(
        call(&kit, user, "acceptInvitation", accept.clone()).await,
        Code::NotAuthorized,
        "Your e-mail address may not join this workspace",
    );
    let mut open = set;
    open["allowedDomains"] = json!(["example.com"]);
    kit.call_json(&ws.owner, set_path, open).await.unwrap();
    call(&kit, user, "acceptInvitation", accept).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_invited_is_refused() {
    let kit = kit_with(Settings {
        web_app_url: None,
        ..Settings::default()
    })
    .await;
    let ws = kit.workspace().await;
    for address in ["", "nobody", "a b@c.d", "a@b\r\nBcc: c@d.e"] {
        let error = refused(
            invite(&kit, &ws.owner, &ws, address, "agent").await,
            Code::InvalidInput,
            "The e-mail address is not valid",
        );
        assert_eq!(error.data().field.as_deref(), Some("email"));
    }
    let arguments =
        json!({ "workspaceId": ws.id, "email": "a@b.c", "role": "agent", "baseUrl": "javascript:alert(1)" });
    let error = call(&kit, &ws.owner, "inviteToWorkspace", arguments).await.unwrap_err();
    assert_eq!(error.data().field.as_deref(), Some("baseUrl"));
    let clerk = kit.agent(&ws, Role::Agent).await;
    kit.set_permissions(&clerk, ws.id, &["users.invite"]).await;
    refused(
        invite(&kit, &clerk, &ws, "ada@example.com", "admin").await,
        Code::NotAuthorized,
        "Only owners and admins can promote users to admin",
    );
    assert!(waiting(&kit, &ws).await.is_empty() && entries(&kit, ws.id).await.is_empty());
    // Without a dashboard of the operator's, links lead to the caller's.
    invite(&kit, &clerk, &ws, "ada@example.com", "agent").await.unwrap();
    kit.run_jobs().await;
    let mail = kit.mail.take().remove(0);
    let link = "https://app.example.com/invite/accept?email=ada%40example.com";
    assert!(mail.text.as_ref().unwrap().contains(link), "{:?}", mail.text);
}

/// The whole way of a team: sign up, invite, sign up, work, hand over.
#[tokio::test]
async fn a_team_comes_together() {
    let kit = kit().await;
    let ada = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    let name = "ada's Workspace".to_owned();
    let ws = kit
        .call(&ada, &GetByName::builder().name(name).build())
        .await
        .unwrap()
        .unwrap()
        .id;
    let arguments =
        json!({ "workspaceId": ws, "email": "bob@example.com", "role": "admin", "baseUrl": "https://a.com" });
    call(&kit, &ada, "inviteToWorkspace", arguments).await.unwrap();
    let bob = bearer(&kit, &sign_up(&kit, "bob@example.com").await);
    let members = json!({ "workspaceId": ws });
    let members = call(&kit, &bob, "listByWorkspace", members).await.unwrap();
    let transfer = json!({ "workspaceId": ws, "newOwnerId": members[1]["userId"] });
    call(&kit, &ada, "transferOwnership", transfer).await.unwrap();
    let remove = json!({ "membershipId": members[0]["_id"] });
    call(&kit, &bob, "remove", remove).await.unwrap();
    let mine = call(&kit, &ada, "listByUser", json!({})).await.unwrap();
    assert_eq!(mine, json!([]));
    let names: i64 = workspaces::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(names, 2);
}
