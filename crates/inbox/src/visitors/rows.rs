//! Rows of `visitors`.

use diesel::prelude::*;
use opencom_contract::visitors::{Device, Location, Visitor};
use opencom_core::id::{UserId, VisitorId, WorkspaceId};
use opencom_core::{Attributes, Millis};
use opencom_schema::visitors;

/// A visitor's row.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = visitors)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct VisitorRow {
    pub(crate) id: VisitorId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) session_id: String,
    pub(crate) user_id: Option<UserId>,
    pub(crate) readable_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) external_user_id: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) device: Option<Device>,
    pub(crate) referrer: Option<String>,
    pub(crate) current_url: Option<String>,
    pub(crate) custom_attributes: Option<Attributes>,
    pub(crate) first_seen_at: Option<Millis>,
    pub(crate) last_seen_at: Option<Millis>,
    pub(crate) created_at: Millis,
    pub(crate) identity_verified: Option<bool>,
    pub(crate) identity_verified_at: Option<Millis>,
}

impl From<VisitorRow> for Visitor {
    fn from(row: VisitorRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            session_id: row.session_id,
            workspace_id: row.workspace_id,
            user_id: row.user_id,
            readable_id: row.readable_id,
            email: row.email,
            name: row.name,
            external_user_id: row.external_user_id,
            location: row.location,
            device: row.device,
            referrer: row.referrer,
            current_url: row.current_url,
            custom_attributes: row.custom_attributes,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            created_at: row.created_at,
            identity_verified: row.identity_verified,
            identity_verified_at: row.identity_verified_at,
        }
    }
}
