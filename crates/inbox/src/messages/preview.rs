//! Messages in one line.

use std::borrow::Cow;

/// A message in one line: its text, or how many files it brings when it has none.
pub(crate) fn preview(content: &str, attachments: usize) -> Cow<'_, str> {
    match attachments {
        0 => content.into(),
        _ if !content.trim().is_empty() => content.into(),
        1 => "1 attachment".into(),
        n => format!("{n} attachments").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::preview;

    #[test]
    fn a_preview_is_the_text_or_counts_the_files() {
        for (content, attachments, line) in [
            ("hello", 0, "hello"),
            ("hello", 2, "hello"),
            ("", 0, ""),
            (" \n", 0, " \n"),
            (" \n", 1, "1 attachment"),
            ("", 3, "3 attachments"),
        ] {
            assert_eq!(preview(content, attachments), line, "{content:?} {attachments}");
        }
    }
}
