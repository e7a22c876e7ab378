//! The schemas of the OpenAPI document against real arguments and results.

use opencom_contract::{Who, catalogue};
use serde_json::{Value, json};

use crate::catalogue::arguments::somebody;
use crate::catalogue::world::World;
use crate::kit::kit;

/// Validates a value against a schema of the document.
fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}

#[tokio::test]
async fn arguments_and_results_are_valid_by_the_document() {
    let kit = kit().await;
    let document = opencom_openapi::document();
    let mut wrong = Vec::new();
    for function in catalogue().filter(|function| function.access.who != Who::Internal) {
        let world = World::new(&kit).await;
        let asker = somebody(&world, function);
        let arguments = world.arguments(function.path, &asker).await;
        let operation = &document["paths"][format!("/api/run/{}", function.path.replace(':', "/"))]["post"];
        let request = &operation["requestBody"]["content"]["application/json"]["schema"];
        for violation in violations(document, request, &json!({ "args": arguments })) {
            wrong.push(format!("{} takes {arguments}: {violation}", function.path));
        }
        let value = kit.call_json(&asker, function.path, arguments).await.unwrap();
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let result = &answer["oneOf"][0]["properties"]["value"];
        for violation in violations(document, result, &value) {
            wrong.push(format!("{} gives {value}: {violation}", function.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
