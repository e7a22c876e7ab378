//! From the arguments' text to a request, or to an error in the words that Convex clients know.

use std::fmt;
use std::marker::PhantomData;

use opencom_core::audience::RuleError;
use opencom_core::{Error, Result};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess};
use serde_json::Value;
use validator::{ValidationErrors, ValidationErrorsKind};

use crate::{Descriptor, Function};

/// Parses and checks the arguments of a function.
///
/// # Errors
/// `INVALID_INPUT` with the path of the first argument that is wrong.
pub fn parse<F: Function>(text: &str) -> Result<F> {
    if !text.trim_start().starts_with('{') {
        // serde would take a list for the fields in their order.
        return Err(argument_error("", "Value does not match validator.", ""));
    }
    check_text(text, &F::DESCRIPTOR)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let request: F = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| shape_error(&error.path().to_string(), &error.inner().to_string()))?;
    request.validate().map_err(|errors| rule_error(&errors))?;
    Ok(request)
}

/// What serde lets pass and this API does not: `null` for an optional argument, and NUL in a text, which PostgreSQL
/// cannot store. The text is searched first, because almost no call has either.
fn check_text(text: &str, function: &Descriptor) -> Result<()> {
    if !text.contains("null") && !text.contains("\\u0000") {
        return Ok(());
    }
    // What does not parse here fails below with a better error.
    let Ok(value) = serde_json::from_str(text) else {
        return Ok(());
    };
    let mut path = Vec::new();
    check_value(&value, function, &mut path)
}

fn check_value<'a>(value: &'a Value, function: &Descriptor, path: &mut Vec<&'a str>) -> Result<()> {
    match value {
        Value::Null if !path.first().is_some_and(|first| function.nulls_in.contains(first)) => Err(argument_error(
            &path.join("."),
            "Value does not match validator.",
            "\nValue: null",
        )),
        Value::String(text) if text.contains('\0') => Err(nul_error(&path.join("."))),
        Value::Array(elements) => elements
            .iter()
            .try_for_each(|element| check_value(element, function, path)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, field)| {
            if key.contains('\0') {
                return Err(nul_error(&path.join(".")));
            }
            path.push(key);
            check_value(field, function, path)?;
            path.pop();
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn nul_error(path: &str) -> Error {
    argument_error(path, "Text must not contain the character U+0000.", "")
}

/// Says what is wrong with the shape. serde has no structured errors, so its fixed phrases are told apart here; the
/// tests below fail when one of them changes.
fn shape_error(path: &str, message: &str) -> Error {
    // serde_json adds where in the text it stopped, which helps nobody here.
    let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    let path = if path == "." { "" } else { path };
    // A value that is read as a whole tells itself where inside it something is wrong.
    let (message, inside) = RuleError::split(message);
    let joined;
    let path = if inside.is_empty() {
        path
    } else {
        joined = format!("{path}.{inside}");
        &joined
    };
    if let Some(field) = quoted_after(message, "missing field `") {
        let text = format!(
            "Object is missing the required field `{field}`. Consider wrapping the field validator in \
             `v.optional(...)` if this is expected."
        );
        return argument_error_in(path, field, &text);
    }
    if let Some(field) = quoted_after(message, "unknown field `") {
        let text = format!("Object contains extra field `{field}` that is not in the validator.");
        return argument_error_in(
            path.strip_suffix(field)
                .map_or(path, |parent| parent.trim_end_matches('.')),
            field,
            &text,
        );
    }
    if message.starts_with("must be at most") {
        return Error::invalid(path, format!("{path} {message}"));
    }
    let ours = message.contains("validator") || message.contains("not allowed") || message.contains("more than");
    if ours {
        argument_error(path, message, "")
    } else {
        argument_error(path, "Value does not match validator.", "")
    }
}

fn quoted_after<'a>(message: &'a str, phrase: &str) -> Option<&'a str> {
    message.strip_prefix(phrase)?.split('`').next()
}

/// An error about `field` of the object at `parent`.
fn argument_error_in(parent: &str, field: &str, text: &str) -> Error {
    let place = if parent.is_empty() {
        String::new()
    } else {
        format!("\nPath: .{parent}")
    };
    let full = if parent.is_empty() {
        field.to_owned()
    } else {
        format!("{parent}.{field}")
    };
    Error::invalid(&full, format!("ArgumentValidationError: {text}{place}"))
}

fn argument_error(path: &str, text: &str, tail: &str) -> Error {
    let (head, rest) = text
        .split_once('\n')
        .map_or((text, String::new()), |(head, rest)| (head, format!("\n{rest}")));
    let place = if path.is_empty() {
        String::new()
    } else {
        format!("\nPath: .{path}")
    };
    Error::invalid(path, format!("ArgumentValidationError: {head}{place}{tail}{rest}"))
}

/// The first broken rule, by field name.
fn rule_error(errors: &ValidationErrors) -> Error {
    let (path, message) = first_rule(errors, "").unwrap_or_default();
    Error::invalid(&path, message)
}

fn first_rule(errors: &ValidationErrors, parent: &str) -> Option<(String, String)> {
    let mut fields: Vec<_> = errors.errors().iter().collect();
    fields.sort_by_key(|(field, _)| field.to_owned());
    fields.into_iter().find_map(|(field, kind)| {
        let name = camel_case(field);
        let path = if parent.is_empty() {
            name
        } else {
            format!("{parent}.{name}")
        };
        match kind {
            ValidationErrorsKind::Field(broken) => broken.first().map(|rule| {
                let text = match (&rule.message, rule.params.get("max")) {
                    (Some(message), _) => message.clone().into_owned(),
                    (None, Some(max)) => format!("{path} must be at most {max} long"),
                    (None, None) => format!("{path} is invalid: {}", rule.code),
                };
                (path, text)
            }),
            ValidationErrorsKind::Struct(inner) => first_rule(inner, &path),
            ValidationErrorsKind::List(inner) => inner
                .iter()
                .find_map(|(index, inner)| first_rule(inner, &format!("{path}[{index}]"))),
        }
    })
}

/// Deserializes an argument that is an object. serde would also take a list for the fields in their order.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object| object.0)
}

/// Deserializes an optional argument that is an object, as [`object`] does.
pub(crate) fn object_if_any<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// Deserializes an optional argument that is an object or `null`, as [`object`] does: `null` is given and clears.
pub(crate) fn object_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    object_if_any(deserializer).map(Some)
}

/// Deserializes an argument that may be `null`, which is something else than its absence.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

/// A Rust field's name as it stands on the wire.
fn camel_case(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut upper = false;
    for c in field.chars() {
        match c {
            '_' => upper = true,
            _ if upper => {
                name.extend(c.to_uppercase());
                upper = false;
            }
            _ => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use opencom_core::Code;
    use opencom_core::id::{UserId, WorkspaceId};

    use super::*;
    use crate::{conversations, visitors, widget_sessions};

    fn refusal<F: Function>(text: &str) -> (String, String) {
        let Err(error) = parse::<F>(text) else {
            panic!("{text} was accepted")
        };
        assert_eq!(error.code(), Code::InvalidInput);
        (error.data().field.clone().unwrap(), error.message().to_owned())
    }

    #[test]
    fn a_missing_argument_is_named() {
        let (field, text) = refusal::<conversations::List>("{}");
        assert_eq!(field, "workspaceId");
        assert_eq!(
            text,
            "ArgumentValidationError: Object is missing the required field `workspaceId`. Consider wrapping the field \
             validator in `v.optional(...)` if this is expected."
        );
    }

    #[test]
    fn an_extra_argument_is_named() {
        let (field, text) = refusal::<conversations::List>(r#"{"bogus":1}"#);
        assert_eq!(field, "bogus");
        assert_eq!(
            text,
            "ArgumentValidationError: Object contains extra field `bogus` that is not in the validator."
        );
    }

    #[test]
    fn an_extra_field_inside_an_argument_has_its_path() {
        let ws = WorkspaceId::generate();
        let (field, text) = refusal::<widget_sessions::Boot>(&format!(
            r#"{{"workspaceId":"{ws}","sessionId":"s","location":{{"planet":"Mars"}}}}"#
        ));
        assert_eq!(field, "location.planet");
        assert!(text.ends_with("\nPath: .location"), "{text}");
    }

    #[test]
    fn a_value_of_the_wrong_type_has_its_path() {
        let ws = WorkspaceId::generate();
        for bad in ["1", "[]", r#""ajar""#, "null"] {
            let (field, text) = refusal::<conversations::List>(&format!(r#"{{"workspaceId":"{ws}","status":{bad}}}"#));
            assert_eq!(field, "status", "{bad}");
            assert!(
                text.starts_with("ArgumentValidationError: Value does not match validator.\nPath: .status"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_list_of_the_fields_in_their_order_is_no_object() {
        let ws = WorkspaceId::generate();
        let (field, text) = refusal::<widget_sessions::Boot>(&format!(
            r#"{{"workspaceId":"{ws}","location":["Paris","IDF","France","FR"]}}"#
        ));
        assert_eq!(field, "location");
        assert!(
            text.starts_with("ArgumentValidationError: Value does not match validator."),
            "{text}"
        );
    }

    #[test]
    fn an_id_of_another_table_names_the_validator() {
        let user = UserId::generate();
        let (field, text) = refusal::<conversations::List>(&format!(r#"{{"workspaceId":"{user}"}}"#));
        assert_eq!(field, "workspaceId");
        assert!(text.contains(r#"in validator `v.id("workspaces")`."#), "{text}");
        assert!(text.contains("Path: .workspaceId"), "{text}");
    }

    #[test]
    fn a_text_that_is_no_id_names_the_validator() {
        let (_, text) = refusal::<conversations::List>(r#"{"workspaceId":"nope"}"#);
        assert_eq!(
            text,
            "ArgumentValidationError: Value does not match validator.\nPath: .workspaceId\nValidator: \
             v.id(\"workspaces\")"
        );
    }

    #[test]
    fn nul_is_refused_and_null_inside_free_values_is_not() {
        let (ws, nul) = (WorkspaceId::generate(), "\\u0000");
        let (field, _) = refusal::<widget_sessions::Boot>(&format!(r#"{{"workspaceId":"{ws}","sessionId":"a{nul}"}}"#));
        assert_eq!(field, "sessionId");
        let request = format!(r#"{{"workspaceId":"{ws}","sessionId":"s","customAttributes":{{"a":null}}}}"#);
        parse::<widget_sessions::Boot>(&request).unwrap();
        // A backslash followed by letters is no NUL.
        let request = format!(r#"{{"workspaceId":"{ws}","sessionId":"\\u0000"}}"#);
        parse::<widget_sessions::Boot>(&request).unwrap();
    }

    #[test]
    fn a_text_that_is_too_long_names_its_limit() {
        let long = "x".repeat(600);
        let (field, text) = refusal::<visitors::GetBySession>(&format!(r#"{{"sessionId":"{long}"}}"#));
        assert_eq!(field, "sessionId");
        assert_eq!(text, "sessionId must be at most 512 long");
    }

    #[test]
    fn arguments_that_are_no_object_are_refused() {
        for bad in ["1", "[]", "\"x\""] {
            refusal::<conversations::List>(bad);
        }
    }
}
