//! The settings of a client.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::Client;
use crate::agent::Tokens;
use crate::error::Error;
use crate::http::Http;
use crate::visitor::VisitorSession;
use crate::who::Who;

type Told<T> = Box<dyn Fn(Option<&T>) + Send + Sync>;

/// Who is told when a session changes.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) tokens: Option<Told<Tokens>>,
    pub(crate) visitor: Option<Told<VisitorSession>>,
}

/// Settings of a [`Client`].
pub struct Builder {
    address: String,
    timeout: Duration,
    largest: usize,
    retries: u32,
    longest_wait: Duration,
    user_agent: String,
    hooks: Hooks,
}

impl Builder {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            timeout: Duration::from_secs(30),
            largest: 32 * 1024 * 1024,
            retries: 3,
            longest_wait: Duration::from_secs(10),
            user_agent: concat!("opencom-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            hooks: Hooks::default(),
        }
    }

    /// How long one try of a call may take. Default: 30 seconds.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The largest answer that is taken, in bytes. Default: 32 MiB.
    #[must_use]
    pub fn largest_answer(self, largest: usize) -> Self {
        Self { largest, ..self }
    }

    /// How often a call is sent again where that is safe. Default: 3.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// The longest that a call which was limited waits for its turn, before the caller is told instead. Default: 10 seconds.
    #[must_use]
    pub fn longest_wait(self, longest_wait: Duration) -> Self {
        Self { longest_wait, ..self }
    }

    /// How the client names itself. Default: `opencom-client/` and its version.
    #[must_use]
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            ..self
        }
    }

    /// Is told of every agent's new tokens, to keep them for the next start; of `None` when the session is over. Each refresh
    /// token is good once, so the ones before are worth nothing.
    #[must_use]
    pub fn on_tokens(mut self, told: impl Fn(Option<&Tokens>) + Send + Sync + 'static) -> Self {
        self.hooks.tokens = Some(Box::new(told));
        self
    }

    /// Is told of every visitor's new session, to keep it for the next start; of `None` when it is over.
    #[must_use]
    pub fn on_visitor_session(mut self, told: impl Fn(Option<&VisitorSession>) + Send + Sync + 'static) -> Self {
        self.hooks.visitor = Some(Box::new(told));
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`Error::Address`] for what is no `http` or `https` address; [`Error::NoCryptography`] where nobody provides it.
    pub fn build(self) -> Result<Client, Error> {
        let refused = |reason: String| Error::Address {
            address: self.address.clone(),
            reason,
        };
        let mut base = Url::parse(&self.address).map_err(|error| refused(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(refused("it must start with http:// or https://".to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(refused("it must not carry a name or a password".to_owned()));
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        base.set_query(None);
        base.set_fragment(None);
        provide_cryptography()?;
        let client = reqwest::Client::builder()
            .timeout(self.timeout)
            .user_agent(&self.user_agent)
            // A function never redirects; a proxy that does would be handed the token.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(Error::Unreachable)?;
        Ok(Client {
            http: Arc::new(Http {
                client,
                base,
                largest: self.largest,
                retries: self.retries,
                longest_wait: self.longest_wait,
            }),
            who: Arc::new(Who::Nobody),
            hooks: Arc::new(self.hooks),
            #[cfg(feature = "live")]
            live: Arc::default(),
        })
    }
}

fn provide_cryptography() -> Result<(), Error> {
    #[cfg(feature = "aws-lc")]
    {
        // An error means that the program has one already.
        let _already = rustls_any::crypto::aws_lc_rs::default_provider().install_default();
    }
    match rustls_any::crypto::CryptoProvider::get_default() {
        Some(_) => Ok(()),
        None => Err(Error::NoCryptography),
    }
}
