//! Signing up and in with a code by e-mail.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::{join, join_all};
use opencom_contract::auth::{CurrentUser, SignIn, SignInParams};
use opencom_core::{Code, Millis, Role};
use opencom_schema::{auth_accounts, auth_verification_codes, users, workspaces};
use opencom_testkit::Nobody;
use serde_json::json;

use crate::support::{
    PASSWORD, another, bearer, kit, refused, request_code, sign_up, tokens, tokens_if_any, with_code, with_password,
};

#[tokio::test]
async fn a_request_sends_a_mail_and_leaves_no_user_behind() {
    let kit = kit().await;
    let started = kit
        .call_json(
            &Nobody,
            "auth:signIn",
            json!({ "provider": "resend-otp", "params": { "email": " Ada@Example.com" } }),
        )
        .await
        .unwrap();
    assert_eq!(started, json!({ "started": true }));
    let mails = kit.mail.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Your Opencom verification code");
    assert_eq!(mails[0].to[0].address(), "ada@example.com");
    let connection = &mut kit.connection().await;
    assert_eq!(users::table.count().get_result::<i64>(connection).await.unwrap(), 0);
    assert_eq!(
        workspaces::table.count().get_result::<i64>(connection).await.unwrap(),
        0
    );
    assert_eq!(
        auth_accounts::table
            .count()
            .get_result::<i64>(connection)
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn a_code_makes_the_user_and_works_once() {
    let kit = kit().await;
    let code = request_code(&kit, "Ada@example.com").await;
    let signed_in = tokens(&kit, with_code("ada@EXAMPLE.com", Some(&code))).await.unwrap();
    let me = kit
        .call(&bearer(&kit, &signed_in), &CurrentUser::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(me.user.email.as_deref(), Some("ada@example.com"));
    assert_eq!(me.workspaces[0].workspace.name, "ada's Workspace");
    assert_eq!(me.workspaces[0].role, Role::Owner);
    let again = tokens(&kit, with_code("ada@example.com", Some(&code))).await;
    refused(again, Code::NotAuthenticated, "Could not verify code");
    let code = request_code(&kit, "ada@example.com").await;
    let next = tokens(&kit, with_code("ada@example.com", Some(&code))).await.unwrap();
    assert_eq!(bearer(&kit, &next).0.user, me.user.id);
}

#[tokio::test]
async fn a_code_used_twice_at_once_signs_in_once() {
    let kit = kit().await;
    let code = request_code(&kit, "ada@example.com").await;
    let uses = (0..4).map(|_| tokens(&kit, with_code("ada@example.com", Some(&code))));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(uses).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for result in lost {
        refused(result, Code::NotAuthenticated, "Could not verify code");
    }
    assert_eq!(
        users::table
            .count()
            .get_result::<i64>(&mut kit.connection().await)
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_code_signs_in_the_user_who_has_the_address() {
    let kit = kit().await;
    let person = bearer(&kit, &sign_up(&kit, "ada@example.com").await);
    let code = request_code(&kit, "ada@example.com").await;
    let same = tokens(&kit, with_code("ada@example.com", Some(&code))).await.unwrap();
    assert_eq!(bearer(&kit, &same).0.user, person.0.user);
    assert_eq!(
        workspaces::table
            .count()
            .get_result::<i64>(&mut kit.connection().await)
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_code_and_a_password_for_a_new_address_at_once_make_one_user() {
    let kit = kit().await;
    let code = request_code(&kit, "ada@example.com").await;
    let by_code = tokens(&kit, with_code("ada@example.com", Some(&code)));
    let by_password = tokens(&kit, with_password("signUp", "ada@example.com", PASSWORD));
    let (by_code, by_password) = join(by_code, by_password).await;
    let user = bearer(&kit, &by_code.unwrap()).0.user;
    match by_password {
        Ok(tokens) => assert_eq!(bearer(&kit, &tokens).0.user, user),
        refusal => {
            refused(refusal, Code::AlreadyExists, "Account ada@example.com already exists");
        }
    }
    let connection = &mut kit.connection().await;
    assert_eq!(users::table.count().get_result::<i64>(connection).await.unwrap(), 1);
    assert_eq!(
        workspaces::table.count().get_result::<i64>(connection).await.unwrap(),
        1
    );
}

#[tokio::test]
async fn a_code_is_good_for_its_address_and_ten_minutes() {
    let kit = kit().await;
    let code = request_code(&kit, "ada@example.com").await;
    let foreign = tokens(&kit, with_code("eve@example.com", Some(&code))).await;
    refused(foreign, Code::NotAuthenticated, "Could not verify code");
    kit.clock.advance(10 * Millis::MINUTE);
    let late = tokens(&kit, with_code("ada@example.com", Some(&code))).await;
    refused(late, Code::NotAuthenticated, "Could not verify code");
    let kept: i64 = auth_verification_codes::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(kept, 0, "an expired code is used up");
}

#[tokio::test]
async fn a_new_code_replaces_the_old_one() {
    let kit = kit().await;
    let old = request_code(&kit, "ada@example.com").await;
    let mut new = request_code(&kit, "ada@example.com").await;
    while new == old {
        new = request_code(&kit, "ada@example.com").await;
    }
    let outdated = tokens(&kit, with_code("ada@example.com", Some(&old))).await;
    refused(outdated, Code::NotAuthenticated, "Could not verify code");
    tokens(&kit, with_code("ada@example.com", Some(&new))).await.unwrap();
}

#[tokio::test]
async fn after_ten_wrong_codes_the_right_one_has_to_wait() {
    let kit = kit().await;
    let code = request_code(&kit, "ada@example.com").await;
    for _ in 0..10 {
        let wrong = tokens(&kit, with_code("ada@example.com", Some(another(&code)))).await;
        refused(wrong, Code::NotAuthenticated, "Could not verify code");
    }
    let limited = tokens(&kit, with_code("ada@example.com", Some(&code))).await;
    let error = refused(limited, Code::RateLimited, "Could not verify code");
    assert!(error.data().retry_after_ms.is_some());
    let mut by_link = with_code("ada@example.com", Some(&code));
    by_link.provider = None;
    assert!(tokens_if_any(&kit, &Nobody, by_link).await.unwrap().is_none());
    kit.clock.advance(6 * Millis::MINUTE);
    tokens(&kit, with_code("ada@example.com", Some(&code))).await.unwrap();
}

#[tokio::test]
async fn ten_codes_an_hour_are_sent_to_an_address() {
    let kit = kit().await;
    for _ in 0..10 {
        request_code(&kit, "ada@example.com").await;
    }
    let limited = kit.call(&Nobody, &with_code("ADA@example.com", None)).await;
    let error = refused(limited, Code::RateLimited, "Too many requests, please try again later");
    assert!(error.data().retry_after_ms.is_some());
    assert!(kit.mail.take().is_empty());
    request_code(&kit, "eve@example.com").await;
}

#[tokio::test]
async fn a_code_by_link_is_no_error_when_it_is_not_good() {
    let kit = kit().await;
    let code = request_code(&kit, "ada@example.com").await;
    let by_link = |email: Option<&str>, code: &str| {
        SignIn::builder()
            .params(SignInParams {
                email: email.map(str::to_owned),
                code: Some(code.to_owned()),
                ..SignInParams::default()
            })
            .build()
    };
    for (email, code) in [(Some("ada@example.com"), another(&code)), (None, code.as_str())] {
        assert!(
            tokens_if_any(&kit, &Nobody, by_link(email, code))
                .await
                .unwrap()
                .is_none()
        );
    }
    assert!(
        tokens_if_any(&kit, &Nobody, by_link(Some("ada@example.com"), &code))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_parameters_is_named() {
    let kit = kit().await;
    for (params, field, text) in [
        (json!({}), "params.email", "Email is required for signup"),
        (json!({ "email": 7 }), "params.email", "Email is required for signup"),
        (
            json!({ "email": "nonsense" }),
            "params.email",
            "The e-mail address is not valid",
        ),
        (
            json!({ "code": "123456" }),
            "params.email",
            "Token verification requires an `email` in params of `signIn`.",
        ),
        (
            json!({ "email": "a@b.com", "redirectTo": "https://evil.example" }),
            "params.redirectTo",
            "Invalid `redirectTo` https://evil.example for configured SITE_URL: http://opencom.test",
        ),
    ] {
        let request = json!({ "provider": "resend-otp", "params": params });
        let error = refused(
            kit.call_json(&Nobody, "auth:signIn", request).await,
            Code::InvalidInput,
            text,
        );
        assert_eq!(error.data().field.as_deref(), Some(field), "{params}");
    }
    assert!(kit.mail.take().is_empty());
}
