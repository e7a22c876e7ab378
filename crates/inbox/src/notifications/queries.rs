//! What mails are made from. Jobs alone read this, and nobody subscribes to a job, so no topic is recorded.

use diesel::prelude::*;
use opencom_contract::conversations::Channel;
use opencom_core::id::{ConversationId, UserId, WorkspaceId};
use opencom_core::{Permission, Result, Role, permission};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::{conversations, users, visitors, workspace_members};

use crate::visitors::rows::VisitorRow;

/// The most members that are told by mail.
const MOST_MEMBERS: i64 = 1000;

/// What a mail is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) workspace_id: WorkspaceId,
    pub(super) channel: Option<Channel>,
    pub(super) visitor: Option<VisitorRow>,
}

/// The conversation that a mail is about.
pub(super) async fn subject(cx: &mut QueryCx, id: ConversationId) -> Result<Option<Subject>> {
    let row = conversations::table
        .left_join(visitors::table.on(conversations::visitor_id.eq(visitors::id.nullable())))
        .filter(conversations::id.eq(id))
        .select((
            conversations::workspace_id,
            conversations::channel,
            Option::<VisitorRow>::as_select(),
        ))
        .first::<(WorkspaceId, Option<Channel>, Option<VisitorRow>)>(cx.connection().await?)
        .await
        .optional()?;
    Ok(row.map(|(workspace_id, channel, visitor)| Subject {
        workspace_id,
        channel,
        visitor,
    }))
}

/// The members of a workspace who have an address and may read conversations.
pub(super) async fn readers(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Vec<UserId>> {
    let members: Vec<(UserId, Role, Vec<String>)> = workspace_members::table
        .inner_join(users::table.on(users::id.eq(workspace_members::user_id)))
        .filter(workspace_members::workspace_id.eq(workspace))
        .filter(users::email.ne(""))
        .order((workspace_members::created_at, workspace_members::id))
        .limit(MOST_MEMBERS)
        .select((users::id, workspace_members::role, workspace_members::permissions))
        .load(cx.connection().await?)
        .await?;
    let may_read = |(id, role, own): (UserId, Role, Vec<String>)| {
        permission::allows(role, &own, Permission::ConversationsRead).then_some(id)
    };
    Ok(members.into_iter().filter_map(may_read).collect())
}
