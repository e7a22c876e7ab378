//! Queues the notification of a posted message.

use async_trait::async_trait;
use opencom_contract::conversations::Channel;
use opencom_core::Result;
use opencom_runtime::MutationCx;

use super::jobs::NotifyNewMessage;
use crate::messages::post::{Direction, Post, PostHook};

/// Queues [`NotifyNewMessage`] for messages with a preview.
pub(crate) struct NotifyOfMessage;

#[async_trait]
impl PostHook for NotifyOfMessage {
    async fn after_insert(&self, cx: &mut MutationCx, post: &Post<'_>) -> Result<()> {
        let Some(preview) = post.preview.as_ref().filter(|_| post.sender.is_notified_of()) else {
            return Ok(());
        };
        let mail = post.mail.as_ref();
        let by_mail = mail.is_some_and(|mail| matches!(mail.direction, Direction::Received));
        cx.enqueue(&NotifyNewMessage {
            conversation_id: post.conversation.parties.id,
            message_content: preview.clone().into_owned(),
            sender_type: post.sender.kind(),
            message_id: post.id,
            sender_id: post.sender.id(),
            sent_at: cx.now(),
            channel: if by_mail { Channel::Email } else { Channel::Chat },
        })
    }
}
