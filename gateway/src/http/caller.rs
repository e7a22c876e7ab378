//! Who calls, by the `Authorization` header.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use opencom_core::auth::jwt::TokenError;
use opencom_runtime::Caller;

use super::answer::TransportError;
use crate::compose::App;
use crate::tokens;

fn unauthorized(code: &'static str, message: &str) -> TransportError {
    TransportError::new(StatusCode::UNAUTHORIZED, code, message)
}

/// Who calls. No header: anonymous.
pub(super) fn caller(app: &App, request: &HttpRequest) -> Result<Caller, TransportError> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return Ok(Caller::Anonymous);
    };
    let invalid = || {
        unauthorized(
            "InvalidAuthHeader",
            "The Authorization header must be `Bearer <token>`.",
        )
    };
    let (scheme, token) = header
        .to_str()
        .ok()
        .and_then(|text| text.trim().split_once(' '))
        .ok_or_else(invalid)?;
    if scheme.eq_ignore_ascii_case("convex") {
        return Err(unauthorized("BadAdminKey", "This server has no admin keys."));
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid());
    }
    let verified = app.tokens.verify(token.trim()).map_err(|refusal| {
        let code = match refusal {
            TokenError::Malformed | TokenError::Unverified => "Unauthenticated",
            TokenError::ForeignIssuer => "NoAuthProvider",
        };
        unauthorized(code, tokens::reason(refusal))
    })?;
    Ok(Caller::Agent(verified.identity))
}
