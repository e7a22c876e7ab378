//! Attachments: uploading, sending, showing and clearing up.

use crate::support::{changed, kit};
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::messages::{SendMessage, SenderType};
use opencom_contract::support_attachments::{FinalizeUpload, FinalizedUpload, GenerateUploadUrl};
use opencom_core::id::{ConversationId, StoredFileId, SupportAttachmentId, WorkspaceId};
use opencom_core::{Int, Millis, Result, Role};
use opencom_providers::files::FileKey;
use opencom_runtime::files::{self, StoredFile};
use opencom_runtime::{Caller, MutationCx, ScopedFutureExt};
use opencom_schema::{stored_files, support_attachments, uploads};
use opencom_testkit::{Agent, Kit, Nobody, Visitor, Workspace};
use serde_json::json;

use crate::chat::{message, open, refusal, seen, thread};

const HOUR: i64 = Millis::HOUR;

fn url_request(ws: WorkspaceId, token: Option<&str>) -> GenerateUploadUrl {
    GenerateUploadUrl::builder()
        .workspace_id(ws)
        .maybe_session_token(token)
        .build()
}

/// Uploads to an address as the gateway does.
async fn put(kit: &Kit, url: &str, size: i64) -> StoredFileId {
    let (address, token) = url.split_once("?token=").unwrap();
    assert_eq!(address, "http://opencom.test/api/storage/upload");
    let token = token.to_owned();
    let id = StoredFileId::generate();
    let body = Box::pin(futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"content"))]));
    kit.files.put(&key(id), body, 100).await.unwrap();
    kit.dispatcher
        .transaction(Caller::Anonymous, |cx| {
            complete(cx, token.clone(), id, size).scope_boxed()
        })
        .await
        .unwrap();
    id
}

async fn complete(cx: &mut MutationCx, token: String, id: StoredFileId, size: i64) -> Result<()> {
    let upload = files::open_upload(cx, &token).await?;
    let file = StoredFile {
        id,
        workspace_id: upload.workspace_id,
        size,
        content_type: "application/octet-stream".to_owned(),
        sha256: "00".to_owned(),
        created_at: cx.now(),
    };
    files::complete_upload(cx, upload.id, &file).await
}

fn key(id: StoredFileId) -> FileKey {
    FileKey::new(id.to_string()).unwrap()
}

async fn finalize(
    kit: &Kit,
    visitor: &Visitor,
    ws: &Workspace,
    file: StoredFileId,
    name: Option<&str>,
) -> Result<FinalizedUpload> {
    let request = FinalizeUpload::builder()
        .workspace_id(ws.id)
        .visitor_id(visitor.id)
        .session_token(visitor.token.clone())
        .storage_id(file)
        .maybe_file_name(name)
        .build();
    kit.call(&Nobody, &request).await
}

/// A file that a visitor uploaded.
async fn uploaded(kit: &Kit, visitor: &Visitor, ws: &Workspace, size: i64) -> StoredFileId {
    let url = kit
        .call(visitor, &url_request(ws.id, Some(&visitor.token)))
        .await
        .unwrap();
    put(kit, &url, size).await
}

/// An attachment that a visitor staged under a name.
pub(crate) async fn staged_as(kit: &Kit, visitor: &Visitor, ws: &Workspace, name: &str) -> SupportAttachmentId {
    let file = uploaded(kit, visitor, ws, 7).await;
    match finalize(kit, visitor, ws, file, Some(name)).await.unwrap() {
        FinalizedUpload::Staged { attachment_id, .. } => attachment_id,
        FinalizedUpload::Rejected { message } => panic!("{message}"),
    }
}

/// An attachment that a member staged under a name.
pub(crate) async fn staged_by_agent(kit: &Kit, agent: &Agent, ws: &Workspace, name: &str) -> SupportAttachmentId {
    let url = kit.call(agent, &url_request(ws.id, None)).await.unwrap();
    let request = FinalizeUpload::builder()
        .workspace_id(ws.id)
        .storage_id(put(kit, &url, 7).await)
        .file_name(name)
        .build();
    match kit.call(agent, &request).await.unwrap() {
        FinalizedUpload::Staged { attachment_id, .. } => attachment_id,
        FinalizedUpload::Rejected { message } => panic!("{message}"),
    }
}

/// An attachment that a visitor staged.
async fn staged(kit: &Kit, visitor: &Visitor, ws: &Workspace) -> SupportAttachmentId {
    let file = uploaded(kit, visitor, ws, 7).await;
    match finalize(kit, visitor, ws, file, Some("C:\\fakepath\\a.PNG"))
        .await
        .unwrap()
    {
        FinalizedUpload::Staged {
            attachment_id,
            file_name,
            mime_type,
            size,
        } => {
            assert_eq!(
                (file_name.as_str(), mime_type.as_str(), size),
                ("a.PNG", "image/png", Int(7))
            );
            attachment_id
        }
        FinalizedUpload::Rejected { message } => panic!("{message}"),
    }
}

fn with(visitor: &Visitor, conversation: ConversationId, content: &str, ids: &[SupportAttachmentId]) -> SendMessage {
    changed(message(conversation, SenderType::Visitor, content), |request| {
        request.session_token = Some(visitor.token.clone());
        request.attachment_ids = Some(ids.to_vec());
    })
}

/// How many files, attachments and upload addresses there are.
async fn counts(kit: &Kit) -> (i64, i64, i64) {
    let connection = &mut kit.connection().await;
    let files = stored_files::table.count().get_result(connection).await.unwrap();
    let attachments = support_attachments::table.count().get_result(connection).await.unwrap();
    (
        files,
        attachments,
        uploads::table.count().get_result(connection).await.unwrap(),
    )
}

#[tokio::test]
async fn a_sent_attachment_is_shown_with_its_message() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let [one, two] = [staged(&kit, &visitor, &ws).await, staged(&kit, &visitor, &ws).await];
    kit.call(&visitor, &with(&visitor, id, " ", &[two, one, two]))
        .await
        .unwrap();
    let sent = thread(&kit, &visitor, id).await.pop().unwrap();
    assert_eq!(
        sent.message.attachment_ids,
        Some(vec![two, one]),
        "each once, in their order"
    );
    let shown: Vec<_> = sent.attachments.iter().map(|attachment| attachment.id).collect();
    assert_eq!(shown, [two, one]);
    let file: StoredFileId = support_attachments::table
        .find(two)
        .select(support_attachments::file_id)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    let url = format!("http://opencom.test/api/storage/{file}");
    assert_eq!(sent.attachments[0].url.as_deref(), Some(url.as_str()));
    diesel::delete(stored_files::table.find(file))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let sent = thread(&kit, &visitor, id).await.pop().unwrap();
    assert_eq!(sent.attachments[0].url, None, "the file is gone");
}

#[tokio::test]
async fn a_message_without_words_is_announced_by_its_attachments() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let one = staged(&kit, &visitor, &ws).await;
    kit.call(&visitor, &with(&visitor, id, "  ", &[one])).await.unwrap();
    let payload: serde_json::Value = opencom_schema::jobs::table
        .filter(opencom_schema::jobs::kind.eq("inbox.notify_new_message"))
        .select(opencom_schema::jobs::payload)
        .first(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(payload["messageContent"], "1 attachment");
}

#[tokio::test]
async fn an_attachment_that_cannot_be_used_refuses_the_message() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger, foreign) = (
        kit.visitor(&ws).await,
        kit.visitor(&ws).await,
        kit.visitor(&other).await,
    );
    let id = open(&kit, &ws, &visitor).await.id;
    let (used, good) = (staged(&kit, &visitor, &ws).await, staged(&kit, &visitor, &ws).await);
    let (strange, elsewhere) = (staged(&kit, &stranger, &ws).await, staged(&kit, &foreign, &other).await);
    kit.call(&visitor, &with(&visitor, id, "first", &[used])).await.unwrap();
    let before = seen(&kit, &ws, id).await;
    let six: Vec<_> = (0..6).map(|_| SupportAttachmentId::generate()).collect();
    let unknown = six[0];
    for (ids, expected) in [
        (
            six.as_slice(),
            "INVALID_INPUT: You can attach up to 5 files at a time.".to_owned(),
        ),
        (
            &[good, unknown],
            format!("NOT_FOUND: Attachment {unknown} was not found"),
        ),
        (&[elsewhere], format!("NOT_FOUND: Attachment {elsewhere} was not found")),
        (&[used], "INVALID_INPUT: Attachment has already been used".to_owned()),
        (
            &[strange],
            "NOT_AUTHORIZED: Not authorized to use this attachment".to_owned(),
        ),
    ] {
        let outcome = kit.call(&visitor, &with(&visitor, id, "x", ids)).await;
        assert_eq!(refusal(outcome), expected);
    }
    let by_agent = changed(message(id, SenderType::Agent, "x"), |request| {
        request.attachment_ids = Some(vec![good])
    });
    let outcome = kit.call(&ws.owner, &by_agent).await;
    assert_eq!(
        refusal(outcome),
        "NOT_AUTHORIZED: Not authorized to use this attachment"
    );
    assert_eq!(seen(&kit, &ws, id).await, before, "nothing was written");
    let by_user = changed(by_agent, |request| request.sender_type = SenderType::User);
    kit.call(&ws.owner, &by_user).await.unwrap();
    let sent = thread(&kit, &visitor, id).await.pop().unwrap();
    assert_eq!(sent.message.attachment_ids, None, "those of users are ignored");
    kit.clock.advance(HOUR);
    let outcome = kit.call(&visitor, &with(&visitor, id, "x", &[good])).await;
    assert_eq!(
        refusal(outcome),
        "INVALID_INPUT: Attachment upload expired. Please upload again."
    );
}

#[tokio::test]
async fn one_attachment_goes_into_one_of_two_messages_sent_at_once() {
    let kit = Arc::new(kit().await);
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    for _ in 0..5 {
        let conversations = [open(&kit, &ws, &visitor).await.id, open(&kit, &ws, &visitor).await.id];
        let both = [staged(&kit, &visitor, &ws).await, staged(&kit, &visitor, &ws).await];
        let reversed = [both[1], both[0]];
        let first = with(&visitor, conversations[0], "a", &both);
        let second = with(&visitor, conversations[1], "b", &reversed);
        let (one, two) = tokio::join!(kit.call(&visitor, &first), kit.call(&visitor, &second));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let text = refusal(one.and(two));
        assert_eq!(text, "INVALID_INPUT: Attachment has already been used");
    }
}

#[tokio::test]
async fn uploads_are_for_members_who_may_reply_and_for_visitors() {
    let kit = kit().await;
    let (ws, other) = (kit.workspace().await, kit.workspace().await);
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let (agent, viewer) = (kit.agent(&ws, Role::Agent).await, kit.agent(&ws, Role::Viewer).await);
    kit.call(&agent, &url_request(ws.id, None)).await.unwrap();
    let gone = WorkspaceId::generate();
    let token = Some(visitor.token.as_str());
    let wrong = changed(url_request(ws.id, token), |request| {
        request.visitor_id = Some(stranger.id)
    });
    for (outcome, expected) in [
        (
            kit.call(&Nobody, &url_request(ws.id, None)).await,
            "NOT_AUTHENTICATED: Authentication required",
        ),
        (
            kit.call(&Nobody, &url_request(ws.id, Some(""))).await,
            "NOT_AUTHENTICATED: Authentication required",
        ),
        (
            kit.call(&Nobody, &url_request(ws.id, Some("wst_x"))).await,
            "NOT_AUTHENTICATED: Invalid session token",
        ),
        (
            kit.call(&Nobody, &url_request(gone, token)).await,
            "NOT_FOUND: Workspace not found",
        ),
        (
            kit.call(&Nobody, &url_request(other.id, token)).await,
            "NOT_AUTHORIZED: Session token does not match workspace",
        ),
        (
            kit.call(&Nobody, &wrong).await,
            "NOT_AUTHORIZED: Not authorized to upload files for this visitor",
        ),
        (
            kit.call(&agent, &url_request(gone, token)).await,
            "NOT_FOUND: Workspace not found",
        ),
        (
            kit.call(&viewer, &url_request(ws.id, token)).await,
            "PERMISSION_DENIED: Permission denied: conversations.reply",
        ),
        (
            kit.call(&other.owner, &url_request(ws.id, None)).await,
            "NOT_WORKSPACE_MEMBER: Not a member of this workspace",
        ),
    ] {
        assert_eq!(refusal(outcome), expected);
    }
}

#[tokio::test]
async fn a_file_that_is_not_accepted_is_deleted() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let types = "Unsupported file type. Allowed: PNG, JPEG, GIF, WEBP, PDF, TXT, CSV, JSON, and ZIP.";
    for (name, size, expected) in [
        (Some("a.exe"), 7, types),
        (Some(".png"), 7, types),
        (None, 7, types),
        (Some("a.png"), 10 * 1024 * 1024 + 1, "File exceeds 10MB maximum size."),
    ] {
        let file = uploaded(&kit, &visitor, &ws, size).await;
        let answer = finalize(&kit, &visitor, &ws, file, name).await.unwrap();
        assert_eq!(
            answer,
            FinalizedUpload::Rejected {
                message: expected.to_owned()
            }
        );
        assert!(
            kit.files.open(&key(file), None).await.is_ok(),
            "bytes go after the commit"
        );
        kit.run_jobs().await;
        assert!(kit.files.open(&key(file), None).await.is_err());
        let again = finalize(&kit, &visitor, &ws, file, Some("a.png")).await;
        assert_eq!(refusal(again), "NOT_FOUND: Uploaded file not found");
    }
    assert_eq!(counts(&kit).await, (0, 0, 0));
}

#[tokio::test]
async fn a_file_becomes_an_attachment_of_its_uploader_once() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (visitor, stranger) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let file = uploaded(&kit, &visitor, &ws, 10 * 1024 * 1024).await;
    let not_found = "NOT_FOUND: Uploaded file not found";
    assert_eq!(
        refusal(finalize(&kit, &stranger, &ws, file, Some("a.png")).await),
        not_found
    );
    assert_eq!(
        refusal(finalize(&kit, &visitor, &ws, StoredFileId::generate(), None).await),
        not_found
    );
    let first = finalize(&kit, &visitor, &ws, file, Some("a.png")).await.unwrap();
    assert_eq!(finalize(&kit, &visitor, &ws, file, Some("b.exe")).await.unwrap(), first);
    assert_eq!(
        refusal(finalize(&kit, &stranger, &ws, file, Some("a.png")).await),
        not_found
    );
    assert_eq!(counts(&kit).await, (1, 1, 0));
}

#[tokio::test]
async fn what_no_message_took_is_cleared_up() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let visitor = kit.visitor(&ws).await;
    let id = open(&kit, &ws, &visitor).await.id;
    let kept = staged(&kit, &visitor, &ws).await;
    kit.call(&visitor, &with(&visitor, id, "keep it", &[kept]))
        .await
        .unwrap();
    staged(&kit, &visitor, &ws).await;
    let forgotten = uploaded(&kit, &visitor, &ws, 7).await;
    kit.call(&visitor, &url_request(ws.id, Some(&visitor.token)))
        .await
        .unwrap();
    kit.run_jobs().await;
    assert_eq!(counts(&kit).await, (3, 2, 2), "their time is not over");
    kit.clock.advance(2 * HOUR + 1000);
    kit.run_jobs().await;
    kit.run_jobs().await;
    let left: Vec<SupportAttachmentId> = support_attachments::table
        .select(support_attachments::id)
        .load(&mut kit.connection().await)
        .await
        .unwrap();
    assert_eq!(left, [kept]);
    assert_eq!(counts(&kit).await, (1, 1, 0));
    assert!(kit.files.open(&key(forgotten), None).await.is_err());
    let text = json!(thread(&kit, &visitor, id).await.pop().unwrap().attachments[0].url);
    assert!(text.is_string(), "what was sent stays");
}

#[tokio::test]
async fn a_file_that_waits_for_its_message_survives_a_merge() {
    let kit = kit().await;
    let ws = kit.workspace().await;
    let (known, visitor) = (kit.visitor(&ws).await, kit.visitor(&ws).await);
    let staged = staged(&kit, &visitor, &ws).await;
    for person in [&known, &visitor] {
        let arguments = json!({"visitorId": person.id, "sessionToken": person.token, "email": "ann@example.com"});
        kit.call_json(&Nobody, "visitors:identify", arguments).await.unwrap();
    }
    let conversation = open(&kit, &ws, &visitor).await.id;
    kit.call(&visitor, &with(&visitor, conversation, "", &[staged]))
        .await
        .unwrap();
}
