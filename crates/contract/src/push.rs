//! Push to the devices of agents and visitors. The functions are not part of the [`catalogue`](crate::catalogue) as long as
//! no context serves them: until then nobody has a device.

use bon::Builder;
use opencom_core::id::{NotificationEventId, UserId, VisitorId, WorkspaceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::Validate;

use crate::function::{INTERNAL, functions};

functions! {
    InternalReach: query "push:internalReach" -> Vec<Reach>, INTERNAL;
    InternalSend: mutation "push:internalSend" -> (), INTERNAL;
}

/// How each of these recipients can be reached, in their order.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalReach {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The recipients.
    pub recipients: Vec<PushRecipient>,
}

/// A recipient of pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PushRecipient {
    /// A member.
    Agent(UserId),
    /// A visitor.
    Visitor(VisitorId),
}

/// How a recipient can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reach {
    /// The recipient has muted pushes from this workspace.
    Muted,
    /// The tokens of the recipient's devices; possibly none.
    Devices(Vec<String>),
}

/// Queues one push to all devices of one recipient. The outcome goes to `notification_deliveries`.
#[derive(Clone, Debug, PartialEq, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct InternalSend {
    /// The event that the push tells of.
    pub event_id: NotificationEventId,
    /// The event's key.
    pub event_key: String,
    /// The key of event, recipient and channel; a second push with it is dropped.
    pub dedupe_key: String,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The recipient.
    pub recipient: PushRecipient,
    /// The tokens of the devices; at least one.
    pub tokens: Vec<String>,
    /// The first line.
    pub title: String,
    /// The text.
    pub body: String,
    /// Data for the app.
    pub data: Value,
}
