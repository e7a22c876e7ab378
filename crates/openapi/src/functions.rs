//! The functions as operations.

use std::collections::BTreeSet;

use opencom_contract::{Access, Descriptor, Kind, Otherwise, Who, catalogue};
use serde_json::{Map, Value, json};

use crate::examples;
use crate::schemas::{Components, Signature, signatures};

/// What the document says of the functions.
pub(crate) struct Functions {
    pub(crate) paths: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
    pub(crate) schemas: Components,
}

/// Describes every function that callers may name.
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

/// Module and name.
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
    let can_do_without = arguments.get("required").is_none();
    let mut call = json!({
        "type": "object",
        "properties": { "args": arguments, "format": { "$ref": "#/components/schemas/ValueFormat" } },
    });
    if !can_do_without {
        call["required"] = json!(["args"]);
    }
    let request = json!({ "args": examples::arguments(function, &signature.arguments, schemas) });
    let success = json!({
        "status": "success",
        "value": examples::output(&signature.output, schemas),
        "logLines": [],
    });
    json!({
        "operationId": format!("{module}_{name}"),
        "tags": [module],
        "summary": summary(&description),
        "description": format!("{description}\n\n**Access.** {access}"),
        "x-opencom-path": function.path,
        "x-opencom-kind": kind,
        "x-opencom-access": access,
        "security": security(function.access.who),
        "requestBody": {
            "required": !can_do_without,
            "content": { "application/json": { "schema": call, "example": request } },
        },
        "responses": {
            "200": {
                "description": "The outcome.",
                "headers": { "X-Request-Id": { "$ref": "#/components/headers/RequestId" } },
                "content": {
                    "application/json": {
                        "schema": {
                            "oneOf": [
                                {
                                    "title": "Success",
                                    "type": "object",
                                    "properties": {
                                        "status": { "const": "success" },
                                        "value": signature.output,
                                        "logLines": { "$ref": "#/components/schemas/LogLines" },
                                    },
                                    "required": ["status", "value", "logLines"],
                                },
                                { "$ref": "#/components/schemas/Refused" },
                            ],
                        },
                        "examples": {
                            "success": { "value": success },
                            "error": { "value": refusal(function.access) },
                        },
                    },
                },
            },
            "400": { "$ref": "#/components/responses/BadRequest" },
            "401": { "$ref": "#/components/responses/BadToken" },
            "413": { "$ref": "#/components/responses/TooLarge" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
    })
}

/// Takes a text out of a schema.
fn take_text(schema: &mut Value, key: &str) -> String {
    let taken = schema.as_object_mut().and_then(|object| object.shift_remove(key));
    match taken {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The first sentence.
fn summary(description: &str) -> String {
    let paragraph = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let sentence = paragraph
        .split_once(". ")
        .map_or(paragraph.as_str(), |(first, _)| first);
    sentence.trim_end_matches('.').to_owned()
}

fn security(who: Who) -> Value {
    match who {
        // What a visitor shows stands among the arguments, which no scheme of OpenAPI can say.
        Who::Anyone | Who::Internal | Who::Visitor => json!([]),
        Who::SignedIn | Who::Agent | Who::Member | Who::Permitted(_) => json!([{ "agent": [] }]),
        Who::PermittedOrVisitor(_) | Who::PermittedOrPublic(_) => json!([{ "agent": [] }, {}]),
    }
}

/// The access rule in words.
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

/// An error that the function may answer.
fn refusal(access: Access) -> Value {
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
