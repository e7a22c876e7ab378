//! The service: what it is given, and nothing else.

use std::sync::Arc;

use opencom_providers::embeddings::EmbeddingsProvider;

use crate::embeddings::Index;

/// What the gateway gives the context.
pub struct HelpCenterParts {
    /// The language whose word forms search knows: the name of a text search configuration of PostgreSQL.
    pub search_language: String,
    /// Makes vectors of texts.
    pub embeddings: Arc<dyn EmbeddingsProvider>,
}

/// The context `help-center`.
pub struct HelpCenter {
    pub(crate) parts: HelpCenterParts,
    pub(crate) index: Index,
}

impl HelpCenter {
    /// The context with its parts.
    pub fn new(parts: HelpCenterParts) -> Self {
        Self {
            parts,
            index: Index::default(),
        }
    }
}
