//! Rows of `conversations`.

use diesel::prelude::*;
use opencom_contract::conversations::{
    AiWorkflow, AiWorkflowState, Channel, Conversation, ConversationPreview, ConversationStatus, InboxRow,
};
use opencom_core::Millis;
use opencom_core::id::{ConversationId, CsatResponseId, MessageId, UserId, VisitorId, WorkspaceId};
use opencom_schema::conversations;

use crate::messages::rows::MessageRow;
use crate::visitors::rows::VisitorRow;

/// A conversation's row, as far as it is shown.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = conversations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct ConversationRow {
    pub(crate) id: ConversationId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) visitor_id: Option<VisitorId>,
    pub(crate) user_id: Option<UserId>,
    pub(crate) assigned_agent_id: Option<UserId>,
    pub(crate) status: ConversationStatus,
    pub(crate) channel: Option<Channel>,
    pub(crate) subject: Option<String>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) last_message_at: Option<Millis>,
    pub(crate) unread_by_agent: Option<i32>,
    pub(crate) unread_by_visitor: Option<i32>,
    pub(crate) first_response_at: Option<Millis>,
    pub(crate) resolved_at: Option<Millis>,
    pub(crate) csat_completed_at: Option<Millis>,
    pub(crate) csat_response_id: Option<CsatResponseId>,
    pub(crate) ai_workflow_state: Option<AiWorkflowState>,
    pub(crate) ai_handoff_reason: Option<String>,
    pub(crate) ai_last_confidence: Option<f64>,
    pub(crate) ai_last_response_at: Option<Millis>,
}

/// Whose a conversation is: what access to it and to its messages rests on.
#[derive(Clone, Copy, Debug, HasQuery)]
#[diesel(table_name = conversations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct Parties {
    pub(crate) id: ConversationId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) visitor_id: Option<VisitorId>,
}

/// A conversation, locked for a new message.
#[derive(Clone, Copy, Debug, HasQuery)]
#[diesel(table_name = conversations)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct LockedConversation {
    #[diesel(embed)]
    pub(crate) parties: Parties,
    pub(crate) channel: Option<Channel>,
    pub(crate) last_message_at: Option<Millis>,
    pub(crate) last_message_id: Option<MessageId>,
}

/// A conversation that is about to be opened; the other columns stay empty.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = conversations)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewConversation<'a> {
    pub(crate) id: ConversationId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) visitor_id: Option<VisitorId>,
    pub(crate) user_id: Option<UserId>,
    pub(crate) status: ConversationStatus,
    pub(crate) channel: Option<Channel>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) last_message_at: Option<Millis>,
    pub(crate) last_message_id: Option<MessageId>,
    pub(crate) ai_workflow_state: AiWorkflowState,
}

impl From<ConversationRow> for Conversation {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            visitor_id: row.visitor_id,
            user_id: row.user_id,
            assigned_agent_id: row.assigned_agent_id,
            status: row.status,
            channel: row.channel,
            subject: row.subject,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_message_at: row.last_message_at,
            unread_by_agent: row.unread_by_agent.map(Into::into),
            unread_by_visitor: row.unread_by_visitor.map(Into::into),
            first_response_at: row.first_response_at,
            resolved_at: row.resolved_at,
            csat_completed_at: row.csat_completed_at,
            csat_response_id: row.csat_response_id,
            ai_workflow_state: row.ai_workflow_state,
            ai_handoff_reason: row.ai_handoff_reason,
            ai_last_confidence: row.ai_last_confidence,
            ai_last_response_at: row.ai_last_response_at,
        }
    }
}

/// A conversation with its newest message.
pub(crate) type PreviewRow = (ConversationRow, Option<MessageRow>);

/// The contract's form of a [`PreviewRow`].
pub(crate) fn preview((conversation, message): PreviewRow) -> ConversationPreview {
    ConversationPreview {
        conversation: conversation.into(),
        last_message: message.map(Into::into),
    }
}

/// A conversation with its visitor and its newest message.
pub(crate) type InboxEntry = (ConversationRow, Option<VisitorRow>, Option<MessageRow>);

/// The contract's form of an [`InboxEntry`].
pub(crate) fn inbox_row((conversation, visitor, message): InboxEntry) -> InboxRow {
    InboxRow {
        ai_workflow: AiWorkflow {
            state: conversation.ai_workflow_state.unwrap_or(AiWorkflowState::None),
            handoff_reason: conversation.ai_handoff_reason.clone(),
            confidence: conversation.ai_last_confidence,
            last_response_at: conversation.ai_last_response_at,
        },
        conversation: conversation.into(),
        visitor: visitor.map(Into::into),
        last_message: message.map(Into::into),
    }
}
