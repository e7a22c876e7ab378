//! Which workspaces have something that everyone may read: what a help page without further clues goes by. For the
//! context `admin`, through its port.

use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use opencom_contract::workspaces::HelpCenterAccessPolicy;
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::topic::Everything;
use opencom_runtime::{QueryCx, Topic};
use opencom_schema::{articles, workspaces};

/// Workspaces with an open help center and an article of this slug that everyone may read; at most two.
pub async fn workspaces_with_slug(cx: &mut QueryCx, slug: &str) -> Result<Vec<WorkspaceId>> {
    cx.read(Topic::PublicArticles(Everything));
    cx.read(Topic::Workspaces(Everything));
    let found = articles::table
        .inner_join(workspaces::table.on(workspaces::id.eq(articles::workspace_id)))
        .filter(articles::slug.eq(slug))
        .filter(sql::<Bool>("articles.is_readable"))
        .filter(workspaces::help_center_access_policy.is_distinct_from(HelpCenterAccessPolicy::Restricted))
        .select(articles::workspace_id)
        .limit(2)
        .load(cx.connection().await?)
        .await?;
    Ok(found)
}

/// The oldest workspace with an open help center and an article that everyone may read.
pub async fn oldest_workspace_with_one(cx: &mut QueryCx) -> Result<Option<WorkspaceId>> {
    cx.read(Topic::PublicArticles(Everything));
    cx.read(Topic::Workspaces(Everything));
    let readable = articles::table
        .filter(articles::workspace_id.eq(workspaces::id))
        .filter(sql::<Bool>("articles.is_readable"));
    let found = workspaces::table
        .filter(workspaces::help_center_access_policy.is_distinct_from(HelpCenterAccessPolicy::Restricted))
        .filter(exists(readable))
        .order((workspaces::created_at, workspaces::id))
        .select(workspaces::id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(found)
}
