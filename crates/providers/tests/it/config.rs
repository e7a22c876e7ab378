//! From a configuration to a provider that works.

use opencom_providers::email::{EmailConfig, build};

use crate::http_server::{Answer, HttpServer};
use crate::mail;
use crate::smtp_server::{Script, SmtpServer};

#[tokio::test]
async fn each_configuration_sends() {
    let mut smtp = SmtpServer::start(Script::default()).await;
    let mut resend = HttpServer::start(vec![Answer::json(200, r#"{"id":"mail-1"}"#)]).await;
    let dir = tempfile::tempdir().unwrap();

    for (config, name) in [
        (
            EmailConfig::Smtp {
                url: smtp.url("", "?tls=none"),
            },
            "smtp",
        ),
        (
            EmailConfig::Resend {
                key: "re_key".into(),
                base_url: Some(resend.url()),
            },
            "resend",
        ),
        (
            EmailConfig::Recorder {
                dir: Some(dir.path().join("mail")),
            },
            "recorder",
        ),
        (EmailConfig::Recorder { dir: None }, "recorder"),
    ] {
        let provider = build(config).unwrap();
        assert_eq!(provider.name(), name);
        provider.send(&mail("Hello")).await.unwrap();
    }
    smtp.received().await;
    resend.received().await;
    assert_eq!(std::fs::read_dir(dir.path().join("mail")).unwrap().count(), 1);
}

#[test]
fn a_directory_that_cannot_be_made_is_named_at_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = build(EmailConfig::Recorder {
        dir: Some(file.path().join("mail")),
    })
    .map(drop)
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("The directory for recorded mail cannot be used"),
        "{error}"
    );
}

#[test]
fn resend_settings_are_checked_at_start() {
    for (key, base_url) in [
        ("", None),
        ("a\nb", None),
        ("key", Some("ftp://localhost")),
        ("key", Some("localhost")),
    ] {
        let config = EmailConfig::Resend {
            key: key.into(),
            base_url: base_url.map(Into::into),
        };
        let error = build(config).map(drop).unwrap_err();
        assert!(
            error.to_string().starts_with("The Resend settings are not usable"),
            "{error}"
        );
    }
}
