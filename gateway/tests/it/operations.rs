//! What operators and their machines ask.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::wire::{Wire, answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_its_database_is_healthy_and_ready() {
    let wire = Wire::start().await;
    for (path, expected) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let (status, body) = answer(wire.request(Method::GET, path).send().await.unwrap()).await;
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!(expected)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_as_text() {
    let wire = Wire::start().await;
    let response = wire.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn others_can_verify_the_tokens() {
    let wire = Wire::start().await;
    let response = wire
        .request(Method::GET, "/.well-known/openid-configuration")
        .send()
        .await
        .unwrap();
    assert!(
        response.headers()["cache-control"]
            .to_str()
            .unwrap()
            .starts_with("public, max-age=15")
    );
    let (_, discovery) = answer(response).await;
    assert_eq!(
        discovery,
        json!({
            "issuer": "http://opencom.test",
            "jwks_uri": "http://opencom.test/.well-known/jwks.json",
            "authorization_endpoint": "http://opencom.test/oauth/authorize",
        })
    );
    let (_, jwks) = answer(
        wire.request(Method::GET, "/.well-known/jwks.json")
            .send()
            .await
            .unwrap(),
    )
    .await;
    let key = &jwks["keys"][0];
    assert_eq!(
        (&key["use"], &key["kty"], &key["e"]),
        (&json!("sig"), &json!("RSA"), &json!("AQAB"))
    );
    assert_eq!(key["n"], wire.app.jwt_keys.get()[0].modulus.as_str());
}

#[tokio::test]
async fn no_answer_is_anything_but_what_it_says_it_is() {
    let wire = Wire::start().await;
    for path in [
        "/healthz",
        "/api/query",
        "/docs",
        "/openapi.json",
        "/.well-known/opencom.json",
        "/nowhere",
    ] {
        let response = wire.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.headers()["X-Content-Type-Options"], "nosniff", "{path}");
    }
}
