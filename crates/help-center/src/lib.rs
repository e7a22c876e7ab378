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
mod context;
pub mod embeddings;
pub mod limits;
mod public;
mod reader;
mod service;
mod slug;
pub mod topics;

pub use service::{HelpCenter, HelpCenterParts};

opencom_runtime::service! {
    /// The functions of the context.
    pub trait HelpCenterService for HelpCenter {
        articles: List, Get, Search, Create, Update, Remove, Publish, Unpublish, Archive, SubmitFeedback,
            GetFeedbackStats, ListForVisitor, SearchForVisitor, GetForVisitor, InternalWorkspacesWithSlug,
            InternalOldestPublicWorkspace;
        collections: List, ListHierarchy, ListHierarchyForVisitor, Get, Create, Update, Remove, Reorder;
    }
}
