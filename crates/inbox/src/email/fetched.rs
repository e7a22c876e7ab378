//! Conversion of mails that a provider returns.

use opencom_mail::{Attachment, FetchedFields};
use opencom_providers::email::received::{HeaderText, ReceivedMail, RemoteFile};

/// Converts what a provider returned about a received mail.
pub(super) fn fields(mail: ReceivedMail) -> FetchedFields {
    let header = |(name, value)| match value {
        HeaderText::One(value) => (name, value),
        HeaderText::Many(values) => (name, values.into_iter().next().unwrap_or_default()),
    };
    let attachment = |file: RemoteFile| Attachment::described(file.filename, file.content_type, file.size);
    FetchedFields {
        from: mail.from,
        to: mail.to,
        cc: mail.cc,
        bcc: mail.bcc,
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        message_id: mail.message_id,
        headers: mail.headers.into_iter().flatten().map(header).collect(),
        attachments: mail
            .attachments
            .map(|files| files.into_iter().map(attachment).collect()),
    }
}
