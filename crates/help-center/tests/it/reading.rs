//! Reading articles: who gets which, in which order, and with which pictures.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::id::{ArticleAssetId, ArticleId, StoredFileId, WorkspaceId};
use opencom_core::{Millis, Role};
use opencom_schema::{article_assets, articles, stored_files};
use opencom_testkit::{Kit, Nobody};
use serde_json::{Value, json};

use crate::support::{Desk, call, kit, refusal, titles};

#[tokio::test]
async fn members_see_everything_and_strangers_what_is_out() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ws = desk.ws.id;
    desk.draft("Draft", "").await;
    let internal = desk.published("Internal", "").await;
    desk.update(&internal, json!({ "visibility": "internal" })).await;
    let archived = desk.published("Archived", "").await;
    desk.call("articles:archive", json!({ "id": archived })).await;
    let shelf = desk.collection("Shelf", None).await;
    let public = desk.published("Public", "").await;
    desk.update(&public, json!({ "collectionId": shelf })).await;
    let viewer = kit.agent(&desk.ws, Role::Viewer).await;
    for (filter, all, out) in [
        (
            json!({}),
            vec!["Public", "Archived", "Internal", "Draft"],
            vec!["Public"],
        ),
        (
            json!({ "status": "published" }),
            vec!["Public", "Internal"],
            vec!["Public"],
        ),
        (json!({ "status": "draft" }), vec!["Draft"], vec![]),
        (json!({ "status": "archived" }), vec!["Archived"], vec![]),
        (json!({ "visibility": "internal" }), vec!["Internal"], vec![]),
        (
            json!({ "visibility": "public" }),
            vec!["Public", "Archived", "Draft"],
            vec!["Public"],
        ),
        (json!({ "collectionId": shelf }), vec!["Public"], vec!["Public"]),
        (json!({ "collectionId": shelf, "status": "draft" }), vec![], vec![]),
    ] {
        let mut request = filter.clone();
        request["workspaceId"] = json!(ws);
        assert_eq!(
            titles(&call(&kit, &viewer, "articles:list", request.clone()).await),
            all,
            "{filter}"
        );
        assert_eq!(
            titles(&call(&kit, &Nobody, "articles:list", request).await),
            out,
            "{filter}"
        );
    }
    // Absent counts as public.
    let id: ArticleId = public.as_str().unwrap().parse().unwrap();
    diesel::update(articles::table.find(id))
        .set(articles::visibility.eq(None::<String>))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let request = json!({ "workspaceId": ws, "visibility": "public" });
    assert_eq!(
        titles(&call(&kit, &Nobody, "articles:list", request.clone()).await),
        ["Public"]
    );
    assert_eq!(
        titles(&call(&kit, &viewer, "articles:list", request).await),
        ["Public", "Archived", "Draft"]
    );
    let row = call(
        &kit,
        &Nobody,
        "articles:get",
        json!({ "id": public, "visibility": "public" }),
    )
    .await;
    assert_eq!((&row["title"], row.get("visibility")), (&json!("Public"), None));
}

#[tokio::test]
async fn strangers_get_the_display_order_and_members_the_last_change_then_the_title() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ws = json!({ "workspaceId": desk.ws.id });
    for (title, place) in [("b", 2.0), ("á", 2.0), ("A", 1.0), ("a", 3.0)] {
        let id = desk.published(title, "").await;
        let id: ArticleId = id.as_str().unwrap().parse().unwrap();
        diesel::update(articles::table.find(id))
            .set((articles::sort_order.eq(place), articles::updated_at.eq(Millis(1000))))
            .execute(&mut kit.connection().await)
            .await
            .unwrap();
    }
    assert_eq!(
        titles(&call(&kit, &Nobody, "articles:list", ws.clone()).await),
        ["A", "b", "á", "a"]
    );
    desk.published("z", "").await;
    assert_eq!(titles(&desk.call("articles:list", ws).await), ["z", "a", "A", "á", "b"]);
}

#[tokio::test]
async fn a_restricted_help_center_shows_strangers_nothing_and_agents_are_judged_by_membership() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let shelf = desk.collection("Shelf", None).await;
    let id = desk.published("Public", "text").await;
    desk.update(&id, json!({ "collectionId": shelf })).await;
    let ws = desk.ws.id;
    let requests = [
        ("articles:list", json!({ "workspaceId": ws }), json!([])),
        (
            "articles:search",
            json!({ "workspaceId": ws, "query": "text" }),
            json!([]),
        ),
        ("articles:get", json!({ "id": id }), Value::Null),
        (
            "articles:get",
            json!({ "slug": "public", "workspaceId": ws }),
            Value::Null,
        ),
        ("collections:list", json!({ "workspaceId": ws }), json!([])),
        ("collections:listHierarchy", json!({ "workspaceId": ws }), json!([])),
        ("collections:get", json!({ "id": shelf }), Value::Null),
        (
            "collections:get",
            json!({ "slug": "shelf", "workspaceId": ws }),
            Value::Null,
        ),
    ];
    let lacking = kit.agent(&desk.ws, Role::Owner).await;
    kit.set_permissions(&lacking, ws, &["articles.create"]).await;
    for policy in ["public", "restricted"] {
        desk.set_policy(policy).await;
        for (path, request, nothing) in &requests {
            let seen = call(&kit, &Nobody, path, request.clone()).await;
            assert_eq!(seen == *nothing, policy == "restricted", "{path} {policy}: {seen}");
            let answer = kit.call_json(&other.ws.owner, path, request.clone()).await;
            let refused = ("NOT_WORKSPACE_MEMBER", "Not a member of this workspace".to_owned());
            assert_eq!(refusal(answer), refused, "{path} {policy}");
            let answer = kit.call_json(&lacking, path, request.clone()).await;
            let refused = ("PERMISSION_DENIED", "Permission denied: articles.read".to_owned());
            assert_eq!(refusal(answer), refused, "{path} {policy}");
            assert_ne!(desk.call(path, request.clone()).await, *nothing, "{path} {policy}");
        }
    }
    let unknown = WorkspaceId::generate();
    for (path, request, nothing) in [
        ("articles:list", json!({ "workspaceId": unknown }), json!([])),
        (
            "articles:search",
            json!({ "workspaceId": unknown, "query": "" }),
            json!([]),
        ),
        (
            "articles:get",
            json!({ "workspaceId": unknown, "slug": "a" }),
            Value::Null,
        ),
        ("articles:get", json!({}), Value::Null),
        ("articles:get", json!({ "id": ArticleId::generate() }), Value::Null),
        ("articles:get", json!({ "slug": "public" }), Value::Null),
        ("collections:list", json!({ "workspaceId": unknown }), json!([])),
        ("collections:get", json!({}), Value::Null),
    ] {
        assert_eq!(
            call(&kit, &Nobody, path, request.clone()).await,
            nothing,
            "{path} {request}"
        );
    }
}

#[tokio::test]
async fn an_article_is_found_by_id_and_failing_that_by_slug() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let ws = desk.ws.id;
    let public = desk.published("Public", "").await;
    let draft = desk.draft("Draft", "").await;
    for (request, member, stranger) in [
        (json!({ "id": public }), "Public", "Public"),
        // Another workspace beside the id is not compared.
        (json!({ "id": public, "workspaceId": other.ws.id }), "Public", "Public"),
        (json!({ "id": draft }), "Draft", ""),
        (json!({ "id": draft, "slug": "public", "workspaceId": ws }), "Draft", ""),
        (json!({ "slug": "public", "workspaceId": ws }), "Public", "Public"),
        (json!({ "slug": "draft", "workspaceId": ws }), "Draft", ""),
        (json!({ "slug": "", "workspaceId": ws }), "", ""),
        (
            json!({ "id": ArticleId::generate(), "slug": "public", "workspaceId": ws }),
            "Public",
            "Public",
        ),
        (json!({ "id": public, "visibility": "internal" }), "", ""),
        (
            json!({ "slug": "public", "workspaceId": ws, "visibility": "internal" }),
            "",
            "",
        ),
    ] {
        let title = |row: Value| row["title"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            title(desk.call("articles:get", request.clone()).await),
            member,
            "{request}"
        );
        assert_eq!(
            title(call(&kit, &Nobody, "articles:get", request.clone()).await),
            stranger,
            "{request}"
        );
    }
}

#[tokio::test]
async fn audience_rules_are_shown_to_members_alone() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.published("A", "").await;
    let rules = json!({ "type": "group", "operator": "or", "conditions": [] });
    desk.update(&id, json!({ "audienceRules": rules })).await;
    let ws = desk.ws.id;
    for (path, request) in [
        ("articles:list", json!({ "workspaceId": ws })),
        ("articles:search", json!({ "workspaceId": ws, "query": "a" })),
        ("articles:get", json!({ "id": id })),
    ] {
        assert!(
            desk.call(path, request.clone())
                .await
                .to_string()
                .contains("audienceRules"),
            "{path}"
        );
        assert!(
            !call(&kit, &Nobody, path, request)
                .await
                .to_string()
                .contains("audienceRules"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_search_finds_the_very_text_and_shows_the_latest_twenty() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ws = desk.ws.id;
    for (title, content) in [
        ("ÄRGER im Büro", "plain"),
        ("Prices", "100% off_now \\ today"),
        ("Password", "How to reset it"),
    ] {
        desk.published(title, content).await;
    }
    desk.draft("Password draft", "").await;
    for (query, found) in [
        ("ärger", vec!["ÄRGER im Büro"]),
        ("IM BÜ", vec!["ÄRGER im Büro"]),
        ("100%", vec!["Prices"]),
        ("10%", vec![]),
        ("%", vec!["Prices"]),
        ("f_n", vec!["Prices"]),
        ("o_f", vec![]),
        ("\\", vec!["Prices"]),
        ("sswor", vec!["Password"]),
        ("reset it", vec!["Password"]),
        (" reset it ", vec![]),
        ("", vec!["Password", "Prices", "ÄRGER im Büro"]),
        ("nothing like it", vec![]),
    ] {
        let request = json!({ "workspaceId": ws, "query": query });
        assert_eq!(
            titles(&desk.call("articles:search", request.clone()).await),
            found,
            "{query}"
        );
        assert_eq!(
            titles(&call(&kit, &Nobody, "articles:search", request).await),
            found,
            "{query}"
        );
    }
    let request = json!({ "workspaceId": ws, "query": "password", "publishedOnly": false });
    assert_eq!(
        titles(&desk.call("articles:search", request.clone()).await),
        ["Password draft", "Password"]
    );
    assert_eq!(
        titles(&call(&kit, &Nobody, "articles:search", request).await),
        ["Password"]
    );
    let internal = desk.published("Password internal", "").await;
    desk.update(&internal, json!({ "visibility": "internal" })).await;
    for (visibility, found, stranger) in [
        (json!("internal"), vec!["Password internal"], vec![]),
        (json!("public"), vec!["Password"], vec!["Password"]),
    ] {
        let request = json!({ "workspaceId": ws, "query": "password", "visibility": visibility });
        assert_eq!(titles(&desk.call("articles:search", request.clone()).await), found);
        assert_eq!(titles(&call(&kit, &Nobody, "articles:search", request).await), stranger);
    }
    for n in 0..25 {
        desk.published(&format!("Many {n}"), "").await;
    }
    let request = json!({ "workspaceId": ws, "query": "many" });
    let found = titles(&call(&kit, &Nobody, "articles:search", request).await);
    let expected: Vec<_> = (5..25).rev().map(|n| format!("Many {n}")).collect();
    assert_eq!(found, expected);
}

/// A picture in the store of a workspace.
pub(crate) async fn picture(kit: &Kit, workspace: WorkspaceId, has_file: bool) -> (ArticleAssetId, StoredFileId) {
    let (asset, file, now) = (ArticleAssetId::generate(), StoredFileId::generate(), kit.clock.now());
    let connection = &mut kit.connection().await;
    if has_file {
        diesel::insert_into(stored_files::table)
            .values((
                stored_files::id.eq(file),
                stored_files::workspace_id.eq(workspace),
                stored_files::size.eq(1),
                stored_files::content_type.eq("image/png"),
                stored_files::sha256.eq("00"),
                stored_files::created_at.eq(now),
            ))
            .execute(connection)
            .await
            .unwrap();
    }
    diesel::insert_into(article_assets::table)
        .values((
            article_assets::id.eq(asset),
            article_assets::workspace_id.eq(workspace),
            article_assets::file_id.eq(file),
            article_assets::file_name.eq("a.png"),
            article_assets::mime_type.eq("image/png"),
            article_assets::size.eq(1),
            article_assets::created_at.eq(now),
            article_assets::updated_at.eq(now),
        ))
        .execute(connection)
        .await
        .unwrap();
    (asset, file)
}

#[tokio::test]
async fn references_to_pictures_of_the_workspace_become_addresses() {
    let kit = kit().await;
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let (own, file) = picture(&kit, desk.ws.id, true).await;
    let (gone, _) = picture(&kit, desk.ws.id, false).await;
    let (foreign, _) = picture(&kit, other.ws.id, true).await;
    let text = format!(
        "![a](oc-asset://{own}) ![b](oc-asset://{gone}) ![c](oc-asset://{foreign}) oc-asset://nope oc-asset://{}",
        desk.ws.id
    );
    let id = desk.published("A", &text).await;
    let address = format!("http://opencom.test/api/storage/{file}");
    let expected = text.replace(&format!("oc-asset://{own}"), &address);
    let row = call(&kit, &Nobody, "articles:get", json!({ "id": id, "includeHtml": true })).await;
    assert_eq!(row["renderedContent"], expected);
    assert_eq!(row["content"], text);
    let html = row["contentHtml"].as_str().unwrap();
    assert!(html.contains(&format!("<img src=\"{address}\" alt=\"a\">")), "{html}");
    assert!(html.contains(&format!("oc-asset://{foreign}")), "{html}");
}
