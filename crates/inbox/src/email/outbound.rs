//! Sends the mails of messages.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use opencom_contract::messages::DeliveryStatus;
use opencom_core::id::{MessageId, StoredFileId};
use opencom_core::{Error, Result};
use opencom_mail::outgoing::{Bodies, Written};
use opencom_mail::{alias, threading};
use opencom_providers::email::{Attachment, Email, EmailError, Mailbox};
use opencom_providers::files::FileKey;
use opencom_runtime::{ActionCx, QueryCx, ScopedFutureExt};

use super::jobs::SendEmail;
use super::rows::ConfigRow;
use super::{delivery, queries};
use crate::Inbox;
use crate::messages::rows::MessageRow;
use crate::messages::store::{self, Delivery};
use crate::support_attachments::queries as attachments;
use crate::support_attachments::rows::AttachmentRow;

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
    let attached = attachments::attached(cx, &ids).await?;
    let file = |(row, has_file): (AttachmentRow, bool)| has_file.then_some((row.file_name, row.mime_type, row.file_id));
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
