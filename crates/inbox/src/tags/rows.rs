//! Rows of `tags` and `conversation_tags`.

use diesel::prelude::*;
use opencom_contract::tags::{AppliedBy, AppliedTag, Tag};
use opencom_core::Millis;
use opencom_core::id::{ConversationId, ConversationTagId, TagId, UserId, WorkspaceId};
use opencom_schema::{conversation_tags, tags};

/// A tag's row.
#[derive(Clone, Debug, HasQuery, Insertable)]
#[diesel(table_name = tags)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct TagRow {
    pub(crate) id: TagId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) color: Option<String>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

impl From<TagRow> for Tag {
    fn from(row: TagRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            workspace_id: row.workspace_id,
            name: row.name,
            color: row.color,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A tag that is about to be put on a conversation.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = conversation_tags)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct NewConversationTag {
    pub(crate) id: ConversationTagId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) tag_id: TagId,
    pub(crate) applied_by: AppliedBy,
    pub(crate) applied_by_user_id: Option<UserId>,
    pub(crate) created_at: Millis,
}

/// How and when a tag was put on a conversation.
#[derive(Clone, Copy, Debug, HasQuery)]
#[diesel(table_name = conversation_tags)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct Application {
    pub(crate) applied_by: Option<AppliedBy>,
    pub(crate) applied_by_user_id: Option<UserId>,
    pub(crate) created_at: Millis,
}

/// The contract's form of a tag on a conversation.
pub(crate) fn applied((tag, application): (TagRow, Application)) -> AppliedTag {
    AppliedTag {
        tag: tag.into(),
        applied_by: application.applied_by,
        applied_by_user_id: application.applied_by_user_id,
        applied_at: application.created_at,
    }
}
