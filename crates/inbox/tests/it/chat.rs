//! What the tests of conversations and messages share.

use opencom_contract::conversations::{Conversation, CreateForVisitor, Get};
use opencom_contract::messages::{List, Message, SendMessage, SenderType};
use opencom_core::Result;
use opencom_core::id::{ConversationId, MessageId};
use opencom_testkit::{Agent, Kit, Nobody, Visitor, Workspace};

use crate::support::changed;

/// Opens a conversation as a visitor.
pub(crate) async fn open(kit: &Kit, ws: &Workspace, visitor: &Visitor) -> Conversation {
    let request = CreateForVisitor::builder()
        .workspace_id(ws.id)
        .session_token(visitor.token.clone())
        .build();
    kit.call(visitor, &request).await.unwrap()
}

/// A message by nobody in particular.
pub(crate) fn message(conversation: ConversationId, sender_type: SenderType, content: &str) -> SendMessage {
    SendMessage::builder()
        .conversation_id(conversation)
        .sender_id("whoever")
        .sender_type(sender_type)
        .content(content)
        .build()
}

/// Sends as a visitor.
pub(crate) async fn ask(
    kit: &Kit,
    visitor: &Visitor,
    conversation: ConversationId,
    content: &str,
) -> Result<MessageId> {
    let request = changed(message(conversation, SenderType::Visitor, content), |request| {
        request.session_token = Some(visitor.token.clone())
    });
    kit.call(visitor, &request).await
}

/// Sends as an agent.
pub(crate) async fn answer(kit: &Kit, agent: &Agent, conversation: ConversationId, content: &str) -> Result<MessageId> {
    kit.call(agent, &message(conversation, SenderType::Agent, content))
        .await
}

/// A conversation as the workspace's owner sees it.
pub(crate) async fn seen(kit: &Kit, ws: &Workspace, id: ConversationId) -> Conversation {
    let request = Get::builder().id(id).build();
    kit.call(&ws.owner, &request).await.unwrap().unwrap()
}

/// A thread as its visitor sees it.
pub(crate) async fn thread(kit: &Kit, visitor: &Visitor, id: ConversationId) -> Vec<Message> {
    let request = List::builder()
        .conversation_id(id)
        .session_token(visitor.token.clone())
        .build();
    kit.call(&Nobody, &request).await.unwrap()
}

/// The code and the text of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    let error = outcome.unwrap_err();
    format!("{}: {}", error.code().as_str(), error.message())
}
