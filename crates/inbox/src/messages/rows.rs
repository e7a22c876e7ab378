//! Rows of `messages`.

use diesel::prelude::*;
use opencom_contract::conversations::Channel;
use opencom_contract::messages::{DeliveryStatus, EmailMetadata, SenderType, StoredMessage};
use opencom_core::Millis;
use opencom_core::id::{ConversationId, MessageId, SupportAttachmentId, UserId, WorkspaceId};
use opencom_schema::messages;

/// A message's row, as far as it is shown.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = messages)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct MessageRow {
    pub(crate) id: MessageId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) sender_id: String,
    pub(crate) sender_user_id: Option<UserId>,
    pub(crate) sender_type: SenderType,
    pub(crate) content: String,
    pub(crate) channel: Option<Channel>,
    pub(crate) email_metadata: Option<EmailMetadata>,
    pub(crate) delivery_status: Option<DeliveryStatus>,
    pub(crate) attachment_ids: Option<Vec<SupportAttachmentId>>,
    pub(crate) created_at: Millis,
}

/// A message that is about to be stored; the other columns stay empty.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = messages)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewMessage<'a> {
    pub(crate) id: MessageId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) sender_id: &'a str,
    pub(crate) sender_user_id: Option<UserId>,
    pub(crate) sender_type: SenderType,
    pub(crate) content: &'a str,
    pub(crate) channel: Option<Channel>,
    pub(crate) email_metadata: Option<&'a EmailMetadata>,
    pub(crate) delivery_status: Option<DeliveryStatus>,
    pub(crate) attachment_ids: Option<&'a [SupportAttachmentId]>,
    pub(crate) created_at: Millis,
}

impl From<MessageRow> for StoredMessage {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            conversation_id: row.conversation_id,
            sender_id: row.sender_id,
            sender_type: row.sender_type,
            content: row.content,
            channel: row.channel,
            email_metadata: row.email_metadata,
            delivery_status: row.delivery_status,
            attachment_ids: row.attachment_ids,
            created_at: row.created_at,
        }
    }
}

/// A message with the name and the address of the user who sent it.
#[derive(Clone, Debug)]
pub(crate) struct SignedMessage {
    pub(crate) message: MessageRow,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

impl SignedMessage {
    /// Who it is from, for people: agents and users alone are named.
    pub(crate) fn sender_name(&self) -> Option<String> {
        let stated = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(ToOwned::to_owned)
        };
        match self.message.sender_type {
            SenderType::Visitor | SenderType::Bot => None,
            SenderType::Agent | SenderType::User => Some(
                stated(&self.name)
                    .or_else(|| stated(&self.email))
                    .unwrap_or_else(|| "Support".to_owned()),
            ),
        }
    }
}
