//! Answers: results, refusals in the words of the functions, and the errors of the transport itself.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use opencom_core::error::ErrorData;
use opencom_core::{Code, Error};
use opencom_runtime::database::Unavailable;
use serde::Serialize;

/// The header that names a call in the log.
pub(super) const REQUEST_ID: &str = "X-Request-Id";

/// A new name for a call: 16 hex digits.
pub(super) fn request_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

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
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        status: &'static str,
        error_message: &'a str,
        error_data: Data<'a>,
        log_lines: [(); 0],
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        code: Code,
        message: &'a str,
        #[serde(flatten)]
        data: &'a ErrorData,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
    }
    if error.cause().is_some_and(|cause| cause.is::<Unavailable>()) {
        tracing::warn!(
            request_id,
            cause = error.cause().map(tracing::field::display),
            "a call found no database"
        );
        let message = "The server is busy or restarting. Try again.";
        return TransportError::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message).answer(request_id);
    }
    let ours = error.code() == Code::InternalError;
    let message = if ours {
        format!("[Request ID: {request_id}] Server Error")
    } else {
        error.message().to_owned()
    };
    if ours {
        tracing::error!(
            request_id,
            cause = error.cause().map(tracing::field::debug),
            "a function failed"
        );
    }
    let body = Body {
        status: "error",
        error_message: &message,
        error_data: Data {
            code: error.code(),
            message: &message,
            data: error.data(),
            request_id: ours.then_some(request_id),
        },
        log_lines: [],
    };
    match serde_json::to_string(&body) {
        Ok(body) => json(StatusCode::OK, body, request_id),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
