//! Who is told of an event by push, and what became of it: a row for each event and one for each recipient, so that an
//! operator can see why somebody was not told.

use diesel::prelude::*;
use opencom_core::id::{NotificationDeliveryId, NotificationEventId, TicketId, UserId, VisitorId, WorkspaceId};
use opencom_core::{Error, Millis, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::{
    notification_dedupe_keys, notification_deliveries, notification_events, visitors, workspace_members,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use opencom_contract::push::{InternalReach, InternalSend, PushRecipient, Reach};

/// The most members that are told of one event.
const MOST_MEMBERS: i64 = 1000;
/// How much of a text an event's row keeps, in UTF-16 units.
const PREVIEW: usize = 280;

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Members of the workspace.
    Agent,
    /// The visitor.
    Visitor,
}

impl Audience {
    fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Visitor => "visitor",
        }
    }
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Actor {
    /// A member.
    User(UserId),
    /// A visitor.
    Visitor(VisitorId),
    /// Nobody.
    System,
}

impl Actor {
    fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "agent",
            Self::Visitor(_) => "visitor",
            Self::System => "system",
        }
    }

    fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Visitor(_) | Self::System => None,
        }
    }

    fn visitor(self) -> Option<VisitorId> {
        match self {
            Self::Visitor(visitor) => Some(visitor),
            Self::User(_) | Self::System => None,
        }
    }

    fn is(self, recipient: PushRecipient) -> bool {
        match recipient {
            PushRecipient::Agent(user) => self.user() == Some(user),
            PushRecipient::Visitor(visitor) => self.visitor() == Some(visitor),
        }
    }
}

/// Something that people may have to be told of.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: NotificationEventId,
    pub(crate) workspace_id: WorkspaceId,
    /// The same for the same thing: nobody is told of it twice.
    pub(crate) key: String,
    pub(crate) kind: &'static str,
    pub(crate) audience: Audience,
    pub(crate) actor: Actor,
    pub(crate) ticket_id: TicketId,
    pub(crate) title: &'static str,
    pub(crate) body: String,
    pub(crate) data: Value,
}

#[derive(Insertable)]
#[diesel(table_name = notification_events)]
#[diesel(treat_none_as_default_value = false)]
struct NewEvent<'a> {
    id: NotificationEventId,
    workspace_id: WorkspaceId,
    event_key: &'a str,
    event_type: &'a str,
    domain: &'a str,
    audience: &'a str,
    actor_type: &'a str,
    actor_user_id: Option<UserId>,
    actor_visitor_id: Option<VisitorId>,
    ticket_id: Option<TicketId>,
    title: &'a str,
    body_preview: String,
    data: &'a Value,
    created_at: Millis,
}

#[derive(Insertable)]
#[diesel(table_name = notification_deliveries)]
#[diesel(treat_none_as_default_value = false)]
struct NewDelivery<'a> {
    id: NotificationDeliveryId,
    workspace_id: WorkspaceId,
    event_id: NotificationEventId,
    event_key: &'a str,
    dedupe_key: String,
    channel: &'a str,
    recipient_type: &'a str,
    user_id: Option<UserId>,
    visitor_id: Option<VisitorId>,
    token_count: Option<i32>,
    status: &'a str,
    reason: &'a str,
    created_at: Millis,
}

/// Why somebody is not told, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suppression {
    Sender,
    OutOfWorkspace,
    Duplicate,
    Muted,
    NoToken,
}

impl Suppression {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender_excluded",
            Self::OutOfWorkspace => "recipient_out_of_workspace",
            Self::Duplicate => "duplicate_event_recipient_channel",
            Self::Muted => "preference_muted",
            Self::NoToken => "missing_push_token",
        }
    }
}

/// The members of a workspace.
pub(crate) async fn members(cx: &mut MutationCx, workspace: WorkspaceId) -> Result<Vec<PushRecipient>> {
    let members: Vec<UserId> = workspace_members::table
        .filter(workspace_members::workspace_id.eq(workspace))
        .order((workspace_members::created_at, workspace_members::id))
        .limit(MOST_MEMBERS)
        .select(workspace_members::user_id)
        .load(cx.connection().await?)
        .await?;
    Ok(members.into_iter().map(PushRecipient::Agent).collect())
}

/// Stores the event and what becomes of each recipient, and queues an attempt for those who are told. Nothing happens
/// when the event is stored already. No query reads these rows, so no topic is told.
pub(crate) async fn route(cx: &mut MutationCx, event: &Event, recipients: &[PushRecipient]) -> Result<()> {
    if !insert_event(cx, event).await? {
        return Ok(());
    }
    let inside = inside(cx, event.workspace_id, recipients).await?;
    let keys: Vec<String> = recipients
        .iter()
        .map(|recipient| dedupe_key(event, *recipient))
        .collect();
    let known = known_keys(cx, &keys).await?;
    let request = InternalReach::builder()
        .workspace_id(event.workspace_id)
        .recipients(recipients.to_vec())
        .build();
    let reach = match cx.query_if_served(request).await? {
        Some(reach) => reach,
        None => vec![Reach::Devices(Vec::new()); recipients.len()],
    };
    if reach.len() != recipients.len() {
        return Err(Error::internal("the reach of some recipients is missing"));
    }
    let mut suppressed = Vec::new();
    let mut told = Vec::new();
    for ((recipient, key), reach) in recipients.iter().copied().zip(keys).zip(reach) {
        let reason = if event.actor.is(recipient) {
            Suppression::Sender
        } else if !inside.contains(&recipient) {
            Suppression::OutOfWorkspace
        } else if known.contains(&key) {
            Suppression::Duplicate
        } else {
            match reach {
                Reach::Muted => Suppression::Muted,
                Reach::Devices(tokens) if tokens.is_empty() => Suppression::NoToken,
                Reach::Devices(tokens) => {
                    told.push((recipient, key, tokens));
                    continue;
                }
            }
        };
        suppressed.push((recipient, key, reason));
    }
    for (recipient, key, tokens) in told {
        // Two events with one key at once: the second one finds the first one's.
        if !claim_key(cx, event, &key).await? {
            suppressed.push((recipient, key, Suppression::Duplicate));
        } else {
            let push = InternalSend::builder()
                .event_id(event.id)
                .event_key(event.key.clone())
                .dedupe_key(key)
                .workspace_id(event.workspace_id)
                .recipient(recipient)
                .tokens(tokens)
                .title(event.title.to_owned())
                .body(event.body.clone())
                .data(event.data.clone())
                .build();
            cx.call(push).await?;
        }
    }
    insert_suppressed(cx, event, suppressed).await
}

fn dedupe_key(event: &Event, recipient: PushRecipient) -> String {
    match recipient {
        PushRecipient::Agent(user) => format!("{}:agent:{user}:push", event.key),
        PushRecipient::Visitor(visitor) => format!("{}:visitor:{visitor}:push", event.key),
    }
}

async fn insert_event(cx: &mut MutationCx, event: &Event) -> Result<bool> {
    let row = NewEvent {
        id: event.id,
        workspace_id: event.workspace_id,
        event_key: &event.key,
        event_type: event.kind,
        domain: "ticket",
        audience: event.audience.as_str(),
        actor_type: event.actor.kind(),
        actor_user_id: event.actor.user(),
        actor_visitor_id: event.actor.visitor(),
        ticket_id: Some(event.ticket_id),
        title: event.title,
        body_preview: cut(&event.body, PREVIEW),
        data: &event.data,
        created_at: cx.now(),
    };
    let inserted = diesel::insert_into(notification_events::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(inserted == 1)
}

/// The recipients who belong to the workspace.
async fn inside(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    recipients: &[PushRecipient],
) -> Result<Vec<PushRecipient>> {
    let mut users = Vec::new();
    let mut guests = Vec::new();
    for recipient in recipients {
        match recipient {
            PushRecipient::Agent(user) => users.push(*user),
            PushRecipient::Visitor(visitor) => guests.push(*visitor),
        }
    }
    let mut inside = Vec::with_capacity(recipients.len());
    if !users.is_empty() {
        let members: Vec<UserId> = workspace_members::table
            .filter(workspace_members::workspace_id.eq(workspace))
            .filter(workspace_members::user_id.eq_any(users))
            .select(workspace_members::user_id)
            .load(cx.connection().await?)
            .await?;
        inside.extend(members.into_iter().map(PushRecipient::Agent));
    }
    if !guests.is_empty() {
        let found: Vec<VisitorId> = visitors::table
            .filter(visitors::workspace_id.eq(workspace))
            .filter(visitors::id.eq_any(guests))
            .select(visitors::id)
            .load(cx.connection().await?)
            .await?;
        inside.extend(found.into_iter().map(PushRecipient::Visitor));
    }
    Ok(inside)
}

async fn known_keys(cx: &mut MutationCx, keys: &[String]) -> Result<Vec<String>> {
    let known = notification_dedupe_keys::table
        .filter(notification_dedupe_keys::dedupe_key.eq_any(keys))
        .select(notification_dedupe_keys::dedupe_key)
        .load(cx.connection().await?)
        .await?;
    Ok(known)
}

async fn claim_key(cx: &mut MutationCx, event: &Event, key: &str) -> Result<bool> {
    let now = cx.now();
    let claimed = diesel::insert_into(notification_dedupe_keys::table)
        .values((
            notification_dedupe_keys::dedupe_key.eq(key),
            notification_dedupe_keys::workspace_id.eq(event.workspace_id),
            notification_dedupe_keys::event_id.eq(event.id),
            notification_dedupe_keys::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(claimed == 1)
}

async fn insert_suppressed(
    cx: &mut MutationCx,
    event: &Event,
    suppressed: Vec<(PushRecipient, String, Suppression)>,
) -> Result<()> {
    let now = cx.now();
    let row = |(recipient, dedupe_key, reason): (PushRecipient, String, Suppression)| {
        let (recipient_type, user_id, visitor_id) = match recipient {
            PushRecipient::Agent(user) => ("agent", Some(user), None),
            PushRecipient::Visitor(visitor) => ("visitor", None, Some(visitor)),
        };
        NewDelivery {
            id: NotificationDeliveryId::generate(),
            workspace_id: event.workspace_id,
            event_id: event.id,
            event_key: &event.key,
            dedupe_key,
            channel: "push",
            recipient_type,
            user_id,
            visitor_id,
            token_count: (reason == Suppression::NoToken).then_some(0),
            status: "suppressed",
            reason: reason.as_str(),
            created_at: now,
        }
    };
    let rows: Vec<NewDelivery<'_>> = suppressed.into_iter().map(row).collect();
    if !rows.is_empty() {
        diesel::insert_into(notification_deliveries::table)
            .values(rows)
            .execute(cx.connection().await?)
            .await?;
    }
    Ok(())
}

/// The text, or its first `most` UTF-16 units and three points; never half a character.
fn cut(text: &str, most: usize) -> String {
    if text.encode_utf16().count() <= most {
        return text.to_owned();
    }
    let mut units = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= most
        })
        .collect();
    kept.push_str("...");
    kept
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn texts_are_cut_by_utf16_units() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc..."),
            ("a😀", 3, "a😀"),
            ("aa😀", 3, "aa..."),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, most), expected, "{text}");
        }
    }
}
