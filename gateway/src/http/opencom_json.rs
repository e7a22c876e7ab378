//! `/.well-known/opencom.json`: what apps read before they connect. Whose pages may, the operator says.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, ORIGIN};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use opencom_contract::discovery::GetMetadata;
use opencom_contract::workspaces::{AuthMethod, SignupMode};
use opencom_core::{Error, Result};
use opencom_runtime::{Asker, Caller};
use serde::Serialize;

use super::address::address;
use super::caller::caller;
use crate::compose::App;

/// The document, its fields in the order that the contract gives.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: String,
    name: String,
    convex_url: String,
    features: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signup_mode: Option<SignupMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_methods: Option<Vec<AuthMethod>>,
}

/// `GET` and `HEAD`.
pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let origin = origin(request.headers());
    if origin.is_some_and(|origin| !app.discovery.admits(origin)) {
        let mut answer = HttpResponse::Forbidden();
        allow(&mut answer, None);
        return error(&mut answer, "Origin not allowed");
    }
    match document(&app, &request).await {
        Ok(document) => {
            let mut answer = HttpResponse::Ok();
            allow(&mut answer, origin);
            answer.insert_header((CONTENT_TYPE, "application/json")).body(document)
        }
        Err(fault) => {
            tracing::error!(
                cause = fault.cause().map(tracing::field::debug),
                "a server's description failed"
            );
            let mut answer = HttpResponse::InternalServerError();
            allow(&mut answer, origin);
            error(&mut answer, "Failed to retrieve instance metadata")
        }
    }
}

/// `OPTIONS`.
pub(super) async fn options(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let origin = origin(request.headers());
    if origin.is_some_and(|origin| !app.discovery.admits(origin)) {
        return error(&mut HttpResponse::Forbidden(), "Origin not allowed");
    }
    let mut answer = HttpResponse::Ok();
    allow(&mut answer, origin);
    answer.finish()
}

/// What clients of the platform that the apps were made for get where nothing is.
pub(super) async fn no_action(request: HttpRequest) -> HttpResponse {
    HttpResponse::build(StatusCode::NOT_FOUND)
        .insert_header((CONTENT_TYPE, "text/plain;charset=UTF-8"))
        .body(format!("No HttpAction routed for {}", request.path()))
}

/// The origin that a page sends. What is no text is an origin that nobody listed.
fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default())
}

fn allow(answer: &mut HttpResponseBuilder, origin: Option<&str>) {
    answer
        .insert_header(("Access-Control-Allow-Methods", "GET, OPTIONS"))
        .insert_header(("Access-Control-Allow-Headers", "Content-Type"))
        .insert_header(("Vary", "Origin"));
    if let Some(origin) = origin {
        answer.insert_header(("Access-Control-Allow-Origin", origin));
    }
}

fn error(answer: &mut HttpResponseBuilder, text: &str) -> HttpResponse {
    answer.json(serde_json::json!({ "error": text }))
}

async fn document(app: &App, request: &HttpRequest) -> Result<String> {
    let asker = Asker {
        // A token that is not good counts as none.
        caller: caller(app, request).unwrap_or(Caller::Anonymous),
        address: address(app, request),
    };
    let metadata = app.dispatcher.invoke(GetMetadata::default(), asker).await?;
    let asked = || {
        let connection = request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    };
    let document = Document {
        version: metadata.version,
        name: metadata.name,
        convex_url: app.discovery.convex_url().map_or_else(asked, str::to_owned),
        features: metadata.features,
        signup_mode: metadata.signup_mode,
        auth_methods: metadata.auth_methods,
    };
    serde_json::to_string(&document).map_err(Error::internal)
}
