//! Embeddings: made after publishing, gone with it, and never of what is not published.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_providers::embeddings::{EmbeddingsError, EmbeddingsProvider, LocalNgrams};
use opencom_schema::{content_embedding_states, content_embeddings};
use opencom_testkit::{Kit, Settings};
use serde_json::{Value, json};

use crate::articles::older_row;
use crate::support::{Desk, kit_with};

/// The local provider, which a test can take away and whose calls it can count.
#[derive(Default)]
struct Watched {
    calls: Mutex<usize>,
    refusal: Mutex<Option<EmbeddingsError>>,
}

impl Watched {
    fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    fn refuse(&self, refusal: Option<EmbeddingsError>) {
        *self.refusal.lock().unwrap() = refusal;
    }
}

#[async_trait]
impl EmbeddingsProvider for Watched {
    async fn embed(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
        *self.calls.lock().unwrap() += 1;
        let refusal = self.refusal.lock().unwrap().clone();
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        LocalNgrams.embed(model, texts).await
    }

    fn model(&self, asked: Option<&str>) -> &'static str {
        LocalNgrams.model(asked)
    }

    fn name(&self) -> &'static str {
        "watched"
    }
}

async fn watched() -> (Kit, Arc<Watched>) {
    let provider = Arc::new(Watched::default());
    let settings = Settings {
        embeddings: Arc::clone(&provider) as _,
        ..Settings::default()
    };
    (kit_with(settings).await, provider)
}

/// Type, id, title and snippet of what is stored.
async fn stored(kit: &Kit) -> Vec<(String, String, String, String)> {
    content_embeddings::table
        .select((
            content_embeddings::content_type,
            content_embeddings::content_id,
            content_embeddings::title,
            content_embeddings::snippet,
        ))
        .order((content_embeddings::created_at, content_embeddings::id))
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}

async fn states(kit: &Kit) -> Vec<(String, Option<String>)> {
    content_embedding_states::table
        .select((content_embedding_states::status, content_embedding_states::error))
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}

fn row(kind: &str, id: &Value, title: &str, snippet: &str) -> (String, String, String, String) {
    (
        kind.to_owned(),
        id.as_str().unwrap().to_owned(),
        title.to_owned(),
        snippet.to_owned(),
    )
}

#[tokio::test]
async fn what_is_published_has_vectors_and_nothing_else() {
    let (kit, provider) = watched().await;
    let desk = Desk::new(&kit).await;
    let calls = || provider.calls();
    let id = desk.draft("Title", "Some <b>text</b>").await;
    desk.update(&id, json!({ "content": "Other text" })).await;
    kit.run_jobs().await;
    assert_eq!((stored(&kit).await, calls()), (vec![], 0));

    desk.call("articles:publish", json!({ "id": id })).await;
    assert_eq!(states(&kit).await, [("pending".to_owned(), None)]);
    kit.run_jobs().await;
    assert_eq!(stored(&kit).await, [row("article", &id, "Title", "Other text")]);
    assert_eq!(states(&kit).await, [("ready".to_owned(), None)]);

    // Nothing new costs no call.
    desk.call("articles:publish", json!({ "id": id })).await;
    desk.update(&id, json!({ "title": "Title", "content": "Other text" }))
        .await;
    desk.update(&id, json!({ "tags": ["a"] })).await;
    kit.run_jobs().await;
    assert_eq!(calls(), 1);

    let long = "word ".repeat(1200);
    desk.update(&id, json!({ "content": long })).await;
    kit.run_jobs().await;
    assert_eq!((stored(&kit).await.len(), calls()), (3, 2));

    desk.update(&id, json!({ "content": "Short", "visibility": "internal" }))
        .await;
    assert_eq!(
        stored(&kit).await,
        [],
        "what is not public any more is not found for a moment longer"
    );
    kit.run_jobs().await;
    assert_eq!(stored(&kit).await, [row("internalArticle", &id, "Title", "Short")]);

    for (path, again) in [("unpublish", true), ("archive", true), ("remove", false)] {
        desk.call(&format!("articles:{path}"), json!({ "id": id })).await;
        assert_eq!((stored(&kit).await, states(&kit).await), (vec![], vec![]), "{path}");
        kit.run_jobs().await;
        assert_eq!(stored(&kit).await, [], "{path}");
        if again {
            desk.call("articles:publish", json!({ "id": id })).await;
            kit.run_jobs().await;
            assert_eq!(stored(&kit).await.len(), 1);
        }
    }
}

#[tokio::test]
async fn jobs_that_come_late_make_nothing_of_what_is_not_published_any_more() {
    let (kit, provider) = watched().await;
    let desk = Desk::new(&kit).await;
    let id = desk.published("A", "a").await;
    desk.update(&id, json!({ "content": "b" })).await;
    desk.call("articles:unpublish", json!({ "id": id })).await;
    assert!(kit.run_jobs().await >= 2);
    assert_eq!((stored(&kit).await, provider.calls()), (vec![], 0));
    // Several changes before the first job are one call.
    desk.call("articles:publish", json!({ "id": id })).await;
    for content in ["c", "d", "e"] {
        desk.update(&id, json!({ "content": content })).await;
    }
    kit.run_jobs().await;
    assert_eq!(provider.calls(), 1);
    assert_eq!(stored(&kit).await, [row("article", &id, "A", "e")]);
}

#[tokio::test]
async fn a_provider_that_is_down_holds_nobody_up_and_is_asked_again() {
    let (kit, provider) = watched().await;
    let desk = Desk::new(&kit).await;
    provider.refuse(Some(EmbeddingsError::Unavailable {
        message: "The provider is down.".to_owned(),
        retry_after: None,
    }));
    let id = desk.published("A", "a").await;
    kit.run_jobs().await;
    assert_eq!(desk.article(&id).await["status"], "published");
    assert_eq!(
        states(&kit).await,
        [("failed".to_owned(), Some("The provider is down.".to_owned()))]
    );
    provider.refuse(None);
    kit.clock.advance(60_000);
    kit.run_jobs().await;
    assert_eq!(stored(&kit).await, [row("article", &id, "A", "a")]);
    assert_eq!(states(&kit).await, [("ready".to_owned(), None)]);
    // One that refuses is not.
    provider.refuse(Some(EmbeddingsError::Rejected {
        message: "The provider refuses.".to_owned(),
    }));
    desk.update(&id, json!({ "content": "b" })).await;
    kit.run_jobs().await;
    assert_eq!(
        states(&kit).await,
        [("failed".to_owned(), Some("The provider refuses.".to_owned()))]
    );
    let calls = provider.calls();
    kit.clock.advance(3_600_000);
    kit.run_jobs().await;
    assert_eq!(provider.calls(), calls);
}

#[tokio::test]
async fn rows_of_the_older_table_have_vectors_as_internal_articles() {
    let (kit, _) = watched().await;
    let desk = Desk::new(&kit).await;
    let id = json!(older_row(&desk, "Handbook", "draft").await);
    desk.call("articles:publish", json!({ "id": id })).await;
    kit.run_jobs().await;
    assert_eq!(
        stored(&kit).await,
        [row("internalArticle", &id, "Handbook", "Older text")]
    );
    desk.update(&id, json!({ "title": "Guide" })).await;
    kit.run_jobs().await;
    assert_eq!(stored(&kit).await, [row("internalArticle", &id, "Guide", "Older text")]);
    desk.call("articles:unpublish", json!({ "id": id })).await;
    assert_eq!(stored(&kit).await, []);
}

#[tokio::test]
async fn snippets_have_vectors_too() {
    let (kit, _) = watched().await;
    let desk = Desk::new(&kit).await;
    let create = json!({ "workspaceId": desk.ws.id, "name": "Greeting", "content": "Hello there" });
    let id = desk.call("snippets:create", create).await;
    kit.run_jobs().await;
    assert_eq!(stored(&kit).await, [row("snippet", &id, "Greeting", "Hello there")]);
    desk.call("snippets:update", json!({ "id": id, "content": "Good morning" }))
        .await;
    kit.run_jobs().await;
    assert_eq!(stored(&kit).await, [row("snippet", &id, "Greeting", "Good morning")]);
    desk.call("snippets:remove", json!({ "id": id })).await;
    assert_eq!((stored(&kit).await, states(&kit).await), (vec![], vec![]));
}
