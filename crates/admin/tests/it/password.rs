//! Signing up and in with a password.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::auth::{CurrentUser, IsAuthenticated, LegacyRole, SignIn, SignInParams};
use opencom_core::id::{UserId, WorkspaceId, WorkspaceInvitationId};
use opencom_core::{Code, Int, Millis, Role};
use opencom_schema::{audit_logs, auth_accounts, auth_rate_limits, users, workspace_invitations, workspaces};
use opencom_testkit::{Kit, Nobody, Workspace};
use serde_json::json;

use crate::support::{PASSWORD, bearer, kit, refused, sign_up, tokens, tokens_if_any, with_password};

#[tokio::test]
async fn a_sign_up_makes_a_user_who_owns_a_workspace() {
    let kit = kit().await;
    let mut request = with_password("signUp", " Ada@Example.com ", PASSWORD);
    request.params.as_mut().unwrap().name = Some(" Ada ".to_owned());
    let tokens = tokens(&kit, request).await.unwrap();
    let me = kit
        .call(&bearer(&kit, &tokens), &CurrentUser::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(me.user.email.as_deref(), Some("ada@example.com"));
    assert_eq!(me.user.name.as_deref(), Some("Ada"));
    assert_eq!(me.user.role, Some(LegacyRole::Admin));
    assert_eq!(me.workspaces.len(), 1);
    assert_eq!(me.workspaces[0].workspace.name, "Ada's Workspace");
    assert_eq!(me.workspaces[0].role, Role::Owner);
    assert_eq!(me.user.workspace_id, Some(me.workspaces[0].workspace.id));
    let secret: Option<String> = auth_accounts::table
        .select(auth_accounts::secret)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert!(secret.unwrap().starts_with("$argon2id$"));
}

#[tokio::test]
async fn a_sign_up_may_name_its_workspace() {
    let kit = kit().await;
    let mut request = with_password("signUp", "ada@example.com", PASSWORD);
    request.params.as_mut().unwrap().workspace_name = Some(" Engines ".to_owned());
    let tokens = tokens(&kit, request).await.unwrap();
    let me = kit
        .call(&bearer(&kit, &tokens), &CurrentUser::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(me.workspaces[0].workspace.name, "Engines");
    assert_eq!(me.user.name, None);
}

#[tokio::test]
async fn an_address_that_exists_cannot_sign_up_whatever_the_password() {
    let kit = kit().await;
    sign_up(&kit, "ada@example.com").await;
    for password in [PASSWORD, "another one"] {
        let again = tokens(&kit, with_password("signUp", "ADA@example.com", password)).await;
        refused(again, Code::AlreadyExists, "Account ada@example.com already exists");
    }
    // A user without a password is no less a user.
    let user = kit.user(None).await;
    let taken = tokens(&kit, with_password("signUp", &user.email, PASSWORD)).await;
    refused(
        taken,
        Code::AlreadyExists,
        &format!("Account {} already exists", user.email),
    );
}

#[tokio::test]
async fn sign_ups_with_a_taken_address_count_as_failed_attempts() {
    let kit = kit().await;
    sign_up(&kit, "ada@example.com").await;
    for _ in 0..10 {
        let again = tokens(&kit, with_password("signUp", "ada@example.com", PASSWORD)).await;
        refused(again, Code::AlreadyExists, "Account ada@example.com already exists");
    }
    let limited = tokens(&kit, with_password("signUp", "ada@example.com", PASSWORD)).await;
    refused(limited, Code::RateLimited, "TooManyFailedAttempts");
}

#[tokio::test]
async fn of_two_sign_ups_at_once_one_wins() {
    let kit = kit().await;
    let attempts = (0..2).map(|_| tokens(&kit, with_password("signUp", "ada@example.com", PASSWORD)));
    let results = join_all(attempts).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 1));
    for result in lost {
        refused(result, Code::AlreadyExists, "Account ada@example.com already exists");
    }
    let connection = &mut kit.connection().await;
    assert_eq!(users::table.count().get_result::<i64>(connection).await.unwrap(), 1);
    assert_eq!(
        workspaces::table.count().get_result::<i64>(connection).await.unwrap(),
        1
    );
}

#[tokio::test]
async fn a_sign_in_needs_the_right_password() {
    let kit = kit().await;
    sign_up(&kit, "ada@example.com").await;
    let right = tokens(&kit, with_password("signIn", " ADA@example.com", PASSWORD))
        .await
        .unwrap();
    assert!(
        kit.call(&bearer(&kit, &right), &IsAuthenticated::default())
            .await
            .unwrap()
    );
    for wrong in ["", "Correct horse"] {
        refused(
            tokens(&kit, with_password("signIn", "ada@example.com", wrong)).await,
            Code::NotAuthenticated,
            "InvalidSecret",
        );
    }
    refused(
        tokens(&kit, with_password("signIn", "eve@example.com", PASSWORD)).await,
        Code::NotAuthenticated,
        "InvalidAccountId",
    );
}

#[tokio::test]
async fn ten_failures_are_answered_and_then_none() {
    let kit = kit().await;
    sign_up(&kit, "ada@example.com").await;
    for _ in 0..10 {
        let wrong = tokens(&kit, with_password("signIn", "ada@example.com", "wrong")).await;
        refused(wrong, Code::NotAuthenticated, "InvalidSecret");
    }
    let limited = tokens(&kit, with_password("signIn", "ada@example.com", PASSWORD)).await;
    let error = refused(limited, Code::RateLimited, "TooManyFailedAttempts");
    let Some(Int(wait)) = error.data().retry_after_ms else {
        panic!("no time to wait")
    };
    assert!((5 * Millis::MINUTE..=6 * Millis::MINUTE).contains(&wait), "{wait}");
    kit.clock.advance(wait);
    tokens(&kit, with_password("signIn", "ada@example.com", PASSWORD))
        .await
        .unwrap();
    let buckets: i64 = auth_rate_limits::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(buckets, 0, "a success fills the bucket");
}

#[tokio::test]
async fn of_many_guesses_at_once_ten_are_answered() {
    let kit = kit().await;
    sign_up(&kit, "ada@example.com").await;
    let guesses = (0..14).map(|_| tokens(&kit, with_password("signIn", "ada@example.com", "wrong")));
    let codes: Vec<Code> = join_all(guesses)
        .await
        .into_iter()
        .map(|result| result.err().unwrap().code())
        .collect();
    assert_eq!(codes.iter().filter(|&&code| code == Code::NotAuthenticated).count(), 10);
    assert_eq!(codes.iter().filter(|&&code| code == Code::RateLimited).count(), 4);
}

#[tokio::test]
async fn what_is_missing_is_named_in_the_order_of_the_contract() {
    let kit = kit().await;
    let no_flow = "Missing `flow` param, it must be one of \"signUp\", \"signIn\", \"reset\", \"reset-verification\" \
                   or \"email-verification\"!";
    for (params, field, text) in [
        (json!({ "flow": "signUp" }), "params.password", "Invalid password"),
        (
            json!({ "flow": "signUp", "email": "a@b.c", "password": "1234567" }),
            "params.password",
            "Invalid password",
        ),
        (
            json!({ "flow": "signUp", "password": PASSWORD }),
            "params.email",
            "Email is required for signup",
        ),
        (
            json!({ "flow": "signUp", "email": " ", "password": PASSWORD }),
            "params.email",
            "Email is required for signup",
        ),
        (
            json!({ "flow": "signIn", "email": "a@b.c" }),
            "params.password",
            "Missing `password` param for `signIn` flow",
        ),
        (
            json!({ "flow": "reset", "email": "a@b.c" }),
            "params.flow",
            "Password reset is not enabled for password",
        ),
        (
            json!({ "flow": "reset-verification", "email": "a@b.c" }),
            "params.newPassword",
            "Invalid password",
        ),
        (
            json!({ "flow": "reset-verification", "email": "a@b.c", "newPassword": PASSWORD }),
            "params.flow",
            "Password reset is not enabled for password",
        ),
        (
            json!({ "flow": "email-verification", "email": "a@b.c" }),
            "params.flow",
            "Email verification is not enabled for password",
        ),
        (json!({ "flow": "other", "email": "a@b.c" }), "params.flow", no_flow),
        (json!({ "email": "a@b.c" }), "params.flow", no_flow),
    ] {
        let request = json!({ "provider": "password", "params": params });
        let error = refused(
            kit.call_json(&Nobody, "auth:signIn", request).await,
            Code::InvalidInput,
            text,
        );
        assert_eq!(error.data().field.as_deref(), Some(field), "{params}");
    }
}

#[tokio::test]
async fn a_provider_must_be_known() {
    let kit = kit().await;
    let unknown = SignIn::builder().provider("github").build();
    let text = "Provider `github` is not configured, available providers are `password`, `resend-otp`.";
    refused(kit.call(&Nobody, &unknown).await, Code::InvalidInput, text);
    let text = "Cannot sign in: Missing `provider`, `params.code` or `refreshToken`";
    refused(kit.call(&Nobody, &SignIn::default()).await, Code::InvalidInput, text);
    let empty = SignIn::builder().params(SignInParams::default()).build();
    refused(kit.call(&Nobody, &empty).await, Code::InvalidInput, text);
}

#[tokio::test]
async fn a_sign_in_ends_the_session_that_the_caller_comes_with() {
    let kit = kit().await;
    let first = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    let elsewhere = bearer(
        &kit,
        &tokens(&kit, with_password("signIn", "ada@example.com", PASSWORD))
            .await
            .unwrap(),
    );
    let request = with_password("signIn", "ada@example.com", PASSWORD);
    let second = bearer(&kit, &tokens_if_any(&kit, &first, request).await.unwrap().unwrap());
    assert!(!kit.call(&first, &IsAuthenticated::default()).await.unwrap());
    assert!(kit.call(&second, &IsAuthenticated::default()).await.unwrap());
    assert!(kit.call(&elsewhere, &IsAuthenticated::default()).await.unwrap());
}

async fn invite(kit: &Kit, workspace: &Workspace, email: &str, status: &str) {
    diesel::insert_into(workspace_invitations::table)
        .values((
            workspace_invitations::id.eq(WorkspaceInvitationId::generate()),
            workspace_invitations::workspace_id.eq(workspace.id),
            workspace_invitations::email.eq(email),
            workspace_invitations::role.eq(Role::Viewer),
            workspace_invitations::invited_by.eq(workspace.owner.user_id),
            workspace_invitations::status.eq(status),
            workspace_invitations::created_at.eq(kit.clock.now()),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_sign_up_joins_those_who_invited_and_whose_rules_let_it_in() {
    let kit = kit().await;
    let (open, codes_only, other_domain, declined) = (
        kit.workspace().await,
        kit.workspace().await,
        kit.workspace().await,
        kit.workspace().await,
    );
    for (workspace, status) in [
        (&open, "pending"),
        (&codes_only, "pending"),
        (&other_domain, "pending"),
        (&declined, "declined"),
    ] {
        invite(&kit, workspace, "ada@example.com", status).await;
    }
    let connection = &mut kit.connection().await;
    diesel::update(workspaces::table.find(codes_only.id))
        .set(workspaces::auth_methods.eq(vec!["otp"]))
        .execute(connection)
        .await
        .unwrap();
    diesel::update(workspaces::table.find(other_domain.id))
        .set((
            workspaces::signup_mode.eq("domain-allowlist"),
            workspaces::allowed_domains.eq(vec!["other.com"]),
        ))
        .execute(connection)
        .await
        .unwrap();

    let person = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    let me = kit.call(&person, &CurrentUser::default()).await.unwrap().unwrap();
    let joined: Vec<(WorkspaceId, Role)> = me.workspaces.iter().map(|one| (one.workspace.id, one.role)).collect();
    assert_eq!(joined.len(), 2);
    assert_eq!(
        Some(joined[0].0),
        me.user.workspace_id,
        "the own workspace stays the active one"
    );
    assert_eq!(joined[1], (open.id, Role::Viewer));
    let waiting: Vec<WorkspaceId> = workspace_invitations::table
        .filter(workspace_invitations::status.eq("pending"))
        .order(workspace_invitations::workspace_id)
        .select(workspace_invitations::workspace_id)
        .load(connection)
        .await
        .unwrap();
    let mut refused = [codes_only.id, other_domain.id];
    refused.sort();
    assert_eq!(waiting, refused);
    let audited: Vec<(WorkspaceId, Option<UserId>, String)> = audit_logs::table
        .select((audit_logs::workspace_id, audit_logs::actor_id, audit_logs::action))
        .load(connection)
        .await
        .unwrap();
    assert_eq!(audited, [(open.id, Some(me.user.id), "user.invited".to_owned())]);
}
