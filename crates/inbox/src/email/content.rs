//! What of a mail is shown: its HTML without anything that runs, without what it quotes.

use std::sync::LazyLock;

use ammonia::Builder;

use super::address::cut_at;

/// The most that a message shows, in bytes. The rest is in what was kept of the mail.
const LONGEST: usize = 512 * 1024;

/// What a message shows of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// HTML when the mail has any, else its text.
    pub(super) content: String,
    /// The same in words alone, for one line of it.
    pub(super) words: String,
    /// Whether that is all that the mail said.
    pub(super) is_all: bool,
}

/// HTML that the dashboard can show: no scripts, styles, forms or frames.
static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_url_schemes(["cid"])
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// What a message shows. `keeps_quotes`: of a mail that passes on another one, that is the point.
pub(super) fn shown(html: Option<&str>, text: Option<&str>, keeps_quotes: bool) -> Shown {
    let html = html.filter(|html| !html.is_empty());
    let (content, words, came) = match html {
        Some(html) => {
            let trimmed = if keeps_quotes {
                html.to_owned()
            } else {
                without_quoted_html(html)
            };
            let clean = SANITIZER.clean(&trimmed).to_string();
            let words = match text.filter(|text| !text.is_empty()) {
                Some(text) if keeps_quotes => text.to_owned(),
                Some(text) => without_quoted_text(text),
                None => words_of_html(&clean),
            };
            (clean, words, html)
        }
        None => {
            let text = text.unwrap_or_default();
            let trimmed = if keeps_quotes {
                text.to_owned()
            } else {
                without_quoted_text(text)
            };
            (trimmed.clone(), trimmed, text)
        }
    };
    let cut = cut_at(&content, LONGEST);
    Shown {
        is_all: cut == came,
        content: cut.to_owned(),
        words: words.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The words of what a message of a mail shows, which is HTML or text.
pub(crate) fn words(content: &str) -> String {
    let mut rest = content;
    while let Some((_, tag)) = rest.split_once('<') {
        if tag.starts_with(|c: char| c.is_ascii_alphabetic()) && tag.contains('>') {
            return words_of_html(content);
        }
        rest = tag;
    }
    content.to_owned()
}

/// Takes every tag away, and the text of those that are no text.
static STRIPPER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder.clean_content_tags(["script", "style", "title"].into());
    builder
});

/// Tags that begin or end a line.
const LINES: [&str; 6] = ["<br", "</p", "</div", "</tr", "</li", "</h"];

/// HTML as text, line by line.
pub(super) fn words_of_html(html: &str) -> String {
    let mut broken = String::with_capacity(html.len());
    for (at, c) in html.char_indices() {
        let begins_line = |tag: &&str| {
            let start = html.get(at..at + tag.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
        };
        match c {
            '\r' | '\n' => broken.push(' '),
            '<' if LINES.iter().any(begins_line) => broken.push_str("\n<"),
            _ => broken.push(c),
        }
    }
    let text = STRIPPER.clean(&broken).to_string();
    // What the sanitizer writes for these, `&` last.
    let text = text
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The text without the mail that it answers, where that stands at its end. A text that quotes between its own lines
/// stays whole, and so does one that has no words of its own.
fn without_quoted_text(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut end = lines.len();
    while end > 0 && (lines[end - 1].trim().is_empty() || lines[end - 1].starts_with('>')) {
        end -= 1;
    }
    let quotes = lines[end..].iter().any(|line| line.starts_with('>'));
    let mut start = None;
    if quotes {
        // "On Monday, Ada wrote:" may take several lines.
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

/// Whether a line begins "On Monday, Ada wrote:", in the languages of the common mail programs.
fn begins_attribution(line: &str) -> bool {
    let line = line.trim();
    ["On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em ", "Den ", "Dnia "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Whether a line is the end of "Ada wrote:".
fn ends_attribution(line: &str) -> bool {
    ["wrote:", "schrieb:"].iter().any(|end| line.trim().ends_with(end))
}

/// Whether a line says that the rest is the mail that was answered, as Outlook does.
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

/// How mail programs mark what they quote: an element that holds all of it.
const QUOTES: [&str; 5] = [
    "class=\"gmail_quote",
    "class=\"yahoo_quoted",
    "class=\"protonmail_quote",
    "class=\"moz-cite-prefix",
    "type=\"cite\"",
];
/// How others do: everything from here on.
const REST: [&str; 3] = [
    "id=\"divRplyFwdMsg\"",
    "id=\"appendonsend\"",
    "id=\"mail-editor-reference-message-container\"",
];

/// The HTML without what it quotes; the whole of it when nothing else is left.
fn without_quoted_html(html: &str) -> String {
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
    if words_of_html(&kept).trim().is_empty() && !kept.contains("<img") {
        html.to_owned()
    } else {
        kept
    }
}

/// Where the element begins whose tag has this mark, and its name in lower case.
fn element_with(html: &str, mark: &str) -> Option<(usize, String)> {
    let mut from = 0;
    while let Some(found) = html[from..].find(mark) {
        let at = from + found;
        let start = html[..at].rfind('<')?;
        let tag = &html[start + 1..at];
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        if !name.is_empty() && !tag.contains('>') {
            return Some((start, name.to_ascii_lowercase()));
        }
        from = at + mark.len();
    }
    None
}

/// Behind the end of the element of this name that begins at `start`; the end of the text when it is not closed.
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
            depth -= 1;
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
    fn what_runs_is_gone_and_what_is_said_stays() {
        let html = r#"<p onclick="x()">Hello <b>you</b></p><script>alert(1)</script><style>p{}</style>
            <a href="javascript:x()">a</a><a href="https://x.com">b</a><iframe src="https://x.com"></iframe>
            <img src="cid:logo" onerror="x()">"#;
        let shown = shown(Some(html), None, false);
        for gone in ["onclick", "script", "style", "iframe", "onerror"] {
            assert!(!shown.content.contains(gone), "{gone}: {}", shown.content);
        }
        assert!(shown.content.contains("<p>Hello <b>you</b></p>") && shown.content.contains("cid:logo"));
        assert!(!shown.is_all);
        assert!(shown.words.starts_with("Hello you"), "{}", shown.words);
    }

    #[test]
    fn html_wins_over_text_and_harmless_html_is_untouched() {
        let both = shown(Some("<p>Hello</p>"), Some("Hello!"), false);
        assert_eq!(
            (both.content.as_str(), both.words.as_str(), both.is_all),
            ("<p>Hello</p>", "Hello!", true)
        );
        let empty = shown(Some(""), Some("a\n b"), false);
        assert_eq!(
            (empty.content.as_str(), empty.words.as_str(), empty.is_all),
            ("a\n b", "a b", true)
        );
        assert_eq!(shown(None, None, false).content, "");
    }

    #[test]
    fn quotes_at_the_end_of_a_text_go() {
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
            assert_eq!(without_quoted_text(text), kept, "{text:?}");
        }
    }

    #[test]
    fn quotes_in_html_go_as_their_program_marks_them() {
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
            (
                r#"<blockquote type="cite">all of it</blockquote>"#,
                r#"<blockquote type="cite">all of it</blockquote>"#,
            ),
            (r#"<div>a</div><div class="gmail_quote">never closed"#, "<div>a</div>"),
            ("<p>plain type=\"cite\"</p>", "<p>plain type=\"cite\"</p>"),
        ] {
            assert_eq!(without_quoted_html(html), kept, "{html}");
        }
    }

    #[test]
    fn html_reads_as_text() {
        for (html, text) in [
            ("<p>Hello <b>you</b> all</p><p>again</p>", "Hello you all\nagain"),
            ("<div>one</div><DIV>two<BR>three</DIV>", "one\ntwo\nthree"),
            ("a &lt;b@c&gt;&nbsp;&amp;amp; d\n e", "a <b@c> &amp; d e"),
            ("<style>p{}</style>x<script>y</script>", "x"),
        ] {
            assert_eq!(words_of_html(html), text, "{html}");
        }
        assert_eq!(words("1 < 2\n3 > 2"), "1 < 2\n3 > 2");
    }

    #[test]
    fn a_huge_mail_is_shown_in_part() {
        let shown = shown(None, Some(&"é".repeat(LONGEST)), false);
        assert_eq!(shown.content.len(), LONGEST);
        assert!(!shown.is_all);
    }
}
