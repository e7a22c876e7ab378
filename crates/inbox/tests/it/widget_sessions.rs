//! `widgetSessions:*`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use opencom_contract::widget_sessions::{Boot, Refresh, Revoke, ValidateSessionToken};
use opencom_core::Millis;
use opencom_core::auth::token::user_hash;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_schema::{visitors, widget_sessions};
use opencom_testkit::{Kit, Nobody, Probe, Visitor};
use serde_json::{Value, json};

use crate::support::{Remembering, SECRET, allow_origins, boot, kit, refusal, set_lifetime, try_boot, verify_identity};

async fn count_visitors(kit: &Kit) -> i64 {
    visitors::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap()
}

async fn count_sessions(kit: &Kit) -> i64 {
    widget_sessions::table
        .count()
        .get_result(&mut kit.connection().await)
        .await
        .unwrap()
}

async fn verdict(kit: &Kit, workspace: WorkspaceId, token: &str) -> Value {
    let arguments = json!({ "workspaceId": workspace, "sessionToken": token });
    kit.call_json(&Nobody, "widgetSessions:validateSessionToken", arguments)
        .await
        .unwrap()
}

fn refresh(token: &str) -> Refresh {
    Refresh::builder().session_token(token).build()
}

fn revoke(token: &str) -> Revoke {
    Revoke::builder().session_token(token).build()
}

#[tokio::test]
async fn a_first_boot_makes_a_visitor_and_a_session() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let now = kit.clock.now();
    let booted = boot(
        &kit,
        ws.id,
        json!({
            "sessionId": "s1", "email": "Ann@x.com", "name": "Ann", "location": {"city": "Ulm"},
            "device": {"platform": "ios", "appVersion": "7"}, "referrer": "", "currentUrl": "https://x.com/",
            "customAttributes": {"plan": "pro", "seats": 3}, "clientVersion": "1.2",
        }),
    )
    .await;
    let visitor = serde_json::to_value(&booted.visitor).unwrap();
    assert_eq!(visitor["sessionId"], "s1");
    assert_eq!(visitor["workspaceId"], ws.id.to_string());
    assert_eq!(visitor["email"], "Ann@x.com");
    assert_eq!(visitor["location"], json!({"city": "Ulm"}));
    assert_eq!(visitor["device"], json!({"platform": "ios"}));
    assert_eq!(visitor["customAttributes"], json!({"plan": "pro", "seats": 3.0}));
    assert_eq!(visitor["firstSeenAt"], visitor["lastSeenAt"]);
    assert_eq!(visitor["firstSeenAt"], visitor["createdAt"]);
    for absent in [
        "referrer",
        "externalUserId",
        "identityVerified",
        "identityVerifiedAt",
        "userId",
    ] {
        assert_eq!(visitor.get(absent), None, "{absent}");
    }
    let readable = visitor["readableId"].as_str().unwrap();
    assert_eq!(readable.split('-').count(), 3, "{readable}");
    assert!(booted.session_token.starts_with("wst_") && booted.session_token.len() == 68);
    let lifetime = booted.expires_at.since(now);
    assert!(
        (Millis::DAY..Millis::DAY + Millis::MINUTE).contains(&lifetime),
        "{lifetime}"
    );

    type Client = (Option<String>, Option<String>, Option<String>, Option<String>, bool);
    let client: Client = widget_sessions::table
        .select((
            widget_sessions::client_type,
            widget_sessions::client_version,
            widget_sessions::current_url,
            widget_sessions::device_platform,
            widget_sessions::identity_verified,
        ))
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        client,
        (
            text("mobile_sdk"),
            text("1.2"),
            text("https://x.com/"),
            text("ios"),
            false
        )
    );
}

#[tokio::test]
async fn boots_with_one_session_id_are_of_one_visitor_and_of_another_one_in_another_workspace() {
    let kit = kit().await;
    let (a, b) = (kit.workspace().await, kit.workspace().await);
    let first = boot(
        &kit,
        a.id,
        json!({"sessionId": "s1", "name": "Ann", "customAttributes": {"a": 1, "b": 1}}),
    )
    .await;
    kit.clock.advance(5000);
    let second = boot(
        &kit,
        a.id,
        json!({"sessionId": "s1", "name": "", "customAttributes": {"b": 2}}),
    )
    .await;
    assert_eq!(first.visitor.id, second.visitor.id);
    assert_eq!(second.visitor.name.as_deref(), Some("Ann"));
    assert_eq!(
        serde_json::to_value(&second.visitor.custom_attributes).unwrap(),
        json!({"a": 1.0, "b": 2.0}),
        "attributes are laid over those that are there"
    );
    assert_eq!(second.visitor.first_seen_at, first.visitor.first_seen_at);
    assert!(second.visitor.last_seen_at > first.visitor.last_seen_at);
    for token in [&first.session_token, &second.session_token] {
        assert_eq!(verdict(&kit, a.id, token).await["valid"], true);
    }
    let elsewhere = boot(&kit, b.id, json!({"sessionId": "s1"})).await;
    assert_ne!(elsewhere.visitor.id, first.visitor.id);
    boot(&kit, b.id, json!({"sessionId": "s1"})).await;
    assert_eq!(count_visitors(&kit).await, 2);
}

#[tokio::test]
async fn ten_first_boots_at_once_make_one_visitor_and_ten_sessions() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let boots = (0..10).map(|_| boot(&kit, ws.id, json!({"sessionId": "s1", "customAttributes": {}})));
    let booted = join_all(boots).await;
    assert!(booted.iter().all(|one| one.visitor.id == booted[0].visitor.id));
    for one in &booted {
        assert_eq!(verdict(&kit, ws.id, &one.session_token).await["valid"], true);
    }
    assert_eq!((count_visitors(&kit).await, count_sessions(&kit).await), (1, 10));
}

#[tokio::test]
async fn ten_first_boots_at_once_with_one_address_make_one_visitor() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let boots = (0..10).map(|n| boot(&kit, ws.id, json!({"sessionId": format!("s{n}"), "email": "ann@x.com"})));
    let booted = join_all(boots).await;
    assert!(booted.iter().all(|one| one.visitor.id == booted[0].visitor.id));
    assert_eq!(count_visitors(&kit).await, 1);
}

#[tokio::test]
async fn a_boot_without_session_id_gets_one() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let booted = boot(&kit, ws.id, json!({})).await;
    let made = booted.visitor.session_id.strip_prefix("session_").unwrap().to_owned();
    assert!(
        made.len() == 48 && made.bytes().all(|b| b.is_ascii_hexdigit()),
        "{made}"
    );
    assert_ne!(
        boot(&kit, ws.id, json!({"sessionId": ""})).await.visitor.id,
        booted.visitor.id
    );
}

#[tokio::test]
async fn a_boot_finds_the_visitor_by_id_then_session_then_address() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let ann = boot(&kit, ws.id, json!({"sessionId": "s1", "email": "Ann@x.com"}))
        .await
        .visitor;
    let bob = boot(&kit, ws.id, json!({"sessionId": "s2"})).await.visitor;

    let by_email = boot(&kit, ws.id, json!({"sessionId": "s3", "email": "aNN@x.com"}))
        .await
        .visitor;
    assert_eq!(by_email.id, ann.id);
    assert_eq!(
        (by_email.session_id.as_str(), by_email.email.as_deref()),
        ("s3", Some("aNN@x.com"))
    );

    let by_session = boot(&kit, ws.id, json!({"sessionId": "s2", "email": "ann@x.com"}))
        .await
        .visitor;
    assert_eq!(by_session.id, bob.id, "a boot never merges");

    let by_id = boot(&kit, ws.id, json!({"sessionId": "s9", "existingVisitorId": bob.id}))
        .await
        .visitor;
    assert_eq!((by_id.id, by_id.session_id.as_str()), (bob.id, "s9"));
    let taken = boot(&kit, ws.id, json!({"sessionId": "s3", "existingVisitorId": bob.id}))
        .await
        .visitor;
    assert_eq!(
        (taken.id, taken.session_id.as_str()),
        (bob.id, "s9"),
        "the session id is another visitor's"
    );

    let stranger = boot(&kit, other.id, json!({"sessionId": "s9", "existingVisitorId": bob.id}))
        .await
        .visitor;
    assert_ne!(stranger.id, bob.id, "a visitor of another workspace is ignored");
    let unknown = boot(
        &kit,
        ws.id,
        json!({"sessionId": "s9", "existingVisitorId": VisitorId::generate()}),
    )
    .await;
    assert_eq!(unknown.visitor.id, bob.id);
}

#[tokio::test]
async fn origins_are_judged_by_the_list_of_the_workspace() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let nowhere = try_boot(&kit, WorkspaceId::generate(), json!({"sessionId": "s"})).await;
    assert_eq!(
        refusal(nowhere),
        (
            "NOT_AUTHORIZED",
            "Origin validation failed: Workspace not found".to_owned()
        )
    );
    allow_origins(&kit, ws.id, &["https://app.x", "*.x.com"]).await;
    for (origin, reason) in [
        (None, "Origin header is required when allowed origins are configured"),
        (
            Some(""),
            "Origin header is required when allowed origins are configured",
        ),
        (Some("null"), "Origin must be a valid http(s) origin"),
        (Some("https://other.x"), "Origin not in allowed list"),
    ] {
        let mut arguments = json!({"sessionId": "s"});
        if let Some(origin) = origin {
            arguments["origin"] = origin.into();
        }
        let refused = refusal(try_boot(&kit, ws.id, arguments).await);
        assert_eq!(
            refused,
            ("NOT_AUTHORIZED", format!("Origin validation failed: {reason}"))
        );
    }
    assert_eq!(count_visitors(&kit).await, 0);
    for origin in ["https://APP.x", "http://a.b.x.com:9"] {
        boot(&kit, ws.id, json!({"sessionId": "s", "origin": origin})).await;
    }
}

#[tokio::test]
async fn an_external_id_needs_a_right_hash_where_verification_is_required() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    verify_identity(&kit, ws.id, "required").await;
    for (more, text) in [
        (json!({}), "Identity verification failed: userHash is required"),
        (
            json!({"userHash": "00"}),
            "Identity verification failed: invalid userHash",
        ),
    ] {
        let mut arguments = json!({"sessionId": "s", "externalUserId": "ünï"});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(
            refusal(try_boot(&kit, ws.id, arguments).await),
            ("NOT_AUTHORIZED", text.to_owned())
        );
    }
    assert_eq!(count_visitors(&kit).await, 0);

    let hash = user_hash(SECRET, "ünï").to_uppercase();
    let booted = boot(
        &kit,
        ws.id,
        json!({"sessionId": "s", "externalUserId": "ünï", "userHash": hash}),
    )
    .await;
    assert_eq!(booted.visitor.identity_verified, Some(true));
    assert!(booted.visitor.identity_verified_at.is_some());
    assert_eq!(
        verdict(&kit, ws.id, &booted.session_token).await["identityVerified"],
        true
    );
    let anonymous = boot(&kit, ws.id, json!({"sessionId": "t"})).await;
    assert_eq!(anonymous.visitor.identity_verified, None);
}

#[tokio::test]
async fn a_wrong_hash_marks_the_visitor_where_verification_is_optional() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    verify_identity(&kit, ws.id, "optional").await;
    let right = user_hash(SECRET, "u1");
    let proven = boot(
        &kit,
        ws.id,
        json!({"sessionId": "s", "externalUserId": "u1", "userHash": right}),
    )
    .await;
    let marked = boot(
        &kit,
        ws.id,
        json!({"sessionId": "s", "externalUserId": "u1", "userHash": "00"}),
    )
    .await;
    assert_eq!(marked.visitor.identity_verified, Some(false));
    assert_eq!(marked.visitor.identity_verified_at, proven.visitor.identity_verified_at);
    assert_eq!(
        verdict(&kit, ws.id, &marked.session_token).await["identityVerified"],
        false
    );
}

#[tokio::test]
async fn nobody_becomes_another_visitor_without_proof_where_verification_is_required() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    verify_identity(&kit, ws.id, "required").await;
    let hash = user_hash(SECRET, "u1");
    let proof = json!({"externalUserId": "u1", "userHash": hash});
    let ann = boot(&kit, ws.id, json!({"sessionId": "s1", "email": "ann@x.com"}))
        .await
        .visitor;

    let by_email = boot(&kit, ws.id, json!({"sessionId": "s2", "email": "ann@x.com"}))
        .await
        .visitor;
    assert_ne!(by_email.id, ann.id);
    let by_id = boot(&kit, ws.id, json!({"sessionId": "s3", "existingVisitorId": ann.id}))
        .await
        .visitor;
    assert_ne!(by_id.id, ann.id);
    let own = boot(&kit, ws.id, json!({"sessionId": "s1", "existingVisitorId": ann.id}))
        .await
        .visitor;
    assert_eq!(own.id, ann.id);

    let mut arguments = json!({"sessionId": "s4", "email": "ann@x.com"});
    arguments
        .as_object_mut()
        .unwrap()
        .extend(proof.as_object().unwrap().clone());
    assert_eq!(boot(&kit, ws.id, arguments).await.visitor.id, ann.id);
}

#[tokio::test]
async fn attributes_are_limited_with_those_that_are_there() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let half = "x".repeat(150 * 1024);
    boot(&kit, ws.id, json!({"sessionId": "s", "customAttributes": {"a": half}})).await;
    let refused = try_boot(&kit, ws.id, json!({"sessionId": "s", "customAttributes": {"b": half}})).await;
    let Err(error) = refused else {
        panic!("too many were accepted")
    };
    assert_eq!(error.code().as_str(), "INVALID_INPUT");
    assert_eq!(error.data().field.as_deref(), Some("customAttributes"));
    assert_eq!(count_sessions(&kit).await, 1);
}

#[tokio::test]
async fn lifetimes_follow_the_workspace_within_bounds() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    for (configured, lifetime) in [
        (1000, Millis::HOUR),
        (30 * Millis::DAY, 7 * Millis::DAY),
        (0, Millis::DAY),
    ] {
        set_lifetime(&kit, ws.id, configured).await;
        let booted = boot(&kit, ws.id, json!({"sessionId": "s"})).await;
        assert_eq!(booted.expires_at.since(booted.visitor.last_seen_at.unwrap()), lifetime);
    }
}

#[tokio::test]
async fn a_refresh_trades_the_token_and_keeps_what_is_known_of_the_client() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let booted = boot(
        &kit,
        ws.id,
        json!({"sessionId": "s", "clientIdentifier": "sdk", "origin": "https://x.com"}),
    )
    .await;
    kit.clock.advance(Millis::HOUR);
    let arguments = json!({"sessionToken": booted.session_token, "workspaceId": "whatever"});
    let refreshed = kit
        .call_json(&Nobody, "widgetSessions:refresh", arguments)
        .await
        .unwrap();
    let token = refreshed["sessionToken"].as_str().unwrap();
    assert!(
        refreshed["expiresAt"].as_f64()
            >= serde_json::to_value(booted.expires_at.plus(Millis::HOUR))
                .unwrap()
                .as_f64()
    );

    assert_eq!(
        verdict(&kit, ws.id, &booted.session_token).await,
        json!({"valid": false, "reason": "Invalid session token"})
    );
    assert_eq!(
        verdict(&kit, ws.id, token).await,
        json!({"valid": true, "visitorId": booted.visitor.id, "identityVerified": false})
    );
    let again = kit.call(&Nobody, &refresh(&booted.session_token)).await;
    assert_eq!(
        refusal(again),
        ("NOT_AUTHENTICATED", "Invalid session token".to_owned())
    );
    let kept: (Option<String>, Option<String>) = widget_sessions::table
        .select((widget_sessions::client_identifier, widget_sessions::origin))
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(kept, (Some("sdk".to_owned()), Some("https://x.com".to_owned())));
    assert_eq!(count_sessions(&kit).await, 1);
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    for _ in 0..5 {
        let visitor = kit.visitor(&ws).await;
        let request = refresh(&visitor.token);
        let outcomes = join_all((0..2).map(|_| kit.call(&Nobody, &request))).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1));
        for outcome in lost {
            assert_eq!(
                refusal(outcome),
                ("NOT_AUTHENTICATED", "Invalid session token".to_owned())
            );
        }
    }
    assert_eq!(count_sessions(&kit).await, 5);
}

#[tokio::test]
async fn a_session_is_good_up_to_its_last_millisecond_and_then_cleaned_up() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let booted = boot(&kit, ws.id, json!({"sessionId": "s"})).await;
    let fresh = |at: Millis| at.since(kit.clock.now());
    kit.clock.advance(fresh(booted.expires_at) - Millis::MINUTE);
    assert_eq!(verdict(&kit, ws.id, &booted.session_token).await["valid"], true);
    kit.clock.advance(Millis::MINUTE + 1);
    let expired = json!({"valid": false, "reason": "Session expired"});
    assert_eq!(verdict(&kit, ws.id, &booted.session_token).await, expired);
    let refused = refusal(kit.call(&Nobody, &refresh(&booted.session_token)).await);
    assert_eq!(
        refused,
        ("SESSION_EXPIRED", "Session expired: please re-boot".to_owned())
    );
    assert_eq!(count_sessions(&kit).await, 1);

    kit.visitor(&ws).await;
    kit.run_jobs().await;
    assert_eq!(count_sessions(&kit).await, 2, "live queries may still rest on it");
    kit.clock.advance(Millis::HOUR);
    kit.run_jobs().await;
    assert_eq!(
        count_sessions(&kit).await,
        1,
        "the job is scheduled and deletes what has run out"
    );
    let unknown = json!({"valid": false, "reason": "Invalid session token"});
    assert_eq!(verdict(&kit, ws.id, &booted.session_token).await, unknown);
}

#[tokio::test]
async fn the_clean_up_deletes_a_thousand_at_a_time_and_is_no_public_function() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    diesel::sql_query(format!(
        "INSERT INTO widget_sessions (id, token_hash, visitor_id, workspace_id, identity_verified, expires_at, created_at)
         SELECT gen_random_uuid(), sha256(n::text::bytea), '{}', '{}', false, now() - interval '1 hour', now()
         FROM generate_series(1, 1200) n",
        visitor.id, ws.id
    ))
    .execute(&mut kit.connection().await)
    .await
    .unwrap();
    let path = "widgetSessions:cleanupExpiredSessions";
    let refused = refusal(kit.call_json(&Nobody, path, json!({})).await);
    assert_eq!(refused.0, "NOT_FOUND");
    let clean = || kit.invoke_json(path, json!({}));
    let first = clean().await.unwrap();
    assert_eq!(first, json!({"deleted": 1000.0, "hasMore": true}));
    let second = clean().await.unwrap();
    assert_eq!(second, json!({"deleted": 200.0, "hasMore": false}));
    assert_eq!(count_sessions(&kit).await, 1);
}

#[tokio::test]
async fn a_revoked_session_is_over_and_revoking_again_succeeds() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let remembering = Remembering::new(&kit);
    for _ in 0..2 {
        assert!(remembering.call(&revoke(&visitor.token)).await.unwrap().success);
    }
    assert!(kit.call(&Nobody, &revoke("")).await.unwrap().success);
    assert_eq!(verdict(&kit, ws.id, &visitor.token).await["valid"], false);
    let metadata = json!({"source": "widgetSessions.revoke"});
    assert_eq!(
        remembering.entries(),
        [(
            "auth.logout".into(),
            "widgetSession".into(),
            Some(visitor.id.to_string()),
            metadata
        )]
    );
}

#[tokio::test]
async fn boots_and_refreshes_are_in_the_audit_log() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let remembering = Remembering::new(&kit);
    let request: Boot = serde_json::from_value(json!({"workspaceId": ws.id, "sessionId": "s"})).unwrap();
    let booted = remembering.call(&request).await.unwrap();
    remembering.call(&refresh(&booted.session_token)).await.unwrap();
    let id = Some(booted.visitor.id.to_string());
    let boot = json!({"source": "widgetSessions.boot", "identityVerified": false});
    let refresh = json!({"source": "widgetSessions.refresh", "refreshed": true});
    assert_eq!(
        remembering.entries(),
        [
            ("auth.session.created".into(), "widgetSession".into(), id.clone(), boot),
            ("auth.session.created".into(), "widgetSession".into(), id, refresh),
        ]
    );
}

#[tokio::test]
async fn a_token_is_validated_for_its_workspace_and_visitor() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let Visitor { id, token, .. } = kit.visitor(&ws).await;
    let ask = async |workspace_id, token: &str, visitor_id| {
        let request = ValidateSessionToken::builder()
            .workspace_id(workspace_id)
            .session_token(token)
            .maybe_visitor_id(visitor_id)
            .build();
        kit.call(&Nobody, &request).await.unwrap().reason
    };
    assert_eq!(ask(ws.id, &token, None).await, None);
    assert_eq!(ask(ws.id, &token, Some(id)).await, None);
    let stranger = kit.visitor(&ws).await.id;
    for (workspace, token, visitor, reason) in [
        (ws.id, "", None, "Session token required"),
        (ws.id, "wst_nope", None, "Invalid session token"),
        (other.id, token.as_str(), None, "Session token does not match workspace"),
        (
            ws.id,
            token.as_str(),
            Some(stranger),
            "Session token does not match visitor",
        ),
    ] {
        assert_eq!(ask(workspace, token, visitor).await.as_deref(), Some(reason));
    }
}

#[tokio::test]
async fn live_results_follow_sessions() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let mut probe = Probe::new(&kit);
    let path = "widgetSessions:validateSessionToken";
    probe
        .subscribe(
            &Nobody,
            path,
            json!({"workspaceId": ws.id, "sessionToken": visitor.token}),
        )
        .await;
    probe.check("nothing").await;
    kit.call(&Nobody, &refresh(&visitor.token)).await.unwrap();
    probe.check("a refresh").await;
    assert_eq!(probe.reruns(), 1);
}
