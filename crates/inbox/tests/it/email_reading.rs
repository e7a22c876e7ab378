//! What is read of mail as it travelled: texts, files, and what is broken.

use crate::support::kit;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt as _;
use opencom_contract::messages::SenderType;
use opencom_core::Int;
use opencom_providers::files::FileKey;
use opencom_schema::inbound_emails;
use serde_json::{Value, json};

use crate::chat::seen;
use crate::email_support::{bringing, outcomes, stored, take_mail, thread, travelled};

/// A mail as it travelled, and what a message shows of it: subject, sender, content, and its files.
type Captured = (
    &'static [u8],
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

#[tokio::test]
async fn mails_of_many_programs_are_read() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let captured: [Captured; 7] = [
        (
            include_bytes!("mails/plain_thunderbird.eml"),
            "Where is my order?",
            "Ada Lovelace <Ada@Example.org>",
            "my order 4711 has not arrived yet.",
            &[],
        ),
        (
            include_bytes!("mails/gmail_alternative.eml"),
            "Re: Größe",
            "Bob Builder <bob@gmail.example>",
            "<div>Größe 42, please.</div><br>",
            &[],
        ),
        (
            include_bytes!("mails/outlook_html_only.eml"),
            "Offer",
            "Carla, Sales <carla@outlook.example>",
            "Grüße!",
            &[],
        ),
        (
            include_bytes!("mails/koi8.eml"),
            "Привет",
            "Иван <ivan@example.ru>",
            "Привет, где мой заказ?",
            &[],
        ),
        (
            include_bytes!("mails/iso2022jp.eml"),
            "質問",
            "山田 <yuki@example.jp>",
            "注文はどこですか。",
            &[],
        ),
        (
            include_bytes!("mails/winmail.eml"),
            "Contract",
            "Dan <dan@exchange.example>",
            "See the contract.",
            &[("winmail.dat", "application/ms-tnef")],
        ),
        (
            include_bytes!("mails/apple_mixed.eml"),
            "Screenshot",
            "Eve <eve@icloud.example>",
            "Look:",
            &[("Bildschirmfoto ü.png", "image/png")],
        ),
    ];
    for (raw, subject, from, content, files) in captured {
        let (id, _) = stored(&kit, &bringing(&travelled(raw, &[("inbox", &to)]))).await;
        let messages = thread(&kit, &ws, id).await;
        let message = &messages[0].message;
        let metadata = message.email_metadata.as_ref().unwrap();
        assert_eq!(metadata.subject.as_deref(), Some(subject));
        assert_eq!(metadata.from.as_deref(), Some(from), "{subject}");
        assert!(message.content.contains(content), "{subject}: {}", message.content);
        for gone in ["script", "old text", "Which size", "<style"] {
            assert!(!message.content.contains(gone), "{subject}: {}", message.content);
        }
        let found: Vec<_> = metadata
            .attachments
            .iter()
            .flatten()
            .map(|file| (file.filename.as_str(), file.content_type.as_str()))
            .collect();
        assert_eq!(found, files, "{subject}");
        for file in metadata.attachments.iter().flatten() {
            let key = FileKey::new(file.storage_id.unwrap().to_string()).unwrap();
            let body = kit.files.open(&key, None).await.unwrap();
            assert_eq!(Int(i64::try_from(body.size).unwrap()), file.size);
            assert!(file.url.as_ref().unwrap().ends_with(&key.to_string()));
        }
    }
    assert!(outcomes(&kit).await.iter().all(|(outcome, _)| outcome == "stored"));
    // What the sanitizer and the trimming took away is kept.
    let originals: Vec<Option<Value>> = inbound_emails::table
        .filter(inbound_emails::subject.eq("Offer"))
        .select(inbound_emails::original)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    assert!(
        originals[0].as_ref().unwrap()["html"]
            .as_str()
            .unwrap()
            .contains("old text")
    );
}

#[tokio::test]
async fn a_mail_in_a_mail_is_a_file() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let raw = travelled(include_bytes!("mails/nested_forward.eml"), &[("inbox", &to)]);
    let (id, _) = stored(&kit, &bringing(&raw)).await;
    let messages = thread(&kit, &ws, id).await;
    let metadata = messages[0].message.email_metadata.clone().unwrap();
    assert_eq!(metadata.from.as_deref(), Some("Grace <grace@customer.example>"));
    assert!(messages[0].message.content.contains("> and somebody said so before"));
    let files = metadata.attachments.unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(
        (files[0].filename.as_str(), files[0].content_type.as_str()),
        ("attachment.eml", "message/rfc822")
    );
    let key = FileKey::new(files[0].storage_id.unwrap().to_string()).unwrap();
    let body = kit.files.open(&key, None).await.unwrap();
    let bytes: Vec<u8> = body.stream.map_ok(|part| part.to_vec()).try_concat().await.unwrap();
    let inner = String::from_utf8(bytes).unwrap();
    assert!(
        inner.contains("inner@customer.example") && inner.contains("deep"),
        "{inner}"
    );
}

#[tokio::test]
async fn a_file_of_25_megabytes_is_kept() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let size = 25 * 1024 * 1024;
    let line = format!("{}\r\n", "QUJD".repeat(18));
    let mut raw = format!(
        "From: a@x.com\r\nTo: {to}\r\nSubject: big\r\nMessage-ID: <big@x>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhere\r\n--b\r\n\
         Content-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..size / 54 {
        raw.extend_from_slice(line.as_bytes());
    }
    raw.extend_from_slice(b"--b--\r\n");
    let (id, _) = stored(&kit, &bringing(&raw)).await;
    let messages = thread(&kit, &ws, id).await;
    let file = messages[0]
        .message
        .email_metadata
        .clone()
        .unwrap()
        .attachments
        .unwrap()
        .remove(0);
    assert_eq!((file.filename.as_str(), file.size), ("big.zip", Int(size / 54 * 54)));
    assert!(file.storage_id.is_some());
}

#[tokio::test]
async fn broken_mails_are_read_as_far_as_they_go_and_kept_when_they_do_not() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let to = take_mail(&kit, &ws).await;
    let raw = travelled(include_bytes!("mails/broken_boundary.eml"), &[("inbox", &to)]);
    let (id, _) = stored(&kit, &bringing(&raw)).await;
    let messages = thread(&kit, &ws, id).await;
    let said = serde_json::to_string(&messages[0].message).unwrap();
    assert!(said.contains("caf") || said.contains("boundary"), "{said}");

    let mut unreadable = bringing(include_bytes!("mails/no_headers.eml"));
    unreadable["to"] = json!([to]);
    unreadable["email_id"] = json!("e1");
    let (id, duplicate) = stored(&kit, &unreadable).await;
    assert!(!duplicate);
    assert_eq!(stored(&kit, &unreadable).await, (id, true));
    let conversation = seen(&kit, &ws, id).await;
    assert_eq!(
        (conversation.visitor_id, conversation.unread_by_agent),
        (None, Some(Int(1)))
    );
    let message = thread(&kit, &ws, id).await.remove(0).message;
    assert_eq!(
        (message.sender_type, message.sender_id.as_str()),
        (SenderType::Bot, "system")
    );
    let file = message.email_metadata.unwrap().attachments.unwrap().remove(0);
    assert_eq!(
        (file.filename.as_str(), file.content_type.as_str()),
        ("message.eml", "message/rfc822")
    );
    assert_eq!(
        file.size,
        Int(include_bytes!("mails/no_headers.eml").len().try_into().unwrap())
    );
    let last = outcomes(&kit).await.pop().unwrap();
    assert_eq!(last, ("unreadable".to_owned(), Some("unreadable".to_owned())));
}
