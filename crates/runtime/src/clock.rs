//! The time, and how tests set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use opencom_core::Millis;
use tokio::sync::Notify;

/// Tells the time in whole milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the system's time.
    offset: Arc<AtomicI64>,
    moved: Arc<Notify>,
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
        self.moved.notify_waiters();
    }

    /// Waits until it is `time`.
    pub async fn sleep_until(&self, time: Millis) {
        loop {
            let moved = self.moved.notified();
            let left = u64::try_from(time.0.saturating_sub(self.now().0)).unwrap_or(0);
            if left == 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => {}
                () = moved => {}
            }
        }
    }
}
