//! Answers by mail: a message is stored with the headers of its mail, and a job sends it.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use opencom_contract::conversations::{Channel, ReaderType};
use opencom_contract::email_channel::{SendEmailReply, SentReply};
use opencom_contract::messages::{DeliveryStatus, EmailMetadata, SenderType};
use opencom_core::auth::token;
use opencom_core::error::OrNotFound;
use opencom_core::id::{EmailThreadId, MessageId, StoredFileId, WorkspaceId};
use opencom_core::{Error, Permission, Result};
use opencom_mail::outgoing::{Bodies, Written};
use opencom_mail::{address, alias, subject, threading};
use opencom_providers::email::{Attachment, Email, EmailError, Mailbox};
use opencom_providers::files::FileKey;
use opencom_runtime::{ActionCx, Job, MutationCx, QueryCx, ScopedFutureExt};
use serde::{Deserialize, Serialize};

use super::rows::{ConfigRow, NewThread};
use super::store::{self, Delivery};
use super::{delivery, queries};
use crate::conversations::rows::LockedConversation;
use crate::conversations::store::NewMessageMarks;
use crate::messages::rows::{MessageRow, NewMessage};
use crate::{Inbox, conversations, messages, support_attachments};

/// Sends a message's mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendEmail {
    message_id: MessageId,
    /// Whether the message is HTML already.
    is_html: bool,
    /// The body as text, where it differs from what the message says.
    text: Option<String>,
}

impl Job for SendEmail {
    const KIND: &'static str = "inbox.send_email";

    fn dedupe_key(&self) -> Option<String> {
        Some(format!("send_email:{}", self.message_id))
    }
}

impl SendEmail {
    /// Sends a message that an agent wrote as text.
    pub(crate) fn of_text(message_id: MessageId) -> Self {
        Self {
            message_id,
            is_html: false,
            text: None,
        }
    }
}

/// `emailChannel:sendEmailReply`.
pub(super) async fn reply(inbox: &Inbox, cx: &mut MutationCx, req: SendEmailReply) -> Result<SentReply> {
    let agent = cx.agent().await?;
    if req.agent_id != agent.id {
        return Err(Error::not_authorized("Cannot send email as another agent"));
    }
    let conversation = conversations::queries::lock(cx, req.conversation_id)
        .await?
        .or_not_found("Conversation")?;
    let workspace = conversation.parties.workspace_id;
    cx.require(Permission::ConversationsReply, workspace).await?;
    let config = queries::config(cx, workspace).await?.filter(|config| config.enabled);
    let Some(config) = config else {
        let text = "Email channel not configured for this workspace";
        return Err(Error::invalid("conversationId", text));
    };
    let recipients = req.to.len() + req.cc.as_ref().map_or(0, Vec::len) + req.bcc.as_ref().map_or(0, Vec::len);
    let good = |addresses: &[String]| addresses.iter().all(|to| to.parse::<Mailbox>().is_ok());
    if req.to.is_empty() || recipients > 50 || !good(&req.to) {
        return Err(Error::invalid(
            "to",
            "to must be 1 to 50 e-mail addresses, copies included",
        ));
    }
    if ![&req.cc, &req.bcc]
        .into_iter()
        .flatten()
        .all(|addresses| good(addresses))
    {
        return Err(Error::invalid("cc", "cc and bcc must be e-mail addresses"));
    }
    if req.subject.contains(char::is_control) {
        return Err(Error::invalid("subject", "subject must be one line"));
    }
    let answered = match &req.reply_to_message_id {
        Some(id) => Some(Answered {
            references: queries::references_of(cx, workspace, id).await?.unwrap_or_default(),
            message_id: id.clone(),
        }),
        None => None,
    };
    let mail = Mail {
        to: req.to,
        cc: req.cc,
        bcc: req.bcc,
        subject: req.subject,
        answered,
    };
    let id = MessageId::generate();
    let sender_id = agent.id.to_string();
    let metadata = mail.metadata(&config, &new_message_id(cx, workspace, &inbox.parts.mail_domain)?);
    let message = NewMessage {
        id,
        workspace_id: conversation.parties.workspace_id,
        conversation_id: conversation.parties.id,
        sender_id: &sender_id,
        sender_user_id: Some(agent.id),
        sender_type: SenderType::Agent,
        content: &req.html_body,
        channel: Some(Channel::Email),
        email_metadata: Some(&metadata),
        delivery_status: Some(DeliveryStatus::Pending),
        attachment_ids: None,
        created_at: cx.now(),
    };
    let marks = NewMessageMarks {
        message: id,
        at: cx.now(),
        unread_by: Some(ReaderType::Visitor),
        is_response: true,
    };
    messages::store::insert_and_record(cx, &message, conversation, marks).await?;
    note_thread(cx, conversation, &config, &metadata).await?;
    cx.enqueue(&SendEmail {
        message_id: id,
        is_html: true,
        text: req.text_body,
    })?;
    Ok(SentReply {
        message_id: id,
        email_message_id: metadata.message_id.unwrap_or_default(),
    })
}

/// The headers of the mail that an agent's chat message in a conversation by mail becomes; `None` where none is sent: the
/// channel is off, or nobody knows where to.
pub(crate) async fn for_chat(
    inbox: &Inbox,
    cx: &mut MutationCx,
    conversation: LockedConversation,
) -> Result<Option<(ConfigRow, EmailMetadata)>> {
    let workspace = conversation.parties.workspace_id;
    let Some(config) = queries::config(cx, workspace).await?.filter(|config| config.enabled) else {
        return Ok(None);
    };
    let last = queries::last_received(cx, conversation.parties.id).await?;
    let to = match (&last, conversation.parties.visitor_id) {
        (Some(last), _) => Some(last.sender_email.clone()),
        (None, Some(visitor)) => crate::visitors::queries::by_id(cx, visitor)
            .await?
            .and_then(|row| row.email),
        (None, None) => None,
    };
    let Some(to) = to.filter(|to| to.parse::<Mailbox>().is_ok()) else {
        return Ok(None);
    };
    let subject = match &last {
        Some(last) => last.subject.clone(),
        None => conversations::queries::by_id(cx, conversation.parties.id)
            .await?
            .and_then(|row| row.subject)
            .unwrap_or_default(),
    };
    let mail = Mail {
        to: vec![to],
        cc: None,
        bcc: None,
        subject: subject::reply(&subject),
        answered: last.map(|last| Answered {
            message_id: last.message_id,
            references: last.reference_ids.unwrap_or_default(),
        }),
    };
    let id = new_message_id(cx, workspace, &inbox.parts.mail_domain)?;
    let metadata = mail.metadata(&config, &id);
    Ok(Some((config, metadata)))
}

/// Notes a mail that will be sent, so that its answers find the conversation.
pub(crate) async fn note_thread(
    cx: &mut MutationCx,
    conversation: LockedConversation,
    config: &ConfigRow,
    metadata: &EmailMetadata,
) -> Result<()> {
    let subject = metadata.subject.as_deref().unwrap_or_default();
    let thread = NewThread {
        id: EmailThreadId::generate(),
        workspace_id: config.workspace_id,
        conversation_id: conversation.parties.id,
        message_id: metadata.message_id.as_deref().unwrap_or_default(),
        in_reply_to: metadata.in_reply_to.as_deref(),
        reference_ids: metadata.references.as_deref(),
        subject,
        normalized_subject: &subject::normalize(subject),
        sender_email: &address::bare(config.sender()),
        is_inbound: false,
        created_at: cx.now(),
    };
    store::insert_thread(cx, &thread).await
}

/// The mail that is answered.
struct Answered {
    message_id: String,
    references: Vec<String>,
}

struct Mail {
    to: Vec<String>,
    cc: Option<Vec<String>>,
    bcc: Option<Vec<String>>,
    subject: String,
    answered: Option<Answered>,
}

impl Mail {
    fn metadata(self, config: &ConfigRow, message_id: &str) -> EmailMetadata {
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

fn new_message_id(cx: &MutationCx, workspace: WorkspaceId, domain: &str) -> Result<String> {
    Ok(threading::message_id(cx.now(), token::random()?, workspace, domain))
}

/// What a mail is made from.
struct Draft {
    message: MessageRow,
    config: ConfigRow,
    agent_name: Option<String>,
    files: Vec<(String, String, StoredFileId)>,
}

/// Sends a message's mail. Nothing happens to one that was sent.
pub(super) async fn send(inbox: &Inbox, cx: &mut ActionCx, job: SendEmail) -> Result<()> {
    let message_id = job.message_id;
    let Some(draft) = cx.read(|cx| draft(cx, message_id).scope_boxed()).await? else {
        return Ok(());
    };
    if !matches!(
        draft.message.delivery_status,
        Some(DeliveryStatus::Pending | DeliveryStatus::Failed)
    ) {
        return Ok(());
    }
    let sent = match write(inbox, cx, &draft, &job).await? {
        Ok(email) => inbox.parts.email.send(&email).await,
        Err(error) => Err(error),
    };
    let message = &draft.message;
    match sent {
        Ok(accepted) => {
            let id = accepted.provider_id;
            cx.transaction(|cx| delivery::accepted(cx, message, id.as_deref()).scope_boxed())
                .await
        }
        Err(error) => {
            let text = error.to_string();
            cx.transaction(|cx| {
                let delivery = Delivery {
                    delivery_status: Some(DeliveryStatus::Failed),
                    provider_mail_id: None,
                    delivery_error: Some(&text),
                };
                async move { store::set_delivery(cx, message, &delivery).await }.scope_boxed()
            })
            .await?;
            if error.is_permanent() {
                tracing::warn!(message = %message_id, error = &error as &dyn std::error::Error, "an answer was refused");
                return Ok(());
            }
            Err(Error::internal(error))
        }
    }
}

async fn draft(cx: &mut QueryCx, id: MessageId) -> Result<Option<Draft>> {
    let Some((message, workspace)) = queries::message(cx, id).await? else {
        return Ok(None);
    };
    let Some(config) = queries::config(cx, workspace).await? else {
        return Ok(None);
    };
    let agent_name = match message.sender_user_id {
        Some(agent) => cx.user_by_id(agent).await?.and_then(|user| user.name.clone()),
        None => None,
    };
    let ids = message.attachment_ids.clone().unwrap_or_default();
    let attached = support_attachments::queries::attached(cx, &ids).await?;
    let file = |(row, has_file): (support_attachments::rows::AttachmentRow, bool)| {
        has_file.then_some((row.file_name, row.mime_type, row.file_id))
    };
    let mut files: Vec<_> = attached.into_iter().filter_map(file).collect();
    let stored = message
        .email_metadata
        .iter()
        .filter_map(|metadata| metadata.attachments.as_ref())
        .flatten();
    files.extend(stored.filter_map(|file| Some((file.filename.clone(), file.content_type.clone(), file.storage_id?))));
    Ok(Some(Draft {
        message,
        config,
        agent_name,
        files,
    }))
}

/// The mail. An address or a header that no mail may have is the mail's own fault.
async fn write(
    inbox: &Inbox,
    cx: &ActionCx,
    draft: &Draft,
    job: &SendEmail,
) -> Result<std::result::Result<Email, EmailError>> {
    let mut attachments = Vec::new();
    for (name, content_type, file) in &draft.files {
        attachments.push(Attachment {
            file_name: name.replace(char::is_control, " "),
            content_type: content_type.clone(),
            bytes: bytes_of(inbox, *file).await?,
        });
    }
    Ok(lay_out(cx, draft, job, attachments))
}

fn lay_out(
    cx: &ActionCx,
    draft: &Draft,
    job: &SendEmail,
    attachments: Vec<Attachment>,
) -> std::result::Result<Email, EmailError> {
    let Draft { message, config, .. } = draft;
    let metadata = message.email_metadata.clone().unwrap_or_default();
    let stated = |name: &Option<String>| name.clone().filter(|name| !name.trim().is_empty());
    let name = stated(&config.from_name).or_else(|| stated(&draft.agent_name));
    let from = Mailbox::new(Some(name.as_deref().unwrap_or("Support")), config.sender())?;
    let mailboxes = |texts: Option<Vec<String>>| -> std::result::Result<Vec<Mailbox>, EmailError> {
        texts.into_iter().flatten().map(|text| text.parse()).collect()
    };
    let written = if job.is_html {
        Written::Html(&message.content)
    } else {
        Written::Text(&message.content)
    };
    let bodies = Bodies::new(written, job.text.as_deref(), stated(&config.signature).as_deref());
    let alias = alias::for_conversation(
        &cx.server().master_key,
        &config.forwarding_address,
        message.conversation_id,
    );
    let is_id = |id: &String| Email::is_message_id(id);
    let references: Vec<String> = metadata.references.into_iter().flatten().filter(is_id).collect();
    Ok(Email {
        from,
        to: mailboxes(metadata.to)?,
        cc: mailboxes(metadata.cc)?,
        bcc: mailboxes(metadata.bcc)?,
        reply_to: alias.map(|alias| Mailbox::new(name.as_deref(), &alias)).transpose()?,
        subject: metadata.subject.unwrap_or_default(),
        html: bodies.html,
        text: Some(bodies.text),
        message_id: metadata.message_id,
        in_reply_to: metadata.in_reply_to.filter(is_id),
        references: threading::limit_references(references),
        attachments,
        idempotency_key: Some(format!("email:{}", message.id)),
    })
}

async fn bytes_of(inbox: &Inbox, file: StoredFileId) -> Result<Bytes> {
    let key = FileKey::new(file.to_string()).map_err(Error::internal)?;
    let body = inbox.parts.files.open(&key, None).await.map_err(Error::internal)?;
    let bytes: BytesMut = body.stream.try_collect().await.map_err(Error::internal)?;
    Ok(bytes.freeze())
}
