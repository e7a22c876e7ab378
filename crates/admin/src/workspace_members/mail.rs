//! The mails about invitations.

use opencom_core::html::escape;
use opencom_core::id::WorkspaceInvitationId;
use opencom_core::{Error, Result};
use opencom_providers::email::{Email, Mailbox};
use opencom_runtime::Job;
use serde::{Deserialize, Serialize};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::Admin;

/// Sends the mail to somebody who was added or invited.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendInvitation {
    /// The same for every attempt to send this mail, and for no other mail.
    pub(super) key: WorkspaceInvitationId,
    /// The address.
    pub(super) to: String,
    /// The workspace's name.
    pub(super) workspace: String,
    /// Name or address of who invited.
    pub(super) inviter: Option<String>,
    /// Where to sign up; absent for those who were added.
    pub(super) link: Option<String>,
}

impl Job for SendInvitation {
    const KIND: &'static str = "admin.send_invitation";
}

/// Where an invited person signs up: at the dashboard that the operator names, else at the one that whoever invites uses.
///
/// # Errors
/// `INVALID_INPUT` when that is no web address.
pub(super) fn link(dashboard: Option<&str>, base_url: &str, address: &str) -> Result<String> {
    let base = dashboard.unwrap_or(base_url).trim_end_matches('/');
    let is_web = Url::parse(base).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_web {
        return Err(Error::invalid("baseUrl", "baseUrl must be an http(s) address"));
    }
    let address: String = byte_serialize(address.as_bytes()).collect();
    Ok(format!("{base}/invite/accept?email={address}"))
}

impl Admin {
    /// Sends the mail. One that no provider takes is given up: the invitation holds without it.
    pub(super) async fn send_invitation(&self, job: &SendInvitation) -> Result<()> {
        let Ok(to) = Mailbox::new(None, &job.to) else {
            return Ok(());
        };
        let mut mail = job.write(self.parts.mail_from.clone(), to);
        mail.idempotency_key = Some(format!("{}:{}", SendInvitation::KIND, job.key));
        match self.parts.email.send(&mail).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an invitation was refused");
                Ok(())
            }
            Err(error) => Err(Error::internal(error)),
        }
    }
}

impl SendInvitation {
    fn write(&self, from: Mailbox, to: Mailbox) -> Email {
        // A name may have anything in it, and a subject is one line.
        let workspace: String = self.workspace.chars().filter(|c| !c.is_control()).collect();
        let inviter = self.inviter.as_deref().unwrap_or("A teammate");
        let (subject, said, call) = match &self.link {
            None => (
                format!("You've been added to {workspace} on Opencom"),
                format!("{inviter} has added you to {workspace} on Opencom."),
                "You find it the next time you sign in.".to_owned(),
            ),
            Some(link) => (
                format!("You've been invited to {workspace} on Opencom"),
                format!("{inviter} has invited you to {workspace} on Opencom."),
                format!("Sign up with this address to join: {link}"),
            ),
        };
        let button = self.link.as_ref().map_or_else(
            || format!("<p>{}</p>", escape(&call)),
            |link| format!("<p><a href=\"{}\">Join {}</a></p>", escape(link), escape(&workspace)),
        );
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<body style=\"font-family:-apple-system,'Segoe UI',Roboto,sans-serif\">\n\
             <p>{}</p>\n{button}\n</body>\n</html>\n",
            escape(&said)
        );
        Email {
            text: Some(format!("{said}\n\n{call}\n")),
            ..Email::new(from, to, subject, html)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(link: Option<&str>) -> Email {
        let address: Mailbox = "ada@example.com".parse().unwrap();
        let job = SendInvitation {
            key: WorkspaceInvitationId::generate(),
            to: "ada@example.com".to_owned(),
            workspace: "Engines\r\nBcc: eve <b>".to_owned(),
            inviter: Some("<i>Bob</i>".to_owned()),
            link: link.map(str::to_owned),
        };
        let mail = job.write(address.clone(), address);
        mail.check().unwrap();
        mail
    }

    #[test]
    fn whoever_was_added_gets_no_link() {
        let mail = mail(None);
        assert_eq!(mail.subject, "You've been added to EnginesBcc: eve <b> on Opencom");
        assert!(!mail.html.contains("href"), "{}", mail.html);
        assert!(mail.html.contains("&lt;i&gt;Bob"), "{}", mail.html);
    }

    #[test]
    fn whoever_was_invited_gets_the_link_in_both_bodies() {
        let link = link(None, "https://app.example.com/", "a+b@example.com").unwrap();
        assert_eq!(link, "https://app.example.com/invite/accept?email=a%2Bb%40example.com");
        let mail = mail(Some(&link));
        assert_eq!(mail.subject, "You've been invited to EnginesBcc: eve <b> on Opencom");
        assert!(mail.html.contains(&link) && mail.text.unwrap().contains(&link));
    }

    #[test]
    fn links_lead_to_the_operators_dashboard_or_to_some_web_address() {
        let ours = link(Some("https://dash.example.com"), "https://evil.example.com", "a@b.c").unwrap();
        assert!(ours.starts_with("https://dash.example.com/invite/"), "{ours}");
        for bad in ["", "app", "javascript:alert(1)", "ftp://a.b"] {
            assert_eq!(
                link(None, bad, "a@b.c").unwrap_err().data().field.as_deref(),
                Some("baseUrl")
            );
        }
    }
}
