//! The context `inbox`: visitors and their sessions, conversations, messages and attachments, tickets, snippets and tags.
//!
//! Owns the tables `visitors`, `visitor_presence`, `visitor_aliases`, `widget_sessions`, `conversations`, `messages`,
//! `mailed_messages`, `support_attachments`, `tickets`, `ticket_comments`, `ticket_forms`, `snippets`, `tags`,
//! `conversation_tags` and `notification_*`, and is the only one that writes them. Reads `workspaces`,
//! `workspace_members` and `users`.

pub mod conversations;
mod identity;
pub mod messages;
pub mod notifications;
pub mod ports;
mod readable_id;
mod service;
pub mod snippets;
pub mod support_attachments;
pub mod tags;
pub mod tickets;
pub mod visitors;
pub mod widget_sessions;
mod workspace_settings;

use std::sync::Arc;

use opencom_core::Result;
use opencom_runtime::Registry;

pub use service::{Inbox, InboxParts};

/// What the context promises: one method for each of its functions.
pub trait InboxService:
    conversations::Conversations
    + messages::Messages
    + notifications::Notifications
    + snippets::Snippets
    + support_attachments::SupportAttachments
    + tags::Tags
    + tickets::Tickets
    + visitors::Visitors
    + widget_sessions::WidgetSessions
{
}

impl InboxService for Inbox {}

/// Registers every function and job of the context.
pub fn register(registry: &mut Registry, service: &Arc<dyn InboxService>) -> Result<()> {
    let mut of = registry.of(service);
    conversations::register(&mut of)?;
    messages::register(&mut of)?;
    notifications::register(&mut of)?;
    snippets::register(&mut of)?;
    support_attachments::register(&mut of)?;
    tags::register(&mut of)?;
    tickets::register(&mut of)?;
    visitors::register(&mut of)?;
    widget_sessions::register(&mut of)?;
    Ok(())
}
