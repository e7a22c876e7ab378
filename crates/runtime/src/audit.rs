//! The audit log as every context sees it: what to write. Where it goes is the context `admin`'s business.

use async_trait::async_trait;
use opencom_core::Result;
use opencom_core::id::{UserId, WorkspaceId};
use serde_json::Value;

use crate::MutationCx;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in user.
    User(UserId),
    /// Somebody who is not a user, through the API.
    Api,
}

/// One entry. Never holds a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Whose log.
    pub workspace_id: WorkspaceId,
    /// Who did it.
    pub actor: Actor,
    /// What was done: one of the actions of the contract.
    pub action: &'static str,
    /// To what kind of thing.
    pub resource_type: &'static str,
    /// To which one.
    pub resource_id: Option<String>,
    /// What else there is to say.
    pub metadata: Option<Value>,
}

/// Writes entries in the transaction of the change that they tell of.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Writes one entry.
    async fn record(&self, cx: &mut MutationCx, entry: Entry) -> Result<()>;
}
