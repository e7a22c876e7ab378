//! Placeholder.
use opencom_core::Result;
use opencom_runtime::registry::Registration;

/// Placeholder.
pub trait WidgetSessions: Send + Sync {}
impl WidgetSessions for crate::Inbox {}

pub(crate) fn register(_: &mut Registration<'_, dyn crate::InboxService>) -> Result<()> {
    Ok(())
}
