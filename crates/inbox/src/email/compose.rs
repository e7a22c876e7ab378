//! What a mail that is sent says beside its text, and the record by which its answers find the conversation.

use opencom_contract::messages::EmailMetadata;
use opencom_core::Result;
use opencom_core::auth::token;
use opencom_core::id::{EmailThreadId, WorkspaceId};
use opencom_mail::{address, subject, threading};
use opencom_providers::email::Mailbox;
use opencom_runtime::MutationCx;

use super::rows::{ConfigRow, NewThread};
use super::{queries, store};
use crate::conversations::queries as conversations;
use crate::conversations::rows::{LockedConversation, Parties};
use crate::visitors::queries as visitors;

/// The headers of the mail that an agent's chat message in a conversation by mail becomes; `None` where none is sent: the
/// channel is off, or nobody knows where to.
pub(super) async fn for_chat(
    cx: &mut MutationCx,
    mail_domain: &str,
    conversation: LockedConversation,
) -> Result<Option<EmailMetadata>> {
    let workspace = conversation.parties.workspace_id;
    let Some(config) = queries::config(cx, workspace).await?.filter(|config| config.enabled) else {
        return Ok(None);
    };
    let last = queries::last_received(cx, conversation.parties.id).await?;
    let to = match (&last, conversation.parties.visitor_id) {
        (Some(last), _) => Some(last.sender_email.clone()),
        (None, Some(visitor)) => visitors::by_id(cx, visitor).await?.and_then(|row| row.email),
        (None, None) => None,
    };
    let Some(to) = to.filter(|to| to.parse::<Mailbox>().is_ok()) else {
        return Ok(None);
    };
    let subject = match &last {
        Some(last) => last.subject.clone(),
        None => conversations::by_id(cx, conversation.parties.id)
            .await?
            .and_then(|row| row.subject)
            .unwrap_or_default(),
    };
    let headers = Headers {
        to: vec![to],
        cc: None,
        bcc: None,
        subject: subject::reply(&subject),
        answered: last.map(|last| Answered {
            message_id: last.message_id,
            references: last.reference_ids.unwrap_or_default(),
        }),
    };
    let id = new_message_id(cx, workspace, mail_domain)?;
    Ok(Some(headers.metadata(&config, &id)))
}

/// Notes a mail that will be sent, so that its answers find the conversation.
pub(super) async fn note_thread(cx: &mut MutationCx, conversation: Parties, metadata: &EmailMetadata) -> Result<()> {
    let subject = metadata.subject.as_deref().unwrap_or_default();
    let thread = NewThread {
        id: EmailThreadId::generate(),
        workspace_id: conversation.workspace_id,
        conversation_id: conversation.id,
        message_id: metadata.message_id.as_deref().unwrap_or_default(),
        in_reply_to: metadata.in_reply_to.as_deref(),
        reference_ids: metadata.references.as_deref(),
        subject,
        normalized_subject: &subject::normalize(subject),
        sender_email: &address::bare(metadata.from.as_deref().unwrap_or_default()),
        is_inbound: false,
        created_at: cx.now(),
    };
    store::insert_thread(cx, &thread).await
}

/// The mail that is answered.
pub(super) struct Answered {
    pub(super) message_id: String,
    pub(super) references: Vec<String>,
}

/// What is known of a mail before it is sent.
pub(super) struct Headers {
    pub(super) to: Vec<String>,
    pub(super) cc: Option<Vec<String>>,
    pub(super) bcc: Option<Vec<String>>,
    pub(super) subject: String,
    pub(super) answered: Option<Answered>,
}

impl Headers {
    /// The metadata of the mail's message.
    pub(super) fn metadata(self, config: &ConfigRow, message_id: &str) -> EmailMetadata {
        let in_reply_to = self.answered.as_ref().map(|answered| answered.message_id.clone());
        let references = self
            .answered
            .map(|answered| threading::reply_references(answered.references, answered.message_id));
        EmailMetadata {
            subject: Some(self.subject),
            from: Some(config.sender().to_owned()),
            to: Some(self.to),
            cc: self.cc,
            bcc: self.bcc,
            message_id: Some(message_id.to_owned()),
            in_reply_to,
            references,
            attachments: None,
        }
    }
}

/// Generates the `Message-ID` of a mail.
pub(super) fn new_message_id(cx: &MutationCx, workspace: WorkspaceId, domain: &str) -> Result<String> {
    Ok(threading::message_id(cx.now(), token::random()?, workspace, domain))
}
