//! What the tests of conversations by mail share.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_contract::email_channel::{InternalReceive, Received};
use opencom_contract::messages::Message;
use opencom_core::id::ConversationId;
use opencom_core::{Error, Result};
use opencom_schema::inbound_emails;
use opencom_testkit::{Kit, Workspace};
use serde_json::{Value, json};

/// Lets a workspace take mail; its address.
pub(crate) async fn take_mail(kit: &Kit, ws: &Workspace) -> String {
    let config = json!({ "workspaceId": ws.id, "enabled": true });
    kit.call_json(&ws.owner, "emailChannel:upsertEmailConfig", config)
        .await
        .unwrap();
    address(kit, ws).await
}

/// The address of a workspace.
pub(crate) async fn address(kit: &Kit, ws: &Workspace) -> String {
    let get = json!({ "workspaceId": ws.id });
    let config = kit
        .call_json(&ws.owner, "emailChannel:getEmailConfig", get)
        .await
        .unwrap();
    config["forwardingAddress"].as_str().unwrap().to_owned()
}

/// Reports something as a provider does.
pub(crate) async fn report(kit: &Kit, body: &Value) -> Result<Received> {
    let body = body.to_string().into_bytes();
    kit.invoke(InternalReceive::builder().body(body).build()).await
}

/// A mail that is stored: its conversation, and whether it was stored before.
pub(crate) async fn stored(kit: &Kit, body: &Value) -> (ConversationId, bool) {
    match report(kit, body).await {
        Ok(Received::Stored {
            conversation_id,
            duplicate,
            ..
        }) => (conversation_id, duplicate),
        other => panic!("{other:?}"),
    }
}

/// A mail as it travelled, with what stands in braces in it replaced.
pub(crate) fn travelled(mail: &[u8], replaced: &[(&str, &str)]) -> Vec<u8> {
    let mut mail = mail.to_vec();
    for (name, value) in replaced {
        let name = format!("{{{name}}}");
        while let Some(at) = mail.windows(name.len()).position(|part| part == name.as_bytes()) {
            mail.splice(at..at + name.len(), value.bytes());
        }
    }
    mail
}

/// The report that brings a mail as it travelled.
pub(crate) fn bringing(raw: &[u8]) -> Value {
    json!({ "raw": STANDARD.encode(raw) })
}

/// A thread as the workspace's owner sees it.
pub(crate) async fn thread(kit: &Kit, ws: &Workspace, id: ConversationId) -> Vec<Message> {
    let list = json!({ "conversationId": id });
    let thread = kit.call_json(&ws.owner, "messages:list", list).await.unwrap();
    serde_json::from_value(thread).map_err(Error::internal).unwrap()
}

/// What became of each mail that came, and why.
pub(crate) async fn outcomes(kit: &Kit) -> Vec<(String, Option<String>)> {
    inbound_emails::table
        .order((inbound_emails::created_at, inbound_emails::id))
        .select((inbound_emails::outcome, inbound_emails::reason))
        .load(&mut kit.connection().await)
        .await
        .unwrap()
}
