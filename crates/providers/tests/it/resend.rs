//! Resend: the request as documented, and what each answer means.

use std::time::Duration;

use opencom_providers::email::{EmailError, EmailProvider as _, Resend};
use serde_json::json;

use crate::http_server::{Answer, HttpServer};
use crate::mail;

async fn refusal(answer: Answer) -> EmailError {
    let server = HttpServer::start(vec![answer]).await;
    let resend = Resend::new("re_hunter2", Some(&server.url())).unwrap();
    resend.send(&mail("Hello")).await.unwrap_err()
}

#[tokio::test]
async fn the_request_carries_everything() {
    let mut server = HttpServer::start(vec![Answer::json(200, r#"{"id":"49a3999c"}"#)]).await;
    let resend = Resend::new("re_hunter2", Some(&format!("{}/", server.url()))).unwrap();
    let mut mail = mail("Your Opencom verification code");
    mail.to.push("Charles <charles@example.com>".parse().unwrap());
    mail.reply_to = Some("help@opencom.example".parse().unwrap());
    mail.text = Some("Your code is 123456".into());
    mail.message_id = Some("<m3@opencom.example>".into());
    mail.in_reply_to = Some("<m2@example.com>".into());
    mail.references = vec!["<m1@example.com>".into(), "<m2@example.com>".into()];
    mail.idempotency_key = Some("job-1".into());

    let delivery = resend.send(&mail).await.unwrap();
    assert_eq!(delivery.provider_id.as_deref(), Some("49a3999c"));

    let request = server.received().await;
    assert_eq!(request.line, "POST /emails HTTP/1.1");
    assert_eq!(request.headers["authorization"], "Bearer re_hunter2");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["idempotency-key"], "job-1");
    assert_eq!(
        request.body,
        json!({
            "from": "Opencom <noreply@opencom.example>",
            "to": ["ada@example.com", "Charles <charles@example.com>"],
            "subject": "Your Opencom verification code",
            "html": "<p>Your code is 123456</p>",
            "text": "Your code is 123456",
            "reply_to": "help@opencom.example",
            "headers": {
                "Message-ID": "<m3@opencom.example>",
                "In-Reply-To": "<m2@example.com>",
                "References": "<m1@example.com> <m2@example.com>",
            },
        })
    );
}

#[tokio::test]
async fn what_is_absent_is_left_out() {
    let mut server = HttpServer::start(vec![Answer::json(200, "{}")]).await;
    let resend = Resend::new("re_key", Some(&server.url())).unwrap();
    let delivery = resend.send(&mail("Hello")).await.unwrap();
    assert_eq!(delivery.provider_id, None);

    let request = server.received().await;
    assert!(!request.headers.contains_key("idempotency-key"));
    let fields: Vec<&String> = request.body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["from", "to", "subject", "html"]);
}

#[tokio::test]
async fn an_error_object_is_kept_as_json_text() {
    let body = "{ \"statusCode\": 422,\n \"name\": \"validation_error\", \"message\": \"Invalid `to` field.\" }";
    let error = refusal(Answer::json(422, body)).await;
    assert!(error.is_permanent());
    assert_eq!(error.retry_after(), None);
    assert_eq!(
        error.to_string(),
        r#"{"statusCode":422,"name":"validation_error","message":"Invalid `to` field."}"#
    );
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_back() {
    let body = r#"{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many requests."}"#;
    for (header, expected) in [
        ("Retry-After: 7\r\n", Some(Duration::from_secs(7))),
        ("Retry-After: 99999999999\r\n", Some(Duration::from_secs(86_400))),
        ("Retry-After: soon\r\n", None),
        ("", None),
    ] {
        let error = refusal(Answer::with_headers(429, header, body)).await;
        assert!(!error.is_permanent());
        assert_eq!(error.retry_after(), expected, "{header}");
        assert_eq!(error.to_string(), body);
    }
}

#[tokio::test]
async fn answers_are_sorted_into_permanent_and_temporary() {
    for (status, name, permanent) in [
        (302, "", false),
        (400, "invalid_idempotency_key", true),
        (401, "restricted_api_key", false),
        (403, "invalid_api_key", false),
        (403, "validation_error", true),
        (404, "not_found", true),
        (409, "concurrent_idempotent_requests", false),
        (409, "invalid_idempotent_request", true),
        (500, "application_error", false),
        (503, "", false),
    ] {
        let body = json!({ "statusCode": status, "name": name }).to_string();
        let error = refusal(Answer::json(status, &body)).await;
        assert_eq!(
            (error.is_permanent(), error.to_string()),
            (permanent, body),
            "{status} {name}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_an_object_still_has_a_text() {
    let error = refusal(Answer::with_headers(502, "", "<html>Bad gateway</html>")).await;
    assert!(!error.is_permanent());
    assert_eq!(error.to_string(), "Resend answered 502 Bad Gateway.");
}

#[tokio::test]
async fn a_silent_or_broken_service_is_temporary_and_the_key_stays_out_of_the_text() {
    let error = refusal(Answer::Close).await;
    assert!(!error.is_permanent());
    assert!(!error.to_string().contains("hunter2"), "{error}");

    let server = HttpServer::start(vec![Answer::Hang]).await;
    let resend = Resend::new("re_hunter2", Some(&server.url()))
        .unwrap()
        .timeout(Duration::from_millis(200))
        .unwrap();
    let error = resend.send(&mail("Hello")).await.unwrap_err();
    assert!(!error.is_permanent());
    assert_eq!(error.to_string(), "Resend did not answer in time.");

    let resend = Resend::new("re_hunter2", Some("http://127.0.0.1:1")).unwrap();
    let error = resend.send(&mail("Hello")).await.unwrap_err();
    assert!(!error.is_permanent());
    assert!(
        error
            .to_string()
            .starts_with("Resend cannot be reached: Connection refused"),
        "{error}"
    );
    assert!(!format!("{resend:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_accepted_mail_is_accepted_even_if_the_rest_of_the_answer_is_lost() {
    let answer = Answer::Text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"id\"".into());
    let server = HttpServer::start(vec![answer]).await;
    let resend = Resend::new("re_key", Some(&server.url())).unwrap();
    assert_eq!(resend.send(&mail("Hello")).await.unwrap().provider_id, None);
}

#[tokio::test]
async fn a_mail_that_breaks_out_of_its_headers_is_not_sent() {
    let resend = Resend::new("re_key", Some("http://127.0.0.1:1")).unwrap();
    let mut mail = mail("Hello");
    mail.idempotency_key = Some("key\r\nX-Evil: 1".into());
    assert!(resend.send(&mail).await.unwrap_err().is_permanent());
}

#[tokio::test]
async fn a_check_sends_nothing_and_tells_whether_the_key_is_good() {
    let restricted =
        r#"{"statusCode":401,"name":"restricted_api_key","message":"This API key is restricted to only send emails"}"#;
    for answer in [Answer::json(200, r#"{"data":[]}"#), Answer::json(401, restricted)] {
        let mut server = HttpServer::start(vec![answer]).await;
        let resend = Resend::new("re_hunter2", Some(&server.url())).unwrap();
        resend.check().await.unwrap();
        let request = server.received().await;
        assert_eq!(request.line, "GET /domains HTTP/1.1");
        assert_eq!(request.headers["authorization"], "Bearer re_hunter2");
    }
    let unknown = r#"{"statusCode":401,"name":"validation_error","message":"API key is invalid"}"#;
    let server = HttpServer::start(vec![Answer::json(401, unknown)]).await;
    let resend = Resend::new("re_hunter2", Some(&server.url())).unwrap();
    let refusal = resend.check().await.unwrap_err().to_string();
    assert!(
        refusal.contains("API key is invalid") && !refusal.contains("hunter2"),
        "{refusal}"
    );
}
