//! How mail comes in: the settings of the webhooks that bring it.

use std::sync::Arc;

use opencom_providers::email::received::ReceivedMails;
use opencom_providers::email::webhook::Gate;

/// The domain of workspaces' addresses unless one is set.
pub const DOMAIN: &str = "mail.opencom.app";
/// The largest body of a webhook unless it is set: a mail with 25 MB of files, encoded twice.
pub const LARGEST: usize = 50 * 1024 * 1024;
/// By how many seconds clocks may differ unless that is set.
pub const TOLERANCE: i64 = 300;

/// How mail comes in.
#[derive(Clone)]
pub struct MailChannel {
    /// Checks where reports come from.
    pub gate: Gate,
    /// Fetches mail that was only announced.
    pub received: Option<Arc<dyn ReceivedMails>>,
    /// The domain of workspaces' addresses.
    pub domain: String,
    /// The largest body of a report, in bytes.
    pub largest: usize,
}

impl Default for MailChannel {
    /// Nothing comes in: there is no secret to check reports by.
    fn default() -> Self {
        Self {
            gate: Gate::new(None, true, TOLERANCE),
            received: None,
            domain: DOMAIN.to_owned(),
            largest: LARGEST,
        }
    }
}
