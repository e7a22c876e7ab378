//! Fetching mail that a provider took in and only announced.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use super::{EmailConfigError, EmailError};
use crate::http;

const BASE_URL: &str = "https://api.resend.com";
/// How long a question may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long fetching a file may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest answer that is read: a mail's texts.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// A mail that a provider took in. What it does not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ReceivedMail {
    /// The sender.
    pub from: Option<String>,
    /// The recipients.
    pub to: Option<Vec<String>>,
    /// Copies.
    pub cc: Option<Vec<String>>,
    /// Blind copies.
    pub bcc: Option<Vec<String>>,
    /// The subject.
    pub subject: Option<String>,
    /// The body as HTML.
    pub html: Option<String>,
    /// The body as text.
    pub text: Option<String>,
    /// The other headers.
    pub headers: Option<BTreeMap<String, HeaderText>>,
    /// The header `Message-ID`.
    pub message_id: Option<String>,
    /// Its files.
    pub attachments: Option<Vec<RemoteFile>>,
}

/// A header's value; those that came several times have several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum HeaderText {
    /// Once.
    One(String),
    /// Several times.
    Many(Vec<String>),
}

/// A file of a mail that a provider took in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RemoteFile {
    /// What the provider calls it.
    pub id: Option<String>,
    /// The file's name.
    pub filename: Option<String>,
    /// The file's type.
    pub content_type: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Where it can be fetched for a while.
    pub download_url: Option<String>,
}

/// A provider that takes mail in.
#[async_trait]
pub trait ReceivedMails: Send + Sync {
    /// The mail that the provider calls `id`.
    async fn mail(&self, id: &str) -> Result<ReceivedMail, EmailError>;

    /// The files of that mail, with addresses to fetch them from.
    async fn files(&self, id: &str) -> Result<Vec<RemoteFile>, EmailError>;

    /// What is at such an address.
    async fn download(&self, url: &str) -> Result<BoxStream<'static, std::io::Result<Bytes>>, EmailError>;
}

/// Resend's received mails.
pub struct ResendReceived {
    client: reqwest::Client,
    downloads: reqwest::Client,
    base: String,
    authorization: HeaderValue,
}

#[derive(Deserialize)]
struct Files {
    data: Vec<RemoteFile>,
}

impl ResendReceived {
    /// Uses the API with this key, at Resend itself unless another base URL is given.
    pub fn new(key: &str, base_url: Option<&str>) -> Result<Self, EmailConfigError> {
        let invalid = |reason: String| EmailConfigError::Resend(reason);
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
            .map_err(|_| invalid("the key has control characters".to_owned()))?;
        authorization.set_sensitive(true);
        let base = base_url.unwrap_or(BASE_URL).trim().trim_end_matches('/').to_owned();
        let url = Url::parse(&base).map_err(|error| invalid(format!("base URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(invalid("the base URL is not an http or https address".to_owned()));
        }
        let client = |timeout| http::client(timeout).map_err(|error| invalid(error.to_string()));
        Ok(Self {
            client: client(TIMEOUT)?,
            downloads: client(DOWNLOAD_TIMEOUT)?,
            base,
            authorization,
        })
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, id: &str, rest: &str) -> Result<T, EmailError> {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
        let url = format!("{}/emails/receiving/{id}{rest}", self.base);
        let response = self
            .client
            .get(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .send()
            .await
            .map_err(not_answered)?;
        let response = successful(response)?;
        let body = read(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| EmailError::unavailable(format!("The answer about a received mail is none: {error}.")))
    }
}

#[async_trait]
impl ReceivedMails for ResendReceived {
    async fn mail(&self, id: &str) -> Result<ReceivedMail, EmailError> {
        self.ask(id, "").await
    }

    async fn files(&self, id: &str) -> Result<Vec<RemoteFile>, EmailError> {
        let files: Files = self.ask(id, "/attachments").await?;
        Ok(files.data)
    }

    async fn download(&self, url: &str) -> Result<BoxStream<'static, std::io::Result<Bytes>>, EmailError> {
        let address = Url::parse(url).map_err(|error| EmailError::rejected(format!("A file's address: {error}.")))?;
        let at_the_api = Url::parse(&self.base).is_ok_and(|base| base.origin() == address.origin());
        if address.scheme() != "https" && !at_the_api {
            return Err(EmailError::rejected("A file's address is not an https address."));
        }
        // The address says enough: the key is for the API alone.
        let response = self.downloads.get(address).send().await.map_err(not_answered)?;
        let stream = successful(response)?.bytes_stream();
        Ok(stream.map(|part| part.map_err(std::io::Error::other)).boxed())
    }
}

impl fmt::Debug for ResendReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResendReceived")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

fn successful(response: Response) -> Result<Response, EmailError> {
    match response.status() {
        status if status.is_success() => Ok(response),
        status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => Err(EmailError::rejected(format!(
            "The provider has no such mail or file ({status})."
        ))),
        status => Err(EmailError::unavailable(format!(
            "The provider of received mail answered {status}."
        ))),
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, EmailError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(not_answered)? {
        if body.len() + part.len() > MAX_ANSWER {
            return Err(EmailError::rejected("A received mail is too long."));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn not_answered(error: reqwest::Error) -> EmailError {
    EmailError::unavailable(format!(
        "The provider of received mail did not answer: {}.",
        error.without_url()
    ))
}
