//! Rules as the API's document describes them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Condition, CountOperator, FlatRule, Group, Junction, Operator, Rule, RuleOrSegment, Source};

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "AudienceCondition".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "type": { "enum": ["condition"] },
                "property": {
                    "type": "object",
                    "properties": {
                        "source": generator.subschema_for::<Source>(),
                        "key": { "type": "string" },
                        "eventFilter": {
                            "type": "object",
                            "properties": {
                                "name": { "type": "string" },
                                "countOperator": generator.subschema_for::<CountOperator>(),
                                "count": { "type": "number" },
                                "withinDays": { "type": "number" },
                            },
                            "required": ["name"],
                            "additionalProperties": false,
                        },
                    },
                    "required": ["source", "key"],
                    "additionalProperties": false,
                },
                "operator": generator.subschema_for::<Operator>(),
                "value": { "description": "A text, a number or a truth value." },
            },
            "required": ["type", "property", "operator"],
            "additionalProperties": false,
        })
    }
}

impl<T: JsonSchema> JsonSchema for Group<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Group_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "type": { "enum": ["group"] },
                "operator": generator.subschema_for::<Junction>(),
                "conditions": { "type": "array", "items": generator.subschema_for::<T>() },
            },
            "required": ["type", "operator", "conditions"],
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for FlatRule {
    fn schema_name() -> Cow<'static, str> {
        "FlatAudienceRule".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            generator.subschema_for::<Condition>(), generator.subschema_for::<Group<Condition>>(),
        ] })
    }
}

impl JsonSchema for Rule {
    fn schema_name() -> Cow<'static, str> {
        "AudienceRule".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            generator.subschema_for::<Condition>(), generator.subschema_for::<Group<FlatRule>>(),
        ] })
    }
}

impl<S: JsonSchema> JsonSchema for RuleOrSegment<S> {
    fn schema_name() -> Cow<'static, str> {
        "AudienceRuleOrSegment".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            generator.subschema_for::<Rule>(),
            {
                "type": "object",
                "properties": { "segmentId": generator.subschema_for::<S>() },
                "required": ["segmentId"],
                "additionalProperties": false,
            },
        ] })
    }
}
