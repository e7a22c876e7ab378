//! The service: what it is given, and nothing else.

use std::sync::Arc;

use crate::ports::VisitorEvents;

/// What the gateway gives the context.
#[derive(Default)]
pub struct HelpCenterParts {
    /// Who counts visitors' events for audience rules; `None` while there are no events.
    pub events: Option<Arc<dyn VisitorEvents>>,
}

/// The context `help-center`.
pub struct HelpCenter {
    pub(crate) parts: HelpCenterParts,
}

impl HelpCenter {
    /// The context with its parts.
    pub fn new(parts: HelpCenterParts) -> Self {
        Self { parts }
    }
}
