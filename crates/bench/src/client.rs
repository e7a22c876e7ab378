//! One keep-alive connection that calls functions, as lean as it gets: the generator shares the machine with what it
//! measures.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use opencom_contract::{Function, Kind};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;

use crate::Fault;

/// One connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    token: Option<HeaderValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    error_message: Option<String>,
}

impl Client {
    /// A connection to the server at `address`; `token` signs every call.
    pub(crate) async fn connect(address: &str, token: Option<&str>) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let token = token
            .map(|token| HeaderValue::from_str(&format!("Bearer {token}")))
            .transpose()?;
        Ok(Self {
            sender,
            host: HeaderValue::from_str(address)?,
            token,
        })
    }

    /// Calls a function and gives the answer's body, whatever it says.
    pub(crate) async fn raw<F: Function>(&mut self, request: &F) -> Result<Bytes, Fault> {
        let route = match F::DESCRIPTOR.kind {
            Kind::Query => "/api/query",
            Kind::Mutation => "/api/mutation",
            Kind::Action => "/api/action",
        };
        let body = format!(
            r#"{{"path":"{}","format":"json","args":{}}}"#,
            F::DESCRIPTOR.path,
            serde_json::to_string(request)?
        );
        let mut call = Request::builder()
            .method(Method::POST)
            .uri(route)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &self.token {
            call = call.header(AUTHORIZATION, token);
        }
        self.sender.ready().await?;
        let answer = self
            .sender
            .send_request(call.body(Full::new(Bytes::from(body)))?)
            .await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(format!("{status}: {}", String::from_utf8_lossy(&bytes)).into())
        }
    }

    /// Calls a function; a refusal is an error.
    pub(crate) async fn call<F: Function>(&mut self, request: &F) -> Result<F::Output, Fault> {
        let bytes = self.raw(request).await?;
        let answer: Answer<'_> = serde_json::from_slice(&bytes)?;
        match answer.value {
            Some(value) => Ok(serde_json::from_str(value.get())?),
            None if answer.error_message.is_none() => Ok(serde_json::from_str("null")?),
            None => Err(answer.error_message.unwrap_or_default().into()),
        }
    }
}

/// Whether an answer's body is a success, without parsing it.
pub(crate) fn is_success(body: &[u8]) -> bool {
    body.starts_with(br#"{"status":"success""#)
}
