//! The order of titles, as people expect it rather than as bytes compare.

use std::cmp::Ordering;
use std::sync::LazyLock;

use icu_collator::{Collator, CollatorBorrowed};
use opencom_contract::articles::Article;

/// The order of English, which is the root of all others. Its data is part of the program.
static COLLATOR: LazyLock<Option<CollatorBorrowed<'static>>> =
    LazyLock::new(|| Collator::try_new(Default::default(), Default::default()).ok());

/// Newest change first, then by title, then as they were written.
pub(super) fn by_change(a: &Article, b: &Article) -> Ordering {
    (b.updated_at.cmp(&a.updated_at))
        .then_with(|| titles(&a.title, &b.title))
        .then_with(|| as_written(a, b))
}

/// As they were written, oldest first.
fn as_written(a: &Article, b: &Article) -> Ordering {
    (a.creation_time.cmp(&b.creation_time)).then_with(|| a.id.to_string().cmp(&b.id.to_string()))
}

fn titles(a: &str, b: &str) -> Ordering {
    match &*COLLATOR {
        Some(collator) => collator.compare(a, b),
        None => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::titles;

    #[test]
    fn titles_are_in_the_order_of_english() {
        let mut found = ["B", "b", "Á", "a", "A", "á", "z", "É", "e", "10", "9", ""];
        found.sort_by(|a, b| titles(a, b));
        assert_eq!(found, ["", "10", "9", "a", "A", "á", "Á", "b", "B", "e", "É", "z"]);
    }
}
