//! Messages of a conversation.

use bon::Builder;
use opencom_core::id::{ConversationId, MessageId, StoredFileId, SupportAttachmentId, VisitorId};
use opencom_core::{Int, Millis, Permission, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::conversations::Channel;
use crate::function::{INTERNAL, functions, permitted_or_visitor};
use crate::limits;

functions! {
    List: query "messages:list" -> Vec<Message>, permitted_or_visitor(Permission::ConversationsRead).or("[]");
    SendMessage: mutation "messages:send" -> MessageId, permitted_or_visitor(Permission::ConversationsReply);
    InternalSendBotMessage: mutation "messages:internalSendBotMessage" -> MessageId, INTERNAL;
}

/// Messages of a conversation, oldest first; the newest 10 000 of them. `[]` for whoever may not read.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct List {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Opens nothing: visitors read by token.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The oldest message already known; the answer is what came before it.
    pub before: Option<MessageId>,
}

/// Sends a message as a visitor or as an agent.
///
/// # Errors
/// `NOT_FOUND` for an unknown conversation or attachment, `INVALID_INPUT` for attachments that cannot be used.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct SendMessage {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Any text: the stored sender is the one who is authenticated.
    #[validate(length(max = limits::IDENTIFIER))]
    pub sender_id: String,
    /// `visitor`, `agent` or `user`; `bot` is refused.
    pub sender_type: SenderType,
    /// The text, possibly empty.
    #[validate(length(max = limits::MESSAGE))]
    pub content: String,
    /// Staged attachments, at most 5.
    #[validate(length(max = limits::IDS))]
    pub attachment_ids: Option<Vec<SupportAttachmentId>>,
    /// Opens nothing: visitors send by token.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// Sends a message of the system or of the AI agent.
///
/// # Errors
/// `NOT_FOUND` for an unknown conversation.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct InternalSendBotMessage {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The text.
    pub content: String,
    /// Default `system`; the AI agent is `ai-agent`.
    pub sender_id: Option<String>,
}

text_enum! {
    /// Who sent a message.
    pub enum SenderType {
        /// A user of the product; treated as an agent.
        User = "user",
        /// The visitor.
        Visitor = "visitor",
        /// A member.
        Agent = "agent",
        /// The system or the AI agent.
        Bot = "bot",
    }
}

text_enum! {
    /// How far a mail got.
    pub enum DeliveryStatus {
        /// Not yet sent.
        Pending = "pending",
        /// Handed over.
        Sent = "sent",
        /// Arrived.
        Delivered = "delivered",
        /// Came back.
        Bounced = "bounced",
        /// Could not be sent.
        Failed = "failed",
    }
}

/// A message as it is stored.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredMessage {
    /// The message's id.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// A user's or visitor's id, `system` or `ai-agent`.
    pub sender_id: String,
    /// Who sent it.
    pub sender_type: SenderType,
    /// The text.
    pub content: String,
    /// Absent for chat.
    pub channel: Option<Channel>,
    /// What a mail has beside its text.
    pub email_metadata: Option<EmailMetadata>,
    /// How far a mail got.
    pub delivery_status: Option<DeliveryStatus>,
    /// Its attachments, when there are any.
    pub attachment_ids: Option<Vec<SupportAttachmentId>>,
    /// When it was sent.
    pub created_at: Millis,
}

/// A message as a thread shows it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The stored message.
    #[serde(flatten)]
    pub message: StoredMessage,
    /// Its attachments; `[]` without.
    pub attachments: Vec<MessageAttachment>,
    /// The agent's name, address or `Support`; only for agents and users.
    pub sender_name: Option<String>,
}

/// An attachment as a thread shows it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageAttachment {
    /// The attachment's id.
    #[serde(rename = "_id")]
    pub id: SupportAttachmentId,
    /// The file's name.
    pub file_name: String,
    /// The file's type.
    pub mime_type: String,
    /// Bytes.
    pub size: Int,
    /// Where to fetch it; absent when the file is gone.
    pub url: Option<String>,
}

/// What a mail has beside its text.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
pub struct EmailMetadata {
    /// The subject.
    pub subject: Option<String>,
    /// The sender.
    pub from: Option<String>,
    /// The recipients.
    pub to: Option<Vec<String>>,
    /// Copies.
    pub cc: Option<Vec<String>>,
    /// Blind copies.
    pub bcc: Option<Vec<String>>,
    /// The header `Message-ID`.
    pub message_id: Option<String>,
    /// The header `In-Reply-To`.
    pub in_reply_to: Option<String>,
    /// The header `References`.
    pub references: Option<Vec<String>>,
    /// What was attached.
    pub attachments: Option<Vec<EmailAttachment>>,
}

/// A file that came with a mail.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailAttachment {
    /// The file's name.
    pub filename: String,
    /// The file's type.
    pub content_type: String,
    /// Bytes.
    pub size: Int,
    /// Where it is kept.
    pub storage_id: Option<StoredFileId>,
    /// Where to fetch it.
    pub url: Option<String>,
}

opencom_core::jsonb_column!(EmailMetadata);
