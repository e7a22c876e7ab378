//! Conversations between a visitor and a workspace.

use bon::Builder;
use opencom_core::id::{ConversationId, CsatResponseId, UserId, VisitorId, WorkspaceId};
use opencom_core::{Int, Millis, Permission, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::function::{VISITOR, functions, permitted, permitted_or_visitor};
use crate::limits;
use crate::messages::StoredMessage;
use crate::visitors::Visitor;

functions! {
    List: query "conversations:list" -> Vec<Conversation>, permitted(Permission::ConversationsRead).or("[]");
    Get: query "conversations:get" -> Option<Conversation>,
        permitted_or_visitor(Permission::ConversationsRead).or("null");
    Create: mutation "conversations:create" -> ConversationId, permitted(Permission::ConversationsReply);
    CreateForVisitor: mutation "conversations:createForVisitor" -> Conversation, VISITOR;
    GetOrCreateForVisitor: mutation "conversations:getOrCreateForVisitor" -> Conversation, VISITOR;
    UpdateStatus: mutation "conversations:updateStatus" -> (), permitted(Permission::ConversationsClose);
    Assign: mutation "conversations:assign" -> (), permitted(Permission::ConversationsAssign);
    MarkAsRead: mutation "conversations:markAsRead" -> (), permitted_or_visitor(Permission::ConversationsRead);
    GetTotalUnreadForVisitor: query "conversations:getTotalUnreadForVisitor" -> Int, VISITOR;
    ListByVisitor: query "conversations:listByVisitor" -> Vec<ConversationPreview>, VISITOR;
    ListForInbox: query "conversations:listForInbox" -> InboxPage,
        permitted(Permission::ConversationsRead).or(r#"{"conversations":[],"nextCursor":null}"#);
}

/// Conversations of a workspace, newest first. At most 10 000; `cursor` continues.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only those in this status.
    pub status: Option<ConversationStatus>,
    /// The last conversation of the previous page.
    pub cursor: Option<ConversationId>,
}

/// A conversation, for its visitor and for members who may read; `null` for everybody else.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Get {
    /// The conversation.
    pub id: ConversationId,
    /// The visitor whose it should be.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session; preferred over `visitorId`.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// Opens a conversation from the workspace's side.
///
/// # Errors
/// `NOT_FOUND` for a visitor or a user who does not belong to the workspace.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Create {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// With this visitor.
    pub visitor_id: Option<VisitorId>,
    /// With this user.
    pub user_id: Option<UserId>,
}

/// Opens a conversation with a greeting. Always a new one.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct CreateForVisitor {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Ignored: the token says who the visitor is.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: String,
}

/// The visitor's oldest open conversation, or a new one.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetOrCreateForVisitor {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Ignored: the token says who the visitor is.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: String,
}

/// Sets the status. Any status may follow any other.
///
/// # Errors
/// `NOT_FOUND` for an unknown conversation.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateStatus {
    /// The conversation.
    pub id: ConversationId,
    /// The new status.
    pub status: ConversationStatus,
}

/// Gives the conversation to a member of its workspace.
///
/// # Errors
/// `NOT_FOUND` for an unknown conversation and for users who are no members.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Assign {
    /// The conversation.
    pub id: ConversationId,
    /// The member.
    pub agent_id: UserId,
}

/// Sets one side's unread counter to zero. Marking twice changes nothing.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct MarkAsRead {
    /// The conversation.
    pub id: ConversationId,
    /// Whose counter.
    pub reader_type: ReaderType,
    /// Ignored: the token says who the visitor is.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session, for `readerType: visitor`.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// How many messages the visitor has not read, over all conversations; 0 without token or workspace.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetTotalUnreadForVisitor {
    /// Ignored: the token says who the visitor is.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The workspace.
    pub workspace_id: Option<WorkspaceId>,
}

/// The visitor's conversations, latest activity first, each with its newest message. At most 1000; none without token
/// or workspace.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ListByVisitor {
    /// Ignored: the token says who the visitor is.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The workspace.
    pub workspace_id: Option<WorkspaceId>,
}

/// A page of the inbox, latest activity first.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ListForInbox {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only those in this status.
    pub status: Option<ConversationStatus>,
    /// Only those in this state.
    pub ai_workflow_state: Option<InboxAiFilter>,
    /// Default 50; 1 to 100.
    pub limit: Option<Int>,
    /// `nextCursor` of the previous page. One that fits nothing starts over.
    #[validate(length(max = limits::TOKEN))]
    pub cursor: Option<String>,
}

text_enum! {
    /// Where a conversation stands.
    pub enum ConversationStatus {
        /// Waiting for somebody.
        Open = "open",
        /// Done.
        Closed = "closed",
        /// Put aside; nothing wakes it.
        Snoozed = "snoozed",
    }
}

text_enum! {
    /// How messages travel. Chat is written as absence.
    pub enum Channel {
        /// The widget and the SDKs.
        Chat = "chat",
        /// Mail.
        Email = "email",
    }
}

text_enum! {
    /// What the AI agent did with a conversation.
    pub enum AiWorkflowState {
        /// Nothing.
        None = "none",
        /// It answers.
        AiHandled = "ai_handled",
        /// It called a human.
        Handoff = "handoff",
    }
}

text_enum! {
    /// The states that the inbox can be narrowed to.
    pub enum InboxAiFilter {
        /// The AI agent answers.
        AiHandled = "ai_handled",
        /// It called a human.
        Handoff = "handoff",
    }
}

text_enum! {
    /// Who reads.
    pub enum ReaderType {
        /// The visitor.
        Visitor = "visitor",
        /// A member.
        Agent = "agent",
    }
}

/// A conversation.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// The conversation's id.
    #[serde(rename = "_id")]
    pub id: ConversationId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The visitor.
    pub visitor_id: Option<VisitorId>,
    /// The user, for conversations with one.
    pub user_id: Option<UserId>,
    /// The member who has it.
    pub assigned_agent_id: Option<UserId>,
    /// Where it stands.
    pub status: ConversationStatus,
    /// Absent for chat.
    pub channel: Option<Channel>,
    /// The mail's subject.
    pub subject: Option<String>,
    /// When it was opened.
    pub created_at: Millis,
    /// The last change of anything but the counters.
    pub updated_at: Millis,
    /// The newest message; equal to `createdAt` while only the greeting stands.
    pub last_message_at: Option<Millis>,
    /// Messages that no member has read; absent counts as 0.
    pub unread_by_agent: Option<Int>,
    /// Messages that the visitor has not read; absent counts as 0.
    pub unread_by_visitor: Option<Int>,
    /// The first answer of a human.
    pub first_response_at: Option<Millis>,
    /// When it was closed last; absent after reopening.
    pub resolved_at: Option<Millis>,
    /// When it was rated.
    pub csat_completed_at: Option<Millis>,
    /// The rating.
    pub csat_response_id: Option<CsatResponseId>,
    /// What the AI agent did.
    pub ai_workflow_state: Option<AiWorkflowState>,
    /// Why it called a human.
    pub ai_handoff_reason: Option<String>,
    /// How sure it was of its last answer, 0 to 1.
    pub ai_last_confidence: Option<f64>,
    /// When it answered last.
    pub ai_last_response_at: Option<Millis>,
}

/// A conversation with its newest message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationPreview {
    /// The conversation.
    #[serde(flatten)]
    pub conversation: Conversation,
    /// Its newest message, or `null`.
    pub last_message: Option<StoredMessage>,
}

/// A page of the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxPage {
    /// The rows.
    pub conversations: Vec<InboxRow>,
    /// Where the next page starts, or `null` at the end.
    pub next_cursor: Option<ConversationId>,
}

/// A row of the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxRow {
    /// The conversation.
    #[serde(flatten)]
    pub conversation: Conversation,
    /// Its visitor, or `null`.
    pub visitor: Option<Visitor>,
    /// Its newest message, or `null`.
    pub last_message: Option<StoredMessage>,
    /// What the AI agent did.
    pub ai_workflow: AiWorkflow,
}

/// What the AI agent did, for the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AiWorkflow {
    /// `none` when absent from the conversation.
    pub state: AiWorkflowState,
    /// Why it called a human.
    pub handoff_reason: Option<String>,
    /// How sure it was of its last answer.
    pub confidence: Option<f64>,
    /// When it answered last.
    pub last_response_at: Option<Millis>,
}
