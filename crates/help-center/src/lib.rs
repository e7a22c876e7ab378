#![doc = include_str!("../README.md")]

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
