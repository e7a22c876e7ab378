//! Rows of `widget_sessions`.

use diesel::prelude::*;
use opencom_core::Millis;
use opencom_core::id::{VisitorId, WidgetSessionId, WorkspaceId};
use opencom_schema::widget_sessions;

/// A session that a boot opens.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = widget_sessions)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct NewSession<'a> {
    pub(super) id: WidgetSessionId,
    pub(super) token_hash: &'a [u8],
    pub(super) visitor_id: VisitorId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) identity_verified: bool,
    pub(super) client_type: &'a str,
    pub(super) client_version: Option<&'a str>,
    pub(super) client_identifier: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    pub(super) current_url: Option<&'a str>,
    pub(super) device_platform: Option<&'a str>,
    pub(super) expires_at: Millis,
    pub(super) created_at: Millis,
}
