//! Webhook bodies of a mail provider: a received mail, with or without its content, or a delivery event of a sent mail.
//!
//! The caller checks the webhook's signature first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::{Attachment, Incoming};

/// The event type of a received mail.
const RECEIVED: &str = "email.received";

/// An event that a provider posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A mail was received.
    Received {
        /// The mail, as far as the webhook contains it.
        mail: Box<Incoming>,
        /// Whether the webhook leaves out the content, which has to be fetched from the provider.
        is_announced: bool,
    },
    /// The delivery state of a sent mail changed.
    Delivery(DeliveryEvent),
}

/// A change of the delivery state of a sent mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryEvent {
    /// The event type, such as `email.delivered`. Empty if the body has none.
    pub kind: String,
    /// The provider's id of the mail.
    pub email_id: Option<String>,
}

/// Why a webhook body cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The body is not a JSON object.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The field `raw`, the mail in MIME format, is not base64.
    #[error(transparent)]
    Base64(#[from] base64::DecodeError),
}

/// Parses a webhook body: an event, or the fields of a received mail without an envelope.
///
/// # Errors
/// If the body is not a JSON object, or its field `raw` is not base64.
pub fn parse(body: &[u8]) -> Result<Event, ParseError> {
    let mut object: Map<String, Value> = serde_json::from_slice(body)?;
    let kind = object.get("type").and_then(Value::as_str).map(str::to_owned);
    match (kind, object.get_mut("data")) {
        (Some(kind), Some(Value::Object(data))) if kind == RECEIVED => received(&std::mem::take(data)),
        (Some(_), Some(_)) => Ok(Event::Delivery(delivery(&object))),
        _ => received(&object),
    }
}

/// Parses a webhook body as a delivery event, whatever its type.
///
/// # Errors
/// If the body is not a JSON object.
pub fn parse_delivery(body: &[u8]) -> Result<DeliveryEvent, ParseError> {
    let object: Map<String, Value> = serde_json::from_slice(body)?;
    Ok(delivery(&object))
}

fn delivery(object: &Map<String, Value>) -> DeliveryEvent {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let id = object.get("data").and_then(|data| data.get("email_id"));
    DeliveryEvent {
        kind: text(object.get("type")).unwrap_or_default(),
        // PostgreSQL cannot store NUL, so no sent mail has such an id.
        email_id: text(id).filter(|id| !id.is_empty() && !id.contains('\0')),
    }
}

fn received(fields: &Map<String, Value>) -> Result<Event, ParseError> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut mail = Incoming {
        provider_id: text("email_id").filter(|id| !id.is_empty()),
        from: text("from").unwrap_or_default(),
        to: texts(fields.get("to")).unwrap_or_default(),
        cc: texts(fields.get("cc")),
        other_recipients: [texts(fields.get("bcc")), texts(fields.get("received_for"))]
            .into_iter()
            .flatten()
            .flatten()
            .collect(),
        subject: text("subject").unwrap_or_default(),
        text: text("text"),
        html: text("html"),
        message_id: text("message_id")
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty()),
        attachments: fields
            .get("attachments")
            .and_then(Value::as_array)
            .map(|attachments| attachments.iter().map(attachment).collect()),
        ..Incoming::default()
    };
    if let Some(headers) = fields.get("headers").and_then(Value::as_object) {
        for (name, value) in headers {
            let value = texts(Some(value)).unwrap_or_default();
            if let Some(value) = value.first() {
                mail.add_header(name, value);
            }
        }
    }
    mail.read_thread_headers();
    let has = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    let is_announced = mail.provider_id.is_some() && !["text", "html", "headers", "raw"].into_iter().any(has);
    if let Some(raw) = fields.get("raw").and_then(Value::as_str) {
        mail.overlay_mime(STANDARD.decode(raw.trim())?);
    }
    Ok(Event::Received {
        mail: Box::new(mail),
        is_announced,
    })
}

/// Returns the strings of a field that is a string or a list of strings.
fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

fn attachment(value: &Value) -> Attachment {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Attachment::described(
        text("filename"),
        text("content_type"),
        value.get("size").and_then(Value::as_u64),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_mail(body: &Value) -> (Incoming, bool) {
        match parse(body.to_string().as_bytes()).unwrap() {
            Event::Received { mail, is_announced } => (*mail, is_announced),
            Event::Delivery(event) => panic!("{event:?}"),
        }
    }

    #[test]
    fn all_three_forms_of_a_received_mail_are_parsed() {
        let flat = json!({
            "from": "Ada <ada@x.com>", "to": "inbox-1@mail.opencom.app", "cc": ["b@x.com"], "subject": "Hi",
            "text": "hello", "html": null, "headers": { "Message-ID": "<1@x>", "In-Reply-To": " <0@x> ", "REFERENCES": " <a> \n <b>" },
            "attachments": [{ "filename": "a.png", "content_type": "image/png", "size": 7 }, {}], "more": 1,
        });
        let (mail, is_announced) = read_mail(&flat);
        assert!(!is_announced);
        assert_eq!(mail.to, ["inbox-1@mail.opencom.app"]);
        assert_eq!((mail.text.as_deref(), mail.html.as_deref()), (Some("hello"), None));
        assert_eq!(mail.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(mail.in_reply_to.as_deref(), Some("<0@x>"));
        assert_eq!(
            mail.references.as_deref(),
            Some(&["<a>".to_owned(), "<b>".to_owned()][..])
        );
        let files = mail.attachments.clone().unwrap();
        assert_eq!((files[0].name.as_str(), files[0].size), ("a.png", 7));
        assert_eq!(
            (files[1].name.as_str(), files[1].content_type.as_str()),
            ("attachment", "application/octet-stream")
        );

        let envelope = json!({ "type": "email.received", "created_at": "x", "data": flat });
        assert_eq!(read_mail(&envelope), (mail, false));

        let announced = json!({ "type": "email.received", "data": {
            "email_id": "e1", "from": "ada@x.com", "to": ["i@x"], "cc": [], "bcc": ["h@x"], "message_id": "<1@x>",
            "subject": "Hi", "attachments": [],
        } });
        let (mail, is_announced) = read_mail(&announced);
        assert!(is_announced);
        assert_eq!(
            (mail.provider_id.as_deref(), mail.other_recipients.as_slice()),
            (Some("e1"), &["h@x".to_owned()][..])
        );
    }

    #[test]
    fn every_field_is_optional() {
        let (mail, is_announced) = read_mail(&json!({}));
        assert!(!is_announced);
        assert_eq!((mail.subject.as_str(), mail.attachments), ("", None));
        for body in ["", "[]", "1", "{"] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn other_events_are_delivery_events() {
        let body = json!({ "type": "email.bounced", "data": { "email_id": "e1" } });
        let event = DeliveryEvent {
            kind: "email.bounced".to_owned(),
            email_id: Some("e1".to_owned()),
        };
        assert_eq!(
            parse(body.to_string().as_bytes()).unwrap(),
            Event::Delivery(event.clone())
        );
        assert_eq!(parse_delivery(body.to_string().as_bytes()).unwrap(), event);
        assert_eq!(parse_delivery(b"{}").unwrap().email_id, None);
    }
}
