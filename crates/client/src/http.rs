//! Calls over HTTP: how they are sent, what of the answer is believed, and when they are sent again.

use std::time::Duration;

use opencom_contract::{Descriptor, Kind};
use opencom_core::Code;
use rand::RngExt;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use crate::error::{Error, ErrorCode, Refusal, RefusalData};

/// The first pause before a call is sent again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Sends calls to one server.
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) base: Url,
    /// The largest answer that is taken, in bytes.
    pub(crate) largest: usize,
    /// How often a call is sent again where that is safe.
    pub(crate) retries: u32,
    /// The longest wait that a server may ask for before the caller is told instead.
    pub(crate) longest_wait: Duration,
}

/// The answer of a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    status: &'a str,
    #[serde(borrow, default = "null")]
    value: &'a RawValue,
    error_message: Option<String>,
    #[serde(borrow)]
    error_data: Option<&'a RawValue>,
}

/// An answer without a value has none to give.
fn null() -> &'static RawValue {
    RawValue::NULL
}

/// The answer of the transport.
#[derive(Deserialize)]
struct Rejected {
    code: String,
    message: String,
}

impl Http {
    /// Calls a function; gives its result as JSON. Sent again where nothing can have happened: queries always; mutations and
    /// actions when the server was not reached, or said that it did nothing.
    pub(crate) async fn call(
        &self,
        function: &Descriptor,
        arguments: &Value,
        token: Option<&str>,
    ) -> Result<String, Error> {
        let mut tries = 0;
        loop {
            let error = match self.try_call(function, arguments, token).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(pause) = self.pause(function.kind, &error, tries) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// How long to wait before the call is sent again; `None` when it is not.
    fn pause(&self, kind: Kind, error: &Error, tries: u32) -> Option<Duration> {
        if tries >= self.retries {
            return None;
        }
        let is_safe = match error {
            Error::Unreachable(_) => true,
            Error::Lost(_) => kind == Kind::Query,
            Error::Rejected { status, .. } => kind == Kind::Query && *status >= 500,
            Error::Refused(refusal) => refusal.code == ErrorCode::Known(Code::RateLimited),
            _ => false,
        };
        if !is_safe {
            return None;
        }
        if let Error::Refused(refusal) = error
            && let Some(asked) = refusal.retry_after
        {
            return (asked <= self.longest_wait).then_some(asked);
        }
        // Somewhere between half of it and all of it, so that those who failed together do not come back together.
        let longest = FIRST_PAUSE.saturating_mul(1 << tries.min(16));
        Some(longest.mul_f64(rand::rng().random_range(0.5..=1.0)))
    }

    async fn try_call(&self, function: &Descriptor, arguments: &Value, token: Option<&str>) -> Result<String, Error> {
        let route = match function.kind {
            Kind::Query => "api/query",
            Kind::Mutation => "api/mutation",
            Kind::Action => "api/action",
        };
        let body = serde_json::json!({ "path": function.path, "args": arguments, "format": "json" });
        let mut request = self
            .client
            .post(self.at(route)?)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(lost)?;
        let (status, body) = self.read(response).await?;
        let unreadable = |reason: String| Error::Unreadable {
            path: function.path.to_owned(),
            reason,
        };
        if status != StatusCode::OK {
            return Err(rejected(status, &body));
        }
        let outcome: Outcome<'_> = serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
        if outcome.status == "success" {
            return Ok(outcome.value.get().to_owned());
        }
        let data = outcome.error_data.map(RawValue::get);
        let data = data.and_then(|data| serde_json::from_str::<RefusalData>(data).ok());
        Err(Refusal::new(outcome.error_message.unwrap_or_default(), data).into())
    }

    /// The address of a route.
    pub(crate) fn at(&self, route: &str) -> Result<Url, Error> {
        self.base.join(route).map_err(|error| Error::Address {
            address: self.base.to_string(),
            reason: error.to_string(),
        })
    }

    /// Status and body of an answer, which may not be larger than the client takes.
    pub(crate) async fn read(&self, mut response: Response) -> Result<(StatusCode, Vec<u8>), Error> {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(Error::Lost)? {
            if body.len() + part.len() > self.largest {
                return Err(Error::TooLarge { limit: self.largest });
            }
            body.extend_from_slice(&part);
        }
        Ok((status, body))
    }
}

/// What a failed sending means: whether the server can have heard of it.
pub(crate) fn lost(error: reqwest::Error) -> Error {
    if error.is_connect() || error.is_builder() {
        Error::Unreachable(error)
    } else {
        Error::Lost(error)
    }
}

/// An answer that says that no function ran. What stands before the server may answer in words of its own.
pub(crate) fn rejected(status: StatusCode, body: &[u8]) -> Error {
    let rejected: Option<Rejected> = serde_json::from_slice(body).ok();
    let (code, message) = rejected.map_or_else(
        || {
            let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
            ("Unknown".to_owned(), text)
        },
        |rejected| (rejected.code, rejected.message),
    );
    Error::Rejected {
        status: status.as_u16(),
        code,
        message,
    }
}
