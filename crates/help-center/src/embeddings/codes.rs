//! Codes of vectors, 256 bytes each, kept in memory for each workspace that is searched in, to compare all of them
//! ([decision 21](../../../../docs/decisions/0021-nearest-neighbours-by-signs.md)).
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

/// Bits of a code.
pub(super) const BITS: usize = DIMENSIONS.next_power_of_two();
/// Words of a code.
const WORDS: usize = BITS / 64;
/// How far back a search looks for vectors that came since: longer than a transaction may take and clocks may differ.
const OVERLAP: i64 = 5 * Millis::MINUTE;
/// When so many vectors came since, they are kept too.
const MOST_SINCE: usize = 2000;
/// The most bytes that are kept.
const KEPT: u64 = 512 * 1024 * 1024;

/// The signs of a vector that was turned first, so that what differs between two of them tells their angle, also when most
/// of their numbers are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code([u64; WORDS]);

impl Code {
    /// The code of a vector.
    pub(crate) fn of(vector: &[f32]) -> Self {
        let mut numbers = [0.0; BITS];
        for (n, (number, x)) in numbers.iter_mut().zip(vector).enumerate() {
            *number = if pattern(n / 64) >> (n % 64) & 1 == 1 { -x } else { *x };
        }
        mix(&mut numbers);
        let mut words = [0; WORDS];
        for (word, numbers) in words.iter_mut().zip(numbers.chunks_exact(64)) {
            for (n, _) in numbers.iter().enumerate().filter(|(_, x)| **x > 0.0) {
                *word |= 1 << n;
            }
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

/// 64 bits without any order, the same ones for ever: codes that are stored have been made with them.
fn pattern(n: usize) -> u64 {
    // SplitMix64.
    let mut bits = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Makes of each number a sum of all, with signs of its own: the Walsh-Hadamard transform.
fn mix(numbers: &mut [f32; BITS]) {
    let mut half = 1;
    while half < BITS {
        for pair in numbers.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// The codes of a workspace, up to a time.
struct Snapshot {
    taken_at: Millis,
    entries: Vec<Entry>,
    /// Whose codes these are.
    ids: HashSet<ContentEmbeddingId>,
}

#[derive(Clone, Copy)]
struct Entry {
    id: ContentEmbeddingId,
    content_type: ContentType,
    code: Code,
}

impl Snapshot {
    /// What an earlier one had, and `newer`, all of them read at `taken_at`.
    fn new(taken_at: Millis, earlier: &[Entry], newer: &[Entry]) -> Arc<Self> {
        let entries = [earlier, newer].concat();
        let ids = entries.iter().map(|entry| entry.id).collect();
        Arc::new(Self { taken_at, entries, ids })
    }
}

/// What is kept of the workspaces that were searched in.
pub(super) struct Codes {
    snapshots: moka::sync::Cache<(WorkspaceId, &'static str), Arc<Snapshot>>,
}

impl Default for Codes {
    fn default() -> Self {
        let each = size_of::<Entry>() + size_of::<ContentEmbeddingId>();
        let weigh = move |_: &(WorkspaceId, &'static str), snapshot: &Arc<Snapshot>| {
            u32::try_from(snapshot.entries.len() * each).unwrap_or(u32::MAX)
        };
        let snapshots = moka::sync::Cache::builder().max_capacity(KEPT).weigher(weigh).build();
        Self { snapshots }
    }
}

impl Codes {
    /// So many vectors of a workspace and model whose codes differ least from `code`, in no order.
    pub(super) async fn closest(
        &self,
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        model: &'static str,
        types: &[ContentType],
        code: &Code,
        wanted: usize,
    ) -> Result<Vec<EmbeddingRow>> {
        let (snapshot, newer) = self.entries(cx, workspace, model).await?;
        let ids = closest(&snapshot.entries, &newer, code, types, wanted);
        let rows = store::by_ids(cx, &ids).await?;
        if rows.len() == ids.len() || ids.len() < wanted {
            return Ok(rows);
        }
        // Some went. Others may belong in their place.
        self.snapshots.invalidate(&(workspace, model));
        let (snapshot, newer) = self.entries(cx, workspace, model).await?;
        store::by_ids(cx, &closest(&snapshot.entries, &newer, code, types, wanted)).await
    }

    /// What is kept, and what came since.
    async fn entries(
        &self,
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        model: &'static str,
    ) -> Result<(Arc<Snapshot>, Vec<Entry>)> {
        let taken_at = cx.now();
        let kept = self.snapshots.get(&(workspace, model));
        let newer = match &kept {
            Some(kept) => {
                let mut ids = store::ids_since(cx, workspace, model, kept.taken_at.plus(-OVERLAP)).await?;
                ids.retain(|id| !kept.ids.contains(id));
                if ids.is_empty() {
                    Vec::new()
                } else {
                    store::codes_by_ids(cx, &ids).await?
                }
            }
            None => store::codes(cx, workspace, model).await?,
        };
        let newer: Vec<Entry> = newer.iter().filter_map(Entry::of).collect();
        match kept {
            Some(kept) if newer.len() <= MOST_SINCE => Ok((kept, newer)),
            kept => {
                let earlier = kept.as_ref().map_or(&[][..], |kept| &kept.entries);
                let snapshot = Snapshot::new(taken_at, earlier, &newer);
                self.snapshots.insert((workspace, model), Arc::clone(&snapshot));
                Ok((snapshot, Vec::new()))
            }
        }
    }
}

impl Entry {
    /// `None` when the column holds something else than a code.
    fn of(row: &CodeRow) -> Option<Self> {
        Some(Self {
            id: row.id,
            content_type: row.content_type,
            code: Code::stored(&row.code)?,
        })
    }
}

/// The ids of those whose codes differ least.
fn closest(
    kept: &[Entry],
    newer: &[Entry],
    code: &Code,
    types: &[ContentType],
    wanted: usize,
) -> Vec<ContentEmbeddingId> {
    let fitting = (kept.iter().chain(newer)).filter(|entry| types.is_empty() || types.contains(&entry.content_type));
    let mut measured: Vec<(u32, ContentEmbeddingId)> =
        fitting.map(|entry| (entry.code.distance(code), entry.id)).collect();
    if measured.len() > wanted {
        measured.select_nth_unstable(wanted);
        measured.truncate(wanted);
    }
    measured.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far two codes are apart, as a share of what opposite vectors are.
    fn apart(a: &[f32], b: &[f32]) -> f64 {
        f64::from(Code::of(a).distance(&Code::of(b))) / f64::from(u16::try_from(BITS).unwrap())
    }

    #[test]
    fn codes_tell_the_angle_also_of_vectors_that_are_mostly_zero() {
        let mut few = vec![0.0; DIMENSIONS];
        (few[3], few[700], few[1200]) = (1.0, -2.0, 0.7);
        let mut others = vec![0.0; DIMENSIONS];
        (others[4], others[900], others[1300]) = (0.4, 1.0, 1.5);
        let both: Vec<f32> = few.iter().zip(&others).map(|(a, b)| a + b).collect();
        let opposite: Vec<f32> = few.iter().map(|x| -x).collect();
        assert!(apart(&few, &few) < 0.001);
        assert!(apart(&few, &opposite) > 0.999);
        // At right angles, and about halfway.
        assert!((0.45..0.55).contains(&apart(&few, &others)), "{}", apart(&few, &others));
        assert!((0.17..0.33).contains(&apart(&few, &both)), "{}", apart(&few, &both));
    }

    #[test]
    fn a_code_survives_being_stored_and_is_the_same_for_ever() {
        let vector: Vec<f32> = (0..1536_u16).map(|n| f32::from(n) - 700.0).collect();
        let code = Code::of(&vector);
        assert_eq!(Code::stored(&code.to_bytes()), Some(code));
        assert_eq!(Code::stored(&[0; 192]), None);
        assert_eq!(hex::encode(&code.to_bytes()[..8]), "a9a99bd5eb1d446b");
    }
}
