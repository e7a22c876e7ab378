//! Live results stay what a fresh execution gives, and what is not about them leaves them alone.

use opencom_testkit::{Nobody, Probe};
use serde_json::json;

use crate::reading::picture;
use crate::support::{Desk, kit};

#[tokio::test]
async fn live_results_of_the_help_center_are_never_stale() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ws = desk.ws.id;
    let visitor = kit.visitor(&desk.ws).await;
    let (shelf, other) = (
        desk.collection("Shelf", None).await,
        desk.collection("Other", None).await,
    );
    let (asset, _) = picture(&kit, ws, true).await;
    let id = desk.draft("Title", &format!("oc-asset://{asset}")).await;
    let mut probe = Probe::new(&kit);
    for (path, request) in [
        ("articles:list", json!({ "workspaceId": ws })),
        ("articles:list", json!({ "workspaceId": ws, "collectionId": shelf })),
        (
            "articles:list",
            json!({ "workspaceId": ws, "status": "published", "visibility": "public" }),
        ),
        ("articles:get", json!({ "id": id })),
        ("articles:get", json!({ "slug": "title", "workspaceId": ws })),
        ("articles:get", json!({ "slug": "renamed", "workspaceId": ws })),
        ("articles:search", json!({ "workspaceId": ws, "query": "t" })),
        ("articles:search", json!({ "workspaceId": ws, "query": "renamed" })),
        ("articles:getFeedbackStats", json!({ "articleId": id })),
        ("collections:list", json!({ "workspaceId": ws })),
        ("collections:list", json!({ "workspaceId": ws, "parentId": shelf })),
        ("collections:listHierarchy", json!({ "workspaceId": ws })),
        ("collections:get", json!({ "id": shelf })),
        ("collections:get", json!({ "slug": "renamed", "workspaceId": ws })),
        ("workspaces:getPublicWorkspaceContext", json!({})),
        (
            "workspaces:getPublicWorkspaceContext",
            json!({ "articleSlug": "renamed" }),
        ),
    ] {
        probe.subscribe(&desk.ws.owner, path, request.clone()).await;
        probe.subscribe(&Nobody, path, request).await;
    }
    for path in [
        "articles:listForVisitor",
        "articles:searchForVisitor",
        "articles:getForVisitor",
        "collections:listHierarchyForVisitor",
    ] {
        let mut request = json!({ "workspaceId": ws, "sessionToken": visitor.token });
        match path {
            "articles:searchForVisitor" => request["query"] = json!("t"),
            "articles:getForVisitor" => request["id"] = id.clone(),
            _ => {}
        }
        probe.subscribe(&Nobody, path, request).await;
    }
    let rules = json!({
        "type": "condition", "property": { "source": "custom", "key": "plan" }, "operator": "equals", "value": "pro",
    });
    let steps = [
        ("articles:publish", json!({ "id": id })),
        ("articles:update", json!({ "id": id, "title": "Renamed" })),
        ("articles:update", json!({ "id": id, "collectionId": shelf })),
        ("articles:update", json!({ "id": id, "audienceRules": rules })),
        ("articles:submitFeedback", json!({ "articleId": id, "helpful": true })),
        (
            "collections:update",
            json!({ "id": shelf, "name": "Renamed", "parentId": other }),
        ),
        ("collections:reorder", json!({ "id": other, "newOrder": 9 })),
        (
            "collections:create",
            json!({ "workspaceId": ws, "name": "New", "parentId": shelf }),
        ),
        (
            "articles:create",
            json!({ "workspaceId": ws, "title": "Third", "content": "", "collectionId": other }),
        ),
        ("articles:update", json!({ "id": id, "visibility": "internal" })),
        ("articles:update", json!({ "id": id, "visibility": "public" })),
        ("articles:unpublish", json!({ "id": id })),
        ("articles:archive", json!({ "id": id })),
        ("articles:publish", json!({ "id": id })),
        ("articles:update", json!({ "id": id, "collectionId": null })),
        ("articles:remove", json!({ "id": id })),
    ];
    for (path, request) in steps {
        kit.clock.advance(1000);
        desk.call(path, request).await;
        probe.check(path).await;
    }
    let identify = json!({
        "visitorId": visitor.id, "sessionToken": visitor.token, "customAttributes": { "plan": "pro" },
    });
    kit.call_json(&Nobody, "visitors:identify", identify).await.unwrap();
    probe.check("another plan").await;
    desk.set_policy("restricted").await;
    probe.check("a restriction").await;
    assert_eq!(probe.idle().into_iter().collect::<Vec<_>>(), Vec::<&str>::new());
}

#[tokio::test]
async fn drafts_re_run_nothing_that_strangers_see() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ws = desk.ws.id;
    let id = desk.published("A", "").await;
    let draft = desk.draft("B", "").await;
    let mut probe = Probe::new(&kit);
    for (path, request) in [
        ("articles:list", json!({ "workspaceId": ws })),
        ("articles:search", json!({ "workspaceId": ws, "query": "a" })),
        ("articles:get", json!({ "id": id })),
        ("articles:get", json!({ "slug": "a", "workspaceId": ws })),
        ("collections:list", json!({ "workspaceId": ws })),
        ("workspaces:getPublicWorkspaceContext", json!({})),
    ] {
        probe.subscribe(&Nobody, path, request).await;
    }
    desk.update(&draft, json!({ "title": "C", "content": "c" })).await;
    probe.check("a draft's change").await;
    assert_eq!(probe.reruns(), 0);
}
