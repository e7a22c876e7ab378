//! A client of the sync socket that sends exactly what it is told.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use uuid::Uuid;

use super::ledger::Ledger;

/// How long an answer may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Where the JavaScript clients connect.
pub(crate) const NPM: &str = "/api/1.35.1/sync";
/// Where the Rust and Python clients connect.
pub(crate) const RUST: &str = "/api/sync";

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The server said so, with a code and a reason.
    Closed(u16, String),
    /// The TCP connection was cut.
    Cut,
}

/// One connection, with what was asked for and told on it.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Goes before the first frame.
    unsent: Option<Value>,
    /// The session of `Connect`.
    pub(crate) session: String,
    /// WebSocket pings and pongs received so far.
    pub(crate) pings: usize,
    pub(crate) pongs: usize,
    ledger: Ledger,
}

impl Deref for Socket {
    type Target = Ledger;
    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

impl DerefMut for Socket {
    fn deref_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Socket {
    /// Opens a connection and sends nothing on it.
    pub(crate) async fn open(base: &str, path: &str, headers: &[(&'static str, &str)]) -> Self {
        Self::open_on(TcpSocket::new_v4().unwrap(), base, path, headers).await
    }

    async fn open_on(tcp: TcpSocket, base: &str, path: &str, headers: &[(&'static str, &str)]) -> Self {
        let host = base.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{host}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let tcp = tcp.connect(host.parse().unwrap()).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let unlimited = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (stream, _) = client_async_with_config(request, tcp, Some(unlimited)).await.unwrap();
        Self {
            stream,
            unsent: None,
            session: session(),
            pings: 0,
            pongs: 0,
            ledger: Ledger::new(path != RUST),
        }
    }

    /// A JavaScript client. It says `Connect` together with whatever it sends first, as those clients do.
    pub(crate) async fn npm(base: &str) -> Self {
        let mut socket = Self::open(base, NPM, &[]).await;
        socket.unsent = Some(socket.hello(0));
        socket
    }

    /// A Rust client.
    pub(crate) async fn rust(base: &str) -> Self {
        let mut socket = Self::open(base, RUST, &[("convex-client", "rust-0.10.4")]).await;
        socket.unsent = Some(socket.hello(0));
        socket
    }

    /// A JavaScript client whose system takes little before it is read.
    pub(crate) async fn narrow(base: &str) -> Self {
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(16 * 1024).unwrap();
        let mut socket = Self::open_on(tcp, base, NPM, &[]).await;
        socket.unsent = Some(socket.hello(0));
        socket
    }

    /// A JavaScript client that lost its connection and is back, with its session.
    pub(crate) async fn npm_again(base: &str, session: &str, connection_count: u32) -> Self {
        let mut socket = Self::open(base, NPM, &[]).await;
        session.clone_into(&mut socket.session);
        socket.unsent = Some(socket.hello(connection_count));
        socket
    }

    /// The first frame of a connection.
    pub(crate) fn hello(&self, connection_count: u32) -> Value {
        let reason = if connection_count == 0 {
            "InitialConnect"
        } else {
            "closed with code 1006"
        };
        json!({ "type": "Connect", "sessionId": self.session, "connectionCount": connection_count,
                "lastCloseReason": reason, "clientTs": 0 })
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_together([frame]).await;
    }

    /// Sends any text.
    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.send_together([]).await;
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends whatever it is, and says whether the connection took it.
    pub(crate) async fn try_send(&mut self, message: Message) -> bool {
        self.stream.send(message).await.is_ok()
    }

    /// Sends frames in one piece, as a client's opening burst arrives.
    pub(crate) async fn send_together(&mut self, frames: impl IntoIterator<Item = Value>) {
        for frame in self.unsent.take().into_iter().chain(frames) {
            self.ledger.sends(&frame);
            self.stream.feed(Message::text(frame.to_string())).await.unwrap();
        }
        self.stream.flush().await.unwrap();
    }

    /// The frame that changes the query set, counted as sent.
    pub(crate) fn modify(&mut self, modifications: Value) -> Value {
        let base = self.asked.query_set;
        self.asked.query_set += 1;
        json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1,
                "modifications": modifications })
    }

    /// Subscribes to a query.
    pub(crate) async fn add(&mut self, id: u32, path: &str, args: Value) {
        let frame = self.modify(json!([add(id, path, args)]));
        self.send(frame).await;
    }

    /// Ends a subscription.
    pub(crate) async fn remove(&mut self, id: u32) {
        let frame = self.modify(json!([{ "type": "Remove", "queryId": id }]));
        self.send(frame).await;
    }

    /// Calls a mutation.
    pub(crate) async fn mutate(&mut self, request: u32, path: &str, args: Value) {
        self.send(mutation(request, path, args)).await;
    }

    /// Calls an action.
    pub(crate) async fn act(&mut self, request: u32, path: &str, args: Value) {
        self.send(json!({ "type": "Action", "requestId": request, "udfPath": path, "args": [args] }))
            .await;
    }

    /// The frame that sets or clears the token, counted as sent.
    pub(crate) fn token(&mut self, token: Option<&str>) -> Value {
        let base = self.asked.identity;
        self.asked.identity += 1;
        match token {
            Some(token) => json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "User", "value": token }),
            None => json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "None" }),
        }
    }

    /// Sets or clears the token.
    pub(crate) async fn authenticate(&mut self, token: Option<&str>) {
        let frame = self.token(token);
        self.send(frame).await;
    }

    /// The next frame that says something; a Transition in parts counts as one.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.try_frame().await {
            Ok(frame) => frame,
            Err(end) => panic!("the connection ended: {end:?}"),
        }
    }

    /// The next frame, which has to be a Transition.
    pub(crate) async fn transition(&mut self) -> Value {
        let frame = self.frame().await;
        assert_eq!(frame["type"], "Transition", "{frame}");
        frame
    }

    /// The next frame, which has to be the answer to a request.
    pub(crate) async fn answer(&mut self, request: u32) -> Value {
        let frame = self.frame().await;
        assert_eq!(frame["requestId"], request, "{frame}");
        frame
    }

    /// The answer to a mutation; before it Transitions may come that do not show its effect.
    pub(crate) async fn answered(&mut self, request: u32) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] != "Transition" {
                assert_eq!(
                    (&frame["type"], &frame["requestId"]),
                    (&json!("MutationResponse"), &json!(request))
                );
                return frame;
            }
        }
    }

    /// The answer to a mutation, once a Transition has covered it.
    pub(crate) async fn settled(&mut self, request: u32) -> Value {
        match self.try_settled(request).await {
            Ok(answer) => answer,
            Err(end) => panic!("the connection ended: {end:?}"),
        }
    }

    /// The same, unless the connection ends before.
    pub(crate) async fn try_settled(&mut self, request: u32) -> Result<Value, End> {
        let mut answer = None;
        loop {
            let frame = self.try_frame().await?;
            match frame["type"].as_str() {
                Some("MutationResponse") if frame["requestId"] == request => answer = Some(frame),
                Some("Transition") => {
                    if let Some(answer) = answer.take_if(|_| self.has_settled(request)) {
                        return Ok(answer);
                    }
                }
                _ => panic!("no answer to request {request}: {frame}"),
            }
        }
    }

    /// Reads Transitions until the latest result of a query is what is waited for.
    pub(crate) async fn until(&mut self, id: u32, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(latest) = self.results.get(&id).filter(|latest| wanted(latest)) {
                return latest.clone();
            }
            self.transition().await;
        }
    }

    /// Reads Transitions until all that was asked for is answered for.
    pub(crate) async fn caught_up(&mut self) {
        while (self.seen.query_set, self.seen.identity) != (self.asked.query_set, self.asked.identity) {
            self.transition().await;
        }
    }

    /// Reads whatever is left until the connection ends, believes none of it, and says how many bytes it was.
    pub(crate) async fn drain(&mut self) -> usize {
        let drain = async {
            let mut bytes = 0;
            while let Ok(text) = self.text().await {
                bytes += text.len();
            }
            bytes
        };
        tokio::time::timeout(PATIENCE, drain).await.expect("no end")
    }

    /// Reads until the connection ends; whatever comes before is checked and dropped.
    pub(crate) async fn end(&mut self) -> End {
        loop {
            if let Err(end) = self.try_frame().await {
                return end;
            }
        }
    }

    /// Waits for `count` signs of life of the kind that JavaScript clients count on.
    pub(crate) async fn reminded(&mut self, count: usize) {
        let wanted = self.reminders + count;
        let listen = async {
            while self.reminders < wanted {
                let text = self.text().await.unwrap();
                self.ledger.takes(&text);
            }
        };
        tokio::time::timeout(PATIENCE, listen).await.expect("nobody pinged");
    }

    /// The next frame that says something, or how the connection ended.
    pub(crate) async fn try_frame(&mut self) -> Result<Value, End> {
        // Pings would keep each single wait short.
        let next = tokio::time::timeout(PATIENCE, self.next());
        next.await.expect("nothing came")
    }

    async fn next(&mut self) -> Result<Value, End> {
        loop {
            let text = self.text().await?;
            if let Some(frame) = self.ledger.takes(&text) {
                return Ok(frame);
            }
        }
    }

    /// The next text.
    async fn text(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_))) => self.pings += 1,
                Some(Ok(Message::Pong(_))) => self.pongs += 1,
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err(End::Closed(close.code.into(), close.reason.to_string()));
                }
                Some(Ok(Message::Close(None))) => return Err(End::Closed(1005, String::new())),
                Some(Ok(other)) => panic!("a frame that no client expects: {other:?}"),
                None | Some(Err(Error::Io(_) | Error::Protocol(_) | Error::ConnectionClosed)) => return Err(End::Cut),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}

/// A session id as clients make them.
#[expect(clippy::disallowed_methods, reason = "an id of the client's, not of an entity")]
fn session() -> String {
    Uuid::new_v4().to_string()
}

/// The modification that subscribes to a query.
pub(crate) fn add(id: u32, path: &str, args: Value) -> Value {
    json!({ "type": "Add", "queryId": id, "udfPath": path, "args": [args] })
}

/// The frame that calls a mutation.
pub(crate) fn mutation(request: u32, path: &str, args: Value) -> Value {
    json!({ "type": "Mutation", "requestId": request, "udfPath": path, "args": [args] })
}
