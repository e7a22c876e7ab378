//! Whether somebody passed on another's mail, and whose it was.

use super::content::words_of_html;

/// Whether a mail passes on another one: its subject or a line of its text says so.
pub(super) fn is_forwarded(subject: &str, text: Option<&str>) -> bool {
    let starts = |prefix: &str| {
        subject
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts("fw:") || starts("fwd:") || text.is_some_and(|text| text.split('\n').any(is_marker))
}

/// Exactly six hyphens, space, and `forwarded`.
fn is_marker(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("------") else {
        return false;
    };
    const WORD: &str = "forwarded";
    let rest = rest.trim_start();
    rest.get(..WORD.len())
        .is_some_and(|word| word.eq_ignore_ascii_case(WORD))
}

/// Who wrote the mail that was passed on, as it says; `from` when it does not say.
pub(super) fn original_sender(text: Option<&str>, html: Option<&str>, from: &str) -> String {
    let text = text.filter(|text| !text.is_empty()).map(str::to_owned);
    let body = text.or_else(|| html.map(words_of_html)).unwrap_or_default();
    named_sender(&body)
        .filter(|sender| sender.contains('@'))
        .unwrap_or(from)
        .to_owned()
}

/// The rest of the line behind the first `from:` that has space behind it.
fn named_sender(body: &str) -> Option<&str> {
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
    fn subject_or_six_hyphens_say_that_a_mail_was_passed_on() {
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
    fn the_original_sender_is_the_first_that_is_named() {
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
