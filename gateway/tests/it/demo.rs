//! The demo: off unless asked for, made once, and for this machine alone.

use opencom_gateway::demo::Demo;
use reqwest::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::wire::{Wire, answer};

#[tokio::test]
async fn without_the_flag_there_is_no_demo_and_the_answer_names_it() {
    let wire = Wire::start().await;
    for path in ["/demo", "/demo/", "/demo/config.json", "/demo/main.js"] {
        let (status, body) = answer(wire.request(Method::GET, path).send().await.unwrap()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(body["message"].as_str().unwrap().contains("--demo"), "{body}");
    }
}

#[tokio::test]
async fn the_page_may_load_and_call_this_server_alone() {
    let wire = Wire::start_with_demo().await;
    for (path, kind) in [
        ("/demo", "text/html"),
        ("/demo/", "text/html"),
        ("/demo/demo.css", "text/css"),
        ("/demo/main.js", "text/javascript"),
        ("/demo/convex.js", "text/javascript"),
        ("/demo/icon.svg", "image/svg+xml"),
        ("/demo/config.json", "application/json"),
    ] {
        let response = wire.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let header = |name| response.headers()[name].to_str().unwrap();
        assert!(
            header(CONTENT_TYPE).starts_with(kind),
            "{path}: {}",
            header(CONTENT_TYPE)
        );
        assert!(header(CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
    }
    let unknown = wire.request(Method::GET, "/demo/nothing.js").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    // A foreign page that made its own name mean this machine.
    let request = wire.request(Method::GET, "/demo/config.json");
    let rebound = request.header(HOST, "attacker.example").send().await.unwrap();
    assert_eq!(rebound.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_agent_is_made_once_and_can_sign_in() {
    let wire = Wire::start_with_demo().await;
    let (_, config) = answer(wire.request(Method::GET, "/demo/config.json").send().await.unwrap()).await;
    let again = Demo::prepare(&wire.app).await.unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), config);

    let params =
        json!({ "flow": "signIn", "email": config["agent"]["email"], "password": config["agent"]["password"] });
    let sign_in = json!({ "provider": "password", "params": params });
    let tokens = wire.value("action", "auth:signIn", sign_in, None).await;
    let token = tokens["tokens"]["token"].as_str();
    let me: Value = wire.value("query", "auth:currentUser", json!({}), token).await;
    assert_eq!(me["user"]["workspaceId"], config["workspaceId"]);
    assert_eq!(me["workspaces"].as_array().unwrap().len(), 1);
}
