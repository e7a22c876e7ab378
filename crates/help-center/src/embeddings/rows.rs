//! Rows of `content_embeddings`.

use diesel::prelude::*;
use opencom_contract::embeddings::ContentType;
use opencom_core::Millis;
use opencom_core::id::{ContentEmbeddingId, WorkspaceId};
use opencom_schema::content_embeddings;

/// A chunk's vector that is about to be stored.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = content_embeddings)]
pub(crate) struct NewEmbedding<'a> {
    pub(crate) id: ContentEmbeddingId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) content_type: ContentType,
    pub(crate) content_id: &'a str,
    pub(crate) model: &'a str,
    pub(crate) code: Vec<u8>,
    pub(crate) embedding: Vec<f32>,
    pub(crate) text_hash: &'a str,
    pub(crate) title: &'a str,
    pub(crate) snippet: String,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// What a stored vector is found by.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = content_embeddings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct CodeRow {
    pub(crate) id: ContentEmbeddingId,
    pub(crate) content_type: ContentType,
    pub(crate) code: Vec<u8>,
}

/// A stored vector.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = content_embeddings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct EmbeddingRow {
    pub(crate) content_type: ContentType,
    pub(crate) content_id: String,
    pub(crate) embedding: Vec<f32>,
    pub(crate) title: String,
    pub(crate) snippet: String,
    pub(crate) updated_at: Millis,
}
