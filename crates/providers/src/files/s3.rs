//! Files in a bucket of S3, or of a store that speaks its protocol.

use std::fmt;
use std::io;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutPayload,
    RetryConfig,
};
use ring::digest::{Context, SHA256};
use tokio::runtime::Handle;

use super::{FileBody, FileError, FileKey, FileStore, Stored};
use crate::http;

/// Bytes of a part. Every part but the last is of this size, which some stores insist on; shorter bodies go in one
/// request.
const PART: usize = 8 * 1024 * 1024;
/// How long one request may take, its body included: a part on a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a request is tried again, and how long in all, before a call fails: somebody waits for it.
const RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// What is written and removed again to see whether the bucket can be used.
const PROBE: &str = "opencomprobe";

/// Where the bucket is, and who we are there.
#[derive(Clone)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// Its region. Stores that know none take any.
    pub region: String,
    /// The address of a store other than Amazon's, as `https://host`; buckets are named in the path.
    pub endpoint: Option<String>,
    /// The access key's id.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: String,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Keeps each file as one object, under its key, in a bucket that nothing else should write to.
///
/// A long body travels as a multipart upload, which becomes an object when it is completed and never before. One that
/// fails is aborted; parts that a killed process leaves behind are for a lifecycle rule of the bucket.
#[derive(Debug)]
pub struct S3 {
    store: AmazonS3,
}

impl S3 {
    /// Uses this bucket, and sees whether it can be written to.
    ///
    /// # Errors
    /// A setting that cannot be right, or what the store says to a first small object.
    pub async fn open(config: S3Config) -> Result<Self, FileError> {
        http::install_crypto();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(config.bucket)
            .with_region(config.region)
            .with_access_key_id(config.access_key_id)
            .with_secret_access_key(config.secret_access_key)
            .with_client_options(ClientOptions::new().with_timeout(REQUEST_TIMEOUT))
            .with_retry(RetryConfig {
                max_retries: RETRIES,
                retry_timeout: RETRY_TIMEOUT,
                ..RetryConfig::default()
            });
        if let Some(endpoint) = config.endpoint {
            // The operator's own word: plain HTTP is right for a store on the same machine or network.
            let plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(plain);
        }
        let this = Self {
            store: builder.build().map_err(failed)?,
        };
        let probe = Path::from(PROBE);
        this.store
            .put(&probe, PutPayload::from_static(b"x"))
            .await
            .map_err(failed)?;
        this.store.delete(&probe).await.map_err(failed)?;
        Ok(this)
    }

    /// What to answer when a part of an object could not be had: a range outside of it looks different in every store.
    async fn explain(&self, path: &Path, range: Option<&Range<u64>>, error: object_store::Error) -> FileError {
        if let (Some(range), false) = (range, matches!(error, object_store::Error::NotFound { .. })) {
            match self.store.head(path).await {
                Ok(meta) if range.start >= meta.size => return FileError::OutOfRange { size: meta.size },
                Err(error) => return failed(error),
                Ok(_) => {}
            }
        }
        failed(error)
    }
}

#[async_trait]
impl FileStore for S3 {
    async fn put(
        &self,
        key: &FileKey,
        mut body: BoxStream<'_, io::Result<Bytes>>,
        max_bytes: u64,
    ) -> Result<Stored, FileError> {
        let path = path(key);
        let mut parts: Option<Parts> = None;
        let mut buffer = BytesMut::new();
        let mut size = 0_u64;
        let mut hash = Context::new(&SHA256);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(FileError::Interrupted)?;
            size = size.saturating_add(chunk.len() as u64);
            if size > max_bytes {
                return Err(FileError::TooLarge { max_bytes });
            }
            hash.update(&chunk);
            buffer.extend_from_slice(&chunk);
            // The last part must not be empty, so a full buffer waits for a byte more.
            while buffer.len() > PART {
                let part = buffer.split_to(PART).freeze();
                let parts = match &mut parts {
                    Some(parts) => parts,
                    none => none.insert(Parts::start(&self.store, &path).await?),
                };
                parts.put(part).await?;
            }
        }
        let rest = buffer.freeze();
        match parts {
            Some(mut parts) => {
                parts.put(rest).await?;
                parts.complete().await?;
            }
            None => {
                self.store.put(&path, rest.into()).await.map_err(failed)?;
            }
        }
        Ok(Stored {
            size,
            sha256: hex::encode(hash.finish()),
        })
    }

    async fn open(&self, key: &FileKey, range: Option<Range<u64>>) -> Result<FileBody, FileError> {
        let path = path(key);
        let options = GetOptions {
            range: range.as_ref().map(|range| match range.end {
                u64::MAX => GetRange::Offset(range.start),
                _ => GetRange::Bounded(range.clone()),
            }),
            ..GetOptions::default()
        };
        let result = match self.store.get_opts(&path, options).await {
            Ok(result) => result,
            Err(error) => return Err(self.explain(&path, range.as_ref(), error).await),
        };
        Ok(FileBody {
            size: result.meta.size,
            range: result.range.clone(),
            stream: result.into_stream().map_err(io::Error::other).boxed(),
        })
    }

    async fn delete(&self, key: &FileKey) -> Result<(), FileError> {
        match self.store.delete(&path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

/// A multipart upload; aborted when it is dropped before it was completed.
struct Parts {
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Parts {
    async fn start(store: &AmazonS3, path: &Path) -> Result<Self, FileError> {
        let upload = store.put_multipart(path).await.map_err(failed)?;
        Ok(Self { upload: Some(upload) })
    }

    async fn put(&mut self, part: Bytes) -> Result<(), FileError> {
        match &mut self.upload {
            Some(upload) => upload.put_part(part.into()).await.map_err(failed),
            None => Ok(()),
        }
    }

    async fn complete(mut self) -> Result<(), FileError> {
        if let Some(upload) = &mut self.upload {
            upload.complete().await.map_err(failed)?;
        }
        self.upload = None;
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "parts of a broken upload stay in the bucket"
                    );
                }
            });
        }
    }
}

fn path(key: &FileKey) -> Path {
    Path::from(key.as_str())
}

fn failed(error: object_store::Error) -> FileError {
    match error {
        object_store::Error::NotFound { .. } => FileError::NotFound,
        error => FileError::Store(io::Error::other(error)),
    }
}
