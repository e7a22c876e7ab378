//! Numbers as they travel: every number on the wire is a float written with a point (`3.0`), because one official
//! client refuses JSON integers. Inside, integers stay integers.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A whole number; a fraction in the input is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int(pub i64);

/// A moment in whole milliseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Timestamptz))]
pub struct Millis(pub i64);

impl Millis {
    /// One second in milliseconds.
    pub const SECOND: i64 = 1000;
    /// One minute in milliseconds.
    pub const MINUTE: i64 = 60 * Self::SECOND;
    /// One hour in milliseconds.
    pub const HOUR: i64 = 60 * Self::MINUTE;
    /// One day in milliseconds.
    pub const DAY: i64 = 24 * Self::HOUR;

    /// This moment and `ms` milliseconds later (earlier when negative).
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same moment as a calendar time; the far ends of the calendar for values beyond it.
    pub fn to_datetime(self) -> DateTime<Utc> {
        let end = if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        };
        DateTime::from_timestamp_millis(self.0).unwrap_or(end)
    }
}

impl From<DateTime<Utc>> for Millis {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl From<i64> for Int {
    fn from(value: i64) -> Self {
        Self(value)
    }
}

impl From<i32> for Int {
    fn from(value: i32) -> Self {
        Self(value.into())
    }
}

impl From<usize> for Int {
    fn from(value: usize) -> Self {
        Self(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

struct WholeNumber;

impl de::Visitor<'_> for WholeNumber {
    type Value = i64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_i64<E>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }
    fn visit_u64<E>(self, value: u64) -> Result<i64, E> {
        Ok(i64::try_from(value).unwrap_or(i64::MAX))
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cutting off and saturating is what is wanted"
    )]
    fn visit_f64<E>(self, value: f64) -> Result<i64, E> {
        Ok(value as i64)
    }
}

macro_rules! whole_number_on_the_wire {
    ($type:ident, $description:literal, $example:literal) => {
        impl Serialize for $type {
            #[expect(clippy::cast_precision_loss, reason = "the wire has no other numbers")]
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(self.0 as f64)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_f64(WholeNumber).map(Self)
            }
        }
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", "description": $description, "examples": [$example] })
            }
        }
    };
}

whole_number_on_the_wire!(Int, "A whole number.", 3.0);
whole_number_on_the_wire!(Millis, "Milliseconds since the epoch.", 1_762_000_000_000.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_a_point() {
        assert_eq!(serde_json::to_string(&Int(3)).unwrap(), "3.0");
        assert_eq!(
            serde_json::to_string(&Millis(1_732_271_211_000)).unwrap(),
            "1732271211000.0"
        );
    }

    #[test]
    fn numbers_are_read_with_and_without_a_point() {
        for (text, value) in [("3", 3), ("3.0", 3), ("3.9", 3), ("-1", -1), ("1e300", i64::MAX)] {
            assert_eq!(serde_json::from_str::<Int>(text).unwrap(), Int(value), "{text}");
        }
        assert!(serde_json::from_str::<Int>("\"3\"").is_err());
        assert!(serde_json::from_str::<Int>("null").is_err());
    }
}
