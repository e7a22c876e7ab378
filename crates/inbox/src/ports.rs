//! What the context tells others and asks of them.

use async_trait::async_trait;
use opencom_core::Result;
use opencom_core::id::{NotificationEventId, SnippetId, UserId, VisitorId, WorkspaceId};
use opencom_runtime::MutationCx;
use serde_json::Value;

/// Something about a visitor became something else, as texts. Series start by such changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorChange {
    /// Whether `key` is a field of the visitor or one of the custom attributes.
    pub source: ChangeSource,
    /// The field or attribute.
    pub key: String,
    /// What it was; `None`: nothing.
    pub from: Option<String>,
    /// What it is; `None`: nothing.
    pub to: Option<String>,
}

/// Where a change happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeSource {
    /// `email`, `name` or `externalUserId`.
    State,
    /// A custom attribute.
    Attribute,
}

/// Wants to know when `visitors:identify` changes a visitor, in the same transaction; queues jobs, does nothing slow.
#[async_trait]
pub trait VisitorChanges: Send + Sync {
    /// These changed, never none.
    async fn visitor_changed(&self, cx: &mut MutationCx, visitor: VisitorId, changes: &[VisitorChange]) -> Result<()>;
}

/// Learns from snippets, in the same transaction; queues jobs, does nothing slow.
#[async_trait]
pub trait SnippetKnowledge: Send + Sync {
    /// A snippet was made, or its name or its text was written.
    async fn snippet_saved(
        &self,
        cx: &mut MutationCx,
        workspace: WorkspaceId,
        id: SnippetId,
        title: &str,
        content: &str,
    ) -> Result<()>;

    /// A snippet is gone.
    async fn snippet_removed(&self, cx: &mut MutationCx, id: SnippetId) -> Result<()>;
}

/// Somebody who may be told by push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PushRecipient {
    /// A member.
    Agent(UserId),
    /// A visitor.
    Visitor(VisitorId),
}

/// How somebody can be told by push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// They want no pushes from this workspace.
    Muted,
    /// The tokens of their devices that take pushes; possibly none.
    Devices(Vec<String>),
}

/// One push to all devices of one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct PushAttempt {
    /// What it tells of.
    pub event_id: NotificationEventId,
    /// The event's key.
    pub event_key: String,
    /// The key of event, recipient and channel.
    pub dedupe_key: String,
    /// Where it happened.
    pub workspace_id: WorkspaceId,
    /// Who is told.
    pub recipient: PushRecipient,
    /// Their devices; at least one.
    pub tokens: Vec<String>,
    /// The first line.
    pub title: String,
    /// The text.
    pub body: String,
    /// What the app does with it.
    pub data: Value,
}

/// Knows people's devices. Without one nobody has any.
#[async_trait]
pub trait PushDevices: Send + Sync {
    /// How each of these can be told, in their order.
    async fn reach(
        &self,
        cx: &mut MutationCx,
        workspace: WorkspaceId,
        recipients: &[PushRecipient],
    ) -> Result<Vec<Reach>>;

    /// Queues an attempt, whose outcome goes to `notification_deliveries`.
    async fn push(&self, cx: &mut MutationCx, attempt: PushAttempt) -> Result<()>;
}
