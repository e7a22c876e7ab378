//! Files on disk: whole or not at all, and nothing left behind.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use opencom_providers::files::{FileBody, FileError, FileKey, FileStore as _, LocalDisk, Stored};

const MAX: u64 = 1024 * 1024;

fn key(text: &str) -> FileKey {
    text.parse().unwrap()
}

fn body(chunks: &[&'static [u8]]) -> BoxStream<'static, io::Result<Bytes>> {
    let chunks: Vec<io::Result<Bytes>> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
    stream::iter(chunks).boxed()
}

async fn content(body: FileBody) -> Vec<u8> {
    collect(body.stream).await.unwrap()
}

async fn collect(stream: BoxStream<'static, io::Result<Bytes>>) -> io::Result<Vec<u8>> {
    Ok(stream.try_collect::<Vec<Bytes>>().await?.concat())
}

/// Every file below a directory.
fn all_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

#[tokio::test]
async fn a_file_comes_back_as_it_went_in() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path().join("new/files")).await.unwrap();
    let stored = store
        .put(&key("k1"), body(&[b"hello ", b"", b"world"]), MAX)
        .await
        .unwrap();
    let sha256 = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9".to_owned();
    assert_eq!(stored, Stored { size: 11, sha256 });

    let opened = store.open(&key("k1"), None).await.unwrap();
    assert_eq!((opened.size, opened.range.clone()), (11, 0..11));
    assert_eq!(content(opened).await, b"hello world");
    assert_eq!(all_files(root.path()).len(), 1);

    let reopened = LocalDisk::open(root.path().join("new/files")).await.unwrap();
    assert_eq!(
        content(reopened.open(&key("k1"), None).await.unwrap()).await,
        b"hello world"
    );
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    assert_eq!(store.put(&key("k1"), body(&[]), 0).await.unwrap().size, 0);
    let opened = store.open(&key("k1"), None).await.unwrap();
    assert_eq!((opened.size, opened.range.clone()), (0, 0..0));
    assert_eq!(content(opened).await, b"");
    assert!(matches!(
        store.open(&key("k1"), Some(0..1)).await,
        Err(FileError::OutOfRange { size: 0 })
    ));
}

#[tokio::test]
async fn ranges_give_their_part() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    let large: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    let chunk = Bytes::from(large.clone());
    store
        .put(&key("k1"), stream::iter([Ok(chunk)]).boxed(), MAX)
        .await
        .unwrap();

    for (range, expected) in [
        (0..1, 0..1),
        (0..200_000, 0..200_000),
        (65_535..65_537, 65_535..65_537),
        (1000..150_000, 1000..150_000),
        (199_999..u64::MAX, 199_999..200_000),
        (0..u64::MAX, 0..200_000),
    ] {
        let opened = store.open(&key("k1"), Some(range)).await.unwrap();
        assert_eq!((opened.size, opened.range.clone()), (200_000, expected.clone()));
        assert!(
            content(opened).await == large[expected.start as usize..expected.end as usize],
            "{expected:?}"
        );
    }
    #[expect(clippy::reversed_empty_ranges, reason = "what a careless caller may pass")]
    for range in [200_000..200_001, u64::MAX - 1..u64::MAX, 5..5, 7..3] {
        let refused = store.open(&key("k1"), Some(range)).await;
        assert!(matches!(refused, Err(FileError::OutOfRange { size: 200_000 })));
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    store.put(&key("fits"), body(&[b"12345"]), 5).await.unwrap();
    let refused = store.put(&key("k1"), body(&[b"123", b"456"]), 5).await;
    assert!(matches!(refused, Err(FileError::TooLarge { max_bytes: 5 })));
    assert!(matches!(store.open(&key("k1"), None).await, Err(FileError::NotFound)));
    assert_eq!(all_files(root.path()).len(), 1);
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1024]))).boxed();
    assert!(matches!(
        store.put(&key("k1"), endless, MAX).await,
        Err(FileError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn an_interrupted_upload_leaves_the_old_content() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    store.put(&key("k1"), body(&[b"old"]), MAX).await.unwrap();

    let broken = stream::iter([
        Ok(Bytes::from_static(b"ne")),
        Err(io::ErrorKind::ConnectionReset.into()),
    ])
    .boxed();
    assert!(matches!(
        store.put(&key("k1"), broken, MAX).await,
        Err(FileError::Interrupted(_))
    ));

    let (started, mut has_started) = tokio::sync::mpsc::channel(1);
    let stuck = stream::once(async move {
        started.send(()).await.unwrap();
        std::future::pending().await
    });
    let k1 = key("k1");
    tokio::select! {
        _ = store.put(&k1, stuck.boxed(), MAX) => panic!("the body does not end"),
        _ = has_started.recv() => {}
    }

    assert_eq!(content(store.open(&key("k1"), None).await.unwrap()).await, b"old");
    assert_eq!(all_files(root.path()).len(), 1);
}

#[tokio::test]
async fn a_new_body_replaces_the_old_one_and_readers_keep_theirs() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    store.put(&key("k1"), body(&[b"old"]), MAX).await.unwrap();
    let reader = store.open(&key("k1"), None).await.unwrap();
    store.put(&key("k1"), body(&[b"newer"]), MAX).await.unwrap();
    assert_eq!(content(store.open(&key("k1"), None).await.unwrap()).await, b"newer");
    store.delete(&key("k1")).await.unwrap();
    assert_eq!(content(reader).await, b"old");
}

#[tokio::test]
async fn deleting_twice_is_fine() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    store.put(&key("k1"), body(&[b"x"]), MAX).await.unwrap();
    store.delete(&key("k1")).await.unwrap();
    store.delete(&key("k1")).await.unwrap();
    store.delete(&key("never")).await.unwrap();
    assert!(matches!(store.open(&key("k1"), None).await, Err(FileError::NotFound)));
}

#[tokio::test]
async fn a_file_cut_short_on_disk_is_an_error_and_not_a_short_answer() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    store.put(&key("k1"), body(&[b"hello"]), MAX).await.unwrap();
    let opened = store.open(&key("k1"), None).await.unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&all_files(root.path())[0])
        .unwrap()
        .set_len(2)
        .unwrap();
    let error = collect(opened.stream).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn leftovers_of_a_crash_are_swept_and_running_uploads_are_not() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    store.put(&key("k1"), body(&[b"kept"]), MAX).await.unwrap();
    let leftover = root.path().join("incoming/leftover");
    std::fs::write(&leftover, b"half").unwrap();

    // The upload has its file by the time its body is asked for, and goes on after another process has started.
    let path = root.path().to_owned();
    let during = stream::once(async move {
        LocalDisk::open(path).await.unwrap();
        Ok(Bytes::from_static(b"whole"))
    });
    store.put(&key("k2"), during.boxed(), MAX).await.unwrap();

    assert!(!leftover.exists());
    assert_eq!(content(store.open(&key("k1"), None).await.unwrap()).await, b"kept");
    assert_eq!(content(store.open(&key("k2"), None).await.unwrap()).await, b"whole");
}

#[tokio::test]
async fn many_files_at_once() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDisk::open(root.path()).await.unwrap();
    let keys: Vec<FileKey> = (0..50).map(|index| key(&format!("k{index}"))).collect();
    let uploads = keys.iter().map(|key| store.put(key, body(&[b"same"]), MAX));
    futures_util::future::try_join_all(uploads).await.unwrap();
    for key in &keys {
        assert_eq!(content(store.open(key, None).await.unwrap()).await, b"same");
    }
    assert_eq!(all_files(root.path()).len(), 50);
}
