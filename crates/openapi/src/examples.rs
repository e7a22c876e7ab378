//! Examples of values, generated deterministically from their schemas.

use opencom_contract::{Descriptor, Who};
use serde_json::{Map, Value, json};

use crate::schemas::{Components, resolve};

/// The nesting depth at which examples of recursive types end.
const DEEPEST: usize = 12;

/// Which fields of an object an example has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// The required ones.
    Required,
    /// All of them.
    Everything,
}

/// Example arguments of a function: the required ones, and a session token if only visitors may call.
pub(crate) fn arguments(function: &Descriptor, schema: &Value, components: &Components) -> Value {
    // Its schema requires no argument, but the function does.
    if function.path == "auth:signIn" {
        let params = json!({ "flow": "signIn", "email": "ada@example.com", "password": "correct horse" });
        return json!({ "provider": "password", "params": params });
    }
    let mut arguments = example(schema, "", components, Detail::Required, 0);
    let token = &schema["properties"]["sessionToken"];
    if function.access.who == Who::Visitor && token.is_object() {
        arguments["sessionToken"] = example(token, "sessionToken", components, Detail::Required, 0);
    }
    arguments
}

/// An example result with all fields.
pub(crate) fn output(schema: &Value, components: &Components) -> Value {
    example(schema, "", components, Detail::Everything, 0)
}

fn example(schema: &Value, name: &str, components: &Components, detail: Detail, depth: usize) -> Value {
    let schema = resolve(schema, components);
    let given = (schema["examples"].get(0)).or_else(|| schema.get("const"));
    if let Some(given) = given.or_else(|| schema["enum"].get(0)) {
        return given.clone();
    }
    for either in ["oneOf", "anyOf"] {
        let branches = schema[either].as_array().into_iter().flatten();
        if let Some(branch) = branches.into_iter().find(|branch| branch["type"] != "null") {
            let mut value = example(branch, name, components, detail, depth + 1);
            // The fields that all branches share.
            if let (Value::Object(fields), Some(_)) = (&mut value, schema.get("properties")) {
                for (name, common) in object(schema, components, detail, depth) {
                    fields.entry(name).or_insert(common);
                }
            }
            return value;
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => json!(text(name)),
        Some("number" | "integer") => schema.get("minimum").cloned().unwrap_or(json!(1.0)),
        Some("boolean") => json!(true),
        Some("array") if depth > DEEPEST => json!([]),
        Some("array") => json!([example(&schema["items"], name, components, detail, depth + 1)]),
        Some("object") => Value::Object(object(schema, components, detail, depth)),
        Some(_) => Value::Null,
        // Any value.
        None => json!({ "plan": "pro" }),
    }
}

fn object(schema: &Value, components: &Components, detail: Detail, depth: usize) -> Map<String, Value> {
    let required = schema["required"].as_array();
    let shown = |name: &str| {
        let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
        is_required || (detail == Detail::Everything && depth <= DEEPEST)
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .filter(|(name, _)| shown(name))
        .map(|(name, property)| (name.clone(), example(property, name, components, detail, depth + 1)))
        .collect()
}

/// An example text for a field of this name.
fn text(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    if has("email") || has("mailbox") {
        "ada@example.com"
    } else if has("url") || has("href") {
        "https://example.com/"
    } else if has("origin") {
        "https://example.com"
    } else if has("token") || has("secret") || has("hash") {
        "5bdcc146bf60754e6a042426089575c7"
    } else if name.ends_with("id") {
        "device-4711"
    } else if has("slug") {
        "getting-started"
    } else if has("color") {
        "#3366ff"
    } else if has("html") {
        "<p>We ship to Norway.</p>"
    } else if has("name") {
        "Ada Lovelace"
    } else if has("title") || has("subject") {
        "Shipping to Norway"
    } else if has("query") || has("search") {
        "shipping"
    } else {
        "Do you ship to Norway?"
    }
}
