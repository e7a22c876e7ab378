//! Embeddings: vectors that make published contents found by meaning.
//!
//! Whoever changes a content calls [`schedule`] or [`remove`] in the same transaction. What is not published any more loses
//! its vectors at once; what is published gets them by a job, because a provider is slow and may be down, and nobody who
//! publishes has to wait or to know. The job reads the content itself, and stores vectors only of what it still is.

mod chunks;
mod codes;
mod nearest;
pub mod pgvector;
mod rows;
mod store;

use std::sync::Arc;

use diesel::prelude::*;
use opencom_contract::articles::{ArticleRef, ArticleStatus, Visibility};
use opencom_contract::embeddings::ContentType;
use opencom_core::id::{ContentEmbeddingId, SnippetId, WorkspaceId};
use opencom_core::{Error, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{ActionCx, Job, MutationCx, Perform, QueryCx, Registry, ScopedFutureExt};
use opencom_schema::{articles, internal_articles, snippets};
use serde::{Deserialize, Serialize};

use self::codes::Code;
pub(crate) use self::nearest::Index;
pub use self::nearest::Near;
use self::rows::NewEmbedding;
use crate::HelpCenter;

/// How often a content that changes while its vectors are made is begun again before the job is put off.
const ATTEMPTS: usize = 3;

/// A content that has vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// What it is.
    pub content_type: ContentType,
    /// Its id, as text.
    pub content_id: String,
}

/// What vectors are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    /// The title, which goes with every chunk.
    title: String,
    /// The rest.
    content: String,
}

/// Makes the vectors of a content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GenerateEmbeddings {
    /// Which one.
    pub content: Content,
}

impl Job for GenerateEmbeddings {
    const KIND: &'static str = "help_center.generate_embeddings";
}

pub(crate) fn register_jobs(service: &Arc<HelpCenter>, registry: &mut Registry) {
    registry.job::<GenerateEmbeddings, _>(service);
}

/// Has the vectors of a content made after the commit, of the text that it has by then.
pub async fn schedule(cx: &mut MutationCx, content: Content) -> Result<()> {
    store::set_state(cx, &content, "pending", None).await?;
    cx.enqueue(&GenerateEmbeddings { content })
}

/// Forgets the vectors of a content that is not to be found any more.
pub async fn remove(cx: &mut MutationCx, content_type: ContentType, content_id: &str) -> Result<()> {
    store::delete(cx, content_type, content_id).await
}

/// The code of a vector, as it is stored beside it: what neighbours are found by.
pub fn code(vector: &[f32]) -> Vec<u8> {
    Code::of(vector).to_bytes()
}

/// How the vectors of a content stand.
enum Standing {
    /// It is not to be found.
    Gone,
    /// They are there.
    Current,
    /// They are to be made of this.
    Due(Text),
}

impl Perform<GenerateEmbeddings> for HelpCenter {
    async fn perform(&self, cx: &mut ActionCx, job: GenerateEmbeddings) -> Result<()> {
        let count =
            |result: &'static str| metrics::counter!("opencom_embeddings_total", "result" => result).increment(1);
        for _ in 0..ATTEMPTS {
            let job = &job;
            let standing = cx
                .transaction(|cx| async move { self.standing(cx, job).await }.scope_boxed())
                .await?;
            let Standing::Due(text) = standing else {
                count("unchanged");
                return Ok(());
            };
            let inputs: Vec<String> = chunks::chunks(&text.content)
                .iter()
                .map(|chunk| chunks::input(&text.title, chunk))
                .collect();
            let provider = &self.parts.embeddings;
            let vectors = match provider.embed(provider.model(None), &inputs).await {
                Ok(vectors) => vectors,
                Err(error) => {
                    count("failed");
                    let reason = &error.to_string();
                    cx.transaction(|cx| {
                        async move { store::set_state(cx, &job.content, "failed", Some(reason)).await }.scope_boxed()
                    })
                    .await?;
                    // What will never be accepted is not worth another try; the state says why.
                    return if error.is_permanent() {
                        Ok(())
                    } else {
                        Err(Error::internal(error))
                    };
                }
            };
            let (text, vectors) = (&text, &vectors);
            let stored = cx
                .transaction(|cx| async move { self.store(cx, job, text, vectors).await }.scope_boxed())
                .await?;
            if stored {
                count("made");
                return Ok(());
            }
        }
        Err(opencom_runtime::database::overtaken(
            "a content that changes all the time",
        ))
    }
}

impl HelpCenter {
    /// The vector of what somebody looks for. Asks the provider, so it is for actions.
    pub async fn embed(&self, query: &str) -> Result<Vec<f32>> {
        let provider = &self.parts.embeddings;
        let vectors = provider.embed(provider.model(None), &[query.to_owned()]).await;
        let vector = vectors.map_err(Error::internal)?.pop();
        vector.ok_or_else(|| Error::internal("the provider gave no vector"))
    }

    /// The contents of a workspace that are nearest to a vector, best first. `types` narrows; none means all. Neither
    /// status nor audience are looked at: what is not published has no vectors.
    pub async fn nearest(
        &self,
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        vector: &[f32],
        types: &[ContentType],
        limit: usize,
    ) -> Result<Vec<Near>> {
        let model = self.parts.embeddings.model(None);
        self.index.nearest(cx, workspace, model, vector, types, limit).await
    }

    async fn standing(&self, cx: &mut MutationCx, job: &GenerateEmbeddings) -> Result<Standing> {
        let Some(text) = text_of(cx, &job.content).await? else {
            store::delete(cx, job.content.content_type, &job.content.content_id).await?;
            return Ok(Standing::Gone);
        };
        if self.is_current(cx, &job.content, &text).await? {
            store::set_state(cx, &job.content, "ready", None).await?;
            return Ok(Standing::Current);
        }
        Ok(Standing::Due(text))
    }

    async fn is_current(&self, cx: &mut QueryCx, content: &Content, text: &Text) -> Result<bool> {
        let stored = store::hashes(cx, content).await?;
        let hash = chunks::text_hash(&text.title, &text.content);
        let model = self.parts.embeddings.model(None);
        Ok(stored.len() == chunks::chunks(&text.content).len()
            && stored.iter().all(|(stored, maker)| *stored == hash && maker == model))
    }

    /// Stores vectors of a text, unless the content has become something else meanwhile.
    async fn store(
        &self,
        cx: &mut MutationCx,
        job: &GenerateEmbeddings,
        text: &Text,
        vectors: &[Vec<f32>],
    ) -> Result<bool> {
        if text_of(cx, &job.content).await?.as_ref() != Some(text) {
            return Ok(false);
        }
        let (hash, now) = (chunks::text_hash(&text.title, &text.content), cx.now());
        let new: Vec<NewEmbedding<'_>> = chunks::chunks(&text.content)
            .iter()
            .zip(vectors)
            .map(|(chunk, vector)| NewEmbedding {
                id: ContentEmbeddingId::generate(),
                workspace_id: job.content.workspace_id,
                content_type: job.content.content_type,
                content_id: &job.content.content_id,
                model: self.parts.embeddings.model(None),
                code: code(vector),
                embedding: vector.clone(),
                text_hash: &hash,
                title: &text.title,
                snippet: chunks::snippet(chunk),
                created_at: now,
                updated_at: now,
            })
            .collect();
        store::replace(cx, &job.content, &new).await?;
        store::set_state(cx, &job.content, "ready", None).await?;
        Ok(true)
    }
}

/// The text of a content that is to be found, locked until the end of the transaction.
async fn text_of(cx: &mut MutationCx, of: &Content) -> Result<Option<Text>> {
    if of.content_type == ContentType::Snippet {
        let Ok(id) = of.content_id.parse::<SnippetId>() else {
            return Ok(None);
        };
        let row: Option<(String, String)> = snippets::table
            .find(id)
            .select((snippets::name, snippets::content))
            .for_no_key_update()
            .first(cx.connection().await?)
            .await
            .optional()?;
        return Ok(row.map(|(title, content)| Text { title, content }));
    }
    let Ok(id) = of.content_id.parse::<ArticleRef>() else {
        return Ok(None);
    };
    let row: Option<(String, String, ArticleStatus, Option<Visibility>)> = match id {
        ArticleRef::Article(id) => articles::table
            .find(id)
            .select((
                articles::title,
                articles::content,
                articles::status,
                articles::visibility,
            ))
            .for_no_key_update()
            .first(cx.connection().await?)
            .await
            .optional()?,
        ArticleRef::Legacy(id) => internal_articles::table
            .find(id)
            .select((
                internal_articles::title,
                internal_articles::content,
                internal_articles::status,
            ))
            .for_no_key_update()
            .first(cx.connection().await?)
            .await
            .optional()?
            .map(|(title, content, status)| (title, content, status, Some(Visibility::Internal))),
    };
    let published = |(title, content, status, visibility)| {
        let fits = status == ArticleStatus::Published && content_type(visibility) == of.content_type;
        fits.then_some(Text { title, content })
    };
    Ok(row.and_then(published))
}

/// What an article of this visibility counts as.
pub(crate) fn content_type(visibility: Option<Visibility>) -> ContentType {
    match visibility {
        Some(Visibility::Internal) => ContentType::InternalArticle,
        _ => ContentType::Article,
    }
}
