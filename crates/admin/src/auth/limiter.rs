//! The limiter of failed sign-ins: a bucket of ten attempts for each identifier, one more every six minutes.
//!
//! A bucket is locked while it is looked at and changed, so attempts that come together count as if one after the
//! other: of many guesses at once no more than the bucket holds are ever answered.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::{Millis, Result};
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::auth_rate_limits;

/// How many attempts a full bucket holds.
const CAPACITY: f64 = 10.0;
/// After this many milliseconds an empty bucket is full again.
pub(super) const REFILL_MS: i64 = Millis::HOUR;

/// There are no attempts left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted {
    /// When there will be one.
    pub(super) retry_after_ms: i64,
}

#[derive(Clone, Copy, HasQuery, Insertable)]
#[diesel(table_name = auth_rate_limits)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Bucket {
    attempts_left: f64,
    last_attempt_at: Millis,
}

impl Bucket {
    const fn full(now: Millis) -> Self {
        Self {
            attempts_left: CAPACITY,
            last_attempt_at: now,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few years in milliseconds fit")]
    fn available(self, now: Millis) -> f64 {
        // Replicas' clocks may differ a little.
        let elapsed = now.since(self.last_attempt_at).max(0) as f64;
        (self.attempts_left + elapsed * CAPACITY / REFILL_MS as f64).min(CAPACITY)
    }

    /// The bucket with one attempt less.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "between zero and an hour"
    )]
    fn take(self, now: Millis) -> Result<Self, Exhausted> {
        let available = self.available(now);
        if available < 1.0 {
            let wait = ((1.0 - available) * REFILL_MS as f64 / CAPACITY).ceil() as i64;
            return Err(Exhausted { retry_after_ms: wait });
        }
        Ok(Self {
            attempts_left: available - 1.0,
            last_attempt_at: now,
        })
    }
}

/// Whether there is an attempt left. A look without a lock, to spare the work of an attempt that cannot succeed.
pub(super) async fn peek(cx: &mut QueryCx, identifier: &str) -> Result<Result<(), Exhausted>> {
    let now = cx.now();
    let bucket = Bucket::query()
        .find(identifier)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(bucket.map_or(Ok(()), |bucket: Bucket| bucket.take(now).map(drop)))
}

/// Counts an attempt that failed.
pub(super) async fn count(cx: &mut MutationCx, identifier: &str) -> Result<Result<(), Exhausted>> {
    let now = cx.now();
    let connection = cx.connection().await?;
    // The update changes nothing. It is there to lock the row, whoever made it.
    let bucket: Bucket = diesel::insert_into(auth_rate_limits::table)
        .values((auth_rate_limits::identifier.eq(identifier), Bucket::full(now)))
        .on_conflict(auth_rate_limits::identifier)
        .do_update()
        .set(auth_rate_limits::attempts_left.eq(auth_rate_limits::attempts_left))
        .returning(Bucket::as_returning())
        .get_result(connection)
        .await?;
    let left = match bucket.take(now) {
        Ok(left) => left,
        Err(exhausted) => return Ok(Err(exhausted)),
    };
    diesel::update(auth_rate_limits::table.find(identifier))
        .set((
            auth_rate_limits::attempts_left.eq(left.attempts_left),
            auth_rate_limits::last_attempt_at.eq(left.last_attempt_at),
        ))
        .execute(connection)
        .await?;
    Ok(Ok(()))
}

/// Fills the bucket up again after a success; refuses one that came when nothing was left.
pub(super) async fn reset(cx: &mut MutationCx, identifier: &str) -> Result<Result<(), Exhausted>> {
    let now = cx.now();
    let connection = cx.connection().await?;
    let bucket: Option<Bucket> = Bucket::query()
        .find(identifier)
        .for_update()
        .first(connection)
        .await
        .optional()?;
    let Some(bucket) = bucket else { return Ok(Ok(())) };
    if let Err(exhausted) = bucket.take(now) {
        return Ok(Err(exhausted));
    }
    diesel::delete(auth_rate_limits::table.find(identifier))
        .execute(connection)
        .await?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    #[test]
    fn ten_attempts_then_none() {
        let mut bucket = Bucket::full(NOW);
        for left in (0..10).rev() {
            bucket = bucket.take(NOW).unwrap_or_else(|_| panic!("refused with {left} to go"));
            assert!((bucket.attempts_left - f64::from(left)).abs() < f64::EPSILON);
        }
        assert_eq!(
            bucket.take(NOW).err(),
            Some(Exhausted {
                retry_after_ms: 6 * Millis::MINUTE
            })
        );
    }

    #[test]
    fn one_comes_back_every_six_minutes() {
        let empty = Bucket {
            attempts_left: 0.0,
            last_attempt_at: NOW,
        };
        let almost = NOW.plus(6 * Millis::MINUTE - 1);
        assert_eq!(empty.take(almost).err(), Some(Exhausted { retry_after_ms: 1 }));
        let again = empty.take(NOW.plus(6 * Millis::MINUTE)).ok();
        assert!(again.is_some_and(|bucket| bucket.take(NOW.plus(6 * Millis::MINUTE)).is_err()));
    }

    #[test]
    fn a_bucket_never_holds_more_than_ten() {
        let old = Bucket {
            attempts_left: 3.0,
            last_attempt_at: NOW,
        };
        assert!((old.available(NOW.plus(Millis::DAY)) - CAPACITY).abs() < f64::EPSILON);
    }

    #[test]
    fn a_clock_that_is_behind_takes_nothing_away() {
        let bucket = Bucket {
            attempts_left: 5.0,
            last_attempt_at: NOW,
        };
        assert!((bucket.available(NOW.plus(-Millis::HOUR)) - 5.0).abs() < f64::EPSILON);
    }
}
