//! From JSON to a rule, strictly: an unknown field, a missing one or a wrong type is refused with its place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::{Condition, EventFilter, FlatRule, Group, Property, Rule, RuleOrSegment, Scalar};

/// The longest key, name or text of a condition, in characters.
const LONGEST_TEXT: usize = 4096;
/// The most parts of one group.
const MOST_PARTS: usize = 1000;

/// Why a value is no rule, in serde's words, and where: `conditions[1].property`, or empty for the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub path: String,
}

/// Between the message and the place in the text of an error.
const INSIDE: &str = "\nInside: ";

impl RuleError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: String::new(),
        }
    }

    fn mismatch() -> Self {
        Self::new("Value does not match validator.")
    }

    /// The same error, seen from one level further out.
    fn inside(self, step: &str) -> Self {
        let path = match self.path.as_str() {
            "" => step.to_owned(),
            rest if rest.starts_with('[') => format!("{step}{rest}"),
            rest => format!("{step}.{rest}"),
        };
        Self { path, ..self }
    }

    /// The message and the place, out of the text of an error of serde's that came from here.
    pub fn split(text: &str) -> (&str, &str) {
        text.split_once(INSIDE).unwrap_or((text, ""))
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(f, "{INSIDE}{}", self.path)
    }
}

impl std::error::Error for RuleError {}

type Parsed<T> = Result<T, RuleError>;

/// An object whose fields are taken out one by one; what is left at the end is unknown.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value) -> Parsed<Self> {
        let object = value.as_object().ok_or_else(RuleError::mismatch)?;
        Ok(Self {
            object,
            known: Vec::new(),
        })
    }

    fn optional<T>(&mut self, name: &'static str, parse: impl FnOnce(&'a Value) -> Parsed<T>) -> Parsed<Option<T>> {
        self.known.push(name);
        let field = self.object.get(name).map(parse);
        field.transpose().map_err(|error| error.inside(name))
    }

    fn required<T>(&mut self, name: &'static str, parse: impl FnOnce(&'a Value) -> Parsed<T>) -> Parsed<T> {
        self.optional(name, parse)?
            .ok_or_else(|| RuleError::new(format!("missing field `{name}`")))
    }

    fn done(self) -> Parsed<()> {
        match self.object.keys().find(|name| !self.known.contains(&name.as_str())) {
            None => Ok(()),
            Some(extra) => {
                let shown: String = extra.chars().take(100).collect();
                Err(RuleError::new(format!("unknown field `{shown}`")).inside(&shown))
            }
        }
    }
}

fn text(value: &Value) -> Parsed<String> {
    let text = value.as_str().ok_or_else(RuleError::mismatch)?;
    if text.chars().count() > LONGEST_TEXT {
        return Err(RuleError::new(format!("must be at most {LONGEST_TEXT} long")));
    }
    Ok(text.to_owned())
}

fn number(value: &Value) -> Parsed<f64> {
    value.as_f64().ok_or_else(RuleError::mismatch)
}

/// One of the texts of an enum.
fn choice<T>(from_text: fn(&str) -> Option<T>) -> impl Fn(&Value) -> Parsed<T> {
    move |value| value.as_str().and_then(from_text).ok_or_else(RuleError::mismatch)
}

fn scalar(value: &Value) -> Parsed<Scalar> {
    match value {
        Value::String(_) => text(value).map(Scalar::Text),
        Value::Number(_) => number(value).map(Scalar::Number),
        Value::Bool(flag) => Ok(Scalar::Bool(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(RuleError::mismatch()),
    }
}

fn event_filter(value: &Value) -> Parsed<EventFilter> {
    let mut fields = Fields::of(value)?;
    let filter = EventFilter {
        name: fields.required("name", text)?,
        count_operator: fields.optional("countOperator", choice(super::CountOperator::from_text))?,
        count: fields.optional("count", number)?,
        within_days: fields.optional("withinDays", number)?,
    };
    fields.done()?;
    Ok(filter)
}

fn property(value: &Value) -> Parsed<Property> {
    let mut fields = Fields::of(value)?;
    let property = Property {
        source: fields.required("source", choice(super::Source::from_text))?,
        key: fields.required("key", text)?,
        event_filter: fields.optional("eventFilter", event_filter)?,
    };
    fields.done()?;
    Ok(property)
}

fn condition(mut fields: Fields<'_>) -> Parsed<Condition> {
    let condition = Condition {
        property: fields.required("property", property)?,
        operator: fields.required("operator", choice(super::Operator::from_text))?,
        value: fields.optional("value", scalar)?,
    };
    fields.done()?;
    Ok(condition)
}

fn group<T>(mut fields: Fields<'_>, part: fn(&Value) -> Parsed<T>) -> Parsed<Group<T>> {
    let operator = fields.required("operator", choice(super::Junction::from_text))?;
    let conditions = fields.required("conditions", |value| {
        let parts = value.as_array().ok_or_else(RuleError::mismatch)?;
        if parts.len() > MOST_PARTS {
            return Err(RuleError::new(format!("must be at most {MOST_PARTS} long")));
        }
        let parts = parts.iter().enumerate();
        parts
            .map(|(index, value)| part(value).map_err(|error| error.inside(&format!("[{index}]"))))
            .collect()
    })?;
    fields.done()?;
    Ok(Group { operator, conditions })
}

/// Whether an object says that it is a group; otherwise it has to be a condition.
fn is_group(fields: &mut Fields<'_>) -> Parsed<bool> {
    fields.required("type", |value| match value.as_str() {
        Some("group") => Ok(true),
        Some("condition") => Ok(false),
        _ => Err(RuleError::mismatch()),
    })
}

fn plain_condition(value: &Value) -> Parsed<Condition> {
    let mut fields = Fields::of(value)?;
    if is_group(&mut fields)? {
        return Err(RuleError::mismatch().inside("type"));
    }
    condition(fields)
}

impl FlatRule {
    /// The rule that a JSON value is.
    pub fn from_value(value: &Value) -> Result<Self, RuleError> {
        let mut fields = Fields::of(value)?;
        if is_group(&mut fields)? {
            group(fields, plain_condition).map(Self::Group)
        } else {
            condition(fields).map(Self::Condition)
        }
    }
}

impl Rule {
    /// The rule that a JSON value is.
    pub fn from_value(value: &Value) -> Result<Self, RuleError> {
        let mut fields = Fields::of(value)?;
        if is_group(&mut fields)? {
            group(fields, FlatRule::from_value).map(Self::Group)
        } else {
            condition(fields).map(Self::Condition)
        }
    }
}

impl<S: FromStr<Err: fmt::Display>> RuleOrSegment<S> {
    /// The rule or reference that a JSON value is. A reference carries nothing else.
    pub fn from_value(value: &Value) -> Result<Self, RuleError> {
        let mut fields = Fields::of(value)?;
        let segment = fields.optional("segmentId", |value| {
            let id = value.as_str().ok_or_else(RuleError::mismatch)?;
            id.parse().map_err(|error: S::Err| RuleError::new(error.to_string()))
        })?;
        match segment {
            None => Rule::from_value(value).map(Self::Rule),
            Some(segment) => fields.done().map(|()| Self::Segment(segment)),
        }
    }
}

impl<'de> Deserialize<'de> for FlatRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de, S: FromStr<Err: fmt::Display>> Deserialize<'de> for RuleOrSegment<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{CountOperator, Junction, Operator, Source};
    use super::*;
    use crate::id::UserId;

    fn condition_json() -> Value {
        json!({
            "type": "condition",
            "property": {
                "source": "event", "key": "event",
                "eventFilter": { "name": "page_view", "countOperator": "at_most", "count": 2.0, "withinDays": 0.5 },
            },
            "operator": "equals",
            "value": 5.0,
        })
    }

    #[test]
    fn groups_nest_twice_and_no_deeper() {
        let inner = json!({ "type": "group", "operator": "or", "conditions": [condition_json()] });
        let outer = json!({ "type": "group", "operator": "and", "conditions": [inner, condition_json()] });
        let third = json!({ "type": "group", "operator": "and", "conditions": [outer] });
        for good in [&condition_json(), &inner, &outer] {
            assert_eq!(serde_json::to_value(Rule::from_value(good).unwrap()).unwrap(), *good);
        }
        assert_eq!(
            Rule::from_value(&third).unwrap_err().path,
            "conditions[0].conditions[0].type"
        );
        assert!(FlatRule::from_value(&inner).is_ok());
        assert_eq!(FlatRule::from_value(&outer).unwrap_err().path, "conditions[0].type");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let change = |pointer: &str, field: &str, value: Value| {
            let mut rule = condition_json();
            rule.pointer_mut(pointer).unwrap()[field] = value;
            rule
        };
        let long = json!("x".repeat(LONGEST_TEXT + 1));
        let mismatch = "Value does not match validator.";
        for (value, message, path) in [
            (json!([]), mismatch, ""),
            (json!({}), "missing field `type`", ""),
            (json!({ "type": "segment" }), mismatch, "type"),
            (json!({ "type": "condition" }), "missing field `property`", ""),
            (
                json!({ "type": "group", "operator": "and" }),
                "missing field `conditions`",
                "",
            ),
            (
                json!({ "type": "group", "operator": "xor", "conditions": [] }),
                mismatch,
                "operator",
            ),
            (change("", "bogus", json!(1)), "unknown field `bogus`", "bogus"),
            (change("", "value", Value::Null), mismatch, "value"),
            (change("", "value", json!([1])), mismatch, "value"),
            (change("/property", "key", json!(1)), mismatch, "property.key"),
            (
                change("/property", "source", json!("segment")),
                mismatch,
                "property.source",
            ),
            (
                change("/property", "key", long),
                "must be at most 4096 long",
                "property.key",
            ),
            (
                change("/property/eventFilter", "x", json!(1)),
                "unknown field `x`",
                "property.eventFilter.x",
            ),
            (
                change("/property/eventFilter", "count", json!("1")),
                mismatch,
                "property.eventFilter.count",
            ),
        ] {
            let error = Rule::from_value(&value).unwrap_err();
            assert_eq!(
                (error.message.as_str(), error.path.as_str()),
                (message, path),
                "{value}"
            );
            assert_eq!(RuleError::split(&error.to_string()), (message, path));
        }
    }

    #[test]
    fn a_reference_to_a_segment_carries_nothing_else() {
        type Reference = RuleOrSegment<UserId>;
        let id = UserId::generate();
        let parsed = Reference::from_value(&json!({ "segmentId": id })).unwrap();
        assert_eq!(parsed, RuleOrSegment::Segment(id));
        assert_eq!(serde_json::to_value(&parsed).unwrap(), json!({ "segmentId": id }));
        Reference::from_value(&condition_json()).unwrap();
        let mut both = condition_json();
        both["segmentId"] = json!(id);
        assert!(Reference::from_value(&both).is_err());
        assert!(Reference::from_value(&json!({ "segmentId": "nope" })).is_err());
        let nested = json!({ "type": "group", "operator": "and", "conditions": [{ "segmentId": id }] });
        assert!(Reference::from_value(&nested).is_err());
    }

    fn any_condition() -> impl Strategy<Value = Condition> {
        let filter = (
            ".{0,8}",
            prop::option::of(0_usize..3),
            prop::option::of(-1e6..1e6),
            prop::option::of(-1e3..1e3),
        )
            .prop_map(|(name, operator, count, within_days)| EventFilter {
                name,
                count_operator: operator.map(|index| CountOperator::ALL[index]),
                count,
                within_days,
            });
        let value = prop_oneof![
            ".{0,8}".prop_map(Scalar::Text),
            (-1e9..1e9).prop_map(Scalar::Number),
            any::<bool>().prop_map(Scalar::Bool),
        ];
        (
            0_usize..3,
            ".{0,8}",
            prop::option::of(filter),
            0_usize..12,
            prop::option::of(value),
        )
            .prop_map(|(source, key, event_filter, operator, value)| Condition {
                property: Property {
                    source: Source::ALL[source],
                    key,
                    event_filter,
                },
                operator: Operator::ALL[operator],
                value,
            })
    }

    fn any_junction() -> impl Strategy<Value = Junction> {
        prop_oneof![Just(Junction::And), Just(Junction::Or)]
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        let inner = (any_junction(), prop::collection::vec(any_condition(), 0..3))
            .prop_map(|(operator, conditions)| FlatRule::Group(Group { operator, conditions }));
        let part = prop_oneof![any_condition().prop_map(FlatRule::Condition), inner];
        prop_oneof![
            any_condition().prop_map(Rule::Condition),
            (any_junction(), prop::collection::vec(part, 0..3))
                .prop_map(|(operator, conditions)| Rule::Group(Group { operator, conditions })),
        ]
    }

    proptest! {
        #[test]
        fn a_rule_survives_being_written_and_read(rule in any_rule()) {
            let text = serde_json::to_string(&rule).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), rule);
        }
    }
}
