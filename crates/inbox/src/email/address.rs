//! Addresses, subjects and ids of mails, as they are compared.

/// The longest line of a mail; what is longer was not written by a mail program.
const LONGEST_LINE: usize = 998;

/// The bare address of a sender or recipient, in lower case: what stands in the first angle brackets, else all of it.
pub(super) fn address(text: &str) -> String {
    let bare = text
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(text, |(inside, _)| inside);
    opencom_core::email::normalize(bounded(bare))
}

/// A subject by which a thread is found: one `Re:`, `Fwd:` or `Fw:` at its very start goes, space runs become one space,
/// letter case does not count.
pub(super) fn normalized_subject(subject: &str) -> String {
    let rest = after_prefix(subject, &["re:", "fwd:", "fw:"]).map_or(subject, str::trim_start);
    let words: Vec<&str> = rest.split_whitespace().collect();
    bounded(&words.join(" ")).to_lowercase()
}

/// The subject without one leading `Fw:` or `Fwd:`.
pub(super) fn without_forward_prefix(subject: &str) -> &str {
    after_prefix(subject, &["fwd:", "fw:"]).map_or(subject, str::trim_start)
}

/// The subject without any `Re:`, `Fwd:` and `Fw:` in front, however many there are.
pub(super) fn bare_subject(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(shorter) = after_prefix(rest, &["re:", "fwd:", "fw:"]) {
        rest = shorter.trim_start();
    }
    rest
}

fn after_prefix<'a>(text: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    prefixes.iter().find_map(|prefix| {
        let start = text.get(..prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
    })
}

/// As much of a text as fits into a line of a mail, and so into an index.
pub(super) fn bounded(text: &str) -> &str {
    cut_at(text, LONGEST_LINE)
}

/// The start of a text in at most `most` bytes, without half a character.
pub(super) fn cut_at(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bare_and_in_lower_case() {
        for (text, bare) in [
            ("Ada <ADA@Example.com>", "ada@example.com"),
            ("\"Lovelace, Ada\" < ada@example.com >", "ada@example.com"),
            (" Ada@Example.com ", "ada@example.com"),
            ("<a@x.com> <b@x.com>", "a@x.com"),
            ("broken <a@x.com", "broken <a@x.com"),
        ] {
            assert_eq!(address(text), bare, "{text}");
        }
    }

    #[test]
    fn subjects_lose_one_prefix_at_their_very_start() {
        for (subject, normalized) in [
            ("RE:Hi", "hi"),
            ("Re: Re: Hi", "re: hi"),
            (" Re: Hi", "re: hi"),
            ("Fwd: Re: Hi", "re: hi"),
            ("AW: x", "aw: x"),
            ("FW:   two\t words ", "two words"),
            ("Größe", "größe"),
            ("", ""),
            ("ré", "ré"),
        ] {
            assert_eq!(normalized_subject(subject), normalized, "{subject:?}");
        }
        assert_eq!(normalized_subject(without_forward_prefix("Fwd: Re: Hi")), "hi");
        assert_eq!(bare_subject("Re: FW: re:  Hi"), "Hi");
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(cut_at("aé", 2), "a");
        assert_eq!(bounded(&"é".repeat(600)).len(), 998);
    }
}
