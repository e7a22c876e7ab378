//! The body of a function call.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use bytes::Bytes;
use opencom_live::arguments;
use opencom_openapi::MAX_CALL_BYTES;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::TransportError;

/// A function call as it is sent. Unknown fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
    #[serde(borrow, default)]
    format: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    component_path: Option<Cow<'a, str>>,
}

fn bad(message: impl Into<String>) -> TransportError {
    TransportError::new(StatusCode::BAD_REQUEST, "BadJsonBody", message)
}

/// The whole body, as long as it is not too large.
pub(super) async fn read(payload: Payload) -> Result<Bytes, TransportError> {
    match payload.to_bytes_limited(MAX_CALL_BYTES).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(bad(format!("The body could not be read: {error}"))),
        Err(_) => Err(TransportError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLarge",
            format!("The body is larger than {MAX_CALL_BYTES} bytes."),
        )),
    }
}

impl<'a> Call<'a> {
    /// The call in a body.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, TransportError> {
        if body.trim_ascii_start().first() != Some(&b'{') {
            // serde would take a list for the fields in their order.
            return Err(bad("The body must be a JSON object."));
        }
        let call: Self = serde_json::from_slice(body).map_err(|error| bad(format!("The body is no call: {error}")))?;
        // Both formats read alike, and write alike too: no result has a value in which they differ.
        if let Some(format) = call
            .format
            .as_deref()
            .filter(|format| !matches!(*format, "json" | "convex_encoded_json"))
        {
            return Err(bad(format!(
                "Unknown format {format:?}: use json or convex_encoded_json."
            )));
        }
        if call.component_path.as_deref().is_some_and(|path| !path.is_empty()) {
            return Err(bad("This server has no components: leave componentPath away."));
        }
        Ok(call)
    }

    /// The arguments, see [`arguments::of_call`].
    pub(super) fn arguments(&self) -> Result<&'a str, TransportError> {
        arguments::of_call(self.args).map_err(|error| bad(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(body: &str) -> Result<String, &'static str> {
        let call = Call::parse(body.as_bytes()).map_err(|error| error.code)?;
        call.arguments().map(str::to_owned).map_err(|error| error.code)
    }

    #[test]
    fn arguments_are_an_object_or_a_list_of_one() {
        for (body, expected) in [
            (r#"{"path":"a:b"}"#, "{}"),
            (r#"{"path":"a:b","args":null}"#, "{}"),
            (r#"{"path":"a:b","args":[]}"#, "{}"),
            (r#"{"path":"a:b","args":{"x":1}}"#, r#"{"x":1}"#),
            (
                r#"{"path":"a:b","args":[{"x":1}],"format":"convex_encoded_json"}"#,
                r#"{"x":1}"#,
            ),
        ] {
            assert_eq!(arguments(body).as_deref(), Ok(expected), "{body}");
        }
        for body in [
            "{bad",
            "[]",
            r#"{"path":"a:b","args":1}"#,
            r#"{"path":"a:b","args":[1]}"#,
            r#"{"path":"a:b","args":[{},{}]}"#,
            r#"{"path":"a:b","args":{},"format":"xml"}"#,
            r#"{"path":"a:b","args":{},"componentPath":"c"}"#,
        ] {
            assert_eq!(arguments(body), Err("BadJsonBody"), "{body}");
        }
    }
}
