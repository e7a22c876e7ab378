//! The context `help-center`: articles, the collections that they are filed in, search, and what makes articles found by
//! meaning.
//!
//! Owns the tables `collections`, `articles`, `internal_articles`, `article_assets`, `article_feedback`, `article_words`,
//! `content_embeddings` and `content_embedding_states`, and is the only
//! one that writes them. Reads `workspaces`, `visitors`, `visitor_aliases`, `snippets` and
//! `stored_files`.

pub mod articles;
mod audience;
pub mod collections;
pub mod embeddings;
pub mod ports;
pub mod public;
mod reader;
mod service;
mod slug;

use std::sync::Arc;

use opencom_core::Result;
use opencom_runtime::{Pool, Registry};

pub use service::{HelpCenter, HelpCenterParts};

/// Checks that the server knows a language of search.
///
/// # Errors
/// A text that names those that it knows.
pub async fn check_search_language(pool: &Pool, language: &str) -> Result<(), String> {
    let known = articles::languages(pool).await.map_err(|error| format!("{error:?}"))?;
    if known.iter().any(|known| known == language) {
        return Ok(());
    }
    Err(format!(
        "PostgreSQL has no text search configuration {language:?}; it has {}",
        known.join(", ")
    ))
}

/// What the context promises: one method for each of its functions.
pub trait HelpCenterService: articles::Articles + collections::Collections + embeddings::Embeddings {}

impl HelpCenterService for HelpCenter {}

/// Registers every function and job of the context.
pub fn register(registry: &mut Registry, service: &Arc<dyn HelpCenterService>) -> Result<()> {
    let mut of = registry.of(service);
    articles::register(&mut of)?;
    collections::register(&mut of);
    embeddings::register(&mut of);
    Ok(())
}
