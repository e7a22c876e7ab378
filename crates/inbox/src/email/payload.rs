//! The body of a report of a provider: a mail, with or without its content, or what became of one that was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opencom_core::{Error, Result};
use serde_json::{Map, Value};

use super::mail::{File, Incoming, NAMELESS, UNKNOWN_TYPE};

/// The type of a report that brings a mail.
const RECEIVED: &str = "email.received";

/// What a report tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// A mail came. When its content is missing, the provider has to be asked for it.
    Mail {
        /// The mail, as far as it is here.
        mail: Box<Incoming>,
        /// Whether the provider has to be asked for the rest.
        is_announced: bool,
    },
    /// Something became of a mail that was sent.
    Delivery(DeliveryEvent),
}

/// What became of a mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeliveryEvent {
    /// `email.delivered` and the like.
    pub(super) kind: String,
    /// What the provider calls the mail.
    pub(super) email_id: Option<String>,
}

/// Reads a report.
///
/// # Errors
/// An internal one when it is no JSON object, or one whose `raw` is no base64.
pub(super) fn read(body: &[u8]) -> Result<Report> {
    let mut object: Map<String, Value> = serde_json::from_slice(body).map_err(Error::internal)?;
    let kind = object.get("type").and_then(Value::as_str).map(str::to_owned);
    match (kind, object.get_mut("data")) {
        (Some(kind), Some(Value::Object(data))) if kind == RECEIVED => mail(&std::mem::take(data)),
        (Some(_), Some(_)) => Ok(Report::Delivery(event(&object))),
        _ => mail(&object),
    }
}

/// Reads a report of what became of a mail.
///
/// # Errors
/// An internal one when it is no JSON object.
pub(super) fn read_delivery(body: &[u8]) -> Result<DeliveryEvent> {
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(Error::internal)?;
    Ok(event(&object))
}

fn event(object: &Map<String, Value>) -> DeliveryEvent {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let id = object.get("data").and_then(|data| data.get("email_id"));
    DeliveryEvent {
        kind: text(object.get("type")).unwrap_or_default(),
        // PostgreSQL stores no NUL, so no mail here is called so.
        email_id: text(id).filter(|id| !id.is_empty() && !id.contains('\0')),
    }
}

fn mail(fields: &Map<String, Value>) -> Result<Report> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut mail = Incoming {
        provider_id: text("email_id").filter(|id| !id.is_empty()),
        from: text("from").unwrap_or_default(),
        to: texts(fields.get("to")).unwrap_or_default(),
        cc: texts(fields.get("cc")),
        others: [texts(fields.get("bcc")), texts(fields.get("received_for"))]
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
        files: fields
            .get("attachments")
            .and_then(Value::as_array)
            .map(|files| files.iter().map(file).collect()),
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
        mail.read_raw(STANDARD.decode(raw.trim()).map_err(Error::internal)?);
    }
    Ok(Report::Mail {
        mail: Box::new(mail),
        is_announced,
    })
}

/// A text or a list of texts.
fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

fn file(value: &Value) -> File {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    File {
        name: text("filename").unwrap_or_else(|| NAMELESS.to_owned()),
        content_type: text("content_type").unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
        size: value.get("size").and_then(Value::as_u64).unwrap_or(0),
        bytes: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_mail(body: &Value) -> (Incoming, bool) {
        match read(body.to_string().as_bytes()).unwrap() {
            Report::Mail { mail, is_announced } => (*mail, is_announced),
            Report::Delivery(event) => panic!("{event:?}"),
        }
    }

    #[test]
    fn all_three_forms_are_read() {
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
        assert_eq!(mail.references, ["<a>", "<b>"]);
        let files = mail.files.clone().unwrap();
        assert_eq!((files[0].name.as_str(), files[0].size), ("a.png", 7));
        assert_eq!(
            (files[1].name.as_str(), files[1].content_type.as_str()),
            (NAMELESS, UNKNOWN_TYPE)
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
            (mail.provider_id.as_deref(), mail.others.as_slice()),
            (Some("e1"), &["h@x".to_owned()][..])
        );
    }

    #[test]
    fn little_is_enough() {
        let (mail, is_announced) = read_mail(&json!({}));
        assert!(!is_announced);
        assert_eq!((mail.subject.as_str(), mail.files), ("", None));
        for body in ["", "[]", "1", "{"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn other_reports_tell_of_deliveries() {
        let body = json!({ "type": "email.bounced", "data": { "email_id": "e1" } });
        let event = DeliveryEvent {
            kind: "email.bounced".to_owned(),
            email_id: Some("e1".to_owned()),
        };
        assert_eq!(
            read(body.to_string().as_bytes()).unwrap(),
            Report::Delivery(event.clone())
        );
        assert_eq!(read_delivery(body.to_string().as_bytes()).unwrap(), event);
        assert_eq!(read_delivery(b"{}").unwrap().email_id, None);
    }
}
