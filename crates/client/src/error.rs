//! Why a call gave no result.

use std::fmt;
use std::time::Duration;

use opencom_core::Code;
use serde::Deserialize;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server's address cannot be used.
    #[error("{address:?} is no address of a server: {reason}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody provides cryptography for https.
    #[error("no cryptography: turn on the feature `aws-lc`, or install a provider of rustls before making a client")]
    NoCryptography,
    /// The function ran and refused, or failed.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The server answered that no function ran: the call, the token or the moment was not good.
    #[error("{code} ({status}): {message}")]
    Rejected {
        /// The status of HTTP.
        status: u16,
        /// For programs, as `Unauthenticated` or `BadJsonBody`.
        code: String,
        /// For people.
        message: String,
    },
    /// The server could not be reached: the call did not happen.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The call was sent and its answer was not received: a mutation or action may have happened or not.
    #[error("the answer was lost")]
    Lost(#[source] reqwest::Error),
    /// The answer is larger than the client takes.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// What the client takes.
        limit: usize,
    },
    /// The answer is not what the contract says: client and server are of different versions.
    #[error("the answer to {path} is not what this client expects: {reason}")]
    Unreadable {
        /// The function.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The session is over: sign in again.
    #[error("the session is over")]
    SignedOut,
    /// The connection for live queries could not be set up, or was closed meanwhile.
    #[error("no live connection: {0}")]
    Live(String),
}

impl Error {
    /// The code of the specification, when a function refused.
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// Whether the function refused with this code.
    pub fn is(&self, code: Code) -> bool {
        self.code().is_some_and(|known| *known == ErrorCode::Known(code))
    }
}

/// What a function said instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// The argument that is wrong, as a dotted path.
    pub field: Option<String>,
    /// The permission that is missing.
    pub permission: Option<String>,
    /// When another try may succeed.
    pub retry_after: Option<Duration>,
    /// Names the call in the server's log.
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// A code of the specification, or one that came after this client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ErrorCode {
    /// One of the specification.
    Known(Code),
    /// Another one.
    Other(String),
}

impl ErrorCode {
    /// The code as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.as_str(),
            Self::Other(code) => code,
        }
    }
}

/// `errorData` of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusalData {
    code: Option<ErrorCode>,
    field: Option<String>,
    permission: Option<String>,
    retry_after_ms: Option<f64>,
    request_id: Option<String>,
}

impl Refusal {
    /// The refusal that a text and data stand for; data of a shape that is not known counts as none.
    pub(crate) fn new(message: String, data: Option<RefusalData>) -> Self {
        let data = data.unwrap_or(RefusalData {
            code: None,
            field: None,
            permission: None,
            retry_after_ms: None,
            request_id: None,
        });
        Self {
            code: data.code.unwrap_or(ErrorCode::Known(Code::InternalError)),
            message,
            field: data.field,
            permission: data.permission,
            retry_after: data
                .retry_after_ms
                .and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok()),
            request_id: data.request_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_survives() {
        let data = r#"{"code":"TEAPOT","message":"m","retryAfterMs":1500.0,"more":1}"#;
        let refusal = Refusal::new("m".to_owned(), serde_json::from_str(data).ok());
        assert_eq!(refusal.code, ErrorCode::Other("TEAPOT".to_owned()));
        assert_eq!(refusal.code.as_str(), "TEAPOT");
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(1500)));
        let known: RefusalData =
            serde_json::from_str(r#"{"code":"NOT_FOUND","field":"id"}"#).unwrap_or_else(|e| panic!("{e}"));
        let refusal = Refusal::new(String::new(), Some(known));
        assert!(Error::from(refusal.clone()).is(Code::NotFound));
        assert_eq!(refusal.field.as_deref(), Some("id"));
    }
}
