//! Parsing mails in MIME format.

use mail_parser::{Addr, Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::incoming::{Attachment, Incoming, MAX_ATTACHMENTS, UNKNOWN_TYPE, UNNAMED};

impl Incoming {
    /// Parses a mail in MIME format. A mail that cannot be parsed has only `raw`, with `is_unreadable` set.
    pub fn from_mime(raw: Vec<u8>) -> Self {
        let mut mail = Self::default();
        mail.overlay_mime(raw);
        mail
    }

    /// Parses a mail in MIME format and replaces the fields that it has. Keeps `raw` in either case, and sets `is_unreadable` if
    /// it cannot be parsed or names no sender.
    pub(crate) fn overlay_mime(&mut self, raw: Vec<u8>) {
        let parsed = MessageParser::default().parse(&raw);
        match parsed.filter(|message| message.headers().iter().any(|header| !header.name().is_empty())) {
            Some(message) => {
                for (name, value) in message.headers_raw() {
                    self.add_header(name, &unfold(value));
                }
                let from = message.from().and_then(|from| formatted(from).into_iter().next());
                self.from = from.unwrap_or(std::mem::take(&mut self.from));
                if let Some(to) = message.to() {
                    // The envelope recipients may differ from the header.
                    self.other_recipients.append(&mut self.to);
                    self.to = formatted(to);
                }
                if let Some(cc) = message.cc() {
                    self.cc = Some(formatted(cc));
                }
                self.subject = message.subject().unwrap_or(&self.subject).to_owned();
                self.text = text_body(&message).or(self.text.take());
                self.html = html_body(&message).or(self.html.take());
                if self.text.is_none() && self.html.is_none() {
                    (self.text, self.html) = misplaced_body(&message);
                }
                let attachments = attachments(&message);
                self.attachments = Some(attachments)
                    .filter(|attachments| !attachments.is_empty())
                    .or(self.attachments.take());
                self.returned_headers = returned_headers(&message);
                self.read_thread_headers();
                self.is_unreadable = self.from.is_empty();
            }
            None => self.is_unreadable = true,
        }
        self.raw = Some(raw);
    }
}

/// Joins the lines of a folded header value.
fn unfold(value: &str) -> String {
    value
        .split(['\r', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Formats addresses as `Name <address>`.
fn formatted(addresses: &Address<'_>) -> Vec<String> {
    let one = |address: &Addr<'_>| {
        let bare = address.address().unwrap_or_default();
        match address.name() {
            Some(name) if !name.is_empty() && !bare.is_empty() => format!("{name} <{bare}>"),
            Some(name) if bare.is_empty() => name.to_owned(),
            _ => bare.to_owned(),
        }
    };
    addresses.iter().map(one).filter(|text| !text.is_empty()).collect()
}

/// Returns the text parts, or `None` if the mail has none. Does not convert HTML.
fn text_body(message: &Message<'_>) -> Option<String> {
    let parts = message
        .text_bodies()
        .filter(|part| matches!(part.body, PartType::Text(_)));
    let texts: Vec<&str> = parts.filter_map(|part| part.text_contents()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Returns the HTML parts, or `None` if the mail has none. Does not convert text.
fn html_body(message: &Message<'_>) -> Option<String> {
    let parts = message
        .html_bodies()
        .filter(|part| matches!(part.body, PartType::Html(_)));
    let texts: Vec<&str> = parts.filter_map(|part| part.text_contents()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Returns the text or HTML body that a malformed mail has among its attachments.
fn misplaced_body(message: &Message<'_>) -> (Option<String>, Option<String>) {
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

/// Returns the attachments. An attached mail becomes an `.eml` file.
fn attachments(message: &Message<'_>) -> Vec<Attachment> {
    let attachment = |part: &MessagePart<'_>| {
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
            .map_or_else(|| format!("{UNNAMED}{ending}"), str::to_owned);
        Attachment {
            name,
            content_type: content_type.to_ascii_lowercase(),
            size: bytes.len() as u64,
            bytes: Some(bytes),
        }
    };
    message.attachments().take(MAX_ATTACHMENTS).map(attachment).collect()
}

/// Returns the headers of the undelivered mail that a bounce returns: the message id of an attached mail, and the parts of type
/// `text/rfc822-headers`.
fn returned_headers(message: &Message<'_>) -> Option<String> {
    let mut headers = String::new();
    for part in message.attachments() {
        let is_headers = part
            .content_type()
            .is_some_and(|kind| kind.subtype() == Some("rfc822-headers"));
        if let Some(nested) = part.message() {
            if let Some(id) = nested.header_raw("Message-ID") {
                headers.push_str(&format!("Message-ID: {}\n", id.trim()));
            }
        } else if is_headers {
            headers.push_str(&String::from_utf8_lossy(part.contents()));
        }
    }
    (!headers.is_empty()).then_some(headers)
}
