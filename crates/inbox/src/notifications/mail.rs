//! The words of a mail about new messages.

use std::fmt::Write;

use opencom_contract::conversations::Channel;
use opencom_contract::messages::SenderType;
use opencom_core::html::escape;
use opencom_core::id::ConversationId;
use opencom_mail::html;

use super::batch::Audience;
use super::queries::Subject;
use crate::messages::preview;
use crate::messages::rows::SignedMessage;

/// How many messages a mail shows.
const SHOWN: usize = 12;
/// How much of each message it shows, in characters.
const EXCERPT: usize = 600;
/// How much of a name the subject shows, in characters.
const NAME: usize = 100;

/// What a mail tells of.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) conversation_id: ConversationId,
    pub(super) subject: Subject,
    pub(super) audience: Audience,
    /// The message that the mail is about and those before it, newest first; never empty.
    pub(super) thread: Vec<SignedMessage>,
    /// How many of them are new.
    pub(super) new: usize,
}

/// A rendered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
}

/// The text without space around it, unless nothing is left.
pub(super) fn stated(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Writes the mail. `web_app_url` is where members go from it.
pub(super) fn render(digest: &Digest, web_app_url: Option<&str>) -> Content {
    let visitor = visitor_name(digest);
    let from = match digest.audience {
        Audience::Members => visitor.as_str(),
        Audience::Visitor => "support",
    };
    let subject = match digest.new {
        0 | 1 => format!("New message from {from}"),
        new => format!("{new} new messages from {from}"),
    };
    let mut html = String::from("<!doctype html>\n<html><body style=\"font-family: sans-serif\">\n<table>\n");
    let mut text = format!("{subject}\n\n");
    for (label, value) in details(digest) {
        // Writing into a string cannot fail.
        let _ = writeln!(html, "<tr><td><b>{label}</b></td><td>{}</td></tr>", escape(&value));
        let _ = writeln!(text, "{label}: {value}");
    }
    html.push_str("</table>\n");
    for (index, signed) in digest
        .thread
        .iter()
        .enumerate()
        .take(SHOWN)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        let author = author(signed, &visitor);
        let content = excerpt(signed);
        let mark = if index < digest.new { " (new)" } else { "" };
        let _ = writeln!(
            html,
            "<p><b>{}</b>{mark}<br>{}</p>",
            escape(&author),
            escape(&content).replace('\n', "<br>")
        );
        let _ = write!(text, "\n{author}{mark}:\n{content}\n");
    }
    if let Some((words, link)) = link(digest, web_app_url) {
        let _ = writeln!(html, "<p><a href=\"{}\">{words}</a></p>", escape(&link));
        let _ = write!(text, "\n{words}: {link}\n");
    }
    html.push_str("</body></html>\n");
    Content { subject, html, text }
}

/// What people call the visitor, fit for a header.
fn visitor_name(digest: &Digest) -> String {
    let visitor = digest.subject.visitor.as_ref();
    let name = visitor
        .and_then(|visitor| stated(visitor.name.as_deref()).or_else(|| stated(visitor.email.as_deref())))
        .unwrap_or("Visitor");
    name.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(NAME)
        .collect()
}

fn author(signed: &SignedMessage, visitor: &str) -> String {
    match signed.message.sender_type {
        SenderType::Visitor => visitor.to_owned(),
        SenderType::Agent | SenderType::User | SenderType::Bot => {
            signed.sender_name().unwrap_or_else(|| "Support".to_owned())
        }
    }
}

fn excerpt(signed: &SignedMessage) -> String {
    let attachments = signed.message.attachment_ids.as_ref().map_or(0, Vec::len);
    // A message by mail may be HTML: only its words are for mails of ours.
    let words = match signed.message.channel {
        Some(Channel::Email) => html::plain_text(&signed.message.content),
        Some(Channel::Chat) | None => signed.message.content.clone(),
    };
    let content = preview(&words, attachments);
    match content.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &content[..end]),
        None => content.into_owned(),
    }
}

fn details(digest: &Digest) -> Vec<(&'static str, String)> {
    let mut details = Vec::new();
    let visitor = digest.subject.visitor.as_ref();
    if let Some(newest) = digest.thread.first() {
        details.push(("From", author(newest, &visitor_name(digest))));
        if let (Audience::Members, Some(visitor)) = (digest.audience, visitor) {
            details.extend(visitor.email.clone().map(|email| ("E-mail", email)));
            details.extend(visitor.readable_id.clone().map(|id| ("Visitor", id)));
        }
        let time = newest.message.created_at.to_datetime();
        details.push(("Time", time.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
    }
    details.push(("Conversation", digest.conversation_id.to_string()));
    details.push(("New messages", digest.new.to_string()));
    details.push((
        "Channel",
        digest
            .subject
            .channel
            .map_or("chat", |channel| channel.as_str())
            .to_owned(),
    ));
    details
}

/// Where the reader goes on: members to the inbox, the visitor to the page they were on.
fn link(digest: &Digest, web_app_url: Option<&str>) -> Option<(&'static str, String)> {
    match digest.audience {
        Audience::Members => {
            let url = format!("{}/inbox?conversationId={}", web_app_url?, digest.conversation_id);
            Some(("Open the conversation", url))
        }
        Audience::Visitor => {
            let page = digest.subject.visitor.as_ref()?.current_url.as_deref()?;
            let is_web = ["http://", "https://"].iter().any(|scheme| {
                page.get(..scheme.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            });
            (is_web && !page.contains(char::is_control)).then(|| ("Continue the conversation", page.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use opencom_contract::messages::SenderType::{Agent, Visitor};
    use opencom_core::Millis;
    use opencom_core::id::{VisitorId, WorkspaceId};

    use super::*;
    use crate::notifications::batch::tests::thread;
    use crate::visitors::rows::VisitorRow;

    fn digest(audience: Audience, messages: &[(SenderType, i64)], new: usize) -> Digest {
        let workspace_id = WorkspaceId::generate();
        let visitor = VisitorRow {
            id: VisitorId::generate(),
            workspace_id,
            session_id: String::new(),
            user_id: None,
            readable_id: Some("fine-weeks-53".to_owned()),
            email: Some("ada@example.com".to_owned()),
            name: Some("Ada <b>\r\nBcc: eve".to_owned()),
            external_user_id: None,
            location: None,
            device: None,
            referrer: None,
            current_url: Some("https://shop.test/?a=1&b=2".to_owned()),
            custom_attributes: None,
            first_seen_at: None,
            last_seen_at: None,
            created_at: Millis(0),
            identity_verified: None,
            identity_verified_at: None,
        };
        let subject = Subject {
            workspace_id,
            channel: None,
            visitor: Some(visitor),
        };
        Digest {
            conversation_id: ConversationId::generate(),
            subject,
            audience,
            thread: thread(messages),
            new,
        }
    }

    #[test]
    fn nothing_that_people_wrote_becomes_markup_or_a_header() {
        let mut digest = digest(Audience::Members, &[(Visitor, 1)], 1);
        digest.thread[0].message.content = "<script>alert('x')</script>".to_owned();
        let content = render(&digest, Some("http://app.test"));
        assert_eq!(content.subject, "New message from Ada <b>  Bcc: eve");
        assert!(
            !content.html.contains("<script>") && !content.html.contains("Ada <b>"),
            "{}",
            content.html
        );
        assert!(
            content.html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            "{}",
            content.html
        );
        let link = format!("http://app.test/inbox?conversationId={}", digest.conversation_id);
        assert!(content.html.contains(&link) && content.text.contains(&link));
        assert!(content.text.contains("fine-weeks-53") && content.text.contains("1970-01-01 00:00:01 UTC"));
    }

    #[test]
    fn several_messages_are_counted_and_marked() {
        let digest = digest(Audience::Visitor, &[(Agent, 30), (Agent, 20), (Visitor, 10)], 2);
        let content = render(&digest, Some("http://app.test"));
        assert_eq!(content.subject, "2 new messages from support");
        assert!(content.text.contains("Support (new):\nat 30\n") && content.text.contains(":\nat 10\n"));
        assert!(content.text.find("at 10") < content.text.find("at 30"), "oldest first");
        assert!(
            content.html.contains("https://shop.test/?a=1&amp;b=2"),
            "{}",
            content.html
        );
        assert!(
            !content.html.contains("app.test"),
            "the visitor is not sent to the dashboard"
        );
    }

    #[test]
    fn a_mail_shows_twelve_messages_and_a_part_of_each() {
        let mut digest = digest(Audience::Members, &[(Visitor, 1); 20], 8);
        digest.thread[0].message.content = "ä".repeat(601);
        let content = render(&digest, None);
        assert!(content.text.contains(&format!("{}…", "ä".repeat(600))));
        assert!(!content.text.contains(&"ä".repeat(601)));
        assert_eq!(content.text.matches("at 1\n").count(), 11);
    }

    #[test]
    fn only_pages_of_the_web_are_linked() {
        for (page, linked) in [
            ("https://a.test", true),
            ("HTTP://a.test", true),
            ("javascript:alert(1)", false),
        ] {
            let mut digest = digest(Audience::Visitor, &[(Agent, 1)], 1);
            digest.subject.visitor.as_mut().unwrap().current_url = Some(page.to_owned());
            assert_eq!(render(&digest, None).html.contains("<a href"), linked, "{page}");
        }
    }
}
