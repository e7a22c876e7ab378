//! Articles: who reads which, how they are written, published and put aside, and what readers say about them.
//!
//! An id may name an article or a row of the older table of internal articles. Such a row counts as an internal article of
//! its own until an article is made from it.

mod feedback;
pub mod fragments;
mod markdown;
mod order;
mod pictures;
pub(crate) mod queries;
pub(crate) mod rows;
mod search;
mod store;
mod words;

use std::sync::Arc;

use crate::limits;
use opencom_contract::articles::{
    Archive, Article, ArticleRef, ArticleStatus, Create, FeedbackStats, Get, GetFeedbackStats, GetForVisitor, List,
    ListForVisitor, Publish, Remove, RenderedArticle, Search, SearchForVisitor, SubmitFeedback, Unpublish, Update,
    Visibility,
};
use opencom_contract::done::Done;
use opencom_core::error::OrNotFound;
use opencom_core::id::{ArticleFeedbackId, ArticleId, CollectionId, VisitorId, WorkspaceId};
use opencom_core::{Code, Error, Json, Millis, Permission, Result};
use opencom_runtime::{ActionCx, Handle, Job, MutationCx, Perform, QueryCx, Registry, ScopedFutureExt};
use serde::{Deserialize, Serialize};

use self::pictures::Pictures;
use self::queries::{Filter, Found};
use self::rows::{ArticleChanges, ArticleRow, LegacyChanges, LegacyRow, NewArticle, Standing};
use self::search::Scope;
use crate::audience::Audience;
use crate::embeddings::{self, Content, content_type};
use crate::reader::{self, Reader};
use crate::slug::{self, Table};
use crate::{HelpCenter, audience, collections};

/// The most articles in one answer.
const LIST_LIMIT: i64 = 10_000;
/// How often to look for articles of another search language.
const REFRESH_EVERY: i64 = 10 * Millis::MINUTE;
/// How many of them one transaction changes.
const REFRESHED: i64 = 200;
/// How many transactions one run makes; what is left then waits for the next run.
const REFRESHES: usize = 1000;
/// What a session is told that names another visitor than its own.
const NOT_THEIRS: &str = "Not authorized to read articles for this visitor";

pub(crate) use self::words::languages;

/// Looks for articles whose word forms are of another language than search is set to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefreshSearch {}

impl Job for RefreshSearch {
    const KIND: &'static str = "help_center.refresh_search";
}

pub(crate) fn register_jobs(service: &Arc<HelpCenter>, registry: &mut Registry) -> Result<()> {
    registry.job::<RefreshSearch, _>(service);
    registry.every(REFRESH_EVERY, &RefreshSearch {})
}

impl Handle<List> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<Article>> {
        let Some(reader) = reader::reader(cx, req.workspace_id).await? else {
            return Ok(Vec::new());
        };
        let filter = Filter {
            workspace: req.workspace_id,
            status: req.status,
            collection: req.collection_id,
            visibility: req.visibility,
        };
        if reader == Reader::Public {
            let rows = queries::readable_in_order(cx, filter, LIST_LIMIT).await?;
            return Ok(rows.into_iter().map(|row| row.shown_to(reader)).collect());
        }
        let rows = queries::by_change(cx, filter, LIST_LIMIT).await?;
        let legacy = queries::legacy_by_change(cx, filter, LIST_LIMIT).await?;
        let rows = rows.into_iter().map(|row| row.shown_to(reader));
        let mut found: Vec<Article> = rows.chain(legacy.into_iter().map(Into::into)).collect();
        found.sort_by(order::by_change);
        Ok(found)
    }
}

impl Handle<Get> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<RenderedArticle>> {
        let by_id = match req.id {
            Some(id) => queries::find(cx, id).await?,
            None => None,
        };
        let Some(workspace) = by_id.as_ref().map(Found::workspace).or(req.workspace_id) else {
            return Ok(None);
        };
        let Some(reader) = reader::reader(cx, workspace).await? else {
            return Ok(None);
        };
        let found = match (by_id, req.slug.filter(|slug| !slug.is_empty())) {
            (Some(Found::Legacy(row)), _) => {
                let shown = reader == Reader::Member && req.visibility != Some(Visibility::Public);
                return Ok(shown.then(|| rendered_legacy(row.into(), req.include_html)));
            }
            (Some(Found::Article(row)), _) => Some(*row),
            (None, Some(slug)) if reader == Reader::Member => queries::by_slug(cx, workspace, &slug).await?,
            (None, Some(slug)) => queries::readable_by_slug(cx, workspace, &slug).await?,
            (None, None) => None,
        };
        let shown = |row: &ArticleRow| row.has(req.visibility) && (reader == Reader::Member || row.is_readable());
        match found.filter(shown) {
            Some(row) => rendered(cx, row, reader, req.include_html).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Handle<Search> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: Search) -> Result<Vec<Article>> {
        let Some(reader) = reader::reader(cx, req.workspace_id).await? else {
            return Ok(Vec::new());
        };
        let published_only = req.published_only.unwrap_or(true);
        cx.count_caller(limits::SEARCH)?;
        if reader == Reader::Public {
            if req.visibility == Some(Visibility::Internal) {
                return Ok(Vec::new());
            }
            let rows = self
                .found(cx, req.workspace_id, &req.query, Scope::Readable, true)
                .await?;
            return Ok(rows.into_iter().map(|row| row.shown_to(reader)).collect());
        }
        let scope = Scope::Members {
            published_only,
            visibility: req.visibility,
        };
        let filter = Filter {
            workspace: req.workspace_id,
            status: published_only.then_some(ArticleStatus::Published),
            collection: None,
            visibility: req.visibility,
        };
        let legacy = queries::legacy_by_change(cx, filter, LIST_LIMIT).await?;
        let query = req.query.to_lowercase();
        let contains = |text: &str| text.to_lowercase().contains(&query);
        let legacy: Vec<_> = (legacy.into_iter())
            .filter(|row| contains(&row.title) || contains(&row.content))
            .collect();
        let rows = self
            .found(cx, req.workspace_id, &req.query, scope, legacy.is_empty())
            .await?;
        if legacy.is_empty() {
            return Ok(rows.into_iter().map(|row| row.shown_to(reader)).collect());
        }
        let rows = rows.into_iter().map(|row| row.shown_to(reader));
        let mut found: Vec<Article> = rows.chain(legacy.into_iter().map(Into::into)).collect();
        found.sort_by_key(|article| std::cmp::Reverse(article.updated_at));
        found.truncate(search::FOUND);
        Ok(found)
    }
}

impl Handle<Create> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<ArticleId> {
        signed_in(cx).await?;
        cx.require(Permission::ArticlesCreate, req.workspace_id).await?;
        if let Some(author) = req.author_id {
            cx.membership(author, req.workspace_id).await?.or_not_found("User")?;
        }
        reader::lock(cx, req.workspace_id).await?;
        check_collection(cx, req.collection_id, req.workspace_id).await?;
        let (id, now) = (ArticleId::generate(), cx.now());
        let (title_lower, content_lower) = (req.title.to_lowercase(), req.content.to_lowercase());
        let new = NewArticle {
            id,
            workspace_id: req.workspace_id,
            collection_id: req.collection_id,
            slug: slug::free(cx, Table::Articles, req.workspace_id, &req.title, id.uuid()).await?,
            content_html: markdown::to_html(&req.content),
            fragments: fragments::of(req.workspace_id, &title_lower, &content_lower),
            title_lower,
            content_lower,
            title: req.title,
            content: req.content,
            search_language: self.parts.search_language.clone(),
            widget_large_screen: false,
            visibility: req.visibility.unwrap_or(Visibility::Public),
            status: ArticleStatus::Draft,
            sort_order: queries::next_place(cx, req.workspace_id, req.collection_id).await?,
            created_at: now,
            updated_at: now,
            author_id: req.author_id,
            tags: req.tags,
        };
        words::learn(cx, new.workspace_id, &new.title_lower, &new.content_lower).await?;
        store::insert(cx, &new).await?;
        Ok(id)
    }
}

impl Handle<Update> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Update) -> Result<ArticleRef> {
        signed_in(cx).await?;
        let renames = req.title.is_some();
        let id = req.id;
        match for_editor(cx, id, Permission::ArticlesCreate, renames).await? {
            Found::Legacy(row) => {
                let rewritten = req.title.is_some() || req.content.is_some();
                let changes = LegacyChanges {
                    title: req.title,
                    content: req.content,
                    tags: req.tags,
                    updated_at: cx.now(),
                    ..LegacyChanges::default()
                };
                store::update_legacy(cx, &row, &changes).await?;
                if row.status == ArticleStatus::Published && rewritten {
                    embeddings::schedule(cx, legacy_content(&row)).await?;
                }
            }
            Found::Article(row) => {
                let rewritten = req.title.is_some() || req.content.is_some() || req.visibility.is_some();
                let after = content(&row, req.visibility.or(row.visibility));
                check_collection(cx, req.collection_id.flatten(), row.workspace_id).await?;
                let mut changes = changes(cx, &row, req).await?;
                changes.search_language = Some(self.parts.search_language.clone());
                if changes.title.is_some() || changes.content.is_some() {
                    let title = changes.title_lower.as_deref().unwrap_or_default();
                    let content = changes.content_lower.as_deref().unwrap_or_default();
                    words::learn(cx, row.workspace_id, title, content).await?;
                }
                store::update(cx, &row, &changes).await?;
                if row.status == ArticleStatus::Published && rewritten {
                    let before = content(&row, row.visibility);
                    if before != after {
                        forget(cx, &before).await?;
                    }
                    embeddings::schedule(cx, after).await?;
                }
            }
        }
        Ok(id)
    }
}

impl Handle<Remove> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Remove) -> Result<Done> {
        signed_in(cx).await?;
        match for_editor(cx, req.id, Permission::ArticlesDelete, false).await? {
            Found::Article(row) => {
                store::delete(cx, &row).await?;
                forget(cx, &content(&row, row.visibility)).await?;
            }
            Found::Legacy(row) => {
                store::delete_legacy(cx, &row).await?;
                forget(cx, &legacy_content(&row)).await?;
            }
        }
        Ok(Done::DONE)
    }
}

impl Handle<Publish> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Publish) -> Result<ArticleRef> {
        let now = cx.now();
        set_status(cx, req.id, ArticleStatus::Published, Some(Some(now))).await
    }
}

impl Handle<Unpublish> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Unpublish) -> Result<ArticleRef> {
        set_status(cx, req.id, ArticleStatus::Draft, Some(None)).await
    }
}

impl Handle<Archive> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: Archive) -> Result<ArticleRef> {
        set_status(cx, req.id, ArticleStatus::Archived, None).await
    }
}

impl Handle<SubmitFeedback> for HelpCenter {
    async fn handle(&self, cx: &mut MutationCx, req: SubmitFeedback) -> Result<ArticleFeedbackId> {
        let article = feedback::keep_article(cx, req.article_id).await?;
        let article = article.filter(Standing::is_readable).or_not_found("Article")?;
        let visitor = match req.visitor_id {
            Some(visitor) => Some(known_visitor(cx, visitor, article.workspace_id).await?),
            None => None,
        };
        cx.count_caller(limits::SEARCH)?;
        feedback::record(cx, &article, req.helpful, visitor).await
    }
}

impl Handle<GetFeedbackStats> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: GetFeedbackStats) -> Result<FeedbackStats> {
        feedback::stats(cx, req.article_id).await
    }
}

impl Handle<ListForVisitor> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: ListForVisitor) -> Result<Vec<RenderedArticle>> {
        let token = req.session_token.as_deref();
        let Some(visitor) = Audience::of(cx, req.workspace_id, req.visitor_id, token, NOT_THEIRS).await? else {
            return Ok(Vec::new());
        };
        let filter = Filter {
            workspace: req.workspace_id,
            status: None,
            collection: req.collection_id,
            visibility: None,
        };
        let rows = queries::readable_in_order(cx, filter, LIST_LIMIT).await?;
        let admitted = visitor
            .admits(cx, rows.iter().map(|row| row.audience_rules.as_ref()))
            .await?;
        let rows = rows.into_iter().zip(admitted).filter(|(_, admitted)| *admitted);
        rendered_all(cx, req.workspace_id, rows.map(|(row, _)| row).collect()).await
    }
}

impl Handle<SearchForVisitor> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: SearchForVisitor) -> Result<Vec<RenderedArticle>> {
        let token = req.session_token.as_deref();
        let Some(visitor) = Audience::of(cx, req.workspace_id, req.visitor_id, token, NOT_THEIRS).await? else {
            return Ok(Vec::new());
        };
        cx.count(limits::SEARCH, visitor.id())?;
        let rows = search::for_visitor(cx, req.workspace_id, &req.query, &self.parts.search_language, &visitor).await?;
        rendered_all(cx, req.workspace_id, rows).await
    }
}

impl Handle<GetForVisitor> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: GetForVisitor) -> Result<Option<RenderedArticle>> {
        let token = req.session_token.as_deref();
        let Some(visitor) = Audience::of(cx, req.workspace_id, req.visitor_id, token, NOT_THEIRS).await? else {
            return Ok(None);
        };
        let row = queries::by_id(cx, req.id).await?;
        let Some(row) = row.filter(|row| row.workspace_id == req.workspace_id && row.is_readable()) else {
            return Ok(None);
        };
        let rules = std::iter::once(row.audience_rules.as_ref());
        if visitor.admits(cx, rules).await? != [true] {
            return Ok(None);
        }
        rendered(cx, row, Reader::Public, req.include_html).await.map(Some)
    }
}

impl Perform<RefreshSearch> for HelpCenter {
    async fn perform(&self, cx: &mut ActionCx, _: RefreshSearch) -> Result<()> {
        let language = self.parts.search_language.as_str();
        for _ in 0..REFRESHES {
            let done = cx
                .transaction(|cx| async move { store::set_language(cx, language, REFRESHED).await }.scope_boxed())
                .await?;
            if done == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl HelpCenter {
    /// The articles that contain a text; where there is none, and `alone` says that nothing else does either, those that
    /// have its words.
    async fn found(
        &self,
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        query: &str,
        scope: Scope,
        alone: bool,
    ) -> Result<Vec<ArticleRow>> {
        let rows = search::containing(cx, workspace, query, scope).await?;
        if !rows.is_empty() || !alone {
            return Ok(rows);
        }
        search::resembling(cx, workspace, query, &self.parts.search_language, scope).await
    }
}

/// Refuses strangers in the words that the contract has for writing articles.
async fn signed_in(cx: &mut QueryCx) -> Result<()> {
    match cx.agent_if_any().await? {
        Some(_) => Ok(()),
        None => Err(Error::new(Code::NotAuthenticated, "Authentication required")),
    }
}

/// What an id names, locked, for a member with a permission; with the workspace locked before when `renames` says that a
/// slug may have to be found.
async fn for_editor(cx: &mut MutationCx, id: ArticleRef, permission: Permission, renames: bool) -> Result<Found> {
    cx.agent().await?;
    let found = queries::find(cx, id).await?.or_not_found("Article")?;
    cx.require(permission, found.workspace()).await?;
    if renames {
        reader::lock(cx, found.workspace()).await?;
    }
    let locked = match &found {
        Found::Article(row) => queries::lock(cx, row.id)
            .await?
            .map(|row| Found::Article(Box::new(row))),
        Found::Legacy(row) => queries::lock_legacy(cx, row.id).await?.map(Found::Legacy),
    };
    locked.or_not_found("Article")
}

async fn check_collection(cx: &mut MutationCx, id: Option<CollectionId>, workspace: WorkspaceId) -> Result<()> {
    match id {
        Some(id) if !collections::queries::keep(cx, id, workspace).await? => Err(Error::not_found("Collection")),
        _ => Ok(()),
    }
}

/// What an update writes.
async fn changes(cx: &mut MutationCx, row: &ArticleRow, req: Update) -> Result<ArticleChanges> {
    let renamed = req.title.filter(|title| *title != row.title);
    let slug = match &renamed {
        Some(title) => Some(slug::free(cx, Table::Articles, row.workspace_id, title, row.id.uuid()).await?),
        None => None,
    };
    let rewritten = req.content.filter(|content| *content != row.content);
    let audience_rules = match req.audience_rules {
        Some(Some(rules)) => {
            let rules = serde_json::to_value(rules).map_err(Error::internal)?;
            let rules = Json::new(rules).map_err(|reason| Error::invalid("audienceRules", reason))?;
            Some(Some(rules))
        }
        Some(None) => Some(None),
        // Members are no audience.
        None => (req.visibility == Some(Visibility::Internal)).then_some(None),
    };
    let title_lower = renamed.as_deref().map(str::to_lowercase);
    let content_lower = rewritten.as_deref().map(str::to_lowercase);
    let fragments = (renamed.is_some() || rewritten.is_some()).then(|| {
        let title = title_lower.clone().unwrap_or_else(|| row.title.to_lowercase());
        let content = content_lower.clone().unwrap_or_else(|| row.content.to_lowercase());
        fragments::of(row.workspace_id, &title, &content)
    });
    Ok(ArticleChanges {
        collection_id: req.collection_id,
        folder_id: req.folder_id.map(|_| None),
        legacy_folder_id: req.folder_id,
        title_lower,
        title: renamed,
        slug,
        content_html: rewritten.as_deref().map(markdown::to_html),
        content_lower,
        content: rewritten,
        fragments,
        widget_large_screen: req.widget_large_screen,
        visibility: req.visibility,
        audience_rules,
        tags: req.tags,
        updated_at: cx.now(),
        ..ArticleChanges::default()
    })
}

async fn set_status(
    cx: &mut MutationCx,
    id: ArticleRef,
    status: ArticleStatus,
    published_at: Option<Option<Millis>>,
) -> Result<ArticleRef> {
    let content = match for_editor(cx, id, Permission::ArticlesPublish, false).await? {
        Found::Article(row) => {
            let changes = ArticleChanges {
                status: Some(status),
                published_at,
                updated_at: cx.now(),
                ..ArticleChanges::default()
            };
            store::update(cx, &row, &changes).await?;
            content(&row, row.visibility)
        }
        Found::Legacy(row) => {
            let changes = LegacyChanges {
                status: Some(status),
                published_at,
                updated_at: cx.now(),
                ..LegacyChanges::default()
            };
            store::update_legacy(cx, &row, &changes).await?;
            legacy_content(&row)
        }
    };
    if status == ArticleStatus::Published {
        embeddings::schedule(cx, content).await?;
    } else {
        forget(cx, &content).await?;
    }
    Ok(id)
}

/// Takes away what a content is found by.
async fn forget(cx: &mut MutationCx, content: &Content) -> Result<()> {
    embeddings::remove(cx, content.content_type, &content.content_id).await
}

/// An article with this visibility as something that has vectors.
fn content(row: &ArticleRow, visibility: Option<Visibility>) -> Content {
    Content {
        workspace_id: row.workspace_id,
        content_type: content_type(visibility),
        content_id: row.id.to_string(),
    }
}

/// The same for a row of the older table.
fn legacy_content(row: &LegacyRow) -> Content {
    Content {
        workspace_id: row.workspace_id,
        content_type: content_type(Some(Visibility::Internal)),
        content_id: row.id.to_string(),
    }
}

/// A visitor of the workspace, or the one that they were merged into.
async fn known_visitor(cx: &mut MutationCx, visitor: VisitorId, workspace: WorkspaceId) -> Result<VisitorId> {
    let visitor = audience::stands_for(cx, visitor).await?.unwrap_or(visitor);
    let known = feedback::has_visitor(cx, visitor, workspace).await?;
    known.then_some(visitor).or_not_found("Visitor")
}

/// An article with its pictures' addresses.
async fn rendered(
    cx: &mut QueryCx,
    row: ArticleRow,
    reader: Reader,
    include_html: Option<bool>,
) -> Result<RenderedArticle> {
    let html = match include_html {
        Some(true) => Some(queries::html(cx, row.id).await?),
        _ => None,
    };
    let texts = [row.content.as_str()];
    let pictures = Pictures::named_in(cx, row.workspace_id, texts.into_iter()).await?;
    Ok(RenderedArticle {
        rendered_content: pictures.fill_in(&row.content).into_owned(),
        content_html: html.map(|html| pictures.fill_in(&html).into_owned()),
        article: row.shown_to(reader),
    })
}

/// Articles of a workspace as visitors see them, with all their pictures' addresses.
async fn rendered_all(cx: &mut QueryCx, workspace: WorkspaceId, rows: Vec<ArticleRow>) -> Result<Vec<RenderedArticle>> {
    let pictures = Pictures::named_in(cx, workspace, rows.iter().map(|row| row.content.as_str())).await?;
    let rendered = |row: ArticleRow| RenderedArticle {
        rendered_content: pictures.fill_in(&row.content).into_owned(),
        content_html: None,
        article: row.shown_to(Reader::Public),
    };
    Ok(rows.into_iter().map(rendered).collect())
}

/// A row of the older table as an article; pictures came after its time.
fn rendered_legacy(article: Article, include_html: Option<bool>) -> RenderedArticle {
    RenderedArticle {
        rendered_content: article.content.clone(),
        content_html: (include_html == Some(true)).then(|| markdown::to_html(&article.content)),
        article,
    }
}
