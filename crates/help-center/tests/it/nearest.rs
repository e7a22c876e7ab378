//! Nearest neighbours, by what a process keeps and by pgvector.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::embeddings::ContentType;
use opencom_core::Millis;
use opencom_core::id::ContentEmbeddingId;
use opencom_help_center::embeddings::pgvector::{Readiness, prepare};
use opencom_help_center::embeddings::{Near, code};
use opencom_help_center::{HelpCenter, HelpCenterParts};
use opencom_providers::embeddings::{EmbeddingsProvider, LocalNgrams};
use opencom_runtime::{Caller, QueryCx};
use opencom_schema::content_embeddings;
use opencom_testkit::Kit;
use opencom_testkit::statements::{observed_kit, plan, recorded};
use serde_json::json;

use crate::support::{Desk, contexts, kit};

/// The context by itself on the database of a kit, as another process has it.
fn service() -> HelpCenter {
    HelpCenter::new(HelpCenterParts {
        search_language: "english".to_owned(),
        embeddings: Arc::new(LocalNgrams),
    })
}

async fn near(kit: &Kit, service: &HelpCenter, desk: &Desk<'_>, query: &str, types: &[ContentType]) -> Vec<Near> {
    let pool = opencom_runtime::Pool::new(kit.database.url(), 1).unwrap();
    let cx = &mut QueryCx::new(
        Arc::clone(&kit.server),
        Arc::clone(kit.dispatcher.registry()),
        pool,
        Caller::Anonymous,
    );
    let vector = service.embed(query).await.unwrap();
    service.nearest(cx, desk.ws.id, &vector, types, 3).await.unwrap()
}

/// What is found follows what is stored, however it is found.
async fn follows_what_is_stored(kit: Kit) {
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    let service = service();
    other.published("Reset passwords", "Elsewhere").await;
    let reset = desk.published("Resetting a password", "How passwords are reset.").await;
    let export = desk
        .published("Exporting reports", "Reports as files. ".repeat(400).as_str())
        .await;
    kit.run_jobs().await;
    let titles = |near: &[Near]| near.iter().map(|near| near.title.clone()).collect::<Vec<_>>();
    let found = near(&kit, &service, &desk, "reset my password", &[]).await;
    assert_eq!(titles(&found), ["Resetting a password", "Exporting reports"]);
    assert_eq!(found[0].content_id, reset.as_str().unwrap());
    assert!(found[0].score > 0.3 && found[1].score < 0.2, "{found:?}");
    assert!(found.iter().all(|near| near.score <= 1.0));
    let none = near(&kit, &service, &desk, "reset my password", &[ContentType::Snippet]).await;
    assert_eq!(none, []);
    // By what this process keeps, and what came and went since.
    desk.published("Forgotten passwords", "Reset my password").await;
    kit.run_jobs().await;
    let found = near(&kit, &service, &desk, "reset my password", &[ContentType::Article]).await;
    assert_eq!(titles(&found)[0], "Forgotten passwords");
    for id in [&reset, &export] {
        desk.call("articles:unpublish", json!({ "id": id })).await;
    }
    let found = near(&kit, &service, &desk, "reset my password", &[]).await;
    assert_eq!(titles(&found), ["Forgotten passwords"]);
}

#[tokio::test]
async fn the_nearest_are_found_as_soon_as_they_are_stored_and_no_longer() {
    follows_what_is_stored(kit().await).await;
}

/// A kit whose database has the index of pgvector; `None` where the server has no such extension, which must not be the
/// case where `OPENCOM_TEST_PGVECTOR` says so.
async fn with_pgvector() -> Option<Kit> {
    let kit = observed_kit(contexts()).await;
    let readiness = prepare(kit.database.url()).await.unwrap();
    if std::env::var_os("OPENCOM_TEST_PGVECTOR").is_some() {
        assert_eq!(readiness, Readiness::Ready);
    }
    (readiness == Readiness::Ready).then_some(kit)
}

#[tokio::test]
async fn pgvector_follows_what_is_stored_too() {
    if let Some(kit) = with_pgvector().await {
        follows_what_is_stored(kit).await;
    }
}

/// Stores contents that say nothing but their number, all of them about something else.
async fn fill(kit: &Kit, desk: &Desk<'_>, count: usize) {
    let texts: Vec<String> = (0..count).map(|n| format!("{n} {}", n * 7919 % 10_007)).collect();
    let vectors = LocalNgrams.embed(LocalNgrams.model(None), &texts).await.unwrap();
    let rows: Vec<_> = vectors
        .into_iter()
        .zip(&texts)
        .map(|(vector, text)| {
            (
                content_embeddings::id.eq(ContentEmbeddingId::generate()),
                content_embeddings::workspace_id.eq(desk.ws.id),
                content_embeddings::content_type.eq(ContentType::Article),
                content_embeddings::content_id.eq(text.clone()),
                content_embeddings::model.eq(LocalNgrams.model(None)),
                content_embeddings::code.eq(code(&vector)),
                content_embeddings::embedding.eq(vector),
                content_embeddings::text_hash.eq(""),
                content_embeddings::title.eq(text.clone()),
                content_embeddings::snippet.eq(""),
                content_embeddings::created_at.eq(Millis(0)),
                content_embeddings::updated_at.eq(Millis(0)),
            )
        })
        .collect();
    let connection = &mut kit.connection().await;
    for rows in rows.chunks(500) {
        diesel::insert_into(content_embeddings::table)
            .values(rows)
            .execute(connection)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn pgvector_finds_a_workspaces_own_among_all_others() {
    let Some(kit) = with_pgvector().await else { return };
    let (desk, other) = (Desk::new(&kit).await, Desk::new(&kit).await);
    fill(&kit, &desk, 3000).await;
    fill(&kit, &other, 3000).await;
    for desk in [&desk, &other] {
        desk.published("Resetting a password", "How passwords are reset.").await;
    }
    kit.run_jobs().await;
    diesel::sql_query("ANALYZE content_embeddings")
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let service = service();
    let (found, sent) = recorded(near(&kit, &service, &desk, "reset my password", &[])).await;
    assert_eq!(found[0].title, "Resetting a password");
    assert!(found[0].score > 0.3 && found[1].score < 0.2, "{found:?}");
    // The index was asked, and gave enough.
    let [_, search] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    let plan = plan(&mut kit.connection().await, search).await;
    assert!(plan.contains("content_embeddings_codes"), "{plan}");
}

#[tokio::test]
async fn an_index_of_pgvector_that_was_not_finished_is_made_again() {
    let Some(kit) = with_pgvector().await else { return };
    diesel::sql_query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'content_embeddings_codes'::regclass")
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(prepare(kit.database.url()).await.unwrap(), Readiness::Ready);
    follows_what_is_stored(kit).await;
}

#[tokio::test]
async fn what_came_since_is_kept_once_it_is_much() {
    let kit = kit().await;
    let desk = Desk::new(&kit).await;
    let service = service();
    desk.published("Resetting a password", "How passwords are reset.").await;
    kit.run_jobs().await;
    let before = near(&kit, &service, &desk, "reset my password", &[]).await;
    fill(&kit, &desk, 2500).await;
    // As if they had just been stored.
    diesel::sql_query("UPDATE content_embeddings SET created_at = now()")
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    for _ in 0..2 {
        let found = near(&kit, &service, &desk, "reset my password", &[]).await;
        assert_eq!(found[0].title, "Resetting a password");
        assert_eq!((before.len(), found.len()), (1, 3));
    }
}
