//! Texts as vectors: the trait, and which adapter a configuration stands for.

mod config;
mod local;
mod open_ai;

use std::time::Duration;

use async_trait::async_trait;

pub use self::config::{EmbeddingsConfig, EmbeddingsConfigError, build};
pub use self::local::LocalNgrams;
pub use self::open_ai::OpenAi;

/// The length of every vector.
pub const DIMENSIONS: usize = 1536;

/// Makes vectors of texts, so that texts that mean something similar have a small angle between them.
#[async_trait]
pub trait EmbeddingsProvider: Send + Sync {
    /// One vector of [`DIMENSIONS`] numbers for each text, in their order. `model` is one that [`model`](Self::model)
    /// gave; vectors of different models do not compare.
    async fn embed(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingsError>;

    /// The model that is used when this one is asked for.
    fn model(&self, asked: Option<&str>) -> &'static str;

    /// Short name for logs and metrics: `openai`, `local`.
    fn name(&self) -> &'static str;
}

/// Why there are no vectors; the text is meant for people and never has a secret or the texts in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingsError {
    /// These texts will not be accepted later either.
    #[error("{message}")]
    Rejected {
        /// What is wrong.
        message: String,
    },
    /// The same texts may be accepted later.
    #[error("{message}")]
    Unavailable {
        /// What failed.
        message: String,
        /// How long the provider asked to be left alone.
        retry_after: Option<Duration>,
    },
}

impl EmbeddingsError {
    fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            retry_after: None,
        }
    }

    /// Whether another attempt with the same texts is pointless.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// How long the provider asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rejected { .. } => None,
            Self::Unavailable { retry_after, .. } => *retry_after,
        }
    }
}
