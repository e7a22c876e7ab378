//! Webhooks of the provider of mail: mail that came, and what became of mail that was sent.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use opencom_contract::email_channel::{InternalNoteDelivery, InternalReceive, Received};
use opencom_core::{Code, Error, Int};
use opencom_providers::email::webhook::{SignatureError, Signed};
use opencom_runtime::Limit;
use opencom_runtime::{Asker, Caller};
use serde_json::{Value, json};

use super::address::address;
use crate::compose::App;

/// Calling a webhook, by address.
pub const WEBHOOK: Limit = Limit::new("webhook", 1200, 1200);

/// `POST /email/inbound` and `/api/email/inbound`.
pub(super) async fn inbound(app: web::Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (asker, body) = match admit(&app, &request, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match app
        .dispatcher
        .invoke(InternalReceive::builder().body(body.into()).build(), asker)
        .await
    {
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
pub(super) async fn delivery(app: web::Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (asker, body) = match admit(&app, &request, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match app
        .dispatcher
        .invoke(InternalNoteDelivery::builder().body(body.into()).build(), asker)
        .await
    {
        Ok(()) => HttpResponse::Ok().json(json!({ "received": true })),
        Err(fault) => failed(&fault),
    }
}

/// The body of a report that is to be believed.
async fn admit(app: &App, request: &HttpRequest, payload: Payload) -> Result<(Asker, Bytes), HttpResponse> {
    let asker = Asker {
        caller: Caller::Anonymous,
        address: address(app, request),
    };
    let cx = app.dispatcher.action_cx(asker);
    cx.count_address(WEBHOOK).map_err(|refused| too_many(&refused))?;
    let body = match payload.to_bytes_limited(app.largest_webhook).await {
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
    app.webhooks.check(signed, &body, now).map_err(|refusal| {
        let text = match refusal {
            SignatureError::NoSecret => "Webhook configuration error",
            SignatureError::Missing => "Missing signature",
            SignatureError::Invalid => "Invalid signature",
        };
        tracing::warn!(path = request.path(), %refusal, "a webhook was refused");
        error(StatusCode::UNAUTHORIZED, text)
    })?;
    Ok((asker, body))
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
