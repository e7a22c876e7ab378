//! Reads of `visitors`, `visitor_presence` and `visitor_aliases`.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::Result;
use opencom_core::id::VisitorId;
use opencom_runtime::{QueryCx, Topic};
use opencom_schema::visitor_aliases;

use super::rows::VisitorRow;

/// A visitor of whatever workspace, without heartbeats; the caller checks the workspace.
pub(crate) async fn by_id(cx: &mut QueryCx, id: VisitorId) -> Result<Option<VisitorRow>> {
    cx.read(Topic::Visitor(id));
    Ok(VisitorRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The visitor that `id` stands for now: the survivor of a merge, or `id` itself, whether or not there is one.
pub(crate) async fn resolve_alias(cx: &mut QueryCx, id: VisitorId) -> Result<VisitorId> {
    let survivor = cx
        .cached(Topic::VisitorAlias(id), move |connection| {
            Box::pin(async move {
                let survivor: Option<VisitorId> = visitor_aliases::table
                    .find(id)
                    .select(visitor_aliases::visitor_id)
                    .first(connection)
                    .await
                    .optional()?;
                Ok(survivor)
            })
        })
        .await?;
    Ok(survivor.unwrap_or(id))
}
