//! The service: what it is given, and nothing else.

use std::sync::Arc;

use opencom_core::auth::jwt::JwtKey;
use opencom_providers::email::{EmailProvider, Mailbox};

use crate::ports::PublicArticles;

/// What the gateway gives the context.
pub struct AdminParts {
    /// Signs agents' tokens.
    pub jwt_key: Arc<JwtKey>,
    /// Sends sign-in codes.
    pub email: Arc<dyn EmailProvider>,
    /// The sender of those mails.
    pub mail_from: Mailbox,
    /// Where published articles are known; `None` while there is no help center.
    pub articles: Option<Arc<dyn PublicArticles>>,
}

/// The context `admin`.
pub struct Admin {
    pub(crate) parts: AdminParts,
}

impl Admin {
    /// The context with its parts.
    pub fn new(parts: AdminParts) -> Self {
        Self { parts }
    }
}
