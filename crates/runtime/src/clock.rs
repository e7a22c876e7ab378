//! The time, and how tests set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use opencom_core::Millis;

/// Tells the time in whole milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the system's time.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self::default()
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's time")]
    pub fn now(&self) -> Millis {
        Millis::from(chrono::Utc::now()).plus(self.offset.load(Ordering::Relaxed))
    }

    /// Moves the time of everything that shares this clock, for tests.
    pub fn advance(&self, ms: i64) {
        self.offset.fetch_add(ms, Ordering::Relaxed);
    }
}
