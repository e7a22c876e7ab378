//! Answers: results, refusals in the words of the functions, and the errors of the transport itself.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use opencom_core::Error;
use opencom_runtime::database::Unavailable;
use opencom_runtime::refusal::Refusal;
pub(super) use opencom_runtime::refusal::request_id;
use serde::Serialize;

/// The header that names a call in the log.
pub(super) const REQUEST_ID: &str = "X-Request-Id";

/// An error of the transport: no function ran.
#[derive(Debug)]
pub(super) struct TransportError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl TransportError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn answer(&self, request_id: &str) -> HttpResponse {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            message: &'a str,
        }
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((REQUEST_ID, request_id));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((RETRY_AFTER, "1"));
        }
        answer.json(Body {
            code: self.code,
            message: &self.message,
        })
    }
}

/// A path that does not exist.
pub(super) async fn no_such_route(request: HttpRequest) -> HttpResponse {
    let message = format!("There is nothing at {} {}.", request.method(), request.path());
    TransportError::new(StatusCode::NOT_FOUND, "NotFound", message).answer(&request_id())
}

/// A function's result: JSON text, passed on as it is.
pub(super) fn success(value: &str, request_id: &str) -> HttpResponse {
    const BEFORE: &str = r#"{"status":"success","value":"#;
    const AFTER: &str = r#","logLines":[]}"#;
    let mut body = String::with_capacity(BEFORE.len() + value.len() + AFTER.len());
    body.push_str(BEFORE);
    body.push_str(value);
    body.push_str(AFTER);
    json(StatusCode::OK, body, request_id)
}

fn json(status: StatusCode, body: String, request_id: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((REQUEST_ID, request_id))
        .body(body)
}

/// A function's refusal. Status 200: every official client reads it there, and one dies of anything else.
pub(super) fn failure(error: &Error, request_id: &str) -> HttpResponse {
    if error.cause().is_some_and(|cause| cause.is::<Unavailable>()) {
        tracing::warn!(
            request_id,
            cause = error.cause().map(tracing::field::display),
            "a call found no database"
        );
        let message = "The server is busy or restarting. Try again.";
        return TransportError::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message).answer(request_id);
    }
    let Refusal { message, data, .. } = Refusal::of_request(error, request_id.to_owned());
    // A text always has a JSON form.
    let message = serde_json::to_string(&message).unwrap_or_default();
    let body = format!(r#"{{"status":"error","errorMessage":{message},"errorData":{data},"logLines":[]}}"#);
    json(StatusCode::OK, body, request_id)
}
