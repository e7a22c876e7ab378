//! Webhooks of the provider of mail: mail that came, and what became of mail that was sent.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use opencom_core::{Code, Error, Int};
use opencom_inbox::email::Received;
use opencom_providers::email::webhook::{Refusal, Signed};
use opencom_runtime::limits::Limit;
use opencom_runtime::{ActionCx, Asker, Caller};
use serde_json::{Value, json};

use super::State;
use super::address::address;

/// `POST /email/inbound` and `/api/email/inbound`.
pub(super) async fn inbound(state: web::Data<State>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (mut cx, body) = match admit(&state, &request, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match state.inbox.email_channel_receive(&mut cx, &body).await {
        Ok(Received::Stored {
            conversation_id,
            message_id,
            duplicate,
        }) => {
            let mut answer = json!({ "success": true, "conversationId": conversation_id, "messageId": message_id });
            if duplicate {
                answer["duplicate"] = Value::Bool(true);
            }
            HttpResponse::Ok().json(answer)
        }
        Ok(Received::Dropped) => HttpResponse::Ok().json(json!({ "success": true, "dropped": true })),
        Ok(Received::Noted) => HttpResponse::Ok().json(json!({ "received": true })),
        Ok(Received::Disabled) => error(StatusCode::FORBIDDEN, "Email channel disabled"),
        Ok(Received::UnknownRecipient) => error(StatusCode::NOT_FOUND, "Unknown recipient"),
        Err(fault) => failed(&fault),
    }
}

/// `POST /api/email/webhook` and `/email/webhook`.
pub(super) async fn delivery(state: web::Data<State>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (mut cx, body) = match admit(&state, &request, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match state.inbox.email_channel_note_delivery(&mut cx, &body).await {
        Ok(()) => HttpResponse::Ok().json(json!({ "received": true })),
        Err(fault) => failed(&fault),
    }
}

/// The body of a report that is to be believed.
async fn admit(state: &State, request: &HttpRequest, payload: Payload) -> Result<(ActionCx, Bytes), HttpResponse> {
    let cx = state.dispatcher.action_cx(Asker {
        caller: Caller::Anonymous,
        address: address(state, request),
    });
    cx.count_address(Limit::Webhook).map_err(|refused| too_many(&refused))?;
    let body = match payload.to_bytes_limited(state.largest_webhook).await {
        Ok(Ok(body)) => body,
        Ok(Err(cause)) => {
            tracing::info!(%cause, "a webhook's body was cut short");
            return Err(error(StatusCode::BAD_REQUEST, "Incomplete body"));
        }
        Err(_) => return Err(error(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large")),
    };
    let header = |names: [&str; 2]| {
        let found = names.into_iter().find_map(|name| request.headers().get(name));
        found.map(|value| value.to_str().unwrap_or_default())
    };
    let signed = Signed {
        id: header(["svix-id", "webhook-id"]),
        timestamp: header(["svix-timestamp", "webhook-timestamp"]),
        signature: header(["svix-signature", "webhook-signature"]),
    };
    let now = cx.now().0.div_euclid(1000);
    state.webhooks.check(signed, &body, now).map_err(|refusal| {
        let text = match refusal {
            Refusal::NoSecret => "Webhook configuration error",
            Refusal::Missing => "Missing signature",
            Refusal::Invalid => "Invalid signature",
        };
        tracing::warn!(path = request.path(), %refusal, "a webhook was refused");
        error(StatusCode::UNAUTHORIZED, text)
    })?;
    Ok((cx, body))
}

fn error(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": text }))
}

fn too_many(refused: &Error) -> HttpResponse {
    let wait = refused.data().retry_after_ms.unwrap_or(Int(1000));
    HttpResponse::TooManyRequests()
        .insert_header((RETRY_AFTER, wait.0.div_euclid(1000) + 1))
        .json(json!({ "error": refused.message() }))
}

/// A report that could not be taken in; the provider reports again.
fn failed(fault: &Error) -> HttpResponse {
    debug_assert!(fault.code() != Code::RateLimited, "counted before");
    tracing::error!(cause = fault.cause().map(tracing::field::debug), "a webhook failed");
    error(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
}
