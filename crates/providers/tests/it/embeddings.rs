//! Embeddings: the request as documented, batches, and what each answer means.

use std::time::Duration;

use opencom_providers::embeddings::{DIMENSIONS, EmbeddingsError, EmbeddingsProvider as _, OpenAi};
use serde_json::{Value, json};

use crate::http_server::{Answer, HttpServer};

/// An answer with a vector for each number, in this order; its first number tells which.
fn vectors(indexes: impl IntoIterator<Item = usize>) -> Answer {
    let embedded = |index: usize| {
        let mut embedding = vec![0.0_f32; DIMENSIONS];
        embedding[0] = u16::try_from(index).map(f32::from).unwrap();
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<Value> = indexes.into_iter().map(embedded).collect();
    Answer::json(
        200,
        &json!({ "object": "list", "data": data, "model": "m" }).to_string(),
    )
}

fn texts(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("text {n}")).collect()
}

fn provider(server: &HttpServer) -> OpenAi {
    OpenAi::new("sk-hunter2", &format!("{}/v1/", server.url()))
        .unwrap()
        .pause(Duration::ZERO)
}

async fn refusal(answers: Vec<Answer>) -> EmbeddingsError {
    let server = HttpServer::start(answers).await;
    provider(&server).embed("m", &texts(1)).await.unwrap_err()
}

#[tokio::test]
async fn the_request_is_as_documented_and_answers_come_back_in_order() {
    let mut server = HttpServer::start(vec![vectors([2, 0, 1])]).await;
    let embedded = provider(&server)
        .embed("text-embedding-3-small", &texts(3))
        .await
        .unwrap();
    let first: Vec<f32> = embedded.iter().map(|vector| vector[0]).collect();
    assert_eq!(first, [0.0, 1.0, 2.0]);
    let request = server.received().await;
    assert_eq!(request.line, "POST /v1/embeddings HTTP/1.1");
    assert_eq!(request.headers["authorization"], "Bearer sk-hunter2");
    assert_eq!(
        request.body,
        json!({
            "model": "text-embedding-3-small", "input": ["text 0", "text 1", "text 2"], "encoding_format": "float",
        })
    );
}

#[tokio::test]
async fn many_texts_go_in_batches() {
    let mut server = HttpServer::start(vec![vectors(0..128), vectors(0..128), vectors(0..44)]).await;
    let embedded = provider(&server).embed("m", &texts(300)).await.unwrap();
    assert_eq!(embedded.len(), 300);
    for (first, n) in [("text 0", 128), ("text 128", 128), ("text 256", 44)] {
        let request = server.received().await;
        assert_eq!(request.body["input"].as_array().unwrap().len(), n);
        assert_eq!(request.body["input"][0], first);
    }
}

#[tokio::test]
async fn a_request_that_fails_for_a_while_is_made_again_twice() {
    let busy = || Answer::with_headers(429, "Retry-After: 0\r\n", "{}");
    let mut server = HttpServer::start(vec![busy(), Answer::Close, vectors([0])]).await;
    assert_eq!(provider(&server).embed("m", &texts(1)).await.unwrap().len(), 1);
    for _ in 0..3 {
        assert_eq!(server.received().await.body["input"], json!(["text 0"]));
    }
    let error = refusal(vec![
        Answer::json(500, "{}"),
        Answer::json(502, "{}"),
        Answer::json(503, "{}"),
    ])
    .await;
    assert!(!error.is_permanent());
    assert_eq!(
        error.to_string(),
        "The embeddings provider answered 503 Service Unavailable."
    );
}

#[tokio::test]
async fn a_provider_that_asks_for_a_long_pause_is_left_alone() {
    // One answer: a second request would find the server gone.
    let answer = Answer::with_headers(429, "Retry-After: 60\r\n", r#"{"error":{"message":"Slow down."}}"#);
    let error = refusal(vec![answer]).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!(
        error.to_string(),
        "The embeddings provider answered 429 Too Many Requests: Slow down."
    );
}

#[tokio::test]
async fn answers_are_sorted_into_permanent_and_temporary() {
    for (status, permanent) in [(400, true), (404, true), (401, false), (403, false), (500, false)] {
        let answers = (0..3).map(|_| Answer::json(status, "{}")).collect();
        assert_eq!(refusal(answers).await.is_permanent(), permanent, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_is_no_success() {
    let short = json!({ "data": [{ "index": 0, "embedding": [1.0] }] }).to_string();
    for answer in [
        || Answer::json(200, "{}"),
        || Answer::json(200, "not json"),
        || vectors([]),
        || vectors([1]),
        || vectors([0, 1]),
    ] {
        assert!(!refusal((0..3).map(|_| answer()).collect()).await.is_permanent());
    }
    let error = refusal((0..3).map(|_| Answer::json(200, &short)).collect()).await;
    assert_eq!(
        error.to_string(),
        "The embeddings provider's answer is not what was asked for."
    );
}

#[tokio::test]
async fn a_silent_provider_is_given_up_and_the_key_stays_out_of_the_text() {
    let server = HttpServer::start(vec![Answer::Hang, Answer::Hang, Answer::Hang]).await;
    let provider = provider(&server).timeout(Duration::from_millis(100)).unwrap();
    let error = provider.embed("m", &texts(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "The embeddings provider did not answer in time.");
    let nowhere = OpenAi::new("sk-hunter2", "http://127.0.0.1:1")
        .unwrap()
        .pause(Duration::ZERO);
    let error = nowhere.embed("m", &texts(1)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("The embeddings provider cannot be reached"),
        "{error}"
    );
    assert!(!format!("{nowhere:?} {error:?}").contains("hunter2"));
}

#[test]
fn models_with_other_vectors_are_replaced() {
    let provider = OpenAi::new("k", "https://x.example").unwrap();
    for (asked, used) in [
        (None, "text-embedding-3-small"),
        (Some(""), "text-embedding-3-small"),
        (Some(" Text-Embedding-ADA-002 "), "text-embedding-ada-002"),
        (Some("text-embedding-3-large"), "text-embedding-3-small"),
    ] {
        assert_eq!(provider.model(asked), used, "{asked:?}");
    }
}
