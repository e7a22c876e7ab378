//! The sync sockets of a process: how many there are, and how they end when it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opencom_live::session::Host;
use tokio::sync::watch;

/// Over how long the sockets are closed when the process stops, so that not all clients come back at once.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);
/// How much of that time each socket adds.
const DRAIN_EACH: Duration = Duration::from_millis(2);

/// The sync sockets of a process.
pub struct Sockets {
    /// What their sessions have in common.
    pub(crate) host: Arc<Host>,
    open: AtomicUsize,
    most: usize,
    /// Over how long to close, once the process stops.
    stop: watch::Sender<Option<Duration>>,
}

/// An open socket; it counts until this is dropped.
pub(crate) struct Open(Arc<Sockets>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("opencom_live_sockets").decrement(1);
    }
}

impl Sockets {
    /// None yet, and `most` at the most.
    pub fn new(host: Host, most: usize) -> Self {
        Self {
            host: Arc::new(host),
            open: AtomicUsize::new(0),
            most,
            stop: watch::Sender::new(None),
        }
    }

    /// One more; `None` when there are too many.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Open> {
        metrics::gauge!("opencom_live_sockets").increment(1);
        let others = self.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(Arc::clone(self));
        (others < self.most).then_some(open)
    }

    /// Turns to the time over which to close, once the process stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<Option<Duration>> {
        self.stop.subscribe()
    }

    /// Closes all of them, one after the other; their clients come back to another process.
    pub fn stop(&self) {
        let open = u32::try_from(self.open.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        self.stop
            .send_replace(Some(DRAIN_EACH.saturating_mul(open).min(LONGEST_DRAIN)));
    }
}
