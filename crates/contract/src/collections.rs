//! Collections: the shelves of the help center.

use bon::Builder;
use opencom_core::id::{CollectionId, HelpCenterImportSourceId, VisitorId, WorkspaceId};
use opencom_core::{Int, Millis, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::arguments::nullable;
use crate::done::Done;
use crate::function::{functions, permitted, permitted_or_public, permitted_or_visitor};
use crate::limits;

functions! {
    List: query "collections:list" -> Vec<CollectionWithCounts>, permitted_or_public(Permission::ArticlesRead);
    ListHierarchy: query "collections:listHierarchy" -> Vec<CollectionWithCounts>,
        permitted_or_public(Permission::ArticlesRead);
    ListHierarchyForVisitor: query "collections:listHierarchyForVisitor" -> Vec<CollectionWithCounts>,
        permitted_or_visitor(Permission::ArticlesRead);
    Get: query "collections:get" -> Option<Collection>, permitted_or_public(Permission::ArticlesRead);
    Create: mutation "collections:create" -> CollectionId, permitted(Permission::ArticlesCreate);
    Update: mutation "collections:update" -> CollectionId, permitted(Permission::ArticlesCreate),
        nulls in "description", "icon", "parentId";
    Remove: mutation "collections:remove" -> Done, permitted(Permission::ArticlesCreate);
    Reorder: mutation "collections:reorder" -> CollectionId, permitted(Permission::ArticlesCreate);
}

/// The collections directly in one, or those at the top, in their display order. At most 10 000. Whoever is no member gets
/// those that have a published public article, and none where the help center is restricted.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The collection that they are in. Absent: those at the top.
    pub parent_id: Option<CollectionId>,
    /// Only those that have a published public article.
    pub public_only: Option<bool>,
}

/// All collections of a workspace as one flat list in their display order; `parentId` makes the tree. At most 10 000.
/// Whoever is no member gets those that have a published public article, and none where the help center is restricted.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ListHierarchy {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only those that have a published public article.
    pub public_only: Option<bool>,
}

/// The collections that have an article for the visitor, and those that they are in, as one flat list.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct ListHierarchyForVisitor {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The visitor; has to be the session's. Members name whom they look as.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// A collection by id or, failing that, by slug; `null` when there is none that the caller may read.
#[skip_serializing_none]
#[derive(Clone, Default, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Get {
    /// The collection.
    pub id: Option<CollectionId>,
    /// Its slug, together with `workspaceId`.
    #[validate(length(max = limits::TITLE))]
    pub slug: Option<String>,
    /// The workspace of the slug; ignored when the id names a row.
    pub workspace_id: Option<WorkspaceId>,
}

/// Makes a collection, the last one among its siblings.
///
/// # Errors
/// `NOT_FOUND` for a parent that the workspace does not have.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Create {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Its name, from which the slug is made. May be empty.
    #[validate(length(max = limits::TITLE))]
    pub name: String,
    /// What is in it.
    #[validate(length(max = limits::DESCRIPTION))]
    pub description: Option<String>,
    /// Its picture: an emoji or an address.
    #[validate(length(max = limits::URL))]
    pub icon: Option<String>,
    /// The collection that it is in. Absent: none.
    pub parent_id: Option<CollectionId>,
}

/// Changes a collection. What is absent stays; `null` clears.
///
/// # Errors
/// `NOT_FOUND` for an unknown collection or parent, `INVALID_INPUT` for a move into itself or below.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Update {
    /// The collection.
    pub id: CollectionId,
    /// A new name brings a new slug.
    #[validate(length(max = limits::TITLE))]
    pub name: Option<String>,
    /// What is in it.
    #[serde(default, deserialize_with = "nullable")]
    #[validate(length(max = limits::DESCRIPTION))]
    pub description: Option<Option<String>>,
    /// Its picture.
    #[serde(default, deserialize_with = "nullable")]
    #[validate(length(max = limits::URL))]
    pub icon: Option<Option<String>>,
    /// The collection that it moves into, which is neither itself nor one inside it; `null` moves it to the top.
    #[serde(default, deserialize_with = "nullable")]
    pub parent_id: Option<Option<CollectionId>>,
}

/// Deletes a collection that has neither collections nor articles in it.
///
/// # Errors
/// `INVALID_INPUT` while something is in it.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Remove {
    /// The collection.
    pub id: CollectionId,
}

/// Gives a collection another place among its siblings, which keep theirs.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Reorder {
    /// The collection.
    pub id: CollectionId,
    /// Any number; siblings are sorted by it.
    pub new_order: f64,
}

/// A collection.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// The collection's id.
    #[serde(rename = "_id")]
    pub id: CollectionId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The name.
    pub name: String,
    /// Its name in addresses, unique among the collections of the workspace.
    pub slug: String,
    /// What is in it.
    pub description: Option<String>,
    /// Its picture.
    pub icon: Option<String>,
    /// The collection that it is in; absent at the top.
    pub parent_id: Option<CollectionId>,
    /// Where it was imported from.
    pub import_source_id: Option<HelpCenterImportSourceId>,
    /// Its path there.
    pub import_path: Option<String>,
    /// Its place among its siblings.
    pub order: f64,
    /// When it was made.
    pub created_at: Millis,
    /// The last change.
    pub updated_at: Millis,
}

/// A collection and how many articles are directly in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectionWithCounts {
    /// The collection.
    #[serde(flatten)]
    pub collection: Collection,
    /// All articles; for whoever is no member those that they may read.
    pub article_count: Int,
    /// Published public ones.
    pub published_article_count: Int,
}
