//! The arguments of a call as they are sent, and their one form for comparing.

use opencom_core::{Error, Result};
use serde_json::Value;
use serde_json::value::RawValue;

/// The arguments of a call: an object, sent as itself or as the only element of a list. Nothing counts as `{}`.
///
/// # Errors
/// `INVALID_INPUT` for anything else.
pub fn of_call(args: Option<&RawValue>) -> Result<&str> {
    let Some(args) = args else { return Ok("{}") };
    let mut text = args.get().trim_start();
    if text.starts_with('[') {
        let list: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|error| Error::invalid("args", error.to_string()))?;
        text = match list.as_slice() {
            [] => "{}",
            [one] => one.get(),
            _ => return Err(Error::invalid("args", "args must have exactly one element.")),
        };
    }
    match text {
        "null" => Ok("{}"),
        text if text.starts_with('{') => Ok(text),
        _ => Err(Error::invalid(
            "args",
            "args must be an object, or a list with one object.",
        )),
    }
}

/// Arguments in the form in which equal ones are equal texts: keys sorted, every number a float, no white space.
///
/// # Errors
/// `INVALID_INPUT` for a text that is not JSON.
pub fn canonical(text: &str) -> Result<String> {
    let value: Value = serde_json::from_str(text).map_err(|error| Error::invalid("args", error.to_string()))?;
    serde_json::to_string(&sorted(value)).map_err(Error::internal)
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Number(number), Value::from),
        Value::Array(elements) => elements.into_iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            fields.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_arguments_have_one_form() {
        let one = canonical(r#"{"b":3,"a":[{"y":null,"x":"3"}]}"#).unwrap();
        assert_eq!(one, r#"{"a":[{"x":"3","y":null}],"b":3.0}"#);
        for same in [
            r#"{"a":[{"x":"3","y":null}],"b":3.0}"#,
            r#"{ "b": 3e0, "a": [ {"x":"3","y":null} ] }"#,
        ] {
            assert_eq!(canonical(same).unwrap(), one);
        }
        assert_ne!(canonical(r#"{"a":[{"x":3,"y":null}],"b":3}"#).unwrap(), one);
    }

    #[test]
    fn arguments_are_an_object_or_a_list_of_one() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(of_call(None).unwrap(), "{}");
        for (sent, meant) in [
            ("null", "{}"),
            ("[]", "{}"),
            ("[null]", "{}"),
            ("{}", "{}"),
            (r#"[{"a":1}]"#, r#"{"a":1}"#),
        ] {
            assert_eq!(of_call(Some(&raw(sent))).unwrap(), meant);
        }
        for wrong in ["1", "[1]", "[{},{}]", "\"x\""] {
            of_call(Some(&raw(wrong))).unwrap_err();
        }
    }
}
