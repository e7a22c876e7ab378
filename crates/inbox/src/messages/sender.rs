//! Who writes a message: established by session or sign-in, never by what the request says.

use crate::limits;
use opencom_contract::conversations::ReaderType;
use opencom_contract::messages::{SendMessage, SenderType};
use opencom_core::error::OrNotFound;
use opencom_core::id::{UserId, VisitorId};
use opencom_core::{Error, Permission, Result};
use opencom_runtime::MutationCx;

use crate::conversations::queries;
use crate::conversations::rows::LockedConversation;
use crate::given::given;
use crate::support_attachments::rows::Uploader;

/// An authenticated sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The conversation's visitor.
    Visitor(VisitorId),
    /// A member.
    Agent(UserId),
    /// A member, on behalf of a user of the product.
    User(UserId),
    /// The system or the AI agent, by the name it goes by.
    Bot(String),
}

impl Sender {
    pub(super) fn id(&self) -> String {
        match self {
            Self::Visitor(id) => id.to_string(),
            Self::Agent(id) | Self::User(id) => id.to_string(),
            Self::Bot(name) => name.clone(),
        }
    }

    pub(super) fn user(&self) -> Option<UserId> {
        match self {
            Self::Agent(id) | Self::User(id) => Some(*id),
            Self::Visitor(_) | Self::Bot(_) => None,
        }
    }

    /// Counts a message of theirs.
    ///
    /// # Errors
    /// `RATE_LIMITED` when there were too many.
    pub(super) fn count(&self, cx: &mut MutationCx) -> Result<()> {
        match self {
            Self::Visitor(id) => cx.count(limits::SEND, *id),
            Self::Agent(id) | Self::User(id) => cx.count(limits::SEND, *id),
            Self::Bot(_) => Ok(()),
        }
    }

    pub(super) fn kind(&self) -> SenderType {
        match self {
            Self::Visitor(_) => SenderType::Visitor,
            Self::Agent(_) => SenderType::Agent,
            Self::User(_) => SenderType::User,
            Self::Bot(_) => SenderType::Bot,
        }
    }

    /// Whose files the message can carry. Those of users are ignored.
    pub(super) fn uploader(&self) -> Option<Uploader> {
        match self {
            Self::Visitor(id) => Some(Uploader::Visitor(*id)),
            Self::Agent(id) => Some(Uploader::Agent(*id)),
            Self::User(_) | Self::Bot(_) => None,
        }
    }

    /// Whose unread counter goes up.
    pub(super) fn unread_by(&self) -> Option<ReaderType> {
        match self {
            Self::Visitor(_) => Some(ReaderType::Agent),
            Self::Agent(_) | Self::Bot(_) => Some(ReaderType::Visitor),
            Self::User(_) => None,
        }
    }

    /// Whether a human of the workspace answers with it.
    pub(super) fn is_response(&self) -> bool {
        matches!(self, Self::Agent(_))
    }

    /// Whether anybody is notified of it.
    pub(super) fn is_notified_of(&self) -> bool {
        !matches!(self, Self::User(_))
    }
}

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
