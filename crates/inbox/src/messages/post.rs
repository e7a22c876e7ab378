//! How messages are stored: the one place that inserts them and marks their conversations.
//!
//! What hangs on a message, mail and notifications, takes part by a [`PostHook`]. This module imports none of it.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use opencom_contract::conversations::{Channel, ReaderType};
use opencom_contract::messages::{DeliveryStatus, EmailMetadata};
use opencom_core::Result;
use opencom_core::id::{MessageId, SupportAttachmentId};
use opencom_runtime::MutationCx;

use super::rows::NewMessage;
use super::sender::Sender;
use super::store;
use crate::conversations::rows::{LockedConversation, Parties};
use crate::conversations::store::NewMessageMarks;

/// A message that is about to be stored in its locked conversation.
pub(crate) struct Post<'a> {
    pub(crate) id: MessageId,
    pub(crate) conversation: LockedConversation,
    pub(crate) sender: Sender,
    pub(crate) content: &'a str,
    pub(crate) attachments: &'a [SupportAttachmentId],
    /// The mail that the message was received as or is sent as. A hook may set it.
    pub(crate) mail: Option<Mail>,
    /// The text of the notification. `None`: no notification.
    pub(crate) preview: Option<Cow<'a, str>>,
    /// Whose unread counter goes up. `None`: the one that follows from the sender.
    pub(crate) unread_by: Option<ReaderType>,
}

/// The mail of a message.
pub(crate) struct Mail {
    pub(crate) metadata: EmailMetadata,
    pub(crate) direction: Direction,
}

/// Which way a mail goes.
pub(crate) enum Direction {
    /// It was received.
    Received,
    /// It is sent after the commit.
    Sent(MailBody),
}

/// What the body of a mail that is sent is made from.
#[derive(Clone)]
pub(crate) enum MailBody {
    /// The message, which is plain text.
    Text,
    /// The message, which is HTML, and the alternative text; `None`: derived from the HTML.
    Html { text: Option<String> },
}

/// Takes part in posting, in the same transaction.
#[async_trait]
pub(crate) trait PostHook: Send + Sync {
    /// Runs before the message is stored, and may change it.
    async fn before_insert(&self, _: &mut MutationCx, _: &mut Post<'_>) -> Result<()> {
        Ok(())
    }

    /// Runs once the message is stored.
    async fn after_insert(&self, cx: &mut MutationCx, post: &Post<'_>) -> Result<()>;
}

/// Stores a message, marks its conversation and runs the hooks in their order.
pub(crate) async fn post(hooks: &[Arc<dyn PostHook>], cx: &mut MutationCx, mut post: Post<'_>) -> Result<MessageId> {
    for hook in hooks {
        hook.before_insert(cx, &mut post).await?;
    }
    insert(cx, &post).await?;
    for hook in hooks {
        hook.after_insert(cx, &post).await?;
    }
    Ok(post.id)
}

async fn insert(cx: &mut MutationCx, post: &Post<'_>) -> Result<()> {
    let Post {
        id,
        conversation,
        sender,
        mail,
        ..
    } = post;
    let is_sent = |mail: &Mail| matches!(mail.direction, Direction::Sent(_));
    let message = NewMessage {
        id: *id,
        workspace_id: conversation.parties.workspace_id,
        conversation_id: conversation.parties.id,
        sender_id: &sender.id(),
        sender_user_id: sender.user(),
        sender_type: sender.kind(),
        content: post.content,
        channel: mail.as_ref().map(|_| Channel::Email),
        email_metadata: mail.as_ref().map(|mail| &mail.metadata),
        delivery_status: (mail.as_ref().is_some_and(is_sent)).then_some(DeliveryStatus::Pending),
        attachment_ids: Some(post.attachments).filter(|attachments| !attachments.is_empty()),
        created_at: cx.now(),
    };
    let marks = NewMessageMarks {
        message: *id,
        at: cx.now(),
        unread_by: post.unread_by.or_else(|| sender.unread_by()),
        is_response: sender.is_response(),
    };
    store::insert_and_record(cx, &message, *conversation, marks).await
}

/// Stores the system's first message of a conversation that was inserted with the message's marks. Runs no hooks: a
/// greeting is neither mailed nor announced.
pub(crate) async fn greet(cx: &mut MutationCx, conversation: Parties, id: MessageId, content: &str) -> Result<()> {
    let sender = Sender::system();
    let message = NewMessage {
        id,
        workspace_id: conversation.workspace_id,
        conversation_id: conversation.id,
        sender_id: &sender.id(),
        sender_user_id: None,
        sender_type: sender.kind(),
        content,
        channel: None,
        email_metadata: None,
        delivery_status: None,
        attachment_ids: None,
        created_at: cx.now(),
    };
    store::insert_first(cx, &message).await
}
