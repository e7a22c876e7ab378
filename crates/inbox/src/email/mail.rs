//! A mail as it came, whichever way it came: as fields of a report, fetched from a provider, or as the message that travelled.

use std::collections::BTreeMap;

use mail_parser::{Address, MessageParser, MimeHeaders, PartType};
use opencom_providers::email::received::{HeaderText, ReceivedMail};

/// The name of a file that has none.
pub(super) const NAMELESS: &str = "attachment";
/// The type of a file that has none.
pub(super) const UNKNOWN_TYPE: &str = "application/octet-stream";
/// The most files of one mail that are kept.
const MOST_FILES: usize = 200;

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Incoming {
    /// What the provider that took it in calls it.
    pub(super) provider_id: Option<String>,
    /// The sender as it stands there, name and address.
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) cc: Option<Vec<String>>,
    /// Recipients that only the provider knows.
    pub(super) others: Vec<String>,
    pub(super) subject: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    /// `Message-ID` as it stands there.
    pub(super) message_id: Option<String>,
    pub(super) in_reply_to: Option<String>,
    pub(super) references: Vec<String>,
    /// Whether there is a header `References`, possibly empty.
    pub(super) has_references: bool,
    /// What files it says it has; `None`: it says nothing of files.
    pub(super) files: Option<Vec<File>>,
    /// The mail as it travelled.
    pub(super) raw: Option<Vec<u8>>,
    /// Of a mail that came back: what it says of the mail that was sent.
    pub(super) returned: Option<String>,
    /// Whether what travelled could not be read.
    pub(super) is_unreadable: bool,
    /// By name, in lower case; of those that came several times the first.
    pub(super) headers: BTreeMap<String, String>,
}

/// A file of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    /// What is in it, where that came along.
    pub(super) bytes: Option<Vec<u8>>,
}

impl Incoming {
    /// The first header of that name, which is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Takes a header, unless there is one of that name.
    pub(super) fn add_header(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        self.headers.entry(name).or_insert_with(|| value.to_owned());
    }

    /// Reads the headers that threads rest on.
    pub(super) fn read_thread_headers(&mut self) {
        let stated = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(id) = stated(self.header("message-id")) {
            self.message_id = Some(id);
        }
        if let Some(id) = stated(self.header("in-reply-to")) {
            self.in_reply_to = Some(id);
        }
        if let Some(references) = self.header("references") {
            self.references = references.split_whitespace().map(str::to_owned).collect();
            self.has_references = true;
        }
    }

    /// Removes the character that PostgreSQL cannot store.
    pub(super) fn remove_nul(&mut self) {
        let clean = |text: &mut String| text.retain(|c| c != '\0');
        clean(&mut self.from);
        clean(&mut self.subject);
        let lists = [&mut self.to, &mut self.others, &mut self.references];
        let options = [
            &mut self.text,
            &mut self.html,
            &mut self.message_id,
            &mut self.in_reply_to,
        ];
        lists.into_iter().flatten().for_each(clean);
        self.cc.iter_mut().flatten().for_each(clean);
        options.into_iter().flatten().for_each(clean);
        for file in self.files.iter_mut().flatten() {
            clean(&mut file.name);
            clean(&mut file.content_type);
        }
    }

    /// Everybody whom the mail may have been for, in the order in which they are asked.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &str> {
        let headers = ["delivered-to", "x-original-to", "x-forwarded-to"];
        let written = headers.into_iter().filter_map(|name| self.header(name));
        self.to
            .iter()
            .chain(self.cc.iter().flatten())
            .chain(&self.others)
            .map(String::as_str)
            .chain(written.flat_map(|value| value.split(',')))
    }

    /// Takes what the provider says of the mail; it knows better.
    pub(super) fn overlay(&mut self, mail: ReceivedMail) {
        for (name, value) in mail.headers.unwrap_or_default() {
            let value = match value {
                HeaderText::One(value) => value,
                HeaderText::Many(values) => values.into_iter().next().unwrap_or_default(),
            };
            self.add_header(&name, &value);
        }
        // The bare address is in `from`, the name in the header alone.
        let from = self.header("from").map(str::to_owned).or(mail.from);
        self.from = from.unwrap_or(std::mem::take(&mut self.from));
        self.to = mail.to.unwrap_or(std::mem::take(&mut self.to));
        self.cc = mail.cc.or(self.cc.take());
        self.others.extend(mail.bcc.into_iter().flatten());
        self.subject = mail.subject.unwrap_or(std::mem::take(&mut self.subject));
        self.text = mail.text.or(self.text.take());
        self.html = mail.html.or(self.html.take());
        self.message_id = mail.message_id.or(self.message_id.take());
        if let Some(files) = mail.attachments {
            let file = |file: opencom_providers::email::received::RemoteFile| File {
                name: file.filename.unwrap_or_else(|| NAMELESS.to_owned()),
                content_type: file.content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
                size: file.size.unwrap_or(0),
                bytes: None,
            };
            self.files = Some(files.into_iter().take(MOST_FILES).map(file).collect());
        }
        self.read_thread_headers();
    }

    /// Reads the mail as it travelled over what is known of it already. One that cannot be read is only kept.
    pub(super) fn read_raw(&mut self, raw: Vec<u8>) {
        let parsed = MessageParser::default().parse(&raw);
        match parsed.filter(|message| message.headers().iter().any(|header| !header.name().is_empty())) {
            Some(message) => {
                for (name, value) in message.headers_raw() {
                    self.add_header(name, &unfolded(value));
                }
                let from = message.from().and_then(|from| written(from).into_iter().next());
                self.from = from.unwrap_or(std::mem::take(&mut self.from));
                if let Some(to) = message.to() {
                    // Whom it was delivered to stays known beside whom it was written to.
                    self.others.append(&mut self.to);
                    self.to = written(to);
                }
                if let Some(cc) = message.cc() {
                    self.cc = Some(written(cc));
                }
                self.subject = message.subject().unwrap_or(&self.subject).to_owned();
                self.text = text_of(&message).or(self.text.take());
                self.html = html_of(&message).or(self.html.take());
                if self.text.is_none() && self.html.is_none() {
                    (self.text, self.html) = misplaced_text(&message);
                }
                let files = files_of(&message);
                self.files = Some(files).filter(|files| !files.is_empty()).or(self.files.take());
                self.returned = returned(&message);
                self.read_thread_headers();
                self.is_unreadable = self.from.is_empty();
            }
            None => self.is_unreadable = true,
        }
        self.raw = Some(raw);
    }
}

/// A header's value in one line.
fn unfolded(value: &str) -> String {
    value
        .split(['\r', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Addresses as people write them.
fn written(addresses: &Address<'_>) -> Vec<String> {
    let one = |address: &mail_parser::Addr<'_>| {
        let bare = address.address().unwrap_or_default();
        match address.name() {
            Some(name) if !name.is_empty() && !bare.is_empty() => format!("{name} <{bare}>"),
            Some(name) if bare.is_empty() => name.to_owned(),
            _ => bare.to_owned(),
        }
    };
    addresses.iter().map(one).filter(|text| !text.is_empty()).collect()
}

/// The text parts, as long as the mail has any that were written as text.
fn text_of(message: &mail_parser::Message<'_>) -> Option<String> {
    let parts = message
        .text_bodies()
        .filter(|part| matches!(part.body, PartType::Text(_)));
    let texts: Vec<&str> = parts.filter_map(|part| part.text_contents()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The HTML parts, as long as the mail has any that were written as HTML.
fn html_of(message: &mail_parser::Message<'_>) -> Option<String> {
    let parts = message
        .html_bodies()
        .filter(|part| matches!(part.body, PartType::Html(_)));
    let texts: Vec<&str> = parts.filter_map(|part| part.text_contents()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Text, or HTML, that a mail whose parts are broken has where its files are.
fn misplaced_text(message: &mail_parser::Message<'_>) -> (Option<String>, Option<String>) {
    let nameless = message.parts.iter().filter(|part| part.attachment_name().is_none());
    for part in nameless {
        match &part.body {
            PartType::Text(text) => return (Some(text.to_string()), None),
            PartType::Html(html) => return (None, Some(html.to_string())),
            _ => {}
        }
    }
    (None, None)
}

/// The files, mails that were attached among them.
fn files_of(message: &mail_parser::Message<'_>) -> Vec<File> {
    let file = |part: &mail_parser::MessagePart<'_>| {
        let nested = part.message().map(|message| message.raw_message().to_vec());
        let (ending, kind) = if nested.is_some() {
            (".eml", "message/rfc822")
        } else {
            ("", UNKNOWN_TYPE)
        };
        let content_type = part.content_type().map_or_else(
            || kind.to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")),
        );
        let bytes = nested.unwrap_or_else(|| part.contents().to_vec());
        let name = part
            .attachment_name()
            .map_or_else(|| format!("{NAMELESS}{ending}"), str::to_owned);
        File {
            name,
            content_type: content_type.to_ascii_lowercase(),
            size: bytes.len() as u64,
            bytes: Some(bytes),
        }
    };
    message.attachments().take(MOST_FILES).map(file).collect()
}

/// The headers of the mail that came back, and what the report says of it.
fn returned(message: &mail_parser::Message<'_>) -> Option<String> {
    let mut told = String::new();
    for part in message.attachments() {
        let is_headers = part
            .content_type()
            .is_some_and(|kind| kind.subtype() == Some("rfc822-headers"));
        if let Some(nested) = part.message() {
            if let Some(id) = nested.header_raw("Message-ID") {
                told.push_str(&format!("Message-ID: {}\n", id.trim()));
            }
        } else if is_headers {
            told.push_str(&String::from_utf8_lossy(part.contents()));
        }
    }
    (!told.is_empty()).then_some(told)
}
