//! Stripping quoted replies from bodies.

use crate::html::to_text;

/// Strips a quoted reply at the end of a text body. A body that answers between quoted lines is returned whole, and so is one
/// that has nothing but the quote.
pub(crate) fn strip_text(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut end = lines.len();
    while end > 0 && (lines[end - 1].trim().is_empty() || lines[end - 1].starts_with('>')) {
        end -= 1;
    }
    let quotes = lines[end..].iter().any(|line| line.starts_with('>'));
    let mut start = None;
    if quotes {
        // The attribution line, "On Monday, Ada wrote:", may be wrapped.
        let says = |from: usize| {
            let line = lines[from..end].join(" ");
            line.len() < 400 && line.trim_end().ends_with(':')
        };
        let attribution = (1..=3)
            .filter_map(|count| end.checked_sub(count))
            .find(|from| says(*from) && begins_attribution(lines[*from]));
        let short = end.checked_sub(1).filter(|last| ends_attribution(lines[*last]));
        start = attribution.or(short).or(Some(end));
    }
    let original = lines.iter().position(|line| is_original_marker(line));
    let end = match (start, original) {
        (Some(start), Some(original)) => start.min(original),
        (Some(start), None) => start,
        (None, Some(original)) => original,
        (None, None) => return text.to_owned(),
    };
    let kept = lines[..end].join("\n");
    let kept = kept.trim_end();
    if kept.trim().is_empty() {
        text.to_owned()
    } else {
        kept.to_owned()
    }
}

/// Returns true if a line begins an attribution such as "On Monday, Ada wrote:", in the languages of common mail clients.
fn begins_attribution(line: &str) -> bool {
    let line = line.trim();
    ["On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em ", "Den ", "Dnia "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Returns true if a line ends an attribution such as "Ada wrote:".
fn ends_attribution(line: &str) -> bool {
    ["wrote:", "schrieb:"].iter().any(|end| line.trim().ends_with(end))
}

/// Returns true for the separator that Outlook writes above the original message.
fn is_original_marker(line: &str) -> bool {
    let line = line.trim();
    let inside = line.trim_matches('-').trim();
    line.starts_with("-----")
        && line.ends_with("-----")
        && [
            "original message",
            "ursprüngliche nachricht",
            "message d'origine",
            "mensaje original",
        ]
        .contains(&inside.to_lowercase().as_str())
}

/// Attributes of an element that contains the quoted reply, or its attribution line, by mail client.
const QUOTES: [&str; 5] = [
    "class=\"gmail_quote",
    "class=\"yahoo_quoted",
    "class=\"protonmail_quote",
    "class=\"moz-cite-prefix",
    "type=\"cite\"",
];
/// Attributes of an element from which on everything is the quoted reply.
const REST: [&str; 3] = [
    "id=\"divRplyFwdMsg\"",
    "id=\"appendonsend\"",
    "id=\"mail-editor-reference-message-container\"",
];

/// Strips quoted replies from an HTML body. A body that has nothing but the quote is returned whole.
pub(crate) fn strip_html(html: &str) -> String {
    let mut kept = html.to_owned();
    for mark in REST {
        if let Some((start, _)) = element_with(&kept, mark) {
            kept.truncate(start);
        }
    }
    for mark in QUOTES {
        while let Some((start, name)) = element_with(&kept, mark) {
            let end = end_of_element(&kept, start, &name);
            kept.replace_range(start..end, "");
        }
    }
    if to_text(&kept).trim().is_empty() && !kept.contains("<img") {
        html.to_owned()
    } else {
        kept
    }
}

/// Returns the offset and the lower-case name of the first element whose start tag contains `mark`.
fn element_with(html: &str, mark: &str) -> Option<(usize, String)> {
    let mut from = 0;
    while let Some(found) = html[from..].find(mark) {
        let at = from + found;
        let start = html[..at].rfind('<')?;
        let tag = &html[start + 1..at];
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        // An attribute is set off from the name of its element.
        let is_attribute = tag[name.len()..].starts_with(|c: char| c.is_ascii_whitespace() || c == '/');
        if !name.is_empty() && is_attribute && !tag.contains('>') {
            return Some((start, name.to_ascii_lowercase()));
        }
        from = at + mark.len();
    }
    None
}

/// Returns the offset after the element `name` that begins at `start`, or the end of the text if it is not closed.
fn end_of_element(html: &str, start: usize, name: &str) -> usize {
    let lower = html.to_ascii_lowercase();
    let (opens, closes) = (format!("<{name}"), format!("</{name}"));
    let is_whole_name = |at: usize| !lower[at..].starts_with(|c: char| c.is_ascii_alphanumeric());
    let (mut depth, mut at) = (0_usize, start);
    while let Some(found) = lower[at..].find('<') {
        at += found;
        if lower[at..].starts_with(&opens) && is_whole_name(at + opens.len()) {
            depth += 1;
        } else if lower[at..].starts_with(&closes) && is_whole_name(at + closes.len()) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return lower[at..].find('>').map_or(html.len(), |close| at + close + 1);
            }
        }
        at += 1;
    }
    html.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_at_the_end_of_a_text_are_stripped() {
        for (text, kept) in [
            ("Thanks!\n\nOn Mon, Ada wrote:\n> Hi\n> you\n", "Thanks!"),
            (
                "Thanks!\n\nOn Mon, 24 Nov 2026 at 10:00, Support <inbox-1@mail.opencom.app>\nwrote:\n\n> Hi\n",
                "Thanks!",
            ),
            ("Danke\n\nAm 24.11.26 um 10:00 schrieb Support:\n> Hi\n>> you", "Danke"),
            (
                "Thanks\r\n\r\n-----Original Message-----\r\nFrom: a\r\n\r\nHi",
                "Thanks",
            ),
            ("No quote", "No quote"),
            (
                "> Hi\nbetween the lines\n> you\nstays",
                "> Hi\nbetween the lines\n> you\nstays",
            ),
            ("> nothing else", "> nothing else"),
            ("Here is a list:\n- one", "Here is a list:\n- one"),
        ] {
            assert_eq!(strip_text(text), kept, "{text:?}");
        }
    }

    #[test]
    fn quotes_in_html_are_stripped_by_the_marks_of_mail_clients() {
        for (html, kept) in [
            (
                r#"<div>Yes</div><div class="gmail_quote gmail_quote_container"><div>On Mon wrote:</div><blockquote><div>Hi</div></blockquote></div>"#,
                "<div>Yes</div>",
            ),
            (
                r#"<p>Yes</p><div class="moz-cite-prefix">On Mon wrote:</div><blockquote type="cite"><p>Hi</p></blockquote><p>Below</p>"#,
                "<p>Yes</p><p>Below</p>",
            ),
            (
                r#"<div>Yes</div><hr><div id="divRplyFwdMsg"><b>From:</b> a</div><div>Hi</div>"#,
                "<div>Yes</div><hr>",
            ),
            ("<DIVtype=\"cite\"</div", "<DIVtype=\"cite\"</div"),
            (
                r#"<blockquote type="cite">all of it</blockquote>"#,
                r#"<blockquote type="cite">all of it</blockquote>"#,
            ),
            (r#"<div>a</div><div class="gmail_quote">never closed"#, "<div>a</div>"),
            ("<p>plain type=\"cite\"</p>", "<p>plain type=\"cite\"</p>"),
        ] {
            assert_eq!(strip_html(html), kept, "{html}");
        }
    }
}
