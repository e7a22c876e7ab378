//! Markdown as HTML that is safe to show, made once, when an article is written.

use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, html};

/// The deepest nesting of quotes, lists and emphasis; what is deeper is shown flat. Nobody writes such, and the time that
/// making HTML safe takes grows with the square of it.
const DEEPEST: usize = 64;
/// The most pieces of HTML of the author's own; further ones are shown as text, for the same reason.
const MOST_HTML: usize = 4000;

/// Known elements and attributes pass, scripts, styles, frames and event handlers do not; references to uploaded pictures
/// stay for the reader's addresses.
static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::default();
    cleaner.add_url_schemes(["oc-asset"]);
    cleaner
});

/// The text as HTML.
pub(crate) fn to_html(markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut bounds = Bounds::default();
    let mut unsafe_html = String::with_capacity(markdown.len() + markdown.len() / 2);
    html::push_html(&mut unsafe_html, parser.filter_map(|event| bounds.admit(event)));
    CLEANER.clean(&unsafe_html).to_string()
}

/// How deep a document is at the moment, and how much HTML of its own it had.
#[derive(Default)]
struct Bounds {
    depth: usize,
    html: usize,
}

impl Bounds {
    fn admit<'t>(&mut self, event: Event<'t>) -> Option<Event<'t>> {
        match event {
            Event::Start(_) => {
                self.depth += 1;
                (self.depth <= DEEPEST).then_some(event)
            }
            Event::End(_) => {
                let shown = self.depth <= DEEPEST;
                self.depth -= 1;
                shown.then_some(event)
            }
            Event::Html(text) | Event::InlineHtml(text) if self.html >= MOST_HTML => Some(Event::Text(text)),
            Event::Html(ref text) | Event::InlineHtml(ref text) => {
                self.html += text.matches('<').count();
                Some(event)
            }
            _ => Some(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::to_html;

    #[test]
    fn markdown_becomes_html() {
        for (markdown, html) in [
            (
                "# Hello\n\n*you* & **me**",
                "<h1>Hello</h1>\n<p><em>you</em> &amp; <strong>me</strong></p>\n",
            ),
            ("", ""),
            (
                "![a](oc-asset://0123)",
                "<p><img src=\"oc-asset://0123\" alt=\"a\"></p>\n",
            ),
            (
                "[x](https://example.com)",
                "<p><a href=\"https://example.com\" rel=\"noopener noreferrer\">x</a></p>\n",
            ),
            ("1 < 2", "<p>1 &lt; 2</p>\n"),
            ("~~old~~", "<p><del>old</del></p>\n"),
        ] {
            assert_eq!(to_html(markdown), html, "{markdown}");
        }
        assert!(to_html("|a|b|\n|-|-|\n|1|2|").contains("<td>1</td>"));
    }

    #[test]
    fn nothing_that_runs_comes_through() {
        for evil in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt&#58;alert(1))",
            "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
            "<iframe src=https://evil></iframe>",
            "<svg><script>alert(1)</script></svg>",
            "<style>body{display:none}</style>",
            "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
            "![x](javascript:alert(1))",
            "<form action=https://evil><input name=q></form>",
            "<p style=\"position:fixed\">x</p>",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        ] {
            let html = to_html(evil).to_lowercase();
            for bad in [
                "<script",
                "onerror=alert(1)>",
                "javascript:",
                "a href=\"data:",
                "<iframe",
                "<style",
                "<form",
                "style=",
            ] {
                assert!(!html.contains(bad), "{evil}\n{html}");
            }
        }
    }

    #[test]
    fn hostile_nesting_takes_no_time() {
        for piece in [">", "<div>", "<b>\n\n", "*a ", "- ", "[", "| a "] {
            let started = Instant::now();
            to_html(&piece.repeat(20_000 / piece.len()));
            eprintln!("{piece:?} {:?}", started.elapsed());
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{piece:?}: {:?}",
                started.elapsed()
            );
        }
    }
}
