//! E-mail addresses.

use crate::text::truncate_line;

/// Returns the bare address of a sender or recipient, in lower case: the contents of the first angle brackets, or the whole
/// text where there are none. Does not check that the result is a valid address.
pub fn bare(text: &str) -> String {
    let bare = text
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(text, |(inside, _)| inside);
    opencom_core::email::normalize(truncate_line(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bare_and_in_lower_case() {
        for (text, expected) in [
            ("Ada <ADA@Example.com>", "ada@example.com"),
            ("\"Lovelace, Ada\" < ada@example.com >", "ada@example.com"),
            (" Ada@Example.com ", "ada@example.com"),
            ("<a@x.com> <b@x.com>", "a@x.com"),
            ("broken <a@x.com", "broken <a@x.com"),
        ] {
            assert_eq!(bare(text), expected, "{text}");
        }
    }
}
