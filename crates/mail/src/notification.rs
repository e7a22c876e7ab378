//! The mail that notifies a member or a visitor of new messages in a conversation.

use std::borrow::Cow;
use std::fmt::Write;

use opencom_core::Millis;
use opencom_core::html::escape;
use opencom_core::id::ConversationId;

/// The most messages that the mail shows.
pub const MAX_MESSAGES: usize = 12;
/// The longest excerpt of a message, in characters.
const MAX_EXCERPT: usize = 600;
/// The longest name in the subject, in characters.
const MAX_NAME: usize = 100;

/// The contents of a notification.
#[derive(Clone, Debug)]
pub struct Notification<'a> {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The conversation's channel, such as `chat`.
    pub channel: &'a str,
    /// Who reads the mail.
    pub reader: Reader<'a>,
    /// The conversation's visitor.
    pub visitor: Option<Visitor<'a>>,
    /// The new messages and those before them, newest first. Those after the first [`MAX_MESSAGES`] are not shown.
    pub messages: Vec<Message<'a>>,
    /// How many of `messages` are new.
    pub new: usize,
}

/// The reader of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader<'a> {
    /// A member of the workspace, who is linked to the inbox.
    Member {
        /// The base URL of the web app, without a trailing slash. `None` leaves out the link.
        web_app_url: Option<&'a str>,
    },
    /// The visitor, who is linked to the page that they were on.
    Visitor,
}

/// The visitor of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visitor<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The e-mail address; stands for the name if there is none.
    pub email: Option<&'a str>,
    /// The readable id, such as `fine-weeks-53`.
    pub readable_id: Option<&'a str>,
    /// The URL of the page that the visitor was on. Linked only if it is an http or https URL.
    pub current_url: Option<&'a str>,
}

/// A message of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who wrote it.
    pub author: Author,
    /// The plain text.
    pub content: Cow<'a, str>,
    /// When it was sent.
    pub sent_at: Millis,
}

/// The author of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// The conversation's visitor.
    Visitor,
    /// A member or a bot. Without a name the mail says `Support`.
    Support(Option<String>),
}

/// A rendered notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, without control characters.
    pub subject: String,
    /// The HTML body.
    pub html: String,
    /// The text body.
    pub text: String,
}

impl Notification<'_> {
    /// Renders the mail. Names and messages are escaped.
    pub fn render(&self) -> Rendered {
        let visitor = self.visitor_name();
        let from = match self.reader {
            Reader::Member { .. } => visitor.as_str(),
            Reader::Visitor => "support",
        };
        let subject = match self.new {
            0 | 1 => format!("New message from {from}"),
            new => format!("{new} new messages from {from}"),
        };
        let mut html = String::from("<!doctype html>\n<html><body style=\"font-family: sans-serif\">\n<table>\n");
        let mut text = format!("{subject}\n\n");
        for (label, value) in self.details(&visitor) {
            // Writing into a string cannot fail.
            let _ = writeln!(html, "<tr><td><b>{label}</b></td><td>{}</td></tr>", escape(&value));
            let _ = writeln!(text, "{label}: {value}");
        }
        html.push_str("</table>\n");
        let shown = &self.messages[..self.messages.len().min(MAX_MESSAGES)];
        for (index, message) in shown.iter().enumerate().rev() {
            let author = message.author.name(&visitor);
            let content = excerpt(&message.content);
            let mark = if index < self.new { " (new)" } else { "" };
            let _ = writeln!(
                html,
                "<p><b>{}</b>{mark}<br>{}</p>",
                escape(author),
                crate::html::from_text(&content)
            );
            let _ = write!(text, "\n{author}{mark}:\n{content}\n");
        }
        if let Some((label, url)) = self.link() {
            let _ = writeln!(html, "<p><a href=\"{}\">{label}</a></p>", escape(&url));
            let _ = write!(text, "\n{label}: {url}\n");
        }
        html.push_str("</body></html>\n");
        Rendered { subject, html, text }
    }

    /// Returns the visitor's name, or what stands for it, without characters that a header cannot have.
    fn visitor_name(&self) -> String {
        let visitor = self.visitor.as_ref();
        let name = visitor
            .and_then(|visitor| stated(visitor.name).or_else(|| stated(visitor.email)))
            .unwrap_or("Visitor");
        name.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_NAME)
            .collect()
    }

    fn details(&self, visitor_name: &str) -> Vec<(&'static str, String)> {
        let mut details = Vec::new();
        if let Some(newest) = self.messages.first() {
            details.push(("From", newest.author.name(visitor_name).to_owned()));
            if let (Reader::Member { .. }, Some(visitor)) = (self.reader, self.visitor) {
                details.extend(visitor.email.map(|email| ("E-mail", email.to_owned())));
                details.extend(visitor.readable_id.map(|id| ("Visitor", id.to_owned())));
            }
            let time = newest.sent_at.to_datetime();
            details.push(("Time", time.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
        }
        details.push(("Conversation", self.conversation_id.to_string()));
        details.push(("New messages", self.new.to_string()));
        details.push(("Channel", self.channel.to_owned()));
        details
    }

    /// Returns the label and the URL of the link.
    fn link(&self) -> Option<(&'static str, String)> {
        match self.reader {
            Reader::Member { web_app_url } => {
                let url = format!("{}/inbox?conversationId={}", web_app_url?, self.conversation_id);
                Some(("Open the conversation", url))
            }
            Reader::Visitor => {
                let page = self.visitor?.current_url?;
                let is_web = ["http://", "https://"].iter().any(|scheme| {
                    page.get(..scheme.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                });
                (is_web && !page.contains(char::is_control)).then(|| ("Continue the conversation", page.to_owned()))
            }
        }
    }
}

impl Author {
    fn name<'a>(&'a self, visitor: &'a str) -> &'a str {
        match self {
            Self::Visitor => visitor,
            Self::Support(name) => name.as_deref().unwrap_or("Support"),
        }
    }
}

/// Returns the trimmed text, unless it is empty.
fn stated(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn excerpt(content: &str) -> Cow<'_, str> {
    match content.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &content[..end]).into(),
        None => content.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Reader<'_> = Reader::Member {
        web_app_url: Some("http://app.test"),
    };
    const SUPPORT: Author = Author::Support(None);

    /// A notification of messages by author and second, newest first.
    fn notification<'a>(reader: Reader<'a>, messages: &[(Author, i64)], new: usize) -> Notification<'a> {
        let message = |(author, second): &(Author, i64)| Message {
            author: author.clone(),
            content: format!("at {second}").into(),
            sent_at: Millis(second * Millis::SECOND),
        };
        Notification {
            conversation_id: ConversationId::generate(),
            channel: "chat",
            reader,
            visitor: Some(Visitor {
                name: Some("Ada <b>\r\nBcc: eve"),
                email: Some("ada@example.com"),
                readable_id: Some("fine-weeks-53"),
                current_url: Some("https://shop.test/?a=1&b=2"),
            }),
            messages: messages.iter().map(message).collect(),
            new,
        }
    }

    #[test]
    fn names_and_messages_are_escaped_and_add_no_header() {
        let mut notification = notification(MEMBER, &[(Author::Visitor, 1)], 1);
        notification.messages[0].content = "<script>alert('x')</script>".into();
        let mail = notification.render();
        assert_eq!(mail.subject, "New message from Ada <b>  Bcc: eve");
        assert!(
            !mail.html.contains("<script>") && !mail.html.contains("Ada <b>"),
            "{}",
            mail.html
        );
        assert!(
            mail.html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            "{}",
            mail.html
        );
        let link = format!("http://app.test/inbox?conversationId={}", notification.conversation_id);
        assert!(mail.html.contains(&link) && mail.text.contains(&link));
        assert!(mail.text.contains("fine-weeks-53") && mail.text.contains("1970-01-01 00:00:01 UTC"));
    }

    #[test]
    fn several_messages_are_counted_and_marked() {
        let messages = [(SUPPORT, 30), (SUPPORT, 20), (Author::Visitor, 10)];
        let mail = notification(Reader::Visitor, &messages, 2).render();
        assert_eq!(mail.subject, "2 new messages from support");
        assert!(mail.text.contains("Support (new):\nat 30\n") && mail.text.contains(":\nat 10\n"));
        assert!(mail.text.find("at 10") < mail.text.find("at 30"), "oldest first");
        assert!(mail.html.contains("https://shop.test/?a=1&amp;b=2"), "{}", mail.html);
        assert!(
            !mail.html.contains("app.test"),
            "the visitor is not sent to the dashboard"
        );
    }

    #[test]
    fn a_mail_shows_twelve_messages_and_an_excerpt_of_each() {
        let messages = vec![(Author::Visitor, 1); 20];
        let mut notification = notification(Reader::Member { web_app_url: None }, &messages, 8);
        notification.messages[0].content = "ä".repeat(601).into();
        let mail = notification.render();
        assert!(mail.text.contains(&format!("{}…", "ä".repeat(600))));
        assert!(!mail.text.contains(&"ä".repeat(601)));
        assert_eq!(mail.text.matches("at 1\n").count(), 11);
    }

    #[test]
    fn only_web_pages_are_linked() {
        for (page, linked) in [
            ("https://a.test", true),
            ("HTTP://a.test", true),
            ("javascript:alert(1)", false),
        ] {
            let mut notification = notification(Reader::Visitor, &[(SUPPORT, 1)], 1);
            notification.visitor.as_mut().unwrap().current_url = Some(page);
            assert_eq!(notification.render().html.contains("<a href"), linked, "{page}");
        }
    }
}
