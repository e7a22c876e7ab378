//! How others verify agents' tokens.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use opencom_core::auth::jwt::JwtKey;
use serde_json::{Value, json};

use crate::compose::App;

fn cached_json(value: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((
            CACHE_CONTROL,
            "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400",
        ))
        .json(value)
}

/// `GET /.well-known/openid-configuration`.
pub(super) async fn openid_configuration(app: web::Data<App>) -> HttpResponse {
    let issuer = &app.dispatcher.server().public_url;
    cached_json(&json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
    }))
}

/// `GET /.well-known/jwks.json`.
pub(super) async fn jwks(app: web::Data<App>) -> HttpResponse {
    let keys = app.jwt_keys.get();
    let public = |key: &JwtKey| json!({ "use": "sig", "kty": "RSA", "n": key.modulus, "e": key.exponent });
    cached_json(&json!({ "keys": keys.iter().map(public).collect::<Vec<_>>() }))
}
