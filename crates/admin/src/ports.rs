//! What the context needs of others.

use async_trait::async_trait;
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::QueryCx;

/// What the help center knows about articles that everyone may read.
#[async_trait]
pub trait PublicArticles: Send + Sync {
    /// Workspaces with a public help center and a published, public article of this exact slug; at most two are needed.
    async fn workspaces_with_slug(&self, cx: &mut QueryCx, slug: &str) -> Result<Vec<WorkspaceId>>;

    /// The oldest workspace whose help center is not restricted and which has such an article.
    async fn oldest_workspace_with_one(&self, cx: &mut QueryCx) -> Result<Option<WorkspaceId>>;
}
