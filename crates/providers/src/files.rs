//! Keeping uploaded files: the trait, keys and errors.

mod local_disk;
mod s3;

use std::fmt;
use std::io;
use std::ops::Range;
use std::str::FromStr;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use self::local_disk::LocalDisk;
pub use self::s3::{S3, S3Config};

/// A place for files, each under a key of its own and never changed in part.
///
/// The trait asks for no more than object stores offer, so that one can stand behind it: bodies travel as streams in
/// both directions, there is no list, no rename and no append, and what an object is (name, type, owner) is the
/// business of the database row that holds the key.
#[async_trait]
pub trait FileStore: Send + Sync {
    /// Streams a body into a new object; success means that it survives a crash.
    ///
    /// If the body fails, is longer than `max_bytes`, or the returned future is dropped, nothing is kept. A key that
    /// is there already gets the new body as a whole; a body being read meanwhile stays the old one.
    async fn put(
        &self,
        key: &FileKey,
        body: BoxStream<'_, io::Result<Bytes>>,
        max_bytes: u64,
    ) -> Result<Stored, FileError>;

    /// Opens an object, or the part of it that lies in `range`.
    ///
    /// A range may end beyond the object (`500..u64::MAX` is "from byte 500"), but must hold at least one byte of it.
    async fn open(&self, key: &FileKey, range: Option<Range<u64>>) -> Result<FileBody, FileError>;

    /// Removes an object; removing an absent one is success too. A body being read meanwhile stays readable.
    async fn delete(&self, key: &FileKey) -> Result<(), FileError>;
}

/// The name of an object: 1 to 64 characters of `a-z` and `0-9`, so that no store can read a path into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey(String);

impl FileKey {
    /// Checks the characters.
    pub fn new(key: impl Into<String>) -> Result<Self, FileError> {
        let key = key.into();
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (1..=64).contains(&key.len()) && key.bytes().all(valid) {
            Ok(Self(key))
        } else {
            Err(FileError::InvalidKey)
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FileKey {
    type Err = FileError;

    fn from_str(key: &str) -> Result<Self, FileError> {
        Self::new(key)
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content in lower-case hex.
    pub sha256: String,
}

/// An open object.
pub struct FileBody {
    /// Length of the whole object in bytes, whatever part was asked for.
    pub size: u64,
    /// The bytes that `stream` gives: the range asked for, cut to the object, or all of it.
    pub range: Range<u64>,
    /// The content. It ends after `range` or with an error, never early without one.
    pub stream: BoxStream<'static, io::Result<Bytes>>,
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody")
            .field("size", &self.size)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Why a file could not be stored, read or removed; the text is meant for people.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The key is not one.
    #[error("The file id is not valid.")]
    InvalidKey,
    /// No object has this key.
    #[error("The file does not exist.")]
    NotFound,
    /// The body is longer than allowed; nothing was kept.
    #[error("The file is larger than {max_bytes} bytes.")]
    TooLarge {
        /// The longest body allowed.
        max_bytes: u64,
    },
    /// The range holds no byte of the object.
    #[error("The range lies outside the file of {size} bytes.")]
    OutOfRange {
        /// Length of the object, for the `Content-Range` of the refusal.
        size: u64,
    },
    /// The sender broke off; nothing was kept.
    #[error("The upload was interrupted.")]
    Interrupted(#[source] io::Error),
    /// The store failed.
    #[error("The file store failed.")]
    Store(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain_words() {
        let longest = "a".repeat(64);
        for key in ["0", "a", "018f3c2e9d7b7c3e8a5f0123456789ab", &longest] {
            assert_eq!(key.parse::<FileKey>().unwrap().as_str(), key);
        }
        let too_long = "a".repeat(65);
        for key in [
            "", ".", "..", "../a", "a/b", "a\\b", "A", "a b", "a\0", "é", "a.eml", &too_long,
        ] {
            assert!(matches!(key.parse::<FileKey>(), Err(FileError::InvalidKey)), "{key:?}");
        }
    }
}
