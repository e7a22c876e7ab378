//! The service: what it is given, and nothing else.

use std::sync::Arc;

use opencom_core::Millis;
use opencom_core::auth::jwt::JwtKeys;
use opencom_providers::email::{EmailProvider, Mailbox};

use crate::auth::hashing::Hasher;

/// How long a session lasts, and a refresh token that nobody uses, when the deployer does not say: 30 days.
pub const DEFAULT_LIFETIME: i64 = 30 * Millis::DAY;

/// What the gateway gives the context.
pub struct AdminParts {
    /// The keys that sign agents' tokens. Empty, they are loaded from the database, and reloaded while the process runs.
    pub jwt_keys: Arc<JwtKeys>,
    /// Sends sign-in codes and invitations.
    pub email: Arc<dyn EmailProvider>,
    /// The sender of those mails.
    pub mail_from: Mailbox,
    /// Where the dashboard is, for links in mails, without a slash at the end.
    pub web_app_url: Option<String>,
    /// Milliseconds between two sign-ins at most.
    pub session_lifetime_ms: i64,
    /// Milliseconds after which a refresh token that was not used is worthless.
    pub refresh_token_lifetime_ms: i64,
}

/// The context `admin`.
pub struct Admin {
    pub(crate) parts: AdminParts,
    pub(crate) hasher: Hasher,
    /// Whether the signing keys are those of the database.
    pub(crate) stored_keys: bool,
}

impl Admin {
    /// The context with its parts.
    pub fn new(parts: AdminParts) -> Self {
        Self {
            stored_keys: parts.jwt_keys.get().is_empty(),
            parts,
            hasher: Hasher::default(),
        }
    }
}
