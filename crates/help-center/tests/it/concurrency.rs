//! What several people do at once.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use opencom_core::Role;
use opencom_testkit::Nobody;
use serde_json::{Value, json};

use crate::support::{Desk, each, kit};

#[tokio::test]
async fn articles_and_collections_made_at_once_have_slugs_and_places_of_their_own() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let ids = join_all((0..12).map(|_| desk.draft("Same", ""))).await;
    let shelves = join_all((0..12).map(|_| desk.collection("Same", None))).await;
    for (ids, path) in [(ids, "articles:get"), (shelves, "collections:get")] {
        let rows = join_all(ids.iter().map(|id| desk.call(path, json!({ "id": id })))).await;
        let slugs: BTreeSet<_> = rows.iter().map(|row| row["slug"].as_str().unwrap()).collect();
        assert_eq!(slugs.len(), 12, "{slugs:?}");
        let mut places: Vec<_> = rows.iter().map(|row| row["order"].as_f64().unwrap()).collect();
        places.sort_by(f64::total_cmp);
        assert_eq!(places, (1..=12).map(f64::from).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn of_two_editors_each_keeps_what_the_other_does_not_touch() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let id = desk.draft("A", "text").await;
    for round in 0..5 {
        let title = desk.try_call("articles:update", json!({ "id": id, "title": format!("T{round}") }));
        let content = desk.try_call("articles:update", json!({ "id": id, "content": format!("c{round}") }));
        let publish = desk.try_call("articles:publish", json!({ "id": id }));
        let (title, content, publish) = tokio::join!(title, content, publish);
        title.and(content).and(publish).unwrap();
        let row = desk.article(&id).await;
        assert_eq!(row["title"], format!("T{round}"));
        assert_eq!(row["slug"], format!("t{round}"));
        assert_eq!(row["content"], format!("c{round}"));
        assert_eq!(row["status"], "published");
    }
}

#[tokio::test]
async fn of_two_who_move_collections_into_each_other_one_is_refused() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    for _ in 0..8 {
        let (a, b) = (desk.collection("A", None).await, desk.collection("B", None).await);
        let a_child = desk.collection("a", Some(&a)).await;
        let b_child = desk.collection("b", Some(&b)).await;
        let one = desk.try_call("collections:update", json!({ "id": a, "parentId": b_child }));
        let two = desk.try_call("collections:update", json!({ "id": b, "parentId": a_child }));
        let (one, two) = tokio::join!(one, two);
        let refused = [one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        let [error] = &refused[..] else { panic!("{refused:?}") };
        assert_eq!(error.message(), "Collection cannot be moved into its own descendant");
    }
}

#[tokio::test]
async fn a_collection_that_is_filled_and_deleted_at_once_is_one_of_both() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    for round in 0..8 {
        let shelf = desk.collection("Shelf", None).await;
        let article = desk.draft("A", "").await;
        let (path, fill) = match round % 3 {
            0 => ("articles:update", json!({ "id": article, "collectionId": shelf })),
            1 => (
                "articles:create",
                json!({ "workspaceId": desk.ws.id, "title": "B", "content": "", "collectionId": shelf }),
            ),
            _ => (
                "collections:create",
                json!({ "workspaceId": desk.ws.id, "name": "Child", "parentId": shelf }),
            ),
        };
        let remove = desk.try_call("collections:remove", json!({ "id": shelf }));
        let (filled, removed) = tokio::join!(desk.try_call(path, fill), remove);
        assert_ne!(filled.is_ok(), removed.is_ok(), "{path}: {filled:?} {removed:?}");
        for error in [filled.err(), removed.err()].into_iter().flatten() {
            assert_ne!(error.code().as_str(), "INTERNAL_ERROR", "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_visitor_who_votes_ten_times_at_once_has_one_voice() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let visitor = kit.visitor(&desk.ws).await;
    let id = desk.published("A", "").await;
    let vote = json!({ "articleId": id, "helpful": true, "visitorId": visitor.id });
    let votes = join_all((0..10).map(|_| kit.call_json(&Nobody, "articles:submitFeedback", vote.clone()))).await;
    let ids: BTreeSet<String> = votes.into_iter().map(|vote| vote.unwrap().to_string()).collect();
    assert_eq!(ids.len(), 1);
    let stats = desk.call("articles:getFeedbackStats", json!({ "articleId": id })).await;
    assert_eq!(stats["total"], 1.0);
}

#[tokio::test]
async fn publishing_and_removing_at_once_leaves_nothing_half_done() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let editor = kit.agent(&desk.ws, Role::Admin).await;
    for _ in 0..5 {
        let id = desk.draft("A", "").await;
        let publish = kit.call_json(&editor, "articles:publish", json!({ "id": id }));
        let remove = desk.try_call("articles:remove", json!({ "id": id }));
        let (published, removed) = tokio::join!(publish, remove);
        removed.unwrap();
        if let Err(error) = published {
            assert_eq!(error.message(), "Article not found");
        }
        assert_eq!(desk.article(&id).await, Value::Null);
    }
    let rows = desk.call("articles:list", json!({ "workspaceId": desk.ws.id })).await;
    assert!(each(&rows, "_id").is_empty());
}
