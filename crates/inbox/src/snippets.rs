//! Snippets: texts that members paste into their answers. Whoever may not manage them does not read them either.

pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use crate::limits;
use opencom_contract::done::Done;
use opencom_contract::snippets::{
    Create, Get, GetByShortcut, List, Remove, Search, Snippet, SnippetRemoved, SnippetSaved, Update,
};
use opencom_core::error::OrNotFound;
use opencom_core::id::SnippetId;
use opencom_core::{Error, Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx};

use self::rows::{NewSnippet, SnippetRow};
use crate::Inbox;

/// The most snippets in one answer of `snippets:list`.
const LIST_LIMIT: i64 = 10_000;
/// The most snippets that a search finds.
const SEARCH_LIMIT: i64 = 20;

impl Handle<List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Snippet>> {
        cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        let rows = queries::by_name(cx, req.workspace_id, req.cursor, LIST_LIMIT).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl Handle<Get> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Snippet> {
        Ok(managed(cx, req.id).await?.into())
    }
}

impl Handle<Search> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: Search) -> Result<Vec<Snippet>> {
        cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        cx.count_caller(limits::SEARCH)?;
        let rows = queries::search(cx, req.workspace_id, &req.query, SEARCH_LIMIT).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl Handle<GetByShortcut> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: GetByShortcut) -> Result<Option<Snippet>> {
        cx.require(Permission::SnippetsManage, req.workspace_id).await?;
        let row = queries::by_shortcut(cx, req.workspace_id, &req.shortcut).await?;
        Ok(row.map(Into::into))
    }
}

impl Handle<Create> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<SnippetId> {
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
        let saved = SnippetSaved {
            workspace_id: req.workspace_id,
            id,
        };
        cx.emit(&saved).await?;
        Ok(id)
    }
}

impl Handle<Update> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Update) -> Result<SnippetId> {
        let before = managed(cx, req.id).await?;
        let after = store::update(cx, &before, &req).await?.or_not_found("Snippet")?;
        if req.name.is_some() || req.content.is_some() {
            let saved = SnippetSaved {
                workspace_id: after.workspace_id,
                id: after.id,
            };
            cx.emit(&saved).await?;
        }
        Ok(after.id)
    }
}

impl Handle<Remove> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Remove) -> Result<Done> {
        let row = managed(cx, req.id).await?;
        store::delete(cx, &row).await?;
        let removed = SnippetRemoved {
            workspace_id: row.workspace_id,
            id: row.id,
        };
        cx.emit(&removed).await?;
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
