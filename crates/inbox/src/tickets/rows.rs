//! Rows of `tickets` and `ticket_comments`, and users as tickets show them.

use diesel::prelude::*;
use opencom_contract::auth::LegacyRole;
use opencom_contract::messages::MessageAttachment;
use opencom_contract::tickets::{
    Assignee, CommentAuthor, FormData, Ticket, TicketComment, TicketPriority, TicketStatus,
};
use opencom_core::Millis;
use opencom_core::id::{
    ConversationId, SupportAttachmentId, TicketCommentId, TicketFormId, TicketId, UserId, VisitorId, WorkspaceId,
};
use opencom_schema::{ticket_comments, tickets, users};

use crate::visitors::rows::VisitorRow;

/// A ticket's row.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = tickets)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct TicketRow {
    pub(crate) id: TicketId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) conversation_id: Option<ConversationId>,
    pub(crate) visitor_id: Option<VisitorId>,
    pub(crate) subject: String,
    pub(crate) description: Option<String>,
    pub(crate) status: TicketStatus,
    pub(crate) priority: TicketPriority,
    pub(crate) assignee_id: Option<UserId>,
    pub(crate) team_id: Option<String>,
    pub(crate) form_id: Option<TicketFormId>,
    pub(crate) form_data: Option<FormData>,
    pub(crate) resolution_summary: Option<String>,
    pub(crate) attachment_ids: Option<Vec<SupportAttachmentId>>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) resolved_at: Option<Millis>,
}

/// What of a ticket decides about a change of it.
#[derive(Clone, Copy, Debug, HasQuery)]
#[diesel(table_name = tickets)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct LockedTicket {
    pub(crate) visitor_id: Option<VisitorId>,
    pub(crate) status: TicketStatus,
    pub(crate) assignee_id: Option<UserId>,
}

/// A ticket that is about to be submitted; the other columns stay empty.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = tickets)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewTicket<'a> {
    pub(crate) id: TicketId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) visitor_id: Option<VisitorId>,
    pub(crate) subject: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) status: TicketStatus,
    pub(crate) priority: TicketPriority,
    pub(crate) form_id: Option<TicketFormId>,
    pub(crate) form_data: Option<&'a FormData>,
    pub(crate) attachment_ids: Option<&'a [SupportAttachmentId]>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// A comment's row.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = ticket_comments)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct CommentRow {
    pub(crate) id: TicketCommentId,
    pub(crate) ticket_id: TicketId,
    pub(crate) author_id: String,
    pub(crate) author_type: CommentAuthor,
    pub(crate) content: String,
    pub(crate) is_internal: bool,
    pub(crate) attachment_ids: Option<Vec<SupportAttachmentId>>,
    pub(crate) created_at: Millis,
}

/// A user as members see who has a ticket.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = users)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct AssigneeRow {
    pub(crate) id: UserId,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) workspace_id: Option<WorkspaceId>,
    pub(crate) role: Option<LegacyRole>,
    pub(crate) created_at: Millis,
}

/// A ticket with its visitor and whoever has it.
pub(crate) type TicketEntry = (TicketRow, Option<VisitorRow>, Option<AssigneeRow>);

impl From<TicketRow> for Ticket {
    fn from(row: TicketRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            conversation_id: row.conversation_id,
            visitor_id: row.visitor_id,
            subject: row.subject,
            description: row.description,
            status: row.status,
            priority: row.priority,
            assignee_id: row.assignee_id,
            team_id: row.team_id,
            form_id: row.form_id,
            form_data: row.form_data,
            resolution_summary: row.resolution_summary,
            attachment_ids: row.attachment_ids,
            created_at: row.created_at,
            updated_at: row.updated_at,
            resolved_at: row.resolved_at,
        }
    }
}

impl From<AssigneeRow> for Assignee {
    fn from(row: AssigneeRow) -> Self {
        Self {
            id: row.id,
            creation_time: Some(row.created_at),
            email: row.email,
            name: row.name,
            avatar_url: row.avatar_url,
            workspace_id: row.workspace_id,
            role: row.role,
            created_at: Some(row.created_at),
        }
    }
}

impl CommentRow {
    /// The contract's form, with the attachments that are there.
    pub(crate) fn into_comment(self, attachments: Vec<MessageAttachment>) -> TicketComment {
        TicketComment {
            id: self.id,
            creation_time: self.created_at,
            ticket_id: self.ticket_id,
            author_id: self.author_id,
            author_type: self.author_type,
            content: self.content,
            is_internal: self.is_internal,
            attachment_ids: self.attachment_ids,
            created_at: self.created_at,
            attachments,
        }
    }
}
