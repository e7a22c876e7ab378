//! Mail that nobody wrote: answers of machines, mails that came back, our own.

use super::mail::Incoming;

/// Why a mail is not taken for a message of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Automatic {
    /// A mail could not be delivered.
    Bounce,
    /// A machine answers.
    Reply,
}

impl Automatic {
    /// As the row of the mail says it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Reply => "automatic",
        }
    }
}

/// What a mail is when nobody wrote it, by its headers and its sender.
pub(super) fn kind(mail: &Incoming, sender: &str) -> Option<Automatic> {
    let header = |name: &str| {
        mail.header(name)
            .map(str::trim)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let local = sender.split('@').next().unwrap_or_default();
    let is_report = header("content-type").starts_with("multipart/report");
    let comes_back = mail.header("return-path").is_some_and(|path| path.trim() == "<>");
    if matches!(local, "mailer-daemon" | "postmaster") && (is_report || comes_back) || is_report && comes_back {
        return Some(Automatic::Bounce);
    }
    let submitted = header("auto-submitted");
    let is_automatic = !submitted.is_empty() && submitted != "no";
    if is_automatic && (is_report || local == "mailer-daemon") {
        return Some(Automatic::Bounce);
    }
    let says_so = ["x-autoreply", "x-autorespond", "x-autoresponder"]
        .iter()
        .any(|name| !matches!(header(name).as_str(), "" | "no"));
    (is_automatic || says_so || header("precedence") == "auto_reply").then_some(Automatic::Reply)
}

/// Ids of mails that a text, which is a mail that came back, tells of.
pub(super) fn mentioned_ids(mail: &Incoming) -> Vec<String> {
    let mut ids: Vec<String> = mail.in_reply_to.iter().chain(&mail.references).cloned().collect();
    let texts = [mail.text.as_deref(), mail.returned.as_deref()];
    for line in texts.into_iter().flatten().flat_map(str::lines) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.trim().eq_ignore_ascii_case("message-id") {
            ids.push(value.trim().to_owned());
        }
    }
    ids.truncate(20);
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
    fn machines_are_told_by_what_they_say() {
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
            assert_eq!(kind(&with(&headers), sender), expected, "{headers:?} {sender}");
        }
    }

    #[test]
    fn a_mail_that_came_back_names_the_one_that_was_sent() {
        let mail = Incoming {
            text: Some("It failed.\nMessage-ID: <a@x.com>\nSubject: x".to_owned()),
            returned: Some("message-id: <b@x.com>\n".to_owned()),
            references: vec!["<c@x.com>".to_owned()],
            ..Incoming::default()
        };
        assert_eq!(mentioned_ids(&mail), ["<c@x.com>", "<a@x.com>", "<b@x.com>"]);
    }
}
