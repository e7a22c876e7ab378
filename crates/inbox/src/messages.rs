//! Messages: who may read a thread, who may write to it, and what a new message does to its conversation.

pub(crate) mod queries;
pub(crate) mod rows;
mod sender;
pub(crate) mod store;

use crate::topics;
use opencom_contract::conversations::Channel;
use opencom_contract::messages::{DeliveryStatus, InternalSendBotMessage, List, Message, SendMessage};
use opencom_core::error::OrNotFound;
use opencom_core::id::{MessageId, SupportAttachmentId};
use opencom_core::{Permission, Result};
use opencom_runtime::{Caller, Handle, MutationCx, QueryCx};

use self::rows::{NewMessage, SignedMessage};
use self::sender::Sender;
use crate::conversations::rows::{LockedConversation, Parties};
use crate::conversations::store::NewMessageMarks;
use crate::email::{SendEmail, outbound};
use crate::notifications::NotifyNewMessage;
use crate::support_attachments::binding;
use crate::support_attachments::rows::Target;
use crate::{Inbox, conversations, support_attachments};

/// The most messages in one answer.
const LIST_LIMIT: i64 = 10_000;

impl Handle<List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Message>> {
        let shows_nothing = req.session_token.as_deref().is_none_or(str::is_empty);
        if shows_nothing && cx.caller() == Caller::Anonymous {
            return Ok(Vec::new());
        }
        let before = match req.before {
            Some(message) => queries::position(cx, message, req.conversation_id).await?,
            None => None,
        };
        let (parties, mut thread) = queries::parties_and_thread(cx, req.conversation_id, before, LIST_LIMIT).await?;
        if !may_read(cx, &req, parties).await? {
            // Nothing else that was read would tell of the conversation becoming readable, by a merge for example. Whoever
            // may read stays allowed as long as their own session or membership does, and is spared every counter.
            cx.read(topics::conversation(req.conversation_id));
            return Ok(Vec::new());
        }
        thread.reverse();
        let ids: Vec<SupportAttachmentId> = thread
            .iter()
            .filter_map(|signed| signed.message.attachment_ids.as_deref())
            .flatten()
            .copied()
            .collect();
        let attachments = support_attachments::shown(cx, &ids).await?;
        let message = |signed: SignedMessage| Message {
            sender_name: signed.sender_name(),
            attachments: (signed.message.attachment_ids.iter().flatten())
                .filter_map(|id| attachments.get(id).cloned())
                .collect(),
            message: signed.message.into(),
        };
        Ok(thread.into_iter().map(message).collect())
    }
}

impl Handle<SendMessage> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: SendMessage) -> Result<MessageId> {
        let (conversation, sender) = sender::admit(cx, &req).await?;
        sender.count(cx)?;
        let id = MessageId::generate();
        let attachments = match (&req.attachment_ids, sender.uploader()) {
            (Some(ids), Some(uploader)) => {
                binding::bind(
                    cx,
                    ids,
                    conversation.parties.workspace_id,
                    uploader,
                    Target::Message(id),
                )
                .await?
            }
            _ => Vec::new(),
        };
        self.post(cx, conversation, &sender, id, &req.content, &attachments)
            .await
    }
}

impl Handle<InternalSendBotMessage> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: InternalSendBotMessage) -> Result<MessageId> {
        let conversation = conversations::queries::lock(cx, req.conversation_id)
            .await?
            .or_not_found("Conversation")?;
        let sender = Sender::Bot(req.sender_id.unwrap_or_else(|| conversations::SYSTEM.to_owned()));
        self.post(cx, conversation, &sender, MessageId::generate(), &req.content, &[])
            .await
    }
}

/// Whether the caller is the conversation's visitor, by token, or a member who may read.
async fn may_read(cx: &mut QueryCx, req: &List, parties: Option<Parties>) -> Result<bool> {
    let Some(parties) = parties else { return Ok(false) };
    let session = cx
        .visitor_if_valid(req.session_token.as_deref(), parties.workspace_id)
        .await?;
    if session.is_some_and(|session| parties.visitor_id == Some(session.visitor_id)) {
        return Ok(true);
    }
    cx.has(Permission::ConversationsRead, parties.workspace_id).await
}

impl Inbox {
    /// Stores a message in its locked conversation and queues its notification, or its mail where a member answers by mail.
    async fn post(
        &self,
        cx: &mut MutationCx,
        conversation: LockedConversation,
        sender: &Sender,
        id: MessageId,
        content: &str,
        attachments: &[SupportAttachmentId],
    ) -> Result<MessageId> {
        let now = cx.now();
        let sender_id = sender.id();
        let mail = if conversation.channel == Some(Channel::Email) && sender.is_response() {
            outbound::for_chat(self, cx, conversation).await?
        } else {
            None
        };
        let metadata = mail.as_ref().map(|(_, metadata)| metadata);
        let message = NewMessage {
            id,
            workspace_id: conversation.parties.workspace_id,
            conversation_id: conversation.parties.id,
            sender_id: &sender_id,
            sender_user_id: sender.user(),
            sender_type: sender.kind(),
            content,
            channel: metadata.map(|_| Channel::Email),
            email_metadata: metadata,
            delivery_status: metadata.map(|_| DeliveryStatus::Pending),
            attachment_ids: Some(attachments).filter(|attachments| !attachments.is_empty()),
            created_at: now,
        };
        let marks = NewMessageMarks {
            message: id,
            at: now,
            unread_by: sender.unread_by(),
            is_response: sender.is_response(),
        };
        store::insert_and_record(cx, &message, conversation, marks).await?;
        if let Some((config, metadata)) = &mail {
            outbound::note_thread(cx, conversation, config, metadata).await?;
            cx.enqueue(&SendEmail::of_text(id))?;
        } else if sender.is_notified_of() {
            cx.enqueue(&NotifyNewMessage {
                conversation_id: conversation.parties.id,
                message_content: preview(content, attachments.len()).into_owned(),
                sender_type: sender.kind(),
                message_id: id,
                sender_id,
                sent_at: now,
                channel: Channel::Chat,
            })?;
        }
        Ok(id)
    }
}

/// A message in one line: its text, or how many files it brings when it has none.
pub(crate) fn preview(content: &str, attachments: usize) -> std::borrow::Cow<'_, str> {
    match attachments {
        0 => content.into(),
        _ if !content.trim().is_empty() => content.into(),
        1 => "1 attachment".into(),
        n => format!("{n} attachments").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::preview;

    #[test]
    fn a_preview_is_the_text_or_counts_the_files() {
        for (content, attachments, line) in [
            ("hello", 0, "hello"),
            ("hello", 2, "hello"),
            ("", 0, ""),
            (" \n", 0, " \n"),
            (" \n", 1, "1 attachment"),
            ("", 3, "3 attachments"),
        ] {
            assert_eq!(preview(content, attachments), line, "{content:?} {attachments}");
        }
    }
}
