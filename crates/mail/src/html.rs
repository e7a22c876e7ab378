//! HTML bodies: sanitising them, and conversion from and to text.

use std::sync::LazyLock;

use ammonia::Builder;
use opencom_core::html::escape;

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_url_schemes(["cid"])
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// Sanitises HTML: removes scripts, styles, forms, frames and event handlers. Keeps `cid:` URLs, which refer to inline
/// attachments.
pub fn sanitize(html: &str) -> String {
    SANITIZER.clean(html).to_string()
}

/// Returns the plain text of a body that is HTML or text. A body is HTML if it has a tag.
pub fn plain_text(body: &str) -> String {
    let mut rest = body;
    while let Some((_, tag)) = rest.split_once('<') {
        if tag.starts_with(|c: char| c.is_ascii_alphabetic()) && tag.contains('>') {
            return to_text(body);
        }
        rest = tag;
    }
    body.to_owned()
}

/// Removes every tag, and the content of elements that are not text.
static STRIPPER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder.clean_content_tags(["script", "style", "title"].into());
    builder
});

/// Converts plain text to HTML: escapes it, and keeps line breaks.
pub fn from_text(text: &str) -> String {
    escape(text).replace('\n', "<br>")
}

/// Tags that break a line.
const LINE_BREAKS: [&str; 6] = ["<br", "</p", "</div", "</tr", "</li", "</h"];

/// Converts HTML to plain text. Paragraphs, list items and table rows become lines.
pub fn to_text(html: &str) -> String {
    let mut broken = String::with_capacity(html.len());
    for (at, c) in html.char_indices() {
        let breaks_line = |tag: &&str| {
            let start = html.get(at..at + tag.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
        };
        match c {
            '\r' | '\n' => broken.push(' '),
            '<' if LINE_BREAKS.iter().any(breaks_line) => broken.push_str("\n<"),
            _ => broken.push(c),
        }
    }
    let text = STRIPPER.clean(&broken).to_string();
    // The entities that ammonia writes. `&amp;` comes last, so that nothing is unescaped twice.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text_line_by_line() {
        for (html, text) in [
            ("<p>Hello <b>you</b> all</p><p>again</p>", "Hello you all\nagain"),
            ("<div>one</div><DIV>two<BR>three</DIV>", "one\ntwo\nthree"),
            ("a &lt;b@c&gt;&nbsp;&amp;amp; d\n e", "a <b@c> &amp; d e"),
            ("<style>p{}</style>x<script>y</script>", "x"),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
        assert_eq!(plain_text("1 < 2\n3 > 2"), "1 < 2\n3 > 2");
    }

    #[test]
    fn text_is_escaped_and_keeps_its_line_breaks() {
        let html = from_text("a <b>\nc & \"d\"");
        assert!(!html.contains("<b>") && html.contains("<br>"), "{html}");
    }
}
