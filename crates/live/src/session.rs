//! One connection of a client: what it sent, what it was shown, what it is owed. Does no I/O.
//!
//! The order of what happens is the protocol. Frames and events come in by methods; what is to be done comes out by
//! [`Session::next_output`]. A transition shows one moment: it waits until every held query is settled, and while a
//! mutation of this connection runs there is none, so that its effect is never seen before its answer.

mod calls;
mod queries;
mod transitions;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opencom_core::auth::jwt::Verified;
use opencom_core::{Error, Millis};
use opencom_runtime::timestamp::nanoseconds;
use opencom_runtime::{Caller, Server};
use uuid::Uuid;

use self::calls::Calls;
pub use self::calls::{Answer, Kind, Request};
use self::queries::QuerySet;
use self::transitions::Shown;
use crate::engine::{Engine, Watcher};
use crate::frames;
use crate::protocol::{Authenticate, ClientFrame, Connect, TokenType};

/// What the sessions of a process have in common.
pub struct Host {
    /// Clock and timestamps.
    pub server: Arc<Server>,
    /// The held queries.
    pub engine: Arc<Engine>,
    /// Knows good tokens.
    pub tokens: Arc<dyn Tokens>,
    /// Times and limits.
    pub limits: Limits,
}

/// Knows good tokens.
pub trait Tokens: Send + Sync {
    /// Who a token speaks for and until when.
    ///
    /// # Errors
    /// Why it is refused, in words.
    fn verify(&self, token: &str) -> Result<Verified, String>;
}

/// Times and limits of a connection. The defaults are those of the product.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a new connection must have been quiet before it is shown anything: clients open with several frames, and
    /// one answer to all of them is less and safer than one to each.
    pub opening_quiet: Duration,
    /// How long a reconnecting client may take to say which queries it holds.
    pub opening_patience: Duration,
    /// How long transitions wait for queries that do not settle, before they show what there is.
    pub settle_patience: Duration,
    /// After how much silence of ours the client is told that we are there, and after how much silence of its own it is
    /// asked for a sign of life.
    pub ping_after: Duration,
    /// After how much silence a client counts as gone.
    pub peer_patience: Duration,
    /// How long a client may take to read what it was sent.
    pub write_patience: Duration,
    /// How long a client whose token was refused may take to leave.
    pub leave_patience: Duration,
    /// The most queries that a connection holds.
    pub queries: usize,
    /// The most calls that wait; beyond, nothing more is read.
    pub waiting_calls: usize,
    /// The most bytes of arguments that wait; beyond, nothing more is read.
    pub waiting_bytes: usize,
    /// The most actions that run side by side.
    pub actions: usize,
    /// The most answered mutations whose effect has not been shown; beyond, the next one waits for that.
    pub unshown: usize,
    /// Transitions longer than this are sent to npm clients in parts.
    pub chunk_over: usize,
    /// The length of such parts.
    pub chunk: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            opening_quiet: Duration::from_millis(10),
            opening_patience: Duration::from_secs(1),
            settle_patience: Duration::from_millis(250),
            ping_after: Duration::from_secs(15),
            peer_patience: Duration::from_secs(120),
            write_patience: Duration::from_secs(30),
            leave_patience: Duration::from_secs(2),
            queries: 1000,
            waiting_calls: 256,
            waiting_bytes: 16 * 1024 * 1024,
            actions: 16,
            unshown: 16,
            chunk_over: 5 * 1024 * 1024,
            chunk: 1024 * 1024,
        }
    }
}

/// Which clients connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// An npm client: it joins transitions that come in parts.
    Npm,
    /// Any other.
    Other,
}

/// Why a connection ends, in the words that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The close code.
    pub code: u16,
    /// The reason. npm clients choose by its beginning how soon they come back.
    pub reason: &'static str,
}

impl Ending {
    /// The client broke the protocol.
    pub const BROKEN: Self = Self::new(1008, "ProtocolError");
    /// The client's token is not good.
    pub const UNAUTHENTICATED: Self = Self::new(1000, "AuthError");
    /// Something of ours failed that may work again soon.
    pub const TRANSIENT: Self = Self::new(1011, "InternalServerError");
    /// The client left.
    pub const DONE: Self = Self::new(1000, "");
    /// A frame was larger than any that is read.
    pub const TOO_LARGE: Self = Self::new(1009, "MessageTooLarge");
    /// The server stops; another one goes on.
    pub const RESTART: Self = Self::new(1012, "InternalServerError");
    /// There are too many connections.
    pub const FULL: Self = Self::new(1013, "TooManyConcurrentRequests");
    /// Nothing was heard of the client.
    pub const SILENT: Self = Self::new(1001, "InactiveClient");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Output {
    /// Send a text frame.
    Frame(String),
    /// Send a WebSocket ping.
    Ping,
    /// Run a call, and tell [`Session::answered`].
    Call(Request),
    /// Close the connection, after what was sent before.
    Close(Ending),
}

/// What is known of the client since it opened the session.
#[derive(Clone, Copy, Debug)]
struct Opened {
    session_id: Uuid,
    skew: Option<i64>,
    reconnected: bool,
    at: Instant,
}

/// One connection.
pub struct Session {
    host: Arc<Host>,
    client: Client,
    /// Where the client is.
    address: Option<IpAddr>,
    watcher: Arc<Watcher>,
    opened: Option<Opened>,
    caller: Caller,
    /// When the caller's token runs out.
    expires_at: Option<Millis>,
    /// The version of the identity that the client has asked for.
    identity: u32,
    queries: QuerySet,
    calls: Calls,
    shown: Shown,
    output: VecDeque<Output>,
    last_heard: Instant,
    last_frame: Instant,
    last_sent: Instant,
    last_ping: Instant,
    /// Set once nothing of the client counts any more; the connection is closed then.
    leaving: Option<(Instant, Ending)>,
    closed: bool,
}

impl Session {
    /// A connection that was opened from `address` at `at` and has said nothing yet.
    pub fn new(host: Arc<Host>, client: Client, address: Option<IpAddr>, at: Instant) -> Self {
        let watcher = Arc::new(Watcher::default());
        Self {
            queries: QuerySet::new(Arc::clone(&host.engine), Arc::clone(&watcher), address),
            host,
            client,
            address,
            watcher,
            opened: None,
            caller: Caller::Anonymous,
            expires_at: None,
            identity: 0,
            calls: Calls::default(),
            shown: Shown::default(),
            output: VecDeque::new(),
            last_heard: at,
            last_frame: at,
            last_sent: at,
            last_ping: at,
            leaving: None,
            closed: false,
        }
    }

    /// Wakes when held queries may have changed; tell [`wake`](Self::wake) then.
    pub fn watcher(&self) -> &Arc<Watcher> {
        &self.watcher
    }

    /// The next thing to be done.
    pub fn next_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Whether nothing more should be read for now.
    pub fn is_full(&self) -> bool {
        self.calls.are_full(&self.host.limits)
    }

    /// Whether no call runs or waits.
    pub fn is_idle(&self) -> bool {
        self.calls.are_idle()
    }

    /// When the caller's token runs out, by the wall clock.
    pub fn expires_at(&self) -> Option<Millis> {
        self.expires_at
    }

    /// Something was heard of the client: a ping, a pong, a part of a frame.
    pub fn heard(&mut self, at: Instant) {
        self.last_heard = at;
    }

    /// A text frame came in.
    pub fn receive(&mut self, text: &str, at: Instant) {
        self.heard(at);
        if self.leaving.is_some() || self.closed {
            return;
        }
        self.last_frame = at;
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(error) => return self.break_off(&format!("a frame could not be read: {error}")),
        };
        if let ClientFrame::Connect(connect) = &frame {
            return self.connect(connect, at);
        }
        if self.opened.is_none() && !matches!(frame, ClientFrame::Event) {
            return self.break_off("the first message must be Connect");
        }
        if !matches!(frame, ClientFrame::Authenticate(_) | ClientFrame::Event) && self.leave_if_expired(at) {
            return;
        }
        match frame {
            ClientFrame::Connect(_) | ClientFrame::Event => {}
            ClientFrame::Authenticate(authenticate) => self.authenticate(&authenticate, at),
            ClientFrame::ModifyQuerySet(change) => {
                if let Err(why) = self.queries.modify(&change, self.caller, &self.host.limits) {
                    return self.break_off(&why);
                }
                self.shown.owe();
            }
            ClientFrame::Mutation(call) => self.call(Kind::Mutation, &call),
            ClientFrame::Action(call) => self.call(Kind::Action, &call),
        }
    }

    fn connect(&mut self, connect: &Connect, at: Instant) {
        if self.opened.is_some() {
            return self.break_off("Connect came twice");
        }
        let now = self.host.server.clock.now();
        self.opened = Some(Opened {
            session_id: connect.session_id,
            skew: connect.client_ts.map(|client| client.saturating_sub(now.0)),
            reconnected: connect.connection_count > 0,
            at,
        });
        self.shown.never_before(connect.max_observed_timestamp.unwrap_or(0));
        self.shown.owe();
    }

    fn authenticate(&mut self, authenticate: &Authenticate<'_>, at: Instant) {
        if authenticate.base_version != self.identity {
            return self.break_off(&format!(
                "Authenticate with base version {}, but the identity is at version {}",
                authenticate.base_version, self.identity
            ));
        }
        let (caller, expires_at) = match authenticate.token_type {
            TokenType::None => (Caller::Anonymous, None),
            TokenType::Admin => return self.refuse("This server has no admin keys.", true, at),
            TokenType::User => match self
                .host
                .tokens
                .verify(authenticate.value.as_deref().unwrap_or_default())
            {
                Ok(verified) => (Caller::Agent(verified.identity), Some(verified.expires_at)),
                Err(why) => return self.refuse(&why, true, at),
            },
        };
        self.identity = self.identity.wrapping_add(1);
        self.expires_at = expires_at;
        // A refreshed token of the same session changes nothing that queries see.
        if self.caller != caller {
            self.caller = caller;
            self.queries.ask_as(caller);
            self.shown.identity_changed();
        }
        self.shown.owe();
    }

    /// Refuses the client's token, and leaves.
    fn refuse(&mut self, why: &str, attempted: bool, at: Instant) {
        self.send(frames::auth_error(why, self.identity, attempted), at);
        self.leave(at + self.host.limits.leave_patience, Ending::UNAUTHENTICATED);
    }

    fn leave_if_expired(&mut self, at: Instant) -> bool {
        let now = self.host.server.clock.now();
        let expired = self.leaving.is_none() && self.expires_at.is_some_and(|expires_at| expires_at <= now);
        if expired {
            self.refuse("Convex token identity expired", false, at);
        }
        expired
    }

    /// The client broke the protocol.
    fn break_off(&mut self, why: &str) {
        self.output.push_back(Output::Frame(frames::fatal_error(why)));
        self.close(Ending::BROKEN);
    }

    /// Leaves at `at`; nothing more is read, run or shown.
    fn leave(&mut self, at: Instant, ending: Ending) {
        self.calls.drop_waiting();
        self.queries.clear();
        self.expires_at = None;
        self.leaving = Some((at, ending));
    }

    /// Closes the connection.
    pub fn close(&mut self, ending: Ending) {
        if !self.closed {
            self.closed = true;
            self.calls.drop_waiting();
            self.queries.clear();
            self.output.push_back(Output::Close(ending));
        }
    }

    fn send(&mut self, frame: String, at: Instant) {
        self.last_sent = at;
        self.output.push_back(Output::Frame(frame));
    }

    /// Something may have changed: time passed, queries settled, what was sent has been taken. Shows what there is to show.
    /// `has_room` says that the client has taken nearly all that it was sent.
    pub fn wake(&mut self, at: Instant, has_room: bool) {
        if self.closed {
            return;
        }
        if let Some((when, ending)) = self.leaving {
            if when <= at {
                self.close(ending);
            }
            return;
        }
        if at.duration_since(self.last_heard) >= self.host.limits.peer_patience {
            return self.close(Ending::SILENT);
        }
        if self.leave_if_expired(at) {
            return;
        }
        if has_room {
            self.show(at);
        }
        self.start_calls();
        let after = self.host.limits.ping_after;
        if at.duration_since(self.last_sent) >= after {
            self.send(frames::PING.to_owned(), at);
        }
        // Asks for a sign of life. Who only watches has nothing to say by himself, however much he is shown.
        if at.duration_since(self.last_heard.max(self.last_ping)) >= after {
            self.last_ping = at;
            self.output.push_back(Output::Ping);
        }
    }

    /// When to [`wake`](Self::wake) at the latest.
    pub fn deadline(&self, has_room: bool) -> Instant {
        if let Some((when, _)) = self.leaving {
            return when;
        }
        let limits = &self.host.limits;
        let liveness = (self.last_heard + limits.peer_patience)
            .min(self.last_sent + limits.ping_after)
            .min(self.last_heard.max(self.last_ping) + limits.ping_after);
        match self.next_show().filter(|_| has_room) {
            Some(at) => at.min(liveness),
            None => liveness,
        }
    }

    fn clocks(&self, opened: Opened) -> Option<frames::Clocks> {
        let server_ts = nanoseconds(self.host.server.clock.now());
        opened.skew.map(|skew| frames::Clocks { skew, server_ts })
    }
}

/// A call that names a component.
fn no_components(path: Option<&str>) -> Result<(), Error> {
    match path {
        None | Some("") => Ok(()),
        Some(_) => Err(Error::invalid("componentPath", "This server has no components.")),
    }
}
