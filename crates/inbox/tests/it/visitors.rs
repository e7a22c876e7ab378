//! `visitors:*` but for merges.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::visitors::{ChangeSource, VisitorChange};
use opencom_contract::visitors::{
    Get, GetBySession, Heartbeat, Identify, IsOnline, List, Location, Search, UpdateLocation,
};
use opencom_core::auth::token::user_hash;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Int, Millis, Role};
use opencom_schema::visitors;
use opencom_testkit::{Agent, Kit, Nobody, Person, Probe, Settings, Visitor, Workspace};
use serde_json::{Value, json};

use crate::support::{
    Remembering, SECRET, allow_origins, boot, booted, changed, kit, kit_with, refusal, set_lifetime, verify_identity,
};

async fn get(kit: &Kit, person: &impl Person, id: VisitorId) -> Option<Value> {
    let visitor = kit.call(person, &Get::builder().id(id).build()).await.unwrap();
    visitor.map(|visitor| serde_json::to_value(visitor).unwrap())
}

async fn is_online(kit: &Kit, visitor_id: VisitorId) -> bool {
    kit.call(&Nobody, &IsOnline::builder().visitor_id(visitor_id).build())
        .await
        .unwrap()
}

fn as_visitor(visitor: &Visitor) -> Identify {
    Identify::builder()
        .visitor_id(visitor.id)
        .session_token(visitor.token.clone())
        .build()
}

fn beat(visitor: &Visitor) -> Heartbeat {
    Heartbeat::builder()
        .visitor_id(visitor.id)
        .session_token(visitor.token.clone())
        .build()
}

async fn names(kit: &Kit, agent: &Agent, workspace_id: WorkspaceId, query: &str) -> Vec<String> {
    let request = Search::builder().workspace_id(workspace_id).query(query).build();
    let found = kit.call(agent, &request).await.unwrap();
    found
        .into_iter()
        .map(|visitor| visitor.name.unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn members_of_any_role_get_a_visitor_and_everybody_else_null() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let visitor = kit.visitor(&ws).await;
    let viewer = kit.agent(&ws, Role::Viewer).await;
    assert_eq!(
        get(&kit, &viewer, visitor.id).await.unwrap()["_id"],
        visitor.id.to_string()
    );
    assert_eq!(get(&kit, &Nobody, visitor.id).await, None);
    assert_eq!(get(&kit, &other.owner, visitor.id).await, None);
    assert_eq!(get(&kit, &viewer, VisitorId::generate()).await, None);
    let refused = kit.call_json(&viewer, "visitors:get", json!({"id": ws.id})).await;
    assert_eq!(refusal(refused).0, "INVALID_INPUT");
}

#[tokio::test]
async fn whoever_knows_the_session_id_gets_its_oldest_visitor() {
    let kit = kit().await;
    let (a, b) = (kit.workspace().await, kit.workspace().await);
    let oldest = boot(&kit, a.id, json!({"sessionId": "s1"})).await.visitor;
    kit.clock.advance(10);
    boot(&kit, b.id, json!({"sessionId": "s1"})).await;
    let ask = |session_id: &str| GetBySession::builder().session_id(session_id).build();
    assert_eq!(kit.call(&Nobody, &ask("s1")).await.unwrap().unwrap().id, oldest.id);
    assert!(kit.call(&Nobody, &ask("s2")).await.unwrap().is_none());
    assert!(kit.call(&Nobody, &ask("")).await.unwrap().is_none());
}

#[tokio::test]
async fn identify_writes_what_is_given_and_tells_what_changed() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let remembering = Remembering::new(&kit);
    let request = changed(as_visitor(&visitor), |request| {
        request.email = Some("ann@x.com".to_owned());
        request.name = Some("Ann".to_owned());
        request.referrer = Some(String::new());
        request.location = Some(Location {
            city: Some("Ulm".to_owned()),
            ..Location::default()
        });
        request.custom_attributes = Some([("plan", "pro")].into_iter().collect());
    });
    let identified = remembering.call(&request).await.unwrap();
    assert_eq!(
        (identified.email.as_deref(), identified.name.as_deref()),
        (Some("ann@x.com"), Some("Ann"))
    );
    assert_eq!(identified.referrer, None);

    let more = changed(as_visitor(&visitor), |request| {
        request.name = Some("Ann B".to_owned());
        request.location = Some(Location::default());
        request.custom_attributes = Some([("seats", 2)].into_iter().collect());
    });
    let identified = remembering.call(&more).await.unwrap();
    assert_eq!(
        serde_json::to_value(&identified.custom_attributes).unwrap(),
        json!({"plan": "pro", "seats": 2.0})
    );
    assert_eq!(
        identified.location,
        Some(Location::default()),
        "a location is replaced as a whole"
    );
    assert_eq!(identified.email.as_deref(), Some("ann@x.com"));

    let change = |source, key: &str, from: Option<&str>, to: &str| {
        let (key, from, to) = (key.to_owned(), from.map(str::to_owned), Some(to.to_owned()));
        (visitor.id, VisitorChange { source, key, from, to })
    };
    assert_eq!(
        *remembering.memory.changes.lock().unwrap(),
        [
            change(ChangeSource::State, "email", None, "ann@x.com"),
            change(ChangeSource::State, "name", None, "Ann"),
            change(ChangeSource::Attribute, "plan", None, "pro"),
            change(ChangeSource::State, "name", Some("Ann"), "Ann B"),
            change(ChangeSource::Attribute, "seats", None, "2"),
        ]
    );
    assert_eq!(remembering.entries(), []);
}

#[tokio::test]
async fn identify_refuses_in_the_order_of_its_checks() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&other).await);
    let named = async |request: Identify| refusal(kit.call(&Nobody, &request).await);
    let with_token = |token: &str| {
        changed(as_visitor(&visitor), |request| {
            request.session_token = Some(token.to_owned())
        })
    };

    let nobody = Identify::builder().session_token(visitor.token.clone()).build();
    assert_eq!(named(nobody).await, ("INVALID_INPUT", "Visitor ID required".to_owned()));
    let unknown = changed(as_visitor(&visitor), |request| {
        request.visitor_id = Some(VisitorId::generate())
    });
    assert_eq!(named(unknown).await, ("NOT_FOUND", "Visitor not found".to_owned()));
    assert_eq!(
        named(with_token("wst_x")).await,
        ("NOT_AUTHENTICATED", "Invalid session token".to_owned())
    );
    let elsewhere = named(with_token(&stranger.token)).await;
    assert_eq!(
        elsewhere,
        ("NOT_AUTHORIZED", "Session token does not match workspace".to_owned())
    );

    // Without a token the name alone counts, as today's apps have it; an empty token is none.
    let bare = changed(with_token(""), |request| request.name = Some("Ann".to_owned()));
    assert_eq!(kit.call(&Nobody, &bare).await.unwrap().name.as_deref(), Some("Ann"));

    allow_origins(&kit, ws.id, &["https://app.x"]).await;
    verify_identity(&kit, ws.id, "required").await;
    let refused = named(as_visitor(&visitor)).await;
    let text = "Origin validation failed: Origin header is required when allowed origins are configured";
    assert_eq!(refused, ("NOT_AUTHORIZED", text.to_owned()));
    let from_app = |user_hash: Option<&str>| {
        changed(as_visitor(&visitor), |request| {
            request.origin = Some("https://app.x".to_owned());
            request.external_user_id = Some("u1".to_owned());
            request.user_hash = user_hash.map(str::to_owned);
        })
    };
    let text = "Identity verification failed: userHash is required";
    assert_eq!(named(from_app(None)).await, ("NOT_AUTHORIZED", text.to_owned()));
    assert_eq!(
        named(from_app(Some("00"))).await,
        ("NOT_AUTHORIZED", "Identity verification failed".to_owned())
    );
    let proven = kit
        .call(&Nobody, &from_app(Some(&user_hash(SECRET, "u1"))))
        .await
        .unwrap();
    assert_eq!(
        (proven.identity_verified, proven.external_user_id.as_deref()),
        (Some(true), Some("u1"))
    );
}

#[tokio::test]
async fn the_token_says_who_identifies() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (ann, bob) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let request = changed(as_visitor(&ann), |request| {
        request.visitor_id = Some(bob.id);
        request.name = Some("Ann".to_owned());
    });
    assert_eq!(kit.call(&Nobody, &request).await.unwrap().id, ann.id);
    assert_eq!(get(&kit, &ws.owner, bob.id).await.unwrap().get("name"), None);
}

#[tokio::test]
async fn a_strict_server_wants_tokens() {
    let kit = kit_with(Settings {
        strict_visitors: true,
        ..Settings::default()
    })
    .await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let bare = Identify::builder().visitor_id(visitor.id).build();
    let refused = refusal(kit.call(&Nobody, &bare).await);
    assert_eq!(refused, ("NOT_AUTHENTICATED", "Session token required".to_owned()));
    kit.call(&Nobody, &as_visitor(&visitor)).await.unwrap();

    kit.clock.advance(5 * Millis::MINUTE);
    kit.call(
        &Nobody,
        &changed(beat(&visitor), |request| request.session_token = None),
    )
    .await
    .unwrap();
    assert!(!is_online(&kit, visitor.id).await);
    kit.call(&Nobody, &beat(&visitor)).await.unwrap();
    assert!(is_online(&kit, visitor.id).await);
}

#[tokio::test]
async fn a_location_is_replaced_by_its_visitor_and_by_agents() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, neighbour, stranger) = (
        kit.visitor(&ws).await,
        kit.visitor(&ws).await,
        kit.visitor(&other).await,
    );
    let at = |visitor_id, token: Option<&str>, city: &str| {
        UpdateLocation::builder()
            .visitor_id(visitor_id)
            .maybe_session_token(token)
            .location(Location {
                city: Some(city.to_owned()),
                ..Location::default()
            })
            .build()
    };
    let mine = Some(visitor.token.as_str());
    kit.call(&Nobody, &at(visitor.id, mine, "Ulm")).await.unwrap();
    assert_eq!(
        get(&kit, &ws.owner, visitor.id).await.unwrap()["location"],
        json!({"city": "Ulm"})
    );
    kit.call(&ws.owner, &at(visitor.id, None, "Bonn")).await.unwrap();
    assert_eq!(
        get(&kit, &ws.owner, visitor.id).await.unwrap()["location"],
        json!({"city": "Bonn"})
    );

    let unknown = VisitorId::generate();
    let of_neighbour = "Not authorized to update location for this visitor";
    for (request, code, text) in [
        (at(visitor.id, None, "x"), "NOT_AUTHENTICATED", "Session token required"),
        (at(unknown, None, "x"), "NOT_AUTHENTICATED", "Session token required"),
        (
            at(unknown, Some("wst_x"), "x"),
            "NOT_AUTHENTICATED",
            "Invalid session token",
        ),
        (at(unknown, mine, "x"), "NOT_FOUND", "Visitor not found"),
        (
            at(visitor.id, Some(&stranger.token), "x"),
            "NOT_AUTHORIZED",
            "Session token does not match workspace",
        ),
        (at(neighbour.id, mine, "x"), "NOT_AUTHORIZED", of_neighbour),
    ] {
        assert_eq!(refusal(kit.call(&Nobody, &request).await), (code, text.to_owned()));
    }
    let denied = ("PERMISSION_DENIED", "Permission denied".to_owned());
    assert_eq!(
        refusal(kit.call(&other.owner, &at(visitor.id, mine, "x")).await),
        denied
    );
    let agent = kit.agent(&ws, Role::Agent).await;
    kit.set_permissions(&agent, ws.id, &["conversations.read"]).await;
    assert_eq!(refusal(kit.call(&agent, &at(visitor.id, mine, "x")).await), denied);
    let missing = ("NOT_FOUND", "Visitor not found".to_owned());
    assert_eq!(refusal(kit.call(&agent, &at(unknown, None, "x")).await), missing);
    assert_eq!(
        get(&kit, &ws.owner, visitor.id).await.unwrap()["location"],
        json!({"city": "Bonn"})
    );
}

#[tokio::test]
async fn a_heartbeat_keeps_a_visitor_online_for_two_minutes() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let mut probe = Probe::new(&kit);
    probe
        .subscribe(&Nobody, "visitors:isOnline", json!({"visitorId": visitor.id}))
        .await;
    probe
        .subscribe(&ws.owner, "visitors:get", json!({"id": visitor.id}))
        .await;
    probe
        .subscribe(
            &Nobody,
            "visitors:getBySession",
            json!({"sessionId": visitor.session_id}),
        )
        .await;
    probe
        .subscribe(&ws.owner, "visitors:list", json!({"workspaceId": ws.id}))
        .await;
    assert!(is_online(&kit, visitor.id).await);
    let booted_at = get(&kit, &ws.owner, visitor.id).await.unwrap()["lastSeenAt"].as_f64();

    kit.clock.advance(2 * Millis::MINUTE);
    assert!(!is_online(&kit, visitor.id).await);
    probe.check("two minutes").await;
    for _ in 0..2 {
        kit.clock.advance(Millis::MINUTE);
        kit.call(&Nobody, &beat(&visitor)).await.unwrap();
        let before = probe.reruns();
        probe.check("a heartbeat").await;
        assert_eq!(probe.reruns() - before, 3, "a heartbeat does not re-run lists");
        assert!(is_online(&kit, visitor.id).await);
    }
    assert!(get(&kit, &ws.owner, visitor.id).await.unwrap()["lastSeenAt"].as_f64() > booted_at);
    kit.clock.advance(2 * Millis::MINUTE);
    probe.check("another two minutes").await;
    assert!(!is_online(&kit, visitor.id).await);
    assert!(!is_online(&kit, VisitorId::generate()).await);
}

#[tokio::test]
async fn a_heartbeat_that_may_not_be_does_nothing_and_fails_for_its_origin_alone() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    set_lifetime(&kit, ws.id, Millis::HOUR).await;
    let (visitor, stranger) = (booted(&kit, &ws).await, booted(&kit, &other).await);
    kit.clock.advance(Millis::HOUR + Millis::MINUTE);
    let with_token = |token: &str| changed(beat(&visitor), |request| request.session_token = Some(token.to_owned()));
    for request in [
        beat(&visitor),
        with_token("wst_x"),
        with_token(&stranger.token),
        changed(beat(&visitor), |request| request.visitor_id = None),
        Heartbeat::builder().visitor_id(VisitorId::generate()).build(),
    ] {
        kit.call(&Nobody, &request).await.unwrap();
        assert!(!is_online(&kit, visitor.id).await);
    }
    allow_origins(&kit, ws.id, &["https://app.x"]).await;
    let refused = refusal(kit.call(&Nobody, &with_token("")).await);
    assert_eq!(refused.0, "NOT_AUTHORIZED");
    assert!(refused.1.starts_with("Origin validation failed: "), "{}", refused.1);
    kit.call(&Nobody, &beat(&visitor)).await.unwrap();
    let from_app = changed(with_token(""), |request| {
        request.origin = Some("https://app.x".to_owned())
    });
    kit.call(&Nobody, &from_app).await.unwrap();
    assert!(is_online(&kit, visitor.id).await, "the bare id is enough by default");
}

#[tokio::test]
async fn lists_are_newest_first_and_paged() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let mut made = Vec::new();
    for n in 0..5 {
        // Two of the same millisecond now and then: the order is that of the ids.
        kit.clock.advance(n % 2);
        made.insert(0, kit.visitor(&ws).await.id);
    }
    let outsider = kit.visitor(&other).await.id;
    let page = async |limit: Option<i64>, cursor| {
        let request = List::builder()
            .workspace_id(ws.id)
            .maybe_limit(limit.map(Int))
            .maybe_cursor(cursor)
            .build();
        let page = kit.call(&ws.owner, &request).await.unwrap();
        page.into_iter().map(|visitor| visitor.id).collect::<Vec<_>>()
    };
    let all = page(None, None).await;
    assert_eq!(all.len(), 5);
    assert_eq!(page(Some(2), None).await, all[..2]);
    assert_eq!(page(Some(2), Some(all[1])).await, all[2..4]);
    assert_eq!(page(Some(2), Some(all[3])).await, all[4..]);
    assert_eq!(page(Some(0), None).await, all[..1]);
    assert_eq!(page(Some(1_000_000), Some(outsider)).await, all);

    for person in [&kit.agent(&other, Role::Owner).await, &kit.user(None).await] {
        let request = List::builder().workspace_id(ws.id).build();
        assert!(kit.call(person, &request).await.unwrap().is_empty());
    }
    let request = List::builder().workspace_id(ws.id).build();
    assert!(kit.call(&Nobody, &request).await.unwrap().is_empty());
}

async fn named(kit: &Kit, workspace: &Workspace, name: &str, email: &str) {
    let arguments = json!({"sessionId": format!("{name} {email}"), "name": name, "email": email});
    boot(kit, workspace.id, arguments).await;
}

#[tokio::test]
async fn visitors_are_found_by_words_of_their_name_and_by_their_address() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    for (name, email) in [
        ("Ann Smith", "ann@x.com"),
        ("Anna Smithson", "anna@x.com"),
        ("Jean-Luc O'Brien", "jl@x.com"),
        ("acme.com Support", "Help@Acme.com"),
        ("Ünal Öz", "unal@x.com"),
        ("Smith", "ann.smith@x.com"),
    ] {
        named(&kit, &ws, name, email).await;
    }
    named(&kit, &other, "Ann Smith of elsewhere", "ann@x.com").await;
    let find = async |query: &str| names(&kit, &ws.owner, ws.id, query).await;
    assert_eq!(find("ann smith").await, ["Ann Smith"]);
    assert_eq!(
        find("  SMITHSON an ").await,
        ["Anna Smithson"],
        "the last word is a prefix too"
    );
    assert_eq!(find("smith an").await, ["Ann Smith"], "the others are whole words");
    assert_eq!(find("jean-l").await, ["Jean-Luc O'Brien"]);
    assert_eq!(find("o'br").await, ["Jean-Luc O'Brien"]);
    assert_eq!(find("acme").await, ["acme.com Support"]);
    assert_eq!(find("support").await, ["acme.com Support"]);
    assert_eq!(find("help@acme.com").await, ["acme.com Support"]);
    assert_eq!(find("HELP@ACME.COM").await, ["acme.com Support"]);
    assert_eq!(find("ann@x.com").await, ["Ann Smith"]);
    assert_eq!(find("Ünal").await, ["Ünal Öz"]);
    assert_eq!(find("nobody").await, [] as [&str; 0]);
    assert_eq!(find(" a ").await, [] as [&str; 0]);
    let mut smiths = find("smith").await;
    smiths.sort();
    assert_eq!(smiths, ["Ann Smith", "Anna Smithson", "Smith"]);

    let request = Search::builder()
        .workspace_id(ws.id)
        .query("smith")
        .limit(Int(2))
        .build();
    assert_eq!(kit.call(&ws.owner, &request).await.unwrap().len(), 2);
    for person in [&other.owner, &kit.user(None).await] {
        assert!(kit.call(person, &request).await.unwrap().is_empty());
    }
    assert!(kit.call(&Nobody, &request).await.unwrap().is_empty());
}

#[tokio::test]
async fn no_text_breaks_the_search() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    named(&kit, &ws, "Ann & Bob", "ab@x.com").await;
    for query in [
        "ann &",
        "& | !",
        "ann:*",
        "'ann",
        "''",
        "\"ann",
        "a\\b",
        "<->",
        "(ann",
        "ann)",
        "!ann",
        "%%",
        "::",
        "ann' | 'x",
        "…—",
        "日本語",
        "🙂🙂",
        "\u{200b}\u{200b}",
        "ann\tbob",
        "\\'",
        ws.id.to_string().as_str(),
    ] {
        let found = names(&kit, &ws.owner, ws.id, query).await;
        assert!(found.len() <= 1, "{query}");
    }
    assert_eq!(names(&kit, &ws.owner, ws.id, "ann &").await, ["Ann & Bob"]);
    assert_eq!(names(&kit, &ws.owner, ws.id, "(bob) ann").await, ["Ann & Bob"]);
}

#[tokio::test]
async fn a_visitor_without_readable_id_gets_it_when_it_shows_up() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (ann, bob) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    diesel::update(visitors::table)
        .set(visitors::readable_id.eq(None::<String>))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let identified = kit.call(&Nobody, &as_visitor(&ann)).await.unwrap();
    let booted = boot(&kit, ws.id, json!({"sessionId": bob.session_id})).await.visitor;
    for visitor in [identified, booted] {
        let stored = get(&kit, &ws.owner, visitor.id).await.unwrap();
        assert_eq!(stored["readableId"].as_str(), visitor.readable_id.as_deref());
        assert!(visitor.readable_id.is_some());
    }
}

#[tokio::test]
async fn live_results_follow_visitors() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let mut probe = Probe::new(&kit);
    probe
        .subscribe(&ws.owner, "visitors:get", json!({"id": visitor.id}))
        .await;
    probe
        .subscribe(
            &Nobody,
            "visitors:getBySession",
            json!({"sessionId": visitor.session_id}),
        )
        .await;
    probe
        .subscribe(&Nobody, "visitors:getBySession", json!({"sessionId": "new"}))
        .await;
    probe
        .subscribe(&ws.owner, "visitors:list", json!({"workspaceId": ws.id}))
        .await;
    probe
        .subscribe(
            &ws.owner,
            "visitors:search",
            json!({"workspaceId": ws.id, "query": "ann"}),
        )
        .await;
    let named = changed(as_visitor(&visitor), |request| request.name = Some("Ann".to_owned()));
    kit.call(&Nobody, &named).await.unwrap();
    probe.check("identify").await;
    let location = Location {
        city: Some("Ulm".to_owned()),
        ..Location::default()
    };
    let request = UpdateLocation::builder()
        .visitor_id(visitor.id)
        .session_token(visitor.token.clone())
        .location(location)
        .build();
    kit.call(&Nobody, &request).await.unwrap();
    probe.check("updateLocation").await;
    boot(&kit, ws.id, json!({"sessionId": "new", "name": "Anna"})).await;
    probe.check("a first boot").await;
    boot(
        &kit,
        ws.id,
        json!({"sessionId": "newer", "existingVisitorId": visitor.id}),
    )
    .await;
    probe.check("a session id that moved").await;
    boot(&kit, ws.id, json!({"sessionId": "new"})).await;
    probe.check("another boot").await;
}
