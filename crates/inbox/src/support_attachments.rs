//! Files that people send along with a message or a ticket: an address to upload to, a staged attachment, and the clean-up
//! of what nobody took. [`binding`] makes them part of something.

pub(crate) mod binding;
mod kind;
pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use std::sync::Arc;

use std::collections::HashMap;

use opencom_contract::messages::MessageAttachment;
use opencom_contract::support_attachments::{AttachmentStatus, FinalizeUpload, FinalizedUpload, GenerateUploadUrl};
use opencom_core::error::OrNotFound;
use opencom_core::id::{StoredFileId, SupportAttachmentId, VisitorId, WorkspaceId};
use opencom_core::{Code, Error, Int, Millis, Permission, Result};
use opencom_providers::files::FileKey;
use opencom_runtime::{ActionCx, Handle, Job, MutationCx, Perform, QueryCx, Registry, ScopedFutureExt, files};
use serde::{Deserialize, Serialize};

use self::rows::{AttachmentRow, Uploader};
use crate::given::given;
use crate::{Inbox, visitors};

/// The largest attachment, in bytes.
const LARGEST: i64 = 10 * 1024 * 1024;
/// The largest upload. More than an attachment may have, so that a file that is somewhat too large is refused in words
/// that people see.
const LARGEST_UPLOAD: i64 = 2 * LARGEST;
/// How long a staged attachment waits for its message.
const STAGED_FOR: i64 = Millis::HOUR;
/// How often to look for what no message took.
const CLEAN_EVERY: i64 = 5 * Millis::MINUTE;
/// How many rows one transaction of the clean-up takes.
const BATCH: i64 = 100;
/// How many transactions one run of the clean-up makes; what is left then waits for the next run.
const BATCHES: usize = 100;

/// Looks for attachments and uploads whose time is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CleanAttachments {}

impl Job for CleanAttachments {
    const KIND: &'static str = "inbox.clean_attachments";
}

/// Deletes bytes after the commit that forgot their files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteFiles {
    /// The files.
    pub files: Vec<StoredFileId>,
}

impl Job for DeleteFiles {
    const KIND: &'static str = "inbox.delete_files";
}

pub(crate) fn register_jobs(service: &Arc<Inbox>, registry: &mut Registry) -> Result<()> {
    registry.job::<CleanAttachments, _>(service);
    registry.job::<DeleteFiles, _>(service);
    registry.every(CLEAN_EVERY, &CleanAttachments {})
}

impl Handle<GenerateUploadUrl> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: GenerateUploadUrl) -> Result<String> {
        let uploader = uploader(cx, req.workspace_id, req.session_token.as_deref(), req.visitor_id).await?;
        files::create_upload(cx, req.workspace_id, &uploader.id(), LARGEST_UPLOAD).await
    }
}

impl Handle<FinalizeUpload> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: FinalizeUpload) -> Result<FinalizedUpload> {
        let uploader = uploader(cx, req.workspace_id, req.session_token.as_deref(), req.visitor_id).await?;
        let Some(file) = files::claim(cx, req.storage_id, req.workspace_id, &uploader.id()).await? else {
            return already_finalized(cx, req.storage_id, req.workspace_id, uploader).await;
        };
        let file_name = kind::file_name(req.file_name.as_deref().unwrap_or_default());
        let Some(mime_type) = kind::mime_type(&file_name) else {
            let message = "Unsupported file type. Allowed: PNG, JPEG, GIF, WEBP, PDF, TXT, CSV, JSON, and ZIP.";
            return reject(cx, file.id, message).await;
        };
        if file.size > LARGEST {
            return reject(cx, file.id, "File exceeds 10MB maximum size.").await;
        }
        let now = cx.now();
        let attachment = AttachmentRow {
            id: SupportAttachmentId::generate(),
            workspace_id: req.workspace_id,
            file_id: file.id,
            file_name,
            mime_type: mime_type.to_owned(),
            size: file.size,
            status: AttachmentStatus::Staged,
            message_id: None,
            ticket_id: None,
            ticket_comment_id: None,
            uploaded_by_type: uploader.kind(),
            uploaded_by_id: uploader.id(),
            created_at: now,
            attached_at: None,
            expires_at: Some(now.plus(STAGED_FOR)),
        };
        store::insert(cx, &attachment).await?;
        Ok(staged(attachment))
    }
}

impl Perform<CleanAttachments> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, _: CleanAttachments) -> Result<()> {
        for _ in 0..BATCHES {
            let done = cx.transaction(|cx| clean_some(cx).scope_boxed()).await?;
            if done == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl Perform<DeleteFiles> for Inbox {
    async fn perform(&self, _: &mut ActionCx, job: DeleteFiles) -> Result<()> {
        for file in job.files {
            let key = FileKey::new(file.to_string()).map_err(Error::internal)?;
            self.parts.files.delete(&key).await.map_err(Error::internal)?;
        }
        Ok(())
    }
}

/// The attachments among `ids` that are part of something, as threads show them.
pub(crate) async fn shown(
    cx: &mut QueryCx,
    ids: &[SupportAttachmentId],
) -> Result<HashMap<SupportAttachmentId, MessageAttachment>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = queries::attached(cx, ids).await?;
    let public_url = &cx.server().public_url;
    let attachment = |(row, has_file): (AttachmentRow, bool)| {
        let shown = MessageAttachment {
            id: row.id,
            file_name: row.file_name,
            mime_type: row.mime_type,
            size: Int(row.size),
            url: has_file.then(|| files::url(public_url, row.file_id)),
        };
        (row.id, shown)
    };
    Ok(rows.into_iter().map(attachment).collect())
}

/// Who asks: a signed-in agent, whose token does not matter then, or the visitor of a token.
async fn uploader(
    cx: &mut QueryCx,
    workspace: WorkspaceId,
    token: Option<&str>,
    visitor: Option<VisitorId>,
) -> Result<Uploader> {
    if cx.agent_if_any().await?.is_some() {
        queries::workspace_exists(cx, workspace)
            .await?
            .then_some(())
            .or_not_found("Workspace")?;
        let agent = cx.require(Permission::ConversationsReply, workspace).await?;
        return Ok(Uploader::Agent(agent.id));
    }
    let Some(token) = given(token) else {
        return Err(Error::new(Code::NotAuthenticated, "Authentication required"));
    };
    let session = cx.session_by_token(Some(token)).await?;
    queries::workspace_exists(cx, workspace)
        .await?
        .then_some(())
        .or_not_found("Workspace")?;
    let session = session.in_workspace(workspace, cx.now())?;
    if let Some(visitor) = visitor
        && visitors::queries::resolve_alias(cx, visitor).await? != session.visitor_id
    {
        return Err(Error::not_authorized("Not authorized to upload files for this visitor"));
    }
    Ok(Uploader::Visitor(session.visitor_id))
}

/// The answer to whoever finalizes again: the same as before while no message took the attachment.
async fn already_finalized(
    cx: &mut QueryCx,
    file: StoredFileId,
    workspace: WorkspaceId,
    uploader: Uploader,
) -> Result<FinalizedUpload> {
    let row = queries::by_file(cx, file, workspace).await?;
    row.filter(|row| row.uploaded_by_type == uploader.kind() && row.uploaded_by_id == uploader.id())
        .filter(|row| row.status == AttachmentStatus::Staged)
        .map(staged)
        .or_not_found("Uploaded file")
}

fn staged(row: AttachmentRow) -> FinalizedUpload {
    FinalizedUpload::Staged {
        attachment_id: row.id,
        file_name: row.file_name,
        mime_type: row.mime_type,
        size: Int(row.size),
    }
}

/// Forgets the file. The rejection is an answer and no error, because an error would bring the file back.
async fn reject(cx: &mut MutationCx, file: StoredFileId, message: &str) -> Result<FinalizedUpload> {
    forget_files(cx, vec![file]).await?;
    Ok(FinalizedUpload::Rejected {
        message: message.to_owned(),
    })
}

async fn forget_files(cx: &mut MutationCx, gone: Vec<StoredFileId>) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    files::forget(cx, &gone).await?;
    cx.enqueue(&DeleteFiles { files: gone })
}

/// One batch of the clean-up; how many rows it took.
async fn clean_some(cx: &mut MutationCx) -> Result<usize> {
    let (attachments, mut gone): (Vec<_>, Vec<_>) = queries::lock_expired(cx, BATCH).await?.into_iter().unzip();
    store::delete(cx, &attachments).await?;
    let uploads = files::forget_stale_uploads(cx, BATCH).await?;
    gone.extend(uploads.files);
    forget_files(cx, gone).await?;
    Ok(attachments.len() + uploads.addresses)
}
