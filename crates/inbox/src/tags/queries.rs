//! Reads of `tags` and `conversation_tags`.

use crate::topics;
use diesel::prelude::*;
use opencom_core::Result;
use opencom_core::id::{ConversationId, TagId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::keyset::{self, Position};
use opencom_runtime::statement::literal_limit;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{conversation_tags, tags};

use super::rows::{Application, TagRow};

/// A tag of whatever workspace; the caller checks access.
pub(crate) async fn by_id(cx: &mut QueryCx, id: TagId) -> Result<Option<TagRow>> {
    cx.read(topics::tag(id));
    Ok(TagRow::query()
        .find(id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// A tag of whatever workspace, which is not deleted before the end of the transaction.
pub(crate) async fn hold(cx: &mut MutationCx, id: TagId) -> Result<Option<TagRow>> {
    Ok(TagRow::query()
        .find(id)
        .for_key_share()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Returns the tags of a workspace, oldest first, after the tag `cursor`.
pub(crate) async fn by_workspace(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    cursor: Option<TagId>,
    limit: i64,
) -> Result<Vec<TagRow>> {
    cx.read(topics::tags_of_workspace(workspace));
    let start = cursor.map(|id| {
        tags::table
            .find(id)
            .filter(tags::workspace_id.eq(workspace))
            .select((tags::created_at, tags::id))
    });
    let start: Option<Position> = keyset::resolve(cx, start).await?;
    let mut query = TagRow::query()
        .filter(tags::workspace_id.eq(workspace))
        .order((tags::created_at, tags::id))
        .into_boxed();
    if let Some(start) = start {
        query = query.filter(start.newer(tags::created_at, tags::id));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// Tags of a conversation in the order in which they were applied.
pub(crate) async fn by_conversation(
    cx: &mut QueryCx,
    conversation: ConversationId,
    limit: i64,
) -> Result<Vec<(TagRow, Application)>> {
    cx.read(topics::tags_of_conversation(conversation));
    let query = conversation_tags::table
        .inner_join(tags::table.on(conversation_tags::tag_id.eq(tags::id)))
        .select((TagRow::as_select(), Application::as_select()))
        .filter(conversation_tags::conversation_id.eq(conversation))
        .order((conversation_tags::created_at, conversation_tags::id));
    let rows: Vec<(TagRow, Application)> = literal_limit(query, limit).load(cx.connection().await?).await?;
    for (tag, _) in &rows {
        cx.read(topics::tag(tag.id));
    }
    Ok(rows)
}
