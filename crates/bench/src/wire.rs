//! The messages of the sync socket, as far as a load generator needs them: those of a client as text, those of the
//! server by the few places that matter. Results can be large and are looked at by whoever wants them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use opencom_contract::Function;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use uuid::Uuid;

use crate::Fault;

/// A commit's number: base64 of eight little-endian bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ts(pub(crate) u64);

impl<'de> Deserialize<'de> for Ts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let value = u64::from_le_bytes(bytes.ok_or_else(|| serde::de::Error::custom("not a timestamp"))?);
        Ok(Self(value))
    }
}

impl Serialize for Ts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0.to_le_bytes()))
    }
}

/// Where a client's view stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub(crate) query_set: u32,
    pub(crate) identity: u32,
    pub(crate) ts: Ts,
}

/// A message of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame<'a> {
    /// Results, from one version to the next.
    Transition {
        start: Version,
        end: Version,
        text: &'a [u8],
    },
    /// The outcome of a mutation.
    MutationResponse(&'a [u8]),
    /// A sign of life.
    Ping,
}

impl<'a> Frame<'a> {
    /// Finds out what a frame says. Quotes inside of strings are escaped, so that names with theirs are found nowhere
    /// but where they are names; the server writes them first, so that they are found at once.
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, Fault> {
        let is = |kind: &[u8]| memmem::find(text, kind).is_some();
        if is(br#""type":"Transition""#) {
            Ok(Self::Transition {
                start: version(text, br#""startVersion":"#)?,
                end: version(text, br#""endVersion":"#)?,
                text,
            })
        } else if is(br#""type":"MutationResponse""#) {
            Ok(Self::MutationResponse(text))
        } else if is(br#""type":"Ping""#) {
            Ok(Self::Ping)
        } else {
            let text = String::from_utf8_lossy(&text[..text.len().min(500)]);
            Err(format!("the server sent {text}").into())
        }
    }
}

fn version(text: &[u8], name: &[u8]) -> Result<Version, Fault> {
    let from = memmem::find(text, name).ok_or("a Transition without its versions")? + name.len();
    let length = memchr::memchr(b'}', &text[from..]).ok_or("a version without an end")? + 1;
    Ok(serde_json::from_slice(&text[from..from + length])?)
}

/// The outcome of a mutation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MutationResponse {
    pub(crate) request_id: u32,
    pub(crate) success: bool,
    /// The function's value, or what was wrong.
    pub(crate) result: serde_json::Value,
    pub(crate) ts: Option<Ts>,
}

/// A client's first message on a connection.
pub(crate) fn connect(session: Uuid, connection: u32, close_reason: Option<&str>, seen: Option<Ts>) -> String {
    let mut message = json!({
        "type": "Connect",
        "sessionId": session,
        "connectionCount": connection,
        "lastCloseReason": close_reason,
        "clientTs": 0,
    });
    if let Some(seen) = seen {
        message["maxObservedTimestamp"] = json!(seen);
    }
    message.to_string()
}

/// Signs a connection in, from nobody to the holder of `token`.
pub(crate) fn authenticate(token: &str) -> String {
    json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": token}).to_string()
}

/// Changes what a connection is subscribed to, from version `base` to the next.
pub(crate) fn modify(base: u32, modifications: &[String]) -> String {
    let new = base + 1;
    let modifications = modifications.join(",");
    format!(r#"{{"type":"ModifyQuerySet","baseVersion":{base},"newVersion":{new},"modifications":[{modifications}]}}"#)
}

/// A modification: subscribes to a query.
pub(crate) fn add(id: u32, path: &str, arguments: &str, journal: Option<&str>) -> Result<String, Fault> {
    let journal = match journal {
        Some(journal) => format!(r#","journal":{}"#, serde_json::to_string(journal)?),
        None => String::new(),
    };
    Ok(format!(
        r#"{{"type":"Add","queryId":{id},"udfPath":"{path}","args":[{arguments}]{journal}}}"#
    ))
}

/// A modification: ends a subscription.
pub(crate) fn remove(id: u32) -> String {
    format!(r#"{{"type":"Remove","queryId":{id}}}"#)
}

/// A call of a mutation.
pub(crate) fn mutation<F: Function>(id: u32, request: &F) -> Result<String, Fault> {
    let path = F::DESCRIPTOR.path;
    let arguments = serde_json::to_string(request)?;
    Ok(format!(
        r#"{{"type":"Mutation","requestId":{id},"udfPath":"{path}","args":[{arguments}]}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_is_read_whatever_the_order_of_its_fields_and_whatever_it_holds() {
        let start = r#""startVersion":{"querySet":1,"identity":0,"ts":"ZAAAAAAAAAA="}"#;
        let end = r#""endVersion":{"ts":"yAAAAAAAAAA=","querySet":2,"identity":0}"#;
        let said = r#""modifications":[{"type":"QueryUpdated","value":"\"type\":\"Ping\",\"endVersion\":{}"}]"#;
        for text in [
            format!(r#"{{"type":"Transition",{start},{end},{said}}}"#),
            format!(r#"{{{said},{end},{start},"type":"Transition"}}"#),
        ] {
            let Frame::Transition { start, end, .. } = Frame::read(text.as_bytes()).unwrap() else {
                panic!("not a Transition");
            };
            assert_eq!((start.query_set, start.ts), (1, Ts(100)));
            assert_eq!((end.query_set, end.ts), (2, Ts(200)));
        }
    }

    #[test]
    fn what_ends_a_connection_is_an_error() {
        let fatal = Frame::read(br#"{"type":"FatalError","error":"base version"}"#);
        assert!(fatal.unwrap_err().to_string().contains("base version"));
    }
}
