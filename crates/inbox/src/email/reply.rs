//! `emailChannel:sendEmailReply`: an agent's answer as a mail of its own.

use opencom_contract::email_channel::{SendEmailReply, SentReply};
use opencom_core::error::OrNotFound;
use opencom_core::id::MessageId;
use opencom_core::{Error, Permission, Result};
use opencom_providers::email::Mailbox;
use opencom_runtime::MutationCx;

use super::compose::{Answered, Headers, new_message_id};
use super::queries;
use crate::Inbox;
use crate::conversations::queries as conversations;
use crate::messages::post::{self, Direction, Mail, MailBody, Post};
use crate::messages::sender::Sender;

/// Posts the answer and queues its mail.
pub(super) async fn reply(inbox: &Inbox, cx: &mut MutationCx, req: SendEmailReply) -> Result<SentReply> {
    let agent = cx.agent().await?;
    if req.agent_id != agent.id {
        return Err(Error::not_authorized("Cannot send email as another agent"));
    }
    let conversation = conversations::lock(cx, req.conversation_id)
        .await?
        .or_not_found("Conversation")?;
    let workspace = conversation.parties.workspace_id;
    cx.require(Permission::ConversationsReply, workspace).await?;
    let config = queries::config(cx, workspace).await?.filter(|config| config.enabled);
    let Some(config) = config else {
        let text = "Email channel not configured for this workspace";
        return Err(Error::invalid("conversationId", text));
    };
    check(&req)?;
    let answered = match &req.reply_to_message_id {
        Some(id) => Some(Answered {
            references: queries::references_of(cx, workspace, id).await?.unwrap_or_default(),
            message_id: id.clone(),
        }),
        None => None,
    };
    let headers = Headers {
        to: req.to,
        cc: req.cc,
        bcc: req.bcc,
        subject: req.subject,
        answered,
    };
    let email_message_id = new_message_id(cx, workspace, &inbox.parts.mail_domain)?;
    let post = Post {
        id: MessageId::generate(),
        conversation,
        sender: Sender::Agent(agent.id),
        content: &req.html_body,
        attachments: &[],
        mail: Some(Mail {
            metadata: headers.metadata(&config, &email_message_id),
            direction: Direction::Sent(MailBody::Html { text: req.text_body }),
        }),
        preview: None,
        unread_by: None,
    };
    Ok(SentReply {
        message_id: post::post(&inbox.post_hooks, cx, post).await?,
        email_message_id,
    })
}

/// Checks the addresses and the subject of a reply.
fn check(req: &SendEmailReply) -> Result<()> {
    let recipients = req.to.len() + req.cc.as_ref().map_or(0, Vec::len) + req.bcc.as_ref().map_or(0, Vec::len);
    let good = |addresses: &[String]| addresses.iter().all(|to| to.parse::<Mailbox>().is_ok());
    if req.to.is_empty() || recipients > 50 || !good(&req.to) {
        return Err(Error::invalid(
            "to",
            "to must be 1 to 50 e-mail addresses, copies included",
        ));
    }
    if ![&req.cc, &req.bcc]
        .into_iter()
        .flatten()
        .all(|addresses| good(addresses))
    {
        return Err(Error::invalid("cc", "cc and bcc must be e-mail addresses"));
    }
    if req.subject.contains(char::is_control) {
        return Err(Error::invalid("subject", "subject must be one line"));
    }
    Ok(())
}
