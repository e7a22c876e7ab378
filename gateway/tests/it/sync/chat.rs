//! A visitor with an open conversation, on a server.

use opencom_testkit::{Nobody, Visitor, Workspace};
use serde_json::{Value, json};

use crate::wire::Wire;

/// What a new conversation starts with.
pub(crate) const GREETING: &str = "Hi! How can we help you today?";

pub(crate) struct Chat {
    pub(crate) wire: Wire,
    pub(crate) workspace: Workspace,
    pub(crate) visitor: Visitor,
    pub(crate) conversation: Value,
}

impl Chat {
    pub(crate) async fn start() -> Self {
        let wire = Wire::start().await;
        let workspace = wire.kit.workspace().await;
        let visitor = wire.kit.visitor(&workspace).await;
        let args = json!({ "workspaceId": workspace.id, "sessionToken": visitor.token });
        let opened = wire
            .kit
            .call_json(&Nobody, "conversations:createForVisitor", args)
            .await
            .unwrap();
        Self {
            wire,
            workspace,
            visitor,
            conversation: opened["_id"].clone(),
        }
    }

    /// The arguments of `messages:list`, as the visitor.
    pub(crate) fn list(&self) -> Value {
        json!({ "conversationId": self.conversation, "sessionToken": self.visitor.token })
    }

    /// The arguments of `messages:send`, as the visitor.
    pub(crate) fn send(&self, content: &str) -> Value {
        json!({ "conversationId": self.conversation, "senderId": "v", "senderType": "visitor", "content": content,
                "sessionToken": self.visitor.token })
    }

    /// Sends a message as the workspace's owner, not over the socket.
    pub(crate) async fn answer(&self, content: &str) {
        let args = json!({ "conversationId": self.conversation, "senderId": "a", "senderType": "agent",
                           "content": content });
        self.wire
            .kit
            .call_json(&self.workspace.owner, "messages:send", args)
            .await
            .unwrap();
    }

    /// The texts that the database has.
    pub(crate) async fn stored(&self) -> Vec<String> {
        let list = self
            .wire
            .kit
            .call_json(&Nobody, "messages:list", self.list())
            .await
            .unwrap();
        contents(&json!({ "value": list }))
    }
}

/// The texts in a result of `messages:list`.
pub(crate) fn contents(modification: &Value) -> Vec<String> {
    let messages = modification["value"].as_array().map_or([].as_slice(), Vec::as_slice);
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}
