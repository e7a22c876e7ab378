//! Workspaces that have public articles, for the context `admin`: it finds the workspace of a help page by them.

use crate::topics;
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use opencom_contract::articles::{InternalOldestPublicWorkspace, InternalWorkspacesWithSlug};
use opencom_contract::workspaces::HelpCenterAccessPolicy;
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Everything;
use opencom_runtime::{Handle, QueryCx};
use opencom_schema::{articles, workspaces};

use crate::HelpCenter;

impl Handle<InternalWorkspacesWithSlug> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, req: InternalWorkspacesWithSlug) -> Result<Vec<WorkspaceId>> {
        cx.read(topics::public_articles(Everything));
        cx.read(topics::workspaces(Everything));
        let found = articles::table
            .inner_join(workspaces::table.on(workspaces::id.eq(articles::workspace_id)))
            .filter(articles::slug.eq(req.slug))
            .filter(sql::<Bool>("articles.is_readable"))
            .filter(workspaces::help_center_access_policy.is_distinct_from(HelpCenterAccessPolicy::Restricted))
            .select(articles::workspace_id)
            .limit(2)
            .load(cx.connection().await?)
            .await?;
        Ok(found)
    }
}

impl Handle<InternalOldestPublicWorkspace> for HelpCenter {
    async fn handle(&self, cx: &mut QueryCx, _: InternalOldestPublicWorkspace) -> Result<Option<WorkspaceId>> {
        cx.read(topics::public_articles(Everything));
        cx.read(topics::workspaces(Everything));
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
}
