//! Whether a visitor is among those whom a rule means.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Condition, CountOperator, EventFilter, FlatRule, Group, Junction, Operator, Property, Rule, Scalar, Source,
};
use crate::{Attributes, Millis};

/// What is known of a visitor. Absent fields are missing values, not errors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Their address.
    pub email: Option<&'a str>,
    /// Their name.
    pub name: Option<&'a str>,
    /// Their id in the customer's own system.
    pub external_user_id: Option<&'a str>,
    /// The page they came from.
    pub referrer: Option<&'a str>,
    /// Their first boot.
    pub first_seen_at: Option<Millis>,
    /// Their last sign of life.
    pub last_seen_at: Option<Millis>,
    /// `desktop`, `mobile` …
    pub device_type: Option<&'a str>,
    /// The browser's name.
    pub browser: Option<&'a str>,
    /// The operating system.
    pub os: Option<&'a str>,
    /// The country's name.
    pub country: Option<&'a str>,
    /// The country's code.
    pub country_code: Option<&'a str>,
    /// The city's name.
    pub city: Option<&'a str>,
    /// The region's name.
    pub region: Option<&'a str>,
    /// Custom attributes.
    pub custom: Option<&'a Attributes>,
}

/// Which events of a visitor are to be counted: those of this exact name, of every type, and, when `within_days` is
/// given, not older than that.
#[derive(Clone, Debug, PartialEq)]
pub struct EventWindow {
    /// The event's name.
    pub name: String,
    /// Days back from now.
    pub within_days: Option<f64>,
}

impl EventWindow {
    /// The oldest moment that still counts; `None`: all do.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "times of ours are far below 2^53 milliseconds, and beyond the ends saturating is right"
    )]
    pub fn since(&self, now: Millis) -> Option<Millis> {
        let days = self.within_days?;
        Some(Millis((now.0 as f64 - days * Millis::DAY as f64).ceil() as i64))
    }

    fn key(&self) -> (String, Option<u64>) {
        (self.name.clone(), self.within_days.map(f64::to_bits))
    }
}

impl From<&EventFilter> for EventWindow {
    fn from(filter: &EventFilter) -> Self {
        Self {
            name: filter.name.clone(),
            within_days: filter.within_days,
        }
    }
}

/// How many events of a visitor there are in each window; 0 where nothing was counted.
#[derive(Clone, Debug, Default)]
pub struct EventCounts(HashMap<(String, Option<u64>), u64>);

impl EventCounts {
    /// Takes note of a count.
    pub fn insert(&mut self, window: &EventWindow, count: u64) {
        self.0.insert(window.key(), count);
    }

    fn of(&self, window: &EventWindow) -> u64 {
        self.0.get(&window.key()).copied().unwrap_or(0)
    }
}

/// A visitor's value, as far as comparing goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Actual<'a> {
    Missing,
    Null,
    Text(&'a str),
    Number(f64),
    Bool(bool),
    /// A list or an object: set, and equal to nothing.
    Other,
}

impl<'a> Actual<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Missing, Self::Text)
    }

    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 milliseconds")]
    fn time(time: Option<Millis>) -> Self {
        time.map_or(Self::Missing, |time| Self::Number(time.0 as f64))
    }

    fn json(value: Option<&'a Value>) -> Self {
        match value {
            None => Self::Missing,
            Some(Value::Null) => Self::Null,
            Some(Value::String(text)) => Self::Text(text),
            Some(Value::Number(number)) => number.as_f64().map_or(Self::Other, Self::Number),
            Some(Value::Bool(flag)) => Self::Bool(*flag),
            Some(Value::Array(_) | Value::Object(_)) => Self::Other,
        }
    }

    fn is_set(self) -> bool {
        !matches!(self, Self::Missing | Self::Null | Self::Text(""))
    }

    fn equals(self, expected: Option<&Scalar>) -> bool {
        match (self, expected) {
            (Self::Missing, None) => true,
            (Self::Text(a), Some(Scalar::Text(e))) => a == e,
            (Self::Bool(a), Some(Scalar::Bool(e))) => a == *e,
            (Self::Bool(a), Some(Scalar::Text(e))) => e == if a { "true" } else { "false" },
            _ => self.numbers(expected).is_some_and(|(a, e)| a == e),
        }
    }

    /// Both sides as numbers: the rule's may be a text that reads as one, the visitor's may not.
    fn numbers(self, expected: Option<&Scalar>) -> Option<(f64, f64)> {
        let Self::Number(a) = self else { return None };
        match expected? {
            Scalar::Number(e) => Some((a, *e)),
            Scalar::Text(e) => decimal(e).map(|e| (a, e)),
            Scalar::Bool(_) => None,
        }
    }

    /// Both sides as texts in lower case.
    fn texts(self, expected: Option<&Scalar>) -> Option<(String, String)> {
        match (self, expected) {
            (Self::Text(a), Some(Scalar::Text(e))) => Some((a.to_lowercase(), e.to_lowercase())),
            _ => None,
        }
    }
}

/// A decimal number such as `5`, `-1.5` or `1600000000000`, and nothing that merely starts like one.
fn decimal(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let reads = match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    };
    if reads { text.parse().ok() } else { None }
}

impl Facts<'_> {
    fn value(&self, property: &Property) -> Actual<'_> {
        if property.source == Source::Custom {
            return Actual::json(self.custom.and_then(|custom| custom.get(&property.key)));
        }
        match property.key.as_str() {
            "email" => Actual::text(self.email),
            "name" => Actual::text(self.name),
            "externalUserId" => Actual::text(self.external_user_id),
            "referrer" => Actual::text(self.referrer),
            "firstSeenAt" => Actual::time(self.first_seen_at),
            "lastSeenAt" => Actual::time(self.last_seen_at),
            "device" => Actual::text(self.device_type),
            "browser" => Actual::text(self.browser),
            "os" => Actual::text(self.os),
            "country" => Actual::text(self.country),
            "countryCode" => Actual::text(self.country_code),
            "city" => Actual::text(self.city),
            "region" => Actual::text(self.region),
            _ => Actual::Missing,
        }
    }
}

impl Condition {
    fn matches(&self, visitor: &Facts<'_>, events: &EventCounts) -> bool {
        if self.property.source == Source::Event {
            return (self.property.event_filter.as_ref()).is_some_and(|filter| filter.matches(events));
        }
        let actual = visitor.value(&self.property);
        let expected = self.value.as_ref();
        let numbers = |holds: fn(&f64, &f64) -> bool| actual.numbers(expected).is_some_and(|(a, e)| holds(&a, &e));
        let texts = |holds: fn(&str, &str) -> bool| actual.texts(expected).map(|(a, e)| holds(&a, &e));
        match self.operator {
            Operator::IsSet => actual.is_set(),
            Operator::IsNotSet => !actual.is_set(),
            Operator::Equals => actual.equals(expected),
            Operator::NotEquals => !actual.equals(expected),
            Operator::Contains => texts(|a, e| a.contains(e)).unwrap_or(false),
            Operator::NotContains => texts(|a, e| !a.contains(e)).unwrap_or(true),
            Operator::StartsWith => texts(|a, e| a.starts_with(e)).unwrap_or(false),
            Operator::EndsWith => texts(|a, e| a.ends_with(e)).unwrap_or(false),
            Operator::GreaterThan => numbers(f64::gt),
            Operator::LessThan => numbers(f64::lt),
            Operator::GreaterThanOrEquals => numbers(f64::ge),
            Operator::LessThanOrEquals => numbers(f64::le),
        }
    }
}

impl EventFilter {
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 events")]
    fn matches(&self, events: &EventCounts) -> bool {
        let (n, count) = (events.of(&self.into()) as f64, self.count.unwrap_or(1.0));
        match self.count_operator.unwrap_or(CountOperator::AtLeast) {
            CountOperator::AtLeast => n >= count,
            CountOperator::AtMost => n <= count,
            CountOperator::Exactly => n == count,
        }
    }
}

impl<T> Group<T> {
    fn matches(&self, part: impl Fn(&T) -> bool) -> bool {
        match self.operator {
            Junction::And => self.conditions.iter().all(part),
            Junction::Or => self.conditions.is_empty() || self.conditions.iter().any(part),
        }
    }
}

impl FlatRule {
    /// Whether the visitor is meant.
    pub fn matches(&self, visitor: &Facts<'_>, events: &EventCounts) -> bool {
        match self {
            Self::Condition(condition) => condition.matches(visitor, events),
            Self::Group(group) => group.matches(|condition| condition.matches(visitor, events)),
        }
    }

    fn conditions(&self) -> &[Condition] {
        match self {
            Self::Condition(condition) => std::slice::from_ref(condition),
            Self::Group(group) => &group.conditions,
        }
    }

    /// What has to be counted before the rule can be evaluated.
    pub fn event_windows(&self) -> Vec<EventWindow> {
        windows(self.conditions().iter())
    }
}

impl Rule {
    /// Whether the visitor is meant. `events` has the counts of [`event_windows`](Self::event_windows).
    pub fn matches(&self, visitor: &Facts<'_>, events: &EventCounts) -> bool {
        match self {
            Self::Condition(condition) => condition.matches(visitor, events),
            Self::Group(group) => group.matches(|part| part.matches(visitor, events)),
        }
    }

    /// Every condition, from left to right.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let (one, parts) = match self {
            Self::Condition(condition) => (Some(condition), &[][..]),
            Self::Group(group) => (None, group.conditions.as_slice()),
        };
        one.into_iter().chain(parts.iter().flat_map(FlatRule::conditions))
    }

    /// What has to be counted before the rule can be evaluated.
    pub fn event_windows(&self) -> Vec<EventWindow> {
        windows(self.conditions())
    }
}

fn windows<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Vec<EventWindow> {
    conditions
        .filter(|condition| condition.property.source == Source::Event)
        .filter_map(|condition| condition.property.event_filter.as_ref().map(EventWindow::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes() -> Attributes {
        serde_json::from_value(json!({
            "n": 5, "s": "Pro", "nul": null, "arr": ["a"], "zero": 0, "empty": "", "yes": true,
        }))
        .unwrap()
    }

    fn events() -> EventCounts {
        let mut counts = EventCounts::default();
        for (within_days, count) in [(None, 2), (Some(7.0), 1)] {
            let name = "page_viewed".to_owned();
            counts.insert(&EventWindow { name, within_days }, count);
        }
        counts
    }

    fn holds(rule: Value) -> bool {
        let custom = attributes();
        let visitor = Facts {
            email: Some("x@Example.com"),
            last_seen_at: Some(Millis(1_600_000_000_000)),
            device_type: Some("desktop"),
            custom: Some(&custom),
            ..Facts::default()
        };
        Rule::from_value(&rule).unwrap().matches(&visitor, &events())
    }

    fn condition(source: &str, key: &str, operator: &str, value: Value) -> Value {
        let mut condition = json!({
            "type": "condition", "property": { "source": source, "key": key }, "operator": operator, "value": value,
        });
        if condition["value"].is_null() {
            condition.as_object_mut().unwrap().remove("value");
        }
        condition
    }

    fn event(filter: Value, operator: &str) -> Value {
        let property = json!({ "source": "event", "key": "event", "eventFilter": filter });
        json!({ "type": "condition", "property": property, "operator": operator })
    }

    /// The table of the contract, and what it says in words.
    #[test]
    fn conditions_on_the_visitor() {
        let none = || Value::Null;
        for (source, key, operator, value, expected) in [
            ("system", "email", "contains", json!("EXAMPLE"), true),
            ("system", "email", "equals", json!("x@example.com"), false),
            ("system", "email", "contains", json!(""), true),
            ("system", "email", "starts_with", json!("X@"), true),
            ("system", "email", "ends_with", json!(".COM"), true),
            ("system", "email", "ends_with", json!(5), false),
            ("system", "nosuchkey", "is_not_set", none(), true),
            ("system", "name", "starts_with", json!(""), false),
            ("system", "device", "equals", json!("desktop"), true),
            ("system", "lastSeenAt", "greater_than", json!("1599999999999"), true),
            ("custom", "n", "equals", json!(5), true),
            ("custom", "n", "equals", json!("5"), true),
            ("custom", "n", "equals", json!("5.0"), true),
            ("custom", "n", "equals", json!("6"), false),
            ("custom", "n", "equals", json!(""), false),
            ("custom", "n", "equals", json!("5 apples"), false),
            ("custom", "n", "equals", json!("5e0"), false),
            ("custom", "n", "greater_than", json!(4), true),
            ("custom", "n", "greater_than", json!("4"), true),
            ("custom", "n", "greater_than", json!("abc"), false),
            ("custom", "n", "less_than_or_equals", json!(5), true),
            ("custom", "n", "less_than", json!(5), false),
            ("custom", "n", "greater_than_or_equals", json!("-1.5"), true),
            ("custom", "n", "not_equals", json!("5"), false),
            ("custom", "n", "not_equals", json!("abc"), true),
            ("custom", "n", "contains", json!("5"), false),
            ("custom", "n", "not_contains", json!("5"), true),
            ("custom", "s", "greater_than", json!(1), false),
            ("custom", "s", "equals", json!("pro"), false),
            ("custom", "yes", "equals", json!("true"), true),
            ("custom", "yes", "equals", json!("True"), false),
            ("custom", "yes", "equals", json!(1), false),
            ("custom", "yes", "greater_than", json!(0), false),
            ("custom", "zz", "equals", none(), true),
            ("custom", "zz", "not_equals", json!("a"), true),
            ("custom", "zz", "not_contains", json!("a"), true),
            ("custom", "nul", "is_set", none(), false),
            ("custom", "nul", "equals", none(), false),
            ("custom", "zero", "is_set", none(), true),
            ("custom", "empty", "is_set", none(), false),
            ("custom", "arr", "is_set", none(), true),
            ("custom", "arr", "contains", json!("a"), false),
            ("custom", "arr", "not_contains", json!("a"), true),
            ("custom", "arr", "equals", none(), false),
        ] {
            let rule = condition(source, key, operator, value);
            assert_eq!(holds(rule.clone()), expected, "{rule}");
        }
    }

    #[test]
    fn conditions_on_events() {
        let no_filter = json!({ "type": "condition", "property": { "source": "event", "key": "event" },
                                "operator": "is_not_set" });
        assert!(!holds(no_filter));
        for (filter, expected) in [
            (json!({ "name": "page_viewed" }), true),
            (
                json!({ "name": "page_viewed", "countOperator": "at_least", "count": 2 }),
                true,
            ),
            (
                json!({ "name": "page_viewed", "countOperator": "at_least", "count": 2, "withinDays": 7 }),
                false,
            ),
            (
                json!({ "name": "page_viewed", "countOperator": "exactly", "count": 1, "withinDays": 7 }),
                true,
            ),
            (json!({ "name": "other", "countOperator": "at_most", "count": 0 }), true),
            (json!({ "name": "other", "countOperator": "exactly", "count": 0 }), true),
            (
                json!({ "name": "other", "countOperator": "at_least", "count": 0 }),
                true,
            ),
            (json!({ "name": "Page_viewed" }), false),
        ] {
            for operator in ["equals", "is_not_set"] {
                assert_eq!(holds(event(filter.clone(), operator)), expected, "{filter} {operator}");
            }
        }
    }

    #[test]
    fn groups_join_from_left_to_right_and_an_empty_one_is_true() {
        let yes = || condition("custom", "n", "is_set", Value::Null);
        let no = || condition("custom", "n", "is_not_set", Value::Null);
        let group =
            |operator: &str, parts: Vec<Value>| json!({ "type": "group", "operator": operator, "conditions": parts });
        for (operator, parts, expected) in [
            ("and", vec![], true),
            ("or", vec![], true),
            ("and", vec![yes(), no()], false),
            ("or", vec![no(), yes()], true),
            ("or", vec![no(), no()], false),
            ("and", vec![yes(), group("or", vec![no(), yes()])], true),
            ("or", vec![no(), group("or", vec![])], true),
        ] {
            let rule = group(operator, parts);
            assert_eq!(holds(rule.clone()), expected, "{rule}");
        }
    }

    #[test]
    fn a_window_includes_its_oldest_moment() {
        let window = |within_days| EventWindow {
            name: String::new(),
            within_days,
        };
        let now = Millis(10 * Millis::DAY);
        assert_eq!(window(None).since(now), None);
        assert_eq!(window(Some(7.0)).since(now), Some(Millis(3 * Millis::DAY)));
        assert_eq!(
            window(Some(0.5)).since(now),
            Some(Millis(9 * Millis::DAY + Millis::DAY / 2))
        );
        assert_eq!(window(Some(f64::MAX)).since(now), Some(Millis(i64::MIN)));
    }

    #[test]
    fn a_rule_names_what_it_counts() {
        let one = event(json!({ "name": "a", "withinDays": 7 }), "equals");
        let rule = json!({ "type": "group", "operator": "and", "conditions": [
            one, { "type": "group", "operator": "or", "conditions": [event(json!({ "name": "b" }), "equals")] },
            condition("custom", "n", "is_set", Value::Null),
        ] });
        let windows = Rule::from_value(&rule).unwrap().event_windows();
        let names: Vec<_> = windows
            .iter()
            .map(|window| (window.name.as_str(), window.within_days))
            .collect();
        assert_eq!(names, [("a", Some(7.0)), ("b", None)]);
    }
}
