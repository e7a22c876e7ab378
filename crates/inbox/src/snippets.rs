//! Snippets: texts that members paste into their answers. Whoever may not manage them does not read them either.

pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use async_trait::async_trait;
use opencom_contract::done::Done;
use opencom_contract::snippets::{Create, Get, GetByShortcut, List, Remove, Search, Snippet, Update};
use opencom_core::error::OrNotFound;
use opencom_core::id::SnippetId;
use opencom_core::{Error, Permission, Result};
use opencom_runtime::limits::Limit;
use opencom_runtime::registry::Registration;
use opencom_runtime::{MutationCx, QueryCx};

use self::rows::{NewSnippet, SnippetRow};
use crate::{Inbox, InboxService};

/// The most snippets in one answer of `snippets:list`.
const LIST_LIMIT: i64 = 10_000;
/// The most snippets that a search finds.
const SEARCH_LIMIT: i64 = 20;

/// Functions of the module `snippets`, for members with `snippets.manage` alone.
#[async_trait]
pub trait Snippets: Send + Sync {
    /// Snippets of a workspace by name, as English readers sort them.
    async fn snippets_list(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Snippet>>;

    /// A snippet. `NOT_FOUND` for an unknown one.
    async fn snippets_get(&self, cx: &mut QueryCx, req: Get) -> Result<Snippet>;

    /// The oldest snippets with a text in name, shortcut or content.
    async fn snippets_search(&self, cx: &mut QueryCx, req: Search) -> Result<Vec<Snippet>>;

    /// The snippet with a shortcut.
    async fn snippets_get_by_shortcut(&self, cx: &mut QueryCx, req: GetByShortcut) -> Result<Option<Snippet>>;

    /// Makes a snippet, and tells whoever learns from snippets. `NOT_AUTHORIZED` for another maker than the caller,
    /// `ALREADY_EXISTS` when the workspace has one with the shortcut.
    async fn snippets_create(&self, cx: &mut MutationCx, req: Create) -> Result<SnippetId>;

    /// Changes a snippet, and tells whoever learns from snippets when a text is given. `NOT_FOUND` for an unknown one,
    /// `ALREADY_EXISTS` when another one has the shortcut.
    async fn snippets_update(&self, cx: &mut MutationCx, req: Update) -> Result<SnippetId>;

    /// Deletes a snippet, and lets whoever learned from it forget it. `NOT_FOUND` for an unknown one.
    async fn snippets_remove(&self, cx: &mut MutationCx, req: Remove) -> Result<Done>;
}

pub(crate) fn register(of: &mut Registration<'_, dyn InboxService>) -> Result<()> {
    of.query::<List>(|s, cx, req| s.snippets_list(cx, req))
        .query::<Get>(|s, cx, req| s.snippets_get(cx, req))
        .query::<Search>(|s, cx, req| s.snippets_search(cx, req))
        .query::<GetByShortcut>(|s, cx, req| s.snippets_get_by_shortcut(cx, req))
        .mutation::<Create>(|s, cx, req| s.snippets_create(cx, req))
        .mutation::<Update>(|s, cx, req| s.snippets_update(cx, req))
        .mutation::<Remove>(|s, cx, req| s.snippets_remove(cx, req));
    Ok(())
}

#[async_trait]
impl Snippets for Inbox {
    async fn snippets_list(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Snippet>> {
        cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        let after = match req.cursor {
            Some(cursor) => queries::position(cx, cursor, req.workspace_id).await?,
            None => None,
        };
        let rows = queries::by_name(cx, req.workspace_id, after.as_ref(), LIST_LIMIT).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn snippets_get(&self, cx: &mut QueryCx, req: Get) -> Result<Snippet> {
        Ok(managed(cx, req.id).await?.into())
    }

    async fn snippets_search(&self, cx: &mut QueryCx, req: Search) -> Result<Vec<Snippet>> {
        cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        cx.count_caller(Limit::Search)?;
        let rows = queries::search(cx, req.workspace_id, &req.query, SEARCH_LIMIT).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn snippets_get_by_shortcut(&self, cx: &mut QueryCx, req: GetByShortcut) -> Result<Option<Snippet>> {
        cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        let row = queries::by_shortcut(cx, req.workspace_id, &req.shortcut).await?;
        Ok(row.map(Into::into))
    }

    async fn snippets_create(&self, cx: &mut MutationCx, req: Create) -> Result<SnippetId> {
        let caller = cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        if req.created_by.is_some_and(|user| user != caller.id) {
            return Err(Error::not_authorized("Cannot create snippet on behalf of another user"));
        }
        let id = SnippetId::generate();
        let snippet = NewSnippet {
            id,
            workspace_id: req.workspace_id,
            name: &req.name,
            content: &req.content,
            shortcut: req.shortcut.as_deref(),
            created_by: req.created_by,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        store::insert(cx, &snippet).await?;
        if let Some(knowledge) = &self.parts.snippet_knowledge {
            knowledge
                .snippet_saved(cx, req.workspace_id, id, &req.name, &req.content)
                .await?;
        }
        Ok(id)
    }

    async fn snippets_update(&self, cx: &mut MutationCx, req: Update) -> Result<SnippetId> {
        let before = managed(cx, req.id).await?;
        let after = store::update(cx, &before, &req).await?.or_not_found("Snippet")?;
        if let Some(knowledge) = &self.parts.snippet_knowledge
            && (req.name.is_some() || req.content.is_some())
        {
            knowledge
                .snippet_saved(cx, after.workspace_id, after.id, &after.name, &after.content)
                .await?;
        }
        Ok(after.id)
    }

    async fn snippets_remove(&self, cx: &mut MutationCx, req: Remove) -> Result<Done> {
        let row = managed(cx, req.id).await?;
        store::delete(cx, &row).await?;
        if let Some(knowledge) = &self.parts.snippet_knowledge {
            knowledge.snippet_removed(cx, row.id).await?;
        }
        Ok(Done::DONE)
    }
}

/// A snippet that the caller may read and change.
async fn managed(cx: &mut QueryCx, id: SnippetId) -> Result<SnippetRow> {
    cx.agent().await?;
    let row = queries::by_id(cx, id).await?.or_not_found("Snippet")?;
    cx.require(Permission::SnippetsManage, row.workspace_id).await?;
    Ok(row)
}
