//! The service: what it is given, and nothing else.

use std::sync::Arc;

use opencom_providers::email::{EmailProvider, Mailbox};
use opencom_providers::files::FileStore;
use opencom_runtime::audit::AuditTrail;

use crate::ports::{PushDevices, SnippetKnowledge, VisitorChanges};

/// What the gateway gives the context.
pub struct InboxParts {
    /// Where audit entries go.
    pub audit: Arc<dyn AuditTrail>,
    /// Sends notifications.
    pub email: Arc<dyn EmailProvider>,
    /// The sender of those mails.
    pub mail_from: Mailbox,
    /// Where agents' notifications lead, without a slash at the end; `None`: no link.
    pub web_app_url: Option<String>,
    /// Where attachments lie.
    pub files: Arc<dyn FileStore>,
    /// Who wants to know when visitors change.
    pub visitor_changes: Vec<Arc<dyn VisitorChanges>>,
    /// Who learns from snippets.
    pub snippet_knowledge: Option<Arc<dyn SnippetKnowledge>>,
    /// Who knows people's devices; `None`: nobody has any.
    pub push: Option<Arc<dyn PushDevices>>,
}

/// The context `inbox`.
pub struct Inbox {
    pub(crate) parts: InboxParts,
}

impl Inbox {
    /// The context with its parts.
    pub fn new(parts: InboxParts) -> Self {
        Self { parts }
    }
}
