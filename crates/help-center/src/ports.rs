//! What the context needs of others.

use async_trait::async_trait;
use opencom_core::Result;
use opencom_core::audience::{EventCounts, EventWindow};
use opencom_core::id::VisitorId;
use opencom_runtime::QueryCx;

/// Counts the events of visitors.
#[async_trait]
pub trait VisitorEvents: Send + Sync {
    /// How many events the visitor has in each window. Records what it reads, and by [`QueryCx::holds_until`] when a
    /// count changes by time alone.
    async fn count(&self, cx: &mut QueryCx, visitor: VisitorId, windows: &[EventWindow]) -> Result<EventCounts>;
}
