//! Uploads and stored files: an address that takes one file once, and the row of each file kept in the file store.

use crate::RunQueryDsl;
use diesel::prelude::*;
use opencom_core::auth::token;
use opencom_core::error::OrNotFound;
use opencom_core::id::{StoredFileId, UploadId, WorkspaceId};
use opencom_core::{Error, Millis, Result};
use opencom_schema::{stored_files, uploads};

use crate::{MutationCx, QueryCx, topic};

/// How long an upload address is good.
const UPLOAD_LIFETIME: i64 = Millis::HOUR;

/// A file in the file store; its bytes lie there under the id.
#[derive(Clone, Debug, HasQuery, Insertable)]
#[diesel(table_name = stored_files)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct StoredFile {
    /// The file.
    pub id: StoredFileId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Bytes.
    pub size: i64,
    /// The type that the upload named.
    pub content_type: String,
    /// Hex SHA-256 of the bytes.
    pub sha256: String,
    /// When it was uploaded.
    pub created_at: Millis,
}

/// An upload address that was given out.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = uploads)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct Upload {
    /// The upload.
    pub id: UploadId,
    /// Where the file will belong.
    pub workspace_id: WorkspaceId,
    /// The largest file it takes.
    pub max_bytes: i64,
}

/// Where a file can be fetched.
pub fn url(public_url: &str, file: StoredFileId) -> String {
    format!("{public_url}/api/storage/{file}")
}

/// Gives out an address that takes one file of at most `max_bytes`, within an hour. `uploader` is who may use the file.
pub async fn create_upload(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    uploader: &str,
    max_bytes: i64,
) -> Result<String> {
    let token = hex::encode(token::random::<32>()?);
    let now = cx.now();
    diesel::insert_into(uploads::table)
        .values((
            uploads::id.eq(UploadId::generate()),
            uploads::token_hash.eq(token::sha256(&token).as_slice()),
            uploads::workspace_id.eq(workspace),
            uploads::uploader.eq(uploader),
            uploads::max_bytes.eq(max_bytes),
            uploads::expires_at.eq(now.plus(UPLOAD_LIFETIME)),
            uploads::created_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(format!("{}/api/storage/upload?token={token}", cx.server().public_url))
}

/// The upload that a token opens, when it is still good.
pub async fn open_upload(cx: &mut QueryCx, token: &str) -> Result<Upload> {
    let now = cx.now();
    Upload::query()
        .filter(uploads::token_hash.eq(token::sha256(token).as_slice()))
        .filter(uploads::file_id.is_null())
        .filter(uploads::expires_at.ge(now))
        .first(cx.connection().await?)
        .await
        .optional()?
        .or_not_found("Upload")
}

/// Ends an upload: the bytes are in the store. Of two that used one address at once, the second is refused.
pub async fn complete_upload(cx: &mut MutationCx, upload: UploadId, file: &StoredFile) -> Result<()> {
    cx.write(topic::stored_file(file.id));
    let connection = cx.connection().await?;
    diesel::insert_into(stored_files::table)
        .values(file)
        .execute(connection)
        .await?;
    let used = diesel::update(uploads::table.find(upload).filter(uploads::file_id.is_null()))
        .set(uploads::file_id.eq(file.id))
        .execute(connection)
        .await?;
    if used == 1 {
        Ok(())
    } else {
        Err(Error::not_found("Upload"))
    }
}

/// Notes files whose bytes are in the store already; the caller's rows answer for them.
pub async fn record(cx: &mut MutationCx, files: &[&StoredFile]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    for file in files {
        cx.write(topic::stored_file(file.id));
    }
    diesel::insert_into(stored_files::table)
        .values(files.to_vec())
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Which of these files have a row.
pub async fn among(cx: &mut QueryCx, files: &[StoredFileId]) -> Result<Vec<StoredFileId>> {
    let found = stored_files::table
        .filter(stored_files::id.eq_any(files))
        .select(stored_files::id)
        .load(cx.connection().await?)
        .await?;
    Ok(found)
}

/// Takes over a file that `uploader` put there, in this workspace: the upload is over, and the caller's rows answer for
/// the file from now on. Of two that claim one file at once, the second gets nothing.
pub async fn claim(
    cx: &mut MutationCx,
    file: StoredFileId,
    workspace: WorkspaceId,
    uploader: &str,
) -> Result<Option<StoredFile>> {
    let upload = uploads::table
        .filter(uploads::file_id.eq(file))
        .filter(uploads::workspace_id.eq(workspace))
        .filter(uploads::uploader.eq(uploader));
    let connection = cx.connection().await?;
    if diesel::delete(upload).execute(connection).await? == 0 {
        return Ok(None);
    }
    Ok(StoredFile::query().find(file).first(connection).await.optional()?)
}

/// Gives one uploader's open uploads to another: two have become one.
pub async fn hand_over(cx: &mut MutationCx, from: &str, to: &str) -> Result<()> {
    diesel::update(uploads::table.filter(uploads::uploader.eq(from)))
        .set(uploads::uploader.eq(to))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// A file's row.
pub async fn by_id(cx: &mut QueryCx, file: StoredFileId) -> Result<Option<StoredFile>> {
    Ok(StoredFile::query()
        .find(file)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Forgets files. Their bytes are deleted by the caller's job after the commit.
pub async fn forget(cx: &mut MutationCx, files: &[StoredFileId]) -> Result<()> {
    for file in files {
        cx.write(topic::stored_file(*file));
    }
    diesel::delete(stored_files::table.filter(stored_files::id.eq_any(files)))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Uploads that became nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaleUploads {
    /// How many addresses were forgotten.
    pub addresses: usize,
    /// Files that were uploaded and never claimed, for the caller to [`forget`].
    pub files: Vec<StoredFileId>,
}

/// Forgets upload addresses an hour after they ran out, up to `limit`, and names the files that nobody claimed meanwhile.
pub async fn forget_stale_uploads(cx: &mut MutationCx, limit: i64) -> Result<StaleUploads> {
    let over = cx.now().plus(-UPLOAD_LIFETIME);
    let connection = cx.connection().await?;
    let stale: Vec<(UploadId, Option<StoredFileId>)> = uploads::table
        .select((uploads::id, uploads::file_id))
        .filter(uploads::expires_at.lt(over))
        .order(uploads::expires_at)
        .limit(limit)
        .for_update()
        .skip_locked()
        .load(connection)
        .await?;
    let (ids, files): (Vec<_>, Vec<_>) = stale.into_iter().unzip();
    diesel::delete(uploads::table.filter(uploads::id.eq_any(&ids)))
        .execute(connection)
        .await?;
    Ok(StaleUploads {
        addresses: ids.len(),
        files: files.into_iter().flatten().collect(),
    })
}
