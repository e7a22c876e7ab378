//! The routes of the function API.

use std::time::Instant;

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use opencom_contract::Kind;
use opencom_core::Error;
use opencom_runtime::Asker;

use super::State;
use super::address::address;
use super::answer::{self, TransportError};
use super::body::{self, Call};
use super::caller::caller;

type AnyState = web::Data<State>;

/// `POST /api/query` and `/api/query_at_ts`: this server reads the present only, as that API's deprecation allows.
pub(super) async fn query(state: AnyState, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&state, &request, payload, Some(Kind::Query)).await
}

/// `POST /api/mutation`.
pub(super) async fn mutation(state: AnyState, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&state, &request, payload, Some(Kind::Mutation)).await
}

/// `POST /api/action`.
pub(super) async fn action(state: AnyState, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&state, &request, payload, Some(Kind::Action)).await
}

/// `POST /api/function` and `/api/run/{path}`: a function of whatever kind it is.
pub(super) async fn function(state: AnyState, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&state, &request, payload, None).await
}

/// `POST /api/run/{module path}/{function}`.
pub(super) async fn run(state: AnyState, request: HttpRequest, payload: Payload) -> HttpResponse {
    handle(&state, &request, payload, None).await
}

/// `POST /api/query_ts`: a moment to read at, as a base64 u64.
pub(super) async fn query_ts(state: AnyState) -> HttpResponse {
    let nanoseconds = state.dispatcher.server().clock.now().0.unsigned_abs() * 1_000_000;
    HttpResponse::Ok().json(serde_json::json!({ "ts": opencom_core::auth::token::base64_u64(nanoseconds) }))
}

/// `POST /api/debug_event`: clients report long disconnections here.
pub(super) async fn debug_event() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({}))
}

async fn handle(state: &State, request: &HttpRequest, payload: Payload, kind: Option<Kind>) -> HttpResponse {
    let request_id = answer::request_id();
    match call(state, request, payload, kind).await {
        Ok(Ok(value)) => answer::success(&value, &request_id),
        Ok(Err(error)) => answer::failure(&error, &request_id),
        Err(error) => error.answer(&request_id),
    }
}

/// The function's own outcome, or why none ran.
async fn call(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    kind: Option<Kind>,
) -> Result<Result<String, Error>, TransportError> {
    let caller = caller(state, request)?;
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
    opencom_runtime::path::canonical(&path).map_err(|error| {
        TransportError::new(
            actix_web::http::StatusCode::BAD_REQUEST,
            "BadFunctionPath",
            error.message(),
        )
    })?;
    let started = Instant::now();
    let asker = Asker {
        caller,
        address: address(state, request),
    };
    let outcome = match kind {
        Some(kind) => state.dispatcher.call(kind, &path, arguments, asker).await,
        None => state.dispatcher.call_any(&path, arguments, asker).await,
    };
    measure(state, &path, outcome.as_ref().err(), started);
    Ok(outcome)
}

pub(super) fn measure(state: &State, path: &str, error: Option<&Error>, started: Instant) {
    // Only paths that exist: callers must not be able to make up names of series.
    let Some(path) = state.dispatcher.registered_path(path) else {
        return;
    };
    let code = error.map_or("OK", |error| error.code().as_str());
    metrics::counter!("opencom_calls_total", "function" => path, "code" => code).increment(1);
    metrics::histogram!("opencom_call_seconds", "function" => path).record(started.elapsed());
}
