//! Conversations by mail.

use bon::Builder;
use opencom_core::id::{ConversationId, EmailConfigId, MessageId, UserId, WorkspaceId};
use opencom_core::{Millis, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::{Validate, ValidationError};

use crate::function::{INTERNAL, functions, permitted};
use crate::limits;

functions! {
    GetEmailConfig: query "emailChannel:getEmailConfig" -> Option<EmailConfig>,
        permitted(Permission::SettingsIntegrations).or("null");
    UpsertEmailConfig: mutation "emailChannel:upsertEmailConfig" -> EmailConfigId,
        permitted(Permission::SettingsIntegrations);
    SendEmailReply: mutation "emailChannel:sendEmailReply" -> SentReply, permitted(Permission::ConversationsReply);
    InternalReceive: action "emailChannel:internalReceive" -> Received, INTERNAL;
    InternalNoteDelivery: action "emailChannel:internalNoteDelivery" -> (), INTERNAL;
}

/// Stores the mail, or notes the delivery, that a provider's webhook reports. The signature was verified before.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalReceive {
    /// The body of the webhook, as the provider sent it.
    pub body: Vec<u8>,
}

/// What became of a provider's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum Received {
    /// The mail is stored as a message.
    Stored {
        /// The conversation.
        conversation_id: ConversationId,
        /// The message.
        message_id: MessageId,
        /// Whether it was stored before.
        duplicate: bool,
    },
    /// An automatic mail, or one that was received and dropped before.
    Dropped,
    /// The report is about a mail that was sent.
    Noted,
    /// The workspace has the email channel disabled.
    Disabled,
    /// No workspace has the recipient's address.
    UnknownRecipient,
}

/// Notes the delivery that a provider's webhook reports. The signature was verified before.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalNoteDelivery {
    /// The body of the webhook, as the provider sent it.
    pub body: Vec<u8>,
}

/// How a workspace takes mail; `null` when that was never set, and for whoever may not see it.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetEmailConfig {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Sets how a workspace takes mail. Name, sender and signature that are not given are removed; the address that mail goes
/// to is made the first time and stays.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct UpsertEmailConfig {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whether mail is taken and sent.
    pub enabled: bool,
    /// The name that answers come from.
    #[validate(length(max = limits::NAME))]
    pub from_name: Option<String>,
    /// The address that answers come from.
    #[validate(length(max = limits::EMAIL))]
    pub from_email: Option<String>,
    /// HTML at the end of every answer.
    #[validate(length(max = limits::MESSAGE))]
    pub signature: Option<String>,
}

/// Answers by mail. The mail goes out after the call; the message tells how far it got.
///
/// # Errors
/// `NOT_AUTHORIZED` for another agent than the caller, `NOT_FOUND` for an unknown conversation, `INVALID_INPUT` where
/// no mail is sent.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct SendEmailReply {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Nobody but the caller.
    pub agent_id: UserId,
    /// The recipients; at most 50 with the copies.
    #[validate(length(max = limits::RECIPIENTS), custom(function = check_addresses))]
    pub to: Vec<String>,
    /// Copies.
    #[validate(length(max = limits::RECIPIENTS), custom(function = check_copies))]
    pub cc: Option<Vec<String>>,
    /// Blind copies.
    #[validate(length(max = limits::RECIPIENTS), custom(function = check_blind_copies))]
    pub bcc: Option<Vec<String>>,
    /// The subject.
    #[validate(length(max = limits::SUBJECT))]
    pub subject: String,
    /// The body as HTML.
    #[validate(length(max = limits::MESSAGE))]
    pub html_body: String,
    /// The body as text.
    #[validate(length(max = limits::MESSAGE))]
    pub text_body: Option<String>,
    /// `Message-ID` of the mail that is answered.
    #[validate(length(max = limits::SUBJECT))]
    pub reply_to_message_id: Option<String>,
}

fn check_addresses(to: &[String]) -> Result<(), ValidationError> {
    bounded("to", to)
}

fn check_copies(cc: &[String]) -> Result<(), ValidationError> {
    bounded("cc", cc)
}

fn check_blind_copies(bcc: &[String]) -> Result<(), ValidationError> {
    bounded("bcc", bcc)
}

/// Names and addresses, none of them too long.
fn bounded(field: &str, addresses: &[String]) -> Result<(), ValidationError> {
    let longest = limits::NAME + limits::EMAIL;
    let fits = |address: &String| u64::try_from(address.chars().count()).is_ok_and(|length| length <= longest);
    if addresses.iter().all(fits) {
        return Ok(());
    }
    let text = format!("{field} must be at most {longest} long, each of them");
    Err(ValidationError::new("length").with_message(text.into()))
}

/// An answer that is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentReply {
    /// The message.
    pub message_id: MessageId,
    /// Its mail's `Message-ID`.
    pub email_message_id: String,
}

/// How a workspace takes mail.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailConfig {
    /// The row's id.
    #[serde(rename = "_id")]
    pub id: EmailConfigId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Where mail goes that becomes conversations.
    pub forwarding_address: String,
    /// The name that answers come from.
    pub from_name: Option<String>,
    /// The address that answers come from.
    pub from_email: Option<String>,
    /// HTML at the end of every answer.
    pub signature: Option<String>,
    /// Whether mail is taken and sent.
    pub enabled: bool,
    /// When it was set first.
    pub created_at: Millis,
    /// The last change.
    pub updated_at: Millis,
}
