//! Those that the server relies on: they are asked whether they would do it, and nothing is sent.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use opencom_core::auth::token;
use opencom_providers::files::FileKey;
use tokio::time::timeout;

use super::Finding;
use crate::config::Config;
use crate::setup::{self, Fault};

/// How long each of them may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        in_time(
            "files",
            files(config),
            "look at OPENCOM_S3_BUCKET and the variables beside it, or at the data directory",
        )
        .await,
    ];
    findings.extend(mail(config).await);
    findings.push(embeddings(config).await);
    findings
}

async fn in_time(about: &'static str, check: impl Future<Output = Result<String, Fault>>, remedy: &str) -> Finding {
    let outcome = timeout(PATIENCE, check).await;
    Finding::of(
        about,
        outcome.unwrap_or_else(|_| Err("no answer in time".into())),
        remedy,
    )
}

/// Keeps a file, reads it, and removes it.
async fn files(config: &Config) -> Result<String, Fault> {
    const TEXT: &[u8] = b"doctor";
    if config.s3.bucket().is_none() && !config.data_dir.exists() {
        return Ok("the data directory is not there yet".to_owned());
    }
    let store = setup::file_store(config).await?;
    let key = FileKey::new(format!("doctor{}", hex::encode(token::random::<8>()?)))?;
    let body = stream::once(async { Ok(Bytes::from_static(TEXT)) }).boxed();
    store.put(&key, body, 1024).await?;
    let read = async {
        let mut body = store.open(&key, None).await?;
        let mut text = Vec::new();
        while let Some(part) = body.stream.next().await {
            text.extend_from_slice(&part?);
        }
        Ok::<_, Fault>(text)
    };
    let read = read.await;
    store.delete(&key).await?;
    if read? != TEXT {
        return Err("a file came back as something else".into());
    }
    Ok(match config.s3.bucket() {
        Some(bucket) => format!("kept in the bucket {}", bucket.bucket),
        None => "kept in the data directory".to_owned(),
    })
}

async fn mail(config: &Config) -> Vec<Finding> {
    const ABOUT: &str = "mail";
    let sender = setup::mail_from(config).map(|sender| format!("from {sender}"));
    let mut findings = vec![Finding::of(
        "mail's sender",
        sender,
        "set EMAIL_FROM to a name and an address, as Ada <ada@example.com>",
    )];
    let remedy = "look at OPENCOM_SMTP_URL or RESEND_API_KEY";
    findings.push(if config.smtp_url.is_none() && config.resend_api_key.is_none() {
        Finding::warning(
            ABOUT,
            "sent to nobody, but recorded in the data directory",
            "set OPENCOM_SMTP_URL or RESEND_API_KEY",
        )
    } else {
        let check = async {
            let provider = setup::email(config)?;
            provider.check().await?;
            Ok(format!("{} would take it", provider.name()))
        };
        in_time(ABOUT, check, remedy).await
    });
    if config.resend_api_key.is_some() && config.resend_webhook_secret.is_none() {
        findings.push(Finding::warning(
            "mail coming in",
            "is refused, because nothing says what signs it",
            "set RESEND_WEBHOOK_SECRET to the secret that Resend shows for the webhook",
        ));
    }
    findings
}

async fn embeddings(config: &Config) -> Finding {
    let check = async {
        let provider = setup::embeddings(config)?;
        provider.embed(provider.model(None), &["doctor".to_owned()]).await?;
        Ok(match provider.name() {
            "local" => "made here, from words and their pieces; AI_GATEWAY_API_KEY has better ones made".to_owned(),
            name => format!("made by {name}"),
        })
    };
    in_time(
        "embeddings",
        check,
        "look at AI_GATEWAY_API_KEY and AI_GATEWAY_BASE_URL",
    )
    .await
}
