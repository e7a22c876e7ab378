//! Reads of visitors, which the context `inbox` owns and writes.

use crate::topics;
use diesel::prelude::*;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::visitors;

/// Whether a visitor has proven who they are.
#[derive(HasQuery)]
#[diesel(table_name = visitors)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct VisitorRow {
    pub(super) id: VisitorId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) identity_verified: Option<bool>,
    pub(super) identity_verified_at: Option<Millis>,
}

pub(super) async fn visitor(cx: &mut QueryCx, id: VisitorId) -> Result<Option<VisitorRow>> {
    cx.read(topics::visitor(id));
    let row = VisitorRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}
