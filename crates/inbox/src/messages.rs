//! Messages: who may read a thread, and who may write to it. [`post`] stores what is written.

mod admission;
pub(crate) mod post;
pub(crate) mod preview;
pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod sender;
pub(crate) mod store;

use opencom_contract::messages::{InternalSendBotMessage, List, Message, SendMessage};
use opencom_core::error::OrNotFound;
use opencom_core::id::{MessageId, SupportAttachmentId};
use opencom_core::{Permission, Result};
use opencom_runtime::{Caller, Handle, MutationCx, QueryCx};

use self::post::Post;
use self::preview::preview;
use self::rows::SignedMessage;
use self::sender::Sender;
use crate::conversations::queries as conversations;
use crate::conversations::rows::Parties;
use crate::support_attachments::rows::Target;
use crate::support_attachments::{self, binding};
use crate::{Inbox, topics};

/// The most messages in one answer.
const LIST_LIMIT: i64 = 10_000;

impl Handle<List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Message>> {
        let shows_nothing = req.session_token.as_deref().is_none_or(str::is_empty);
        if shows_nothing && cx.caller() == Caller::Anonymous {
            return Ok(Vec::new());
        }
        let (parties, mut thread) =
            queries::parties_and_thread(cx, req.conversation_id, req.before, LIST_LIMIT).await?;
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
        let (conversation, sender) = admission::admit(cx, &req).await?;
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
        let post = Post {
            id,
            conversation,
            sender,
            content: &req.content,
            attachments: &attachments,
            mail: None,
            preview: Some(preview(&req.content, attachments.len())),
            unread_by: None,
        };
        post::post(&self.post_hooks, cx, post).await
    }
}

impl Handle<InternalSendBotMessage> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: InternalSendBotMessage) -> Result<MessageId> {
        let conversation = conversations::lock(cx, req.conversation_id)
            .await?
            .or_not_found("Conversation")?;
        let post = Post {
            id: MessageId::generate(),
            conversation,
            sender: req.sender_id.map_or_else(Sender::system, Sender::Bot),
            content: &req.content,
            attachments: &[],
            mail: None,
            preview: Some(preview(&req.content, 0)),
            unread_by: None,
        };
        post::post(&self.post_hooks, cx, post).await
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
