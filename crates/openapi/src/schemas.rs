//! JSON schemas of requests and results, with the components that they share.

use std::collections::{BTreeMap, BTreeSet};

use opencom_contract::Descriptor;
use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value};

/// The prefix of references to components.
const COMPONENTS: &str = "#/components/schemas/";

/// Components by name.
pub(crate) type Components = BTreeMap<String, Value>;

/// The schemas of one function.
pub(crate) struct Signature {
    pub(crate) arguments: Value,
    pub(crate) output: Value,
}

/// Returns the schemas of functions, in their order, and the components that they refer to.
pub(crate) fn signatures(functions: &[&Descriptor]) -> (Vec<Signature>, Components) {
    let (mut arguments, inputs) = arguments(functions);
    let (outputs, mut components) = outputs(functions);
    // A type whose schema as input differs from its schema as output gets a second name.
    let renamed: BTreeMap<_, _> = inputs
        .iter()
        .filter(|(name, schema)| components.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| (name.clone(), format!("{name}Input")))
        .collect();
    let rename = |schema: &mut Value| {
        visit(schema, &mut |object| {
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(COMPONENTS).and_then(|name| renamed.get(name))
            {
                *reference = format!("{COMPONENTS}{name}");
            }
        });
    };
    arguments.iter_mut().for_each(rename);
    for (name, mut schema) in inputs {
        rename(&mut schema);
        components.insert(renamed.get(&name).cloned().unwrap_or(name), schema);
    }
    let signatures = arguments
        .into_iter()
        .zip(outputs)
        .map(|(arguments, output)| Signature { arguments, output })
        .collect();
    (signatures, components)
}

/// Returns the component that a schema refers to, or the schema itself.
pub(crate) fn resolve<'a>(schema: &'a Value, components: &'a Components) -> &'a Value {
    reference(schema)
        .and_then(|name| components.get(name))
        .unwrap_or(schema)
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(COMPONENTS)
}

fn generator(contract: Contract) -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = contract;
        })
        .into_generator()
}

/// Returns the schemas of the arguments. Each request is used once, so it is inlined instead of being a component.
fn arguments(functions: &[&Descriptor]) -> (Vec<Value>, Components) {
    let mut generator = generator(Contract::Deserialize);
    let references: Vec<_> = functions
        .iter()
        .map(|function| (function.arguments_schema)(&mut generator).to_value())
        .collect();
    let mut components: Components = generator.take_definitions(true).into_iter().collect();
    let mut schemas: Vec<_> = references
        .into_iter()
        .map(|schema| {
            let request = reference(&schema).and_then(|name| components.remove(name));
            request.unwrap_or(schema)
        })
        .collect();
    let mut with_nulls = BTreeSet::new();
    for (function, schema) in functions.iter().zip(&schemas) {
        for name in function.nulls_in {
            reach(&schema["properties"][*name], &components, &mut with_nulls);
        }
    }
    for (function, schema) in functions.iter().zip(&mut schemas) {
        visit(schema, &mut |object| without_nulls(object, function.nulls_in));
    }
    for (name, schema) in &mut components {
        if !with_nulls.contains(name) {
            visit(schema, &mut |object| without_nulls(object, &[]));
        }
    }
    (schemas, components)
}

fn outputs(functions: &[&Descriptor]) -> (Vec<Value>, Components) {
    let mut generator = generator(Contract::Serialize);
    let mut schemas: Vec<_> = functions
        .iter()
        .map(|function| (function.output_schema)(&mut generator).to_value())
        .collect();
    let mut components: Components = generator.take_definitions(true).into_iter().collect();
    // Optional fields are left out of results, never null.
    for schema in schemas.iter_mut().chain(components.values_mut()) {
        visit(schema, &mut |object| without_nulls(object, &[]));
    }
    (schemas, components)
}

/// Collects the names of the components that a schema refers to, directly or not.
fn reach(schema: &Value, components: &Components, found: &mut BTreeSet<String>) {
    if let Some(name) = reference(schema)
        && found.insert(name.to_owned())
        && let Some(component) = components.get(name)
    {
        reach(component, components, found);
    }
    match schema {
        Value::Array(parts) => parts.iter().for_each(|part| reach(part, components, found)),
        Value::Object(parts) => parts.values().for_each(|part| reach(part, components, found)),
        _ => {}
    }
}

/// Calls `act` with every object in a schema, outermost first, and turns rustdoc links in descriptions into plain code.
fn visit(schema: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>)) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(|part| visit(part, act)),
        Value::Object(object) => {
            act(object);
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            object.values_mut().for_each(|part| visit(part, act));
        }
        _ => {}
    }
}

/// Forbids `null` in the optional properties of an object, except in those named.
fn without_nulls(object: &mut Map<String, Value>, except: &[&str]) {
    let required: BTreeSet<String> = (object.get("required").and_then(Value::as_array).into_iter().flatten())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let Some(Value::Object(properties)) = object.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        if !required.contains(name)
            && !except.contains(&name.as_str())
            && let Value::Object(property) = property
        {
            without_null(property);
        }
    }
}

fn without_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        branches.retain(|branch| branch["type"] != "null");
        if let [Value::Object(branch)] = branches.as_slice() {
            let branch = branch.clone();
            schema.shift_remove("anyOf");
            for (key, value) in branch {
                // The description of the property is more precise than that of its type.
                schema.entry(key).or_insert(value);
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.shift_remove("default");
    }
}
