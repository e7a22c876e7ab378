//! Recognising bounces and automatic replies (RFC 3464, RFC 3834).

use crate::Incoming;

/// The most message ids that are taken from one bounce.
const MAX_IDS: usize = 20;

/// A kind of mail that no person wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// A bounce: a delivery status notification about a mail that was not delivered.
    Bounce,
    /// An automatic reply, such as an out-of-office notice.
    Reply,
}

impl Automatic {
    /// Returns the stored name: `bounce` or `automatic`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Reply => "automatic",
        }
    }
}

/// Classifies a mail by its headers and its sender, a bare address. Returns `None` for a mail that a person wrote.
pub fn classify(mail: &Incoming, sender: &str) -> Option<Automatic> {
    let header = |name: &str| {
        mail.header(name)
            .map(str::trim)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let local = sender.split('@').next().unwrap_or_default();
    let is_report = header("content-type").starts_with("multipart/report");
    let has_null_sender = mail.header("return-path").is_some_and(|path| path.trim() == "<>");
    if matches!(local, "mailer-daemon" | "postmaster") && (is_report || has_null_sender) || is_report && has_null_sender
    {
        return Some(Automatic::Bounce);
    }
    let submitted = header("auto-submitted");
    let is_automatic = !submitted.is_empty() && submitted != "no";
    if is_automatic && (is_report || local == "mailer-daemon") {
        return Some(Automatic::Bounce);
    }
    let has_autoreply_header = ["x-autoreply", "x-autorespond", "x-autoresponder"]
        .iter()
        .any(|name| !matches!(header(name).as_str(), "" | "no"));
    (is_automatic || has_autoreply_header || header("precedence") == "auto_reply").then_some(Automatic::Reply)
}

/// Returns the message ids that a bounce names in its headers, its text and the returned headers, at most 20.
pub fn bounced_message_ids(mail: &Incoming) -> Vec<String> {
    let mut ids: Vec<String> = mail
        .in_reply_to
        .iter()
        .chain(mail.references.iter().flatten())
        .cloned()
        .collect();
    let texts = [mail.text.as_deref(), mail.returned_headers.as_deref()];
    for line in texts.into_iter().flatten().flat_map(str::lines) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.trim().eq_ignore_ascii_case("message-id") {
            ids.push(value.trim().to_owned());
        }
    }
    ids.truncate(MAX_IDS);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, &str)]) -> Incoming {
        let mut mail = Incoming::default();
        for (name, value) in headers {
            mail.add_header(name, value);
        }
        mail
    }

    #[test]
    fn automatic_mail_is_recognised_by_headers_and_sender() {
        let report = ("Content-Type", "multipart/report; report-type=delivery-status");
        for (headers, sender, expected) in [
            (vec![], "ada@x.com", None),
            (vec![("Auto-Submitted", "no")], "ada@x.com", None),
            (
                vec![("AUTO-SUBMITTED", " auto-replied ")],
                "ada@x.com",
                Some(Automatic::Reply),
            ),
            (vec![("X-Autoreply", "yes")], "ada@x.com", Some(Automatic::Reply)),
            (vec![("Precedence", "auto_reply")], "ada@x.com", Some(Automatic::Reply)),
            (vec![("Precedence", "bulk")], "ada@x.com", None),
            (
                vec![report, ("Auto-Submitted", "auto-replied")],
                "x@x.com",
                Some(Automatic::Bounce),
            ),
            (vec![report, ("Return-Path", "<>")], "x@x.com", Some(Automatic::Bounce)),
            (
                vec![("Return-Path", "<>")],
                "mailer-daemon@x.com",
                Some(Automatic::Bounce),
            ),
            (vec![], "postmaster@x.com", None),
        ] {
            assert_eq!(classify(&with(&headers), sender), expected, "{headers:?} {sender}");
        }
    }

    #[test]
    fn a_bounce_names_the_mail_that_was_sent() {
        let mail = Incoming {
            text: Some("It failed.\nMessage-ID: <a@x.com>\nSubject: x".to_owned()),
            returned_headers: Some("message-id: <b@x.com>\n".to_owned()),
            references: Some(vec!["<c@x.com>".to_owned()]),
            ..Incoming::default()
        };
        assert_eq!(bounced_message_ids(&mail), ["<c@x.com>", "<a@x.com>", "<b@x.com>"]);
    }
}
