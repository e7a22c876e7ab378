#![doc = include_str!("../README.md")]

mod context;
pub mod conversations;
pub mod email;
mod given;
mod identity;
pub mod limits;
pub mod messages;
pub mod notifications;
mod readable_id;
mod service;
pub mod snippets;
pub mod support_attachments;
pub mod tags;
pub mod tickets;
pub mod topics;
pub mod visitors;
pub mod widget_sessions;
mod workspace_settings;

pub use service::{Inbox, InboxParts};

opencom_runtime::service! {
    /// The functions of the context.
    pub trait InboxService for Inbox {
        conversations: List, Get, Create, CreateForVisitor, GetOrCreateForVisitor, UpdateStatus, Assign, MarkAsRead,
            GetTotalUnreadForVisitor, ListByVisitor, ListForInbox;
        email_channel: GetEmailConfig, UpsertEmailConfig, SendEmailReply, InternalReceive, InternalNoteDelivery;
        messages: List, SendMessage, InternalSendBotMessage;
        snippets: List, Get, Search, GetByShortcut, Create, Update, Remove;
        support_attachments: GenerateUploadUrl, FinalizeUpload;
        tags: List, Get, Create, Update, Remove, AddToConversation, RemoveFromConversation, GetConversationTags;
        tickets: List, Get, Create, Update;
        visitors: Get, GetBySession, Identify, UpdateLocation, Heartbeat, List, Search, IsOnline;
        widget_sessions: Boot, Refresh, Revoke, ValidateSessionToken, CleanupExpiredSessions, InternalEndAllSessions;
    }
}
