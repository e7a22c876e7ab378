//! The order of commits as clients of the sync socket see it.

use std::sync::atomic::{AtomicU64, Ordering};

use opencom_core::Millis;

/// Gives out timestamps: nanoseconds of the wall clock, always greater than the last one. Replicas are as close to each
/// other as their clocks; a client that has seen a later one than this process knows is served by its session, which never
/// goes back.
#[derive(Debug, Default)]
pub struct Timestamps(AtomicU64);

impl Timestamps {
    /// The next timestamp, at the time `now`.
    pub fn next(&self, now: Millis) -> u64 {
        let wall = nanoseconds(now);
        let previous = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(wall.max(last + 1)));
        // The update never declines; both arms hold what was there before.
        let (Ok(last) | Err(last)) = previous;
        wall.max(last + 1)
    }
}

/// A time as a timestamp.
pub fn nanoseconds(time: Millis) -> u64 {
    u64::try_from(time.0).unwrap_or(0) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_follow_the_clock_and_never_repeat() {
        let timestamps = Timestamps::default();
        assert_eq!(timestamps.next(Millis(5)), 5_000_000);
        assert_eq!(timestamps.next(Millis(5)), 5_000_001);
        assert_eq!(timestamps.next(Millis(3)), 5_000_002);
        assert_eq!(timestamps.next(Millis(9)), 9_000_000);
    }
}
