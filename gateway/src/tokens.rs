//! Which agents' tokens are good. Shared by HTTP and the sync socket.

use std::sync::Arc;
use std::time::Duration;

use opencom_core::auth::jwt::{JwtKeys, TokenError, Verified};
use opencom_core::auth::token::sha256;
use opencom_live::session::Tokens;
use opencom_runtime::Server;

/// How long a verified token is remembered; its own end is checked at every call.
const REMEMBER: Duration = Duration::from_secs(600);
/// How many are remembered.
const REMEMBERED: u64 = 20_000;

/// Verifies tokens, and remembers which were good: verifying a signature costs more than most queries.
pub struct Verifier {
    keys: Arc<JwtKeys>,
    server: Arc<Server>,
    verified: moka::sync::Cache<[u8; 32], (usize, Verified)>,
}

impl Verifier {
    /// A verifier of the tokens that `keys` sign for `server`.
    pub fn new(keys: Arc<JwtKeys>, server: Arc<Server>) -> Self {
        Self {
            keys,
            server,
            verified: moka::sync::Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REMEMBER)
                .build(),
        }
    }

    /// Who a token speaks for, and until when.
    pub fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        let (hash, now) = (sha256(token), self.server.clock.now());
        // A token that was verified with other keys is verified again.
        let generation = self.keys.generation();
        let known = self.verified.get(&hash);
        let known = known.filter(|(keys, verified)| *keys == generation && verified.expires_at > now);
        if let Some((_, verified)) = known {
            return Ok(verified);
        }
        let verified = self.keys.verify(token, &self.server.public_url, now)?;
        self.verified.insert(hash, (generation, verified));
        Ok(verified)
    }
}

/// Why a token is refused, in words.
pub fn reason(refusal: TokenError) -> &'static str {
    match refusal {
        TokenError::Malformed => "The token is not a JWT of this server.",
        TokenError::ForeignIssuer => {
            "No auth provider found matching the given token. Check that the token's issuer is this server's address."
        }
        TokenError::Unverified => {
            "Could not verify OIDC token claim. Check that the token signature is valid and the token hasn't expired."
        }
    }
}

impl Tokens for Verifier {
    fn verify(&self, token: &str) -> Result<Verified, String> {
        Self::verify(self, token).map_err(|refusal| reason(refusal).to_owned())
    }
}
