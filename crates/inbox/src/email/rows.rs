//! Rows of `email_configs`, `email_threads` and `inbound_emails`.

use diesel::prelude::*;
use opencom_contract::email_channel::EmailConfig;
use opencom_core::id::{
    ConversationId, EmailConfigId, EmailThreadId, InboundEmailId, MessageId, StoredFileId, WorkspaceId,
};
use opencom_core::{Json, Millis};
use opencom_schema::{email_configs, email_threads, inbound_emails};

/// How a workspace takes mail.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = email_configs)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct ConfigRow {
    pub(crate) id: EmailConfigId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) forwarding_address: String,
    pub(crate) from_name: Option<String>,
    pub(crate) from_email: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

impl ConfigRow {
    /// The address that answers come from.
    pub(crate) fn sender(&self) -> &str {
        let own = self.from_email.as_deref().filter(|own| !own.trim().is_empty());
        own.unwrap_or(&self.forwarding_address)
    }
}

impl From<ConfigRow> for EmailConfig {
    fn from(row: ConfigRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            forwarding_address: row.forwarding_address,
            from_name: row.from_name,
            from_email: row.from_email,
            signature: row.signature,
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A mail that was received or is sent.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = email_threads)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewThread<'a> {
    pub(crate) id: EmailThreadId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) message_id: &'a str,
    pub(crate) in_reply_to: Option<&'a str>,
    pub(crate) reference_ids: Option<&'a [String]>,
    pub(crate) subject: &'a str,
    pub(crate) normalized_subject: &'a str,
    pub(crate) sender_email: &'a str,
    pub(crate) is_inbound: bool,
    pub(crate) created_at: Millis,
}

/// What a mail needs to know of the one that it answers.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = email_threads)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct AnsweredMail {
    pub(crate) message_id: String,
    pub(crate) reference_ids: Option<Vec<String>>,
    pub(crate) subject: String,
    pub(crate) sender_email: String,
}

/// What became of a mail that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is a message of its sender.
    Stored,
    /// It is kept as it travelled, with a message that says so.
    Unreadable,
    /// Nobody wrote it.
    Dropped,
}

impl Fate {
    /// As the column says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unreadable => "unreadable",
            Self::Dropped => "dropped",
        }
    }
}

/// A mail that is taken in.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = inbound_emails)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewInbound<'a> {
    pub(crate) id: InboundEmailId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) provider_id: Option<&'a str>,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) sender: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) outcome: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) original: Option<Json>,
    pub(crate) raw_file_id: Option<StoredFileId>,
    pub(crate) created_at: Millis,
}

/// What became of a mail when it was taken in first.
#[derive(Clone, Copy, Debug, HasQuery)]
#[diesel(table_name = inbound_emails)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct KnownInbound {
    pub(crate) conversation_id: Option<ConversationId>,
    pub(crate) stored_message_id: Option<MessageId>,
}
