//! Files in a bucket, against a server that speaks S3 and checks every signature.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opencom_providers::files::{FileBody, FileError, FileKey, FileStore as _, S3, S3Config};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const MAX: u64 = 64 * 1024 * 1024;
const BUCKET: &str = "files";

/// A store of its own, on disk.
struct Server {
    address: SocketAddr,
    root: TempDir,
}

impl Server {
    async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("id", "secret"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, root }
    }

    fn config(&self) -> S3Config {
        S3Config {
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
        }
    }

    async fn store(&self) -> S3 {
        S3::open(self.config()).await.unwrap()
    }

    /// The objects in the bucket.
    fn objects(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.path().join(BUCKET)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Whether an upload's parts lie about.
    fn has_parts(&self) -> bool {
        fn any(dir: &Path) -> bool {
            std::fs::read_dir(dir).unwrap().any(|entry| {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    any(&path)
                } else {
                    path.file_name().unwrap().to_string_lossy().contains("part")
                }
            })
        }
        any(self.root.path())
    }
}

fn key(text: &str) -> FileKey {
    text.parse().unwrap()
}

fn body(bytes: Vec<u8>) -> BoxStream<'static, io::Result<Bytes>> {
    let bytes = Bytes::from(bytes);
    let chunks = (0..bytes.len()).step_by(100_000);
    let chunks: Vec<_> = chunks
        .map(|start| Ok(bytes.slice(start..bytes.len().min(start + 100_000))))
        .collect();
    stream::iter(chunks).boxed()
}

/// Bytes that differ from place to place.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

async fn read(body: FileBody) -> Vec<u8> {
    body.stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

#[tokio::test]
async fn files_of_one_and_of_several_parts_come_back_as_they_went_in() {
    let server = Server::start().await;
    let store = server.store().await;
    // Nothing, little, exactly one part, a byte more, and three parts.
    let part = 8 * 1024 * 1024;
    for (index, length) in [0, 11, part, part + 1, 2 * part + 12_345].into_iter().enumerate() {
        let key = key(&format!("k{index}"));
        let stored = store.put(&key, body(content(length)), MAX).await.unwrap();
        assert_eq!(stored.size, length as u64);
        let digest = ring::digest::digest(&ring::digest::SHA256, &content(length));
        assert_eq!(stored.sha256, hex::encode(digest));
        let opened = store.open(&key, None).await.unwrap();
        assert_eq!((opened.size, opened.range.clone()), (length as u64, 0..length as u64));
        assert!(read(opened).await == content(length), "{length} bytes");
    }
}

#[tokio::test]
async fn ranges_give_their_part() {
    let server = Server::start().await;
    let store = server.store().await;
    store.put(&key("k1"), body(content(200_000)), MAX).await.unwrap();
    for (range, expected) in [
        (0..1, 0..1),
        (0..200_000, 0..200_000),
        (1000..150_000, 1000..150_000),
        (199_999..u64::MAX, 199_999..200_000),
        (100..300_000, 100..200_000),
    ] {
        let opened = store.open(&key("k1"), Some(range)).await.unwrap();
        assert_eq!((opened.size, opened.range.clone()), (200_000, expected.clone()));
        assert_eq!(
            read(opened).await,
            content(200_000)[expected.start as usize..expected.end as usize]
        );
    }
    assert!(matches!(
        store.open(&key("k1"), Some(200_000..200_001)).await,
        Err(FileError::OutOfRange { size: 200_000 })
    ));
}

#[tokio::test]
async fn what_is_absent_is_not_found_and_removed_twice_without_complaint() {
    let server = Server::start().await;
    let store = server.store().await;
    assert!(matches!(store.open(&key("k1"), None).await, Err(FileError::NotFound)));
    assert!(matches!(
        store.open(&key("k1"), Some(0..1)).await,
        Err(FileError::NotFound)
    ));
    store.put(&key("k1"), body(content(10)), MAX).await.unwrap();
    store.delete(&key("k1")).await.unwrap();
    store.delete(&key("k1")).await.unwrap();
    assert!(matches!(store.open(&key("k1"), None).await, Err(FileError::NotFound)));
}

#[tokio::test]
async fn a_new_body_takes_the_place_of_the_old_one() {
    let server = Server::start().await;
    let store = server.store().await;
    store.put(&key("k1"), body(content(10)), MAX).await.unwrap();
    store.put(&key("k1"), body(content(20)), MAX).await.unwrap();
    assert_eq!(read(store.open(&key("k1"), None).await.unwrap()).await, content(20));
}

#[tokio::test]
async fn a_body_that_is_too_long_or_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let store = server.store().await;
    let long = content(20 * 1024 * 1024);
    let max_bytes = 18 * 1024 * 1024;
    let refused = store.put(&key("k1"), body(long.clone()), max_bytes).await;
    assert!(matches!(refused, Err(FileError::TooLarge { .. })), "{refused:?}");

    let (broke, wait) = oneshot::channel();
    let broken = body(long).chain(stream::once(async move {
        broke.send(()).unwrap();
        Err(io::Error::other("gone"))
    }));
    let refused = store.put(&key("k2"), broken.boxed(), MAX).await;
    assert!(matches!(refused, Err(FileError::Interrupted(_))), "{refused:?}");
    wait.await.unwrap();

    for key in ["k1", "k2"].map(key) {
        assert!(matches!(store.open(&key, None).await, Err(FileError::NotFound)));
    }
    // Parts go when the store has heard of the end, which nothing waits for.
    while server.has_parts() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn opening_says_what_is_wrong_and_leaves_nothing_behind() {
    let server = Server::start().await;
    server.store().await;
    assert_eq!(server.objects(), Vec::<PathBuf>::new());

    let wrong_key = S3Config {
        secret_access_key: "wrong".to_owned(),
        ..server.config()
    };
    let error = S3::open(wrong_key.clone()).await.unwrap_err();
    assert!(matches!(error, FileError::Store(_)), "{error:?}");
    let shown = format!("{error:?} {wrong_key:?}");
    assert!(
        !shown.contains("wrong") && shown.contains("SignatureDoesNotMatch"),
        "{shown}"
    );
}
