//! Sends posted messages by mail.

use async_trait::async_trait;
use opencom_contract::conversations::Channel;
use opencom_core::Result;
use opencom_runtime::MutationCx;

use super::compose;
use super::jobs::SendEmail;
use crate::messages::post::{Direction, Mail, MailBody, Post, PostHook};

/// Makes an agent's answer in a conversation by mail a mail, and queues [`SendEmail`] for every message that is sent as one.
pub(crate) struct SendByMail {
    /// The domain of workspaces' addresses.
    pub(crate) mail_domain: String,
}

#[async_trait]
impl PostHook for SendByMail {
    async fn before_insert(&self, cx: &mut MutationCx, post: &mut Post<'_>) -> Result<()> {
        let is_by_mail = post.conversation.channel == Some(Channel::Email);
        if !is_by_mail || !post.sender.is_response() || post.mail.is_some() {
            return Ok(());
        }
        if let Some(metadata) = compose::for_chat(cx, &self.mail_domain, post.conversation).await? {
            let direction = Direction::Sent(MailBody::Text);
            post.mail = Some(Mail { metadata, direction });
            post.preview = None;
        }
        Ok(())
    }

    async fn after_insert(&self, cx: &mut MutationCx, post: &Post<'_>) -> Result<()> {
        let Some(Mail {
            metadata,
            direction: Direction::Sent(body),
        }) = &post.mail
        else {
            return Ok(());
        };
        compose::note_thread(cx, post.conversation.parties, metadata).await?;
        let (is_html, text) = match body {
            MailBody::Text => (false, None),
            MailBody::Html { text } => (true, text.clone()),
        };
        cx.enqueue(&SendEmail {
            message_id: post.id,
            is_html,
            text,
        })
    }
}
