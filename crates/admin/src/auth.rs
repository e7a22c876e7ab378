//! Placeholder.
pub mod keys;
use opencom_core::Result;
use opencom_runtime::registry::Registration;

/// Placeholder.
pub trait Auth: Send + Sync {}
impl Auth for crate::Admin {}

pub(crate) fn register(_: &mut Registration<'_, dyn crate::AdminService>) -> Result<()> {
    Ok(())
}
