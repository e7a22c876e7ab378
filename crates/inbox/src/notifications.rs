//! Mails that tell of new messages: to the members when a visitor writes, to the visitor when somebody answers.
//!
//! A message queues [`NotifyNewMessage`], which costs the sender one row. It queues [`MailNewMessages`] for a minute later
//! if anybody wants the mail; that one waits until the thread is quiet and queues [`SendMessageMail`] for each recipient,
//! so that a mail which fails is tried again alone. Opening and assigning a conversation tell nobody by mail.

mod batch;
pub(crate) mod hook;
mod jobs;
mod mail;
mod queries;
pub(crate) mod routing;
mod store;

use std::future::ready;
use std::sync::Arc;

use opencom_contract::conversations::Channel;
use opencom_core::id::{ConversationId, MessageId};
use opencom_core::{Error, Result, email};
use opencom_providers::email::{Email, Mailbox};
use opencom_runtime::{ActionCx, MutationCx, Perform, QueryCx, Registry, ScopedFutureExt};

pub use self::batch::Audience;
use self::batch::Step;
pub use self::jobs::{MailNewMessages, NotifyNewMessage, Recipient, SendMessageMail};
use self::mail::Digest;
use crate::Inbox;
use crate::messages::queries as messages;
use crate::messages::rows::SignedMessage;

/// How many of the newest messages a mail is made from.
const LOOK_BACK: i64 = 200;

pub(crate) fn register_jobs(service: &Arc<Inbox>, registry: &mut Registry) {
    registry.job::<NotifyNewMessage, _>(service);
    registry.job::<MailNewMessages, _>(service);
    registry.job::<SendMessageMail, _>(service);
}

/// Names below it belong to nobody and never will (RFC 6761): the people of a demo have such addresses.
const NOBODYS: &str = "invalid";

impl Perform<NotifyNewMessage> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: NotifyNewMessage) -> Result<()> {
        let Some(audience) = Audience::of(job.sender_type) else {
            return Ok(());
        };
        let conversation_id = job.conversation_id;
        let recipients = cx
            .read(|cx| recipients(cx, conversation_id, audience).scope_boxed())
            .await?;
        if recipients.is_empty() {
            return Ok(());
        }
        let mail = MailNewMessages {
            conversation_id,
            audience,
            sent_at: job.sent_at,
            again: false,
        };
        let run_at = job.sent_at.plus(batch::QUIET);
        cx.transaction(|cx| ready(cx.enqueue_at(&mail, run_at)).scope_boxed())
            .await
    }
}

impl Perform<MailNewMessages> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: MailNewMessages) -> Result<()> {
        let MailNewMessages {
            conversation_id,
            audience,
            sent_at,
            ..
        } = job;
        let thread = cx
            .read(|cx| messages::thread(cx, conversation_id, LOOK_BACK).scope_boxed())
            .await?;
        match batch::next_step(&thread, audience, sent_at, cx.now()) {
            Step::Stop => Ok(()),
            Step::LookAgain(run_at) => {
                let again = MailNewMessages { again: true, ..job };
                cx.transaction(|cx| ready(cx.enqueue_at(&again, run_at)).scope_boxed())
                    .await
            }
            Step::Mail(message) => {
                cx.transaction(|cx| queue_mails(cx, conversation_id, audience, message).scope_boxed())
                    .await
            }
        }
    }
}

impl Perform<SendMessageMail> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: SendMessageMail) -> Result<()> {
        let Some((address, digest)) = cx.read(|cx| digest(cx, &job).scope_boxed()).await? else {
            return Ok(());
        };
        if email::is_in_domain(&address, NOBODYS) {
            return Ok(());
        }
        let Ok(to) = Mailbox::new(None, &address) else {
            tracing::info!(message = %job.message_id, "a notification has no usable address");
            return Ok(());
        };
        let content = digest.notification(self.parts.web_app_url.as_deref()).render();
        let mut email = Email::new(self.parts.mail_from.clone(), to, content.subject, content.html);
        email.text = Some(content.text);
        email.idempotency_key = Some(job.idempotency_key());
        match self.parts.email.send(&email).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                tracing::warn!(
                    message = %job.message_id, error = &error as &dyn std::error::Error,
                    "a notification was refused"
                );
                Ok(())
            }
            Err(error) => Err(Error::internal(error)),
        }
    }
}

/// Queues a mail for each recipient, unless that was done for this message before.
async fn queue_mails(
    cx: &mut MutationCx,
    conversation_id: ConversationId,
    audience: Audience,
    message_id: MessageId,
) -> Result<()> {
    if !store::mark_as_mailed(cx, message_id).await? {
        return Ok(());
    }
    for recipient in recipients(cx, conversation_id, audience).await? {
        cx.enqueue(&SendMessageMail {
            conversation_id,
            message_id,
            recipient,
        })?;
    }
    Ok(())
}

/// Who wants a mail about messages of a conversation.
async fn recipients(cx: &mut QueryCx, conversation: ConversationId, audience: Audience) -> Result<Vec<Recipient>> {
    let Some(subject) = queries::subject(cx, conversation).await? else {
        return Ok(Vec::new());
    };
    match audience {
        Audience::Members => {
            let members = queries::readers(cx, subject.workspace_id).await?;
            Ok(members.into_iter().map(Recipient::Member).collect())
        }
        // Over mail itself the visitor has the message already.
        Audience::Visitor if subject.channel == Some(Channel::Email) => Ok(Vec::new()),
        Audience::Visitor => {
            let visitor = subject
                .visitor
                .filter(|visitor| visitor.email.as_deref().is_some_and(|email| !email.trim().is_empty()));
            Ok(visitor
                .map(|visitor| Recipient::Visitor(visitor.id))
                .into_iter()
                .collect())
        }
    }
}

/// What a mail says and where it goes; `None` when message or recipient are gone.
async fn digest(cx: &mut QueryCx, job: &SendMessageMail) -> Result<Option<(String, Digest)>> {
    let Some(subject) = queries::subject(cx, job.conversation_id).await? else {
        return Ok(None);
    };
    let (audience, address) = match job.recipient {
        Recipient::Member(user) => (
            Audience::Members,
            cx.user_by_id(user).await?.and_then(|user| user.email.clone()),
        ),
        // Whoever it is by now: a merge makes no other person of them.
        Recipient::Visitor(_) => (
            Audience::Visitor,
            subject.visitor.as_ref().and_then(|visitor| visitor.email.clone()),
        ),
    };
    let Some(address) = address else { return Ok(None) };
    let thread = messages::thread(cx, job.conversation_id, LOOK_BACK).await?;
    // Newest first, from the message on that the mail is about.
    let Some(start) = thread.iter().position(|signed| signed.message.id == job.message_id) else {
        return Ok(None);
    };
    let thread: Vec<SignedMessage> = thread.into_iter().skip(start).collect();
    let new = batch::length(&thread, audience);
    Ok(Some((
        address,
        Digest {
            conversation_id: job.conversation_id,
            subject,
            audience,
            thread,
            new,
        },
    )))
}
