//! Sending e-mail: the trait, the mail itself, and which adapter a configuration stands for. [`received`] fetches mail that
//! a provider took in, [`webhook`] checks what a provider reports.

mod config;
mod message;
mod mime;
pub mod received;
mod recorder;
mod resend;
mod smtp;
pub mod webhook;

use std::time::Duration;

use async_trait::async_trait;

pub use self::config::{EmailConfig, EmailConfigError, build};
pub use self::message::{Attachment, Email, Mailbox};
pub use self::recorder::Recorder;
pub use self::resend::Resend;
pub use self::smtp::Smtp;

/// A way to send mail.
///
/// `send` makes one attempt. Whoever calls it decides about the next one by [`EmailError::is_permanent`] and
/// [`EmailError::retry_after`], and gives the mail an [`Email::idempotency_key`] if it may be sent again: an answer
/// that got lost cannot be told from a mail that did.
#[async_trait]
pub trait EmailProvider: Send + Sync {
    /// Hands the mail over; success means that the provider took responsibility, not that it was delivered.
    ///
    /// With several recipients it is all or none: one refused address refuses the mail.
    async fn send(&self, mail: &Email) -> Result<Delivery, EmailError>;

    /// Whether mail would be taken over: the provider is there and lets us in. Sends nothing.
    async fn check(&self) -> Result<(), EmailError>;

    /// Short name for logs and metrics: `smtp`, `resend`, `recorder`.
    fn name(&self) -> &'static str;
}

/// A mail that a provider accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What the provider calls the mail, for asking it later: Resend's id, the last line of the SMTP server's answer.
    pub provider_id: Option<String>,
}

/// Why a mail was not accepted; the text is meant for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// This mail will not be accepted later either.
    #[error("{message}")]
    Rejected {
        /// What is wrong, in the provider's own words where it gave some.
        message: String,
    },
    /// The same mail may be accepted later; it is not known whether it already was.
    #[error("{message}")]
    Unavailable {
        /// What failed, in the provider's own words where it gave some.
        message: String,
        /// How long the provider asked to be left alone.
        retry_after: Option<Duration>,
    },
}

impl EmailError {
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected {
            message: message.into(),
        }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            retry_after: None,
        }
    }

    /// Whether another attempt with the same mail is pointless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Rejected { .. } => true,
            Self::Unavailable { .. } => false,
        }
    }

    /// How long the provider asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rejected { .. } => None,
            Self::Unavailable { retry_after, .. } => *retry_after,
        }
    }
}
