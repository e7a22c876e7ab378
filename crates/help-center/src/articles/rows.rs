//! Rows of `articles` and of the older `internal_articles`.

use diesel::prelude::*;
use opencom_contract::articles::{Article, ArticleRef, ArticleStatus, Visibility};
use opencom_core::audience::Rule;
use opencom_core::id::{
    ArticleId, CollectionId, ContentFolderId, HelpCenterImportSourceId, InternalArticleId, UserId, WorkspaceId,
};
use opencom_core::{Json, Millis};
use opencom_schema::{articles, internal_articles};

use crate::reader::Reader;

/// An article's row, as far as it is shown.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = articles)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct ArticleRow {
    pub(crate) id: ArticleId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) collection_id: Option<CollectionId>,
    pub(crate) folder_id: Option<ContentFolderId>,
    pub(crate) title: String,
    pub(crate) slug: String,
    pub(crate) content: String,
    pub(crate) widget_large_screen: Option<bool>,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) status: ArticleStatus,
    pub(crate) sort_order: f64,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) published_at: Option<Millis>,
    pub(crate) author_id: Option<UserId>,
    pub(crate) audience_rules: Option<Json>,
    pub(crate) import_source_id: Option<HelpCenterImportSourceId>,
    pub(crate) import_path: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) legacy_internal_article_id: Option<InternalArticleId>,
    pub(crate) legacy_folder_id: Option<ContentFolderId>,
}

/// Where an article stands: what decides who is told of a change.
#[derive(Clone, Debug, PartialEq, HasQuery)]
#[diesel(table_name = articles)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct Standing {
    pub(crate) id: ArticleId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) collection_id: Option<CollectionId>,
    pub(crate) slug: String,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) status: ArticleStatus,
}

/// An article that is about to be written; the other columns stay empty.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = articles)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewArticle {
    pub(crate) id: ArticleId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) collection_id: Option<CollectionId>,
    pub(crate) title: String,
    pub(crate) slug: String,
    pub(crate) content: String,
    pub(crate) content_html: String,
    pub(crate) title_lower: String,
    pub(crate) content_lower: String,
    pub(crate) fragments: Option<Vec<i64>>,
    pub(crate) search_language: String,
    pub(crate) widget_large_screen: bool,
    pub(crate) visibility: Visibility,
    pub(crate) status: ArticleStatus,
    pub(crate) sort_order: f64,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) author_id: Option<UserId>,
    pub(crate) tags: Option<Vec<String>>,
}

/// What a change writes; `None` leaves a column as it is.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = articles)]
pub(crate) struct ArticleChanges {
    pub(crate) collection_id: Option<Option<CollectionId>>,
    pub(crate) folder_id: Option<Option<ContentFolderId>>,
    pub(crate) legacy_folder_id: Option<Option<ContentFolderId>>,
    pub(crate) title: Option<String>,
    pub(crate) slug: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) content_html: Option<String>,
    pub(crate) title_lower: Option<String>,
    pub(crate) content_lower: Option<String>,
    pub(crate) fragments: Option<Option<Vec<i64>>>,
    pub(crate) search_language: Option<String>,
    pub(crate) widget_large_screen: Option<bool>,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) status: Option<ArticleStatus>,
    pub(crate) published_at: Option<Option<Millis>>,
    pub(crate) audience_rules: Option<Option<Json>>,
    pub(crate) tags: Option<Option<Vec<String>>>,
    pub(crate) updated_at: Millis,
}

/// A row of the older table.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = internal_articles)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct LegacyRow {
    pub(crate) id: InternalArticleId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) folder_id: Option<ContentFolderId>,
    pub(crate) title: String,
    pub(crate) content: String,
    pub(crate) status: ArticleStatus,
    pub(crate) author_id: Option<UserId>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) published_at: Option<Millis>,
}

/// What a change writes to a row of the older table; `None` leaves a column as it is.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = internal_articles)]
pub(crate) struct LegacyChanges {
    pub(crate) title: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) tags: Option<Option<Vec<String>>>,
    pub(crate) status: Option<ArticleStatus>,
    pub(crate) published_at: Option<Option<Millis>>,
    pub(crate) updated_at: Millis,
}

/// Whether everyone may read an article, as the column `is_readable` has it.
pub(crate) fn is_readable(status: ArticleStatus, visibility: Option<Visibility>) -> bool {
    status == ArticleStatus::Published && visibility != Some(Visibility::Internal)
}

impl Standing {
    pub(crate) fn is_readable(&self) -> bool {
        is_readable(self.status, self.visibility)
    }
}

impl ArticleRow {
    pub(crate) fn is_readable(&self) -> bool {
        is_readable(self.status, self.visibility)
    }

    /// Whether it has this visibility, or whatever it has when none is asked for. None of its own counts as public.
    pub(crate) fn has(&self, visibility: Option<Visibility>) -> bool {
        visibility.is_none_or(|visibility| self.visibility.unwrap_or(Visibility::Public) == visibility)
    }

    /// The article as a reader sees it.
    pub(crate) fn shown_to(self, reader: Reader) -> Article {
        let rules = self.audience_rules.filter(|_| reader == Reader::Member);
        Article {
            id: ArticleRef::Article(self.id),
            creation_time: self.created_at,
            workspace_id: self.workspace_id,
            collection_id: self.collection_id,
            folder_id: self.folder_id,
            title: self.title,
            slug: self.slug,
            content: self.content,
            widget_large_screen: self.widget_large_screen,
            visibility: self.visibility,
            status: self.status,
            order: self.sort_order,
            created_at: self.created_at,
            updated_at: self.updated_at,
            published_at: self.published_at,
            author_id: self.author_id,
            audience_rules: rules.and_then(|rules| Rule::from_stored(rules.value())),
            import_source_id: self.import_source_id,
            import_path: self.import_path,
            tags: self.tags,
            legacy_internal_article_id: self.legacy_internal_article_id,
            legacy_folder_id: self.legacy_folder_id,
        }
    }
}

/// The older row in the shape of an article.
impl From<LegacyRow> for Article {
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 milliseconds")]
    fn from(row: LegacyRow) -> Self {
        Self {
            id: ArticleRef::Legacy(row.id),
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            collection_id: None,
            folder_id: None,
            title: row.title,
            slug: format!("legacy-internal-{}", row.id),
            content: row.content,
            widget_large_screen: Some(false),
            visibility: Some(Visibility::Internal),
            status: row.status,
            order: row.updated_at.0 as f64,
            created_at: row.created_at,
            updated_at: row.updated_at,
            published_at: row.published_at,
            author_id: row.author_id,
            audience_rules: None,
            import_source_id: None,
            import_path: None,
            tags: row.tags,
            legacy_internal_article_id: Some(row.id),
            legacy_folder_id: row.folder_id,
        }
    }
}
