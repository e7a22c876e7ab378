//! Mail that comes in: for whom it is, which conversation it belongs to, and what is stored of it.

use std::collections::HashSet;

use opencom_contract::conversations::{AiWorkflowState, Channel, ConversationStatus, ReaderType};
use opencom_contract::email_channel::Received;
use opencom_contract::messages::{EmailAttachment, EmailMetadata};
use opencom_core::id::{ConversationId, EmailThreadId, InboundEmailId, MessageId, VisitorId, WorkspaceId};
use opencom_core::{Error, Int, Json, Millis, Result};
use opencom_mail::automatic::{self, Automatic};
use opencom_mail::body::{self, Visible};
use opencom_mail::text::{truncate, truncate_line};
use opencom_mail::webhook::{self, Event};
use opencom_mail::{Incoming, address, alias, forward, subject};
use opencom_runtime::{ActionCx, MutationCx, ScopedFutureExt, files as stored_files};
use serde_json::json;

use super::files::{self, FetchFiles, Kept};
use super::rows::{ConfigRow, Fate, NewInbound, NewThread};
use super::{delivery, fetched, queries, store};
use crate::Inbox;
use crate::conversations::rows::{LockedConversation, NewConversation, Parties};
use crate::conversations::{queries as conversation_queries, store as conversation_store};
use crate::messages::post::{self, Direction, Mail, Post};
use crate::messages::sender::Sender;
use crate::visitors::store as visitors;

/// How long after a mail another one of the same subject and sender counts as its continuation.
const SUBJECT_HOLDS: i64 = 90 * Millis::DAY;
/// How much of a mail its notification carries, in bytes.
const PREVIEW: usize = 2000;
/// What stands in place of a mail that could not be read.
const UNREADABLE: &str = "A mail came that could not be read. It is attached as it came.";
/// What stands above a mail that names no sender, where its words are all that came.
const SENDERLESS: &str = "A mail came that does not say whom it is from:";

/// Takes in what a provider reports.
pub(super) async fn receive(inbox: &Inbox, cx: &mut ActionCx, body: &[u8]) -> Result<Received> {
    let (mut mail, is_announced) = match webhook::parse(body).map_err(Error::internal)? {
        Event::Received { mail, is_announced } => (*mail, is_announced),
        Event::Delivery(event) => {
            delivery::note(cx, event).await?;
            return Ok(Received::Noted);
        }
    };
    if is_announced {
        let received = inbox.parts.received_mails.as_ref();
        let received = received.ok_or_else(|| Error::internal("no key to fetch received mails with"))?;
        let id = mail.provider_id.clone().unwrap_or_default();
        mail.overlay(fetched::fields(received.mail(&id).await.map_err(Error::internal)?));
    }
    mail.remove_nul();
    // Nobody could be answered.
    mail.is_unreadable |= address::bare(&mail.from).is_empty();
    let candidates = candidates(&mail);
    let addresses: Vec<String> = candidates.iter().map(|candidate| candidate.address.clone()).collect();
    let configs = cx
        .read(|cx| queries::configs_by_address(cx, &addresses).scope_boxed())
        .await?;
    let chosen = candidates.iter().find_map(|candidate| {
        let config = configs
            .iter()
            .find(|config| config.forwarding_address == candidate.address);
        config.map(|config| (config, candidate.token.as_deref()))
    });
    let Some((config, token)) = chosen else {
        return Ok(Received::UnknownRecipient);
    };
    if !config.enabled {
        return Ok(Received::Disabled);
    }
    let kept = files::keep(inbox, cx, config.workspace_id, &mut mail).await?;
    let arrival = Arrival {
        config,
        token,
        mail: &mail,
        kept: &kept,
        fetches_files: is_announced,
    };
    cx.transaction(|cx| store_mail(inbox, cx, arrival).scope_boxed()).await
}

/// An address that the mail came to: the workspace's own, and the conversation that it may name.
struct Candidate {
    address: String,
    token: Option<String>,
}

/// Whom the mail may be for, in the order in which they are asked, each once.
fn candidates(mail: &Incoming) -> Vec<Candidate> {
    let mut seen = HashSet::new();
    let mut candidates = Vec::new();
    for recipient in mail.recipients() {
        for address in [
            opencom_core::email::normalize(truncate_line(recipient)),
            address::bare(recipient),
        ] {
            if !seen.insert(address.clone()) {
                continue;
            }
            if let Some((own, token)) = alias::split(&address) {
                let token = Some(token.to_owned());
                candidates.push(Candidate { address: own, token });
            }
            candidates.push(Candidate { address, token: None });
        }
    }
    candidates
}

/// A mail that came to a workspace.
#[derive(Clone, Copy)]
struct Arrival<'a> {
    config: &'a ConfigRow,
    token: Option<&'a str>,
    mail: &'a Incoming,
    kept: &'a Kept,
    fetches_files: bool,
}

/// Stores a mail once, whatever it is.
async fn store_mail(inbox: &Inbox, cx: &mut MutationCx, arrival: Arrival<'_>) -> Result<Received> {
    let Arrival { config, mail, kept, .. } = arrival;
    let workspace = config.workspace_id;
    let is_forwarded = forward::is_forwarded(&mail.subject, mail.text.as_deref());
    let shown = body::visible(mail.html.as_deref(), mail.text.as_deref(), is_forwarded);
    let own = is_own(inbox, cx, config, mail).await?;
    let automatic = automatic::classify(mail, &address::bare(&mail.from));
    let (fate, reason) = match (mail.is_unreadable, own, automatic) {
        (true, ..) => (Fate::Unreadable, Some("unreadable")),
        (_, true, _) => (Fate::Dropped, Some("own_address")),
        (_, _, Some(automatic)) => (Fate::Dropped, Some(automatic.as_str())),
        _ => (Fate::Stored, None),
    };
    let known_id = mail.message_id.as_deref().map(truncate_line);
    let provider_id = mail.provider_id.as_deref().map(truncate_line);
    let id = InboundEmailId::generate();
    let keeps_original = fate != Fate::Stored || !shown.is_complete;
    let original = keeps_original.then(|| Json::new(json!({ "text": mail.text, "html": mail.html })));
    let row = NewInbound {
        id,
        workspace_id: workspace,
        provider_id,
        message_id: known_id,
        sender: truncate_line(&mail.from),
        subject: truncate_line(&mail.subject),
        outcome: fate.as_str(),
        reason,
        original: original.transpose().map_err(Error::internal)?,
        raw_file_id: kept.raw.as_ref().map(|file| file.id),
        created_at: cx.now(),
    };
    if !store::insert_inbound(cx, &row).await? {
        let known = queries::known_inbound(cx, workspace, provider_id, known_id).await?;
        let known = known.and_then(|known| known.conversation_id.zip(known.stored_message_id));
        return Ok(
            known.map_or(Received::Dropped, |(conversation_id, message_id)| Received::Stored {
                conversation_id,
                message_id,
                duplicate: true,
            }),
        );
    }
    if fate == Fate::Dropped {
        if automatic == Some(Automatic::Bounce) {
            delivery::came_back(cx, workspace, mail).await?;
        }
        return Ok(Received::Dropped);
    }
    files::record(cx, kept.all()).await?;
    let (conversation_id, message_id) = match fate {
        Fate::Unreadable => store_unreadable(inbox, cx, arrival, &shown).await?,
        Fate::Stored | Fate::Dropped => store_message(inbox, cx, arrival, is_forwarded, &shown).await?,
    };
    store::set_message(cx, id, conversation_id, message_id).await?;
    let has_files = mail.attachments.as_ref().is_some_and(|files| !files.is_empty());
    if let Some(email_id) = mail.provider_id.clone().filter(|_| arrival.fetches_files && has_files) {
        cx.enqueue(&FetchFiles { message_id, email_id })?;
    }
    Ok(Received::Stored {
        conversation_id,
        message_id,
        duplicate: false,
    })
}

/// Whether the mail comes from the workspace's own address or from this server: taken for a message it would go round.
async fn is_own(inbox: &Inbox, cx: &mut MutationCx, config: &ConfigRow, mail: &Incoming) -> Result<bool> {
    let from = address::bare(&mail.from);
    let without_token = alias::split(&from).map(|(own, _)| own);
    if from == config.forwarding_address || without_token.as_ref() == Some(&config.forwarding_address) {
        return Ok(true);
    }
    if from == address::bare(inbox.parts.mail_from.address()) {
        return Ok(true);
    }
    // Its owner may well write from the address that answers come from, but not with an id of ours.
    match &mail.message_id {
        Some(id) if from == address::bare(config.sender()) => queries::was_sent(cx, config.workspace_id, id).await,
        _ => Ok(false),
    }
}

/// A mail as a message of its sender.
async fn store_message(
    inbox: &Inbox,
    cx: &mut MutationCx,
    arrival: Arrival<'_>,
    is_forwarded: bool,
    shown: &Visible,
) -> Result<(ConversationId, MessageId)> {
    let Arrival { config, mail, .. } = arrival;
    let workspace = config.workspace_id;
    let now = cx.now();
    let from = if is_forwarded {
        forward::original_sender(mail.text.as_deref(), mail.html.as_deref(), &mail.from)
    } else {
        mail.from.clone()
    };
    let sender = address::bare(&from);
    let made;
    let rfc_id = match &mail.message_id {
        Some(id) => truncate_line(id),
        None => {
            made = format!("{}@inbound", now.0);
            &made
        }
    };
    let visitor = visitors::by_mail(cx, workspace, &sender).await?;
    let conversation = match find_conversation(cx, arrival, is_forwarded, &sender).await? {
        Some(conversation) => conversation,
        None => open_conversation(cx, workspace, Some(visitor), &mail.subject).await?,
    };
    let post = Post {
        id: MessageId::generate(),
        conversation,
        sender: Sender::Visitor(visitor),
        content: &shown.content,
        attachments: &[],
        mail: Some(Mail {
            metadata: received_metadata(&cx.server().public_url, arrival, is_forwarded, from, rfc_id),
            direction: Direction::Received,
        }),
        preview: (!is_forwarded).then(|| truncate(&shown.one_line, PREVIEW).into()),
        unread_by: None,
    };
    let id = post::post(&inbox.post_hooks, cx, post).await?;
    let thread_subject = if is_forwarded {
        subject::strip_forward_prefix(&mail.subject)
    } else {
        &mail.subject
    };
    let (in_reply_to, references) = answered(mail, is_forwarded);
    let thread = NewThread {
        id: EmailThreadId::generate(),
        workspace_id: workspace,
        conversation_id: conversation.parties.id,
        message_id: rfc_id,
        in_reply_to: in_reply_to.map(truncate_line),
        reference_ids: references,
        subject: &mail.subject,
        normalized_subject: &subject::normalize(thread_subject),
        sender_email: &sender,
        is_inbound: true,
        created_at: now,
    };
    store::insert_thread(cx, &thread).await?;
    Ok((conversation.parties.id, id))
}

/// The ids that a mail answers: `In-Reply-To` and `References`. A forwarded mail answers none.
fn answered(mail: &Incoming, is_forwarded: bool) -> (Option<&str>, Option<&[String]>) {
    if is_forwarded {
        return (None, None);
    }
    (mail.in_reply_to.as_deref(), mail.references.as_deref())
}

/// What the message of a received mail has beside its text.
fn received_metadata(
    public_url: &str,
    arrival: Arrival<'_>,
    is_forwarded: bool,
    from: String,
    rfc_id: &str,
) -> EmailMetadata {
    let Arrival { mail, kept, .. } = arrival;
    let (in_reply_to, references) = answered(mail, is_forwarded);
    let files = mail.attachments.as_ref();
    EmailMetadata {
        subject: Some(mail.subject.clone()),
        from: Some(from),
        to: Some(mail.to.clone()),
        cc: mail.cc.clone().filter(|_| !is_forwarded),
        bcc: None,
        message_id: Some(rfc_id.to_owned()),
        in_reply_to: in_reply_to.map(ToOwned::to_owned),
        references: references.map(<[String]>::to_vec),
        attachments: files.map(|files| files::described(public_url, files, &kept.files)),
    }
}

/// A mail that could not be read, as something that the members see: nothing is lost without a word.
async fn store_unreadable(
    inbox: &Inbox,
    cx: &mut MutationCx,
    arrival: Arrival<'_>,
    shown: &Visible,
) -> Result<(ConversationId, MessageId)> {
    let Arrival { config, mail, kept, .. } = arrival;
    let subject = if mail.subject.is_empty() {
        "Unreadable mail"
    } else {
        &mail.subject
    };
    let conversation = open_conversation(cx, config.workspace_id, None, subject).await?;
    let public_url = &cx.server().public_url;
    let raw = kept.raw.as_ref().map(|file| EmailAttachment {
        filename: "message.eml".to_owned(),
        content_type: file.content_type.clone(),
        size: Int(file.size),
        storage_id: Some(file.id),
        url: Some(stored_files::url(public_url, file.id)),
    });
    let content = match &raw {
        Some(_) => UNREADABLE.to_owned(),
        None => format!("{SENDERLESS}\n\n{}", shown.one_line),
    };
    let files = files::described(public_url, mail.attachments.as_deref().unwrap_or_default(), &kept.files);
    let metadata = EmailMetadata {
        subject: Some(mail.subject.clone()),
        from: Some(mail.from.clone()),
        to: Some(mail.to.clone()),
        message_id: mail.message_id.clone(),
        attachments: Some(files.into_iter().chain(raw).collect()),
        ..EmailMetadata::default()
    };
    let post = Post {
        id: MessageId::generate(),
        conversation,
        sender: Sender::system(),
        content: &content,
        attachments: &[],
        mail: Some(Mail {
            metadata,
            direction: Direction::Received,
        }),
        preview: None,
        // A bot's message, but it is the members who have to read it.
        unread_by: Some(ReaderType::Agent),
    };
    let id = post::post(&inbox.post_hooks, cx, post).await?;
    Ok((conversation.parties.id, id))
}

/// The conversation that a mail continues, locked, and open again if it was closed.
async fn find_conversation(
    cx: &mut MutationCx,
    arrival: Arrival<'_>,
    is_forwarded: bool,
    sender: &str,
) -> Result<Option<LockedConversation>> {
    if is_forwarded {
        return Ok(None);
    }
    let Arrival {
        config, token, mail, ..
    } = arrival;
    let workspace = config.workspace_id;
    let named = token.and_then(|token| alias::verify(&cx.server().master_key, token));
    if let Some(id) = named
        && let Some(conversation) = reopened(cx, id, arrival).await?
    {
        return Ok(Some(conversation));
    }
    let in_reply_to = mail.in_reply_to.as_deref();
    let references = mail.references.as_deref().unwrap_or_default();
    let answered = queries::answered_conversation(cx, workspace, in_reply_to, references).await?;
    if let Some(id) = answered
        && let Some(conversation) = reopened(cx, id, arrival).await?
    {
        return Ok(Some(conversation));
    }
    let since = cx.now().plus(-SUBJECT_HOLDS);
    let whole = subject::normalize(&mail.subject);
    let bare = subject::strip_prefixes(&mail.subject).to_lowercase();
    for subject in [whole.as_str(), bare.as_str()] {
        // Mails without a subject have nothing in common.
        if subject.is_empty() {
            continue;
        }
        let continued = queries::conversation_by_subject(cx, workspace, subject, sender, since).await?;
        if let Some(id) = continued {
            return reopened(cx, id, arrival).await;
        }
        if whole == bare {
            break;
        }
    }
    Ok(None)
}

async fn reopened(cx: &mut MutationCx, id: ConversationId, arrival: Arrival<'_>) -> Result<Option<LockedConversation>> {
    let locked = conversation_queries::lock(cx, id).await?;
    let locked = locked.filter(|locked| locked.parties.workspace_id == arrival.config.workspace_id);
    if let Some(locked) = &locked {
        conversation_store::reopen(cx, locked.parties).await?;
    }
    Ok(locked)
}

async fn open_conversation(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    visitor: Option<VisitorId>,
    subject: &str,
) -> Result<LockedConversation> {
    let id = ConversationId::generate();
    let now = cx.now();
    let conversation = NewConversation {
        id,
        workspace_id: workspace,
        visitor_id: visitor,
        user_id: None,
        status: ConversationStatus::Open,
        channel: Some(Channel::Email),
        subject: Some(subject),
        created_at: now,
        updated_at: now,
        last_message_at: None,
        last_message_id: None,
        ai_workflow_state: AiWorkflowState::None,
    };
    conversation_store::insert(cx, conversation).await?;
    Ok(LockedConversation {
        parties: Parties {
            id,
            workspace_id: workspace,
            visitor_id: visitor,
        },
        channel: Some(Channel::Email),
        last_message_at: None,
        last_message_id: None,
    })
}
