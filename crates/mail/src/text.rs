//! Truncation of texts.

/// The longest line that a mail may have (RFC 5322, section 2.1.1), in bytes.
pub const MAX_LINE: usize = 998;

/// Truncates a text to [`MAX_LINE`]. The result fits into an index of PostgreSQL.
pub fn truncate_line(text: &str) -> &str {
    truncate(text, MAX_LINE)
}

/// Truncates a text to at most `max` bytes, at a character boundary.
pub fn truncate(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_truncated_between_characters() {
        assert_eq!(truncate("aé", 2), "a");
        assert_eq!(truncate_line(&"é".repeat(600)).len(), 998);
    }
}
