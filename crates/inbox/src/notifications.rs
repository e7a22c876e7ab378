//! Notifications.
use crate::{Inbox, InboxService};
use async_trait::async_trait;
use opencom_contract::conversations::Channel;
use opencom_contract::messages::SenderType;
use opencom_core::id::{ConversationId, MessageId};
use opencom_core::{Millis, Result};
use opencom_runtime::registry::Registration;
use opencom_runtime::{ActionCx, Job};
use serde::{Deserialize, Serialize};

/// A message was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyNewMessage {
    pub conversation_id: ConversationId,
    pub message_content: String,
    pub sender_type: SenderType,
    pub message_id: MessageId,
    pub sender_id: String,
    pub sent_at: Millis,
    pub channel: Channel,
}
impl Job for NotifyNewMessage {
    const KIND: &'static str = "inbox.notify_new_message";
}
#[async_trait]
pub trait Notifications: Send + Sync {
    async fn notifications_new_message(&self, cx: &mut ActionCx, job: NotifyNewMessage) -> Result<()>;
}
#[async_trait]
impl Notifications for Inbox {
    async fn notifications_new_message(&self, _: &mut ActionCx, _: NotifyNewMessage) -> Result<()> {
        Ok(())
    }
}
pub(crate) fn register(of: &mut Registration<'_, dyn InboxService>) -> Result<()> {
    of.job::<NotifyNewMessage>(|s, cx, job| s.notifications_new_message(cx, job));
    Ok(())
}
