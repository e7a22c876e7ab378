//! Counts what the connection has taken of a WebSocket's frames. What is left with us is what its peer has not read.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use tokio::sync::Notify;

/// What the connection has taken.
#[derive(Default)]
pub(super) struct Counted {
    bytes: AtomicUsize,
    more: Notify,
}

impl Counted {
    /// How many bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Waits until it has taken more.
    pub(super) async fn more(&self) {
        self.more.notified().await;
    }
}

/// Counts what is taken of a response's body.
pub(super) fn count(response: HttpResponse) -> (HttpResponse, Arc<Counted>) {
    let counted = Arc::new(Counted::default());
    let response = response.map_body(|_, inner| {
        Body {
            inner,
            counted: Arc::clone(&counted),
        }
        .boxed()
    });
    (response, counted)
}

struct Body {
    inner: BoxBody,
    counted: Arc<Counted>,
}

impl MessageBody for Body {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.counted.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
            self.counted.more.notify_one();
        }
        polled
    }
}
