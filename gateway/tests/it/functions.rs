//! The HTTP function API: both formats, every shape of a call, and the transport's own errors.

use diesel_async::RunQueryDsl;
use opencom_core::{Millis, Role};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::wire::{Wire, answer};

#[tokio::test(flavor = "multi_thread")]
async fn arguments_come_as_an_object_or_as_a_list_with_one() {
    let wire = Wire::start().await;
    for body in [
        r#"{"path":"auth:isAuthenticated","format":"convex_encoded_json","args":[{}]}"#,
        r#"{"path":"auth:isAuthenticated","format":"convex_encoded_json","args":{}}"#,
        r#"{"path":"auth:isAuthenticated","format":"json","args":{}}"#,
        r#"{"path":"auth:isAuthenticated","args":null}"#,
        r#"{"path":"auth:isAuthenticated","args":[]}"#,
        r#"{"path":"auth:isAuthenticated"}"#,
        r#"{"path":"auth.js:isAuthenticated","args":{},"unknown":1}"#,
    ] {
        let response = wire
            .request(Method::POST, "/api/query")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let text = response.text().await.unwrap();
        assert_eq!(text, r#"{"status":"success","value":false,"logLines":[]}"#, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_written_with_a_point() {
    let wire = Wire::start().await;
    let body = r#"{"path":"conversations:getTotalUnreadForVisitor","args":{},"format":"json"}"#;
    let response = wire
        .request(Method::POST, "/api/query")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.text().await.unwrap(),
        r#"{"status":"success","value":0.0,"logLines":[]}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_run_by_their_address_too() {
    let wire = Wire::start().await;
    for (path, body) in [
        ("/api/run/auth/isAuthenticated", r#"{"args":{}}"#),
        ("/api/run/auth/isAuthenticated", ""),
        ("/api/function", r#"{"path":"auth:isAuthenticated","args":{}}"#),
        (
            "/api/query_at_ts",
            r#"{"path":"auth:isAuthenticated","args":{},"ts":"ZAAAAAAAAAA="}"#,
        ),
        ("//api//query", r#"{"path":"auth:isAuthenticated","args":{}}"#),
    ] {
        let (status, body) = wire.post(path, body).await;
        assert_eq!((status, &body["value"]), (StatusCode::OK, &json!(false)), "{path}");
    }
    let (status, body) = wire.post("/api/query_ts", "whatever").await;
    assert_eq!((status, body["ts"].as_str().unwrap().len()), (StatusCode::OK, 12));
    let (status, _) = wire.post("/api/debug_event", "{}").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_status_200_with_text_and_code() {
    let wire = Wire::start().await;
    let envelope = wire
        .call("mutation", "workspaces:create", json!({ "name": "x" }), None)
        .await;
    assert_eq!(
        envelope,
        json!({
            "status": "error",
            "errorMessage": "Not authenticated",
            "errorData": { "code": "NOT_AUTHENTICATED", "message": "Not authenticated" },
            "logLines": [],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_internal_functions_look_alike() {
    let wire = Wire::start().await;
    for (route, path) in [
        ("query", "nothing:here"),
        ("mutation", "messages:internalSendBotMessage"),
        ("mutation", "widgetSessions:cleanupExpiredSessions"),
        ("function", "messages:internalSendBotMessage"),
    ] {
        let envelope = wire.call(route, path, json!({}), None).await;
        assert_eq!(
            envelope["errorMessage"],
            format!("Could not find public function for '{path}'.")
        );
        assert_eq!(envelope["errorData"]["code"], "NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_of_another_kind_is_refused() {
    let wire = Wire::start().await;
    let envelope = wire
        .call("query", "workspaces:create", json!({ "name": "x" }), None)
        .await;
    assert_eq!(
        envelope["errorMessage"],
        "Trying to execute workspaces:create as Query, but it is defined as Mutation."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_calls_are_400() {
    let wire = Wire::start().await;
    for body in [
        "{bad",
        "",
        "[]",
        r#"{"path":"a:b","args":7}"#,
        r#"{"path":"a:b","format":"xml"}"#,
    ] {
        let (status, answer) = wire.post("/api/query", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(
            answer["code"].is_string() && answer["message"].is_string(),
            "{body}: {answer}"
        );
    }
    for path in ["a:b:c", "../a:b", "a-b:c", ""] {
        let (status, answer) = wire
            .post("/api/query", json!({ "path": path, "args": {} }).to_string())
            .await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("BadFunctionPath")),
            "{path}"
        );
    }
    let (status, answer) = wire.post("/nowhere", "{}").await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("NotFound")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_megabytes_are_read_and_larger_ones_refused() {
    let wire = Wire::start().await;
    let body = |size: usize| {
        format!(
            r#"{{"path":"visitors:getBySession","args":{{"sessionId":"{}"}}}}"#,
            "x".repeat(size)
        )
    };
    let (status, answer) = wire.post("/api/query", body(6 << 20)).await;
    assert_eq!(
        (status, &answer["errorData"]["field"]),
        (StatusCode::OK, &json!("sessionId"))
    );
    let (status, answer) = wire.post("/api/query", body(17 << 20)).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("PayloadTooLarge"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_accepted_or_refused_with_401() {
    let wire = Wire::start().await;
    let workspace = wire.kit.workspace().await;
    let agent = wire.kit.agent(&workspace, Role::Agent).await;
    let token = wire.token(&agent);
    assert_eq!(
        wire.value("query", "auth:isAuthenticated", json!({}), Some(&token))
            .await,
        true
    );

    let foreign = wire
        .app
        .jwt_keys
        .issue(
            agent.user_id,
            agent.session_id,
            "http://elsewhere.test",
            wire.kit.clock.now(),
        )
        .unwrap();
    for (header, code) in [
        ("Bearer bad".to_owned(), "Unauthenticated"),
        (format!("Bearer {token}x"), "Unauthenticated"),
        (format!("Bearer {foreign}"), "NoAuthProvider"),
        ("Basic abc".to_owned(), "InvalidAuthHeader"),
        ("nothing".to_owned(), "InvalidAuthHeader"),
        ("Convex key".to_owned(), "BadAdminKey"),
    ] {
        let request = wire
            .request(Method::POST, "/api/query")
            .header("Authorization", &header);
        let (status, answer) = answer(request.body(r#"{"path":"auth:isAuthenticated"}"#).send().await.unwrap()).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::UNAUTHORIZED, &json!(code)),
            "{header}"
        );
    }

    // A token that was accepted before is refused once its time is over.
    wire.kit.clock.advance(Millis::HOUR + Millis::SECOND);
    let request = wire.request(Method::POST, "/api/query").bearer_auth(&token);
    let (status, _) = answer(request.body(r#"{"path":"auth:isAuthenticated"}"#).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_any_origin_may_call() {
    let wire = Wire::start().await;
    let preflight = wire
        .request(Method::OPTIONS, "/api/mutation")
        .header("Origin", "https://customer.example")
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization,content-type,convex-client",
        )
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
    let header = |name: &str| {
        preflight
            .headers()
            .get(name)
            .unwrap()
            .to_str()
            .unwrap()
            .to_ascii_lowercase()
    };
    assert_eq!(header("access-control-allow-origin"), "https://customer.example");
    for name in ["authorization", "content-type", "convex-client"] {
        assert!(header("access-control-allow-headers").contains(name), "{name}");
    }
    assert!(header("access-control-allow-methods").contains("post"));
    assert_eq!(header("access-control-max-age"), "86400");

    let call = wire
        .request(Method::POST, "/api/query")
        .header("Origin", "https://customer.example")
        .body(r#"{"path":"auth:isAuthenticated"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(
        call.headers()["access-control-allow-origin"],
        "https://customer.example"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_faults_show_a_request_id_and_nothing_else() {
    let wire = Wire::start().await;
    let broken = "ALTER TABLE visitors RENAME TO gone";
    diesel::sql_query(broken)
        .execute(&mut wire.kit.connection().await)
        .await
        .unwrap();
    let response = wire
        .request(Method::POST, "/api/query")
        .body(r#"{"path":"visitors:getBySession","args":{"sessionId":"s"}}"#)
        .send()
        .await
        .unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (status, envelope) = answer(response).await;
    assert_eq!(status, StatusCode::OK);
    let message = format!("[Request ID: {id}] Server Error");
    assert_eq!(
        envelope,
        json!({
            "status": "error",
            "errorMessage": message,
            "errorData": { "code": "INTERNAL_ERROR", "message": message, "requestId": id },
            "logLines": [],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_contexts_to_come_answer_something_harmless() {
    let wire = Wire::start().await;
    for (path, answer) in opencom_gateway::absent::ANSWERS {
        let served = opencom_contract::catalogue().any(|function| function.path == *path);
        assert!(!served, "{path} is served now: remove it from gateway/src/absent.rs");
        let expected: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!(
            wire.value("query", path, json!({ "workspaceId": "whatever" }), None)
                .await,
            expected,
            "{path}"
        );
    }
}
