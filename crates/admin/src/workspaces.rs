//! Placeholder.
use opencom_runtime::registry::Registration;

/// Placeholder.
pub trait Workspaces: Send + Sync {}
impl Workspaces for crate::Admin {}

pub(crate) fn register(_: &mut Registration<'_, dyn crate::AdminService>) {}
