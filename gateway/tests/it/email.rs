//! Webhooks of the provider of mail as they come over HTTP, with a provider on this machine to ask.

use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opencom_gateway::mail_channel::MailChannel;
use opencom_providers::email::received::ResendReceived;
use opencom_providers::email::webhook::Gate;
use opencom_runtime::limits::Quotas;
use opencom_testkit::{Settings, Workspace};
use reqwest::StatusCode;
use ring::hmac;
use serde_json::{Value, json};

use crate::kit::Edge;
use crate::wire::{Wire, client};

const SECRET: &str = "whsec_b3BlbmNvbS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI=";

fn guarded() -> MailChannel {
    MailChannel {
        gate: Gate::new(Some(SECRET.to_owned()), true, 300),
        ..MailChannel::default()
    }
}

async fn start(mail_channel: MailChannel) -> Wire {
    let settings = Settings {
        received_mails: mail_channel.received.clone(),
        ..Settings::default()
    };
    let edge = Edge {
        mail_channel,
        ..Edge::default()
    };
    Wire::start_edge(settings, edge).await
}

async fn take_mail(wire: &Wire, ws: &Workspace, enabled: bool) -> String {
    let config = json!({ "workspaceId": ws.id, "enabled": enabled });
    wire.kit
        .call_json(&ws.owner, "emailChannel:upsertEmailConfig", config)
        .await
        .unwrap();
    let get = json!({ "workspaceId": ws.id });
    let config = wire
        .kit
        .call_json(&ws.owner, "emailChannel:getEmailConfig", get)
        .await
        .unwrap();
    config["forwardingAddress"].as_str().unwrap().to_owned()
}

/// Svix's headers for a body at a time.
fn signed(body: &str, at: i64) -> Vec<(&'static str, String)> {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("msg_1.{at}.{body}").as_bytes());
    vec![
        ("svix-id", "msg_1".to_owned()),
        ("svix-timestamp", at.to_string()),
        ("svix-signature", format!("v1,{}", STANDARD.encode(tag))),
    ]
}

async fn post(wire: &Wire, path: &str, body: &str, headers: Vec<(&'static str, String)>) -> (StatusCode, Value) {
    let mut request = client().post(format!("{}{path}", wire.url)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/json"), "{kind}");
    assert!(answer.headers().get("access-control-allow-origin").is_none());
    let status = answer.status();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

fn seconds(wire: &Wire) -> i64 {
    wire.kit.clock.now().0 / 1000
}

fn error(status: u16, text: &str) -> (StatusCode, Value) {
    (StatusCode::from_u16(status).unwrap(), json!({ "error": text }))
}

#[tokio::test]
async fn only_the_provider_is_believed() {
    let body = json!({ "from": "a@x.com", "to": "nobody@x.com", "subject": "x" }).to_string();
    let paths = [
        "/email/inbound",
        "/api/email/inbound",
        "/email/webhook",
        "/api/email/webhook",
    ];
    let closed = start(MailChannel::default()).await;
    let wire = start(guarded()).await;
    let now = seconds(&wire);
    for path in paths {
        let configuration = post(&closed, path, &body, signed(&body, now)).await;
        assert_eq!(configuration, error(401, "Webhook configuration error"), "{path}");
        assert_eq!(
            post(&wire, path, &body, vec![]).await,
            error(401, "Missing signature"),
            "{path}"
        );
        for (signed_body, at) in [("{}", now), (body.as_str(), now - 301), (body.as_str(), now + 600)] {
            let answer = post(&wire, path, &body, signed(signed_body, at)).await;
            assert_eq!(answer, error(401, "Invalid signature"), "{path} {at}");
        }
        let (status, _) = post(&wire, path, &body, signed(&body, now)).await;
        assert_ne!(status, 401, "{path}");
    }
    // The clock moves on, and what was good is a recording.
    wire.kit.clock.advance(400_000);
    let replayed = post(&wire, paths[0], &body, signed(&body, now)).await;
    assert_eq!(replayed, error(401, "Invalid signature"));
}

#[tokio::test]
async fn every_case_has_its_answer() {
    let open = MailChannel {
        gate: Gate::new(None, false, 300),
        largest: 10_000,
        ..MailChannel::default()
    };
    let wire = start(open).await;
    let (ws, off) = (wire.kit.workspace().await, wire.kit.workspace().await);
    let (to, closed) = (take_mail(&wire, &ws, true).await, take_mail(&wire, &off, false).await);
    let mail = |to: &str| json!({ "from": "a@x.com", "to": to, "subject": "x", "text": "y", "headers": { "message-id": "<1@x>" } });
    let inbound = async |body: String| post(&wire, "/email/inbound", &body, vec![]).await;
    let (status, stored) = inbound(mail(&to).to_string()).await;
    assert_eq!((status, &stored["success"]), (StatusCode::OK, &json!(true)));
    let (status, again) = inbound(mail(&to).to_string()).await;
    let mut duplicate = stored.clone();
    duplicate["duplicate"] = json!(true);
    assert_eq!((status, again), (StatusCode::OK, duplicate));
    assert_eq!(
        inbound(mail("nobody@x.com").to_string()).await,
        error(404, "Unknown recipient")
    );
    assert_eq!(
        inbound(mail(&closed).to_string()).await,
        error(403, "Email channel disabled")
    );
    for broken in ["", "no json", "[]"] {
        assert_eq!(
            inbound(broken.to_owned()).await,
            error(500, "Internal server error"),
            "{broken}"
        );
    }
    assert_eq!(inbound("x".repeat(10_001)).await, error(413, "Payload too large"));
    let event = json!({ "type": "email.delivered", "data": { "email_id": "e1" } }).to_string();
    let received = (StatusCode::OK, json!({ "received": true }));
    assert_eq!(inbound(event.clone()).await, received);
    for path in ["/email/webhook", "/api/email/webhook"] {
        assert_eq!(post(&wire, path, &event, vec![]).await, received);
        assert_eq!(post(&wire, path, "{}", vec![]).await, received);
        assert_eq!(
            post(&wire, path, "nonsense", vec![]).await,
            error(500, "Internal server error")
        );
    }
}

#[tokio::test]
async fn too_many_reports_are_told_to_wait() {
    let wire = Wire::start_with(Settings {
        quotas: "webhook=2/60".parse::<Quotas>().unwrap(),
        ..Settings::default()
    })
    .await;
    let mut last = StatusCode::OK;
    for _ in 0..3 {
        let answer = client()
            .post(format!("{}/email/inbound", wire.url))
            .send()
            .await
            .unwrap();
        last = answer.status();
        assert_eq!(answer.headers().contains_key("retry-after"), last == 429);
    }
    assert_eq!(last, 429);
}

/// A provider that has one mail, and its file, for whoever has the key.
fn provider() -> String {
    async fn mail(request: HttpRequest) -> HttpResponse {
        if request
            .headers()
            .get("authorization")
            .is_none_or(|key| key != "Bearer re_key")
        {
            return HttpResponse::Unauthorized().finish();
        }
        if request.path() != "/emails/receiving/e1" {
            return HttpResponse::NotFound().json(json!({ "name": "not_found" }));
        }
        HttpResponse::Ok().json(json!({
            "id": "e1", "from": "ada@example.org", "to": ["support@acme.example"], "cc": null, "bcc": null,
            "reply_to": null, "subject": "From the provider", "html": "<p>fetched</p>", "text": null,
            "headers": { "from": "Ada <ada@example.org>", "in-reply-to": "<0@x>" }, "message_id": "<1@x>",
            "attachments": [{ "id": "f1", "filename": "a.txt", "size": 5, "content_type": "text/plain" }],
        }))
    }
    async fn files(request: HttpRequest) -> HttpResponse {
        let host = request.connection_info().host().to_owned();
        HttpResponse::Ok().json(json!({ "object": "list", "data": [{
            "id": "f1", "filename": "a.txt", "size": 5, "content_type": "text/plain",
            "download_url": format!("http://{host}/files/f1"),
        }] }))
    }
    let server = HttpServer::new(|| {
        App::new()
            .route("/emails/receiving/{id}/attachments", web::get().to(files))
            .route("/emails/receiving/{id}", web::get().to(mail))
            .route("/files/f1", web::get().to(async || "hello"))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

#[tokio::test]
async fn a_mail_that_is_only_announced_is_fetched_with_its_files() {
    let url = provider();
    let received = ResendReceived::new("re_key", Some(&url)).unwrap();
    let wire = start(MailChannel {
        received: Some(Arc::new(received)),
        ..guarded()
    })
    .await;
    let ws = wire.kit.workspace().await;
    let to = take_mail(&wire, &ws, true).await;
    let announce = |id: &str| {
        json!({ "type": "email.received", "created_at": "x", "data": {
            "email_id": id, "created_at": "x", "from": "ada@example.org", "to": ["support@acme.example"], "cc": [],
            "bcc": [], "received_for": [to], "message_id": "<1@x>", "subject": "announced",
            "attachments": [{ "id": "f1", "filename": "a.txt", "content_type": "text/plain" }],
        } })
        .to_string()
    };
    let now = seconds(&wire);
    let unknown = announce("e2");
    let answer = post(&wire, "/email/inbound", &unknown, signed(&unknown, now)).await;
    assert_eq!(answer, error(500, "Internal server error"), "the provider tries again");
    let known = announce("e1");
    let (status, stored) = post(&wire, "/email/inbound", &known, signed(&known, now)).await;
    assert_eq!(status, 200, "{stored}");
    let list = json!({ "conversationId": stored["conversationId"] });
    let thread = wire
        .kit
        .call_json(&ws.owner, "messages:list", list.clone())
        .await
        .unwrap();
    assert_eq!(thread[0]["content"], "<p>fetched</p>");
    let metadata = &thread[0]["emailMetadata"];
    assert_eq!(
        (&metadata["from"], &metadata["inReplyTo"]),
        (&json!("Ada <ada@example.org>"), &json!("<0@x>"))
    );
    assert_eq!(metadata["attachments"][0].get("storageId"), None);
    wire.kit.run_jobs().await;
    let thread = wire.kit.call_json(&ws.owner, "messages:list", list).await.unwrap();
    let file = &thread[0]["emailMetadata"]["attachments"][0];
    let address = file["url"].as_str().unwrap().replace("http://opencom.test", &wire.url);
    let body = client().get(address).send().await.unwrap().text().await.unwrap();
    assert_eq!(body, "hello");
}
