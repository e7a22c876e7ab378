//! Agents' access tokens: RS256 JWTs in the form of the Convex Auth library.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{KeyPair, RsaKeyPair};
use serde::{Deserialize, Serialize};

use super::{ring_provider, token};
use crate::id::{AuthSessionId, UserId};
use crate::{Error, Millis, Result};

/// The audience of every token.
pub const AUDIENCE: &str = "convex";
/// How long a token is good, in seconds.
pub const LIFETIME_SECONDS: i64 = 3600;

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `<user id>|<session id>`.
    pub sub: String,
    /// Issued at, in seconds since the epoch.
    pub iat: i64,
    /// The server's public address.
    pub iss: String,
    /// Always [`AUDIENCE`].
    pub aud: String,
    /// Good until, in seconds since the epoch.
    pub exp: i64,
    /// Makes two tokens of one second differ.
    pub jti: String,
}

/// Who a verified token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AgentIdentity {
    /// The user.
    pub user: UserId,
    /// The session that the token belongs to; revoking it ends the token.
    pub session: AuthSessionId,
}

/// A token that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who it speaks for.
    pub identity: AgentIdentity,
    /// When it runs out.
    pub expires_at: Millis,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not a JWT.
    Malformed,
    /// Issued by or for somebody else.
    ForeignIssuer,
    /// The signature is wrong or the time is over.
    Unverified,
}

/// The key that signs and verifies.
pub struct JwtKey {
    signing: EncodingKey,
    verifying: DecodingKey,
    /// Modulus and exponent in base64url, as a JWKS shows them.
    pub modulus: String,
    /// See `modulus`.
    pub exponent: String,
}

impl JwtKey {
    /// The key in a PKCS#8 PEM. Line breaks may have become spaces, as they do in environment variables.
    pub fn from_pem(pem: &str) -> Result<Self> {
        ring_provider::install();
        let unusable = |error: String| Error::internal(format!("the JWT key is not a PKCS#8 RSA key: {error}"));
        let signing = EncodingKey::from_rsa_pem(restore_line_breaks(pem).as_bytes())
            .map_err(|error| unusable(error.to_string()))?;
        let pair = RsaKeyPair::from_der(signing.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Ok(Self {
            signing,
            verifying: DecodingKey::from_rsa_raw_components(&public.n, &public.e),
            modulus: URL_SAFE_NO_PAD.encode(&public.n),
            exponent: URL_SAFE_NO_PAD.encode(&public.e),
        })
    }

    /// A token for a session.
    pub fn issue(&self, user: UserId, session: AuthSessionId, issuer: &str, now: Millis) -> Result<String> {
        let iat = now.0.div_euclid(Millis::SECOND);
        let claims = Claims {
            sub: format!("{user}|{session}"),
            iat,
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: iat + LIFETIME_SECONDS,
            jti: hex::encode(token::random::<16>()?),
        };
        let header = Header {
            typ: None,
            ..Header::new(Algorithm::RS256)
        };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(Error::internal)
    }

    /// Who a token speaks for at `now`.
    pub fn verify(&self, token: &str, issuer: &str, now: Millis) -> std::result::Result<Verified, TokenError> {
        let mut validation = Validation::new(Algorithm::RS256);
        // Time is checked below against the caller's clock.
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer]);
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => TokenError::ForeignIssuer,
                ErrorKind::InvalidSignature => TokenError::Unverified,
                _ => TokenError::Malformed,
            })?
            .claims;
        let expires_at = Millis(claims.exp.saturating_mul(Millis::SECOND));
        if expires_at <= now {
            return Err(TokenError::Unverified);
        }
        let (user, session) = claims.sub.split_once('|').ok_or(TokenError::Malformed)?;
        let user = user.parse().map_err(|_| TokenError::Malformed)?;
        let session = session.parse().map_err(|_| TokenError::Malformed)?;
        Ok(Verified {
            identity: AgentIdentity { user, session },
            expires_at,
        })
    }
}

/// The keys in use: one signs, all of them verify. They can be exchanged while tokens are made and checked.
#[derive(Debug, Default)]
pub struct JwtKeys {
    keys: RwLock<Arc<[JwtKey]>>,
    generation: AtomicUsize,
}

impl JwtKeys {
    /// These keys; the first one signs. Without any, no token is issued or valid until [`replace`](Self::replace).
    pub fn new(keys: Vec<JwtKey>) -> Self {
        Self {
            keys: RwLock::new(keys.into()),
            generation: AtomicUsize::new(0),
        }
    }

    /// The keys as they are now.
    pub fn get(&self) -> Arc<[JwtKey]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often the keys were replaced.
    pub fn generation(&self) -> usize {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes other keys from now on, and says whether that changes anything. Keeps those that there are when there are no
    /// others.
    pub fn replace(&self, keys: Vec<JwtKey>) -> bool {
        let same = |old: &[JwtKey]| {
            let moduli = |keys: &[JwtKey]| -> Vec<String> { keys.iter().map(|key| key.modulus.clone()).collect() };
            moduli(old) == moduli(&keys)
        };
        if keys.is_empty() || same(&self.get()) {
            return false;
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
        self.generation.fetch_add(1, Ordering::Release);
        true
    }

    /// A token for a session, see [`JwtKey::issue`].
    pub fn issue(&self, user: UserId, session: AuthSessionId, issuer: &str, now: Millis) -> Result<String> {
        match self.get().first() {
            Some(key) => key.issue(user, session, issuer, now),
            None => Err(Error::internal("there is no key to sign tokens")),
        }
    }

    /// Who a token speaks for at `now`, see [`JwtKey::verify`].
    pub fn verify(&self, token: &str, issuer: &str, now: Millis) -> std::result::Result<Verified, TokenError> {
        let mut outcome = Err(TokenError::Unverified);
        for key in self.get().iter() {
            outcome = key.verify(token, issuer, now);
            // Another key can only help where the signature is not this one's.
            if outcome != Err(TokenError::Unverified) {
                break;
            }
        }
        outcome
    }
}

impl std::fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtKey")
            .field("modulus", &self.modulus)
            .finish_non_exhaustive()
    }
}

fn restore_line_breaks(pem: &str) -> String {
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let body = pem.trim().trim_start_matches(begin).trim_end_matches(end);
    let lines: Vec<&str> = body.split_whitespace().collect();
    format!("{begin}\n{}\n{end}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "http://127.0.0.1:3210";

    /// A key made for these tests alone.
    const PEM: &str = include_str!("test_key.pem");

    #[test]
    fn tokens_verify_and_name_user_and_session() {
        let key = JwtKey::from_pem(PEM).unwrap();
        let (user, session, now) = (UserId::generate(), AuthSessionId::generate(), Millis(1_800_000_000_500));
        let token = key.issue(user, session, ISSUER, now).unwrap();
        let verified = key.verify(&token, ISSUER, now).unwrap();
        assert_eq!(verified.identity, AgentIdentity { user, session });
        assert_eq!(verified.expires_at, Millis(1_800_003_600_000));
        assert_ne!(token, key.issue(user, session, ISSUER, now).unwrap());
    }

    #[test]
    fn the_header_is_the_one_that_clients_know() {
        let key = JwtKey::from_pem(&PEM.replace('\n', " ")).unwrap();
        let token = key
            .issue(UserId::generate(), AuthSessionId::generate(), ISSUER, Millis(0))
            .unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(header, br#"{"alg":"RS256"}"#);
    }

    #[test]
    fn tokens_are_refused_for_the_right_reason() {
        let key = JwtKey::from_pem(PEM).unwrap();
        let now = Millis(1_800_000_000_000);
        let token = key
            .issue(UserId::generate(), AuthSessionId::generate(), ISSUER, now)
            .unwrap();
        assert_eq!(
            key.verify(&token, ISSUER, now.plus(Millis::HOUR)),
            Err(TokenError::Unverified)
        );
        assert_eq!(
            key.verify(&token, "http://elsewhere", now),
            Err(TokenError::ForeignIssuer)
        );
        assert_eq!(key.verify("bad", ISSUER, now), Err(TokenError::Malformed));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{signed}.{other}{}", &signature[1..]);
        assert_eq!(key.verify(&forged, ISSUER, now), Err(TokenError::Unverified));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let unsigned = format!("{header}.{}.", token.split('.').nth(1).unwrap());
        assert_eq!(key.verify(&unsigned, ISSUER, now), Err(TokenError::Malformed));
    }

    #[test]
    fn of_several_keys_the_first_signs_and_all_verify() {
        let (first, second) = (
            JwtKey::from_pem(PEM).unwrap(),
            JwtKey::from_pem(include_str!("other_test_key.pem")).unwrap(),
        );
        let (user, session, now) = (UserId::generate(), AuthSessionId::generate(), Millis(1_800_000_000_000));
        let of_second = second.issue(user, session, ISSUER, now).unwrap();
        let keys = JwtKeys::new(vec![first]);
        let of_first = keys.issue(user, session, ISSUER, now).unwrap();
        assert_eq!(keys.verify(&of_second, ISSUER, now), Err(TokenError::Unverified));

        let both = || {
            vec![
                JwtKey::from_pem(include_str!("other_test_key.pem")).unwrap(),
                JwtKey::from_pem(PEM).unwrap(),
            ]
        };
        assert!(keys.replace(both()));
        assert!(!keys.replace(both()), "the same again");
        assert!(!keys.replace(Vec::new()), "never none");
        for token in [&of_first, &of_second, &keys.issue(user, session, ISSUER, now).unwrap()] {
            assert_eq!(
                keys.verify(token, ISSUER, now).unwrap().identity,
                AgentIdentity { user, session }
            );
        }
        assert_eq!(keys.verify("bad", ISSUER, now), Err(TokenError::Malformed));
        assert!(keys.replace(vec![second]));
        assert_eq!(keys.verify(&of_first, ISSUER, now), Err(TokenError::Unverified));
    }
}
