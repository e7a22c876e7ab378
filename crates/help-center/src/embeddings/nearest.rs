//! Nearest neighbours without an extension of PostgreSQL: each vector's signs, 192 bytes, are kept in memory for each
//! workspace that is searched in, and compared all of them; the best few hundred are then compared by their whole vectors,
//! which the database has ([decision 17](../../../../docs/decisions/0017-nearest-neighbours-by-signs.md)).
//!
//! What is kept may be older than the database. Vectors that came since are read at each search and looked at too; those
//! that went are not there any more when the whole vectors are read. So an answer is right whoever wrote, also another
//! process.

use std::collections::HashSet;
use std::sync::Arc;

use opencom_contract::embeddings::ContentType;
use opencom_core::id::{ContentEmbeddingId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_providers::embeddings::DIMENSIONS;
use opencom_runtime::QueryCx;

use super::rows::{CodeRow, EmbeddingRow};
use super::store;

/// Words of a code.
const WORDS: usize = DIMENSIONS / 64;
/// How many are compared by their whole vectors, for each one that is asked for, and at least.
const RERANKED_EACH: usize = 16;
const RERANKED: usize = 200;
/// How far back a search looks for vectors that came since: longer than a transaction may take and clocks may differ.
const OVERLAP: i64 = 5 * Millis::MINUTE;
/// When so many vectors came since, all are read anew.
const MOST_SINCE: usize = 2000;
/// The most bytes that are kept.
const KEPT: u64 = 512 * 1024 * 1024;

/// The signs of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code([u64; WORDS]);

impl Code {
    /// The signs of a vector.
    pub(crate) fn of(vector: &[f32]) -> Self {
        let mut words = [0; WORDS];
        for (n, _) in vector.iter().take(DIMENSIONS).enumerate().filter(|(_, x)| **x > 0.0) {
            words[n / 64] |= 1 << (n % 64);
        }
        Self(words)
    }

    /// A code as it is stored.
    pub(crate) fn stored(bytes: &[u8]) -> Option<Self> {
        let mut words = [0; WORDS];
        if bytes.len() != WORDS * 8 {
            return None;
        }
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(Self(words))
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// How many signs differ.
    fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// The codes of a workspace at a time.
struct Snapshot {
    taken_at: Millis,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    id: ContentEmbeddingId,
    content_type: ContentType,
    code: Code,
}

/// What is kept of the workspaces that were searched in.
pub(crate) struct Index {
    snapshots: moka::sync::Cache<(WorkspaceId, &'static str), Arc<Snapshot>>,
}

impl Default for Index {
    fn default() -> Self {
        let weigh = |_: &(WorkspaceId, &'static str), snapshot: &Arc<Snapshot>| {
            u32::try_from(snapshot.entries.len() * size_of::<Entry>()).unwrap_or(u32::MAX)
        };
        let snapshots = moka::sync::Cache::builder().max_capacity(KEPT).weigher(weigh).build();
        Self { snapshots }
    }
}

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
        let entries = self.entries(cx, workspace, model).await?;
        let ids = closest(&entries, &code, types, wanted);
        let mut rows = store::by_ids(cx, &ids).await?;
        if rows.len() < ids.len() && rows.len() < wanted.min(entries.0.entries.len()) {
            // Some went. Others may belong in their place.
            self.snapshots.invalidate(&(workspace, model));
            let entries = self.entries(cx, workspace, model).await?;
            rows = store::by_ids(cx, &closest(&entries, &code, types, wanted)).await?;
        }
        Ok(best(rows, vector, limit))
    }

    /// What is kept, and what came since.
    async fn entries(
        &self,
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        model: &'static str,
    ) -> Result<(Arc<Snapshot>, Vec<Entry>)> {
        if let Some(snapshot) = self.snapshots.get(&(workspace, model)) {
            let since = snapshot.taken_at.plus(-OVERLAP);
            let newer = entries(store::codes(cx, workspace, model, Some(since)).await?);
            if newer.len() <= MOST_SINCE || snapshot.taken_at == cx.now() {
                return Ok((snapshot, newer));
            }
        }
        let snapshot = Arc::new(Snapshot {
            taken_at: cx.now(),
            entries: entries(store::codes(cx, workspace, model, None).await?),
        });
        self.snapshots.insert((workspace, model), Arc::clone(&snapshot));
        Ok((snapshot, Vec::new()))
    }
}

fn entries(rows: Vec<CodeRow>) -> Vec<Entry> {
    let entry = |row: CodeRow| {
        row.code().map(|code| Entry {
            id: row.id,
            content_type: row.content_type,
            code,
        })
    };
    rows.into_iter().filter_map(entry).collect()
}

/// The ids of those whose signs differ least.
fn closest(
    (snapshot, newer): &(Arc<Snapshot>, Vec<Entry>),
    code: &Code,
    types: &[ContentType],
    wanted: usize,
) -> Vec<ContentEmbeddingId> {
    let all = snapshot.entries.iter().chain(newer);
    let fitting = all.filter(|entry| types.is_empty() || types.contains(&entry.content_type));
    let mut measured: Vec<(u32, ContentEmbeddingId)> =
        fitting.map(|entry| (entry.code.distance(code), entry.id)).collect();
    if measured.len() > wanted {
        // What came since may be there twice.
        measured.select_nth_unstable(wanted);
        measured.truncate(wanted);
    }
    let once: HashSet<_> = measured.into_iter().map(|(_, id)| id).collect();
    once.into_iter().collect()
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
    fn a_code_has_the_signs_and_survives_being_stored() {
        let mut vector = vec![-1.0; DIMENSIONS];
        vector[0] = 0.5;
        vector[DIMENSIONS - 1] = 2.0;
        let code = Code::of(&vector);
        assert_eq!(Code::stored(&code.to_bytes()), Some(code));
        assert_eq!(code.distance(&Code::of(&vec![-1.0; DIMENSIONS])), 2);
        assert_eq!(Code::stored(&[0; 3]), None);
    }

    #[test]
    fn the_cosine_is_that_of_the_angle() {
        assert!((cosine(&[1.0, 0.0], &[1.0, 0.0]) - 1.0).abs() < 1e-9);
        assert!(cosine(&[1.0, 0.0], &[0.0, 2.0]).abs() < 1e-9);
        assert!((cosine(&[1.0, 0.0], &[-3.0, 0.0]) + 1.0).abs() < 1e-9);
        assert!(cosine(&[0.0, 0.0], &[1.0, 0.0]).abs() < 1e-9);
    }
}
