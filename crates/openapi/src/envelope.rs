//! The envelope of calls and the components that operations share.

use opencom_core::Code;
use serde_json::{Value, json};

use crate::MAX_CALL_BYTES;
use crate::schemas::Components;

pub(crate) const JSON: &str = "application/json";

/// The error codes, each with its meaning.
const CODES: [(Code, &str); 10] = [
    (
        Code::NotAuthenticated,
        "Nobody is signed in, or a credential is unknown.",
    ),
    (Code::SessionExpired, "The credential was good and has run out."),
    (Code::NotAuthorized, "Signed in, but this is not the caller's."),
    (
        Code::PermissionDenied,
        "The permission named in `permission` is missing.",
    ),
    (Code::NotWorkspaceMember, "Not a member of the workspace."),
    (Code::NotFound, "No such row, or not in this workspace."),
    (Code::AlreadyExists, "Only one of these may exist."),
    (Code::InvalidInput, "The argument named in `field` is wrong."),
    (Code::RateLimited, "Too many calls; try again after `retryAfterMs`."),
    (
        Code::InternalError,
        "The server's fault. Its log has the cause, under `requestId`.",
    ),
];

/// The schemas of the envelope.
pub(crate) fn schemas() -> Components {
    let schemas = [
        ("Code", code()),
        ("ErrorData", error_data()),
        ("Refused", refused()),
        (
            "LogLines",
            json!({ "type": "array", "items": { "type": "string" }, "description": "Always empty." }),
        ),
        (
            "ValueFormat",
            json!({
                "type": "string",
                "enum": ["json", "convex_encoded_json"],
                "description": "How values are written. Both are the same here.",
            }),
        ),
        (
            "TransportError",
            json!({
                "type": "object",
                "description": "No function ran.",
                "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
                "required": ["code", "message"],
            }),
        ),
        (
            "WebhookError",
            json!({
                "type": "object",
                "properties": { "error": { "type": "string" } },
                "required": ["error"],
            }),
        ),
    ];
    schemas
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

fn code() -> Value {
    let codes: Vec<_> = CODES
        .iter()
        .map(|(code, meaning)| json!({ "const": code.as_str(), "description": meaning }))
        .collect();
    json!({ "description": "What went wrong, for programs. Every one comes with status 200.", "oneOf": codes })
}

fn error_data() -> Value {
    json!({
        "type": "object",
        "properties": {
            "code": { "$ref": "#/components/schemas/Code" },
            "message": { "type": "string", "description": "The same as `errorMessage`." },
            "field": { "type": "string", "description": "The argument that is wrong, as a dotted path." },
            "permission": { "type": "string", "description": "The permission that is missing." },
            "retryAfterMs": { "type": "number", "description": "When another try may succeed." },
            "requestId": { "type": "string", "description": "The name of the call in the server's log." },
        },
        "required": ["code", "message"],
    })
}

fn refused() -> Value {
    json!({
        "title": "Error",
        "type": "object",
        "properties": {
            "status": { "const": "error" },
            "errorMessage": { "type": "string", "description": "For people." },
            "errorData": { "$ref": "#/components/schemas/ErrorData" },
            "logLines": { "$ref": "#/components/schemas/LogLines" },
        },
        "required": ["status", "errorMessage", "errorData", "logLines"],
    })
}

/// The headers that responses share.
pub(crate) fn headers() -> Value {
    json!({ "RequestId": { "description": "The name of the call in the server's log.", "schema": { "type": "string" } } })
}

/// The responses of calls that did not reach a function, as components.
pub(crate) fn responses() -> Value {
    let transport = |description: &str| answer(description, &reference("TransportError"));
    json!({
        "BadRequest": transport("The body is no call, or the path has no form that a function could have."),
        "BadToken": transport("The `Authorization` header is no token of this server that is still good."),
        "TooLarge": transport(&format!("The body is larger than {} MiB.", MAX_CALL_BYTES / (1024 * 1024))),
        "Unavailable": transport("The database does not answer. Try again after `Retry-After` seconds."),
    })
}

/// All responses of an operation that calls a function, given the one with status 200.
pub(crate) fn call_responses(outcome: &Value) -> Value {
    json!({
        "200": outcome,
        "400": { "$ref": "#/components/responses/BadRequest" },
        "401": { "$ref": "#/components/responses/BadToken" },
        "413": { "$ref": "#/components/responses/TooLarge" },
        "503": { "$ref": "#/components/responses/Unavailable" },
    })
}

/// A reference to a schema.
pub(crate) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// A response with a JSON body.
pub(crate) fn answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { JSON: { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;

    #[test]
    fn every_error_code_has_a_meaning() {
        let schema = schema_for!(Code).to_value();
        let all = schema["oneOf"].as_array().unwrap();
        let all: Vec<_> = all.iter().map(|code| code["const"].as_str().unwrap()).collect();
        let described: Vec<_> = CODES.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(described, all);
    }
}
