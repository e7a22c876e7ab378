//! The mail that carries a sign-in code.

use opencom_providers::email::{Email, Mailbox};

/// How many minutes the mail says that a code is good.
pub(super) const MINUTES: i64 = 10;

/// The mail with a code, which is digits alone and so needs no escaping.
pub(super) fn code(from: Mailbox, to: Mailbox, code: &str) -> Email {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<body style="margin:0;padding:32px 16px;background:#f4f4f5;font-family:-apple-system,'Segoe UI',Roboto,sans-serif">
<table role="presentation" align="center" width="100%" style="max-width:440px;background:#fff;border-radius:12px">
<tr><td style="padding:32px;color:#18181b">
<p style="margin:0 0 8px;font-size:18px;font-weight:600">Sign in to Opencom</p>
<p style="margin:0 0 24px;font-size:15px;color:#52525b">Enter this code to go on:</p>
<p style="margin:0 0 24px;padding:16px;background:#f4f4f5;border-radius:8px;text-align:center;font:600 32px/1 Menlo,Consolas,monospace;letter-spacing:8px">{code}</p>
<p style="margin:0;font-size:13px;color:#71717a">It is good for {MINUTES} minutes and can be used once. If you did not ask for it, ignore this mail; nobody gets in without the code.</p>
</td></tr>
</table>
</body>
</html>
"#
    );
    let text = format!(
        "Your code for signing in to Opencom is {code}\n\nIt is good for {MINUTES} minutes and can be used once. If you \
         did not ask for it, ignore this mail; nobody gets in without the code.\n"
    );
    Email {
        text: Some(text),
        ..Email::new(from, to, "Your Opencom verification code", html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bodies_show_the_code_and_how_long_it_is_good() {
        let address: Mailbox = "ada@example.com".parse().unwrap();
        let mail = code(address.clone(), address, "012345");
        mail.check().unwrap();
        assert_eq!(mail.subject, "Your Opencom verification code");
        for body in [&mail.html, mail.text.as_ref().unwrap()] {
            assert!(body.contains("012345") && body.contains("10 minutes"), "{body}");
        }
    }
}
