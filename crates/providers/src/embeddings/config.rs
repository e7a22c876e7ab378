//! Which adapter a configuration stands for.

use std::fmt;
use std::sync::Arc;

use super::{EmbeddingsProvider, LocalNgrams, OpenAi};

/// Where an API is unless told otherwise.
const OPEN_AI: &str = "https://api.openai.com/v1";
/// Where keys of Vercel's gateway belong.
const VERCEL: &str = "https://ai-gateway.vercel.sh/v1";

/// Where vectors come from. Its `Debug` text has no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum EmbeddingsConfig {
    /// From an API that speaks like OpenAI's.
    OpenAi {
        /// The API key.
        key: String,
        /// Where the API is, without a slash at the end.
        base_url: String,
    },
    /// From this program itself.
    Local,
}

impl EmbeddingsConfig {
    /// What these settings ask for. Without a key, which may also be empty, the local default.
    pub fn from_settings(key: Option<&str>, base_url: Option<&str>) -> Self {
        let set = |value: Option<&str>| {
            value
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
        };
        let Some(key) = set(key) else { return Self::Local };
        let base_url = set(base_url).map(|url| url.trim_end_matches('/').to_owned());
        let usual = if key.starts_with("vck_") { VERCEL } else { OPEN_AI };
        let base_url = base_url.unwrap_or_else(|| usual.to_owned());
        Self::OpenAi { key, base_url }
    }
}

impl fmt::Debug for EmbeddingsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenAi { base_url, .. } => f
                .debug_struct("OpenAi")
                .field("base_url", base_url)
                .finish_non_exhaustive(),
            Self::Local => f.write_str("Local"),
        }
    }
}

/// What is wrong with the settings; the text never repeats the key.
#[derive(Debug, thiserror::Error)]
#[error("The embeddings settings are not usable: {0}.")]
pub struct EmbeddingsConfigError(pub(super) String);

/// Makes the adapter; nothing is connected to before the first text.
pub fn build(config: &EmbeddingsConfig) -> Result<Arc<dyn EmbeddingsProvider>, EmbeddingsConfigError> {
    Ok(match config {
        EmbeddingsConfig::OpenAi { key, base_url } => Arc::new(OpenAi::new(key, base_url)?),
        EmbeddingsConfig::Local => Arc::new(LocalNgrams),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_decides_where_texts_go() {
        for (key, base_url, expected) in [
            (None, None, None),
            (Some("  "), Some("https://x.example"), None),
            (Some("sk-1"), None, Some("https://api.openai.com/v1")),
            (Some(" vck_1 "), None, Some("https://ai-gateway.vercel.sh/v1")),
            (
                Some("vck_1"),
                Some("https://x.example/v1//"),
                Some("https://x.example/v1"),
            ),
            (Some("sk-1"), Some(" "), Some("https://api.openai.com/v1")),
        ] {
            let config = EmbeddingsConfig::from_settings(key, base_url);
            let found = match &config {
                EmbeddingsConfig::OpenAi { base_url, .. } => Some(base_url.as_str()),
                EmbeddingsConfig::Local => None,
            };
            assert_eq!(found, expected, "{key:?} {base_url:?}");
            let name = if expected.is_some() { "openai" } else { "local" };
            assert_eq!(build(&config).unwrap().name(), name);
            assert!(!format!("{config:?}").contains("_1"));
        }
        let nonsense = EmbeddingsConfig::from_settings(Some("sk-1"), Some("ftp://x"));
        assert!(build(&nonsense).is_err());
    }
}
