//! Articles of the help center.

use std::fmt;
use std::str::FromStr;

use bon::Builder;
use opencom_core::audience::Rule;
use opencom_core::id::{
    ArticleFeedbackId, ArticleId, CollectionId, ContentFolderId, HelpCenterImportSourceId, InternalArticleId,
    ParseIdError, UserId, VisitorId, WorkspaceId,
};
use opencom_core::{Int, Millis, Permission, text_enum};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_with_macros::skip_serializing_none;
use validator::{Validate, ValidationError};

use crate::arguments::nullable;
use crate::done::Done;
use crate::function::{ANYONE, INTERNAL, functions, permitted, permitted_or_public, permitted_or_visitor};
use crate::limits;

functions! {
    List: query "articles:list" -> Vec<Article>, permitted_or_public(Permission::ArticlesRead);
    Get: query "articles:get" -> Option<RenderedArticle>, permitted_or_public(Permission::ArticlesRead);
    Search: query "articles:search" -> Vec<Article>, permitted_or_public(Permission::ArticlesRead);
    Create: mutation "articles:create" -> ArticleId, permitted(Permission::ArticlesCreate);
    Update: mutation "articles:update" -> ArticleRef, permitted(Permission::ArticlesCreate),
        nulls in "collectionId", "folderId", "tags", "audienceRules";
    Remove: mutation "articles:remove" -> Done, permitted(Permission::ArticlesDelete);
    Publish: mutation "articles:publish" -> ArticleRef, permitted(Permission::ArticlesPublish);
    Unpublish: mutation "articles:unpublish" -> ArticleRef, permitted(Permission::ArticlesPublish);
    Archive: mutation "articles:archive" -> ArticleRef, permitted(Permission::ArticlesPublish);
    SubmitFeedback: mutation "articles:submitFeedback" -> ArticleFeedbackId, ANYONE;
    GetFeedbackStats: query "articles:getFeedbackStats" -> FeedbackStats, ANYONE;
    ListForVisitor: query "articles:listForVisitor" -> Vec<RenderedArticle>,
        permitted_or_visitor(Permission::ArticlesRead);
    SearchForVisitor: query "articles:searchForVisitor" -> Vec<RenderedArticle>,
        permitted_or_visitor(Permission::ArticlesRead);
    GetForVisitor: query "articles:getForVisitor" -> Option<RenderedArticle>,
        permitted_or_visitor(Permission::ArticlesRead);
    InternalWorkspacesWithSlug: query "articles:internalWorkspacesWithSlug" -> Vec<WorkspaceId>, INTERNAL;
    InternalOldestPublicWorkspace: query "articles:internalOldestPublicWorkspace" -> Option<WorkspaceId>, INTERNAL;
}

/// Workspaces with a public help center and a published, public article of this exact slug; at most two.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct InternalWorkspacesWithSlug {
    /// The slug.
    pub slug: String,
}

/// The oldest workspace with a help center that is not restricted and a published, public article.
#[derive(Clone, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalOldestPublicWorkspace {}

/// Articles of a workspace. Members get all of them, newest change first; everybody else the published public ones in
/// their display order, and none where the help center is restricted. At most 10 000.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only those in this status.
    pub status: Option<ArticleStatus>,
    /// Only those that are directly in this collection.
    pub collection_id: Option<CollectionId>,
    /// Only those with this visibility.
    pub visibility: Option<Visibility>,
}

/// An article by id or, failing that, by slug; `null` when there is none that the caller may read.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Get {
    /// The article.
    pub id: Option<ArticleRef>,
    /// Its slug, together with `workspaceId`.
    #[validate(length(max = limits::TITLE))]
    pub slug: Option<String>,
    /// The workspace of the slug; ignored when the id names a row.
    pub workspace_id: Option<WorkspaceId>,
    /// Only if it has this visibility.
    pub visibility: Option<Visibility>,
    /// Adds `contentHtml`.
    pub include_html: Option<bool>,
}

/// The 20 articles changed last whose title or content contains the text, letter case aside. When none does, those that
/// have its words or nearly so, best first.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Search {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The text; the empty one is in every article.
    #[validate(length(max = limits::QUERY))]
    pub query: String,
    /// Default true; false adds drafts and archived ones for members.
    pub published_only: Option<bool>,
    /// Only those with this visibility.
    pub visibility: Option<Visibility>,
}

/// Writes a draft.
///
/// # Errors
/// `NOT_FOUND` for a collection or author that the workspace does not have.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Create {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The title, from which the slug is made. May be empty.
    #[validate(length(max = limits::TITLE))]
    pub title: String,
    /// Markdown. May be empty, and may name uploaded pictures as `oc-asset://<id>`.
    #[validate(length(max = limits::ARTICLE))]
    pub content: String,
    /// The collection that it goes into.
    pub collection_id: Option<CollectionId>,
    /// Default public.
    pub visibility: Option<Visibility>,
    /// Words to find it by.
    #[validate(length(max = limits::IDS), custom(function = "check_tags"))]
    pub tags: Option<Vec<String>>,
    /// The user who wrote it.
    pub author_id: Option<UserId>,
}

/// Changes an article. What is absent stays; `null` clears.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Update {
    /// The article.
    pub id: ArticleRef,
    /// A new title brings a new slug.
    #[validate(length(max = limits::TITLE))]
    pub title: Option<String>,
    /// Markdown.
    #[validate(length(max = limits::ARTICLE))]
    pub content: Option<String>,
    /// Whether the widget opens it large.
    pub widget_large_screen: Option<bool>,
    /// The collection that it goes into.
    #[serde(default, deserialize_with = "nullable")]
    pub collection_id: Option<Option<CollectionId>>,
    /// The folder of an internal article.
    #[serde(default, deserialize_with = "nullable")]
    pub folder_id: Option<Option<ContentFolderId>>,
    /// An article that becomes internal loses its audience rules, unless new ones are given.
    pub visibility: Option<Visibility>,
    /// Words to find it by, instead of those that it has.
    #[serde(default, deserialize_with = "nullable")]
    #[validate(length(max = limits::IDS), custom(function = "check_tags"))]
    pub tags: Option<Option<Vec<String>>>,
    /// The visitors whom it is for.
    #[serde(default, deserialize_with = "nullable")]
    pub audience_rules: Option<Option<Rule>>,
}

/// Deletes an article, whatever its status.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Remove {
    /// The article.
    pub id: ArticleRef,
}

/// Publishes an article, whatever its status. Its text becomes searchable by meaning soon after.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Publish {
    /// The article.
    pub id: ArticleRef,
}

/// Makes an article a draft again.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Unpublish {
    /// The article.
    pub id: ArticleRef,
}

/// Puts an article aside, whatever its status.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Archive {
    /// The article.
    pub id: ArticleRef,
}

/// Says whether a published public article helped. A visitor has one voice for each article; the last one counts.
///
/// # Errors
/// `NOT_FOUND` for what not everyone may read, and for a visitor whom the article's workspace does not have.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct SubmitFeedback {
    /// The article.
    pub article_id: ArticleId,
    /// Whether it did.
    pub helpful: bool,
    /// The visitor who says so.
    pub visitor_id: Option<VisitorId>,
}

/// How many found an article helpful; zeros when there is no such article.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetFeedbackStats {
    /// The article.
    pub article_id: ArticleId,
}

/// The published public articles that are for a visitor, in their display order. At most 10 000.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ListForVisitor {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The visitor; has to be the session's. Members name whom they look as.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// Only those that are directly in this collection.
    pub collection_id: Option<CollectionId>,
}

/// The first 20 published public articles that are for a visitor and contain the text, oldest first. When none does, those
/// that have its words or nearly so, best first.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct SearchForVisitor {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The visitor; has to be the session's. Members name whom they look as.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The text.
    #[validate(length(max = limits::QUERY))]
    pub query: String,
}

/// A published public article, if it is for the visitor.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GetForVisitor {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The visitor; has to be the session's. Members name whom they look as.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// The article.
    pub id: ArticleId,
    /// Adds `contentHtml`.
    pub include_html: Option<bool>,
}

text_enum! {
    /// Where an article stands.
    pub enum ArticleStatus {
        /// Being written.
        Draft = "draft",
        /// Out.
        Published = "published",
        /// Put aside.
        Archived = "archived",
    }
}

text_enum! {
    /// Whom an article is for.
    pub enum Visibility {
        /// Everyone.
        Public = "public",
        /// Members.
        Internal = "internal",
    }
}

/// An article, or one of the older table of internal articles, which is shown as an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArticleRef {
    /// An article.
    Article(ArticleId),
    /// An internal article of the older table.
    Legacy(InternalArticleId),
}

/// An article.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    /// The article's id.
    #[serde(rename = "_id")]
    pub id: ArticleRef,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Its collection; absent for one that is not filed.
    pub collection_id: Option<CollectionId>,
    /// Obsolete: never set anew.
    pub folder_id: Option<ContentFolderId>,
    /// The title.
    pub title: String,
    /// Its name in addresses, unique among the articles of the workspace.
    pub slug: String,
    /// Markdown.
    pub content: String,
    /// Whether the widget opens it large.
    pub widget_large_screen: Option<bool>,
    /// Absent counts as public.
    pub visibility: Option<Visibility>,
    /// Where it stands.
    pub status: ArticleStatus,
    /// Its place in its collection.
    pub order: f64,
    /// When it was written.
    pub created_at: Millis,
    /// The last change.
    pub updated_at: Millis,
    /// When it was published last.
    pub published_at: Option<Millis>,
    /// Who wrote it.
    pub author_id: Option<UserId>,
    /// The visitors whom it is for; members alone see this.
    pub audience_rules: Option<Rule>,
    /// Where it was imported from.
    pub import_source_id: Option<HelpCenterImportSourceId>,
    /// Its path there.
    pub import_path: Option<String>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
    /// The row of the older table that it was made from.
    pub legacy_internal_article_id: Option<InternalArticleId>,
    /// The folder of an internal article.
    pub legacy_folder_id: Option<ContentFolderId>,
}

/// An article with its pictures' addresses.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RenderedArticle {
    /// The article.
    #[serde(flatten)]
    pub article: Article,
    /// The content, with the addresses of uploaded pictures in place of references to them.
    pub rendered_content: String,
    /// The content as HTML that is safe to show, with the same addresses; where it was asked for.
    pub content_html: Option<String>,
}

/// How many found an article helpful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackStats {
    /// Those who did.
    pub helpful: Int,
    /// Those who did not.
    pub not_helpful: Int,
    /// All of them.
    pub total: Int,
}

fn check_tags(tags: &[String]) -> Result<(), ValidationError> {
    let max = limits::NAME;
    if tags
        .iter()
        .all(|tag| u64::try_from(tag.chars().count()).is_ok_and(|length| length <= max))
    {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message(format!("tags must be at most {max} long each").into()))
}

impl FromStr for ArticleRef {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let article = text.parse().map(Self::Article);
        article.or_else(|error| text.parse().map(Self::Legacy).map_err(|_| error))
    }
}

impl fmt::Display for ArticleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Article(id) => id.fmt(f),
            Self::Legacy(id) => id.fmt(f),
        }
    }
}

impl Serialize for ArticleRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ArticleRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ArticleRef;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id of articles")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ArticleRef, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for ArticleRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ArticleRef".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            generator.subschema_for::<ArticleId>(), generator.subschema_for::<InternalArticleId>(),
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_named_by_an_id_of_either_table_and_of_no_other() {
        let (article, legacy) = (ArticleId::generate(), InternalArticleId::generate());
        let parse = |text: String| serde_json::from_str::<ArticleRef>(&format!("{text:?}"));
        assert_eq!(parse(article.to_string()).unwrap(), ArticleRef::Article(article));
        assert_eq!(parse(legacy.to_string()).unwrap(), ArticleRef::Legacy(legacy));
        let error = parse(UserId::generate().to_string()).unwrap_err().to_string();
        assert!(error.contains("v.id(\"articles\")"), "{error}");
    }
}
