//! The contents of a notification, from rows.

use opencom_contract::conversations::Channel;
use opencom_contract::messages::SenderType;
use opencom_core::id::ConversationId;
use opencom_mail::html;
use opencom_mail::notification::{Author, MAX_MESSAGES, Message, Notification, Reader, Visitor};

use super::batch::Audience;
use super::queries::Subject;
use crate::messages::preview::preview;
use crate::messages::rows::SignedMessage;

/// The rows that a notification is made from.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) conversation_id: ConversationId,
    pub(super) subject: Subject,
    pub(super) audience: Audience,
    /// The message that the notification is about and those before it, newest first; never empty.
    pub(super) thread: Vec<SignedMessage>,
    /// How many of them are new.
    pub(super) new: usize,
}

impl Digest {
    /// Returns the contents of the notification. `web_app_url` is the base URL that members are linked to.
    pub(super) fn notification<'a>(&'a self, web_app_url: Option<&'a str>) -> Notification<'a> {
        Notification {
            conversation_id: self.conversation_id,
            channel: self.subject.channel.map_or("chat", |channel| channel.as_str()),
            reader: match self.audience {
                Audience::Members => Reader::Member { web_app_url },
                Audience::Visitor => Reader::Visitor,
            },
            visitor: self.subject.visitor.as_ref().map(|visitor| Visitor {
                name: visitor.name.as_deref(),
                email: visitor.email.as_deref(),
                readable_id: visitor.readable_id.as_deref(),
                current_url: visitor.current_url.as_deref(),
            }),
            messages: self.thread.iter().take(MAX_MESSAGES).map(message).collect(),
            new: self.new,
        }
    }
}

fn message(signed: &SignedMessage) -> Message<'_> {
    let row = &signed.message;
    let attachments = row.attachment_ids.as_ref().map_or(0, Vec::len);
    let content = match row.channel {
        // A message by mail may be HTML.
        Some(Channel::Email) => preview(&html::plain_text(&row.content), attachments)
            .into_owned()
            .into(),
        Some(Channel::Chat) | None => preview(&row.content, attachments),
    };
    Message {
        author: match row.sender_type {
            SenderType::Visitor => Author::Visitor,
            SenderType::Agent | SenderType::User | SenderType::Bot => Author::Support(signed.sender_name()),
        },
        content,
        sent_at: row.created_at,
    }
}
