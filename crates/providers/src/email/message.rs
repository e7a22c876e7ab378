//! A mail and its addresses, checked so that no text of theirs can become a header of its own.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::EmailError;

/// More recipients than this are refused, the lowest limit among the providers.
const MAX_RECIPIENTS: usize = 50;
/// Longest line that mail may carry.
const MAX_SUBJECT: usize = 998;
/// Longest message id and idempotency key that the providers take.
const MAX_TOKEN: usize = 256;

/// An address that mail can go to, with the name to show beside it: `Ada Lovelace <ada@example.com>`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox(lettre::message::Mailbox);

impl Mailbox {
    /// Checks an address and the name to show beside it; an empty name counts as none.
    pub fn new(name: Option<&str>, address: &str) -> Result<Self, EmailError> {
        let name = name.unwrap_or_default();
        no_control("name of an address", name)?;
        no_control("address", address)?;
        let email = address.trim().parse().map_err(|_| invalid_address(address))?;
        let name = Some(name.trim()).filter(|name| !name.is_empty()).map(ToOwned::to_owned);
        Ok(Self(lettre::message::Mailbox { name, email }))
    }

    /// The bare address.
    pub fn address(&self) -> &str {
        self.0.email.as_ref()
    }

    /// The name to show beside the address.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The part of the address behind the `@`.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(super) fn as_lettre(&self) -> &lettre::message::Mailbox {
        &self.0
    }
}

/// Reads `ada@example.com` or `Ada Lovelace <ada@example.com>`.
impl FromStr for Mailbox {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        no_control("address", text)?;
        match text.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => Self::new(Some(&unquoted(name.trim())), address),
            None => Self::new(None, text),
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A file that goes with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is called.
    pub file_name: String,
    /// Its media type; one that is none counts as unknown.
    pub content_type: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// One mail. Its `Debug` text leaves out the body, which may hold a sign-in code.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// Who it comes from.
    pub from: Mailbox,
    /// Who gets it: at least one address, and each sees the others. At most 50 with the copies.
    pub to: Vec<Mailbox>,
    /// Who gets a copy that the others see.
    pub cc: Vec<Mailbox>,
    /// Who gets a copy that nobody else sees.
    pub bcc: Vec<Mailbox>,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<Mailbox>,
    /// One line of text.
    pub subject: String,
    /// The body as HTML.
    pub html: String,
    /// The body for readers without HTML.
    pub text: Option<String>,
    /// `Message-ID`, angle brackets included; absent, the adapter or provider makes one.
    pub message_id: Option<String>,
    /// `Message-ID` of the mail that this one answers, angle brackets included.
    pub in_reply_to: Option<String>,
    /// `Message-ID`s of the thread so far, oldest first, angle brackets included.
    pub references: Vec<String>,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
    /// The same for every attempt to send this mail and for no other mail: 1 to 256 visible ASCII characters.
    ///
    /// Resend sends a key once. SMTP has no such promise; there all attempts share a `Message-ID`, by which most
    /// mailboxes fold duplicates.
    pub idempotency_key: Option<String>,
}

impl Email {
    /// A mail to one address; the public fields take the rest.
    pub fn new(from: Mailbox, to: Mailbox, subject: impl Into<String>, html: impl Into<String>) -> Self {
        Self {
            from,
            to: vec![to],
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            subject: subject.into(),
            html: html.into(),
            text: None,
            message_id: None,
            in_reply_to: None,
            references: Vec::new(),
            attachments: Vec::new(),
            idempotency_key: None,
        }
    }

    /// Whether a text can stand where a `Message-ID` is asked for.
    pub fn is_message_id(text: &str) -> bool {
        check_message_id(text).is_ok()
    }

    /// Refuses what no provider would take or what would break out of its header; every adapter calls it first.
    pub fn check(&self) -> Result<(), EmailError> {
        if self.to.is_empty() {
            return Err(EmailError::rejected("The mail has no recipient."));
        }
        if self.recipients().count() > MAX_RECIPIENTS {
            return Err(EmailError::rejected(format!(
                "The mail has more than {MAX_RECIPIENTS} recipients."
            )));
        }
        no_control("subject", &self.subject)?;
        if self.subject.len() > MAX_SUBJECT {
            return Err(EmailError::rejected(format!(
                "The subject is longer than {MAX_SUBJECT} bytes."
            )));
        }
        self.message_id
            .iter()
            .chain(&self.in_reply_to)
            .chain(&self.references)
            .try_for_each(|id| check_message_id(id))?;
        for attachment in &self.attachments {
            no_control("name of a file", &attachment.file_name)?;
        }
        match &self.idempotency_key {
            Some(key) if !is_token(key) => Err(EmailError::rejected(format!(
                "The idempotency key must be 1 to {MAX_TOKEN} visible ASCII characters."
            ))),
            _ => Ok(()),
        }
    }

    /// Everybody who gets it.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// The `References` header.
    pub(super) fn references_line(&self) -> Option<String> {
        (!self.references.is_empty()).then(|| self.references.join(" "))
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("from", &self.from)
            .field("to", &self.to)
            .field("cc", &self.cc)
            .field("bcc", &self.bcc)
            .field("reply_to", &self.reply_to)
            .field("subject", &self.subject)
            .field("message_id", &self.message_id)
            .field("in_reply_to", &self.in_reply_to)
            .field("references", &self.references)
            .field("attachments", &self.attachments.len())
            .field("idempotency_key", &self.idempotency_key)
            .finish_non_exhaustive()
    }
}

fn check_message_id(id: &str) -> Result<(), EmailError> {
    let inner = id
        .strip_prefix('<')
        .and_then(|id| id.strip_suffix('>'))
        .unwrap_or_default();
    if is_token(id) && inner.contains('@') && !inner.contains(['<', '>']) {
        return Ok(());
    }
    Err(EmailError::rejected(format!(
        "{id:?} is not a message id such as <id@example.com>."
    )))
}

fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn no_control(what: &str, text: &str) -> Result<(), EmailError> {
    if text.contains(char::is_control) {
        return Err(EmailError::rejected(format!(
            "The {what} contains a line break or another control character."
        )));
    }
    Ok(())
}

fn invalid_address(address: &str) -> EmailError {
    EmailError::rejected(format!("{address:?} is not an e-mail address."))
}

/// The name without its quotes and backslashes, as in `"Lovelace, Ada" <ada@example.com>`.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut escaped = false;
    inner
        .chars()
        .filter(|&c| {
            escaped = c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Email {
        let ada: Mailbox = "ada@example.com".parse().unwrap();
        Email::new(ada.clone(), ada, "Hello", "<p>secret 123456</p>")
    }

    #[test]
    fn mailbox_reads_what_it_writes() {
        for (text, name, address) in [
            ("ada@example.com", None, "ada@example.com"),
            ("  ada@example.com ", None, "ada@example.com"),
            ("<ada@example.com>", None, "ada@example.com"),
            (
                "Ada Lovelace <ada@example.com>",
                Some("Ada Lovelace"),
                "ada@example.com",
            ),
            (
                "\"Lovelace, Ada\" <ada@example.com>",
                Some("Lovelace, Ada"),
                "ada@example.com",
            ),
            (
                r#""A \"q\" \\ b" <ada@example.com>"#,
                Some(r#"A "q" \ b"#),
                "ada@example.com",
            ),
            ("Zoë <zoe@localhost>", Some("Zoë"), "zoe@localhost"),
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!((mailbox.name(), mailbox.address()), (name, address), "{text}");
            assert_eq!(mailbox.to_string().parse::<Mailbox>().unwrap(), mailbox, "{text}");
        }
    }

    #[test]
    fn mailbox_refuses_what_is_no_address() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "a@b@c",
            "x <y",
            "<>",
            "a@b.c, d@e.f",
        ] {
            let error = text.parse::<Mailbox>().unwrap_err();
            assert!(error.is_permanent(), "{text}");
        }
    }

    #[test]
    fn line_breaks_are_refused_everywhere() {
        assert!(
            Mailbox::new(None, "ada@example.com\r\nBcc: eve@example.com")
                .unwrap_err()
                .is_permanent()
        );
        assert!(Mailbox::new(None, "ada@example.com\n").unwrap_err().is_permanent());
        assert!(
            Mailbox::new(Some("Ada\nBcc: eve@example.com"), "ada@example.com")
                .unwrap_err()
                .is_permanent()
        );
        let cases: [fn(&mut Email); 6] = [
            |mail| mail.subject = "Hi\r\nBcc: eve@example.com".into(),
            |mail| mail.subject = "Hi\0".into(),
            |mail| mail.message_id = Some("<a@b>\r\nBcc: eve@example.com".into()),
            |mail| mail.in_reply_to = Some("a@b".into()),
            |mail| mail.references = vec!["<a@b>".into(), "<c d@e>".into()],
            |mail| mail.idempotency_key = Some("key\nX: y".into()),
        ];
        for (index, spoil) in cases.iter().enumerate() {
            let mut mail = mail();
            mail.check().unwrap();
            spoil(&mut mail);
            assert!(mail.check().unwrap_err().is_permanent(), "case {index}");
        }
    }

    #[test]
    fn recipients_are_bounded() {
        let mut mail = mail();
        mail.to = vec![mail.from.clone(); 51];
        assert!(mail.check().unwrap_err().to_string().contains("more than 50"));
        mail.to.clear();
        assert!(mail.check().unwrap_err().to_string().contains("no recipient"));
    }

    #[test]
    fn debug_hides_the_body() {
        assert!(!format!("{:?}", mail()).contains("123456"));
    }
}
