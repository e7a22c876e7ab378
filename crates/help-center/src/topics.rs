//! The topics of the context, and those of other contexts whose rows it reads.

use opencom_core::id::{ArticleAssetId, ArticleId, InternalArticleId, VisitorId, WorkspaceId};
use opencom_runtime::topic::Everything;

opencom_runtime::topics! {
    /// A workspace's own row.
    workspace(WorkspaceId) = "admin.workspace";
    /// Any workspace: which ones there are and their names.
    workspaces(Everything) = "admin.workspaces";
    /// A visitor's own row.
    visitor(VisitorId) = "inbox.visitor";
    /// A visitor's heartbeats.
    presence(VisitorId) = "inbox.presence";
    /// What an id that was merged away stands for now.
    visitor_alias(VisitorId) = "inbox.visitor_alias";
    /// An article's own row.
    article(ArticleId) = "help-center.article";
    /// The articles of a workspace: which ones there are, and their rows.
    articles_of_workspace(WorkspaceId) = "help-center.articles_of_workspace";
    /// The articles of a workspace that everyone may read: which ones there are, and their rows.
    public_articles_of_workspace(WorkspaceId) = "help-center.public_articles_of_workspace";
    /// Which articles everyone may read, over all workspaces, and their slugs.
    public_articles(Everything) = "help-center.public_articles";
    /// Where the articles of a workspace are filed, and which of them everyone may read: what collections count.
    shelves_of_workspace(WorkspaceId) = "help-center.shelves_of_workspace";
    /// The collections of a workspace: which ones there are, and their rows.
    collections_of_workspace(WorkspaceId) = "help-center.collections_of_workspace";
    /// The feedback on an article.
    feedback_of_article(ArticleId) = "help-center.feedback_of_article";
    /// An internal article of the legacy table.
    internal_article(InternalArticleId) = "help-center.internal_article";
    /// An asset's own row.
    article_asset(ArticleAssetId) = "help-center.article_asset";
}
