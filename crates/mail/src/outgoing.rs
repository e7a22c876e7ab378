//! Bodies of outgoing mails that an agent wrote.

use crate::html;

/// What an agent wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<'a> {
    /// Plain text, such as a chat message.
    Text(&'a str),
    /// HTML.
    Html(&'a str),
}

/// The HTML and text bodies of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// The HTML body.
    pub html: String,
    /// The text body.
    pub text: String,
}

impl Bodies {
    /// Builds the bodies. `text` replaces the text body that is derived otherwise. `signature` is HTML; it is appended to the
    /// HTML body alone.
    pub fn new(written: Written<'_>, text: Option<&str>, signature: Option<&str>) -> Self {
        let (mut html, derived) = match written {
            Written::Text(content) => (html::from_text(content), content.to_owned()),
            Written::Html(content) => (content.to_owned(), html::plain_text(content)),
        };
        if let Some(signature) = signature {
            html.push_str("<br><br>--<br>");
            html.push_str(signature);
        }
        let text = text.map_or(derived, str::to_owned);
        Self { html, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_follows_the_html_body_alone() {
        let bodies = Bodies::new(Written::Text("a\nb"), None, Some("<i>Ada</i>"));
        assert_eq!(bodies.html, "a<br>b<br><br>--<br><i>Ada</i>");
        assert_eq!(bodies.text, "a\nb");
    }

    #[test]
    fn the_text_body_is_derived_from_html_unless_given() {
        let html = Written::Html("<p>Hello</p><p>again</p>");
        assert_eq!(Bodies::new(html, None, None).text, "Hello\nagain");
        assert_eq!(Bodies::new(html, Some("Hi"), None).text, "Hi");
        assert_eq!(Bodies::new(html, None, None).html, "<p>Hello</p><p>again</p>");
    }
}
