//! SMTP: what arrives, what a refusal means, and that connections are safe to use again.

use std::sync::Arc;
use std::time::Duration;

use opencom_providers::email::{EmailError, EmailProvider as _, Smtp};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::mail;
use crate::smtp_server::{Reply, Script, SmtpServer};

async fn plain(reply: fn(usize, &str) -> Reply) -> (SmtpServer, Smtp) {
    let server = SmtpServer::start(Script {
        reply,
        ..Script::default()
    })
    .await;
    let smtp = Smtp::from_url(&server.url("", "?tls=none")).unwrap();
    (server, smtp)
}

/// A certificate for `localhost` that nobody signed, as the server's side and as the file that makes a client trust it.
fn certificate() -> (Arc<ServerConfig>, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.cert.pem()).unwrap();
    (Arc::new(config), file)
}

#[tokio::test]
async fn mail_arrives_with_its_headers_and_both_bodies() {
    let (mut server, smtp) = plain(|_, _| Reply::Usual).await;
    let mut mail = mail("Grüße aus Köln");
    mail.to
        .push("\"Babbage, Charles\" <charles@example.com>".parse().unwrap());
    mail.reply_to = Some("help@opencom.example".parse().unwrap());
    mail.text = Some("Your code is 123456\n.\nBye".into());
    mail.message_id = Some("<m3@opencom.example>".into());
    mail.in_reply_to = Some("<m2@example.com>".into());
    mail.references = vec!["<m1@example.com>".into(), "<m2@example.com>".into()];

    let delivery = smtp.send(&mail).await.unwrap();
    assert_eq!(delivery.provider_id.as_deref(), Some("2.0.0 queued as TEST1"));

    let received = server.received().await;
    assert_eq!(received.from, "noreply@opencom.example");
    assert_eq!(received.to, ["ada@example.com", "charles@example.com"]);
    for line in [
        "From: Opencom <noreply@opencom.example>",
        "To: ada@example.com, =?utf-8?b?QmFiYmFnZSwgQ2hhcmxlcw==?= <charles@example.com>",
        "Reply-To: help@opencom.example",
        "Message-ID: <m3@opencom.example>",
        "In-Reply-To: <m2@example.com>",
        "References: <m1@example.com> <m2@example.com>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "Your code is 123456",
        ".",
        "<p>Your code is 123456</p>",
    ] {
        assert!(
            received.data.lines().any(|received| received == line),
            "{line}\n---\n{}",
            received.data
        );
    }
    assert!(received.data.contains("Subject: =?utf-8?b?"), "{}", received.data);
    assert!(received.data.contains("Date: "), "{}", received.data);
    assert!(received.data.is_ascii());
}

#[tokio::test]
async fn attempts_of_one_key_share_a_message_id() {
    let (mut server, smtp) = plain(|_, _| Reply::Usual).await;
    let mut ids = Vec::new();
    for key in [Some("job-1"), Some("job-1"), Some("job-2"), None, None] {
        let mut mail = mail("Hello");
        mail.idempotency_key = key.map(Into::into);
        smtp.send(&mail).await.unwrap();
        let data = server.received().await.data;
        ids.push(
            data.lines()
                .find(|line| line.starts_with("Message-ID: <"))
                .unwrap()
                .to_owned(),
        );
    }
    assert!(ids[0].ends_with("@opencom.example>"), "{}", ids[0]);
    assert_eq!(ids[0], ids[1]);
    ids.remove(0);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn connections_are_used_again() {
    let (mut server, smtp) = plain(|_, _| Reply::Usual).await;
    for _ in 0..3 {
        smtp.send(&mail("Hello")).await.unwrap();
        assert_eq!(server.received().await.connection, 1);
    }
}

#[tokio::test]
async fn many_mails_at_once_share_a_few_connections() {
    let (mut server, smtp) = plain(|_, _| Reply::Usual).await;
    let mail = mail("Hello");
    futures_util::future::try_join_all((0..40).map(|_| smtp.send(&mail)))
        .await
        .unwrap();
    for _ in 0..40 {
        assert!(server.received().await.connection <= 8);
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let (mut server, smtp) = plain(|connection, line| match (connection, line) {
        (1, "NOOP") => Reply::Close,
        _ => Reply::Usual,
    })
    .await;
    for connection in [1, 2] {
        smtp.send(&mail("Hello")).await.unwrap();
        assert_eq!(server.received().await.connection, connection);
    }
}

#[tokio::test]
async fn a_5xx_is_permanent_and_the_next_mail_goes_out() {
    let (mut server, smtp) = plain(|connection, line| match connection {
        1 if line.starts_with("RCPT") => Reply::Say("550 5.1.1 no such user"),
        _ => Reply::Usual,
    })
    .await;
    let error = smtp.send(&mail("Hello")).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "The mail server refused the mail: 550 5.1.1 no such user"
    );

    smtp.send(&mail("Hello")).await.unwrap();
    assert_eq!(server.received().await.connection, 2);
}

#[tokio::test]
async fn a_4xx_is_temporary_at_every_step() {
    let scripts: [fn(usize, &str) -> Reply; 4] = [
        |_, line| {
            if line.starts_with("MAIL") {
                Reply::Say("451 4.7.1 greylisted")
            } else {
                Reply::Usual
            }
        },
        |_, line| {
            if line.starts_with("RCPT") {
                Reply::Say("451 4.7.1 greylisted")
            } else {
                Reply::Usual
            }
        },
        |_, line| {
            if line == "DATA" {
                Reply::Say("451 4.7.1 greylisted")
            } else {
                Reply::Usual
            }
        },
        |_, line| {
            if line == "." {
                Reply::Say("451 4.7.1 greylisted")
            } else {
                Reply::Usual
            }
        },
    ];
    for script in scripts {
        let (_server, smtp) = plain(script).await;
        let error = smtp.send(&mail("Hello")).await.unwrap_err();
        assert!(!error.is_permanent());
        assert_eq!(
            error.to_string(),
            "The mail server put the mail off: 451 4.7.1 greylisted"
        );
    }
}

#[tokio::test]
async fn a_broken_or_absent_server_is_temporary() {
    let scripts: [fn(usize, &str) -> Reply; 4] = [
        |_, line| if line.is_empty() { Reply::Close } else { Reply::Usual },
        |_, line| {
            if line.is_empty() {
                Reply::Say("554 5.3.2 no service here")
            } else {
                Reply::Usual
            }
        },
        |_, line| if line == "." { Reply::Close } else { Reply::Usual },
        |_, line| {
            if line.starts_with("EHLO") {
                Reply::Say("complete nonsense")
            } else {
                Reply::Usual
            }
        },
    ];
    for script in scripts {
        let (_server, smtp) = plain(script).await;
        assert!(!smtp.send(&mail("Hello")).await.unwrap_err().is_permanent());
    }

    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let smtp = Smtp::from_url(&format!("smtp://127.0.0.1:{port}?tls=none")).unwrap();
    let error = smtp.send(&mail("Hello")).await.unwrap_err();
    assert!(!error.is_permanent());
    assert!(
        error.to_string().starts_with("The mail server cannot be used"),
        "{error}"
    );
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_its_connection_not_used_again() {
    let (mut server, smtp) = plain(|connection, line| match (connection, line) {
        (1, ".") => Reply::Hang,
        _ => Reply::Usual,
    })
    .await;
    let smtp = smtp.timeout(Duration::from_millis(500));
    let error = smtp.send(&mail("First")).await.unwrap_err();
    assert_eq!(
        error,
        EmailError::Unavailable {
            message: "The mail server did not answer in time.".into(),
            retry_after: None
        }
    );

    smtp.send(&mail("Second")).await.unwrap();
    assert_eq!(server.received().await.connection, 2);
}

#[tokio::test]
async fn a_dropped_attempt_does_not_leave_its_connection_to_the_next_mail() {
    let (mut server, smtp) = plain(|connection, line| match (connection, line) {
        (1, "DATA") => Reply::Hang,
        _ => Reply::Usual,
    })
    .await;
    let first = mail("First");
    tokio::select! {
        _ = smtp.send(&first) => panic!("the server does not answer"),
        () = server.hung() => {}
    }
    smtp.send(&mail("Second")).await.unwrap();
    let received = server.received().await;
    assert_eq!(received.connection, 2);
    assert!(received.data.contains("Subject: Second"), "{}", received.data);
}

#[tokio::test]
async fn credentials_are_decoded_and_a_wrong_password_is_temporary() {
    // NUL, `ada@example.com`, NUL, `p:ss word`.
    let auth = Some("AGFkYUBleGFtcGxlLmNvbQBwOnNzIHdvcmQ=");
    let mut server = SmtpServer::start(Script {
        auth,
        ..Script::default()
    })
    .await;

    let smtp = Smtp::from_url(&server.url("ada%40example.com:p%3Ass%20word@", "?tls=none")).unwrap();
    smtp.send(&mail("Hello")).await.unwrap();
    server.received().await;

    let smtp = Smtp::from_url(&server.url("ada%40example.com:hunter2@", "?tls=none")).unwrap();
    let error = smtp.send(&mail("Hello")).await.unwrap_err();
    assert!(!error.is_permanent());
    assert_eq!(
        error.to_string(),
        "The mail server refused the connection: 535 5.7.8 wrong password"
    );
    assert!(!format!("{smtp:?}").contains("hunter2"));
}

#[tokio::test]
async fn tls_protects_the_connection() {
    let (tls, authority) = certificate();
    let ca = authority.path().display();
    for (wrapper, mode) in [(false, "starttls"), (false, "opportunistic"), (true, "wrapper")] {
        let mut server = SmtpServer::start(Script {
            tls: Some(Arc::clone(&tls)),
            wrapper,
            ..Script::default()
        })
        .await;
        let smtp = Smtp::from_url(&server.url("", &format!("?tls={mode}&ca={ca}"))).unwrap();
        smtp.send(&mail("Hello")).await.unwrap();
        assert!(server.received().await.encrypted, "{mode}");
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_is_not_trusted() {
    let (tls, _) = certificate();
    for (wrapper, mode) in [(false, "starttls"), (false, "opportunistic"), (true, "wrapper")] {
        let server = SmtpServer::start(Script {
            tls: Some(Arc::clone(&tls)),
            wrapper,
            ..Script::default()
        })
        .await;
        let smtp = Smtp::from_url(&server.url("", &format!("?tls={mode}"))).unwrap();
        let error = smtp.send(&mail("Hello")).await.unwrap_err();
        assert!(!error.is_permanent(), "{mode}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_password_is_not_sent_to_a_server_without_tls() {
    let server = SmtpServer::start(Script {
        reply: |_, line| {
            assert!(!line.starts_with("AUTH"), "the password was sent");
            Reply::Usual
        },
        ..Script::default()
    })
    .await;
    let smtp = Smtp::from_url(&server.url("ada:hunter2@", "")).unwrap();
    let error = smtp.send(&mail("Hello")).await.unwrap_err();
    assert!(error.to_string().contains("STARTTLS"), "{error}");
}

#[tokio::test]
async fn a_mail_that_breaks_out_of_its_headers_never_reaches_the_server() {
    let (_server, smtp) = plain(|_, _| panic!("connected")).await;
    let error = smtp.send(&mail("Hi\r\nBcc: eve@example.com")).await.unwrap_err();
    assert!(error.is_permanent());
}

#[tokio::test]
async fn a_check_signs_in_and_sends_nothing() {
    // \0ada\0hunter2
    let script = Script {
        auth: Some("AGFkYQBodW50ZXIy"),
        ..Script::default()
    };
    let server = SmtpServer::start(script).await;
    let smtp = Smtp::from_url(&server.url("ada:hunter2@", "?tls=none")).unwrap();
    smtp.check().await.unwrap();

    let smtp = Smtp::from_url(&server.url("ada:hunter3@", "?tls=none")).unwrap();
    let refusal = smtp.check().await.unwrap_err().to_string();
    assert!(refusal.contains("535") && !refusal.contains("hunter3"), "{refusal}");

    let nobody = Smtp::from_url("smtp://127.0.0.1:1?tls=none").unwrap();
    nobody.check().await.unwrap_err();
}
