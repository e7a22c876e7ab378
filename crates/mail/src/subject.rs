//! Subjects: comparing them, and the subject of a reply.

use crate::text::truncate_line;

/// Prefixes of replies and forwarded mails.
const PREFIXES: [&str; 3] = ["re:", "fwd:", "fw:"];

/// Returns the form of a subject by which mails of one thread are found: without one `Re:`, `Fwd:` or `Fw:` at the very
/// start, runs of white space replaced by one space, in lower case.
pub fn normalize(subject: &str) -> String {
    let rest = after_prefix(subject, &PREFIXES).map_or(subject, str::trim_start);
    let words: Vec<&str> = rest.split_whitespace().collect();
    truncate_line(&words.join(" ")).to_lowercase()
}

/// Strips one leading `Fwd:` or `Fw:`.
pub fn strip_forward_prefix(subject: &str) -> &str {
    after_prefix(subject, &["fwd:", "fw:"]).map_or(subject, str::trim_start)
}

/// Strips every leading `Re:`, `Fwd:` and `Fw:`.
pub fn strip_prefixes(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(shorter) = after_prefix(rest, &PREFIXES) {
        rest = shorter.trim_start();
    }
    rest
}

/// Returns the subject of a reply: one `Re: ` before the subject without its prefixes, on one line.
pub fn reply(subject: &str) -> String {
    one_line(&format!("Re: {}", strip_prefixes(subject)))
}

/// Replaces control characters by spaces, trims and truncates.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    truncate_line(line.trim()).to_owned()
}

fn after_prefix<'a>(text: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    prefixes.iter().find_map(|prefix| {
        let start = text.get(..prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizing_strips_one_prefix_at_the_very_start() {
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
            assert_eq!(normalize(subject), normalized, "{subject:?}");
        }
        assert_eq!(normalize(strip_forward_prefix("Fwd: Re: Hi")), "hi");
        assert_eq!(strip_prefixes("Re: FW: re:  Hi"), "Hi");
    }

    #[test]
    fn the_subject_of_a_reply_has_one_prefix_and_one_line() {
        for (subject, expected) in [
            ("Hi", "Re: Hi"),
            ("Fwd: RE: Hi", "Re: Hi"),
            ("Hi\r\nBcc: eve", "Re: Hi  Bcc: eve"),
            ("", "Re:"),
        ] {
            assert_eq!(reply(subject), expected, "{subject:?}");
        }
        assert_eq!(reply(&"é".repeat(600)).len(), 998);
    }
}
