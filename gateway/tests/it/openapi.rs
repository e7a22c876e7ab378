//! The API's OpenAPI document as the server gives it, and its page.

use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Wire, answer};

/// Validates a value against a schema of the document.
fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[tokio::test]
async fn the_server_accepts_every_example() {
    let wire = Wire::start().await;
    let document = opencom_openapi::document();
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with("/api/run/")) {
        let operation = &item["post"];
        let content = &operation["requestBody"]["content"]["application/json"];
        let (status, envelope) = wire.post(path, content["example"].to_string()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {envelope}");
        let text = envelope["errorMessage"].as_str().unwrap_or_default();
        assert!(!text.contains("ArgumentValidationError"), "{path}: {envelope}");
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let violations = violations(document, schema, &envelope);
        assert!(violations.is_empty(), "{path} answers {envelope}: {violations:?}");
    }
}

#[tokio::test]
async fn the_document_is_served_with_an_etag_and_compressed() {
    let wire = Wire::start().await;
    let get = || wire.request(Method::GET, "/openapi.json");
    let response = get().send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=300");
    let etag = response.headers()[ETAG].clone();
    assert_eq!(response.text().await.unwrap(), opencom_openapi::text());

    let known = get().header(IF_NONE_MATCH, etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let other = get().header(IF_NONE_MATCH, "W/\"other\"").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);

    let compressed = get().header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
    let compressed = compressed.bytes().await.unwrap();
    assert!(compressed.starts_with(&[0x1f, 0x8b]) && compressed.len() * 4 < opencom_openapi::text().len());
}

#[tokio::test]
async fn the_page_may_load_from_this_server_only() {
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
