//! A received mail, whether it came as fields of a webhook, was fetched from a provider, or is in MIME format.

use std::collections::BTreeMap;

/// The name of an attachment that has none.
pub(crate) const UNNAMED: &str = "attachment";
/// The media type of an attachment that has none.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";
/// The most attachments of one mail that are kept.
pub(crate) const MAX_ATTACHMENTS: usize = 200;

/// A received mail. Header values and addresses are as the sender wrote them, decoded and unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The id of the provider that received the mail.
    pub provider_id: Option<String>,
    /// The sender, name and address. Empty if unknown.
    pub from: String,
    /// The header `To`, one entry per address.
    pub to: Vec<String>,
    /// The header `Cc`, one entry per address.
    pub cc: Option<Vec<String>>,
    /// Recipients that no header names: blind copies and envelope recipients.
    pub other_recipients: Vec<String>,
    /// The subject. Empty if absent.
    pub subject: String,
    /// The text body.
    pub text: Option<String>,
    /// The HTML body, not sanitised.
    pub html: Option<String>,
    /// The header `Message-ID`, angle brackets included.
    pub message_id: Option<String>,
    /// The header `In-Reply-To`.
    pub in_reply_to: Option<String>,
    /// The header `References`, one entry per message id, possibly none. `None` if there is no such header.
    pub references: Option<Vec<String>>,
    /// The attachments, at most 200 if the mail was parsed from MIME. `None` if unknown.
    pub attachments: Option<Vec<Attachment>>,
    /// The mail in MIME format.
    pub raw: Option<Vec<u8>>,
    /// The headers of the undelivered mail that a bounce returns, one per line.
    pub returned_headers: Option<String>,
    /// Whether the mail could not be parsed, or names no sender.
    pub is_unreadable: bool,
    /// The first value of each header, by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
}

/// An attachment of a received mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file name; `attachment` if the mail gives none.
    pub name: String,
    /// The media type; `application/octet-stream` if the mail gives none.
    pub content_type: String,
    /// The size in bytes; 0 if unknown.
    pub size: u64,
    /// The content. `None` if it has to be fetched from the provider.
    pub bytes: Option<Vec<u8>>,
}

impl Attachment {
    /// Creates an attachment without content. Absent values get their defaults.
    pub fn described(name: Option<String>, content_type: Option<String>, size: Option<u64>) -> Self {
        Self {
            name: name.unwrap_or_else(|| UNNAMED.to_owned()),
            content_type: content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
            size: size.unwrap_or(0),
            bytes: None,
        }
    }
}

/// The fields of a mail that a provider returns when asked for it. Absent fields are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchedFields {
    /// The bare address of the sender.
    pub from: Option<String>,
    /// The recipients.
    pub to: Option<Vec<String>>,
    /// The recipients of copies.
    pub cc: Option<Vec<String>>,
    /// The recipients of blind copies.
    pub bcc: Option<Vec<String>>,
    /// The subject.
    pub subject: Option<String>,
    /// The text body.
    pub text: Option<String>,
    /// The HTML body.
    pub html: Option<String>,
    /// The header `Message-ID`, angle brackets included.
    pub message_id: Option<String>,
    /// Names and values of the other headers. Of several with one name, the first counts.
    pub headers: Vec<(String, String)>,
    /// The attachments; those after the 200th are dropped.
    pub attachments: Option<Vec<Attachment>>,
}

impl Incoming {
    /// Returns the first header of that name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Adds a header, unless there is one of that name.
    pub(crate) fn add_header(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        self.headers.entry(name).or_insert_with(|| value.to_owned());
    }

    /// Sets the threading fields from the headers.
    pub(crate) fn read_thread_headers(&mut self) {
        let stated = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(id) = stated(self.header("message-id")) {
            self.message_id = Some(id);
        }
        if let Some(id) = stated(self.header("in-reply-to")) {
            self.in_reply_to = Some(id);
        }
        if let Some(references) = self.header("references") {
            self.references = Some(references.split_whitespace().map(str::to_owned).collect());
        }
    }

    /// Removes NUL characters from every field except the headers, `raw` and the content of attachments. PostgreSQL cannot
    /// store them in text.
    pub fn remove_nul(&mut self) {
        let clean = |text: &mut String| text.retain(|c| c != '\0');
        clean(&mut self.from);
        clean(&mut self.subject);
        let lists = [&mut self.to, &mut self.other_recipients];
        let options = [
            &mut self.text,
            &mut self.html,
            &mut self.message_id,
            &mut self.in_reply_to,
        ];
        lists.into_iter().flatten().for_each(clean);
        self.cc.iter_mut().flatten().for_each(clean);
        self.references.iter_mut().flatten().for_each(clean);
        options.into_iter().flatten().for_each(clean);
        for attachment in self.attachments.iter_mut().flatten() {
            clean(&mut attachment.name);
            clean(&mut attachment.content_type);
        }
    }

    /// Returns every possible recipient, most reliable first: `To`, `Cc`, the other recipients, then the headers that relays
    /// add. Entries may repeat.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        let headers = ["delivered-to", "x-original-to", "x-forwarded-to"];
        let relayed = headers.into_iter().filter_map(|name| self.header(name));
        self.to
            .iter()
            .chain(self.cc.iter().flatten())
            .chain(&self.other_recipients)
            .map(String::as_str)
            .chain(relayed.flat_map(|value| value.split(',')))
    }

    /// Replaces fields with those that the provider returned. Fields that it did not return stay.
    pub fn overlay(&mut self, fetched: FetchedFields) {
        for (name, value) in &fetched.headers {
            self.add_header(name, value);
        }
        // The field has the bare address; only the header has the name too.
        let from = self.header("from").map(str::to_owned).or(fetched.from);
        self.from = from.unwrap_or(std::mem::take(&mut self.from));
        self.to = fetched.to.unwrap_or(std::mem::take(&mut self.to));
        self.cc = fetched.cc.or(self.cc.take());
        self.other_recipients.extend(fetched.bcc.into_iter().flatten());
        self.subject = fetched.subject.unwrap_or(std::mem::take(&mut self.subject));
        self.text = fetched.text.or(self.text.take());
        self.html = fetched.html.or(self.html.take());
        self.message_id = fetched.message_id.or(self.message_id.take());
        if let Some(mut attachments) = fetched.attachments {
            attachments.truncate(MAX_ATTACHMENTS);
            self.attachments = Some(attachments);
        }
        self.read_thread_headers();
    }
}
