//! Vectors from an API that speaks like OpenAI's.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DIMENSIONS, EmbeddingsConfigError, EmbeddingsError, EmbeddingsProvider};
use crate::http;

/// The default for [`OpenAi::timeout`].
const TIMEOUT: Duration = Duration::from_secs(60);
/// The most texts of one request: the API takes 2048, and 300 000 tokens in all.
const BATCH: usize = 128;
/// How often a failed request is made again at once; after that it is for the caller to try later.
const RETRIES: u32 = 2;
/// The default for [`OpenAi::pause`].
const PAUSE: Duration = Duration::from_millis(500);
/// A provider that asks for a longer pause than this is left alone.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer: a batch of vectors as text, with room to spare.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Asks an API that speaks like OpenAI's.
pub struct OpenAi {
    client: reqwest::Client,
    endpoint: Url,
    authorization: HeaderValue,
    pause: Duration,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedded>,
}

#[derive(Deserialize)]
struct Embedded {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenAi {
    /// Asks the API at `base_url` with this key.
    pub fn new(key: &str, base_url: &str) -> Result<Self, EmbeddingsConfigError> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
            .map_err(|_| EmbeddingsConfigError("the key has control characters".to_owned()))?;
        authorization.set_sensitive(true);
        let endpoint = Url::parse(&format!("{}/embeddings", base_url.trim_end_matches('/')))
            .map_err(|error| EmbeddingsConfigError(format!("base URL: {error}")))?;
        if !matches!(endpoint.scheme(), "http" | "https") {
            let reason = "the base URL is not an http or https address";
            return Err(EmbeddingsConfigError(reason.to_owned()));
        }
        Ok(Self {
            client: client(TIMEOUT)?,
            endpoint,
            authorization,
            pause: PAUSE,
        })
    }

    /// How long one request may take, connecting included; a minute unless told otherwise.
    pub fn timeout(self, timeout: Duration) -> Result<Self, EmbeddingsConfigError> {
        Ok(Self {
            client: client(timeout)?,
            ..self
        })
    }

    /// The first pause before a failed request is made again, doubled each time, where the provider does not say itself;
    /// half a second unless told otherwise.
    #[must_use]
    pub fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// One batch, made again a few times.
    async fn batch(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
        let mut retries = 0;
        loop {
            let error = match self.once(model, texts).await {
                Ok(vectors) => return Ok(vectors),
                Err(error) => error,
            };
            let pause = error.retry_after().unwrap_or(self.pause * 2_u32.pow(retries));
            if error.is_permanent() || retries == RETRIES || pause > PATIENCE {
                return Err(error);
            }
            retries += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
        let request = Request {
            model,
            input: texts,
            encoding_format: "float",
        };
        let response = self
            .client
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .json(&request)
            .send()
            .await
            .map_err(not_answered)?;
        let (status, retry_after) = (response.status(), http::retry_after(&response));
        let body = http::read(response, MAX_ANSWER).await;
        if !status.is_success() {
            return Err(refusal(status, retry_after, &body));
        }
        vectors(&body, texts.len())
            .ok_or_else(|| EmbeddingsError::unavailable("The embeddings provider's answer is not what was asked for."))
    }
}

#[async_trait]
impl EmbeddingsProvider for OpenAi {
    async fn embed(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.batch(model, batch).await?);
        }
        Ok(vectors)
    }

    fn model(&self, asked: Option<&str>) -> &'static str {
        match asked.map(|asked| asked.trim().to_lowercase()).as_deref() {
            Some("text-embedding-ada-002") => "text-embedding-ada-002",
            // Larger models make longer vectors than are stored.
            _ => "text-embedding-3-small",
        }
    }

    fn name(&self) -> &'static str {
        "openai"
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("host", &self.endpoint.host_str())
            .finish_non_exhaustive()
    }
}

/// The vectors of an answer in the order of the texts; `None` unless there is a whole one for each.
fn vectors(body: &[u8], texts: usize) -> Option<Vec<Vec<f32>>> {
    let mut data = serde_json::from_slice::<Answer>(body).ok()?.data;
    data.sort_by_key(|embedded| embedded.index);
    let whole = |(n, embedded): (usize, &Embedded)| embedded.index == n && embedded.embedding.len() == DIMENSIONS;
    (data.len() == texts && data.iter().enumerate().all(whole))
        .then(|| data.into_iter().map(|embedded| embedded.embedding).collect())
}

/// Sorts an answer that is no success.
fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> EmbeddingsError {
    let said: Option<String> = serde_json::from_slice(body).ok().and_then(|body: Value| {
        body["error"]["message"]
            .as_str()
            .map(|text| text.chars().take(500).collect())
    });
    let message = match said {
        Some(said) => format!("The embeddings provider answered {status}: {said}"),
        None => format!("The embeddings provider answered {status}."),
    };
    let temporary = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => true,
        // A wrong key is the operator's to put right and no fault of the texts.
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => true,
        _ => !status.is_client_error(),
    };
    if temporary {
        EmbeddingsError::Unavailable { message, retry_after }
    } else {
        EmbeddingsError::Rejected { message }
    }
}

fn not_answered(error: reqwest::Error) -> EmbeddingsError {
    let message = if error.is_timeout() {
        "The embeddings provider did not answer in time.".to_owned()
    } else if error.is_connect() {
        format!("The embeddings provider cannot be reached: {}.", http::cause(&error))
    } else {
        format!(
            "The request to the embeddings provider failed: {}.",
            error.without_url()
        )
    };
    EmbeddingsError::unavailable(message)
}

fn client(timeout: Duration) -> Result<reqwest::Client, EmbeddingsConfigError> {
    http::client(timeout).map_err(|error| EmbeddingsConfigError(error.to_string()))
}
