//! What is sent again and what is not, against a server that does what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opencom_client::contract::auth::{CurrentUser, IsAuthenticated};
use opencom_client::contract::tags;
use opencom_client::core::Code;
use opencom_client::core::id::WorkspaceId;
use opencom_client::{Builder, Client, Error, ErrorCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::provide_cryptography;

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Act {
    /// Hangs up without a word.
    HangUp,
    /// Answers with this status and body.
    Answer(u16, &'static str),
}

const YES: Act = Act::Answer(200, r#"{"status":"success","value":true,"logLines":[]}"#);
const BUSY: Act = Act::Answer(503, r#"{"code":"ServiceUnavailable","message":"Try again."}"#);
const LIMITED: Act = Act::Answer(
    200,
    r#"{"status":"error","errorMessage":"Slowly","errorData":{"code":"RATE_LIMITED","message":"Slowly","retryAfterMs":1.0},"logLines":[]}"#,
);

/// A server that acts so, request by request, and then as at the last; and how many requests there were.
async fn acting(acts: &'static [Act]) -> (Builder, Arc<AtomicUsize>) {
    provide_cryptography();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = counted.fetch_add(1, Ordering::Relaxed);
            act(stream, acts[number.min(acts.len() - 1)]).await;
        }
    });
    (Client::builder(&address), requests)
}

async fn act(mut stream: TcpStream, act: Act) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    // The calls of these tests end with the object that is the body.
    while !request.ends_with(b"}") {
        let read = stream.read(&mut part).await.unwrap();
        request.extend_from_slice(&part[..read]);
    }
    if let Act::Answer(status, body) = act {
        let answer = format!(
            "HTTP/1.1 {status} .\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn tag() -> tags::Create {
    tags::Create::builder()
        .workspace_id(WorkspaceId::generate())
        .name("vip")
        .build()
}

#[tokio::test]
async fn a_query_is_asked_again_whatever_happened() {
    let (client, requests) = acting(&[Act::HangUp, BUSY, LIMITED, YES]).await;
    let client = client.build().unwrap();
    assert!(client.query(&IsAuthenticated::default()).await.unwrap());
    assert_eq!(requests.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn retries_end() {
    let (client, requests) = acting(&[BUSY]).await;
    let error = client
        .retries(2)
        .build()
        .unwrap()
        .query(&IsAuthenticated::default())
        .await;
    assert!(matches!(error, Err(Error::Rejected { status: 503, .. })), "{error:?}");
    assert_eq!(requests.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_mutation_that_may_have_happened_is_not_sent_again() {
    for acts in [&[Act::HangUp, YES], &[BUSY, YES]] {
        let (client, requests) = acting(acts).await;
        let error = client.build().unwrap().mutation(&tag()).await.unwrap_err();
        assert!(
            matches!(error, Error::Lost(_) | Error::Rejected { status: 503, .. }),
            "{error:?}"
        );
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_mutation_that_was_put_off_is_sent_again_unless_the_wait_is_long() {
    let (client, requests) = acting(&[LIMITED, Act::Answer(200, "not even JSON")]).await;
    let error = client.build().unwrap().mutation(&tag()).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    assert_eq!(requests.load(Ordering::Relaxed), 2);

    let (client, requests) = acting(&[LIMITED]).await;
    let client = client.longest_wait(Duration::ZERO).build().unwrap();
    let error = client.mutation(&tag()).await.unwrap_err();
    assert!(error.is(Code::RateLimited), "{error:?}");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_a_lost_answer() {
    provide_cryptography();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(&address).retries(1).build().unwrap();
    assert!(matches!(client.mutation(&tag()).await, Err(Error::Unreachable(_))));
}

#[tokio::test]
async fn answers_are_not_taken_at_any_size_nor_in_any_form() {
    const LARGE: Act = Act::Answer(200, concat!("\"", "0123456789012345678901234567890123456789", "\""));
    let (client, _) = acting(&[LARGE]).await;
    let client = client.largest_answer(20).retries(0).build().unwrap();
    assert!(matches!(
        client.query(&IsAuthenticated::default()).await,
        Err(Error::TooLarge { limit: 20 })
    ));
    let (client, _) = acting(&[YES]).await;
    let error = client
        .build()
        .unwrap()
        .query(&CurrentUser::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    const NEW: Act = Act::Answer(
        200,
        r#"{"status":"error","errorMessage":"?","errorData":{"code":"TEAPOT","message":"?"},"logLines":[]}"#,
    );
    let (client, _) = acting(&[NEW]).await;
    let error = client
        .build()
        .unwrap()
        .query(&CurrentUser::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::Other("TEAPOT".to_owned())));
}

#[test]
fn addresses_are_looked_at() {
    provide_cryptography();
    for wrong in ["", "localhost:3210", "ftp://x", "http://", "http://ada:secret@host"] {
        let error = Client::new(wrong).unwrap_err();
        assert!(matches!(error, Error::Address { .. }), "{wrong}: {error:?}");
    }
    assert!(Client::new("http://127.0.0.1:3210").is_ok());
    assert!(Client::new("https://api.example.com/opencom").is_ok());
}
