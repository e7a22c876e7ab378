//! The arguments of a function as data, read off their JSON schema.

use opencom_contract::Descriptor;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};

/// What a value has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An id of this table.
    Id(String),
    /// Any text.
    Text,
    /// One of these texts.
    Choice(Vec<String>),
    Number,
    Boolean,
    /// A list of these.
    List(Box<Shape>),
    /// An object with these fields and, when closed, no others.
    Object {
        fields: Vec<Field>,
        closed: bool,
    },
    /// An object with whatever fields.
    Map,
    /// Any JSON.
    Any,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

/// A field somewhere in the arguments.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    /// Names from the outside in.
    pub(crate) path: Vec<String>,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// Whether the object that it stands in is checked. Entries of an open one may be anything.
    pub(crate) checked: bool,
}

impl Argument {
    /// The path as errors name it.
    pub(crate) fn dotted(&self) -> String {
        self.path.join(".")
    }

    /// The arguments with this one replaced.
    pub(crate) fn set(&self, arguments: &Value, value: Value) -> Value {
        let mut changed = arguments.clone();
        let (last, parents) = self.path.split_last().unwrap();
        let parent = parents
            .iter()
            .fold(&mut changed, |object, name| &mut object[name.as_str()]);
        parent[last.as_str()] = value;
        changed
    }

    /// The arguments without this one.
    pub(crate) fn remove(&self, arguments: &Value) -> Value {
        let mut changed = arguments.clone();
        let (last, parents) = self.path.split_last().unwrap();
        let parent = parents
            .iter()
            .fold(&mut changed, |object, name| &mut object[name.as_str()]);
        parent.as_object_mut().unwrap().shift_remove(last);
        changed
    }
}

/// Every argument of a function, and every field of those that are objects.
pub(crate) fn arguments(function: &Descriptor) -> Vec<Argument> {
    let mut generator = SchemaGenerator::default();
    let schema = (function.arguments_schema)(&mut generator).to_value();
    let definitions = generator.definitions();
    let Shape::Object { fields, closed } = shape(&schema, definitions) else {
        panic!("the arguments of {} are no object", function.path)
    };
    assert!(closed, "{} takes arguments that it does not know", function.path);
    let mut found = Vec::new();
    collect(&fields, &[], true, &mut found);
    found
}

fn collect(fields: &[Field], parents: &[String], checked: bool, found: &mut Vec<Argument>) {
    for field in fields {
        let path = [parents, std::slice::from_ref(&field.name)].concat();
        found.push(Argument {
            path: path.clone(),
            shape: field.shape.clone(),
            required: field.required,
            checked,
        });
        if let Shape::Object { fields, closed } = &field.shape {
            collect(fields, &path, *closed, found);
        }
    }
}

fn shape(schema: &Value, definitions: &Map<String, Value>) -> Shape {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return match name.strip_prefix("Id_") {
            Some(table) => Shape::Id(table.to_owned()),
            None => shape(&definitions[name], definitions),
        };
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let some = either.iter().find(|schema| schema["type"] != "null").unwrap();
        return shape(some, definitions);
    }
    let constants = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|schema| &schema["const"]);
    let choices: Vec<_> = (schema["enum"].as_array().into_iter().flatten().chain(constants))
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    if !choices.is_empty() {
        return Shape::Choice(choices);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => Shape::Text,
        Some("number" | "integer") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        Some("array") => Shape::List(Box::new(shape(&schema["items"], definitions))),
        Some("object") if schema["additionalProperties"] == true => Shape::Map,
        Some("object") => Shape::Object {
            fields: fields(schema, definitions),
            closed: schema["additionalProperties"] == false,
        },
        Some(kind) => panic!("arguments of type {kind} are new: teach gateway/tests/it/catalogue/shape.rs"),
        None => Shape::Any,
    }
}

fn fields(schema: &Value, definitions: &Map<String, Value>) -> Vec<Field> {
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|n| n == name))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| Field {
            name: name.clone(),
            shape: shape(property, definitions),
            required: required(name),
        })
        .collect()
}
