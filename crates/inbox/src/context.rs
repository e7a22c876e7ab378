//! What the program knows of the context.

use std::sync::Arc;

use opencom_core::Result;
use opencom_runtime::{Context, Registry};

use crate::{Inbox, InboxService, email, limits, notifications, support_attachments, tickets, topics, widget_sessions};

impl Context for Inbox {
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()> {
        registry.declare_topics(topics::TOPICS);
        registry.declare_limits(limits::LIMITS);
        self.register_functions(registry);
        email::register_jobs(&self, registry)?;
        notifications::register_jobs(&self, registry);
        support_attachments::register_jobs(&self, registry)?;
        tickets::register_jobs(&self, registry);
        widget_sessions::register_jobs(&self, registry)
    }
}
