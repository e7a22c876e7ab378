//! Recognising forwarded mails, and their original sender.

use crate::html;

/// Returns true if a mail is forwarded, by the prefix of its subject or a separator line in its text.
pub fn is_forwarded(subject: &str, text: Option<&str>) -> bool {
    let starts = |prefix: &str| {
        subject
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts("fw:") || starts("fwd:") || text.is_some_and(|text| text.split('\n').any(is_separator))
}

/// Returns true for a separator line: exactly six hyphens, optional white space, and `forwarded`.
fn is_separator(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("------") else {
        return false;
    };
    const WORD: &str = "forwarded";
    let rest = rest.trim_start();
    rest.get(..WORD.len())
        .is_some_and(|word| word.eq_ignore_ascii_case(WORD))
}

/// Returns the original sender that a forwarded mail quotes, name and address, or `from` if it quotes none.
pub fn original_sender(text: Option<&str>, html: Option<&str>, from: &str) -> String {
    let text = text.filter(|text| !text.is_empty()).map(str::to_owned);
    let body = text.or_else(|| html.map(html::to_text)).unwrap_or_default();
    quoted_sender(&body)
        .filter(|sender| sender.contains('@'))
        .unwrap_or(from)
        .to_owned()
}

/// Returns the rest of the line after the first `from:` that is followed by white space.
fn quoted_sender(body: &str) -> Option<&str> {
    const WORD: &str = "from:";
    let lower = body.to_ascii_lowercase();
    let mut start = 0;
    while let Some(found) = lower[start..].find(WORD) {
        let rest = &body[start + found + WORD.len()..];
        let line = rest.trim_start();
        if line.len() < rest.len() && !line.is_empty() {
            return Some(line.lines().next().unwrap_or_default().trim());
        }
        start += found + WORD.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_prefix_or_six_hyphens_mark_a_forwarded_mail() {
        for (subject, text, forwarded) in [
            ("Fw: x", "", true),
            ("FWD: x", "", true),
            (" Fwd: x", "", false),
            ("x", "hello\n------ Forwarded message", true),
            ("x", "hello\r\n------forwarded by me", true),
            ("x", "---------- Forwarded message ----------", false),
            ("x", "> ------ Forwarded", false),
            ("x", "------ Original", false),
        ] {
            assert_eq!(is_forwarded(subject, Some(text)), forwarded, "{subject:?} {text:?}");
        }
    }

    #[test]
    fn the_original_sender_is_the_first_that_is_quoted() {
        let of = |text: &str| original_sender(Some(text), None, "me@x.com");
        for (text, sender) in [
            ("From: Ada <ada@example.com>\nTo: me", "Ada <ada@example.com>"),
            ("sent FROM:\n  ada@example.com \nx", "ada@example.com"),
            ("from:nobody\nFrom: ada@example.com", "ada@example.com"),
            ("From: somebody", "me@x.com"),
            ("hello", "me@x.com"),
            ("", "me@x.com"),
        ] {
            assert_eq!(of(text), sender, "{text:?}");
        }
        let html = "<p>Hi</p><div><b>From:</b> Ada &lt;ada@example.com&gt;<br>To: me</div>";
        assert_eq!(
            original_sender(Some(""), Some(html), "me@x.com"),
            "Ada <ada@example.com>"
        );
    }
}
