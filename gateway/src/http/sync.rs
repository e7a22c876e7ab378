//! The sync socket: moves frames between a WebSocket and its session, and runs the session's calls.

mod body;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, Item, ProtocolError};
use bytestring::ByteString;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use opencom_contract::Kind as FunctionKind;
use opencom_live::Session;
use opencom_live::session::{Answer, Client, Ending, Kind, Output, Request};
use rand::RngExt;
use tokio::sync::watch;

use self::body::Counted;
use super::address::address;
use super::functions::measure;
use crate::compose::App;
use crate::sockets::Open;

/// The largest frame that is read.
const LARGEST_FRAME: usize = opencom_openapi::MAX_CALL_BYTES;
/// How many bytes a client may have left unread before transitions wait.
const ROOM: usize = 64 * 1024;
/// The longest fragment of a frame.
const FRAGMENT: usize = 64 * 1024;
/// How long a stopping process waits for the calls of a connection.
const LAST_CALLS: Duration = Duration::from_secs(10);

type AnyApp = web::Data<App>;

/// `GET /api/{version}/sync`: npm clients.
pub(super) async fn npm(
    app: AnyApp,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    upgrade(app, &request, payload, Client::Npm)
}

/// `GET /api/sync`: all others.
pub(super) async fn other(
    app: AnyApp,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    upgrade(app, &request, payload, Client::Other)
}

fn upgrade(
    app: AnyApp,
    request: &HttpRequest,
    payload: web::Payload,
    client: Client,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, writer, reader) = actix_ws::handle(request, payload)?;
    let (response, taken) = body::count(response);
    let reader = reader
        .max_frame_size(LARGEST_FRAME)
        .aggregate_continuations()
        .max_continuation_size(LARGEST_FRAME);
    let socket = Socket {
        writer,
        taken,
        written: 0,
    };
    match app.sockets.open() {
        Some(open) => {
            let session = Session::new(
                Arc::clone(&app.sockets.host),
                client,
                address(&app, request),
                Instant::now(),
            );
            actix_web::rt::spawn(drive(app, socket, reader, session, open));
        }
        // A refused upgrade would tell a browser nothing.
        None => {
            actix_web::rt::spawn(async move { socket.close(Ending::FULL).await });
        }
    }
    Ok(response)
}

/// The writing side.
struct Socket {
    writer: actix_ws::Session,
    taken: Arc<Counted>,
    /// Bytes that were given to it to be written.
    written: usize,
}

impl Socket {
    fn count(&mut self, payload: usize) {
        let head = match payload {
            0..126 => 2,
            126..65_536 => 4,
            _ => 10,
        };
        self.written += head + payload;
    }

    /// Sends a text frame; a long one in fragments, so that it shows how far the client has read.
    async fn text(&mut self, frame: String, patience: Duration) -> Result<(), End> {
        if frame.len() <= FRAGMENT {
            self.count(frame.len());
            return write(self.writer.text(frame), patience).await;
        }
        let (frame, mut start) = (ByteString::from(frame), 0);
        while start < frame.len() {
            let end = frame.floor_char_boundary(start + FRAGMENT);
            let fragment = frame.as_bytes().slice(start..end);
            self.count(fragment.len());
            let item = match (start, end) {
                (0, _) => Item::FirstText(fragment),
                (_, end) if end == frame.len() => Item::Last(fragment),
                _ => Item::Continue(fragment),
            };
            write(self.writer.continuation(item), patience).await?;
            start = end;
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Closed> {
        self.count(0);
        self.writer.ping(b"").await
    }

    async fn pong(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.count(bytes.len());
        self.writer.pong(bytes).await
    }

    async fn close(self, ending: Ending) {
        let reason = CloseReason {
            code: CloseCode::from(ending.code),
            description: Some(ending.reason.to_owned()),
        };
        // The client may be gone already.
        let _gone = self.writer.close(Some(reason)).await;
    }

    fn has_room(&self) -> bool {
        self.written.saturating_sub(self.taken.bytes()) <= ROOM
    }
}

/// Why a connection is driven no further.
enum End {
    /// Say so.
    Close(Ending),
    /// There is nobody to tell.
    Gone,
}

/// Drives a connection to its end.
async fn drive(app: AnyApp, mut socket: Socket, reader: AggregatedMessageStream, mut session: Session, open: Open) {
    let end = talk(&app, &mut socket, reader, &mut session).await;
    if let Err(End::Close(ending)) = end {
        socket.close(ending).await;
    }
    drop(open);
}

async fn talk(
    app: &App,
    socket: &mut Socket,
    mut reader: AggregatedMessageStream,
    session: &mut Session,
) -> Result<std::convert::Infallible, End> {
    let clock = &app.dispatcher.server().clock;
    let patience = app.sockets.host.limits.write_patience;
    let mut stopping = app.sockets.stopping();
    let mut leave_at = None;
    // Boxed: most connections never call anything, and should not keep room for it.
    let mut calls: FuturesUnordered<LocalBoxFuture<'_, Answer>> = FuturesUnordered::new();
    let mut progress = (socket.taken.bytes(), Instant::now());
    let watcher = Arc::clone(session.watcher());
    loop {
        while let Some(output) = session.next_output() {
            match output {
                Output::Frame(frame) => socket.text(frame, patience).await?,
                Output::Ping => write(socket.ping(), patience).await?,
                Output::Call(request) => calls.push(run(app, request).boxed_local()),
                Output::Close(ending) => return Err(End::Close(ending)),
            }
        }
        let has_room = socket.has_room();
        let taken = socket.taken.bytes();
        if has_room || taken != progress.0 {
            progress = (taken, Instant::now());
        } else if progress.1.elapsed() >= patience {
            return Err(End::Gone);
        }
        let reading = has_room && !session.is_full() && leave_at.is_none_or(|leave| Instant::now() < leave);
        if !reading {
            // Whom we do not listen to is not silent.
            session.heard(Instant::now());
        }
        let mut deadline = session.deadline(has_room);
        if !has_room {
            deadline = deadline.min(progress.1 + patience);
        }
        if let Some(leave) = leave_at {
            let (now, last) = (Instant::now(), leave + LAST_CALLS);
            if now >= last || (now >= leave && session.is_idle()) {
                return Err(End::Close(Ending::RESTART));
            }
            deadline = deadline.min(if now < leave { leave } else { last });
        }
        let expired = async {
            match session.expires_at() {
                Some(time) => clock.sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            message = reader.recv(), if reading => match message {
                Some(Ok(message)) => receive(socket, session, message).await?,
                Some(Err(ProtocolError::Overflow)) => return Err(End::Close(Ending::TOO_LARGE)),
                Some(Err(_)) | None => return Err(End::Gone),
            },
            Some(answer) = calls.next(), if !calls.is_empty() => session.answered(answer, Instant::now()),
            () = watcher.woken() => {}
            () = socket.taken.more(), if !has_room => {}
            () = tokio::time::sleep_until(deadline.into()) => {}
            () = expired => {}
            over = stopped(&mut stopping), if leave_at.is_none() => {
                leave_at = Some(Instant::now() + over.mul_f64(rand::rng().random()));
            }
        }
        session.wake(Instant::now(), socket.has_room());
    }
}

/// Gives the client what it is owed; one that does not take it in time is cut off.
async fn write(sending: impl Future<Output = Result<(), Closed>>, patience: Duration) -> Result<(), End> {
    match tokio::time::timeout(patience, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Closed)) | Err(_) => Err(End::Gone),
    }
}

async fn receive(socket: &mut Socket, session: &mut Session, message: AggregatedMessage) -> Result<(), End> {
    let at = Instant::now();
    session.heard(at);
    match message {
        AggregatedMessage::Text(text) => session.receive(&text, at),
        // No client sends any.
        AggregatedMessage::Binary(_) | AggregatedMessage::Pong(_) => {}
        AggregatedMessage::Ping(bytes) => socket.pong(&bytes).await.map_err(|Closed| End::Gone)?,
        AggregatedMessage::Close(_) => return Err(End::Close(Ending::DONE)),
    }
    Ok(())
}

/// Runs a call to its end.
async fn run(app: &App, request: Request) -> Answer {
    let Request {
        kind,
        id,
        sent_before,
        path,
        arguments,
        asker,
    } = request;
    let (dispatcher, started) = (&app.dispatcher, Instant::now());
    let function = match (dispatcher.resolve(&path), kind) {
        (Ok(function), _) => function,
        (Err(error), Kind::Mutation) => return Answer::Mutation(id.request, Err(error)),
        (Err(error), Kind::Action) => return Answer::Action(id.request, Err(error)),
    };
    match kind {
        Kind::Mutation => {
            let outcome = dispatcher
                .mutation_once(&function, &arguments, asker, id, sent_before)
                .await;
            measure(&function, outcome.as_ref().err(), started);
            Answer::Mutation(id.request, outcome)
        }
        Kind::Action => {
            let outcome = match function.ensure_kind(FunctionKind::Action) {
                Ok(()) => dispatcher.call(&function, &arguments, asker).await,
                Err(error) => Err(error),
            };
            measure(&function, outcome.as_ref().err(), started);
            Answer::Action(id.request, outcome)
        }
    }
}

/// Over how long to close, once the process stops.
async fn stopped(stopping: &mut watch::Receiver<Option<Duration>>) -> Duration {
    loop {
        if let Some(over) = *stopping.borrow_and_update() {
            return over;
        }
        if stopping.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
