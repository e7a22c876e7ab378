//! The API's description: whole, true to itself, and true to the server.

use std::collections::BTreeSet;

use opencom_contract::{Who, catalogue};
use opencom_gateway::openapi;
use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Wire, answer};

/// A schema of the document, with the components that it refers to.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::draft202012::new(&whole).unwrap()
}

fn complaints(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

/// Operations that stand for functions, by path on the wire.
fn functions(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .filter(|(path, _)| path.starts_with("/api/run/"))
        .map(|(path, item)| (path.as_str(), &item["post"]))
}

#[test]
fn every_function_that_callers_may_name_is_described_and_no_other() {
    let document = openapi::document();
    let described: BTreeSet<_> = functions(&document)
        .map(|(path, operation)| {
            let function = operation["x-opencom-path"].as_str().unwrap();
            assert_eq!(path, format!("/api/run/{}", function.replace(':', "/")));
            assert!(
                !operation["summary"].as_str().unwrap().is_empty(),
                "{path} says nothing"
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
fn the_examples_are_what_their_schemas_say() {
    let document = openapi::document();
    let mut wrong = Vec::new();
    for (path, operation) in functions(&document) {
        let request = &operation["requestBody"]["content"]["application/json"];
        wrong.extend(
            complaints(&validator(&document, &request["schema"]), &request["example"])
                .into_iter()
                .map(|complaint| format!("{path}, request: {complaint}")),
        );
        let answers = &operation["responses"]["200"]["content"]["application/json"];
        let validator = validator(&document, &answers["schema"]);
        for (name, example) in answers["examples"].as_object().unwrap() {
            let complaints = complaints(&validator, &example["value"]);
            wrong.extend(
                complaints
                    .into_iter()
                    .map(|complaint| format!("{path}, {name}: {complaint}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Generated clients name their types after these.
#[test]
fn no_two_types_have_one_name() {
    let document = openapi::document();
    let numbered: Vec<_> = (document["components"]["schemas"].as_object().unwrap().keys())
        .filter(|name| name.ends_with(|last: char| last.is_ascii_digit()))
        .collect();
    assert!(
        numbered.is_empty(),
        "give them names of their own by #[schemars(rename)]: {numbered:?}"
    );
}

#[tokio::test]
async fn the_server_takes_every_example() {
    let wire = Wire::start().await;
    let document = openapi::document();
    for (path, operation) in functions(&document) {
        let content = &operation["requestBody"]["content"]["application/json"];
        let (status, envelope) = wire.post(path, content["example"].to_string()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {envelope}");
        let text = envelope["errorMessage"].as_str().unwrap_or_default();
        assert!(!text.contains("ArgumentValidationError"), "{path}: {envelope}");
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let complaints = complaints(&validator(&document, schema), &envelope);
        assert!(complaints.is_empty(), "{path} answers {envelope}: {complaints:?}");
    }
}

#[tokio::test]
async fn the_document_is_served_once_and_then_known() {
    let wire = Wire::start().await;
    let get = || wire.request(Method::GET, "/openapi.json");
    let response = get().send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=300");
    let etag = response.headers()[ETAG].clone();
    assert_eq!(response.text().await.unwrap(), openapi::text());

    let known = get().header(IF_NONE_MATCH, etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let other = get().header(IF_NONE_MATCH, "W/\"other\"").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);

    let compressed = get().header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
    let compressed = compressed.bytes().await.unwrap();
    assert!(compressed.starts_with(&[0x1f, 0x8b]) && compressed.len() * 4 < openapi::text().len());
}

#[tokio::test]
async fn the_page_may_load_this_server_alone() {
    let wire = Wire::start().await;
    for (path, kind) in [
        ("/docs", "text/html"),
        ("/docs/docs.css", "text/css"),
        ("/docs/main.js", "text/javascript"),
        ("/docs/schema.js", "text/javascript"),
        ("/docs/icon.svg", "image/svg+xml"),
    ] {
        let response = wire.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let header = |name| response.headers()[name].to_str().unwrap();
        assert!(header(CONTENT_TYPE).starts_with(kind), "{path}");
        assert!(header(CONTENT_SECURITY_POLICY).starts_with("default-src 'none'; script-src 'self'"));
    }
    let unknown = wire.request(Method::GET, "/docs/nothing.js").send().await.unwrap();
    let (status, body) = answer(unknown).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("NotFound")));
}
