//! The job that sends a message's mail.

use opencom_core::id::MessageId;
use opencom_runtime::Job;
use serde::{Deserialize, Serialize};

/// Sends a message's mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendEmail {
    pub(super) message_id: MessageId,
    /// Whether the message is HTML already.
    pub(super) is_html: bool,
    /// The body as text, where it differs from what the message says.
    pub(super) text: Option<String>,
}

impl Job for SendEmail {
    const KIND: &'static str = "inbox.send_email";

    fn dedupe_key(&self) -> Option<String> {
        Some(format!("send_email:{}", self.message_id))
    }
}
