//! How staged attachments become part of a message or a ticket.

use opencom_contract::support_attachments::AttachmentStatus;
use opencom_core::id::{SupportAttachmentId, WorkspaceId};
use opencom_core::{Code, Error, Millis, Result};
use opencom_runtime::MutationCx;

use super::rows::{AttachmentRow, Target, Uploader};
use super::{queries, store};

/// The most files of one message or ticket.
const MOST: usize = 5;
/// The argument that names them.
const FIELD: &str = "attachmentIds";

/// Takes the attachments for a message or a ticket, all or none; gives them without repetitions, in their order.
pub(crate) async fn bind(
    cx: &mut MutationCx,
    ids: &[SupportAttachmentId],
    workspace: WorkspaceId,
    uploader: Uploader,
    target: Target,
) -> Result<Vec<SupportAttachmentId>> {
    let ids = distinct(ids);
    if ids.is_empty() {
        return Ok(ids);
    }
    if ids.len() > MOST {
        return Err(Error::invalid(FIELD, "You can attach up to 5 files at a time."));
    }
    let now = cx.now();
    let rows = queries::lock(cx, &ids, workspace).await?;
    for id in &ids {
        let row = rows.iter().find(|row| row.id == *id);
        check(*id, row, uploader, now)?;
    }
    store::attach(cx, &ids, target).await?;
    Ok(ids)
}

fn distinct(ids: &[SupportAttachmentId]) -> Vec<SupportAttachmentId> {
    let mut distinct = Vec::with_capacity(ids.len());
    for id in ids {
        if !distinct.contains(id) {
            distinct.push(*id);
        }
    }
    distinct
}

/// Whether `uploader` can send this attachment now.
fn check(id: SupportAttachmentId, row: Option<&AttachmentRow>, uploader: Uploader, now: Millis) -> Result<()> {
    let Some(row) = row else {
        return Err(Error::new(Code::NotFound, format!("Attachment {id} was not found")));
    };
    if row.status != AttachmentStatus::Staged {
        return Err(Error::invalid(FIELD, "Attachment has already been used"));
    }
    if row.expires_at.is_none_or(|expires_at| expires_at <= now) {
        return Err(Error::invalid(FIELD, "Attachment upload expired. Please upload again."));
    }
    if row.message_id.is_some() || row.ticket_id.is_some() || row.ticket_comment_id.is_some() {
        return Err(Error::invalid(FIELD, "Attachment has already been attached"));
    }
    if row.uploaded_by_type != uploader.kind() || row.uploaded_by_id != uploader.id() {
        return Err(Error::not_authorized("Not authorized to use this attachment"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use opencom_core::id::{MessageId, StoredFileId, UserId, VisitorId};

    use super::*;

    const NOW: Millis = Millis(1_000);

    fn staged(by: Uploader) -> AttachmentRow {
        AttachmentRow {
            id: SupportAttachmentId::generate(),
            workspace_id: WorkspaceId::generate(),
            file_id: StoredFileId::generate(),
            file_name: "a.png".to_owned(),
            mime_type: "image/png".to_owned(),
            size: 1,
            status: AttachmentStatus::Staged,
            message_id: None,
            ticket_id: None,
            ticket_comment_id: None,
            uploaded_by_type: by.kind(),
            uploaded_by_id: by.id(),
            created_at: Millis(0),
            attached_at: None,
            expires_at: Some(NOW.plus(1)),
        }
    }

    #[test]
    fn the_first_reason_against_an_attachment_is_told() {
        let visitor = Uploader::Visitor(VisitorId::generate());
        let good = staged(visitor);
        let id = good.id;
        let refusal = |row: Option<&AttachmentRow>, by: Uploader| {
            check(id, row, by, NOW).map_err(|error| (error.code(), error.message().to_owned()))
        };
        let stranger = Uploader::Visitor(VisitorId::generate());
        let agent = Uploader::Agent(UserId::generate());
        let attached = AttachmentRow {
            status: AttachmentStatus::Attached,
            expires_at: None,
            ..good.clone()
        };
        let expired = AttachmentRow {
            expires_at: Some(NOW),
            ..good.clone()
        };
        let timeless = AttachmentRow {
            expires_at: None,
            ..good.clone()
        };
        let tied = AttachmentRow {
            message_id: Some(MessageId::generate()),
            ..good.clone()
        };
        let not_found = format!("Attachment {id} was not found");
        for (row, by, code, text) in [
            (None, visitor, Code::NotFound, not_found.as_str()),
            (
                Some(&attached),
                stranger,
                Code::InvalidInput,
                "Attachment has already been used",
            ),
            (
                Some(&expired),
                stranger,
                Code::InvalidInput,
                "Attachment upload expired. Please upload again.",
            ),
            (
                Some(&timeless),
                visitor,
                Code::InvalidInput,
                "Attachment upload expired. Please upload again.",
            ),
            (
                Some(&tied),
                stranger,
                Code::InvalidInput,
                "Attachment has already been attached",
            ),
            (
                Some(&good),
                stranger,
                Code::NotAuthorized,
                "Not authorized to use this attachment",
            ),
            (
                Some(&good),
                agent,
                Code::NotAuthorized,
                "Not authorized to use this attachment",
            ),
        ] {
            assert_eq!(refusal(row, by), Err((code, text.to_owned())));
        }
        assert_eq!(refusal(Some(&good), visitor), Ok(()));
    }

    #[test]
    fn repeated_ids_count_once() {
        let [a, b] = [SupportAttachmentId::generate(), SupportAttachmentId::generate()];
        assert_eq!(distinct(&[b, a, b, a]), [b, a]);
    }
}
