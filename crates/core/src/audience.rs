//! Audience rules: whom something is for, as conditions on a visitor. Every context that targets visitors stores,
//! checks and evaluates them here.
//!
//! A [`Rule`] is one condition or a group of conditions, at most two groups deep. [`Rule::matches`] decides from
//! [`Facts`] alone; event counts are fetched before, for the [`Rule::event_windows`] that the rule asks about.

mod evaluate;
mod parse;
mod schema;

pub use evaluate::{EventCounts, EventWindow, Facts};
pub use parse::RuleError;

use serde::{Serialize, Serializer};
use serde_json::Value;

crate::text_enum! {
    /// How the visitor's value is compared with the rule's.
    pub enum Operator {
        /// Same type and same value.
        Equals = "equals",
        /// The opposite.
        NotEquals = "not_equals",
        /// The text has this text in it, letter case aside.
        Contains = "contains",
        /// The opposite; true for whatever is no text.
        NotContains = "not_contains",
        /// The text starts with this one, letter case aside.
        StartsWith = "starts_with",
        /// The text ends with this one, letter case aside.
        EndsWith = "ends_with",
        /// Numbers only.
        GreaterThan = "greater_than",
        /// Numbers only.
        LessThan = "less_than",
        /// Numbers only.
        GreaterThanOrEquals = "greater_than_or_equals",
        /// Numbers only.
        LessThanOrEquals = "less_than_or_equals",
        /// There is a value, and it is not the empty text.
        IsSet = "is_set",
        /// The opposite.
        IsNotSet = "is_not_set",
    }
}

crate::text_enum! {
    /// Where a condition's value comes from.
    pub enum Source {
        /// A field of the visitor.
        System = "system",
        /// A custom attribute.
        Custom = "custom",
        /// The number of the visitor's events.
        Event = "event",
    }
}

crate::text_enum! {
    /// How an event count is compared.
    pub enum CountOperator {
        /// That many or more.
        AtLeast = "at_least",
        /// That many or fewer.
        AtMost = "at_most",
        /// Just as many.
        Exactly = "exactly",
    }
}

crate::text_enum! {
    /// How the parts of a group are joined.
    pub enum Junction {
        /// All of them. True for none.
        And = "and",
        /// One of them. True for none as well.
        Or = "or",
    }
}

/// What a condition compares with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
}

/// Which of a visitor's events are counted, and what the count has to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventFilter {
    /// The event's exact name.
    pub name: String,
    /// Absent: `at_least`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_operator: Option<CountOperator>,
    /// Absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<f64>,
    /// Only events of the last so many days, fractions allowed. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_days: Option<f64>,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    /// Where the value comes from.
    pub source: Source,
    /// The field or attribute; ignored for events.
    pub key: String,
    /// The events that are counted; ignored for everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_filter: Option<EventFilter>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What is looked at.
    pub property: Property,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: Option<Scalar>,
}

/// Several parts under one junction.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<T> {
    /// How they are joined.
    pub operator: Junction,
    /// The parts, from left to right.
    pub conditions: Vec<T>,
}

/// A rule with at most one level of groups: a part of a [`Rule`]'s group, and what series blocks take.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FlatRule {
    /// One comparison.
    Condition(Condition),
    /// Several.
    Group(Group<Condition>),
}

/// A rule with at most two levels of groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Rule {
    /// One comparison.
    Condition(Condition),
    /// Several, or groups of them.
    Group(Group<FlatRule>),
}

/// A rule, or the segment of this id whose rule counts as it is at the time of evaluation.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleOrSegment<S> {
    /// A rule of its own.
    Rule(Rule),
    /// A segment's.
    Segment(S),
}

impl Rule {
    /// A rule as it is stored; `None` for what is no rule, which older data may have and which restricts nobody.
    pub fn from_stored(value: &Value) -> Option<Self> {
        Self::from_value(value).ok()
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tagged<'a> {
            r#type: &'static str,
            property: &'a Property,
            operator: Operator,
            #[serde(skip_serializing_if = "Option::is_none")]
            value: Option<&'a Scalar>,
        }
        let tagged = Tagged {
            r#type: "condition",
            property: &self.property,
            operator: self.operator,
            value: self.value.as_ref(),
        };
        tagged.serialize(serializer)
    }
}

impl<T: Serialize> Serialize for Group<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            r#type: &'static str,
            operator: Junction,
            conditions: &'a [T],
        }
        let tagged = Tagged {
            r#type: "group",
            operator: self.operator,
            conditions: &self.conditions,
        };
        tagged.serialize(serializer)
    }
}

impl<S: Serialize> Serialize for RuleOrSegment<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Reference<'a, S> {
            segment_id: &'a S,
        }
        match self {
            Self::Rule(rule) => rule.serialize(serializer),
            Self::Segment(segment_id) => Reference { segment_id }.serialize(serializer),
        }
    }
}
