//! How far mails got, as providers report it and as mails that come back say.

use opencom_contract::messages::DeliveryStatus;
use opencom_core::Result;
use opencom_core::id::WorkspaceId;
use opencom_runtime::{ActionCx, MutationCx, ScopedFutureExt};

use super::automatic;
use super::mail::Incoming;
use super::payload::DeliveryEvent;
use super::queries;
use super::store::{self, Delivery};

/// Writes what a provider reports. Reports about mails that are not known change nothing.
pub(super) async fn note(cx: &mut ActionCx, event: DeliveryEvent) -> Result<()> {
    cx.transaction(|cx| apply(cx, &event).scope_boxed()).await
}

async fn apply(cx: &mut MutationCx, event: &DeliveryEvent) -> Result<()> {
    let Some(id) = &event.email_id else { return Ok(()) };
    let Some(message) = queries::lock_by_mail(cx, id).await? else {
        return Ok(());
    };
    let Some(status) = next(message.delivery_status, &event.kind) else {
        return Ok(());
    };
    let error = match status {
        DeliveryStatus::Bounced => Some("The mail came back."),
        DeliveryStatus::Failed => Some("The provider could not send the mail."),
        DeliveryStatus::Pending | DeliveryStatus::Sent | DeliveryStatus::Delivered => None,
    };
    let delivery = Delivery {
        delivery_status: Some(status),
        delivery_error: error,
        ..Delivery::default()
    };
    store::set_delivery(cx, &message, &delivery).await
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
    let ids = automatic::mentioned_ids(mail);
    for message in queries::lock_sent(cx, workspace, &ids).await? {
        let delivery = Delivery {
            delivery_status: Some(DeliveryStatus::Bounced),
            delivery_error: Some("The mail came back."),
            ..Delivery::default()
        };
        store::set_delivery(cx, &message, &delivery).await?;
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
