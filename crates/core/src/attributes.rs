//! JSON values that callers choose freely: custom attributes, metadata, form data.
//!
//! Keys are checked on the way in, because one key that the official JavaScript client refuses freezes every
//! subscription of a page; numbers are floats on the way out, as everywhere on the wire.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// The most keys of one object.
const MAX_KEYS: usize = 1024;
/// The most elements of one array.
const MAX_ELEMENTS: usize = 8192;
/// The deepest nesting.
const MAX_DEPTH: usize = 16;
/// The longest key.
const MAX_KEY_LENGTH: usize = 1024;

/// Any JSON value that all official clients accept.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
pub struct Json(Value);

/// A visitor's custom attributes: text keys to scalars, arrays of scalars, or objects up to two levels deep.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
pub struct Attributes(BTreeMap<String, Value>);

impl Json {
    /// The value, checked.
    pub fn new(value: Value) -> Result<Self, String> {
        check_value(&value, 0)?;
        Ok(Self(value))
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl Attributes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// These attributes with those of `upper` laid over them, key by key.
    #[must_use]
    pub fn overlaid_by(mut self, upper: &Self) -> Self {
        self.0
            .extend(upper.0.iter().map(|(key, value)| (key.clone(), value.clone())));
        self
    }

    /// Bytes of the JSON text, for size limits.
    pub fn json_size(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

fn check_key(key: &str) -> Result<(), String> {
    if key.len() > MAX_KEY_LENGTH || !key.bytes().all(|b| (32..=126).contains(&b)) || key.starts_with('$') {
        let shown: String = key.chars().take(40).collect();
        return Err(format!(
            "Field name {shown:?} is not allowed: at most {MAX_KEY_LENGTH} printable ASCII characters, not starting with $"
        ));
    }
    Ok(())
}

fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("Value is nested more than {MAX_DEPTH} levels deep"));
    }
    match value {
        Value::Object(fields) => {
            if fields.len() > MAX_KEYS {
                return Err(format!("Object has more than {MAX_KEYS} fields"));
            }
            fields.iter().try_for_each(|(key, value)| {
                check_key(key)?;
                check_value(value, depth + 1)
            })
        }
        Value::Array(elements) => {
            if elements.len() > MAX_ELEMENTS {
                return Err(format!("Array has more than {MAX_ELEMENTS} elements"));
            }
            elements.iter().try_for_each(|element| check_value(element, depth + 1))
        }
        _ => Ok(()),
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn check_attribute(key: &str, value: &Value) -> Result<(), String> {
    if key.is_empty() || key.starts_with('_') {
        return Err(format!(
            "Field name {key:?} is not allowed: not empty and not starting with _"
        ));
    }
    let scalars = |elements: &[Value]| elements.iter().all(is_scalar);
    let fits = match value {
        Value::Array(elements) => scalars(elements),
        Value::Object(fields) => fields.values().all(|field| match field {
            Value::Array(elements) => scalars(elements),
            Value::Object(inner) => inner.values().all(is_scalar),
            _ => true,
        }),
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "Value of {key:?} is nested too deep. Value does not match validator."
        ))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WithFloats(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        check_value(&value, 0).map_err(de::Error::custom)?;
        let Value::Object(fields) = value else {
            return Err(de::Error::custom("Value does not match validator."));
        };
        fields
            .iter()
            .try_for_each(|(key, value)| check_attribute(key, value))
            .map_err(de::Error::custom)?;
        Ok(Self(fields.into_iter().collect()))
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, WithFloats(value))))
    }
}

/// Writes every number with a point.
struct WithFloats<'a>(&'a Value);

impl Serialize for WithFloats<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => match number.as_f64() {
                Some(float) => serializer.serialize_f64(float),
                None => number.serialize(serializer),
            },
            Value::Array(elements) => {
                let mut seq = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    seq.serialize_element(&WithFloats(element))?;
                }
                seq.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, &WithFloats(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Any JSON value; keys are printable ASCII and do not start with `$`." })
    }
}

impl JsonSchema for Attributes {
    fn schema_name() -> Cow<'static, str> {
        "Attributes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": true,
            "description": "Custom attributes: scalars, arrays of scalars, or objects up to two levels deep. Keys are \
                            printable ASCII and do not start with `$` or `_`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(text: &str) -> Result<Attributes, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn attributes_nest_two_objects_deep_and_no_deeper() {
        for good in [
            r#"{}"#,
            r#"{"a":1,"b":"x","c":null,"d":true,"e":[1,"x",null]}"#,
            r#"{"company":{"name":"x","tags":["a"],"plan":{"tier":1}}}"#,
        ] {
            attributes(good).unwrap();
        }
        for bad in [
            r#"[]"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":[{"b":1}]}"#,
            r#"{"a":{"b":{"c":{}}}}"#,
            r#"{"a":{"b":{"c":[1]}}}"#,
            r#"{"":1}"#,
            r#"{"_a":1}"#,
            r#"{"$a":1}"#,
            r#"{"a":{"$b":1}}"#,
            r#"{"ä":1}"#,
        ] {
            attributes(bad).unwrap_err();
        }
    }

    #[test]
    fn numbers_leave_as_floats() {
        let text = serde_json::to_string(&attributes(r#"{"a":[1,2.5],"b":{"c":3}}"#).unwrap()).unwrap();
        assert_eq!(text, r#"{"a":[1.0,2.5],"b":{"c":3.0}}"#);
    }

    #[test]
    fn upper_attributes_win() {
        let lower = Attributes::from_iter([("a", 1), ("b", 2)]);
        let upper = Attributes::from_iter([("b", 3)]);
        assert_eq!(lower.overlaid_by(&upper), Attributes::from_iter([("a", 1), ("b", 3)]));
    }
}
