//! Untrusted input: no mail makes a function panic.

use opencom_mail::{Incoming, automatic, body, forward, html, subject, webhook};
use proptest::prelude::*;

/// Text and HTML made of what the parsers look for.
fn mail_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<div class=\"gmail_quote\">"),
        Just("<DIV"),
        Just("</div"),
        Just("type=\"cite\""),
        Just("id=\"appendonsend\""),
        Just("<blockquote "),
        Just("</blockquote>"),
        Just(">"),
        Just("<"),
        Just("\r\n"),
        Just("\n> "),
        Just("On x wrote:"),
        Just("-----Original Message-----"),
        Just("------ Forwarded"),
        Just("From: "),
        Just("Content-Type: multipart/report; boundary=b\r\n"),
        Just("--b\r\n"),
        Just("İé\u{0}"),
        Just(" a@x.com "),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_body_is_shown(text in mail_text(), keep_quotes: bool) {
        let shown = body::visible(Some(&text), None, keep_quotes);
        prop_assert!(!shown.content.contains("<script"));
        body::visible(None, Some(&text), keep_quotes);
        html::plain_text(&text);
        subject::strip_prefixes(&text);
        forward::is_forwarded(&text, Some(&text));
        forward::original_sender(Some(&text), Some(&text), "a@x.com");
    }

    #[test]
    fn any_bytes_are_a_mail(text in mail_text(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for raw in [text.into_bytes(), bytes] {
            let mail = Incoming::from_mime(raw.clone());
            prop_assert_eq!(mail.raw.as_deref(), Some(raw.as_slice()));
            prop_assert!(mail.is_unreadable || !mail.from.is_empty());
            automatic::classify(&mail, &mail.from);
            automatic::bounced_message_ids(&mail);
            let _ = webhook::parse(&raw);
        }
    }
}
