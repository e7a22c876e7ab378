//! Too many calls are refused, and honest traffic is not.

use opencom_core::Role;
use opencom_testkit::Settings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::wire::{Wire, answer};

/// A server with these quotas.
pub(crate) async fn limited(quotas: &str) -> Wire {
    let quotas = quotas.parse().unwrap();
    Wire::start_with(Settings {
        quotas,
        ..Settings::default()
    })
    .await
}

/// Calls a mutation as a proxy on this machine passes it on.
async fn from(wire: &Wire, forwarded: &str, route: &str, path: &str, args: &Value) -> Value {
    let request = wire.request(Method::POST, &format!("/api/{route}"));
    let body = json!({ "path": path, "args": args }).to_string();
    answer(
        request
            .header("X-Forwarded-For", forwarded)
            .body(body)
            .send()
            .await
            .unwrap(),
    )
    .await
    .1
}

fn assert_refused(envelope: &Value) {
    assert_eq!(envelope["errorData"]["code"], "RATE_LIMITED", "{envelope}");
    assert_eq!(envelope["errorMessage"], "Too many requests, please try again later");
    let wait = envelope["errorData"]["retryAfterMs"].as_f64().unwrap();
    assert!((1.0..=60_001.0).contains(&wait), "{envelope}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_boots_too_often_is_told_when_to_come_back() {
    let wire = limited("boot=3/1").await;
    let workspace = wire.kit.workspace().await;
    let boot = |n: usize| json!({ "workspaceId": workspace.id, "sessionId": format!("s{n}") });
    for n in 0..3 {
        let booted = from(&wire, "203.0.113.7", "mutation", "widgetSessions:boot", &boot(n)).await;
        assert_eq!(booted["status"], "success", "{booted}");
    }
    let refused = from(&wire, "203.0.113.7", "mutation", "widgetSessions:boot", &boot(3)).await;
    assert_refused(&refused);
    // What a client makes up before its proxy's word does not help, and another address is another one.
    let made_up = "198.51.100.1, 203.0.113.7";
    assert_refused(&from(&wire, made_up, "mutation", "widgetSessions.js:boot", &boot(4)).await);
    let other = from(&wire, "203.0.113.8", "mutation", "widgetSessions:boot", &boot(5)).await;
    assert_eq!(other["status"], "success");
    let wait = refused["errorData"]["retryAfterMs"].as_f64().unwrap();
    wire.kit.clock.advance(wait as i64);
    let again = from(&wire, "203.0.113.7", "mutation", "widgetSessions:boot", &boot(6)).await;
    assert_eq!(again["status"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_signing_up_and_asking_for_codes_are_limited_by_address() {
    let wire = limited("sign-in=2/1,sign-up=1/1,email-code=1/1").await;
    let call = async |address: &str, params: Value| {
        let provider = if params.get("flow").is_some() {
            "password"
        } else {
            "resend-otp"
        };
        let args = json!({ "provider": provider, "params": params });
        from(&wire, address, "action", "auth:signIn", &args).await
    };
    let sign_up =
        |name: &str| json!({ "flow": "signUp", "email": format!("{name}@example.com"), "password": "correct horse" });
    let signed_up = call("203.0.113.7", sign_up("ada")).await;
    assert_eq!(signed_up["status"], "success", "{signed_up}");
    assert_refused(&call("203.0.113.7", sign_up("bob")).await);
    // A password and a code are two ways of one thing.
    let sign_in = json!({ "flow": "signIn", "email": "ada@example.com", "password": "correct horse" });
    let signed_in = call("203.0.113.7", sign_in.clone()).await;
    assert_eq!(signed_in["status"], "success", "{signed_in}");
    let verify = json!({ "email": "ada@example.com", "code": "000000" });
    let wrong = call("203.0.113.7", verify.clone()).await;
    assert_eq!(wrong["errorMessage"], "Could not verify code");
    assert_refused(&call("203.0.113.7", verify).await);
    assert_refused(&call("203.0.113.7", sign_in.clone()).await);
    assert_eq!(call("203.0.113.8", sign_in).await["status"], "success");
    // Tokens are refreshed whatever else is refused.
    let refresh = json!({ "refreshToken": signed_in["value"]["tokens"]["refreshToken"] });
    for _ in 0..3 {
        let refreshed = from(&wire, "203.0.113.7", "action", "auth:signIn", &refresh).await;
        assert!(refreshed["value"]["tokens"]["token"].is_string(), "{refreshed}");
    }
    let code = |name: &str| json!({ "email": format!("{name}@example.com") });
    assert_eq!(
        call("203.0.113.7", code("ada")).await["value"],
        json!({ "started": true })
    );
    assert_refused(&call("203.0.113.7", code("bob")).await);
    assert_eq!(wire.kit.mail.sent().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn inviting_is_limited_by_agent() {
    let wire = limited("email-code=2/1").await;
    let ws = wire.kit.workspace().await;
    let (admin, viewer) = (
        wire.kit.agent(&ws, Role::Admin).await,
        wire.kit.agent(&ws, Role::Viewer).await,
    );
    let [owner, admin, viewer] = [&ws.owner, &admin, &viewer].map(|person| wire.token(person));
    let invite = async |token: &str, name: &str| {
        let args = json!({ "workspaceId": ws.id, "email": format!("{name}@example.com"), "role": "agent",
                           "baseUrl": "https://a.com" });
        wire.call("action", "workspaceMembers:inviteToWorkspace", args, Some(token))
            .await
    };
    for name in ["ada", "bob"] {
        assert_eq!(invite(&owner, name).await["value"], json!({ "status": "invited" }));
    }
    let refused = invite(&owner, "cid").await;
    assert_refused(&refused);
    // Those who may not are told so, however often; others of the workspace have a limit of their own.
    for _ in 0..3 {
        assert_eq!(invite(&viewer, "cid").await["errorData"]["code"], "PERMISSION_DENIED");
    }
    assert_eq!(invite(&admin, "cid").await["value"], json!({ "status": "invited" }));
    wire.kit.run_jobs().await;
    assert_eq!(wire.kit.mail.sent().len(), 3);
    let wait = refused["errorData"]["retryAfterMs"].as_f64().unwrap();
    wire.kit.clock.advance(wait as i64);
    assert_eq!(invite(&owner, "dan").await["value"], json!({ "status": "invited" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn booting_refreshing_and_identifying_are_limited_by_address() {
    let wire = limited("boot=2/1,identify=1/1").await;
    let workspace = wire.kit.workspace().await;
    let boot = json!({ "workspaceId": workspace.id, "sessionId": "s" });
    let booted = from(&wire, "203.0.113.7", "mutation", "widgetSessions:boot", &boot).await;
    let refresh = |session: &Value| json!({ "sessionToken": session["value"]["sessionToken"] });
    let refreshed = from(
        &wire,
        "203.0.113.7",
        "mutation",
        "widgetSessions:refresh",
        &refresh(&booted),
    )
    .await;
    let again = refresh(&refreshed);
    assert_refused(&from(&wire, "203.0.113.7", "mutation", "widgetSessions:refresh", &again).await);
    let identify = json!({ "visitorId": booted["value"]["visitor"]["_id"],
                           "sessionToken": refreshed["value"]["sessionToken"], "name": "Ada" });
    let done = from(&wire, "203.0.113.7", "mutation", "visitors:identify", &identify).await;
    assert_eq!(done["status"], "success", "{done}");
    assert_refused(&from(&wire, "203.0.113.7", "mutation", "visitors:identify", &identify).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_searches_too_much_is_refused_alone() {
    let wire = limited("search=2/1").await;
    let workspace = wire.kit.workspace().await;
    let (eager, calm) = (wire.kit.agent(&workspace, Role::Agent).await, &workspace.owner);
    let search = || json!({ "workspaceId": workspace.id, "query": "ada" });
    for _ in 0..2 {
        wire.value("query", "visitors:search", search(), Some(&wire.token(&eager)))
            .await;
    }
    let refused = wire
        .call("query", "visitors:search", search(), Some(&wire.token(&eager)))
        .await;
    assert_refused(&refused);
    wire.value("query", "visitors:search", search(), Some(&wire.token(calm)))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_sends_too_much_is_refused_alone_and_nothing_is_stored() {
    let wire = limited("send=5/1").await;
    let workspace = wire.kit.workspace().await;
    let (loud, calm) = (wire.kit.visitor(&workspace).await, wire.kit.visitor(&workspace).await);
    let mut threads = Vec::new();
    for visitor in [&loud, &calm] {
        let open = json!({ "workspaceId": workspace.id, "sessionToken": visitor.token });
        let conversation = wire
            .value("mutation", "conversations:createForVisitor", open, None)
            .await;
        threads.push(conversation["_id"].clone());
    }
    let send = |thread: &Value, token: &str| json!({ "conversationId": thread, "senderId": "v", "senderType": "visitor", "content": "x", "sessionToken": token });
    for _ in 0..5 {
        wire.value("mutation", "messages:send", send(&threads[0], &loud.token), None)
            .await;
    }
    let before = list(&wire, &threads[0], &loud.token).await;
    assert_refused(
        &wire
            .call("mutation", "messages:send", send(&threads[0], &loud.token), None)
            .await,
    );
    assert_eq!(list(&wire, &threads[0], &loud.token).await, before);
    wire.value("mutation", "messages:send", send(&threads[1], &calm.token), None)
        .await;
}

async fn list(wire: &Wire, thread: &Value, token: &str) -> usize {
    let args = json!({ "conversationId": thread, "sessionToken": token });
    let messages = wire.value("query", "messages:list", args, None).await;
    messages.as_array().unwrap().len()
}

/// An office behind one address: everybody opens the site at once, and writes as fast as people do.
#[tokio::test(flavor = "multi_thread")]
async fn an_office_behind_one_address_passes() {
    let wire = limited("on").await;
    let workspace = wire.kit.workspace().await;
    for n in 0..500 {
        let boot = json!({ "workspaceId": workspace.id, "sessionId": format!("s{n}") });
        let booted = from(&wire, "203.0.113.7", "mutation", "widgetSessions:boot", &boot).await;
        assert_eq!(booted["status"], "success", "{booted}");
        let token = booted["value"]["sessionToken"].as_str().unwrap();
        let identify = json!({ "visitorId": booted["value"]["visitor"]["_id"], "sessionToken": token, "name": "Ada" });
        let done = from(&wire, "203.0.113.7", "mutation", "visitors:identify", &identify).await;
        assert_eq!(done["status"], "success", "{done}");
    }
    let visitor = wire.kit.visitor(&workspace).await;
    let open = json!({ "workspaceId": workspace.id, "sessionToken": visitor.token });
    let thread = wire
        .value("mutation", "conversations:createForVisitor", open, None)
        .await["_id"]
        .take();
    for _ in 0..100 {
        let send = json!({ "conversationId": thread, "senderId": "v", "senderType": "visitor", "content": "x",
                           "sessionToken": visitor.token });
        wire.value("mutation", "messages:send", send, None).await;
    }
    // Every letter that is typed searches anew.
    let token = wire.token(&workspace.owner);
    for n in 0..100 {
        let search = json!({ "workspaceId": workspace.id, "query": "ada lovelace"[..3 + n % 10] });
        wire.value("query", "visitors:search", search, Some(&token)).await;
    }
}
