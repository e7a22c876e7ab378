//! Nearest neighbours in two steps: the few hundred vectors whose codes differ least, found by pgvector's index where the
//! server has one and among the codes that this process keeps otherwise, are then compared by their whole vectors.

use std::collections::HashSet;

use opencom_contract::embeddings::ContentType;
use opencom_core::id::WorkspaceId;
use opencom_core::{Millis, Result};
use opencom_runtime::QueryCx;

use super::codes::{Code, Codes};
use super::pgvector;
use super::rows::EmbeddingRow;

/// How many are compared by their whole vectors, for each one that is asked for, and at least.
const RERANKED_EACH: usize = 16;
const RERANKED: usize = 200;

/// Something that is near.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// What it is.
    pub content_type: ContentType,
    /// Its id, as text.
    pub content_id: String,
    /// Its title when the vector was made.
    pub title: String,
    /// The beginning of the nearest chunk.
    pub snippet: String,
    /// Cosine of the angle, -1 to 1.
    pub score: f64,
    /// When the vector was made.
    pub updated_at: Millis,
}

/// What finds neighbours.
#[derive(Default)]
pub(crate) struct Index {
    codes: Codes,
}

impl Index {
    /// The contents of a workspace whose chunks are nearest to a vector of this model, each content once, best first.
    /// `types` narrows; none means all.
    pub(crate) async fn nearest(
        &self,
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        model: &'static str,
        vector: &[f32],
        types: &[ContentType],
        limit: usize,
    ) -> Result<Vec<Near>> {
        let code = Code::of(vector);
        let wanted = (limit * RERANKED_EACH).max(RERANKED);
        if pgvector::is_ready(cx).await? {
            let rows = pgvector::closest(cx, workspace, model, types, &code, wanted).await?;
            // It gives up when many others are nearer than the workspace's own, and then the workspace is a small one.
            if rows.len() == wanted {
                return Ok(best(rows, vector, limit));
            }
        }
        let rows = self.codes.closest(cx, workspace, model, types, &code, wanted).await?;
        Ok(best(rows, vector, limit))
    }
}

/// The best chunk of each content, best first.
fn best(rows: Vec<EmbeddingRow>, vector: &[f32], limit: usize) -> Vec<Near> {
    let mut near: Vec<Near> = rows
        .into_iter()
        .map(|row| Near {
            score: cosine(&row.embedding, vector),
            content_type: row.content_type,
            content_id: row.content_id,
            title: row.title,
            snippet: row.snippet,
            updated_at: row.updated_at,
        })
        .collect();
    near.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.content_id.cmp(&b.content_id))
    });
    let mut seen = HashSet::new();
    near.retain(|near| seen.insert((near.content_type, near.content_id.clone())));
    near.truncate(limit);
    near
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let (mut dot, mut aa, mut bb) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x), f64::from(*y));
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    let lengths = (aa * bb).sqrt();
    if lengths > 0.0 {
        (dot / lengths).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_is_that_of_the_angle() {
        assert!((cosine(&[1.0, 0.0], &[1.0, 0.0]) - 1.0).abs() < 1e-9);
        assert!(cosine(&[1.0, 0.0], &[0.0, 2.0]).abs() < 1e-9);
        assert!((cosine(&[1.0, 0.0], &[-3.0, 0.0]) + 1.0).abs() < 1e-9);
        assert!(cosine(&[0.0, 0.0], &[1.0, 0.0]).abs() < 1e-9);
    }
}
