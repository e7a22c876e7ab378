//! A mail as the message that travels: headers and MIME parts.

use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Mailboxes, MultiPart, SinglePart, header};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use super::{Attachment, Email, EmailError, Mailbox};

/// Checks the mail and lays it out.
pub(super) fn message(mail: &Email) -> Result<lettre::Message, EmailError> {
    mail.check()?;
    let recipients = mail.recipients().map(|to| to.as_lettre().email.clone()).collect();
    let envelope = Envelope::new(Some(mail.from.as_lettre().email.clone()), recipients).map_err(not_built)?;
    let mailboxes = |of: &[Mailbox]| -> Mailboxes { of.iter().map(|to| to.as_lettre().clone()).collect() };

    let mut builder = lettre::Message::builder()
        .envelope(envelope)
        .message_id(Some(message_id(mail)?))
        .from(mail.from.as_lettre().clone())
        .mailbox(header::To::from(mailboxes(&mail.to)))
        .subject(&mail.subject);
    // Blind copies are in the envelope alone.
    if !mail.cc.is_empty() {
        builder = builder.mailbox(header::Cc::from(mailboxes(&mail.cc)));
    }
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(reply_to.as_lettre().clone());
    }
    if let Some(id) = &mail.in_reply_to {
        builder = builder.in_reply_to(id.clone());
    }
    if let Some(ids) = mail.references_line() {
        builder = builder.references(ids);
    }

    let html = mail.html.clone();
    if mail.attachments.is_empty() {
        return match &mail.text {
            Some(text) => builder.multipart(MultiPart::alternative_plain_html(text.clone(), html)),
            None => builder.singlepart(SinglePart::html(html)),
        }
        .map_err(not_built);
    }
    let mixed = MultiPart::mixed();
    let body = match &mail.text {
        Some(text) => mixed.multipart(MultiPart::alternative_plain_html(text.clone(), html)),
        None => mixed.singlepart(SinglePart::html(html)),
    };
    let mut files = mail.attachments.iter().map(file);
    builder
        .multipart(files.try_fold(body, |body, file| Ok(body.singlepart(file?)))?)
        .map_err(not_built)
}

fn file(attachment: &Attachment) -> Result<SinglePart, EmailError> {
    let content_type = ContentType::parse(&attachment.content_type)
        .or_else(|_| ContentType::parse("application/octet-stream"))
        .map_err(|error| EmailError::rejected(format!("A file of the mail cannot be laid out: {error}.")))?;
    let part = lettre::message::Attachment::new(attachment.file_name.clone());
    Ok(part.body(attachment.bytes.to_vec(), content_type))
}

/// The mail's own id, or one under the sender's domain that is the same for each attempt of one idempotency key.
fn message_id(mail: &Email) -> Result<String, EmailError> {
    if let Some(id) = &mail.message_id {
        return Ok(id.clone());
    }
    let mut local = [0; 16];
    match &mail.idempotency_key {
        Some(key) => local.copy_from_slice(&digest(&SHA256, key.as_bytes()).as_ref()[..16]),
        None => SystemRandom::new()
            .fill(&mut local)
            .map_err(|_| EmailError::unavailable("The system has no random numbers for a message id."))?,
    }
    Ok(format!("<{}@{}>", hex::encode(local), mail.from.domain()))
}

fn not_built(error: lettre::error::Error) -> EmailError {
    EmailError::rejected(format!("The mail cannot be laid out: {error}."))
}
