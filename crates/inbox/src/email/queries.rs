//! Reads of `email_configs`, `email_threads` and `inbound_emails`.

use crate::topics;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use opencom_core::id::{ConversationId, MessageId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{conversations, email_configs, email_threads, inbound_emails, messages};

use super::rows::{AnsweredMail, ConfigRow, KnownInbound};
use crate::messages::rows::MessageRow;

/// The most references of a mail that are looked up.
const MOST_REFERENCES: usize = 100;

/// How a workspace takes mail.
pub(crate) async fn config(cx: &mut QueryCx, workspace: WorkspaceId) -> Result<Option<ConfigRow>> {
    cx.read(topics::email_config(workspace));
    Ok(ConfigRow::query()
        .filter(email_configs::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The workspace's settings behind each of these addresses that is one.
pub(crate) async fn configs_by_address(cx: &mut QueryCx, addresses: &[String]) -> Result<Vec<ConfigRow>> {
    Ok(ConfigRow::query()
        .filter(email_configs::forwarding_address.eq_any(addresses))
        .load(cx.connection().await?)
        .await?)
}

/// What became of a mail that was taken in before, by what its provider or its sender calls it.
pub(crate) async fn known_inbound(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    provider_id: Option<&str>,
    message_id: Option<&str>,
) -> Result<Option<KnownInbound>> {
    if let Some(id) = provider_id {
        let known = KnownInbound::query()
            .filter(inbound_emails::workspace_id.eq(workspace))
            .filter(inbound_emails::provider_id.eq(id))
            .first(cx.connection().await?)
            .await
            .optional()?;
        if known.is_some() {
            return Ok(known);
        }
    }
    let Some(id) = message_id else { return Ok(None) };
    Ok(KnownInbound::query()
        .filter(inbound_emails::workspace_id.eq(workspace))
        .filter(inbound_emails::message_id.eq(id))
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The conversation of the mail that another one answers: by the id that it answers, else by the first of its references
/// that is known. A mail whose conversation is gone is no answer, and ends the look through the references.
pub(crate) async fn answered_conversation(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    in_reply_to: Option<&str>,
    references: &[String],
) -> Result<Option<ConversationId>> {
    let references = &references[..references.len().min(MOST_REFERENCES)];
    let ids: Vec<&str> = in_reply_to
        .into_iter()
        .chain(references.iter().map(String::as_str))
        .collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let mails: Vec<(String, Option<ConversationId>)> = email_threads::table
        .left_join(conversations::table.on(conversations::id.eq(email_threads::conversation_id)))
        .filter(email_threads::workspace_id.eq(workspace))
        .filter(email_threads::message_id.eq_any(&ids))
        .order((email_threads::created_at, email_threads::id))
        .select((email_threads::message_id, conversations::id.nullable()))
        .load(cx.connection().await?)
        .await?;
    let of = |id: &str| {
        mails
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, conversation)| *conversation)
    };
    let answered = in_reply_to.and_then(of).flatten();
    Ok(answered.or_else(|| references.iter().find_map(|id| of(id)).flatten()))
}

/// The conversation of the oldest mail since `since` with a subject, which is normalised, from an address.
pub(crate) async fn conversation_by_subject(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    subject: &str,
    sender: &str,
    since: Millis,
) -> Result<Option<ConversationId>> {
    let conversation = email_threads::table
        .inner_join(conversations::table.on(conversations::id.eq(email_threads::conversation_id)))
        .filter(email_threads::workspace_id.eq(workspace))
        .filter(email_threads::sender_email.eq(sender))
        // In the form of the index: subjects are longer than its entries may be.
        .filter(
            sql::<Bool>("md5(email_threads.normalized_subject) = md5(")
                .bind::<Text, _>(subject)
                .sql(")"),
        )
        .filter(email_threads::created_at.ge(since))
        .order((email_threads::created_at, email_threads::id))
        .select(conversations::id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(conversation)
}

/// The newest mail that came in a conversation.
pub(crate) async fn last_received(cx: &mut QueryCx, conversation: ConversationId) -> Result<Option<AnsweredMail>> {
    Ok(AnsweredMail::query()
        .filter(email_threads::conversation_id.eq(conversation))
        .filter(email_threads::is_inbound.eq(true))
        .order((email_threads::created_at.desc(), email_threads::id.desc()))
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The references of a mail of the workspace.
pub(crate) async fn references_of(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    message_id: &str,
) -> Result<Option<Vec<String>>> {
    let references: Option<Option<Vec<String>>> = email_threads::table
        .filter(email_threads::workspace_id.eq(workspace))
        .filter(email_threads::message_id.eq(message_id))
        .order((email_threads::created_at, email_threads::id))
        .select(email_threads::reference_ids)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(references.flatten())
}

/// Whether a mail of that id was sent from the workspace.
pub(crate) async fn was_sent(cx: &mut QueryCx, workspace: WorkspaceId, message_id: &str) -> Result<bool> {
    let sent = email_threads::table
        .filter(email_threads::workspace_id.eq(workspace))
        .filter(email_threads::message_id.eq(message_id))
        .filter(email_threads::is_inbound.eq(false));
    Ok(diesel::select(diesel::dsl::exists(sent))
        .get_result(cx.connection().await?)
        .await?)
}

/// A message with its conversation's workspace.
pub(crate) async fn message(cx: &mut QueryCx, id: MessageId) -> Result<Option<(MessageRow, WorkspaceId)>> {
    let row = messages::table
        .inner_join(conversations::table.on(conversations::id.eq(messages::conversation_id)))
        .filter(messages::id.eq(id))
        .select((MessageRow::as_select(), conversations::workspace_id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(row)
}

/// A message, locked.
pub(crate) async fn lock_message(cx: &mut MutationCx, id: MessageId) -> Result<Option<MessageRow>> {
    Ok(MessageRow::query()
        .filter(messages::id.eq(id))
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The message that a provider's event is about, locked: by what the provider calls its mail, else by its `Message-ID`.
pub(crate) async fn lock_by_mail(cx: &mut MutationCx, id: &str) -> Result<Option<MessageRow>> {
    let by_provider = MessageRow::query()
        .filter(messages::provider_mail_id.eq(id))
        .order((messages::created_at, messages::id))
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?;
    if by_provider.is_some() {
        return Ok(by_provider);
    }
    let row: Option<MessageRow> = MessageRow::query()
        .filter(sql::<Bool>("messages.email_metadata ->> 'messageId' = ").bind::<Text, _>(id))
        .order((messages::created_at, messages::id))
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let elsewhere = email_threads::table
        .filter(email_threads::message_id.eq(id))
        .filter(
            email_threads::workspace_id.eq_any(
                conversations::table
                    .find(row.conversation_id)
                    .select(conversations::workspace_id),
            ),
        )
        .filter(email_threads::conversation_id.ne(row.conversation_id));
    let elsewhere: bool = diesel::select(diesel::dsl::exists(elsewhere))
        .get_result(cx.connection().await?)
        .await?;
    Ok(Some(row).filter(|_| !elsewhere))
}

/// Messages of the workspace's members with one of these `Message-ID`s, locked.
pub(crate) async fn lock_sent(cx: &mut MutationCx, workspace: WorkspaceId, ids: &[String]) -> Result<Vec<MessageRow>> {
    let sent = email_threads::table
        .filter(email_threads::workspace_id.eq(workspace))
        .filter(email_threads::message_id.eq_any(ids))
        .filter(email_threads::is_inbound.eq(false))
        .select(email_threads::message_id)
        .load::<String>(cx.connection().await?)
        .await?;
    let mut found = Vec::new();
    // Rarely more than one: a mail that came back tells of the one that was sent.
    for id in sent.iter().take(MOST_REFERENCES) {
        found.extend(lock_by_mail(cx, id).await?);
    }
    Ok(found)
}
