//! The routes of the function API.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use opencom_contract::Kind;
use opencom_core::{Code, Error};
use opencom_runtime::{Asker, FunctionHandle};

use super::address::address;
use super::answer::{self, TransportError};
use super::body::{self, Call};
use super::caller::caller;
use crate::compose::App;

type AnyApp = web::Data<App>;

/// `POST /api/query` and `/api/query_at_ts`: this server reads the present only, as that API's deprecation allows.
pub(super) async fn query(app: AnyApp, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&app, &request, payload, Some(Kind::Query)).await
}

/// `POST /api/mutation`.
pub(super) async fn mutation(app: AnyApp, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&app, &request, payload, Some(Kind::Mutation)).await
}

/// `POST /api/action`.
pub(super) async fn action(app: AnyApp, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&app, &request, payload, Some(Kind::Action)).await
}

/// `POST /api/function` and `/api/run/{path}`: a function of whatever kind it is.
pub(super) async fn function(app: AnyApp, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&app, &request, payload, None).await
}

/// `POST /api/run/{module path}/{function}`.
pub(super) async fn run(app: AnyApp, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&app, &request, payload, None).await
}

/// `POST /api/query_ts`: a moment to read at, as a base64 u64.
pub(super) async fn query_ts(app: AnyApp) -> HttpResponse {
    let nanoseconds = app.dispatcher.server().clock.now().0.unsigned_abs() * 1_000_000;
    HttpResponse::Ok().json(serde_json::json!({ "ts": opencom_core::auth::token::base64_u64(nanoseconds) }))
}

/// `POST /api/debug_event`: clients report long disconnections here.
pub(super) async fn debug_event() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({}))
}

async fn handle(app: &App, request: &HttpRequest, payload: Payload, kind: Option<Kind>) -> HttpResponse {
    let request_id = answer::request_id();
    match call(app, request, payload, kind).await {
        Ok(value) => answer::success(&value, &request_id),
        Err(CallError::Refused(error)) => answer::failure(&error, &request_id),
        Err(CallError::Transport(error)) => error.answer(&request_id),
    }
}

/// Why a call has no result.
enum CallError {
    /// The function's own error.
    Refused(Error),
    /// No function ran.
    Transport(TransportError),
}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

async fn call(app: &App, request: &HttpRequest, payload: Payload, kind: Option<Kind>) -> Result<String, CallError> {
    let caller = caller(app, request)?;
    let body = body::read(payload).await?;
    let call = if body.is_empty() {
        Call::parse(b"{}")?
    } else {
        Call::parse(&body)?
    };
    let arguments = call.arguments()?;
    let path = match request.match_info().get("path") {
        // The last segment is the function, the rest its module.
        Some(path) => path
            .rsplit_once('/')
            .map_or_else(|| path.to_owned(), |(module, name)| format!("{module}:{name}")),
        None => call.path.as_deref().unwrap_or_default().to_owned(),
    };
    let function = app.dispatcher.resolve(&path).map_err(|error| match error.code() {
        Code::InvalidInput => TransportError::new(StatusCode::BAD_REQUEST, "BadFunctionPath", error.message()).into(),
        _ => CallError::Refused(error),
    })?;
    let started = Instant::now();
    let asker = Asker {
        caller,
        address: address(app, request),
    };
    let outcome = match kind.map_or(Ok(()), |kind| function.ensure_kind(kind)) {
        Ok(()) => app.dispatcher.call(&function, arguments, asker).await,
        Err(error) => Err(error),
    };
    measure(&function, outcome.as_ref().err(), started);
    outcome.map_err(CallError::Refused)
}

pub(super) fn measure(function: &FunctionHandle, error: Option<&Error>, started: Instant) {
    let (path, code) = (function.path(), error.map_or("OK", |error| error.code().as_str()));
    metrics::counter!("opencom_calls_total", "function" => path, "code" => code).increment(1);
    metrics::histogram!("opencom_call_seconds", "function" => path).record(started.elapsed());
}
