//! Who writes a message.

use opencom_contract::conversations::ReaderType;
use opencom_contract::messages::SenderType;
use opencom_core::Result;
use opencom_core::id::{UserId, VisitorId};
use opencom_runtime::MutationCx;

use crate::limits;
use crate::support_attachments::rows::Uploader;

/// The sender id of messages that the system writes.
const SYSTEM: &str = "system";

/// An authenticated sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
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
    /// The system.
    pub(crate) fn system() -> Self {
        Self::Bot(SYSTEM.to_owned())
    }

    pub(crate) fn id(&self) -> String {
        match self {
            Self::Visitor(id) => id.to_string(),
            Self::Agent(id) | Self::User(id) => id.to_string(),
            Self::Bot(name) => name.clone(),
        }
    }

    pub(crate) fn user(&self) -> Option<UserId> {
        match self {
            Self::Agent(id) | Self::User(id) => Some(*id),
            Self::Visitor(_) | Self::Bot(_) => None,
        }
    }

    /// Counts a message of theirs.
    ///
    /// # Errors
    /// `RATE_LIMITED` when there were too many.
    pub(crate) fn count(&self, cx: &mut MutationCx) -> Result<()> {
        match self {
            Self::Visitor(id) => cx.count(limits::SEND, *id),
            Self::Agent(id) | Self::User(id) => cx.count(limits::SEND, *id),
            Self::Bot(_) => Ok(()),
        }
    }

    pub(crate) fn kind(&self) -> SenderType {
        match self {
            Self::Visitor(_) => SenderType::Visitor,
            Self::Agent(_) => SenderType::Agent,
            Self::User(_) => SenderType::User,
            Self::Bot(_) => SenderType::Bot,
        }
    }

    /// Whose files the message can carry. Those of users are ignored.
    pub(crate) fn uploader(&self) -> Option<Uploader> {
        match self {
            Self::Visitor(id) => Some(Uploader::Visitor(*id)),
            Self::Agent(id) => Some(Uploader::Agent(*id)),
            Self::User(_) | Self::Bot(_) => None,
        }
    }

    /// Whose unread counter goes up.
    pub(crate) fn unread_by(&self) -> Option<ReaderType> {
        match self {
            Self::Visitor(_) => Some(ReaderType::Agent),
            Self::Agent(_) | Self::Bot(_) => Some(ReaderType::Visitor),
            Self::User(_) => None,
        }
    }

    /// Whether a human of the workspace answers with it.
    pub(crate) fn is_response(&self) -> bool {
        matches!(self, Self::Agent(_))
    }

    /// Whether anybody is notified of it.
    pub(crate) fn is_notified_of(&self) -> bool {
        !matches!(self, Self::User(_))
    }
}
