//! The context `help-center`: articles, the collections that they are filed in, search, and what makes articles found by
//! meaning.
//!
//! Owns the tables `collections`, `articles`, `internal_articles`, `article_assets` and `article_feedback`, and is the only
//! one that writes them. Reads `workspaces`, `visitors`, `visitor_aliases` and `stored_files`.

pub mod articles;
mod audience;
pub mod collections;
pub mod ports;
pub mod public;
mod reader;
mod service;
mod slug;

use std::sync::Arc;

use opencom_core::Result;
use opencom_runtime::Registry;

pub use service::{HelpCenter, HelpCenterParts};

/// What the context promises: one method for each of its functions.
pub trait HelpCenterService: articles::Articles + collections::Collections {}

impl HelpCenterService for HelpCenter {}

/// Registers every function and job of the context.
pub fn register(registry: &mut Registry, service: &Arc<dyn HelpCenterService>) -> Result<()> {
    let mut of = registry.of(service);
    articles::register(&mut of);
    collections::register(&mut of);
    Ok(())
}
