//! How a text is cut for a provider that takes only so much at once, as the contract has it. Lengths and offsets count
//! UTF-16 code units.

use opencom_core::auth::token::sha256;

/// The longest chunk.
const LONGEST: usize = 3000;
/// A break before this place is too early.
const EARLIEST_BREAK: usize = 1800;
/// How much of a chunk the next one repeats.
const OVERLAP: usize = 300;
/// The longest snippet.
const SNIPPET: usize = 200;
/// Where a text is cut best: between paragraphs, lines, sentences.
const BREAKS: [&[&str]; 3] = [&["\n\n"], &["\n"], &[". ", "? ", "! "]];

/// The chunks of a content, at least one.
pub(crate) fn chunks(content: &str) -> Vec<String> {
    let text: Vec<u16> = content.replace("\r\n", "\n").encode_utf16().collect();
    let text = trim(&text);
    if text.len() <= LONGEST {
        return vec![String::from_utf16_lossy(text)];
    }
    let mut chunks = Vec::new();
    let mut start = 0;
    loop {
        let end = end_of_chunk(text, start);
        let chunk = trim(&text[start..end]);
        if !chunk.is_empty() {
            chunks.push(String::from_utf16_lossy(chunk));
        }
        if end == text.len() {
            return chunks;
        }
        start = end.saturating_sub(OVERLAP).max(start + 1);
    }
}

fn end_of_chunk(text: &[u16], start: usize) -> usize {
    if start + LONGEST >= text.len() {
        return text.len();
    }
    let window = &text[start..start + LONGEST];
    let late = |kind: &&[&str]| last_of(window, kind).filter(|place| *place >= EARLIEST_BREAK);
    let cut = BREAKS.iter().find_map(late).map_or(LONGEST, |place| place + 1);
    start + cut
}

/// Where one of these marks stands last.
fn last_of(window: &[u16], marks: &[&str]) -> Option<usize> {
    let marks: Vec<Vec<u16>> = marks.iter().map(|mark| mark.encode_utf16().collect()).collect();
    (0..window.len())
        .rev()
        .find(|place| marks.iter().any(|mark| window[*place..].starts_with(mark)))
}

fn trim(text: &[u16]) -> &[u16] {
    let is_text = |unit: &u16| !char::from_u32(u32::from(*unit)).is_some_and(is_space);
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text.iter().rposition(is_text).map_or(start, |last| last + 1);
    &text[start..end]
}

/// Space as ECMAScript has it.
fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// What a provider is sent for a chunk.
pub(crate) fn input(title: &str, chunk: &str) -> String {
    format!("{title}\n\n{chunk}")
}

/// What tells whether a text has changed.
pub(crate) fn text_hash(title: &str, content: &str) -> String {
    hex::encode(sha256(&format!("{title}\n\n{content}")))
}

/// The beginning of a chunk without markup, in one line.
pub(crate) fn snippet(chunk: &str) -> String {
    let mut plain = String::with_capacity(chunk.len());
    let mut rest = chunk;
    while let Some((before, markup)) = rest.split_once('<') {
        plain.push_str(before);
        match markup.split_once('>') {
            Some((_, after)) => rest = after,
            None => {
                plain.push('<');
                plain.push_str(markup);
                rest = "";
            }
        }
    }
    plain.push_str(rest);
    let words: Vec<&str> = plain.split(is_space).filter(|word| !word.is_empty()).collect();
    let units: Vec<u16> = words.join(" ").encode_utf16().collect();
    if units.len() <= SNIPPET {
        return String::from_utf16_lossy(&units);
    }
    format!("{}...", String::from_utf16_lossy(&units[..SNIPPET - 3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which part of a text each chunk is.
    fn parts(text: &str) -> Vec<(usize, usize)> {
        let mut from = 0;
        let part = |chunk: String| {
            let start = from + text[from..].find(&chunk).unwrap();
            from = start + 1;
            (start, start + chunk.len())
        };
        chunks(text).into_iter().map(part).collect()
    }

    #[test]
    fn the_examples_of_the_contract() {
        // Texts without a repetition, so that a part can be told by its text.
        let run = |letter: char, n: usize| -> String {
            (0..n)
                .map(|i| {
                    if i % 7 == 3 {
                        char::from(b'0' + u8::try_from(i / 7 % 10).unwrap())
                    } else {
                        letter
                    }
                })
                .collect()
        };
        assert_eq!(chunks(&run('x', 3000)).len(), 1);
        assert_eq!(
            chunks(&run('x', 3001)).iter().map(String::len).collect::<Vec<_>>(),
            [3000, 301]
        );
        assert_eq!(
            chunks(&run('x', 6000)).iter().map(String::len).collect::<Vec<_>>(),
            [3000, 3000, 600]
        );
        let paragraphs = format!("{}\n\n{}", "x".repeat(2000), "y".repeat(2000));
        // The cut leaves one line feed at either side, which is trimmed off.
        assert_eq!(
            chunks(&paragraphs).iter().map(String::len).collect::<Vec<_>>(),
            [2000, 2301]
        );
        assert_eq!(parts(&paragraphs)[0], (0, 2000));
        let sentences = format!("{}\n\n{}. {}", "x".repeat(1000), "y".repeat(1500), "z".repeat(1000));
        assert_eq!(
            chunks(&sentences).iter().map(String::len).collect::<Vec<_>>(),
            [2503, 1301]
        );
    }

    #[test]
    fn short_and_empty_texts_are_one_chunk() {
        assert_eq!(chunks(""), [""]);
        assert_eq!(chunks(" \r\n\u{feff}\t"), [""]);
        assert_eq!(chunks(" a\r\nb "), ["a\nb"]);
        assert_eq!(chunks("\u{85}a"), ["\u{85}a"]);
        assert!(chunks(&" \n".repeat(4000)).len() == 1);
        // Two units each.
        assert_eq!(chunks(&"\u{1F600}".repeat(1500)).len(), 1);
        assert_eq!(chunks(&"\u{1F600}".repeat(1501)).len(), 2);
    }

    #[test]
    fn a_snippet_is_one_line_without_markup() {
        for (chunk, expected) in [
            ("a <b>bold</b>\n\n move", "a bold move"),
            ("1 < 2", "1 < 2"),
            ("<img src=\"x\"> y", "y"),
            ("", ""),
        ] {
            assert_eq!(snippet(chunk), expected);
        }
        assert_eq!(snippet(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(snippet(&"x".repeat(201)), format!("{}...", "x".repeat(197)));
    }

    #[test]
    fn the_hash_is_of_title_and_content() {
        assert_eq!(text_hash("a", "b"), hex::encode(sha256("a\n\nb")));
        assert_ne!(text_hash("a", "b"), text_hash("a", "b "));
    }
}
