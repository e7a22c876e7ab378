//! Reads and writes of `content_embeddings` and `content_embedding_states`.

use diesel::prelude::*;
use opencom_contract::embeddings::ContentType;
use opencom_core::id::{ContentEmbeddingId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{content_embedding_states as states, content_embeddings as embeddings};

use super::Content;
use super::rows::{CodeRow, EmbeddingRow, NewEmbedding};

/// Hash and model of what is stored for a content, one for each chunk.
pub(super) async fn hashes(cx: &mut QueryCx, content: &Content) -> Result<Vec<(String, String)>> {
    Ok(embeddings::table
        .filter(embeddings::content_type.eq(content.content_type))
        .filter(embeddings::content_id.eq(&content.content_id))
        .select((embeddings::text_hash, embeddings::model))
        .load(cx.connection().await?)
        .await?)
}

/// Puts these vectors in place of what is stored for a content.
pub(super) async fn replace(cx: &mut MutationCx, content: &Content, new: &[NewEmbedding<'_>]) -> Result<()> {
    delete_rows(cx, content.content_type, &content.content_id).await?;
    diesel::insert_into(embeddings::table)
        .values(new)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Deletes what is stored for a content.
pub(super) async fn delete(cx: &mut MutationCx, content_type: ContentType, content_id: &str) -> Result<()> {
    delete_rows(cx, content_type, content_id).await?;
    diesel::delete(states::table.find((content_type, content_id)))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

async fn delete_rows(cx: &mut MutationCx, content_type: ContentType, content_id: &str) -> Result<()> {
    let rows = embeddings::table
        .filter(embeddings::content_type.eq(content_type))
        .filter(embeddings::content_id.eq(content_id));
    diesel::delete(rows).execute(cx.connection().await?).await?;
    Ok(())
}

/// Takes note of how far a content is: `pending`, `ready`, or `failed` and why.
pub(super) async fn set_state(
    cx: &mut MutationCx,
    content: &Content,
    status: &'static str,
    error: Option<&str>,
) -> Result<()> {
    let now = cx.now();
    diesel::insert_into(states::table)
        .values((
            states::content_type.eq(content.content_type),
            states::content_id.eq(&content.content_id),
            states::workspace_id.eq(content.workspace_id),
            states::status.eq(status),
            states::error.eq(error),
            states::updated_at.eq(now),
        ))
        .on_conflict((states::content_type, states::content_id))
        .do_update()
        .set((
            states::status.eq(status),
            states::error.eq(error),
            states::updated_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// The codes of a workspace's vectors of one model.
pub(super) async fn codes(cx: &mut QueryCx, workspace: WorkspaceId, model: &str) -> Result<Vec<CodeRow>> {
    Ok(CodeRow::query()
        .filter(embeddings::workspace_id.eq(workspace))
        .filter(embeddings::model.eq(model))
        .load(cx.connection().await?)
        .await?)
}

/// The ids of those that were stored since a time.
pub(super) async fn ids_since(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    model: &str,
    since: Millis,
) -> Result<Vec<ContentEmbeddingId>> {
    Ok(embeddings::table
        .filter(embeddings::workspace_id.eq(workspace))
        .filter(embeddings::model.eq(model))
        .filter(embeddings::created_at.ge(since))
        .select(embeddings::id)
        .load(cx.connection().await?)
        .await?)
}

/// The codes with these ids that are still there.
pub(super) async fn codes_by_ids(cx: &mut QueryCx, ids: &[ContentEmbeddingId]) -> Result<Vec<CodeRow>> {
    Ok(CodeRow::query()
        .filter(embeddings::id.eq_any(ids))
        .load(cx.connection().await?)
        .await?)
}

/// The vectors with these ids that are still there.
pub(super) async fn by_ids(cx: &mut QueryCx, ids: &[ContentEmbeddingId]) -> Result<Vec<EmbeddingRow>> {
    Ok(EmbeddingRow::query()
        .filter(embeddings::id.eq_any(ids))
        .load(cx.connection().await?)
        .await?)
}
