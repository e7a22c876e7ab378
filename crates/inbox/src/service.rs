//! The service: what it is given, and what takes part in posting its messages.

use std::sync::Arc;

use opencom_providers::email::received::ReceivedMails;
use opencom_providers::email::{EmailProvider, Mailbox};
use opencom_providers::files::FileStore;

use crate::email::hook::SendByMail;
use crate::messages::post::PostHook;
use crate::notifications::hook::NotifyOfMessage;

/// What the gateway gives the context.
pub struct InboxParts {
    /// Sends notifications.
    pub email: Arc<dyn EmailProvider>,
    /// The sender of those mails.
    pub mail_from: Mailbox,
    /// Where agents' notifications lead, without a slash at the end; `None`: no link.
    pub web_app_url: Option<String>,
    /// Fetches mail that a provider took in; `None`: no provider does.
    pub received_mails: Option<Arc<dyn ReceivedMails>>,
    /// The domain of workspaces' addresses.
    pub mail_domain: String,
    /// Where attachments lie.
    pub files: Arc<dyn FileStore>,
}

/// The context `inbox`.
pub struct Inbox {
    pub(crate) parts: InboxParts,
    /// What takes part in posting a message, in this order.
    pub(crate) post_hooks: Vec<Arc<dyn PostHook>>,
}

impl Inbox {
    /// The context with its parts.
    pub fn new(parts: InboxParts) -> Self {
        let mail_domain = parts.mail_domain.clone();
        Self {
            parts,
            // Mail first: what is sent by mail is not announced by a notification too.
            post_hooks: vec![Arc::new(SendByMail { mail_domain }), Arc::new(NotifyOfMessage)],
        }
    }
}
