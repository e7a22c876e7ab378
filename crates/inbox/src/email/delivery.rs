//! How far mails got, as providers report it and as mails that come back say.
//!
//! A report may come before the message knows what the provider calls its mail. Such a report waits for the message, which
//! takes it along ([`accepted`]); who writes what first, the lock on the mail's id decides.

use opencom_contract::messages::DeliveryStatus;
use opencom_core::id::WorkspaceId;
use opencom_core::{Millis, Result};
use opencom_mail::text::truncate_line;
use opencom_mail::webhook::DeliveryEvent;
use opencom_mail::{Incoming, automatic};
use opencom_runtime::{ActionCx, Job, MutationCx, ScopedFutureExt};
use serde::{Deserialize, Serialize};

use super::{queries, store};
use crate::messages::rows::MessageRow;
use crate::messages::store::{self as messages, Delivery};

/// How long a report waits for its message. A job that was cut short between sending and writing is tried again well before.
const WAITS_FOR: i64 = Millis::DAY;
/// How often to look for reports that waited in vain: those of mails that are no messages.
pub(super) const DROP_EVERY: i64 = Millis::HOUR;
/// How many of them one transaction deletes.
const DROPPED_AT_ONCE: i64 = 1000;

/// Deletes reports that waited for their message in vain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DropEarlyReports {}

impl Job for DropEarlyReports {
    const KIND: &'static str = "inbox.drop_early_mail_reports";
}

/// Writes what a provider reports. Reports about mails that never become known change nothing.
pub(super) async fn note(cx: &mut ActionCx, event: DeliveryEvent) -> Result<()> {
    cx.transaction(|cx| apply(cx, &event).scope_boxed()).await
}

async fn apply(cx: &mut MutationCx, event: &DeliveryEvent) -> Result<()> {
    let Some(id) = event.email_id.as_deref().map(truncate_line) else {
        return Ok(());
    };
    store::lock_provider_mail(cx, id).await?;
    let Some(message) = queries::lock_by_mail(cx, id).await? else {
        // To a mail that was just sent it will mean something.
        return match next(Some(DeliveryStatus::Sent), &event.kind) {
            Some(_) => store::keep_early_report(cx, id, &event.kind).await,
            None => Ok(()),
        };
    };
    let Some(status) = next(message.delivery_status, &event.kind) else {
        return Ok(());
    };
    let delivery = Delivery {
        delivery_status: Some(status),
        delivery_error: error_of(status),
        ..Delivery::default()
    };
    messages::set_delivery(cx, &message, &delivery).await
}

/// Writes that the provider took the mail of `sent`, a message as it was before, and what was reported of it meanwhile.
pub(super) async fn accepted(cx: &mut MutationCx, sent: &MessageRow, provider_id: Option<&str>) -> Result<()> {
    let provider_id = provider_id.map(truncate_line);
    let mut early = Vec::new();
    if let Some(id) = provider_id {
        store::lock_provider_mail(cx, id).await?;
        early = store::take_early_reports(cx, id).await?;
    }
    let Some(message) = queries::lock_message(cx, sent.id).await? else {
        return Ok(());
    };
    // What was reported by the mail's `Message-ID` stands there already.
    let reported = message
        .delivery_status
        .filter(|_| message.delivery_status != sent.delivery_status);
    let status = early
        .iter()
        .fold(reported.unwrap_or(DeliveryStatus::Sent), |status, kind| {
            next(Some(status), kind).unwrap_or(status)
        });
    let delivery = Delivery {
        delivery_status: Some(status),
        provider_mail_id: provider_id,
        delivery_error: error_of(status),
    };
    messages::set_delivery(cx, &message, &delivery).await
}

/// Deletes reports that waited in vain.
pub(super) async fn drop_early(cx: &ActionCx) -> Result<()> {
    let before = cx.now().plus(-WAITS_FOR);
    loop {
        let dropped = cx
            .transaction(|cx| store::drop_early_reports(cx, before, DROPPED_AT_ONCE).scope_boxed())
            .await?;
        if i64::try_from(dropped) != Ok(DROPPED_AT_ONCE) {
            return Ok(());
        }
    }
}

/// What stands on a message whose mail got that far.
fn error_of(status: DeliveryStatus) -> Option<&'static str> {
    match status {
        DeliveryStatus::Bounced => Some("The mail came back."),
        DeliveryStatus::Failed => Some("The provider could not send the mail."),
        DeliveryStatus::Pending | DeliveryStatus::Sent | DeliveryStatus::Delivered => None,
    }
}

/// What an event makes of a message; `None`: nothing. Reports come late and in any order: a mail that came back does not
/// arrive after all, and what arrived was sent.
fn next(now: Option<DeliveryStatus>, event: &str) -> Option<DeliveryStatus> {
    use DeliveryStatus::{Bounced, Delivered, Failed, Pending, Sent};
    let next = match event {
        "email.sent" if matches!(now, Some(Pending)) => Sent,
        "email.delivered" | "email.opened" | "email.clicked" if !matches!(now, Some(Bounced)) => Delivered,
        "email.bounced" => Bounced,
        "email.failed" if !matches!(now, Some(Bounced | Delivered)) => Failed,
        _ => return None,
    };
    (now != Some(next)).then_some(next)
}

/// Marks the messages whose mail came back, as the mail that brings it says.
pub(super) async fn came_back(cx: &mut MutationCx, workspace: WorkspaceId, mail: &Incoming) -> Result<()> {
    let ids = automatic::bounced_message_ids(mail);
    for message in queries::lock_sent(cx, workspace, &ids).await? {
        let delivery = Delivery {
            delivery_status: Some(DeliveryStatus::Bounced),
            delivery_error: error_of(DeliveryStatus::Bounced),
            ..Delivery::default()
        };
        messages::set_delivery(cx, &message, &delivery).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use DeliveryStatus::{Bounced, Delivered, Failed, Pending, Sent};

    use super::*;

    #[test]
    fn reports_in_any_order_end_alike() {
        for (now, event, expected) in [
            (Some(Pending), "email.sent", Some(Sent)),
            (Some(Delivered), "email.sent", None),
            (Some(Sent), "email.delivered", Some(Delivered)),
            (Some(Pending), "email.opened", Some(Delivered)),
            (Some(Bounced), "email.delivered", None),
            (Some(Bounced), "email.clicked", None),
            (Some(Delivered), "email.bounced", Some(Bounced)),
            (Some(Bounced), "email.bounced", None),
            (Some(Sent), "email.failed", Some(Failed)),
            (Some(Delivered), "email.failed", None),
            (Some(Failed), "email.delivered", Some(Delivered)),
            (None, "email.delivered", Some(Delivered)),
            (Some(Sent), "email.complained", None),
            (Some(Sent), "", None),
        ] {
            assert_eq!(next(now, event), expected, "{now:?} {event}");
        }
    }
}
