//! `/.well-known/opencom.json` as apps and browsers ask for it.

use opencom_gateway::discovery::Discovery;
use opencom_testkit::Settings;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};

use crate::kit::{Edge, kit};
use crate::wire::{Wire, client};

const PATH: &str = "/.well-known/opencom.json";
const CORS: [(&str, &str); 3] = [
    ("access-control-allow-methods", "GET, OPTIONS"),
    ("access-control-allow-headers", "Content-Type"),
    ("vary", "Origin"),
];

async fn ask(url: &str, method: &str, origin: Option<&str>, token: Option<&str>) -> Response {
    let mut request = client().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    if let Some(origin) = origin {
        request = request.header("Origin", origin);
    }
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    request.send().await.unwrap()
}

/// The headers that say who may read, and those that must not be there.
fn access(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("access-control") || matches!(name, "vary" | "cache-control" | "content-type")
        })
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn expected(with_cors: bool, origin: Option<&str>, content_type: Option<&str>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = CORS.into_iter().filter(|_| with_cors).collect();
    headers.extend(origin.map(|origin| ("access-control-allow-origin", origin)));
    headers.extend(content_type.map(|kind| ("content-type", kind)));
    let mut headers: Vec<_> = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.sort();
    headers
}

async fn listed() -> Wire {
    let edge = Edge {
        discovery: Discovery::new(
            Some("https://api.example.com".to_owned()),
            &["https://app.example.com".to_owned()],
        ),
        ..Edge::default()
    };
    Wire::start_edge(Settings::default(), edge).await
}

#[tokio::test]
async fn everybody_is_told_what_the_server_is() {
    let wire = Wire::start().await;
    let url = format!("{}{PATH}", wire.url);
    let answer = ask(&url, "GET", None, None).await;
    assert_eq!(answer.status(), 200);
    let host = wire.url.trim_start_matches("http://");
    let body = format!(
        r#"{{"version":"1.0","name":"Opencom","convexUrl":"http://{host}","features":["chat","knowledge-base"]}}"#
    );
    assert_eq!(answer.text().await.unwrap(), body);
    let ws = wire.kit.workspace().await;
    wire.kit.server.topics.publish_everything();
    let answer = ask(&url, "GET", None, Some("no token")).await.text().await.unwrap();
    assert!(answer.contains(&format!(r#""name":"Workspace {}""#, ws.id)), "{answer}");
    assert!(!answer.contains("signupMode"), "{answer}");
    // Behind a proxy the address is the one that the app knows.
    let forwarded = client()
        .get(&url)
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "chat.example.com")
        .send()
        .await
        .unwrap();
    let answer = forwarded.text().await.unwrap();
    assert!(answer.contains(r#""convexUrl":"https://chat.example.com""#), "{answer}");
}

#[tokio::test]
async fn agents_are_told_how_to_sign_up() {
    let wire = listed().await;
    let ws = wire.kit.workspace().await;
    let token = wire.token(&ws.owner);
    let answer = ask(&format!("{}{PATH}", wire.url), "GET", None, Some(&token))
        .await
        .text()
        .await
        .unwrap();
    let expected = format!(
        r#"{{"version":"1.0","name":"Workspace {}","convexUrl":"https://api.example.com","features":["chat","knowledge-base"],"signupMode":"invite-only","authMethods":["password","otp"]}}"#,
        ws.id
    );
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn the_table_of_origins_holds() {
    let wire = listed().await;
    let url = format!("{}{PATH}", wire.url);
    let (app, evil) = ("https://app.example.com", "https://evil.example.com");
    let json = Some("application/json");
    for (method, origin, status, headers) in [
        ("GET", None, 200, expected(true, None, json)),
        ("GET", Some(app), 200, expected(true, Some(app), json)),
        ("GET", Some(evil), 403, expected(true, None, json)),
        ("GET", Some("http://localhost:3000"), 403, expected(true, None, json)),
        ("HEAD", Some(app), 200, expected(true, Some(app), json)),
        ("OPTIONS", None, 200, expected(true, None, None)),
        ("OPTIONS", Some(app), 200, expected(true, Some(app), None)),
        ("OPTIONS", Some(evil), 403, expected(false, None, json)),
    ] {
        let answer = ask(&url, method, origin, None).await;
        assert_eq!(answer.status(), status, "{method} {origin:?}");
        let mut found = access(answer.headers());
        found.sort();
        assert_eq!(found, headers, "{method} {origin:?}");
        let body = answer.text().await.unwrap();
        match (method, status) {
            (_, 403) => assert_eq!(body, r#"{"error":"Origin not allowed"}"#),
            ("GET", _) => assert!(body.starts_with(r#"{"version":"1.0""#), "{body}"),
            _ => assert_eq!(body, ""),
        }
    }
}

#[tokio::test]
async fn other_methods_find_nothing() {
    let wire = Wire::start().await;
    for method in ["POST", "PUT", "DELETE"] {
        let answer = ask(&format!("{}{PATH}", wire.url), method, None, None).await;
        assert_eq!(answer.status(), 404, "{method}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("text/plain"), "{kind}");
        assert_eq!(answer.text().await.unwrap(), format!("No HttpAction routed for {PATH}"));
    }
}

#[tokio::test]
async fn a_failed_look_up_says_so() {
    let wire = listed().await;
    wire.kit.database.go_away().await;
    let app = "https://app.example.com";
    let answer = ask(&format!("{}{PATH}", wire.url), "GET", Some(app), None).await;
    assert_eq!(answer.status(), 500);
    let mut found = access(answer.headers());
    found.sort();
    assert_eq!(found, expected(true, Some(app), Some("application/json")));
    assert_eq!(
        answer.text().await.unwrap(),
        r#"{"error":"Failed to retrieve instance metadata"}"#
    );
}

#[tokio::test]
async fn the_oldest_workspace_gives_the_name() {
    let kit = kit().await;
    let first = kit.workspace().await;
    kit.clock.advance(1000);
    kit.workspace().await;
    let answer = kit
        .call_json(&first.owner, "discovery:getMetadata", serde_json::json!({}))
        .await
        .unwrap();
    assert_eq!(answer["name"], format!("Workspace {}", first.id));
}
