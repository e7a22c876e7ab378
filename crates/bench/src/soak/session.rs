//! A client on a connection that comes and goes.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opencom_contract::Function;
use uuid::Uuid;

use super::view::{Settled, View};
use crate::Fault;
use crate::socket::Socket;
use crate::wire::{self, Frame};

/// How long a connection that was left behind stays open.
const LEFT_BEHIND: Duration = Duration::from_secs(40);

/// What has happened so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) open: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) transitions: AtomicU64,
    /// Mutations that a new connection sent once more.
    pub(crate) sent_again: AtomicU64,
    pub(crate) messages_over_http: AtomicU64,
    pub(crate) messages_over_sockets: AtomicU64,
    pub(crate) conversations: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The ways in which a connection ends.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    /// The page says goodbye.
    Close,
    /// The program is gone.
    Cut,
    /// Somebody on the way has forgotten the connection.
    Reset,
    /// The client has moved to another network: the server goes on writing to a connection that nobody reads.
    Abandon,
}

/// A client.
pub(crate) struct Session {
    address: Arc<str>,
    /// An agent's token.
    token: Option<String>,
    id: Uuid,
    connections: u32,
    close_reason: Option<&'static str>,
    socket: Option<Socket>,
    left_behind: Vec<(Instant, Socket)>,
    view: View,
    tally: Arc<Tally>,
}

impl Session {
    pub(crate) fn new(address: Arc<str>, token: Option<String>, tally: Arc<Tally>) -> Self {
        Self {
            address,
            token,
            id: Uuid::from_u128(rand::random()),
            connections: 0,
            close_reason: Some("InitialConnect"),
            socket: None,
            left_behind: Vec::new(),
            view: View::default(),
            tally,
        }
    }

    /// Becomes another client. What was left behind stays open as long as it would have.
    pub(crate) fn start_over(&mut self) {
        self.id = Uuid::from_u128(rand::random());
        self.connections = 0;
        self.close_reason = Some("InitialConnect");
        self.view = View::default();
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Connects and takes up where the last connection ended, if it is not connected.
    pub(crate) async fn open(&mut self) -> Result<(), Fault> {
        self.left_behind.retain(|(since, _)| since.elapsed() < LEFT_BEHIND);
        if self.is_open() {
            return Ok(());
        }
        let mut socket = Socket::connect(&self.address).await?;
        let connect = wire::connect(self.id, self.connections, self.close_reason, self.view.seen());
        socket.send(&connect).await?;
        if let Some(token) = &self.token {
            socket.send(&wire::authenticate(token)).await?;
        }
        let (subscriptions, requests) = self.view.resume()?;
        socket.send(&subscriptions).await?;
        for request in requests {
            socket.send(&request).await?;
            count(&self.tally.sent_again);
        }
        self.socket = Some(socket);
        self.connections += 1;
        count(&self.tally.connections);
        count(&self.tally.open);
        Ok(())
    }

    /// Ends the connection, if there is one.
    pub(crate) async fn end(&mut self, ending: Ending) -> Result<(), Fault> {
        let Some(socket) = self.socket.take() else {
            return Ok(());
        };
        self.tally.open.fetch_sub(1, Ordering::Relaxed);
        self.close_reason = Some("closed with code 1006");
        match ending {
            Ending::Close => {
                self.close_reason = None;
                socket.close().await?;
            }
            Ending::Cut => drop(socket),
            Ending::Reset => socket.reset()?,
            Ending::Abandon => self.left_behind.push((Instant::now(), socket)),
        }
        Ok(())
    }

    async fn send(&mut self, message: &str) -> Result<(), Fault> {
        match &mut self.socket {
            Some(socket) => socket.send(message).await,
            // It goes out with the next connection.
            None => Ok(()),
        }
    }

    pub(crate) async fn subscribe<F: Function>(&mut self, request: &F) -> Result<(), Fault> {
        let message = self.view.subscribe(request)?;
        self.send(&message).await
    }

    pub(crate) async fn unsubscribe(&mut self, id: u32) -> Result<(), Fault> {
        let message = self.view.unsubscribe(id);
        self.send(&message).await
    }

    /// Calls a mutation; gives its id.
    pub(crate) async fn call<F: Function>(&mut self, request: &F) -> Result<u32, Fault> {
        let (id, message) = self.view.call(request)?;
        self.send(&message).await?;
        Ok(id)
    }

    /// Waits for what the server sends; for ever without a connection. Gives the mutations that are settled by it.
    pub(crate) async fn receive(&mut self) -> Result<Vec<Settled>, Fault> {
        let Self {
            socket, view, tally, ..
        } = self;
        let Some(socket) = socket else {
            return future::pending().await;
        };
        let mut settled = Vec::new();
        socket
            .receive(|frame| {
                if let Frame::Transition { .. } = frame {
                    count(&tally.transitions);
                }
                view.absorb(frame, &mut settled)
            })
            .await?;
        Ok(settled)
    }
}
