//! Writing articles: what is stored, states, slugs, places.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::id::{ArticleId, CollectionId, ContentFolderId, InternalArticleId, UserId};
use opencom_core::{Millis, Role};
use opencom_schema::{articles, internal_articles};
use opencom_testkit::{Kit, Nobody};
use serde_json::{Value, json};

use crate::support::{Desk, each, kit, refusal, titles};

#[tokio::test]
async fn a_new_article_is_a_draft_with_just_what_was_given() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.draft("Getting Started", "# Hi").await;
    let row = desk.article(&id).await;
    let now = row["createdAt"].clone();
    assert_eq!(
        row,
        json!({
            "_id": id, "_creationTime": now, "workspaceId": desk.ws.id, "title": "Getting Started",
            "slug": "getting-started", "content": "# Hi", "widgetLargeScreen": false, "visibility": "public",
            "status": "draft", "order": 1.0, "createdAt": now, "updatedAt": now, "renderedContent": "# Hi",
        })
    );
    let shelf = desk.collection("Shelf", None).await;
    let full = json!({
        "workspaceId": desk.ws.id, "title": "", "content": "", "collectionId": shelf, "visibility": "internal",
        "tags": ["a", "b"], "authorId": desk.ws.owner.user_id,
    });
    let id = desk.call("articles:create", full).await;
    let row = desk.article(&id).await;
    assert_eq!(row["slug"], "");
    assert_eq!(row["collectionId"], shelf);
    assert_eq!(row["visibility"], "internal");
    assert_eq!(row["tags"], json!(["a", "b"]));
    assert_eq!(row["authorId"], json!(desk.ws.owner.user_id));
    assert_eq!(row["order"], 1.0);
}

#[tokio::test]
async fn collections_and_authors_of_other_workspaces_are_refused() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let foreign = other.collection("Foreign", None).await;
    let mine = desk.draft("Mine", "").await;
    for (collection, author, refused) in [
        (Some(foreign.clone()), None, "Collection not found"),
        (Some(json!(CollectionId::generate())), None, "Collection not found"),
        (None, Some(json!(other.ws.owner.user_id)), "User not found"),
        (None, Some(json!(UserId::generate())), "User not found"),
    ] {
        let mut create = json!({ "workspaceId": desk.ws.id, "title": "T", "content": "" });
        if let Some(collection) = collection {
            create["collectionId"] = collection;
        }
        if let Some(author) = author {
            create["authorId"] = author;
        }
        let answer = desk.try_call("articles:create", create).await;
        assert_eq!(refusal(answer), ("NOT_FOUND", refused.to_owned()));
    }
    let answer = desk
        .try_call("articles:update", json!({ "id": mine, "collectionId": foreign }))
        .await;
    assert_eq!(refusal(answer), ("NOT_FOUND", "Collection not found".to_owned()));
}

/// The table of the contract: from each state by each call.
#[tokio::test]
async fn states_follow_the_table() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.draft("A", "a").await;
    for from in ["unpublish", "publish", "archive"] {
        for (call, status) in [
            ("publish", "published"),
            ("unpublish", "draft"),
            ("archive", "archived"),
            ("update", ""),
        ] {
            desk.call(&format!("articles:{from}"), json!({ "id": id })).await;
            let before = desk.article(&id).await;
            kit.clock.advance(1000);
            let answer = desk.call(&format!("articles:{call}"), json!({ "id": id })).await;
            assert_eq!(answer, id);
            let after = desk.article(&id).await;
            let expected = if status.is_empty() {
                &before["status"]
            } else {
                &json!(status)
            };
            assert_eq!(&after["status"], expected, "{from} {call}");
            assert!(
                after["updatedAt"].as_f64() > before["updatedAt"].as_f64(),
                "{from} {call}"
            );
            let published_at = match call {
                "publish" => after["updatedAt"].clone(),
                "unpublish" => Value::Null,
                _ => before["publishedAt"].clone(),
            };
            assert_eq!(after["publishedAt"], published_at, "{from} {call}");
        }
    }
}

#[tokio::test]
async fn slugs_are_unique_in_a_workspace_and_never_run_out() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let mut slugs = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..102 {
        let id = desk.draft("Foo!", "").await;
        slugs.push(desk.article(&id).await["slug"].as_str().unwrap().to_owned());
        ids.push(id);
    }
    let expected: Vec<_> = std::iter::once("foo".to_owned())
        .chain((1..102).map(|n| format!("foo-{n}")))
        .collect();
    assert_eq!(slugs, expected);
    // Another workspace, and collections, are namespaces of their own.
    let elsewhere = other.draft("Foo", "").await;
    assert_eq!(other.article(&elsewhere).await["slug"], "foo");
    let shelf = desk.collection("Foo", None).await;
    assert_eq!(desk.shelf(&shelf).await["slug"], "foo");
    // The first free one wins, also for whoever has one of the series.
    desk.call("articles:remove", json!({ "id": ids[0] })).await;
    desk.update(&ids[2], json!({ "title": "foo" })).await;
    assert_eq!(desk.article(&ids[2]).await["slug"], "foo");
    desk.update(&ids[5], json!({ "title": "FOO" })).await;
    assert_eq!(desk.article(&ids[5]).await["slug"], "foo-2");
    // Only a new title brings a new slug, and the own one counts as free.
    desk.update(&ids[5], json!({ "title": "FOO", "content": "x" })).await;
    assert_eq!(desk.article(&ids[5]).await["slug"], "foo-2");
    let (empty, second) = (desk.draft("日本語", "").await, desk.draft("", "").await);
    assert_eq!(desk.article(&empty).await["slug"], "");
    assert_eq!(desk.article(&second).await["slug"], "-1");
}

#[tokio::test]
async fn a_new_article_comes_after_the_last_of_its_collection() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    for _ in 0..3 {
        other.draft("Elsewhere", "").await;
    }
    let (a, b) = (desk.draft("A", "").await, desk.draft("B", "").await);
    let shelf = desk.collection("Shelf", None).await;
    let create = json!({ "workspaceId": desk.ws.id, "title": "C", "content": "", "collectionId": shelf });
    let c = desk.call("articles:create", create).await;
    let mut places = Vec::new();
    for id in [&a, &b, &c] {
        places.push(desk.article(id).await["order"].clone());
    }
    assert_eq!(places, [1.0, 2.0, 1.0].map(|place| json!(place)));
    // Whoever moves keeps the place.
    desk.update(&b, json!({ "collectionId": shelf })).await;
    assert_eq!(desk.article(&b).await["order"], 2.0);
    set_place(&kit, &c, -5.5).await;
    desk.call("articles:remove", json!({ "id": b })).await;
    let create = json!({ "workspaceId": desk.ws.id, "title": "D", "content": "", "collectionId": shelf });
    let d = desk.call("articles:create", create).await;
    assert_eq!(desk.article(&d).await["order"], 1.0);
}

async fn set_place(kit: &Kit, id: &Value, place: f64) {
    let id: ArticleId = id.as_str().unwrap().parse().unwrap();
    diesel::update(articles::table.find(id))
        .set(articles::sort_order.eq(place))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_clears() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let shelf = desk.collection("Shelf", None).await;
    let folder = ContentFolderId::generate();
    let rules = json!({
        "type": "condition", "property": { "source": "system", "key": "email" }, "operator": "contains", "value": "@",
    });
    let id = desk.draft("Title", "Text").await;
    let before = desk.article(&id).await;
    kit.clock.advance(1000);
    desk.update(&id, json!({})).await;
    let touched = desk.article(&id).await;
    assert!(touched["updatedAt"].as_f64().unwrap() >= before["updatedAt"].as_f64().unwrap() + 1000.0);
    desk.update(
        &id,
        json!({
            "content": "New", "widgetLargeScreen": true, "collectionId": shelf, "folderId": folder, "tags": ["x"],
            "audienceRules": rules,
        }),
    )
    .await;
    let row = desk.article(&id).await;
    assert_eq!(row["title"], "Title");
    assert_eq!(row["content"], "New");
    assert_eq!(row["widgetLargeScreen"], true);
    assert_eq!(row["collectionId"], shelf);
    assert_eq!(row["legacyFolderId"], json!(folder));
    assert_eq!(row.get("folderId"), None);
    assert_eq!(row["tags"], json!(["x"]));
    assert_eq!(row["audienceRules"], rules);
    // What the dashboard sends on every save leaves the rest.
    desk.update(
        &id,
        json!({ "title": "Title", "content": "New", "visibility": "public", "tags": [] }),
    )
    .await;
    let row = desk.article(&id).await;
    assert_eq!(row["audienceRules"], rules);
    assert_eq!(row["collectionId"], shelf);
    assert_eq!(row["tags"], json!([]));
    desk.update(
        &id,
        json!({ "collectionId": null, "folderId": null, "tags": null, "audienceRules": null }),
    )
    .await;
    let row = desk.article(&id).await;
    for field in ["collectionId", "legacyFolderId", "tags", "audienceRules"] {
        assert_eq!(row.get(field), None, "{field}");
    }
}

#[tokio::test]
async fn an_internal_article_has_no_audience_unless_one_is_given() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let rules = json!({ "type": "group", "operator": "and", "conditions": [] });
    let id = desk.draft("A", "").await;
    desk.update(&id, json!({ "audienceRules": rules })).await;
    desk.update(&id, json!({ "visibility": "internal" })).await;
    assert_eq!(desk.article(&id).await.get("audienceRules"), None);
    desk.update(&id, json!({ "visibility": "internal", "audienceRules": rules }))
        .await;
    assert_eq!(desk.article(&id).await["audienceRules"], rules);
}

#[tokio::test]
async fn members_need_the_permission_of_each_function() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let agent = kit.agent(&desk.ws, Role::Agent).await;
    let id = desk.draft("A", "").await;
    for (path, permission) in [
        ("articles:update", "articles.create"),
        ("articles:remove", "articles.delete"),
        ("articles:publish", "articles.publish"),
        ("articles:unpublish", "articles.publish"),
        ("articles:archive", "articles.publish"),
    ] {
        let answer = kit.call_json(&agent, path, json!({ "id": id })).await;
        assert_eq!(
            refusal(answer),
            ("PERMISSION_DENIED", format!("Permission denied: {permission}"))
        );
        let unknown = json!({ "id": ArticleId::generate() });
        let answer = kit.call_json(&agent, path, unknown.clone()).await;
        assert_eq!(refusal(answer), ("NOT_FOUND", "Article not found".to_owned()), "{path}");
        let nobody = if permission == "articles.publish" {
            "Not authenticated"
        } else {
            "Authentication required"
        };
        let answer = kit.call_json(&Nobody, path, unknown).await;
        assert_eq!(refusal(answer), ("NOT_AUTHENTICATED", nobody.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_removed_article_is_gone() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.published("A", "").await;
    let answer = desk.call("articles:remove", json!({ "id": id })).await;
    assert_eq!(answer, json!({ "success": true }));
    assert_eq!(desk.article(&id).await, Value::Null);
    let again = desk.try_call("articles:remove", json!({ "id": id })).await;
    assert_eq!(refusal(again), ("NOT_FOUND", "Article not found".to_owned()));
}

/// A row of the older table, as imported data may have it.
pub(crate) async fn older_row(desk: &Desk<'_>, title: &str, status: &str) -> InternalArticleId {
    let (id, now) = (InternalArticleId::generate(), desk.kit.clock.now());
    diesel::insert_into(internal_articles::table)
        .values((
            internal_articles::id.eq(id),
            internal_articles::workspace_id.eq(desk.ws.id),
            internal_articles::title.eq(title),
            internal_articles::content.eq("Older text"),
            internal_articles::status.eq(status),
            internal_articles::created_at.eq(now),
            internal_articles::updated_at.eq(now),
        ))
        .execute(&mut desk.kit.connection().await)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn rows_of_the_older_table_count_as_internal_articles() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = older_row(&desk, "Handbook", "published").await;
    let row = desk.article(&json!(id)).await;
    let now = row["updatedAt"].clone();
    assert_eq!(
        row,
        json!({
            "_id": id, "_creationTime": now, "workspaceId": desk.ws.id, "title": "Handbook",
            "slug": format!("legacy-internal-{id}"), "content": "Older text", "widgetLargeScreen": false,
            "visibility": "internal", "status": "published", "order": now, "createdAt": now, "updatedAt": now,
            "legacyInternalArticleId": id, "renderedContent": "Older text",
        })
    );
    let ws = desk.ws.id;
    for (path, request, found) in [
        ("articles:list", json!({ "workspaceId": ws }), true),
        (
            "articles:list",
            json!({ "workspaceId": ws, "visibility": "internal" }),
            true,
        ),
        (
            "articles:list",
            json!({ "workspaceId": ws, "visibility": "public" }),
            false,
        ),
        ("articles:list", json!({ "workspaceId": ws, "status": "draft" }), false),
        ("articles:search", json!({ "workspaceId": ws, "query": "OLDER" }), true),
        ("articles:search", json!({ "workspaceId": ws, "query": "newer" }), false),
    ] {
        let rows = desk.call(path, request.clone()).await;
        assert_eq!(rows.as_array().unwrap().len(), usize::from(found), "{path} {request}");
        // Nobody else sees it, by whatever way.
        let rows = kit.call_json(&Nobody, path, request).await.unwrap();
        assert_eq!(rows, json!([]));
    }
    assert_eq!(
        kit.call_json(&Nobody, "articles:get", json!({ "id": id }))
            .await
            .unwrap(),
        Value::Null
    );
    let slug = json!({ "workspaceId": ws, "slug": format!("legacy-internal-{id}") });
    assert_eq!(desk.call("articles:get", slug).await, Value::Null);

    kit.clock.advance(1000);
    desk.update(
        &json!(id),
        json!({ "title": "Guide", "tags": ["t"], "visibility": "public", "collectionId": null }),
    )
    .await;
    let row = desk.article(&json!(id)).await;
    assert_eq!((&row["title"], &row["tags"]), (&json!("Guide"), &json!(["t"])));
    assert_eq!(
        (&row["visibility"], &row["content"]),
        (&json!("internal"), &json!("Older text"))
    );
    for (call, status) in [
        ("unpublish", "draft"),
        ("publish", "published"),
        ("archive", "archived"),
    ] {
        assert_eq!(
            desk.call(&format!("articles:{call}"), json!({ "id": id })).await,
            json!(id)
        );
        assert_eq!(desk.article(&json!(id)).await["status"], status);
    }
    desk.call("articles:remove", json!({ "id": id })).await;
    assert_eq!(desk.article(&json!(id)).await, Value::Null);
}

#[tokio::test]
async fn an_older_id_stands_for_the_article_that_was_made_from_the_row() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let older = older_row(&desk, "Handbook", "published").await;
    let article = desk.draft("Handbook", "New text").await;
    let id: ArticleId = article.as_str().unwrap().parse().unwrap();
    diesel::update(articles::table.find(id))
        .set(articles::legacy_internal_article_id.eq(older))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let row = desk.article(&json!(older)).await;
    assert_eq!((&row["_id"], &row["content"]), (&article, &json!("New text")));
    desk.update(&json!(older), json!({ "title": "Guide" })).await;
    assert_eq!(desk.article(&article).await["slug"], "guide");
    let rows = desk.call("articles:list", json!({ "workspaceId": desk.ws.id })).await;
    assert_eq!(titles(&rows), ["Guide"]);
    assert_eq!(each(&rows, "_id"), [&article]);
}

#[tokio::test]
async fn an_article_can_be_had_as_html_that_is_safe() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk
        .draft("A", "# Hi <script>alert(1)</script>\n\n[x](javascript:alert(1))")
        .await;
    let row = desk
        .call("articles:get", json!({ "id": id, "includeHtml": true }))
        .await;
    assert_eq!(
        row["contentHtml"],
        "<h1>Hi </h1>\n<p><a rel=\"noopener noreferrer\">x</a></p>\n"
    );
    desk.update(&id, json!({ "content": "*new*" })).await;
    let row = desk
        .call("articles:get", json!({ "id": id, "includeHtml": true }))
        .await;
    assert_eq!(row["contentHtml"], "<p><em>new</em></p>\n");
    assert_eq!(desk.article(&id).await.get("contentHtml"), None);
    // Not made anew: what was stored is what is shown.
    let article: ArticleId = id.as_str().unwrap().parse().unwrap();
    let stored: (String, Millis) = articles::table
        .find(article)
        .select((articles::content_html, articles::updated_at))
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(json!(stored.0), row["contentHtml"]);
}
