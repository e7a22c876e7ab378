//! One keep-alive connection that calls functions, as lean as pgbench's: the generator shares the machine with what it
//! measures, so it writes prepared requests to a socket and reads answers by their length.

use std::io;

use opencom_contract::{Function, Kind};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Fault;

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    /// The headers that every call has.
    headers: String,
    request: Vec<u8>,
    buffer: Vec<u8>,
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
        let signed = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let headers = format!("Host: {address}\r\nContent-Type: application/json\r\n{signed}");
        Ok(Self {
            stream,
            headers,
            request: Vec::new(),
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// Calls a function and gives the answer's body, whatever it says.
    pub(crate) async fn raw<F: Function>(&mut self, request: &F) -> Result<&[u8], Fault> {
        let route = match F::DESCRIPTOR.kind {
            Kind::Query => "query",
            Kind::Mutation => "mutation",
            Kind::Action => "action",
        };
        self.post(route, F::DESCRIPTOR.path, &serde_json::to_string(request)?)
            .await
    }

    async fn post(&mut self, route: &str, path: &str, arguments: &str) -> Result<&[u8], Fault> {
        let body = format!(r#"{{"path":"{path}","format":"json","args":{arguments}}}"#);
        self.post_to(&format!("/api/{route}"), &body).await
    }

    /// Sends a body to a route and gives the answer's, whatever it says.
    pub(crate) async fn post_to(&mut self, route: &str, body: &str) -> Result<&[u8], Fault> {
        self.request.clear();
        self.request.extend_from_slice(
            format!(
                "POST {route} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{body}",
                self.headers,
                body.len()
            )
            .as_bytes(),
        );
        self.stream.write_all(&self.request).await?;
        self.answer().await
    }

    /// Reads one answer; only a status of 2xx is good.
    async fn answer(&mut self) -> Result<&[u8], Fault> {
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                break (end + 4, content_length(head).ok_or("an answer without a length")?);
            }
        };
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        if !self.buffer.starts_with(b"HTTP/1.1 2") {
            return Err(String::from_utf8_lossy(&self.buffer).into());
        }
        Ok(&self.buffer[head..head + length])
    }

    /// Calls a function; a refusal is an error.
    pub(crate) async fn call<F: Function>(&mut self, request: &F) -> Result<F::Output, Fault> {
        Ok(serde_json::from_str(value(self.raw(request).await?)?)?)
    }

    /// Calls a query with arguments that are JSON already, and gives its value as JSON; a refusal is an error.
    pub(crate) async fn query(&mut self, path: &str, arguments: &str) -> Result<&str, Fault> {
        value(self.post("query", path, arguments).await?)
    }
}

/// The value in an answer's body.
fn value(body: &[u8]) -> Result<&str, Fault> {
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    match answer.value {
        Some(value) => Ok(value.get()),
        None if answer.error_message.is_none() => Ok("null"),
        None => Err(answer.error_message.unwrap_or_default().into()),
    }
}

fn content_length(head: &str) -> Option<usize> {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(value)
}

/// Whether an answer's body is a success, without parsing it.
pub(crate) fn is_success(body: &[u8]) -> bool {
    body.starts_with(br#"{"status":"success""#)
}
