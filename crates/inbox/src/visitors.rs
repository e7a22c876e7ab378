//! Visitors: the people on a customer's website or in a customer's app.

pub(crate) mod queries;
pub(crate) mod rows;

use async_trait::async_trait;
use opencom_core::Result;
use opencom_runtime::registry::Registration;

use crate::{Inbox, InboxService};

/// The functions of `visitors`.
#[async_trait]
pub trait Visitors: Send + Sync {}

#[async_trait]
impl Visitors for Inbox {}

pub(crate) fn register(_of: &mut Registration<'_, dyn InboxService>) -> Result<()> {
    Ok(())
}
