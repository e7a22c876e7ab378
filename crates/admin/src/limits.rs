//! How often callers may sign in, sign up and cause mail.
//!
//! Offices and mobile networks share an address, so limits by address are generous.

use opencom_runtime::Limit;

/// Signing in by password or code, by address. Failed attempts have a stricter limit of their own.
pub const SIGN_IN: Limit = Limit::new("sign-in", 600, 300);
/// Signing up by password, by address.
pub const SIGN_UP: Limit = Limit::new("sign-up", 600, 300);
/// Asking for a code by e-mail, by address, and inviting by e-mail, by agent. Each e-mail address has a stricter limit for
/// codes of its own.
pub const EMAIL_CODE: Limit = Limit::new("email-code", 300, 120);

/// The limits of the context.
pub const LIMITS: &[Limit] = &[SIGN_IN, SIGN_UP, EMAIL_CODE];
