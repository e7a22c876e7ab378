//! Mail through Resend's HTTP API.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attachment, Delivery, Email, EmailConfigError, EmailError, EmailProvider, Mailbox};
use crate::http;

const BASE_URL: &str = "https://api.resend.com";
/// The default for [`Resend::timeout`].
const TIMEOUT: Duration = Duration::from_secs(30);
/// An answer is a short object; what is longer is not read.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends through Resend.
pub struct Resend {
    client: reqwest::Client,
    endpoint: Url,
    authorization: HeaderValue,
}

#[derive(Serialize)]
struct Request<'a> {
    from: String,
    to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bcc: Vec<String>,
    subject: &'a str,
    html: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    content_type: &'a str,
    /// Base64.
    content: String,
}

#[derive(Serialize)]
struct Headers<'a> {
    #[serde(rename = "Message-ID", skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(rename = "In-Reply-To", skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<&'a str>,
    #[serde(rename = "References", skip_serializing_if = "Option::is_none")]
    references: Option<String>,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
}

impl Resend {
    /// Uses the API with this key, at Resend itself unless another base URL is given.
    pub fn new(key: &str, base_url: Option<&str>) -> Result<Self, EmailConfigError> {
        let key = key.trim();
        if key.is_empty() {
            return Err(invalid("the key is empty"));
        }
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| invalid("the key has control characters"))?;
        authorization.set_sensitive(true);

        let base = base_url.unwrap_or(BASE_URL).trim().trim_end_matches('/');
        let endpoint = Url::parse(&format!("{base}/emails")).map_err(|error| invalid(format!("base URL: {error}")))?;
        if !matches!(endpoint.scheme(), "http" | "https") || endpoint.query().is_some() {
            return Err(invalid("the base URL is not an http or https address"));
        }
        Ok(Self {
            client: client(TIMEOUT)?,
            endpoint,
            authorization,
        })
    }

    /// How long one request may take, connecting included; 30 seconds unless told otherwise.
    pub fn timeout(self, timeout: Duration) -> Result<Self, EmailConfigError> {
        Ok(Self {
            client: client(timeout)?,
            ..self
        })
    }
}

#[async_trait]
impl EmailProvider for Resend {
    async fn send(&self, mail: &Email) -> Result<Delivery, EmailError> {
        mail.check()?;
        let mut request = self
            .client
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .json(&Request::from(mail));
        if let Some(key) = &mail.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.map_err(not_answered)?;
        let status = response.status();
        let retry_after = http::retry_after(&response);
        let body = http::read(response, MAX_ANSWER).await;
        if status.is_success() {
            let provider_id = serde_json::from_slice(&body).ok().map(|accepted: Accepted| accepted.id);
            return Ok(Delivery { provider_id });
        }
        Err(refusal(status, retry_after, &body))
    }

    async fn check(&self) -> Result<(), EmailError> {
        let mut domains = self.endpoint.clone();
        domains.set_path(&self.endpoint.path().replace("/emails", "/domains"));
        let request = (self.client.get(domains)).header(AUTHORIZATION, self.authorization.clone());
        let response = request.send().await.map_err(not_answered)?;
        let status = response.status();
        let retry_after = http::retry_after(&response);
        let body = http::read(response, MAX_ANSWER).await;
        // A key that may send and nothing else is the one to have.
        let may_send_alone = status == StatusCode::UNAUTHORIZED
            && serde_json::from_slice::<Value>(&body).is_ok_and(|answer| answer["name"] == "restricted_api_key");
        if status.is_success() || may_send_alone {
            return Ok(());
        }
        Err(refusal(status, retry_after, &body))
    }

    fn name(&self) -> &'static str {
        "resend"
    }
}

impl fmt::Debug for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resend")
            .field("host", &self.endpoint.host_str())
            .finish_non_exhaustive()
    }
}

impl<'a> From<&'a Email> for Request<'a> {
    fn from(mail: &'a Email) -> Self {
        let headers = Headers {
            message_id: mail.message_id.as_deref(),
            in_reply_to: mail.in_reply_to.as_deref(),
            references: mail.references_line(),
        };
        let any = headers.message_id.is_some() || headers.in_reply_to.is_some() || headers.references.is_some();
        Self {
            from: mail.from.to_string(),
            to: written(&mail.to),
            cc: written(&mail.cc),
            bcc: written(&mail.bcc),
            subject: &mail.subject,
            html: &mail.html,
            text: mail.text.as_deref(),
            reply_to: mail.reply_to.as_ref().map(ToString::to_string),
            headers: any.then_some(headers),
            attachments: mail.attachments.iter().map(File::from).collect(),
        }
    }
}

fn written(mailboxes: &[Mailbox]) -> Vec<String> {
    mailboxes.iter().map(ToString::to_string).collect()
}

impl<'a> From<&'a Attachment> for File<'a> {
    fn from(attachment: &'a Attachment) -> Self {
        Self {
            filename: &attachment.file_name,
            content_type: &attachment.content_type,
            content: STANDARD.encode(&attachment.bytes),
        }
    }
}

/// Sorts an answer that is no success. The message is the service's error object where it sent one.
fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> EmailError {
    let object: Option<Value> = serde_json::from_slice(body).ok().filter(Value::is_object);
    let name = object
        .as_ref()
        .and_then(|object| object["name"].as_str())
        .unwrap_or_default();
    let temporary = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => true,
        // A wrong key is the operator's to put right and no fault of the mail, which stays worth sending.
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => name == "invalid_api_key",
        // An earlier attempt with the same key is still under way.
        StatusCode::CONFLICT => name == "concurrent_idempotent_requests",
        _ => !status.is_client_error(),
    };
    let message = object.map_or_else(|| format!("Resend answered {status}."), |object| object.to_string());
    if temporary {
        EmailError::Unavailable { message, retry_after }
    } else {
        EmailError::Rejected { message }
    }
}

fn not_answered(error: reqwest::Error) -> EmailError {
    let message = if error.is_timeout() {
        "Resend did not answer in time.".to_owned()
    } else if error.is_connect() {
        format!("Resend cannot be reached: {}.", http::cause(&error))
    } else {
        format!("The request to Resend failed: {}.", error.without_url())
    };
    EmailError::unavailable(message)
}

fn client(timeout: Duration) -> Result<reqwest::Client, EmailConfigError> {
    http::client(timeout).map_err(|error| invalid(error.to_string()))
}

fn invalid(reason: impl Into<String>) -> EmailConfigError {
    EmailConfigError::Resend(reason.into())
}
