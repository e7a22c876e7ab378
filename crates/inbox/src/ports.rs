//! What the context tells others.

use async_trait::async_trait;
use opencom_core::Result;
use opencom_core::id::VisitorId;
use opencom_runtime::MutationCx;

/// Something about a visitor became something else, as texts. Series start by such changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorChange {
    /// Whether `key` is a field of the visitor or one of the custom attributes.
    pub source: ChangeSource,
    /// The field or attribute.
    pub key: String,
    /// What it was; `None`: nothing.
    pub from: Option<String>,
    /// What it is; `None`: nothing.
    pub to: Option<String>,
}

/// Where a change happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeSource {
    /// `email`, `name` or `externalUserId`.
    State,
    /// A custom attribute.
    Attribute,
}

/// Wants to know when `visitors:identify` changes a visitor, in the same transaction; queues jobs, does nothing slow.
#[async_trait]
pub trait VisitorChanges: Send + Sync {
    /// These changed, never none.
    async fn visitor_changed(&self, cx: &mut MutationCx, visitor: VisitorId, changes: &[VisitorChange]) -> Result<()>;
}
