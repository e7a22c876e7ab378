//! Who may write a message: established by session or sign-in, never by what the request says.

use opencom_contract::messages::{SendMessage, SenderType};
use opencom_core::error::OrNotFound;
use opencom_core::{Error, Permission, Result};
use opencom_runtime::MutationCx;

use super::sender::Sender;
use crate::conversations::queries;
use crate::conversations::rows::LockedConversation;
use crate::given::given;

/// The sender of a request and the conversation, which is locked from here on.
///
/// # Errors
/// In this order: who asks, whether the conversation exists, whether they may write to it.
pub(super) async fn admit(cx: &mut MutationCx, req: &SendMessage) -> Result<(LockedConversation, Sender)> {
    match req.sender_type {
        SenderType::Bot => Err(Error::not_authorized(
            "Not authorized: bot messages can only be sent by internal system callers",
        )),
        SenderType::Visitor => {
            let token = given(req.session_token.as_deref()).ok_or_else(not_theirs)?;
            let session = cx.session_by_token(Some(token)).await?;
            let conversation = locked(cx, req).await?;
            let session = session.in_workspace(conversation.parties.workspace_id, cx.now())?;
            if conversation.parties.visitor_id != Some(session.visitor_id) {
                return Err(not_theirs());
            }
            Ok((conversation, Sender::Visitor(session.visitor_id)))
        }
        SenderType::Agent | SenderType::User => {
            cx.agent().await?;
            let conversation = locked(cx, req).await?;
            let agent = cx
                .require(Permission::ConversationsReply, conversation.parties.workspace_id)
                .await?;
            let sender = match req.sender_type {
                SenderType::User => Sender::User(agent.id),
                _ => Sender::Agent(agent.id),
            };
            Ok((conversation, sender))
        }
    }
}

async fn locked(cx: &mut MutationCx, req: &SendMessage) -> Result<LockedConversation> {
    queries::lock(cx, req.conversation_id)
        .await?
        .or_not_found("Conversation")
}

fn not_theirs() -> Error {
    Error::not_authorized("Not authorized to send messages to this conversation")
}
