//! Who reads the help center of a workspace, and how much of it.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::workspaces::HelpCenterAccessPolicy;
use opencom_core::id::WorkspaceId;
use opencom_core::{Permission, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::workspaces;

/// Somebody who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A member with `articles.read`: everything.
    Member,
    /// Anybody else: published public articles, and never their audience rules.
    Public,
}

/// Who the caller is as a reader; `None` for strangers where there is no help center that is open to them. A signed-in
/// agent is refused where the permission is missing, also where a stranger would be served.
pub(crate) async fn reader(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<Reader>> {
    if cx.agent_if_any().await?.is_some() {
        cx.require(Permission::ArticlesRead, workspace).await?;
        return Ok(Some(Reader::Member));
    }
    Ok(is_open(cx, workspace).await?.then_some(Reader::Public))
}

async fn is_open(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<bool> {
    cx.read(topics::workspace(workspace));
    let policy: Option<Option<HelpCenterAccessPolicy>> = workspaces::table
        .find(workspace)
        .select(workspaces::help_center_access_policy)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(policy.is_some_and(|policy| policy != Some(HelpCenterAccessPolicy::Restricted)))
}

/// Locks the workspace for changes of its help center that rest on more than one row: slugs, places, the tree of
/// collections. Taken before any row of the help center; other contexts' rows may be added meanwhile.
pub(crate) async fn lock(cx: &mut MutationCx, workspace: WorkspaceId) -> Result<()> {
    workspaces::table
        .find(workspace)
        .select(workspaces::id)
        .for_no_key_update()
        .first::<WorkspaceId>(cx.connection().await?)
        .await?;
    Ok(())
}
