//! The visible part of a body: sanitised, without quoted replies, bounded.

use crate::text::truncate;
use crate::{html, quote};

/// The longest visible body, in bytes.
const MAX_LENGTH: usize = 512 * 1024;

/// The part of a mail's body that a message shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// Sanitised HTML if the mail has an HTML body, else text.
    pub content: String,
    /// The plain text of the body on one line.
    pub one_line: String,
    /// Whether `content` is the whole body, unchanged.
    pub is_complete: bool,
}

/// Returns the visible part of a mail's body. `keep_quotes` keeps quoted replies, for a forwarded mail.
pub fn visible(html: Option<&str>, text: Option<&str>, keep_quotes: bool) -> Visible {
    let text_body = |text: &str| {
        if keep_quotes {
            text.to_owned()
        } else {
            quote::strip_text(text)
        }
    };
    let (content, plain, received) = match html.filter(|html| !html.is_empty()) {
        Some(html) => {
            let trimmed = if keep_quotes {
                html.to_owned()
            } else {
                quote::strip_html(html)
            };
            let clean = html::sanitize(&trimmed);
            let plain = text
                .filter(|text| !text.is_empty())
                .map_or_else(|| html::to_text(&clean), text_body);
            (clean, plain, html)
        }
        None => {
            let text = text.unwrap_or_default();
            let trimmed = text_body(text);
            (trimmed.clone(), trimmed, text)
        }
    };
    let content = truncate(&content, MAX_LENGTH);
    Visible {
        is_complete: content == received,
        content: content.to_owned(),
        one_line: plain.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_content_is_removed_and_text_is_kept() {
        let html = r#"<p onclick="x()">Hello <b>you</b></p><script>alert(1)</script><style>p{}</style>
            <a href="javascript:x()">a</a><a href="https://x.com">b</a><iframe src="https://x.com"></iframe>
            <img src="cid:logo" onerror="x()">"#;
        let visible = visible(Some(html), None, false);
        for gone in ["onclick", "script", "style", "iframe", "onerror"] {
            assert!(!visible.content.contains(gone), "{gone}: {}", visible.content);
        }
        assert!(visible.content.contains("<p>Hello <b>you</b></p>") && visible.content.contains("cid:logo"));
        assert!(!visible.is_complete);
        assert!(visible.one_line.starts_with("Hello you"), "{}", visible.one_line);
    }

    #[test]
    fn html_takes_precedence_over_text_and_harmless_html_is_unchanged() {
        let both = visible(Some("<p>Hello</p>"), Some("Hello!"), false);
        assert_eq!(
            (both.content.as_str(), both.one_line.as_str(), both.is_complete),
            ("<p>Hello</p>", "Hello!", true)
        );
        let empty = visible(Some(""), Some("a\n b"), false);
        assert_eq!(
            (empty.content.as_str(), empty.one_line.as_str(), empty.is_complete),
            ("a\n b", "a b", true)
        );
        assert_eq!(visible(None, None, false).content, "");
    }

    #[test]
    fn a_large_body_is_truncated() {
        let visible = visible(None, Some(&"é".repeat(MAX_LENGTH)), false);
        assert_eq!(visible.content.len(), MAX_LENGTH);
        assert!(!visible.is_complete);
    }
}
