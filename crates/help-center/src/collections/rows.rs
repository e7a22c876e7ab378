//! Rows of `collections`.

use diesel::prelude::*;
use opencom_contract::collections::Collection;
use opencom_core::Millis;
use opencom_core::id::{CollectionId, HelpCenterImportSourceId, WorkspaceId};
use opencom_schema::collections;

/// A collection's row.
#[derive(Clone, Debug, HasQuery, Insertable)]
#[diesel(table_name = collections)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct CollectionRow {
    pub(crate) id: CollectionId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) description: Option<String>,
    pub(crate) icon: Option<String>,
    pub(crate) parent_id: Option<CollectionId>,
    pub(crate) import_source_id: Option<HelpCenterImportSourceId>,
    pub(crate) import_path: Option<String>,
    pub(crate) sort_order: f64,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// What an update writes; `None` leaves a column as it is.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = collections)]
pub(crate) struct CollectionChanges {
    pub(crate) name: Option<String>,
    pub(crate) slug: Option<String>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) icon: Option<Option<String>>,
    pub(crate) parent_id: Option<Option<CollectionId>>,
    pub(crate) sort_order: Option<f64>,
    pub(crate) updated_at: Millis,
}

impl From<CollectionRow> for Collection {
    fn from(row: CollectionRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            name: row.name,
            slug: row.slug,
            description: row.description,
            icon: row.icon,
            parent_id: row.parent_id,
            import_source_id: row.import_source_id,
            import_path: row.import_path,
            order: row.sort_order,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
