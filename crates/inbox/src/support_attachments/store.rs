//! Writes of `support_attachments`.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::support_attachments::AttachmentStatus;
use opencom_core::id::SupportAttachmentId;
use opencom_core::{Millis, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::support_attachments;

use super::rows::{AttachmentRow, Target};

/// Stages an attachment.
pub(crate) async fn insert(cx: &mut MutationCx, attachment: &AttachmentRow) -> Result<()> {
    cx.write(topics::support_attachment(attachment.id));
    diesel::insert_into(support_attachments::table)
        .values(attachment)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Makes attachments part of a message or a ticket.
pub(crate) async fn attach(cx: &mut MutationCx, ids: &[SupportAttachmentId], target: Target) -> Result<()> {
    for id in ids {
        cx.write(topics::support_attachment(*id));
    }
    let now = cx.now();
    let (message, ticket) = match target {
        Target::Message(message) => (Some(message), None),
        Target::Ticket(ticket) => (None, Some(ticket)),
    };
    diesel::update(support_attachments::table.filter(support_attachments::id.eq_any(ids)))
        .set((
            support_attachments::status.eq(AttachmentStatus::Attached),
            support_attachments::message_id.eq(message),
            support_attachments::ticket_id.eq(ticket),
            support_attachments::attached_at.eq(now),
            support_attachments::expires_at.eq(None::<Millis>),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Forgets attachments.
pub(crate) async fn delete(cx: &mut MutationCx, ids: &[SupportAttachmentId]) -> Result<()> {
    for id in ids {
        cx.write(topics::support_attachment(*id));
    }
    diesel::delete(support_attachments::table.filter(support_attachments::id.eq_any(ids)))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}
