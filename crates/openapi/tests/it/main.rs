//! The document against the contract, and against its own schemas.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::collections::BTreeSet;

use opencom_contract::{Who, catalogue};
use opencom_openapi::document;
use serde_json::Value;

/// The operations that stand for functions, by path.
fn functions() -> impl Iterator<Item = (&'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    paths
        .iter()
        .filter(|(path, _)| path.starts_with("/api/run/"))
        .map(|(path, item)| (path.as_str(), &item["post"]))
}

/// A validator of a schema of the document.
fn validator(schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = document()["components"].clone();
    jsonschema::draft202012::new(&whole).unwrap()
}

fn violations(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[test]
fn every_public_function_is_an_operation_and_no_internal_one_is() {
    let described: BTreeSet<_> = functions()
        .map(|(path, operation)| {
            let function = operation["x-opencom-path"].as_str().unwrap();
            assert_eq!(path, format!("/api/run/{}", function.replace(':', "/")));
            assert!(
                !operation["summary"].as_str().unwrap().is_empty(),
                "{path} has no summary"
            );
            function
        })
        .collect();
    let public: BTreeSet<_> = catalogue()
        .filter(|function| function.access.who != Who::Internal)
        .map(|function| function.path)
        .collect();
    assert_eq!(described, public);
}

#[test]
fn examples_are_valid_by_their_schemas() {
    let mut wrong = Vec::new();
    for (path, operation) in functions() {
        let request = &operation["requestBody"]["content"]["application/json"];
        for violation in violations(&validator(&request["schema"]), &request["example"]) {
            wrong.push(format!("{path}, request: {violation}"));
        }
        let outcome = &operation["responses"]["200"]["content"]["application/json"];
        let validator = validator(&outcome["schema"]);
        for (name, example) in outcome["examples"].as_object().unwrap() {
            for violation in violations(&validator, &example["value"]) {
                wrong.push(format!("{path}, {name}: {violation}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// schemars numbers types of the same name, and generated clients name their types after the components.
#[test]
fn no_two_types_have_the_same_name() {
    let numbered: Vec<_> = (document()["components"]["schemas"].as_object().unwrap().keys())
        .filter(|name| name.ends_with(|last: char| last.is_ascii_digit()))
        .collect();
    assert!(
        numbered.is_empty(),
        "name them with #[schemars(rename = \"…\")]: {numbered:?}"
    );
}
