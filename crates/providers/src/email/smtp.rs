//! Mail through an SMTP server.

mod settings;

use std::error::Error as _;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::response::Response;
use tokio::sync::Semaphore;

use self::settings::{Protection, Settings};
use super::{Delivery, Email, EmailConfigError, EmailError, EmailProvider, mime};

/// Connections at once; mail servers commonly allow ten to twenty per client.
const MAX_CONNECTIONS: usize = 8;
/// Servers close idle connections after a few minutes; ours are replaced well before.
const MAX_IDLE: Duration = Duration::from_secs(60);
/// The default for [`Smtp::timeout`].
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends through an SMTP server, keeping connections open between mails.
///
/// The connections are kept here rather than by lettre's pool, because that one takes a connection back even when the
/// exchange on it was cut short by a timeout or a dropped future. The next mail would then read the answers to the
/// last one, and could count as accepted when it was not. Here a connection returns only after a complete exchange.
pub struct Smtp {
    settings: Settings,
    timeout: Duration,
    slots: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Smtp {
    /// Reads `smtp://user:password@host:port?tls=…`, user and password percent-encoded.
    ///
    /// | URL | protection | default port |
    /// |---|---|---|
    /// | `smtps://…` or `tls=wrapper` | TLS from the first byte | 465 |
    /// | `tls=starttls`, or no `tls` and a password | STARTTLS, or nothing is sent | 587 |
    /// | `tls=opportunistic`, or no `tls` and no password | STARTTLS if the server offers it | 25 |
    /// | `tls=none` | none | 25 |
    ///
    /// Further parameters: `helo`, the name we greet with; `ca`, a PEM file with the authority of a private server.
    /// A password travels unprotected only if `tls=none` says so.
    pub fn from_url(url: &str) -> Result<Self, EmailConfigError> {
        Ok(Self {
            settings: Settings::parse(url)?,
            timeout: TIMEOUT,
            slots: Semaphore::new(MAX_CONNECTIONS),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// How long one mail may take, connecting included; 30 seconds unless told otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn deliver(&self, message: &lettre::Message) -> Result<Response, EmailError> {
        let mut connection = match self.reuse().await {
            Some(connection) => connection,
            None => self.connect().await.map_err(not_connected)?,
        };
        let response = connection
            .send(message.envelope(), &message.formatted())
            .await
            .map_err(not_sent)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle {
            connection,
            since: Instant::now(),
        });
        Ok(response)
    }

    /// An idle connection that still answers; those that do not are dropped on the way.
    async fn reuse(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut connection = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.retain(|idle| idle.since.elapsed() < MAX_IDLE);
                idle.pop()?.connection
            };
            if connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let Settings {
            host,
            port,
            protection,
            credentials,
            hello,
        } = &self.settings;
        let wrapper = match protection {
            Protection::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), hello, wrapper, None).await?;
        match protection {
            Protection::Required(parameters) => connection.starttls(parameters.clone(), hello).await?,
            Protection::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), hello).await?;
            }
            Protection::Opportunistic(_) | Protection::None | Protection::Wrapper(_) => {}
        }
        if let Some(credentials) = credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

#[async_trait]
impl EmailProvider for Smtp {
    async fn send(&self, mail: &Email) -> Result<Delivery, EmailError> {
        let message = mime::message(mail)?;
        // The wait for a slot is outside the timeout: it ends because whoever holds one is timed.
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|error| EmailError::unavailable(error.to_string()))?;
        let response = tokio::time::timeout(self.timeout, self.deliver(&message))
            .await
            .map_err(|_| EmailError::unavailable("The mail server did not answer in time."))??;
        Ok(Delivery {
            provider_id: response.message().last().map(ToOwned::to_owned),
        })
    }

    async fn check(&self) -> Result<(), EmailError> {
        let connected = tokio::time::timeout(self.timeout, self.connect())
            .await
            .map_err(|_| EmailError::unavailable("The mail server did not answer in time."))?;
        // A server that does not part politely has let us in all the same.
        let _ = connected.map_err(not_connected)?.quit().await;
        Ok(())
    }

    fn name(&self) -> &'static str {
        "smtp"
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("settings", &self.settings)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Whatever fails before the mail is offered, a wrong password included, is not the mail's fault: it stays worth
/// sending once the operator has put it right.
fn not_connected(error: lettre::transport::smtp::Error) -> EmailError {
    EmailError::unavailable(match error.status() {
        Some(code) => format!("The mail server refused the connection: {code} {}", reason(&error)),
        None => format!("The mail server cannot be used: {error}"),
    })
}

fn not_sent(error: lettre::transport::smtp::Error) -> EmailError {
    match error.status() {
        Some(code) if error.is_permanent() => {
            EmailError::rejected(format!("The mail server refused the mail: {code} {}", reason(&error)))
        }
        Some(code) => EmailError::unavailable(format!("The mail server put the mail off: {code} {}", reason(&error))),
        // The server cannot carry it, such as an address outside ASCII.
        None if error.is_client() => {
            EmailError::rejected(format!("The mail server cannot take the mail: {}", reason(&error)))
        }
        None => EmailError::unavailable(format!("The connection to the mail server failed: {error}")),
    }
}

fn reason(error: &lettre::transport::smtp::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
