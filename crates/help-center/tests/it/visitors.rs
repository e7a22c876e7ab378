//! The help center as visitors see it: by session, and only what is for them.

use crate::neighbours::merge;
use opencom_core::Role;
use opencom_core::id::{ArticleId, VisitorId};
use opencom_testkit::{Kit, Nobody, Visitor};
use serde_json::{Value, json};

use crate::support::{Desk, call, each, kit, refusal, titles};

const PATHS: [&str; 4] = [
    "articles:listForVisitor",
    "articles:searchForVisitor",
    "articles:getForVisitor",
    "collections:listHierarchyForVisitor",
];

/// The arguments of each path.
fn request(path: &str, desk: &Desk<'_>, article: &Value, more: Value) -> Value {
    let mut request = json!({ "workspaceId": desk.ws.id });
    match path {
        "articles:searchForVisitor" => request["query"] = json!("a"),
        "articles:getForVisitor" => request["id"] = article.clone(),
        _ => {}
    }
    let more = more.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(more);
    request
}

fn session(visitor: &Visitor) -> Value {
    json!({ "sessionToken": visitor.token })
}

/// An article for whoever has this custom attribute.
async fn for_plan(desk: &Desk<'_>, title: &str, plan: &str) -> Value {
    let id = desk.published(title, title).await;
    let rules = json!({
        "type": "condition", "property": { "source": "custom", "key": "plan" }, "operator": "equals", "value": plan,
    });
    desk.update(&id, json!({ "audienceRules": rules })).await;
    id
}

async fn identify(kit: &Kit, visitor: &Visitor, more: Value) {
    let mut request = json!({ "visitorId": visitor.id, "sessionToken": visitor.token });
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    call(kit, &Nobody, "visitors:identify", request).await;
}

#[tokio::test]
async fn visitors_see_what_is_for_them_even_where_the_help_center_is_restricted() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    desk.set_policy("restricted").await;
    let (pro, free) = (kit.visitor(&desk.ws).await, kit.visitor(&desk.ws).await);
    identify(&kit, &pro, json!({ "customAttributes": { "plan": "pro" } })).await;
    let all = desk.published("For all", "text").await;
    let some = for_plan(&desk, "For pros", "pro").await;
    desk.draft("Draft", "").await;
    let internal = desk.published("Internal", "").await;
    desk.update(&internal, json!({ "visibility": "internal" })).await;
    for (visitor, seen) in [(&pro, vec!["For all", "For pros"]), (&free, vec!["For all"])] {
        let list = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token });
        let rows = call(&kit, &Nobody, "articles:listForVisitor", list).await;
        assert_eq!(titles(&rows), seen);
        assert!(!rows.to_string().contains("audienceRules"));
        assert_eq!(each(&rows, "renderedContent")[0], "text");
        let search = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "query": "FOR" });
        assert_eq!(
            titles(&call(&kit, &Nobody, "articles:searchForVisitor", search).await),
            seen
        );
        for (id, visible) in [(&all, true), (&some, seen.len() == 2), (&internal, false)] {
            let get = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "id": id });
            let row = call(&kit, &Nobody, "articles:getForVisitor", get).await;
            assert_eq!(!row.is_null(), visible);
        }
    }
    // A member looks as somebody, or as nobody in particular.
    for (visitor, seen) in [
        (Some(pro.id), vec!["For all", "For pros"]),
        (Some(free.id), vec!["For all"]),
        (Some(VisitorId::generate()), vec![]),
        (None, vec![]),
    ] {
        let mut list = json!({ "workspaceId": desk.ws.id, "sessionToken": "ignored" });
        if let Some(visitor) = visitor {
            list["visitorId"] = json!(visitor);
        }
        assert_eq!(titles(&desk.call("articles:listForVisitor", list).await), seen);
    }
}

#[tokio::test]
async fn a_session_shows_its_own_visitor_and_no_other() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let (ann, bob) = (kit.visitor(&desk.ws).await, kit.visitor(&desk.ws).await);
    let foreign = kit.visitor(&other.ws).await;
    let lacking = kit.agent(&desk.ws, Role::Owner).await;
    kit.set_permissions(&lacking, desk.ws.id, &["articles.create"]).await;
    let id = desk.published("A", "").await;
    for path in PATHS {
        let thing = if path.starts_with("articles") {
            "read articles"
        } else {
            "list collections"
        };
        let theirs = format!("Not authorized to {thing} for this visitor");
        for (more, code, text) in [
            (json!({}), "NOT_AUTHENTICATED", "Session token required"),
            (
                json!({ "sessionToken": "" }),
                "NOT_AUTHENTICATED",
                "Session token required",
            ),
            (
                json!({ "visitorId": ann.id }),
                "NOT_AUTHENTICATED",
                "Session token required",
            ),
            (
                json!({ "sessionToken": "wst_no" }),
                "NOT_AUTHENTICATED",
                "Invalid session token",
            ),
            (
                session(&foreign),
                "NOT_AUTHORIZED",
                "Session token does not match workspace",
            ),
            (
                json!({ "sessionToken": ann.token, "visitorId": bob.id }),
                "NOT_AUTHORIZED",
                theirs.as_str(),
            ),
        ] {
            let answer = kit
                .call_json(&Nobody, path, request(path, &desk, &id, more.clone()))
                .await;
            assert_eq!(refusal(answer), (code, text.to_owned()), "{path} {more}");
        }
        for (agent, code, text) in [
            (
                &other.ws.owner,
                "NOT_WORKSPACE_MEMBER",
                "Not a member of this workspace",
            ),
            (&lacking, "PERMISSION_DENIED", "Permission denied: articles.read"),
        ] {
            // The token does not help an agent.
            let answer = kit
                .call_json(agent, path, request(path, &desk, &id, session(&ann)))
                .await;
            assert_eq!(refusal(answer), (code, text.to_owned()), "{path}");
        }
        let own = json!({ "sessionToken": ann.token, "visitorId": ann.id });
        call(&kit, &Nobody, path, request(path, &desk, &id, own)).await;
    }
    kit.clock.advance(2 * opencom_core::Millis::DAY);
    for path in PATHS {
        let answer = kit
            .call_json(&Nobody, path, request(path, &desk, &id, session(&ann)))
            .await;
        assert_eq!(
            refusal(answer),
            ("SESSION_EXPIRED", "Session expired".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_visitor_who_was_merged_away_goes_on_reading() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let (ann, again) = (kit.visitor(&desk.ws).await, kit.visitor(&desk.ws).await);
    merge(&kit, &again, &ann).await;
    desk.published("A", "").await;
    for visitor in [&ann, &again] {
        for named in [&ann, &again] {
            let list = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "visitorId": named.id });
            assert_eq!(
                titles(&call(&kit, &Nobody, "articles:listForVisitor", list).await),
                ["A"]
            );
        }
    }
}

#[tokio::test]
async fn articles_of_another_workspace_are_not_there() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let visitor = kit.visitor(&desk.ws).await;
    let shelf = other.collection("Foreign", None).await;
    let foreign = other.published("Foreign", "").await;
    other.update(&foreign, json!({ "collectionId": shelf })).await;
    let list = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "collectionId": shelf });
    assert_eq!(call(&kit, &Nobody, "articles:listForVisitor", list).await, json!([]));
    for id in [foreign, json!(ArticleId::generate())] {
        let get = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "id": id });
        assert_eq!(call(&kit, &Nobody, "articles:getForVisitor", get).await, Value::Null);
    }
}

#[tokio::test]
async fn a_search_shows_the_oldest_twenty_for_the_visitor() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    for n in 0..30 {
        if n % 5 == 0 {
            for_plan(&desk, &format!("Many {n}"), "pro").await;
        } else {
            desk.published(&format!("Many {n}"), "").await;
        }
    }
    let search = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "query": "many" });
    let found = titles(&call(&kit, &Nobody, "articles:searchForVisitor", search).await);
    let expected: Vec<_> = (0..30)
        .filter(|n| n % 5 != 0)
        .take(20)
        .map(|n| format!("Many {n}"))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn collections_with_something_for_the_visitor_come_with_all_that_they_are_in() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    let top = desk.collection("Top", None).await;
    let middle = desk.collection("Middle", Some(&top)).await;
    let low = desk.collection("Low", Some(&middle)).await;
    let pros = desk.collection("Pros", None).await;
    let drafts = desk.collection("Drafts", None).await;
    for (shelf, plan, publish) in [
        (&low, None, true),
        (&low, Some("pro"), true),
        (&pros, Some("pro"), true),
        (&drafts, None, false),
    ] {
        let id = match plan {
            Some(plan) => for_plan(&desk, "A", plan).await,
            None if publish => desk.published("A", "").await,
            None => desk.draft("A", "").await,
        };
        desk.update(&id, json!({ "collectionId": shelf })).await;
    }
    let list = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token });
    let seen = |rows: &Value| -> Vec<(String, f64, f64)> {
        let count = |row: &Value, field: &str| row[field].as_f64().unwrap();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| {
            let name = row["name"].as_str().unwrap().to_owned();
            (name, count(row, "articleCount"), count(row, "publishedArticleCount"))
        })
        .collect()
    };
    let rows = call(&kit, &Nobody, "collections:listHierarchyForVisitor", list.clone()).await;
    let shelf = |name: &str, n: f64| (name.to_owned(), n, n);
    assert_eq!(
        seen(&rows),
        [shelf("Top", 0.0), shelf("Middle", 0.0), shelf("Low", 1.0)]
    );
    identify(&kit, &visitor, json!({ "customAttributes": { "plan": "pro" } })).await;
    let rows = call(&kit, &Nobody, "collections:listHierarchyForVisitor", list).await;
    let expected = [
        shelf("Top", 0.0),
        shelf("Middle", 0.0),
        shelf("Low", 2.0),
        shelf("Pros", 1.0),
    ];
    let mut found = seen(&rows);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut expected = expected.to_vec();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn heartbeats_count_for_rules_about_the_last_sign_of_life() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    let later = kit.clock.now().plus(60_000);
    let id = desk.published("A", "").await;
    let rules = json!({
        "type": "condition", "property": { "source": "system", "key": "lastSeenAt" }, "operator": "greater_than",
        "value": later,
    });
    desk.update(&id, json!({ "audienceRules": rules })).await;
    let list = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token });
    assert_eq!(
        call(&kit, &Nobody, "articles:listForVisitor", list.clone()).await,
        json!([])
    );
    kit.clock.advance(120_000);
    let beat = json!({ "visitorId": visitor.id, "sessionToken": visitor.token });
    call(&kit, &Nobody, "visitors:heartbeat", beat).await;
    assert_eq!(
        titles(&call(&kit, &Nobody, "articles:listForVisitor", list).await),
        ["A"]
    );
}
