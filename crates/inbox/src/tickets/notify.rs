//! What people are told of tickets.

use opencom_contract::push::PushRecipient;
use opencom_contract::tickets::TicketStatus;
use opencom_core::id::{NotificationEventId, TicketId, UserId};
use opencom_core::{Millis, Result};
use opencom_runtime::{Job, MutationCx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::queries;
use super::rows::TicketEntry;
use crate::notifications::routing::{self, Audience, Event};

pub(crate) use crate::notifications::routing::Actor;

/// Something happened to a ticket that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyTicket {
    /// The event that it will be; the same however often the job runs.
    event_id: NotificationEventId,
    ticket_id: TicketId,
    actor: Actor,
    cause: Cause,
}

impl Job for NotifyTicket {
    const KIND: &'static str = "inbox.notify_ticket";
}

impl NotifyTicket {
    pub(crate) fn new(ticket_id: TicketId, actor: Actor, cause: Cause) -> Self {
        Self {
            event_id: NotificationEventId::generate(),
            ticket_id,
            actor,
            cause,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Cause {
    /// It was submitted.
    Created,
    /// It was moved, at this time.
    StatusChanged {
        from: TicketStatus,
        to: TicketStatus,
        at: Millis,
    },
    /// Somebody got it.
    Assigned { to: UserId },
}

/// Tells people, unless that was done before or the ticket is gone.
pub(super) async fn tell(cx: &mut MutationCx, job: &NotifyTicket) -> Result<()> {
    let Some(entry) = queries::entry(cx, job.ticket_id).await? else {
        return Ok(());
    };
    let recipients = match job.cause {
        Cause::Created => routing::members(cx, entry.0.workspace_id).await?,
        Cause::StatusChanged { .. } => entry.0.visitor_id.map(PushRecipient::Visitor).into_iter().collect(),
        Cause::Assigned { to } => vec![PushRecipient::Agent(to)],
    };
    let words = words(&entry, job.cause);
    let event = Event {
        id: job.event_id,
        workspace_id: entry.0.workspace_id,
        key: words.key,
        kind: words.kind,
        audience: words.audience,
        actor: job.actor,
        ticket_id: job.ticket_id,
        title: words.title,
        body: words.body,
        data: words.data,
    };
    routing::route(cx, &event, &recipients).await
}

/// How an event is told.
#[derive(Clone, Debug, PartialEq)]
struct Words {
    kind: &'static str,
    audience: Audience,
    title: &'static str,
    body: String,
    key: String,
    data: Value,
}

fn words((ticket, visitor, _): &TicketEntry, cause: Cause) -> Words {
    let id = ticket.id;
    let subject = &ticket.subject;
    let who = |otherwise: &'static str| {
        let visitor = visitor.as_ref();
        let stated = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        stated(visitor.and_then(|visitor| visitor.name.as_ref()))
            .or_else(|| stated(visitor.and_then(|visitor| visitor.email.as_ref())))
            .unwrap_or_else(|| otherwise.to_owned())
    };
    match cause {
        Cause::Created => Words {
            kind: "ticket_created",
            audience: Audience::Agent,
            title: "New ticket created",
            body: format!("{} submitted: {subject}", who("A customer")),
            key: format!("ticket_created:{id}"),
            data: json!({ "ticketId": id, "type": "ticket_created" }),
        },
        Cause::StatusChanged { from, to, at } => Words {
            kind: "ticket_status_changed",
            audience: Audience::Visitor,
            title: "Ticket update",
            body: format!("Your ticket \"{subject}\" moved to {}.", to.as_str().replace('_', " ")),
            key: format!("ticket_status_changed:{id}:{to}:{}", at.0),
            data: json!({
                "ticketId": id, "type": "ticket_status_changed", "oldStatus": from, "newStatus": to,
            }),
        },
        Cause::Assigned { to } => Words {
            kind: "ticket_assigned",
            audience: Audience::Agent,
            title: "Ticket assigned",
            body: format!("You've been assigned a ticket from {}: {subject}", who("a customer")),
            key: format!("ticket_assigned:{id}:{to}"),
            data: json!({ "ticketId": id, "type": "ticket_assigned" }),
        },
    }
}
