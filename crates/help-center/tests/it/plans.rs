//! Every statement goes by index, among some thousand articles, and calls send few of them.

use diesel_async::SimpleAsyncConnection;
use opencom_testkit::Nobody;
use opencom_testkit::statements::{observed_kit, plan, recorded};
use serde_json::json;

use crate::support::{Desk, call, contexts};

/// Thousands of articles in twenty workspaces.
const CROWD: &str = "
    INSERT INTO workspaces (id, name, created_at)
        SELECT ('00000000-0000-0000-0000-0000000000' || lpad(n::text, 2, '0'))::uuid, 'w', now()
        FROM generate_series(1, 20) n;
    INSERT INTO collections (id, workspace_id, name, slug, sort_order, created_at, updated_at)
        SELECT gen_random_uuid(), ('00000000-0000-0000-0000-0000000000' || lpad((n % 20 + 1)::text, 2, '0'))::uuid,
            'Shelf', 'shelf-' || n, n, now(), now()
        FROM generate_series(1, 4000) n;
    INSERT INTO articles (id, workspace_id, title, slug, content, content_html, title_lower, content_lower, visibility,
            status, sort_order, created_at, updated_at, collection_id, legacy_internal_article_id)
        SELECT gen_random_uuid(), workspace_id, 'Article ' || n, 'article-' || n, text, text, 'article ' || n, text,
            'public', (ARRAY['draft', 'published', 'archived'])[n % 3 + 1], n, now() - n * interval '1 second',
            now() - n * interval '1 second', id, gen_random_uuid()
        FROM (SELECT c.id, c.workspace_id, n, 'How to change number ' || n AS text
            FROM generate_series(1, 16000) n JOIN collections c ON c.sort_order = n % 4000) AS crowd;
    INSERT INTO internal_articles (id, workspace_id, title, content, status, created_at, updated_at)
        SELECT gen_random_uuid(), workspace_id, title, content, status, created_at, updated_at FROM articles;
    INSERT INTO article_feedback (id, workspace_id, article_id, helpful, created_at)
        SELECT gen_random_uuid(), workspace_id, id, true, now() FROM articles;
    ANALYZE;
    SET plan_cache_mode = force_generic_plan;";

#[tokio::test]
async fn every_statement_goes_by_index() {
    let kit = observed_kit(contexts()).await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    let connection = &mut kit.connection().await;
    connection.batch_execute(CROWD).await.unwrap();
    let ws = desk.ws.id;
    let calls = async {
        let shelf = desk.collection("Shelf", None).await;
        let child = desk.collection("Child", Some(&shelf)).await;
        let id = desk.published("Title", "Text").await;
        for changes in [
            json!({ "title": "New", "content": "New", "collectionId": shelf }),
            json!({ "collectionId": null }),
        ] {
            desk.update(&id, changes).await;
        }
        for request in [
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "status": "draft" }),
            json!({ "workspaceId": ws, "visibility": "internal" }),
            json!({ "workspaceId": ws, "visibility": "public" }),
            json!({ "workspaceId": ws, "collectionId": shelf }),
        ] {
            desk.call("articles:list", request.clone()).await;
            call(&kit, &Nobody, "articles:list", request).await;
        }
        for request in [json!({ "id": id }), json!({ "workspaceId": ws, "slug": "new" })] {
            desk.call("articles:get", request.clone()).await;
            call(&kit, &Nobody, "articles:get", request).await;
        }
        let vote = json!({ "articleId": id, "helpful": true, "visitorId": visitor.id });
        call(&kit, &Nobody, "articles:submitFeedback", vote).await;
        desk.call("articles:getFeedbackStats", json!({ "articleId": id })).await;
        for request in [
            json!({ "workspaceId": ws }),
            json!({ "workspaceId": ws, "parentId": shelf }),
        ] {
            desk.call("collections:list", request).await;
        }
        desk.call("collections:listHierarchy", json!({ "workspaceId": ws }))
            .await;
        desk.call("collections:get", json!({ "slug": "shelf", "workspaceId": ws }))
            .await;
        let session = json!({ "workspaceId": ws, "sessionToken": visitor.token, "visitorId": visitor.id });
        call(&kit, &Nobody, "articles:listForVisitor", session.clone()).await;
        call(&kit, &Nobody, "collections:listHierarchyForVisitor", session).await;
        desk.call(
            "collections:update",
            json!({ "id": child, "name": "x", "parentId": null }),
        )
        .await;
        desk.call("collections:update", json!({ "id": child, "parentId": shelf }))
            .await;
        desk.call("collections:remove", json!({ "id": child })).await;
        desk.call("collections:reorder", json!({ "id": shelf, "newOrder": 3 }))
            .await;
        for path in ["articles:unpublish", "articles:archive", "articles:remove"] {
            desk.call(path, json!({ "id": id })).await;
        }
        for request in [json!({}), json!({ "articleSlug": "article-1" })] {
            call(&kit, &Nobody, "workspaces:getPublicWorkspaceContext", request).await;
        }
    };
    let ((), mut sent) = recorded(calls).await;
    let tables = ["articles", "collections", "article_"];
    sent.retain(|sql| tables.iter().any(|table| sql.contains(table)));
    sent.sort();
    sent.dedup();
    let mut plans = String::new();
    for sql in sent {
        let plan = plan(connection, &sql).await;
        // Twenty workspaces are read at once.
        let plan: Vec<_> = plan.lines().filter(|line| !line.contains("on workspaces")).collect();
        let plan = plan.join("\n");
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
        plans.push_str(&plan);
    }
    for index in [
        "articles_by_change",
        "articles_by_status",
        "articles_readable",
        "articles_workspace_slug_unique",
        "articles_shelves",
        "articles_collection_id",
        "collections_in_order",
        "collections_parent_id",
        "internal_articles_by_change",
        "article_feedback_counts",
        "articles_readable_slug",
    ] {
        assert!(plans.contains(index), "no statement goes by {index}:\n{plans}");
    }
}

/// Thousands of articles and words in one more workspace.
const LARGE: &str = "
    INSERT INTO articles (id, workspace_id, title, slug, content, content_html, title_lower, content_lower, visibility,
            status, sort_order, created_at, updated_at)
        SELECT gen_random_uuid(), ':workspace', 'Article ' || n, 'large-' || n, text, text, 'article ' || n, text,
            'public', 'published', n, now() - n * interval '1 second', now() - n * interval '1 second'
        FROM (SELECT n, 'how to change ' || md5(n::text) AS text FROM generate_series(1, 16000) n) AS crowd;
    INSERT INTO article_words (workspace_id, word)
        SELECT ':workspace', substr(md5(n::text), 1, 10) FROM generate_series(1, 20000) n;
    ANALYZE articles, article_words;";

#[tokio::test]
async fn search_goes_by_index_whatever_is_looked_for() {
    let kit = observed_kit(contexts()).await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    let connection = &mut kit.connection().await;
    connection.batch_execute(CROWD).await.unwrap();
    let large = LARGE.replace(":workspace", &desk.ws.id.uuid().to_string());
    connection.batch_execute(&large).await.unwrap();
    // What is in every article, in one far away, in none but by its words, misspelt, nowhere, and three letters only.
    let queries = [
        "change",
        "article 15999",
        "articles changing",
        "chnage articel",
        "zzzz yyyy",
        "zzz",
    ];
    let calls = async {
        for query in queries {
            let mut request = json!({ "workspaceId": desk.ws.id, "query": query });
            call(&kit, &Nobody, "articles:search", request.clone()).await;
            request["publishedOnly"] = json!(false);
            desk.call("articles:search", request).await;
            let request = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token, "query": query });
            call(&kit, &Nobody, "articles:searchForVisitor", request).await;
        }
    };
    let ((), mut sent) = recorded(calls).await;
    sent.retain(|sql| sql.contains("articles") || sql.contains("article_words"));
    sent.sort();
    sent.dedup();
    let mut plans = String::new();
    for sql in sent {
        let plan = plan(connection, &sql).await;
        plans.push_str(&format!("{sql}\n{plan}\n\n"));
    }
    assert!(!plans.contains("Seq Scan"), "{plans}");
    for index in [
        "articles_readable_by_change",
        "articles_readable_by_age",
        "articles_by_change",
        "articles_title_trigrams",
        "articles_content_trigrams",
        "articles_fragments",
        "articles_without_fragments",
        "articles_search_words",
        "article_words_trigrams",
    ] {
        assert!(plans.contains(index), "no statement goes by {index}:\n{plans}");
    }
}

#[tokio::test]
async fn lists_take_one_statement_after_the_access_checks() {
    let kit = observed_kit(contexts()).await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    let shelf = desk.collection("Shelf", None).await;
    for _ in 0..3 {
        let id = desk.published("A", "a").await;
        desk.update(&id, json!({ "collectionId": shelf })).await;
    }
    let ws = json!({ "workspaceId": desk.ws.id });
    let session = json!({ "workspaceId": desk.ws.id, "sessionToken": visitor.token });
    for (path, request, statements) in [
        // The policy, the articles.
        ("articles:list", ws.clone(), 2),
        // The policy, counts, collections.
        ("collections:list", ws.clone(), 3),
        ("collections:listHierarchy", ws.clone(), 3),
        // The visitor, the articles.
        ("articles:listForVisitor", session.clone(), 2),
        // The visitor, audiences, collections.
        ("collections:listHierarchyForVisitor", session, 3),
    ] {
        call(&kit, &Nobody, path, request.clone()).await;
        let (_, sent) = recorded(call(&kit, &Nobody, path, request)).await;
        assert_eq!(sent.len(), statements, "{path}: {sent:#?}");
    }
    desk.call("articles:list", ws.clone()).await;
    let (_, sent) = recorded(desk.call("articles:list", ws)).await;
    assert_eq!(sent.len(), 2, "articles, rows of the older table: {sent:#?}");
}
