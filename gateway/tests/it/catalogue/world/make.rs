//! What the world is made of, one piece at a time.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::Result;
use opencom_core::id::{StoredFileId, TicketFormId, UserId, VisitorId, WorkspaceId, WorkspaceInvitationId};
use opencom_runtime::files::{self, StoredFile};
use opencom_runtime::{Caller, MutationCx, ScopedFutureExt};
use opencom_schema::{ticket_forms, workspace_invitations};
use opencom_testkit::{Kit, Nobody, Visitor, Workspace};
use serde_json::{Value, json};

use super::{Asker, Library, Thread, Work};

/// An id of the same table that no row has.
pub(crate) fn unknown_like(id: &str) -> String {
    let (random, tag) = id.split_at(30);
    random.chars().rev().chain(tag.chars()).collect()
}

/// Invites an address, whoever's it is, in place of an invitation that it has.
pub(crate) async fn invite(kit: &Kit, workspace: WorkspaceId, address: &str) -> WorkspaceInvitationId {
    let connection = &mut kit.connection().await;
    let id = WorkspaceInvitationId::generate();
    diesel::delete(workspace_invitations::table)
        .filter(workspace_invitations::workspace_id.eq(workspace))
        .filter(workspace_invitations::email.eq(address))
        .execute(connection)
        .await
        .unwrap();
    diesel::insert_into(workspace_invitations::table)
        .values((
            workspace_invitations::id.eq(id),
            workspace_invitations::workspace_id.eq(workspace),
            workspace_invitations::email.eq(address),
            workspace_invitations::role.eq("agent"),
            workspace_invitations::status.eq("pending"),
            workspace_invitations::created_at.eq(kit.clock.now()),
        ))
        .execute(connection)
        .await
        .unwrap();
    id
}

pub(super) async fn name(kit: &Kit, visitor: &Visitor, name: &str) {
    let identify = json!({ "visitorId": visitor.id, "sessionToken": visitor.token, "name": name });
    kit.call_json(&Nobody, "visitors:identify", identify).await.unwrap();
}

/// Rules that everybody meets, with everything that rules may have.
pub(super) fn everybody() -> Value {
    json!({
        "type": "condition",
        "property": {
            "source": "system", "key": "name",
            "eventFilter": { "name": "page_view", "countOperator": "at_least", "count": 1, "withinDays": 7 },
        },
        "operator": "not_equals", "value": "nobody",
    })
}

/// A collection in another one, or at the top.
pub(super) async fn collect(kit: &Kit, ws: &Workspace, parent: Option<&str>) -> String {
    let mut create = json!({ "workspaceId": ws.id, "name": "Shelf" });
    if let Some(parent) = parent {
        create["parentId"] = json!(parent);
    }
    let id = kit.call_json(&ws.owner, "collections:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

/// A draft in a collection.
pub(super) async fn write(kit: &Kit, ws: &Workspace, text: &str, shelf: &str) -> String {
    let create = json!({ "workspaceId": ws.id, "title": text, "content": text, "collectionId": shelf });
    let id = kit.call_json(&ws.owner, "articles:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

/// A help center with one draft.
pub(super) async fn stock(kit: &Kit, ws: &Workspace, text: &str) -> Library {
    let top = collect(kit, ws, None).await;
    let shelf = collect(kit, ws, Some(&top)).await;
    let article = write(kit, ws, text, &shelf).await;
    Library { top, shelf, article }
}

/// Opens a conversation and writes to it.
pub(super) async fn open(kit: &Kit, ws: WorkspaceId, visitor: &Visitor, text: &str) -> Thread {
    let create = json!({ "workspaceId": ws, "sessionToken": visitor.token });
    let conversation = kit
        .call_json(&Nobody, "conversations:createForVisitor", create)
        .await
        .unwrap()["_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let send = json!({
        "conversationId": conversation, "senderId": "me", "senderType": "visitor", "content": text,
        "sessionToken": visitor.token,
    });
    let message = kit.call_json(&Nobody, "messages:send", send).await.unwrap();
    let message = message.as_str().unwrap().to_owned();
    Thread { conversation, message }
}

/// A ticket, a form, a snippet and tags of a workspace.
pub(super) async fn work_of(kit: &Kit, ws: &Workspace, visitor: &Visitor, thread: &Thread, text: &str) -> Work {
    let form = TicketFormId::generate();
    let now = kit.clock.now();
    diesel::insert_into(ticket_forms::table)
        .values((
            ticket_forms::id.eq(form),
            ticket_forms::workspace_id.eq(ws.id),
            ticket_forms::name.eq(text),
            ticket_forms::fields.eq(json!([])),
            ticket_forms::is_default.eq(true),
            ticket_forms::created_at.eq(now),
            ticket_forms::updated_at.eq(now),
        ))
        .execute(&mut kit.connection().await)
        .await
        .unwrap();
    let create = json!({ "workspaceId": ws.id, "sessionToken": visitor.token, "subject": text });
    let ticket = kit.call_json(&Nobody, "tickets:create", create).await.unwrap();
    let (first_tag, tag) = (tag(kit, ws).await, tag(kit, ws).await);
    let add = json!({ "conversationId": thread.conversation, "tagId": tag });
    kit.call_json(&ws.owner, "tags:addToConversation", add).await.unwrap();
    Work {
        ticket: ticket.as_str().unwrap().to_owned(),
        form: form.to_string(),
        snippet: snippet(kit, ws, text).await,
        first_tag,
        tag,
    }
}

pub(super) async fn tag(kit: &Kit, ws: &Workspace) -> String {
    let create = json!({ "workspaceId": ws.id, "name": UserId::generate() });
    let id = kit.call_json(&ws.owner, "tags:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

pub(super) async fn snippet(kit: &Kit, ws: &Workspace, text: &str) -> String {
    let create = json!({ "workspaceId": ws.id, "name": text, "content": text });
    let id = kit.call_json(&ws.owner, "snippets:create", create).await.unwrap();
    id.as_str().unwrap().to_owned()
}

/// Uploads a file as the gateway does.
pub(crate) async fn upload(kit: &Kit, ws: WorkspaceId, asker: &Asker) -> Result<StoredFileId> {
    let mut request = json!({ "workspaceId": ws });
    if let Some(token) = &asker.token {
        request["sessionToken"] = json!(token);
    }
    let url = kit
        .call_json(asker, "supportAttachments:generateUploadUrl", request)
        .await?;
    let token = url.as_str().unwrap().rsplit_once("token=").unwrap().1.to_owned();
    let id = StoredFileId::generate();
    kit.dispatcher
        .transaction(Caller::Anonymous, |cx| complete(cx, token.clone(), id).scope_boxed())
        .await?;
    Ok(id)
}

pub(super) async fn complete(cx: &mut MutationCx, token: String, id: StoredFileId) -> Result<()> {
    let upload = files::open_upload(cx, &token).await?;
    let file = StoredFile {
        id,
        workspace_id: upload.workspace_id,
        size: 7,
        content_type: "application/octet-stream".to_owned(),
        sha256: "00".to_owned(),
        created_at: cx.now(),
    };
    files::complete_upload(cx, upload.id, &file).await
}

/// Stages an uploaded file.
pub(crate) async fn stage(kit: &Kit, ws: WorkspaceId, asker: &Asker, file: StoredFileId) -> Result<String> {
    let mut request = json!({ "workspaceId": ws, "storageId": file, "fileName": "a.png" });
    if let Some(token) = &asker.token {
        request["sessionToken"] = json!(token);
    }
    let staged = kit
        .call_json(asker, "supportAttachments:finalizeUpload", request)
        .await?;
    Ok(staged["attachmentId"].as_str().unwrap().to_owned())
}

/// A visitor who has booted.
pub(crate) async fn booted(kit: &Kit, workspace: &Workspace) -> Visitor {
    let session_id = format!("session_{}", VisitorId::generate());
    let arguments = serde_json::json!({ "workspaceId": workspace.id, "sessionId": session_id });
    let booted = kit.call_json(&Nobody, "widgetSessions:boot", arguments).await.unwrap();
    Visitor {
        id: booted["visitor"]["_id"].as_str().unwrap().parse().unwrap(),
        token: booted["sessionToken"].as_str().unwrap().to_owned(),
        session_id,
    }
}
