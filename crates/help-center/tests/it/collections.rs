//! Collections: the tree, what it counts, and what it refuses.

use opencom_core::Role;
use opencom_core::id::CollectionId;
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use crate::support::{Desk, call, each, kit, refusal, titles};

#[tokio::test]
async fn a_new_collection_is_the_last_of_its_siblings() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.collection("Getting Started", None).await;
    let row = desk.shelf(&id).await;
    let now = row["createdAt"].clone();
    assert_eq!(
        row,
        json!({
            "_id": id, "_creationTime": now, "workspaceId": desk.ws.id, "name": "Getting Started",
            "slug": "getting-started", "order": 1.0, "createdAt": now, "updatedAt": now,
        })
    );
    let second = desk.collection("Getting Started", None).await;
    let child = desk.collection("Child", Some(&id)).await;
    let places = [&second, &child].map(|id| desk.shelf(id));
    let [second, child] = futures_util::future::join_all(places).await.try_into().unwrap();
    assert_eq!(
        (&second["slug"], &second["order"]),
        (&json!("getting-started-1"), &json!(2.0))
    );
    assert_eq!((&child["parentId"], &child["order"]), (&id, &json!(1.0)));
    let full = json!({ "workspaceId": desk.ws.id, "name": "", "description": "What it is", "icon": "📚" });
    let full = desk.call("collections:create", full).await;
    let row = desk.shelf(&full).await;
    assert_eq!(
        (&row["description"], &row["icon"]),
        (&json!("What it is"), &json!("📚"))
    );
}

#[tokio::test]
async fn lists_count_what_is_directly_inside() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ws = desk.ws.id;
    let top = desk.collection("Top", None).await;
    let child = desk.collection("Child", Some(&top)).await;
    let empty = desk.collection("Empty", None).await;
    for (shelf, visibility, publish) in [
        (&child, "public", true),
        (&child, "public", false),
        (&child, "internal", true),
        (&empty, "internal", true),
    ] {
        let create = json!({
            "workspaceId": ws, "title": "A", "content": "", "collectionId": shelf, "visibility": visibility,
        });
        let id = desk.call("articles:create", create).await;
        if publish {
            desk.call("articles:publish", json!({ "id": id })).await;
        }
    }
    let list = |more: Value| {
        let mut request = more;
        request["workspaceId"] = json!(ws);
        request
    };
    let rows = desk.call("collections:list", list(json!({}))).await;
    assert_eq!(titles(&rows), ["Top", "Empty"]);
    assert_eq!(each(&rows, "articleCount"), [&json!(0.0), &json!(1.0)]);
    assert_eq!(each(&rows, "publishedArticleCount"), [&json!(0.0), &json!(0.0)]);
    let rows = desk.call("collections:list", list(json!({ "parentId": top }))).await;
    assert_eq!(titles(&rows), ["Child"]);
    assert_eq!(each(&rows, "articleCount"), [&json!(3.0)]);
    assert_eq!(each(&rows, "publishedArticleCount"), [&json!(1.0)]);
    // The public see what they can read something in, and are told of nothing else.
    let public = list(json!({ "parentId": top, "publicOnly": true }));
    assert_eq!(
        each(&desk.call("collections:list", public.clone()).await, "articleCount"),
        [&json!(3.0)]
    );
    for publicly in [public, list(json!({ "parentId": top }))] {
        let rows = call(&kit, &Nobody, "collections:list", publicly).await;
        assert_eq!(titles(&rows), ["Child"]);
        assert_eq!(each(&rows, "articleCount"), [&json!(1.0)]);
    }
    assert_eq!(
        call(&kit, &Nobody, "collections:list", list(json!({}))).await,
        json!([])
    );
    // A flat list; a child may come without its parent.
    let rows = desk.call("collections:listHierarchy", list(json!({}))).await;
    assert_eq!(titles(&rows), ["Top", "Child", "Empty"]);
    let rows = desk
        .call("collections:listHierarchy", list(json!({ "publicOnly": true })))
        .await;
    assert_eq!(titles(&rows), ["Child"]);
    let rows = call(&kit, &Nobody, "collections:listHierarchy", list(json!({}))).await;
    assert_eq!(
        (titles(&rows), each(&rows, "parentId")),
        (vec!["Child".to_owned()], vec![&top])
    );
}

#[tokio::test]
async fn a_place_is_any_number_and_siblings_keep_theirs() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let (a, b, c) = (
        desk.collection("A", None).await,
        desk.collection("B", None).await,
        desk.collection("C", None).await,
    );
    for (id, place, order) in [
        (&c, 1.5, ["A", "C", "B"]),
        (&b, -1.0, ["B", "A", "C"]),
        // Equals stand as they were made.
        (&c, 1.0, ["B", "A", "C"]),
        (&a, 1e300, ["B", "C", "A"]),
    ] {
        let answer = desk
            .call("collections:reorder", json!({ "id": id, "newOrder": place }))
            .await;
        assert_eq!(answer, *id);
        let rows = desk
            .call("collections:list", json!({ "workspaceId": desk.ws.id }))
            .await;
        assert_eq!(titles(&rows), order);
    }
}

#[tokio::test]
async fn a_collection_is_found_by_id_and_failing_that_by_slug() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.collection("Shelf", None).await;
    let ws = desk.ws.id;
    for (request, found) in [
        (json!({ "id": id }), true),
        (json!({ "slug": "shelf", "workspaceId": ws }), true),
        (
            json!({ "id": CollectionId::generate(), "slug": "shelf", "workspaceId": ws }),
            true,
        ),
        (json!({ "slug": "", "workspaceId": ws }), false),
        (json!({ "slug": "shelf" }), false),
        (json!({ "id": CollectionId::generate() }), false),
    ] {
        assert_eq!(
            !desk.call("collections:get", request.clone()).await.is_null(),
            found,
            "{request}"
        );
        assert_eq!(
            !call(&kit, &Nobody, "collections:get", request.clone()).await.is_null(),
            found,
            "{request}"
        );
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_clears() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let (top, id) = (desk.collection("Top", None).await, desk.collection("Shelf", None).await);
    kit.clock.advance(1000);
    let update = json!({ "id": id, "name": "Top", "description": "d", "icon": "i", "parentId": top });
    assert_eq!(desk.call("collections:update", update).await, id);
    let row = desk.shelf(&id).await;
    assert_eq!((&row["name"], &row["slug"]), (&json!("Top"), &json!("top-1")));
    assert_eq!(
        (&row["description"], &row["icon"], &row["parentId"]),
        (&json!("d"), &json!("i"), &top)
    );
    assert_eq!(
        (&row["order"], row["updatedAt"] == row["createdAt"]),
        (&json!(2.0), false)
    );
    // The same name keeps the slug; an empty text is a text.
    desk.call(
        "collections:update",
        json!({ "id": id, "name": "Top", "description": "" }),
    )
    .await;
    let row = desk.shelf(&id).await;
    assert_eq!(
        (&row["slug"], &row["description"], &row["parentId"]),
        (&json!("top-1"), &json!(""), &top)
    );
    let clear = json!({ "id": id, "description": null, "icon": null, "parentId": null });
    desk.call("collections:update", clear).await;
    let row = desk.shelf(&id).await;
    for field in ["description", "icon", "parentId"] {
        assert_eq!(row.get(field), None, "{field}");
    }
}

#[tokio::test]
async fn a_collection_never_gets_into_itself() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let a = desk.collection("A", None).await;
    let b = desk.collection("B", Some(&a)).await;
    let c = desk.collection("C", Some(&b)).await;
    let foreign = other.collection("Foreign", None).await;
    for (id, parent, code, text) in [
        (&a, &a, "INVALID_INPUT", "Collection cannot be its own parent"),
        (
            &a,
            &b,
            "INVALID_INPUT",
            "Collection cannot be moved into its own descendant",
        ),
        (
            &a,
            &c,
            "INVALID_INPUT",
            "Collection cannot be moved into its own descendant",
        ),
        (&a, &foreign, "NOT_FOUND", "Parent collection not found"),
        (
            &a,
            &json!(CollectionId::generate()),
            "NOT_FOUND",
            "Parent collection not found",
        ),
    ] {
        let answer = desk
            .try_call("collections:update", json!({ "id": id, "parentId": parent }))
            .await;
        assert_eq!(refusal(answer), (code, text.to_owned()));
    }
    let create = json!({ "workspaceId": desk.ws.id, "name": "D", "parentId": foreign });
    let answer = desk.try_call("collections:create", create).await;
    assert_eq!(refusal(answer), ("NOT_FOUND", "Parent collection not found".to_owned()));
    desk.call("collections:update", json!({ "id": c, "parentId": a })).await;
    desk.call("collections:update", json!({ "id": b, "parentId": c })).await;
}

#[tokio::test]
async fn only_an_empty_collection_can_be_deleted() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let shelf = desk.collection("Shelf", None).await;
    let child = desk.collection("Child", Some(&shelf)).await;
    let create = json!({
        "workspaceId": desk.ws.id, "title": "A", "content": "", "collectionId": shelf, "visibility": "internal",
    });
    let article = desk.call("articles:create", create).await;
    let remove = json!({ "id": shelf });
    let refused = |text: &str| ("INVALID_INPUT", text.to_owned());
    let answer = desk.try_call("collections:remove", remove.clone()).await;
    assert_eq!(
        refusal(answer),
        refused("Cannot delete collection with child collections")
    );
    desk.call("collections:remove", json!({ "id": child })).await;
    let answer = desk.try_call("collections:remove", remove.clone()).await;
    assert_eq!(refusal(answer), refused("Cannot delete collection with articles"));
    desk.update(&article, json!({ "collectionId": null })).await;
    assert_eq!(
        desk.call("collections:remove", remove.clone()).await,
        json!({ "success": true })
    );
    let answer = desk.try_call("collections:remove", remove).await;
    assert_eq!(refusal(answer), ("NOT_FOUND", "Collection not found".to_owned()));
}

#[tokio::test]
async fn agents_cannot_change_the_tree() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let agent = kit.agent(&desk.ws, Role::Agent).await;
    let id = desk.collection("Shelf", None).await;
    for (path, request) in [
        ("collections:create", json!({ "workspaceId": desk.ws.id, "name": "A" })),
        ("collections:update", json!({ "id": id })),
        ("collections:remove", json!({ "id": id })),
        ("collections:reorder", json!({ "id": id, "newOrder": 1 })),
    ] {
        let answer = kit.call_json(&agent, path, request.clone()).await;
        assert_eq!(
            refusal(answer),
            ("PERMISSION_DENIED", "Permission denied: articles.create".to_owned())
        );
        let answer = kit.call_json(&Nobody, path, request).await;
        assert_eq!(refusal(answer), ("NOT_AUTHENTICATED", "Not authenticated".to_owned()));
    }
}
