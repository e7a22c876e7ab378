//! Files of mails: kept in the file store before the mail's rows are written, so that no row refers to bytes that are not
//! there. What no row takes is deleted an hour later.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use opencom_contract::messages::EmailAttachment;
use opencom_core::id::{MessageId, StoredFileId, WorkspaceId};
use opencom_core::{Error, Int, Millis, Result};
use opencom_mail::{Attachment, Incoming};
use opencom_providers::files::{FileError, FileKey};
use opencom_runtime::files::{self, StoredFile};
use opencom_runtime::{ActionCx, Job, MutationCx, ScopedFutureExt};
use serde::{Deserialize, Serialize};

use super::queries;
use crate::Inbox;
use crate::messages::store;

/// The largest file that is kept, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// When what no row took is deleted.
const UNCLAIMED_FOR: i64 = Millis::HOUR;

/// Deletes bytes that no row refers to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DropUnclaimedFiles {
    files: Vec<StoredFileId>,
}

impl Job for DropUnclaimedFiles {
    const KIND: &'static str = "inbox.drop_unclaimed_files";
}

/// Fetches the files of a mail that a provider took in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FetchFiles {
    /// The mail's message.
    pub(super) message_id: MessageId,
    /// What the provider calls the mail.
    pub(super) email_id: String,
}

impl Job for FetchFiles {
    const KIND: &'static str = "inbox.fetch_email_files";

    fn dedupe_key(&self) -> Option<String> {
        Some(format!("fetch_email_files:{}", self.message_id))
    }
}

/// What is kept of a mail: its files in their order, and the mail itself where it could not be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) files: Vec<Option<StoredFile>>,
    pub(super) raw: Option<StoredFile>,
}

impl Kept {
    /// Everything that is kept.
    pub(super) fn all(&self) -> impl Iterator<Item = &StoredFile> {
        self.files.iter().flatten().chain(&self.raw)
    }
}

/// Keeps what came with a mail.
pub(super) async fn keep(inbox: &Inbox, cx: &ActionCx, workspace: WorkspaceId, mail: &mut Incoming) -> Result<Kept> {
    let is_unreadable = mail.is_unreadable;
    let files = mail.attachments.as_mut();
    let bytes: Vec<_> = files.into_iter().flatten().map(|file| file.bytes.take()).collect();
    let raw = mail.raw.take().filter(|_| is_unreadable);
    let ids: Vec<_> = bytes
        .iter()
        .map(|bytes| bytes.as_ref().map(|_| StoredFileId::generate()))
        .collect();
    let raw_id = raw.as_ref().map(|_| StoredFileId::generate());
    announce(cx, ids.iter().flatten().copied().chain(raw_id).collect()).await?;
    let mut kept = Kept::default();
    let types = mail.attachments.iter().flatten().map(|file| file.content_type.clone());
    for ((bytes, id), content_type) in bytes.into_iter().zip(ids).zip(types) {
        let file = match (bytes, id) {
            (Some(bytes), Some(id)) => Some(put(inbox, cx, workspace, id, &content_type, one(bytes)).await?),
            _ => None,
        };
        kept.files.push(file.flatten());
    }
    if let (Some(bytes), Some(id)) = (raw, raw_id) {
        kept.raw = put(inbox, cx, workspace, id, "message/rfc822", one(bytes)).await?;
    }
    Ok(kept)
}

fn one(bytes: Vec<u8>) -> BoxStream<'static, std::io::Result<Bytes>> {
    stream::iter([Ok(Bytes::from(bytes))]).boxed()
}

/// Says which files may come, so that those that no row takes are deleted.
async fn announce(cx: &ActionCx, files: Vec<StoredFileId>) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let job = DropUnclaimedFiles { files };
    let run_at = cx.now().plus(UNCLAIMED_FOR);
    cx.transaction(|cx| std::future::ready(cx.enqueue_at(&job, run_at)).scope_boxed())
        .await
}

/// Puts a file's bytes into the store; `None` for one that is too large to be kept.
async fn put(
    inbox: &Inbox,
    cx: &ActionCx,
    workspace: WorkspaceId,
    id: StoredFileId,
    content_type: &str,
    body: BoxStream<'static, std::io::Result<Bytes>>,
) -> Result<Option<StoredFile>> {
    let key = FileKey::new(id.to_string()).map_err(Error::internal)?;
    let stored = match inbox.parts.files.put(&key, body, LARGEST).await {
        Ok(stored) => stored,
        Err(FileError::TooLarge { max_bytes }) => {
            tracing::warn!(max_bytes, "a file of a mail is too large to be kept");
            return Ok(None);
        }
        Err(error) => return Err(Error::internal(error)),
    };
    Ok(Some(StoredFile {
        id,
        workspace_id: workspace,
        size: i64::try_from(stored.size).unwrap_or(i64::MAX),
        content_type: content_type.to_owned(),
        sha256: stored.sha256,
        created_at: cx.now(),
    }))
}

/// What a message says of the files of its mail.
pub(super) fn described(public_url: &str, files: &[Attachment], kept: &[Option<StoredFile>]) -> Vec<EmailAttachment> {
    let mut kept = kept.iter();
    let describe = |file: &Attachment| {
        let stored = kept.next().and_then(Option::as_ref);
        EmailAttachment {
            filename: file.name.clone(),
            content_type: file.content_type.clone(),
            size: Int(stored.map_or(i64::try_from(file.size).unwrap_or(i64::MAX), |stored| stored.size)),
            storage_id: stored.map(|stored| stored.id),
            url: stored.map(|stored| files::url(public_url, stored.id)),
        }
    };
    files.iter().map(describe).collect()
}

/// Fetches the files of a mail that are not here yet.
pub(super) async fn fetch(inbox: &Inbox, cx: &mut ActionCx, job: FetchFiles) -> Result<()> {
    let Some(received) = &inbox.parts.received_mails else {
        return Ok(());
    };
    let message_id = job.message_id;
    let Some((message, workspace)) = cx.read(|cx| queries::message(cx, message_id).scope_boxed()).await? else {
        return Ok(());
    };
    let Some(mut metadata) = message.email_metadata.clone() else {
        return Ok(());
    };
    let Some(missing) = metadata.attachments.as_mut() else {
        return Ok(());
    };
    let remote = match received.files(&job.email_id).await {
        Ok(remote) => remote,
        // The provider has forgotten the mail: what it told of the files is all that there will be.
        Err(error) if error.is_permanent() => {
            tracing::warn!(message = %message_id, error = &error as &dyn std::error::Error, "files of a mail are gone");
            return Ok(());
        }
        Err(error) => return Err(Error::internal(error)),
    };
    let mut new = Vec::new();
    for (attachment, remote) in missing.iter_mut().zip(remote) {
        let Some(url) = remote.download_url.filter(|_| attachment.storage_id.is_none()) else {
            continue;
        };
        let id = StoredFileId::generate();
        announce(cx, vec![id]).await?;
        let body = received.download(&url).await.map_err(Error::internal)?;
        let content_type = remote.content_type.as_deref().unwrap_or(&attachment.content_type);
        if let Some(stored) = put(inbox, cx, workspace, id, content_type, body).await? {
            attachment.storage_id = Some(id);
            attachment.url = Some(files::url(&cx.server().public_url, id));
            attachment.size = Int(stored.size);
            new.push(stored);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let known = (&new, &message, &metadata);
    cx.transaction(|cx| {
        let (new, message, metadata) = known;
        async move {
            record(cx, new.iter()).await?;
            store::set_metadata(cx, message, metadata).await
        }
        .scope_boxed()
    })
    .await
}

/// Writes the rows of files whose bytes are in the store.
pub(super) async fn record<'a>(cx: &mut MutationCx, kept: impl Iterator<Item = &'a StoredFile>) -> Result<()> {
    let kept: Vec<&StoredFile> = kept.collect();
    files::record(cx, &kept).await
}

/// Deletes the bytes of those files that have no row.
pub(super) async fn drop_unclaimed(inbox: &Inbox, cx: &mut ActionCx, job: DropUnclaimedFiles) -> Result<()> {
    let ids = &job.files;
    let claimed = cx.read(|cx| files::among(cx, ids).scope_boxed()).await?;
    for file in job.files.iter().filter(|file| !claimed.contains(file)) {
        let key = FileKey::new(file.to_string()).map_err(Error::internal)?;
        inbox.parts.files.delete(&key).await.map_err(Error::internal)?;
    }
    Ok(())
}
