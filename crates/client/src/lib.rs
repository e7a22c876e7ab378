#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod agent;
mod builder;
mod error;
mod files;
mod http;
#[cfg(feature = "live")]
mod live;
mod visitor;
mod who;

use std::fmt;
use std::sync::Arc;

use opencom_contract::{Function, Kind};
use serde_json::Value;

pub use opencom_contract as contract;
pub use opencom_core as core;

pub use self::agent::Tokens;
pub use self::builder::Builder;
pub use self::error::{Error, ErrorCode, Refusal};
#[cfg(feature = "live")]
pub use self::live::Updates;
pub use self::visitor::VisitorSession;

use self::http::Http;
use self::who::Who;

/// Calls the functions of one server, as nobody, as an agent or as a visitor. Cheap to clone; clones share the session.
///
/// [`sign_in`](Self::sign_in) gives a client that is an agent, [`boot`](Self::boot) one that is a visitor. Their tokens are renewed
/// before they run out, once however many calls need it.
#[derive(Clone)]
pub struct Client {
    http: Arc<Http>,
    who: Arc<Who>,
    hooks: Arc<builder::Hooks>,
    #[cfg(feature = "live")]
    live: Arc<live::Connection>,
}

impl fmt::Debug for Client {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Client")
            .field("server", &self.http.base.as_str())
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at this address, as nobody yet.
    ///
    /// # Errors
    /// [`Error::Address`] for what is no `http` or `https` address.
    pub fn new(address: &str) -> Result<Self, Error> {
        Builder::new(address).build()
    }

    /// The same, with settings of one's own.
    pub fn builder(address: &str) -> Builder {
        Builder::new(address)
    }

    fn with(&self, who: Who) -> Self {
        Self {
            http: Arc::clone(&self.http),
            who: Arc::new(who),
            hooks: Arc::clone(&self.hooks),
            #[cfg(feature = "live")]
            live: Arc::default(),
        }
    }

    /// Runs a query. Sent again when the server cannot be reached, fails or is busy.
    ///
    /// # Errors
    /// [`Error::Refused`] with the contract's code, or why there was no answer.
    pub async fn query<F: Function>(&self, request: &F) -> Result<F::Output, Error> {
        const { assert!(matches!(F::DESCRIPTOR.kind, Kind::Query), "this is no query") };
        self.call(request).await
    }

    /// Runs a mutation: one transaction. Sent again only when it surely has not happened: [`Error::Lost`] says that nobody
    /// knows.
    ///
    /// # Errors
    /// [`Error::Refused`] with the contract's code, or why there was no answer.
    pub async fn mutation<F: Function>(&self, request: &F) -> Result<F::Output, Error> {
        const { assert!(matches!(F::DESCRIPTOR.kind, Kind::Mutation), "this is no mutation") };
        self.call(request).await
    }

    /// Runs an action. Sent again as mutations are.
    ///
    /// # Errors
    /// [`Error::Refused`] with the contract's code, or why there was no answer.
    pub async fn action<F: Function>(&self, request: &F) -> Result<F::Output, Error> {
        const { assert!(matches!(F::DESCRIPTOR.kind, Kind::Action), "this is no action") };
        self.call(request).await
    }

    /// Runs a function of whatever kind it is.
    ///
    /// # Errors
    /// [`Error::Refused`] with the contract's code, or why there was no answer.
    pub async fn call<F: Function>(&self, request: &F) -> Result<F::Output, Error> {
        let mut arguments = arguments(request)?;
        let mut proof = self.proof(None).await?;
        proof.fill_in(&F::DESCRIPTOR, &mut arguments);
        let outcome = self.http.call(&F::DESCRIPTOR, &arguments, proof.token()).await;
        let outcome = match outcome {
            Err(error) if proof.is_doubted_by(&error) => {
                // It ran out on the way, or was ended elsewhere.
                proof = self.proof(Some(&proof)).await?;
                proof.fill_in(&F::DESCRIPTOR, &mut arguments);
                self.http.call(&F::DESCRIPTOR, &arguments, proof.token()).await
            }
            outcome => outcome,
        };
        read(F::DESCRIPTOR.path, &outcome?)
    }
}

/// The arguments of a call.
fn arguments<F: Function>(request: &F) -> Result<Value, Error> {
    serde_json::to_value(request).map_err(|error| Error::Unreadable {
        path: F::DESCRIPTOR.path.to_owned(),
        reason: error.to_string(),
    })
}

/// A result, from its JSON.
fn read<T: serde::de::DeserializeOwned>(path: &str, json: &str) -> Result<T, Error> {
    let reader = &mut serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(reader).map_err(|error| Error::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
