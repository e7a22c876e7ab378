//! Writes of `tags` and `conversation_tags`.

use crate::topics;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use opencom_core::id::{ConversationId, ConversationTagId, TagId};
use opencom_core::{Error, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::database::{broken_unique, overtaken};
use opencom_schema::{conversation_tags, tags};

use super::rows::{NewConversationTag, TagRow};

/// Makes a tag.
pub(crate) async fn insert(cx: &mut MutationCx, row: &TagRow) -> Result<()> {
    touched(cx, row);
    diesel::insert_into(tags::table)
        .values(row)
        .execute(cx.connection().await?)
        .await
        .map_err(|error| taken(error, &row.name))?;
    Ok(())
}

/// Changes what is given.
pub(crate) async fn update(cx: &mut MutationCx, row: &TagRow, name: Option<&str>, color: Option<&str>) -> Result<()> {
    touched(cx, row);
    let now = cx.now();
    diesel::update(tags::table.find(row.id))
        .set((
            name.map(|name| tags::name.eq(name)),
            color.map(|color| tags::color.eq(color)),
            tags::updated_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await
        .map_err(|error| taken(error, name.unwrap_or_default()))?;
    Ok(())
}

/// Deletes a tag. What refers to it goes with it; conversations that have it read its own topic.
pub(crate) async fn delete(cx: &mut MutationCx, row: &TagRow) -> Result<()> {
    touched(cx, row);
    diesel::delete(tags::table.find(row.id))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Puts a tag on a conversation; the link that is there, whoever made it.
pub(crate) async fn link(cx: &mut MutationCx, link: NewConversationTag) -> Result<ConversationTagId> {
    let connection = cx.connection().await?;
    let made = diesel::insert_into(conversation_tags::table)
        .values(link)
        .on_conflict((conversation_tags::conversation_id, conversation_tags::tag_id))
        .do_nothing()
        .execute(connection)
        .await?;
    if made == 1 {
        cx.write(topics::tags_of_conversation(link.conversation_id));
        return Ok(link.id);
    }
    conversation_tags::table
        .filter(conversation_tags::conversation_id.eq(link.conversation_id))
        .filter(conversation_tags::tag_id.eq(link.tag_id))
        .select(conversation_tags::id)
        .first(connection)
        .await
        .optional()?
        .ok_or_else(|| overtaken("somebody who took the tag off"))
}

/// Takes a tag off a conversation.
pub(crate) async fn unlink(cx: &mut MutationCx, conversation: ConversationId, tag: TagId) -> Result<()> {
    let link = conversation_tags::table
        .filter(conversation_tags::conversation_id.eq(conversation))
        .filter(conversation_tags::tag_id.eq(tag));
    let gone = diesel::delete(link).execute(cx.connection().await?).await?;
    if gone > 0 {
        cx.write(topics::tags_of_conversation(conversation));
    }
    Ok(())
}

fn taken(error: DieselError, name: &str) -> Error {
    match broken_unique(&error) {
        Some("tags_workspace_name_unique") => Error::already_exists(format!("Tag \"{name}\" already exists")),
        _ => error.into(),
    }
}

fn touched(cx: &mut MutationCx, row: &TagRow) {
    cx.write(topics::tag(row.id));
    cx.write(topics::tags_of_workspace(row.workspace_id));
}
