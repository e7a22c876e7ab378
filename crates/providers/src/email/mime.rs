//! A mail as the message that travels: headers and MIME parts.

use lettre::address::Envelope;
use lettre::message::{Mailboxes, MultiPart, SinglePart, header};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use super::{Email, EmailError};

/// Checks the mail and lays it out.
pub(super) fn message(mail: &Email) -> Result<lettre::Message, EmailError> {
    mail.check()?;
    let recipients = mail.to.iter().map(|to| to.as_lettre().email.clone()).collect();
    let envelope = Envelope::new(Some(mail.from.as_lettre().email.clone()), recipients).map_err(not_built)?;
    let to: Mailboxes = mail.to.iter().map(|to| to.as_lettre().clone()).collect();

    let mut builder = lettre::Message::builder()
        .envelope(envelope)
        .message_id(Some(message_id(mail)?))
        .from(mail.from.as_lettre().clone())
        .mailbox(header::To::from(to))
        .subject(&mail.subject);
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
    match &mail.text {
        Some(text) => builder.multipart(MultiPart::alternative_plain_html(text.clone(), html)),
        None => builder.singlepart(SinglePart::html(html)),
    }
    .map_err(not_built)
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
