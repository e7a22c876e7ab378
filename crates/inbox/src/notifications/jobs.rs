//! The jobs from a new message to its mails.

use opencom_contract::conversations::Channel;
use opencom_contract::messages::SenderType;
use opencom_core::Millis;
use opencom_core::id::{ConversationId, MessageId, UserId, VisitorId};
use opencom_runtime::Job;
use serde::{Deserialize, Serialize};

use super::batch::{self, Audience};

/// A message was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyNewMessage {
    /// Where.
    pub conversation_id: ConversationId,
    /// The message in one line.
    pub message_content: String,
    /// What the sender is.
    pub sender_type: SenderType,
    /// The message.
    pub message_id: MessageId,
    /// The sender.
    pub sender_id: String,
    /// When.
    pub sent_at: Millis,
    /// How it travelled.
    pub channel: Channel,
}

impl Job for NotifyNewMessage {
    const KIND: &'static str = "inbox.notify_new_message";
}

/// Somebody may have to be told by mail of the messages that were sent to them in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailNewMessages {
    /// Where.
    pub conversation_id: ConversationId,
    /// To whom.
    pub audience: Audience,
    /// When one of the messages was sent; stands for its minute.
    pub sent_at: Millis,
    /// Whether this is the second look, which waits for the minute's last message to have been quiet.
    pub again: bool,
}

impl Job for MailNewMessages {
    const KIND: &'static str = "inbox.mail_new_messages";

    /// One for each minute, not one for each conversation: a job that is running still holds its key, so a message that
    /// comes meanwhile must have another. By the time a minute's job runs no message of that minute can come.
    fn dedupe_key(&self) -> Option<String> {
        let Self {
            conversation_id,
            audience,
            sent_at,
            again,
        } = self;
        let look = if *again { "again" } else { "first" };
        Some(format!(
            "{}:{conversation_id}:{audience:?}:{}:{look}",
            Self::KIND,
            batch::minute(*sent_at)
        ))
    }
}

/// One mail to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendMessageMail {
    /// Where.
    pub conversation_id: ConversationId,
    /// The newest message that the mail tells of.
    pub message_id: MessageId,
    /// Who gets it.
    pub recipient: Recipient,
}

impl SendMessageMail {
    /// The same for every attempt, by which providers that know such keys send the mail once.
    pub(super) fn idempotency_key(&self) -> String {
        match self.recipient {
            Recipient::Member(id) => format!("chat:{}:{id}", self.message_id),
            Recipient::Visitor(id) => format!("chat:{}:{id}", self.message_id),
        }
    }
}

impl Job for SendMessageMail {
    const KIND: &'static str = "inbox.send_message_mail";

    fn dedupe_key(&self) -> Option<String> {
        Some(self.idempotency_key())
    }
}

/// Who gets a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recipient {
    /// A member of the workspace.
    Member(UserId),
    /// The conversation's visitor.
    Visitor(VisitorId),
}
