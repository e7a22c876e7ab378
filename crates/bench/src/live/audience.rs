//! Sockets that are subscribed and listen, and how long what they hear took to reach them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use memchr::memmem;
use opencom_contract::Function;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Fault;
use crate::socket::Socket;
use crate::wire::{self, Frame};

/// How many sockets connect at once.
const AT_ONCE: usize = 64;
/// How long a message may be on its way.
const PATIENCE: Duration = Duration::from_secs(20);
/// How a message says when it was sent; twenty digits of nanoseconds follow.
const STAMP: &str = r#""content":"sent at "#;
const DIGITS: usize = 20;

/// Messages that say when they were sent, and how long each took to arrive.
pub(crate) struct Arrivals {
    began: Instant,
    times: Mutex<Vec<Duration>>,
    awaited: AtomicUsize,
    complete: Notify,
}

impl Arrivals {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            times: Mutex::default(),
            awaited: AtomicUsize::new(usize::MAX),
            complete: Notify::new(),
        })
    }

    /// The text of a message that counts as sent at `time`.
    pub(crate) fn stamp(&self, time: Instant) -> String {
        format!("sent at {:0DIGITS$}", time.duration_since(self.began).as_nanos())
    }

    /// Notes the messages in a list that are newer than `seen`. The newest stand last.
    fn note(&self, list: &[u8], seen: &mut u64) -> Result<(), Fault> {
        let now = self.began.elapsed();
        let (mut rest, known) = (list, *seen);
        while let Some(at) = memmem::rfind(rest, STAMP.as_bytes()) {
            let digits = list[at + STAMP.len()..].get(..DIGITS).ok_or("a stamp without a time")?;
            let sent: u64 = std::str::from_utf8(digits)?.parse()?;
            if sent <= known {
                break;
            }
            *seen = sent.max(*seen);
            rest = &rest[..at];
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.push(now.saturating_sub(Duration::from_nanos(sent)));
            if times.len() >= self.awaited.load(Ordering::Relaxed) {
                self.complete.notify_one();
            }
        }
        Ok(())
    }

    /// Waits until `count` messages have arrived, and starts over.
    pub(crate) async fn take(&self, count: usize) -> Result<Vec<Duration>, Fault> {
        let arrived = async {
            loop {
                {
                    let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                    if times.len() >= count {
                        return std::mem::take(&mut *times);
                    }
                    self.awaited.store(count, Ordering::Relaxed);
                }
                self.complete.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.map_err(|_| {
            let arrived = self.times.lock().unwrap_or_else(PoisonError::into_inner).len();
            format!("of {count} messages only {arrived} arrived in {PATIENCE:?}").into()
        })
    }
}

/// What a socket is subscribed to.
pub(crate) struct Subscription {
    path: &'static str,
    arguments: String,
    /// An agent's token; visitors have theirs in the arguments.
    token: Option<String>,
    arrivals: Option<Arc<Arrivals>>,
}

impl Subscription {
    /// A subscription whose messages are timed.
    pub(crate) fn timed<F: Function>(request: &F, arrivals: &Arc<Arrivals>) -> Result<Self, Fault> {
        Ok(Self {
            path: F::DESCRIPTOR.path,
            arguments: serde_json::to_string(request)?,
            token: None,
            arrivals: Some(Arc::clone(arrivals)),
        })
    }

    /// An agent's subscription, for the work that it makes.
    pub(crate) fn of_agent<F: Function>(request: &F, token: &str) -> Result<Self, Fault> {
        Ok(Self {
            path: F::DESCRIPTOR.path,
            arguments: serde_json::to_string(request)?,
            token: Some(token.to_owned()),
            arrivals: None,
        })
    }

    /// Connects, and waits for the first result.
    async fn open(self, address: &str) -> Result<(Socket, Option<Arc<Arrivals>>), Fault> {
        let add = wire::add(0, self.path, &self.arguments, None)?;
        let mut socket = Socket::open(address, self.token.as_deref(), &[add]).await?;
        let mut answered = false;
        while !answered {
            let look = |frame: Frame<'_>| {
                if let Frame::Transition { text, .. } = frame {
                    if memmem::find(text, br#""type":"QueryFailed""#).is_some() {
                        return Err(String::from_utf8_lossy(text).into());
                    }
                    answered |= memmem::find(text, br#""type":"QueryUpdated""#).is_some();
                }
                Ok(())
            };
            socket.receive(look).await?;
        }
        Ok((socket, self.arrivals))
    }
}

/// Sockets that listen. They hang up when it is dropped.
#[derive(Default)]
pub(crate) struct Audience {
    sockets: JoinSet<Fault>,
}

impl Audience {
    /// Adds a socket for each subscription, some at a time; each has its first result afterwards.
    pub(crate) async fn join(
        &mut self,
        address: &str,
        subscriptions: impl Iterator<Item = Result<Subscription, Fault>>,
    ) -> Result<(), Fault> {
        let mut opening = stream::iter(subscriptions)
            .map(async |subscription| subscription?.open(address).await)
            .buffer_unordered(AT_ONCE);
        while let Some(opened) = opening.next().await {
            let (socket, arrivals) = opened?;
            self.sockets.spawn(listen(socket, arrivals));
            let count = self.sockets.len();
            if count.is_multiple_of(100) {
                eprint!("\r{count} sockets are subscribed   ");
            }
        }
        eprintln!("\r{} sockets are subscribed   ", self.sockets.len());
        Ok(())
    }

    /// Measures while all of them listen: one that is cut off or told nonsense ends the benchmark.
    pub(crate) async fn during<T>(&mut self, measurement: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        tokio::select! {
            outcome = measurement => outcome,
            Some(failed) = self.sockets.join_next() => Err(failed.unwrap_or_else(Fault::from)),
        }
    }
}

/// Listens until the socket fails.
async fn listen(mut socket: Socket, arrivals: Option<Arc<Arrivals>>) -> Fault {
    let mut seen = 0;
    loop {
        let note = |frame: Frame<'_>| match (frame, &arrivals) {
            (Frame::Transition { text, .. }, Some(arrivals)) => arrivals.note(text, &mut seen),
            _ => Ok(()),
        };
        if let Err(fault) = socket.receive(note).await {
            return fault;
        }
    }
}
