//! What the tests of this crate share: signing in through the front door, and refusals.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_admin::{Admin, AdminParts, DEFAULT_LIFETIME};
use opencom_contract::auth::{SignIn, SignInParams, SignInResult, Tokens};
use opencom_core::auth::jwt::AgentIdentity;
use opencom_core::id::WorkspaceId;
use opencom_core::{Code, Error, Result};
use opencom_runtime::Caller;
use opencom_schema::audit_logs;
use opencom_testkit::{Contexts, Kit, Nobody, Parts, Person, Settings};
use serde_json::{Value, json};

/// The context alone.
pub(crate) fn contexts() -> Contexts {
    Arc::new(|parts| vec![Arc::new(Admin::new(admin_parts(parts)))])
}

pub(crate) fn admin_parts(parts: &Parts) -> AdminParts {
    AdminParts {
        jwt_keys: Arc::clone(&parts.jwt_keys),
        email: Arc::clone(&parts.email),
        mail_from: parts.mail_from.clone(),
        web_app_url: parts.settings.web_app_url.clone(),
        session_lifetime_ms: DEFAULT_LIFETIME,
        refresh_token_lifetime_ms: DEFAULT_LIFETIME,
    }
}

/// The context with the default settings.
pub(crate) async fn kit() -> Kit {
    kit_with(Settings::default()).await
}

/// The context with these settings.
pub(crate) async fn kit_with(settings: Settings) -> Kit {
    Kit::start_with(settings, contexts()).await
}

pub(crate) const PASSWORD: &str = "correct horse";

/// Whoever an access token speaks for.
#[derive(Clone, Copy)]
pub(crate) struct Bearer(pub(crate) AgentIdentity);

impl Person for Bearer {
    fn caller(&self) -> Caller {
        Caller::Agent(self.0)
    }
}

pub(crate) fn bearer(kit: &Kit, tokens: &Tokens) -> Bearer {
    let server = &kit.server;
    Bearer(
        kit.parts
            .jwt_keys
            .verify(&tokens.token, &server.public_url, server.clock.now())
            .unwrap()
            .identity,
    )
}

pub(crate) fn with_password(flow: &str, email: &str, password: &str) -> SignIn {
    let params = SignInParams {
        flow: Some(flow.to_owned()),
        email: Some(email.to_owned()),
        password: Some(password.to_owned()),
        ..SignInParams::default()
    };
    SignIn::builder().provider("password").params(params).build()
}

pub(crate) fn with_code(email: &str, code: Option<&str>) -> SignIn {
    let params = SignInParams {
        email: Some(email.to_owned()),
        code: code.map(str::to_owned),
        ..SignInParams::default()
    };
    SignIn::builder().provider("resend-otp").params(params).build()
}

pub(crate) fn with_refresh_token(token: &str) -> SignIn {
    SignIn::builder().refresh_token(token).build()
}

/// The tokens of a sign-in that must succeed, or `None` where the answer is `tokens: null`.
pub(crate) async fn tokens_if_any(kit: &Kit, person: &impl Person, request: SignIn) -> Result<Option<Tokens>> {
    match kit.call(person, &request).await? {
        SignInResult::Tokens { tokens } => Ok(tokens),
        SignInResult::Started { .. } => panic!("a code was sent"),
    }
}

pub(crate) async fn tokens(kit: &Kit, request: SignIn) -> Result<Tokens> {
    Ok(tokens_if_any(kit, &Nobody, request).await?.unwrap())
}

/// Signs up with [`PASSWORD`].
pub(crate) async fn sign_up(kit: &Kit, email: &str) -> Tokens {
    tokens(kit, with_password("signUp", email, PASSWORD)).await.unwrap()
}

/// Asks for a code and takes it out of the mail.
pub(crate) async fn request_code(kit: &Kit, email: &str) -> String {
    let result = kit.call(&Nobody, &with_code(email, None)).await.unwrap();
    assert!(matches!(result, SignInResult::Started { started: true }));
    let mail = kit.mail.take().pop().unwrap();
    let text = mail.text.clone().unwrap();
    text.split_whitespace()
        .find(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit()))
        .unwrap()
        .to_owned()
}

/// Some code that is not `code`.
pub(crate) fn another(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

#[track_caller]
pub(crate) fn refused<T>(result: Result<T>, code: Code, message: &str) -> Error {
    let Err(error) = result else {
        panic!("{message:?} was expected, but it succeeded")
    };
    assert_eq!((error.code(), error.message()), (code, message));
    error
}

/// What stands in the audit log of a workspace, oldest first: action, kind and id of the thing, metadata.
pub(crate) async fn entries(kit: &Kit, workspace: WorkspaceId) -> Vec<Value> {
    let rows: Vec<(String, String, Option<String>, Option<Value>)> = audit_logs::table
        .filter(audit_logs::workspace_id.eq(workspace))
        .order((audit_logs::timestamp, audit_logs::id))
        .select((
            audit_logs::action,
            audit_logs::resource_type,
            audit_logs::resource_id,
            audit_logs::metadata,
        ))
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    rows.into_iter().map(|row| json!(row)).collect()
}
