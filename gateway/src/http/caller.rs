//! Who calls, by the `Authorization` header.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use opencom_core::auth::jwt::Refusal;
use opencom_core::auth::token::sha256;
use opencom_runtime::Caller;

use super::State;
use super::answer::TransportError;

fn unauthorized(code: &'static str, message: &str) -> TransportError {
    TransportError::new(StatusCode::UNAUTHORIZED, code, message)
}

/// Who calls. No header: anonymous.
pub(super) fn caller(state: &State, request: &HttpRequest) -> Result<Caller, TransportError> {
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
    let server = state.dispatcher.server();
    let (token, now) = (token.trim(), server.clock.now());
    let hash = sha256(token);
    if let Some(identity) = state.verified.get(&hash).filter(|identity| identity.expires_at > now) {
        return Ok(Caller::Agent(identity));
    }
    let identity = state.jwt_key.verify(token, &server.public_url, now).map_err(|refusal| match refusal {
        Refusal::Malformed => unauthorized("Unauthenticated", "The token is not a JWT of this server."),
        Refusal::ForeignIssuer => unauthorized(
            "NoAuthProvider",
            "No auth provider found matching the given token. Check that the token's issuer is this server's address.",
        ),
        Refusal::Unverified => unauthorized(
            "Unauthenticated",
            "Could not verify OIDC token claim. Check that the token signature is valid and the token hasn't expired.",
        ),
    })?;
    state.verified.insert(hash, identity);
    Ok(Caller::Agent(identity))
}
