//! Rows of `support_attachments`, who uploads them and what they become part of.

use diesel::prelude::*;
use opencom_contract::support_attachments::{AttachmentStatus, UploaderKind};
use opencom_core::Millis;
use opencom_core::id::{
    MessageId, StoredFileId, SupportAttachmentId, TicketCommentId, TicketId, UserId, VisitorId, WorkspaceId,
};
use opencom_schema::support_attachments;

/// An attachment's row.
#[derive(Clone, Debug, HasQuery, Insertable)]
#[diesel(table_name = support_attachments)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct AttachmentRow {
    pub(crate) id: SupportAttachmentId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) file_id: StoredFileId,
    pub(crate) file_name: String,
    pub(crate) mime_type: String,
    pub(crate) size: i64,
    pub(crate) status: AttachmentStatus,
    pub(crate) message_id: Option<MessageId>,
    pub(crate) ticket_id: Option<TicketId>,
    pub(crate) ticket_comment_id: Option<TicketCommentId>,
    pub(crate) uploaded_by_type: UploaderKind,
    pub(crate) uploaded_by_id: String,
    pub(crate) created_at: Millis,
    pub(crate) attached_at: Option<Millis>,
    pub(crate) expires_at: Option<Millis>,
}

/// Who uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uploader {
    /// A member.
    Agent(UserId),
    /// A visitor.
    Visitor(VisitorId),
}

impl Uploader {
    pub(crate) fn kind(self) -> UploaderKind {
        match self {
            Self::Agent(_) => UploaderKind::Agent,
            Self::Visitor(_) => UploaderKind::Visitor,
        }
    }

    pub(crate) fn id(self) -> String {
        match self {
            Self::Agent(id) => id.to_string(),
            Self::Visitor(id) => id.to_string(),
        }
    }
}

/// What attachments become part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A message.
    Message(MessageId),
    /// A ticket.
    Ticket(TicketId),
}
