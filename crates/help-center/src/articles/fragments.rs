//! Pieces of texts by which articles that contain a text are found: every four characters in a row.

use std::collections::BTreeSet;

use opencom_core::id::WorkspaceId;

/// Characters of a piece.
pub(super) const LENGTH: usize = 4;
/// The longest article, in bytes, whose pieces are gathered.
const LONGEST: usize = 100_000;
/// How many pieces of a query are looked for: more do not narrow the answer.
const LOOKED_FOR: usize = 24;

/// The pieces of an article, from its texts in lower case. `None` for a long one, which is looked through instead.
pub fn of(workspace: WorkspaceId, title: &str, content: &str) -> Option<Vec<i64>> {
    if title.len() + content.len() > LONGEST {
        return None;
    }
    let text: Vec<char> = title.chars().chain(['\n']).chain(content.chars()).collect();
    let pieces: BTreeSet<i64> = pieces(workspace, &text).collect();
    Some(pieces.into_iter().collect())
}

/// The pieces that an article has which contains this text; `None` for a shorter one than a piece.
pub(super) fn of_query(workspace: WorkspaceId, text: &str) -> Option<Vec<i64>> {
    let text: Vec<char> = text.chars().take(LOOKED_FOR + LENGTH).collect();
    (text.len() >= LENGTH).then(|| pieces(workspace, &text).collect())
}

/// Each piece as a number: sixteen bits of each character, mixed with the workspace, so that one index serves all.
fn pieces(workspace: WorkspaceId, text: &[char]) -> impl Iterator<Item = i64> {
    let (_, random) = workspace.uuid().as_u64_pair();
    text.windows(LENGTH).map(move |piece| {
        let number = piece.iter().fold(0, |number: u64, character| {
            (number << 16) | (u64::from(*character) & 0xffff)
        });
        (number ^ random).cast_signed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contains_a_text_has_all_its_pieces() {
        let workspace = WorkspaceId::generate();
        let article = of(workspace, "getting started", "zürich 🚀 and everything else").unwrap();
        for contained in ["star", "zürich 🚀 and", "ting started", "else"] {
            let pieces = of_query(workspace, contained).unwrap();
            assert!(pieces.iter().all(|piece| article.contains(piece)), "{contained}");
        }
        for other in ["stair", "🚀🚀🚀🚀"] {
            let pieces = of_query(workspace, other).unwrap();
            assert!(!pieces.iter().all(|piece| article.contains(piece)), "{other}");
        }
        let elsewhere = of_query(WorkspaceId::generate(), "star").unwrap();
        assert!(!article.contains(&elsewhere[0]));
        assert_eq!(of_query(workspace, "sta"), None);
        assert_eq!(of(workspace, "", &"x".repeat(LONGEST + 1)), None);
    }
}
