//! Collections: the tree that articles are filed in, and how many of them a reader finds where.
//!
//! Whatever rests on more than one collection (a slug, a place, the tree's shape, emptiness) is decided with the workspace
//! locked, so that two who change the tree at once take turns.

pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use std::collections::{HashMap, HashSet};

use opencom_contract::collections::{
    Collection, CollectionWithCounts, Create, Get, List, ListHierarchy, ListHierarchyForVisitor, Remove, Reorder,
    Update,
};
use opencom_contract::done::Done;
use opencom_core::error::OrNotFound;
use opencom_core::id::{CollectionId, WorkspaceId};
use opencom_core::{Error, Int, Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx};

use self::queries::{Counts, Level};
use self::rows::{CollectionChanges, CollectionRow};
use crate::HelpCenter;
use crate::audience::Audience;
use crate::reader::{self, Reader};
use crate::slug::{self, Table};

/// The most collections in one answer.
const LIST_LIMIT: i64 = 10_000;

impl Handle<List> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<CollectionWithCounts>> {
        let level = Level::Under(req.parent_id);
        list(cx, req.workspace_id, level, req.public_only.unwrap_or(false)).await
    }
}

impl Handle<ListHierarchy> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: ListHierarchy) -> Result<Vec<CollectionWithCounts>> {
        list(cx, req.workspace_id, Level::Every, req.public_only.unwrap_or(false)).await
    }
}

impl Handle<ListHierarchyForVisitor> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: ListHierarchyForVisitor) -> Result<Vec<CollectionWithCounts>> {
        let refusal = "Not authorized to list collections for this visitor";
        let token = req.session_token.as_deref();
        let Some(visitor) = Audience::of(cx, req.workspace_id, req.visitor_id, token, refusal).await? else {
            return Ok(Vec::new());
        };
        let shelves = queries::audiences(cx, req.workspace_id).await?;
        let admitted = visitor
            .admits(cx, shelves.iter().map(|(_, rules, _)| rules.as_ref()))
            .await?;
        let mut visible: HashMap<CollectionId, i64> = HashMap::new();
        for ((id, _, articles), _) in shelves.into_iter().zip(admitted).filter(|(_, admitted)| *admitted) {
            *visible.entry(id).or_default() += articles;
        }
        let rows = queries::list(cx, req.workspace_id, Level::Every, LIST_LIMIT).await?;
        let shown = with_ancestors(&rows, visible.keys().copied());
        let counted = |row: CollectionRow| {
            let articles = visible.get(&row.id).copied().unwrap_or(0);
            with_counts(row, articles, articles)
        };
        Ok(rows
            .into_iter()
            .filter(|row| shown.contains(&row.id))
            .map(counted)
            .collect())
    }
}

impl Handle<Get> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<Collection>> {
        let by_id = match req.id {
            Some(id) => queries::by_id(cx, id).await?,
            None => None,
        };
        let Some(workspace) = by_id.as_ref().map(|row| row.workspace_id).or(req.workspace_id) else {
            return Ok(None);
        };
        if reader::reader(cx, workspace).await?.is_none() {
            return Ok(None);
        }
        let row = match (by_id, req.slug.filter(|slug| !slug.is_empty())) {
            (Some(row), _) => Some(row),
            (None, Some(slug)) => queries::by_slug(cx, workspace, &slug).await?,
            (None, None) => None,
        };
        Ok(row.map(Into::into))
    }
}

impl Handle<Create> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<CollectionId> {
        cx.require(Permission::ArticlesCreate, req.workspace_id).await?;
        reader::lock(cx, req.workspace_id).await?;
        if let Some(parent) = req.parent_id {
            let exists = queries::keep(cx, parent, req.workspace_id).await?;
            exists.then_some(()).or_not_found("Parent collection")?;
        }
        let (id, now) = (CollectionId::generate(), cx.now());
        let row = CollectionRow {
            id,
            workspace_id: req.workspace_id,
            slug: slug::free(cx, Table::Collections, req.workspace_id, &req.name, id.uuid()).await?,
            name: req.name,
            description: req.description,
            icon: req.icon,
            parent_id: req.parent_id,
            import_source_id: None,
            import_path: None,
            sort_order: queries::next_place(cx, req.workspace_id, req.parent_id).await?,
            created_at: now,
            updated_at: now,
        };
        store::insert(cx, &row).await?;
        Ok(id)
    }
}

impl Handle<Update> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Update) -> Result<CollectionId> {
        let row = for_editor(cx, req.id).await?;
        let renamed = req.name.filter(|name| *name != row.name);
        let slug = match &renamed {
            Some(name) => Some(slug::free(cx, Table::Collections, row.workspace_id, name, row.id.uuid()).await?),
            None => None,
        };
        if let Some(Some(parent)) = req.parent_id {
            check_move(cx, &row, parent).await?;
        }
        let changes = CollectionChanges {
            name: renamed,
            slug,
            description: req.description,
            icon: req.icon,
            parent_id: req.parent_id,
            sort_order: None,
            updated_at: cx.now(),
        };
        store::update(cx, row.id, row.workspace_id, &changes).await?;
        Ok(row.id)
    }
}

impl Handle<Remove> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Remove) -> Result<Done> {
        let row = for_editor(cx, req.id).await?;
        if queries::has_children(cx, row.id).await? {
            return Err(Error::invalid("id", "Cannot delete collection with child collections"));
        }
        if queries::has_articles(cx, row.id).await? {
            return Err(Error::invalid("id", "Cannot delete collection with articles"));
        }
        store::delete(cx, row.id, row.workspace_id).await?;
        Ok(Done::DONE)
    }
}

impl Handle<Reorder> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Reorder) -> Result<CollectionId> {
        let row = for_editor(cx, req.id).await?;
        let changes = CollectionChanges {
            sort_order: Some(req.new_order),
            updated_at: cx.now(),
            ..CollectionChanges::default()
        };
        store::update(cx, row.id, row.workspace_id, &changes).await?;
        Ok(row.id)
    }
}

async fn list(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    level: Level,
    public_only: bool,
) -> Result<Vec<CollectionWithCounts>> {
    let Some(reader) = reader::reader(cx, workspace).await? else {
        return Ok(Vec::new());
    };
    let counts = queries::counts(cx, workspace).await?;
    let rows = queries::list(cx, workspace, level, LIST_LIMIT).await?;
    let counted = rows.into_iter().map(|row| {
        let Counts { all, readable } = counts.get(&row.id).copied().unwrap_or_default();
        with_counts(row, if reader == Reader::Member { all } else { readable }, readable)
    });
    let shows_all = reader == Reader::Member && !public_only;
    Ok(counted
        .filter(|collection| shows_all || collection.published_article_count > Int(0))
        .collect())
}

fn with_counts(row: CollectionRow, articles: i64, published: i64) -> CollectionWithCounts {
    CollectionWithCounts {
        collection: row.into(),
        article_count: Int(articles),
        published_article_count: Int(published),
    }
}

/// These collections and all that they are in.
fn with_ancestors(rows: &[CollectionRow], ids: impl Iterator<Item = CollectionId>) -> HashSet<CollectionId> {
    let parents: HashMap<_, _> = rows.iter().map(|row| (row.id, row.parent_id)).collect();
    let mut shown = HashSet::new();
    for id in ids {
        let mut next = Some(id);
        // What was met before has its ancestors in already.
        while let Some(id) = next.filter(|id| shown.insert(*id)) {
            next = parents.get(&id).copied().flatten();
        }
    }
    shown
}

/// A collection for a member with `articles.create`, with the workspace locked.
async fn for_editor(cx: &mut MutationCx, id: CollectionId) -> Result<CollectionRow> {
    cx.agent().await?;
    let workspace = queries::workspace_of(cx, id).await?.or_not_found("Collection")?;
    cx.require(Permission::ArticlesCreate, workspace).await?;
    reader::lock(cx, workspace).await?;
    queries::locked(cx, id).await?.or_not_found("Collection")
}

/// Refuses a move that would take a collection out of the tree.
async fn check_move(cx: &mut MutationCx, row: &CollectionRow, parent: CollectionId) -> Result<()> {
    if parent == row.id {
        return Err(Error::invalid("parentId", "Collection cannot be its own parent"));
    }
    let line = queries::line(cx, parent, row.workspace_id).await?;
    if line.is_empty() {
        return Err(Error::not_found("Parent collection"));
    }
    if line.contains(&row.id) {
        return Err(Error::invalid(
            "parentId",
            "Collection cannot be moved into its own descendant",
        ));
    }
    Ok(())
}
