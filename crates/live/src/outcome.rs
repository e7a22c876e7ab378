//! What a query gave, written once for everybody who holds it.

use memchr::{memchr, memchr2};
use opencom_core::{Code, Error};
use opencom_runtime::refusal::Refusal;

/// The longest key of an object that clients accept.
const LONGEST_KEY: usize = 1024;

/// The outcome of a query in the form in which it is sent.
#[derive(Debug)]
pub struct Outcome {
    good: bool,
    /// Whether it is a fault of our own. They differ by the name in the log alone, so one is as good as another.
    fault: bool,
    /// What follows the name of the value or of the message in a modification, the closing brace included. No larger than
    /// it has to be, for it is held as long as anybody looks at it.
    tail: Box<str>,
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        (self.fault && other.fault) || (self.good == other.good && self.tail == other.tail)
    }
}

impl Eq for Outcome {}

impl Outcome {
    /// A result, as JSON, with what the query keeps for its next execution.
    ///
    /// A key that official clients refuse would make them lose the whole transition and never recover, so such a result
    /// becomes a failure.
    pub fn of_result(value: &str, journal: Option<&str>) -> Self {
        if let Some(key) = refused_key(value) {
            return Self::of_error(&Error::internal(format!("a result has the key {key}")), journal);
        }
        let tail = [value, r#","logLines":[],"journal":"#, &json(journal), "}"].concat();
        Self {
            good: true,
            fault: false,
            tail: tail.into(),
        }
    }

    /// A refusal or a fault.
    pub fn of_error(error: &Error, journal: Option<&str>) -> Self {
        let refusal = Refusal::of(error);
        let (message, data, journal) = (json(Some(&refusal.message)), refusal.data, json(journal));
        Self {
            good: false,
            fault: error.code() == Code::InternalError,
            tail: format!(r#"{message},"logLines":[],"journal":{journal},"errorData":{data}}}"#).into(),
        }
    }

    /// Whether it is a result and not an error.
    pub fn is_good(&self) -> bool {
        self.good
    }

    /// Whether it is a fault of our own.
    pub fn is_fault(&self) -> bool {
        self.fault
    }

    /// Writes the modification that shows this outcome of a query.
    pub(crate) fn write(&self, query_id: u32, to: &mut String) {
        let (before, after) = if self.good {
            (r#"{"type":"QueryUpdated","queryId":"#, r#","value":"#)
        } else {
            (r#"{"type":"QueryFailed","queryId":"#, r#","errorMessage":"#)
        };
        to.push_str(before);
        to.push_str(&query_id.to_string());
        to.push_str(after);
        to.push_str(&self.tail);
    }

    /// How long the written form is, about.
    pub(crate) fn size(&self) -> usize {
        self.tail.len() + 64
    }
}

/// A text as JSON; `null` for none.
pub(crate) fn json(text: Option<&str>) -> String {
    // A text always has a JSON form.
    serde_json::to_string(&text).unwrap_or_default()
}

/// Whether a written text stands for something else than itself, quotes and backslashes aside.
fn has_escape(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && !matches!(bytes.next(), Some(b'"' | b'\\' | b'/')) {
            return true;
        }
    }
    false
}

/// The first key, as it is written, of an object anywhere in a JSON text that official clients refuse to read.
pub(crate) fn refused_key(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    let mut position = 0;
    while let Some(quote) = memchr(b'"', &bytes[position..]) {
        let start = position + quote + 1;
        let mut end = start;
        // To the quote that is not escaped.
        while let Some(found) = bytes.get(end..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            end += found;
            if bytes[end] == b'"' {
                break;
            }
            end += 2;
        }
        position = (end + 1).min(bytes.len());
        // Our own writer puts nothing between a key and its colon.
        let Some(text) = json.get(start..end).filter(|_| bytes.get(position) == Some(&b':')) else {
            continue;
        };
        let special = matches!(text, "$integer" | "$float" | "$bytes");
        let plain = text.bytes().all(|b| (32..=126).contains(&b)) && !has_escape(text) && text.len() <= LONGEST_KEY;
        if !plain || (text.starts_with('$') && !special) {
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_freeze_clients_are_found_and_texts_are_not_keys() {
        for fine in [
            r#"{"_id":"$x","a b":["é","$y"],"":{"n":{"$integer":"AQAAAAAAAAA="}}}"#,
            r#"["a\":","$",{"a\"b":"\\"}]"#,
            "3.0",
        ] {
            assert_eq!(refused_key(fine), None, "{fine}");
        }
        for (bad, key) in [
            (r#"{"a":[{"$set":1.0}]}"#, "$set"),
            (r#"{"é":1.0}"#, "é"),
            (r#"{"a":"x\\","\u00e9":1.0}"#, r"\u00e9"),
            (r#"{"tab\t":1.0}"#, r"tab\t"),
        ] {
            assert_eq!(refused_key(bad), Some(key), "{bad}");
        }
        let long = format!(r#"{{"{}":null}}"#, "k".repeat(1025));
        assert!(refused_key(&long).is_some());
        assert!(!Outcome::of_result(&long, None).is_good());
    }
}
