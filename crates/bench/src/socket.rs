//! One sync socket, as lean as the HTTP client: thousands live in the generator, which shares the machine with what it
//! measures. They read into one buffer and keep nothing while they are idle. Every Transition must start where the one
//! before ended; one that does not is a failure of the benchmark.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::Fault;
use crate::server::SPARE_FILES;
use crate::wire::{self, Frame, Version};

/// Where npm clients connect.
const PATH: &str = "/api/1.35.1/sync";
/// How much one read takes at most.
const READ: usize = 256 * 1024;
/// How long the server may take to answer a close frame.
const GOODBYE: Duration = Duration::from_secs(5);

/// A complete message, and its kind.
const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const MASKED: u8 = 0x80;
/// The close code of a client that is done.
const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// A connected socket.
pub(crate) struct Socket {
    stream: TcpStream,
    /// What the system has not taken yet.
    unsent: Vec<u8>,
    /// The beginning of a frame whose rest has not come.
    begun: Vec<u8>,
    /// Where the last Transition ended.
    version: Version,
}

impl Socket {
    /// Connects to the server at `address`.
    pub(crate) async fn connect(address: &str) -> Result<Self, Fault> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let upgrade = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: b3BlbmNvbS1iZW5jaC13cw==\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes()).await?;
        let mut head = Vec::with_capacity(512);
        let end = loop {
            if stream.read_buf(&mut head).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err(format!("no socket: {}", String::from_utf8_lossy(&head)).into());
        }
        Ok(Self {
            stream,
            unsent: Vec::new(),
            begun: head[end..].to_vec(),
            version: Version::default(),
        })
    }

    /// Connects as a client does that never was connected before, with its subscriptions.
    pub(crate) async fn open(address: &str, token: Option<&str>, subscriptions: &[String]) -> Result<Self, Fault> {
        let mut socket = Self::connect(address).await?;
        let session = Uuid::from_u128(rand::random());
        socket
            .send(&wire::connect(session, 0, Some("InitialConnect"), None))
            .await?;
        if let Some(token) = token {
            socket.send(&wire::authenticate(token)).await?;
        }
        socket.send(&wire::modify(0, subscriptions)).await?;
        Ok(socket)
    }

    /// Where the last Transition ended.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &str) -> Result<(), Fault> {
        put(&mut self.unsent, TEXT, message.as_bytes());
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while !self.unsent.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent))?;
            self.unsent.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for what comes next and hands every message in it to `each`. May be dropped while it waits. A server that
    /// hangs up is an error.
    pub(crate) async fn receive(&mut self, mut each: impl FnMut(Frame<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        poll_fn(|cx| {
            // Pongs; a server that does not read still can be read from.
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error));
            }
            BUFFER.with_borrow_mut(|buffer| {
                let mut read = ReadBuf::new(buffer);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
                if read.filled().is_empty() {
                    return Poll::Ready(Err("the server hung up".into()));
                }
                Poll::Ready(self.take(read.filled(), &mut each))
            })
        })
        .await
    }

    fn take(&mut self, new: &[u8], each: &mut impl FnMut(Frame<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut joined = std::mem::take(&mut self.begun);
        let mut rest = if joined.is_empty() {
            new
        } else {
            joined.extend_from_slice(new);
            &joined
        };
        while let Some((kind, payload, after)) = split(rest)? {
            rest = after;
            match kind {
                TEXT => {
                    let frame = Frame::read(payload)?;
                    self.follow(&frame)?;
                    each(frame)?;
                }
                PING => put(&mut self.unsent, PONG, payload),
                PONG => {}
                _ => {
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
                    return Err(format!("the server closed the socket: {reason}").into());
                }
            }
        }
        let left = rest.len();
        if joined.is_empty() {
            self.begun = rest.to_vec();
        } else if left > 0 {
            joined.drain(..joined.len() - left);
            self.begun = joined;
        }
        Ok(())
    }

    /// A Transition takes up where the last one ended and never goes back.
    fn follow(&mut self, frame: &Frame<'_>) -> Result<(), Fault> {
        if let Frame::Transition { start, end, .. } = *frame {
            let forward = end.ts >= start.ts && end.query_set >= start.query_set && end.identity >= start.identity;
            if start != self.version || !forward {
                let at = self.version;
                return Err(format!("a Transition from {start:?} to {end:?} for a client at {at:?}").into());
            }
            self.version = end;
        }
        Ok(())
    }

    /// Says goodbye, as a page does that is left.
    pub(crate) async fn close(mut self) -> Result<(), Fault> {
        put(&mut self.unsent, CLOSE, &NORMAL);
        self.flush().await?;
        // What was on its way is of no interest any more; the answer is that the server hangs up.
        let gone = async { while self.receive(|_| Ok(())).await.is_ok() {} };
        tokio::time::timeout(GOODBYE, gone)
            .await
            .map_err(|_| "the server did not answer a close frame".into())
    }

    /// Breaks the connection: the server gets a reset.
    pub(crate) fn reset(self) -> Result<(), Fault> {
        Ok(self.stream.set_zero_linger()?)
    }
}

/// Makes room for this many sockets beside the files that a process has anyway.
pub(crate) fn allow_sockets(count: usize) -> Result<(), Fault> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if u64::try_from(count + SPARE_FILES)? > most {
        return Err(format!("this system allows {most} open files, which is too few for {count} sockets").into());
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// Writes a frame of a client. Its mask may be any, so it is the one that changes nothing.
fn put(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(FINAL | kind);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => out.push(MASKED | short),
        (_, Ok(medium)) => {
            out.push(MASKED | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The first frame of `bytes` as kind and payload, and what follows it; nothing while it is not complete.
type Split<'a> = Option<(u8, &'a [u8], &'a [u8])>;

fn split(bytes: &[u8]) -> Result<Split<'_>, Fault> {
    let Some((&[first, second], rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let (length, rest) = match second {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        short @ ..=125 => (u64::from(short), rest),
        _ => return Err("the server masked a frame".into()),
    };
    if first & FINAL == 0 {
        return Err("the server sent a message in pieces".into());
    }
    Ok(rest
        .split_at_checked(usize::try_from(length)?)
        .map(|(payload, rest)| (first & !FINAL, payload, rest)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A frame as servers write it.
    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut masked = Vec::new();
        put(&mut masked, kind, payload);
        let header = masked.len() - payload.len() - 4;
        masked[1] &= !MASKED;
        masked.drain(header..header + 4);
        masked
    }

    fn transition(from: &str, to: &str, filling: usize) -> Vec<u8> {
        let version = |ts: &str| format!(r#"{{"querySet":0,"identity":0,"ts":"{ts}"}}"#);
        let (start, end, filling) = (version(from), version(to), "x".repeat(filling));
        let text = format!(
            r#"{{"type":"Transition","startVersion":{start},"endVersion":{end},"modifications":["{filling}"]}}"#
        );
        frame(TEXT, text.as_bytes())
    }

    async fn idle() -> Socket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        Socket {
            stream,
            unsent: Vec::new(),
            begun: Vec::new(),
            version: Version::default(),
        }
    }

    #[tokio::test]
    async fn frames_are_found_however_the_network_cuts_them() {
        let mut bytes = transition("AAAAAAAAAAA=", "ZAAAAAAAAAA=", 0);
        bytes.extend(frame(PING, b"?"));
        bytes.extend(transition("ZAAAAAAAAAA=", "ZAAAAAAAAAA=", 200));
        bytes.extend(frame(TEXT, br#"{"type":"Ping"}"#));
        bytes.extend(transition("ZAAAAAAAAAA=", "yAAAAAAAAAA=", 70_000));
        for piece in [1, 2, 3, 100, 1000, bytes.len()] {
            let mut socket = idle().await;
            let mut transitions = 0;
            for piece in bytes.chunks(piece) {
                let mut each = |frame: Frame<'_>| {
                    transitions += u32::from(matches!(frame, Frame::Transition { .. }));
                    Ok(())
                };
                socket.take(piece, &mut each).unwrap();
            }
            assert_eq!(transitions, 3);
            assert!(socket.begun.is_empty());
            assert_eq!(socket.unsent, [FINAL | PONG, MASKED | 1, 0, 0, 0, 0, b'?']);
        }
    }

    #[tokio::test]
    async fn a_transition_that_starts_elsewhere_or_goes_back_is_refused() {
        let mut socket = idle().await;
        let mut take = |bytes: &[u8]| socket.take(bytes, &mut |_| Ok(()));
        take(&transition("AAAAAAAAAAA=", "ZAAAAAAAAAA=", 0)).unwrap();
        take(&transition("AAAAAAAAAAA=", "yAAAAAAAAAA=", 0)).unwrap_err();
        take(&transition("ZAAAAAAAAAA=", "AQAAAAAAAAA=", 0)).unwrap_err();
        take(&transition("ZAAAAAAAAAA=", "yAAAAAAAAAA=", 0)).unwrap();
    }
}
