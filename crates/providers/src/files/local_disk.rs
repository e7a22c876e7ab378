//! Files in a directory of this machine.

use std::fs::{self, File};
use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use ring::digest::{Context, SHA256, digest};
use tempfile::{Builder, TempPath};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};

use super::{FileBody, FileError, FileKey, FileStore, Stored};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Keeps files under a root directory, at `objects/ab/cd/<key>`.
///
/// `ab` and `cd` come from a hash of the key: ids that begin with the time would fill one directory for years. A body
/// is written under `incoming/` and moved into place once it is complete and on the disk, so a key has all of its
/// content or none. Several processes may share the root.
#[derive(Debug, Clone)]
pub struct LocalDisk {
    objects: PathBuf,
    incoming: PathBuf,
}

impl LocalDisk {
    /// Uses this directory, making it if need be, and removes what processes that died left half-written.
    pub async fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        blocking(move || {
            fs::create_dir_all(&root)?;
            let root = root.canonicalize()?;
            let store = Self {
                objects: root.join("objects"),
                incoming: root.join("incoming"),
            };
            fs::create_dir_all(&store.objects)?;
            fs::create_dir_all(&store.incoming)?;
            sync_dir(&root)?;
            // The directories above as far as we may: some of them may be as new as the root.
            let _ = root.ancestors().skip(1).try_for_each(sync_dir);
            store.sweep()?;
            Ok(store)
        })
        .await
    }

    /// Removes the incoming files whose writer is gone. A living writer, in this process or another, holds a lock.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.incoming)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            let path = entry.path();
            let file = match File::open(&path) {
                Ok(file) => file,
                // Its writer has just finished.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // An error is either a living writer or a file system without locks, where nothing can be told.
            if file.try_lock().is_ok() {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// The directories of a key, outermost first, and its path.
    fn place(&self, key: &FileKey) -> ([PathBuf; 2], PathBuf) {
        let hash = digest(&SHA256, key.as_str().as_bytes());
        let outer = self.objects.join(hex::encode(&hash.as_ref()[..1]));
        let inner = outer.join(hex::encode(&hash.as_ref()[1..2]));
        let path = inner.join(key.as_str());
        ([outer, inner], path)
    }

    async fn incoming(&self) -> io::Result<(tokio::fs::File, TempPath)> {
        let dir = self.incoming.clone();
        blocking(move || {
            loop {
                let (file, path) = Builder::new().prefix("").tempfile_in(&dir)?.into_parts();
                let _ = file.lock();
                // A sweep that came between creating and locking has removed the file; none can from here on.
                if path.try_exists()? {
                    return Ok((tokio::fs::File::from_std(file), path));
                }
            }
        })
        .await
    }

    /// Moves a complete file to its key and makes the move durable.
    async fn keep(&self, key: &FileKey, incoming: TempPath) -> io::Result<()> {
        let objects = self.objects.clone();
        let ([outer, inner], path) = self.place(key);
        blocking(move || {
            fs::create_dir_all(&inner)?;
            incoming.persist(&path).map_err(|error| error.error)?;
            // The outer directories too, even when they were there: another upload may have made them a moment ago
            // and not have them on the disk yet. Syncing an unchanged directory costs next to nothing.
            [&inner, &outer, &objects].into_iter().try_for_each(|dir| sync_dir(dir))
        })
        .await
    }
}

#[async_trait]
impl FileStore for LocalDisk {
    async fn put(
        &self,
        key: &FileKey,
        mut body: BoxStream<'_, io::Result<Bytes>>,
        max_bytes: u64,
    ) -> Result<Stored, FileError> {
        // Dropping `incoming` removes the file, so every early return leaves nothing behind.
        let (file, incoming) = self.incoming().await.map_err(FileError::Store)?;
        let mut file = BufWriter::with_capacity(CHUNK, file);
        let mut size = 0_u64;
        let mut hash = Context::new(&SHA256);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(FileError::Interrupted)?;
            size = size.saturating_add(chunk.len() as u64);
            if size > max_bytes {
                return Err(FileError::TooLarge { max_bytes });
            }
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(FileError::Store)?;
        }
        file.flush().await.map_err(FileError::Store)?;
        file.get_ref().sync_all().await.map_err(FileError::Store)?;
        self.keep(key, incoming).await.map_err(FileError::Store)?;
        Ok(Stored {
            size,
            sha256: hex::encode(hash.finish()),
        })
    }

    async fn open(&self, key: &FileKey, range: Option<Range<u64>>) -> Result<FileBody, FileError> {
        let (_, path) = self.place(key);
        let mut file = tokio::fs::File::open(path).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Store(error),
        })?;
        let size = file.metadata().await.map_err(FileError::Store)?.len();
        let range = match range {
            None => 0..size,
            Some(range) if range.start < range.end.min(size) => range.start..range.end.min(size),
            Some(_) => return Err(FileError::OutOfRange { size }),
        };
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start))
                .await
                .map_err(FileError::Store)?;
        }
        let length = range.end - range.start;
        Ok(FileBody {
            size,
            range,
            stream: chunks(file, length).boxed(),
        })
    }

    async fn delete(&self, key: &FileKey) -> Result<(), FileError> {
        let ([_, inner], path) = self.place(key);
        blocking(move || match fs::remove_file(path) {
            Ok(()) => sync_dir(&inner),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await
        .map_err(FileError::Store)
    }
}

fn chunks(file: tokio::fs::File, length: u64) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = BytesMut::zeroed(want);
        let read = file.read(&mut chunk).await?;
        if read == 0 {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the stored file is shorter than it was",
            ));
        }
        chunk.truncate(read);
        Ok(Some((chunk.freeze(), (file, left - read as u64))))
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts the entries of a directory on the disk.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
