//! Live queries: the official Convex client, with types.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use convex::{
    AuthTokenFetcher, AuthenticationToken, ConvexClient, ConvexClientBuilder, FunctionResult, QuerySubscription,
    WebSocketState,
};
use futures_util::{Stream, StreamExt, stream};
use opencom_contract::{Descriptor, Function, Kind};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};

use crate::error::{Error, Refusal, RefusalData};
use crate::who::{Proof, Who};
use crate::{Client, arguments};

/// The results of a query, the present one first and then each that differs. Ends with [`Client::close`] and never by
/// itself; dropping it ends the subscription.
pub type Updates<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

/// The socket of a client and its clones; opened when it is first needed.
#[derive(Default)]
pub(crate) struct Connection(Mutex<Option<Socket>>);

struct Socket {
    client: ConvexClient,
    /// Ends with the task that keeps the connection.
    states: mpsc::Receiver<WebSocketState>,
    /// Goes with the socket, for those who wait for an answer on it.
    open: watch::Sender<()>,
}

/// How long [`Client::close`] waits for the official client to be gone.
const CLOSING: Duration = Duration::from_secs(5);

impl Client {
    /// Holds a query and gives its results as they change. The connection comes back by itself, and says nothing of what did
    /// not change meanwhile. All subscriptions of a client share one socket.
    ///
    /// # Errors
    /// [`Error::Live`] when the connection breaks or is closed meanwhile; while the server cannot be reached this waits. What the
    /// query refuses comes as an item.
    pub async fn subscribe<F: Function>(&self, request: &F) -> Result<Updates<F::Output>, Error> {
        const { assert!(matches!(F::DESCRIPTOR.kind, Kind::Query), "only queries can be held") };
        let mut held = Held {
            client: self.clone(),
            arguments: arguments(request)?,
            proof: self.proof(None).await?,
            results: None,
        };
        held.hold(&F::DESCRIPTOR).await?;
        let updates = stream::unfold(held, |mut held| async move {
            let value = held.next(&F::DESCRIPTOR).await?;
            let typed = value.and_then(|value| {
                serde_path_to_error::deserialize(value).map_err(|error| Error::Unreadable {
                    path: F::DESCRIPTOR.path.to_owned(),
                    reason: error.to_string(),
                })
            });
            Some((typed, held))
        });
        Ok(Box::pin(updates))
    }

    /// Ends the live connection that this client shares with its clones, and all that is or is being subscribed on it; a
    /// later subscription opens another. Comes back when nothing of the connection runs any more, after five seconds at most.
    ///
    /// To be called before the program ends, while the server is there: the official client (0.10) that is dropped while its
    /// connection breaks may be left turning in circles, and a runtime waits for it forever.
    pub async fn close(&self) {
        let Some(Socket {
            client,
            mut states,
            open,
        }) = self.live.0.lock().await.take()
        else {
            return;
        };
        drop((client, open));
        let gone = async { while states.recv().await.is_some() {} };
        // Whoever closes while the connection breaks meets that fault here, and is not to wait for it too.
        tokio::time::timeout(CLOSING, gone).await.ok();
    }

    /// The official client that everybody with this session shares, and what changes when it is closed.
    async fn socket(&self) -> Result<(ConvexClient, watch::Receiver<()>), Error> {
        let mut connection = self.live.0.lock().await;
        if let Some(socket) = &*connection {
            return Ok((socket.client.clone(), socket.open.subscribe()));
        }
        let base = self.http.base.as_str().trim_end_matches('/');
        // What is said of the connection is not kept: that nobody can say anything any more is what counts.
        let (said, states) = mpsc::channel(1);
        let builder = ConvexClientBuilder::new(base)
            .with_client_id(concat!("rust-", env!("CARGO_PKG_VERSION")))
            .with_on_state_change(said);
        let mut client = builder.build().await.map_err(|error| Error::Live(error.to_string()))?;
        if matches!(&*self.who, Who::Agent(_)) {
            // Without the socket, which holds this: otherwise neither would ever go.
            let this = Self {
                live: std::sync::Arc::default(),
                ..self.clone()
            };
            let fetcher: AuthTokenFetcher = Box::new(move |is_doubted| {
                let this = this.clone();
                Box::pin(async move { this.for_socket(is_doubted).await })
            });
            client.set_auth_callback(Some(fetcher)).await;
        }
        let (open, closed) = watch::channel(());
        let shared = (client.clone(), closed);
        *connection = Some(Socket { client, states, open });
        Ok(shared)
    }

    /// The token for the socket; a new one when the server did not like the last.
    async fn for_socket(&self, is_doubted: bool) -> Result<AuthenticationToken, anyhow::Error> {
        let mut proof = self.proof(None).await?;
        if is_doubted {
            proof = self.proof(Some(&proof)).await?;
        }
        Ok(match proof.token() {
            Some(token) => AuthenticationToken::User(token.to_owned()),
            None => AuthenticationToken::None,
        })
    }
}

/// A query that is held.
struct Held {
    client: Client,
    arguments: Value,
    proof: Proof,
    results: Option<QuerySubscription>,
}

impl Held {
    /// Begins to hold it, with what proves who asks.
    async fn hold(&mut self, function: &Descriptor) -> Result<(), Error> {
        self.proof.fill_in(function, &mut self.arguments);
        let refused = |error: &dyn std::fmt::Display| Error::Live(error.to_string());
        let mut fields = BTreeMap::new();
        if let Value::Object(arguments) = &self.arguments {
            for (name, value) in arguments {
                let value = convex::Value::try_from(value.clone()).map_err(|error| refused(&error))?;
                fields.insert(name.clone(), value);
            }
        }
        let (mut socket, mut closed) = self.client.socket().await?;
        let results = tokio::select! {
            results = socket.subscribe(function.path, fields) => results.map_err(|error| refused(&error))?,
            _ = closed.changed() => return Err(refused(&"the connection was closed")),
        };
        self.results = Some(results);
        Ok(())
    }

    /// The next result, or refusal.
    async fn next(&mut self, function: &Descriptor) -> Option<Result<Value, Error>> {
        loop {
            let error = match self.results.as_mut()?.next().await? {
                FunctionResult::Value(value) => return Some(Ok(value.into())),
                FunctionResult::ErrorMessage(message) => Refusal::new(message, None).into(),
                FunctionResult::ConvexError(error) => {
                    let data = serde_json::from_value::<RefusalData>(error.data.into()).ok();
                    Error::from(Refusal::new(error.message, data))
                }
            };
            // An agent's token is renewed by the socket; a visitor's stands in the arguments.
            if !matches!(self.proof, Proof::Visitor(_)) || !self.proof.is_doubted_by(&error) {
                return Some(Err(error));
            }
            match self.client.proof(Some(&self.proof)).await {
                Ok(proof) => self.proof = proof,
                Err(error) => return Some(Err(error)),
            }
            if let Err(error) = self.hold(function).await {
                return Some(Err(error));
            }
        }
    }
}
