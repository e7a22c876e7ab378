//! The functions as operations.

use std::collections::BTreeSet;

use opencom_contract::{Access, Descriptor, Kind, Otherwise, Who, catalogue};
use serde_json::{Map, Value, json};

use crate::envelope::{JSON, call_responses, reference};
use crate::examples;
use crate::schemas::{Components, Signature, signatures};

/// The parts of the document that describe functions.
pub(crate) struct Functions {
    pub(crate) paths: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
    pub(crate) schemas: Components,
}

/// Describes every public function.
pub(crate) fn describe() -> Functions {
    let functions: Vec<_> = catalogue()
        .filter(|function| function.access.who != Who::Internal)
        .collect();
    let (signatures, schemas) = signatures(&functions);
    let mut modules = BTreeSet::new();
    let mut paths = Map::new();
    for (function, signature) in functions.iter().zip(&signatures) {
        let (module, name) = split(function);
        modules.insert(module);
        let operation = operation(function, signature, &schemas);
        paths.insert(format!("/api/run/{module}/{name}"), json!({ "post": operation }));
    }
    Functions {
        paths,
        tags: modules.into_iter().map(|module| json!({ "name": module })).collect(),
        schemas,
    }
}

/// The module and the name of a function.
fn split(function: &Descriptor) -> (&'static str, &'static str) {
    function.path.split_once(':').unwrap_or(("", function.path))
}

fn operation(function: &Descriptor, signature: &Signature, schemas: &Components) -> Value {
    let (module, name) = split(function);
    let mut arguments = signature.arguments.clone();
    let description = take_text(&mut arguments, "description");
    take_text(&mut arguments, "title");
    let access = access(function.access);
    let kind = match function.kind {
        Kind::Query => "query",
        Kind::Mutation => "mutation",
        Kind::Action => "action",
    };
    let example = examples::arguments(function, &signature.arguments, schemas);
    json!({
        "operationId": format!("{module}_{name}"),
        "tags": [module],
        "summary": summary(&description),
        "description": format!("{description}\n\n**Access.** {access}"),
        "x-opencom-path": function.path,
        "x-opencom-kind": kind,
        "x-opencom-access": access,
        "security": security(function.access.who),
        "requestBody": request_body(&arguments, &example),
        "responses": call_responses(&outcome(function, signature, schemas)),
    })
}

/// The request body. `args` may be left out when no argument is required.
fn request_body(arguments: &Value, example: &Value) -> Value {
    let is_required = arguments.get("required").is_some();
    let mut call = json!({
        "type": "object",
        "properties": { "args": arguments, "format": reference("ValueFormat") },
    });
    if is_required {
        call["required"] = json!(["args"]);
    }
    json!({
        "required": is_required,
        "content": { JSON: { "schema": call, "example": { "args": example } } },
    })
}

/// The response with status 200: the result or an error.
fn outcome(function: &Descriptor, signature: &Signature, schemas: &Components) -> Value {
    let success = json!({
        "title": "Success",
        "type": "object",
        "properties": {
            "status": { "const": "success" },
            "value": signature.output,
            "logLines": reference("LogLines"),
        },
        "required": ["status", "value", "logLines"],
    });
    let example = json!({
        "status": "success",
        "value": examples::output(&signature.output, schemas),
        "logLines": [],
    });
    json!({
        "description": "The outcome.",
        "headers": { "X-Request-Id": { "$ref": "#/components/headers/RequestId" } },
        "content": {
            JSON: {
                "schema": { "oneOf": [success, reference("Refused")] },
                "examples": {
                    "success": { "value": example },
                    "error": { "value": error_example(function.access) },
                },
            },
        },
    })
}

/// Removes a text from a schema and returns it; empty if there is none.
fn take_text(schema: &mut Value, key: &str) -> String {
    let taken = schema.as_object_mut().and_then(|object| object.shift_remove(key));
    match taken {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The first sentence of a description, without its full stop.
fn summary(description: &str) -> String {
    let paragraph = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let sentence = paragraph
        .split_once(". ")
        .map_or(paragraph.as_str(), |(first, _)| first);
    sentence.trim_end_matches('.').to_owned()
}

fn security(who: Who) -> Value {
    match who {
        // A visitor authenticates by an argument, which no security scheme of OpenAPI can express.
        Who::Anyone | Who::Internal | Who::Visitor => json!([]),
        Who::SignedIn | Who::Agent | Who::Member | Who::Permitted(_) => json!([{ "agent": [] }]),
        Who::PermittedOrVisitor(_) | Who::PermittedOrPublic(_) => json!([{ "agent": [] }, {}]),
    }
}

/// The access rule as text.
fn access(access: Access) -> String {
    let who = match access.who {
        Who::Anyone => "Everyone.".to_owned(),
        Who::Internal => "Nobody from outside.".to_owned(),
        Who::SignedIn => "Whoever has a token that verifies.".to_owned(),
        Who::Agent => "Signed-in agents.".to_owned(),
        Who::Member => "Members of the workspace.".to_owned(),
        Who::Permitted(permission) => format!("Members of the workspace with the permission `{permission}`."),
        Who::Visitor => "The visitor, by `sessionToken`.".to_owned(),
        Who::PermittedOrVisitor(permission) => format!(
            "Members of the workspace with the permission `{permission}`, and the visitor concerned, by `sessionToken`."
        ),
        Who::PermittedOrPublic(permission) => format!(
            "Members of the workspace with the permission `{permission}`; whoever is not signed in gets what is public."
        ),
    };
    match access.otherwise {
        Otherwise::Refused => who,
        Otherwise::Gets(value) => format!("{who} Everybody else gets `{value}`."),
        Otherwise::Less => format!("{who} Everybody else gets less."),
        Otherwise::StrangersGet(value) => format!("{who} Whoever is not signed in gets `{value}`."),
    }
}

/// An example of an error that the function may return.
fn error_example(access: Access) -> Value {
    let (code, message) = match (access.who, access.otherwise) {
        (
            Who::SignedIn | Who::Agent | Who::Member | Who::Permitted(_) | Who::PermittedOrVisitor(_),
            Otherwise::Refused,
        ) => ("NOT_AUTHENTICATED", "Not authenticated"),
        _ => (
            "INVALID_INPUT",
            "ArgumentValidationError: Object contains extra field `bogus` that is not in the validator.",
        ),
    };
    json!({
        "status": "error",
        "errorMessage": message,
        "errorData": { "code": code, "message": message },
        "logLines": [],
    })
}
