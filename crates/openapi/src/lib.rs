#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod endpoints;
mod envelope;
mod examples;
mod functions;
mod schemas;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// The largest body of a function call, in bytes. The server refuses larger ones with status 413.
pub const MAX_CALL_BYTES: usize = 16 * 1024 * 1024;

/// The description of the API as a whole.
const INTRODUCTION: &str = "\
A call names a function by its path (`messages:send`). Over HTTP each function is an operation here, \
`POST /api/run/{module}/{function}` with `{\"args\": {…}}`; `/api/query`, `/api/mutation` and `/api/action` take the path in the \
body instead. Live queries go over a WebSocket, which the official clients speak.\n\n\
**Who calls.** An agent sends the token of `auth:signIn` as `Authorization: Bearer`. A visitor has no account: the \
`sessionToken` of `widgetSessions:boot` stands among the arguments of every later call. Each operation says who may call it.\n\n\
**Answers.** A function's outcome always has status 200: `status` is `success`, with `value`, or `error`, with `errorMessage` \
and `errorData`, whose `code` is for programs. Another status means that the call got to no function, or the function to no \
database.\n\n\
**Values.** Every number is a float; times are milliseconds since 1970. Unknown arguments are refused, and so is `null` where \
a schema does not allow it.";

/// Returns the document, built on the first call and kept.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
    &DOCUMENT
}

/// Returns the text of the document, indented and with a final newline, built on the first call and kept.
pub fn text() -> &'static str {
    // Not from `document()`: a server needs the text alone, and would keep the tree in memory as well.
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", build()));
    &TEXT
}

fn build() -> Value {
    let functions = functions::describe();
    let mut paths = functions.paths;
    paths.extend(endpoints::paths());
    let mut schemas = functions.schemas;
    schemas.extend(envelope::schemas());
    let schemas: Map<_, _> = schemas.into_iter().collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Opencom server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The server that gave this document." }],
        "tags": functions.tags.into_iter().chain(endpoints::tags()).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": envelope::responses(),
            "headers": envelope::headers(),
            "securitySchemes": {
                "agent": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The token that `auth:signIn` gives an agent. Good for an hour.",
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{envelope, functions};

    /// Components of the same name would overwrite each other.
    #[test]
    fn envelope_schemas_have_names_of_their_own() {
        let contract = functions::describe().schemas;
        let taken: Vec<_> = (envelope::schemas().into_keys())
            .filter(|name| contract.contains_key(name))
            .collect();
        assert!(taken.is_empty(), "{taken:?}");
    }
}
