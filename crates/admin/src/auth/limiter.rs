//! The limiter of failed sign-ins: a bucket of ten attempts for each identifier, one more every six minutes.
//!
//! A bucket is locked while it is looked at and changed, so attempts that come together count as if one after the
//! other: of many guesses at once no more than the bucket holds are ever answered.

use diesel::prelude::*;
use opencom_core::{Error, Millis, Result};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::auth_rate_limits;

/// How many attempts a full bucket holds.
const CAPACITY: i64 = 10;
/// How many milliseconds it takes until an attempt is forgotten.
const COST: i64 = 6 * Millis::MINUTE;

/// There are no attempts left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted {
    /// When there will be one.
    pub(super) retry_after_ms: i64,
}

/// Whether an attempt was left in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// There was one.
    Allowed,
    /// There was none.
    Exhausted(Exhausted),
}

impl Attempt {
    /// Fails with the error that `refuse` makes if there was none.
    pub(super) fn or_refuse(self, refuse: impl FnOnce(Exhausted) -> Error) -> Result<()> {
        match self {
            Self::Allowed => Ok(()),
            Self::Exhausted(exhausted) => Err(refuse(exhausted)),
        }
    }
}

/// A bucket, as the moment at which it is full again: every attempt moves that moment on by its cost.
#[derive(Clone, Copy, HasQuery)]
#[diesel(table_name = auth_rate_limits)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Bucket {
    full_at: Millis,
}

impl Bucket {
    /// The bucket with one attempt less.
    fn take(self, now: Millis) -> Result<Self, Exhausted> {
        let full_at = self.full_at.max(now).plus(COST);
        let beyond = full_at.since(now) - CAPACITY * COST;
        if beyond > 0 {
            return Err(Exhausted { retry_after_ms: beyond });
        }
        Ok(Self { full_at })
    }
}

/// Whether there is an attempt left. A look without a lock, to spare the work of an attempt that cannot succeed.
pub(super) async fn peek(cx: &mut QueryCx, identifier: &str) -> Result<Attempt> {
    let now = cx.now();
    let bucket = Bucket::query()
        .find(identifier)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(
        bucket.map_or(Attempt::Allowed, |bucket: Bucket| match bucket.take(now) {
            Ok(_) => Attempt::Allowed,
            Err(exhausted) => Attempt::Exhausted(exhausted),
        }),
    )
}

/// Counts an attempt that failed.
pub(super) async fn count(cx: &mut MutationCx, identifier: &str) -> Result<Attempt> {
    let now = cx.now();
    let connection = cx.connection().await?;
    // The update changes nothing. It is there to lock the row, whoever made it.
    let bucket: Bucket = diesel::insert_into(auth_rate_limits::table)
        .values((
            auth_rate_limits::identifier.eq(identifier),
            auth_rate_limits::full_at.eq(now),
        ))
        .on_conflict(auth_rate_limits::identifier)
        .do_update()
        .set(auth_rate_limits::full_at.eq(auth_rate_limits::full_at))
        .returning(Bucket::as_returning())
        .get_result(connection)
        .await?;
    let left = match bucket.take(now) {
        Ok(left) => left,
        Err(exhausted) => return Ok(Attempt::Exhausted(exhausted)),
    };
    diesel::update(auth_rate_limits::table.find(identifier))
        .set(auth_rate_limits::full_at.eq(left.full_at))
        .execute(connection)
        .await?;
    Ok(Attempt::Allowed)
}

/// Fills the bucket up again after a success; refuses one that came when nothing was left.
pub(super) async fn reset(cx: &mut MutationCx, identifier: &str) -> Result<Attempt> {
    let now = cx.now();
    let connection = cx.connection().await?;
    let bucket: Option<Bucket> = Bucket::query()
        .find(identifier)
        .for_update()
        .first(connection)
        .await
        .optional()?;
    let Some(bucket) = bucket else {
        return Ok(Attempt::Allowed);
    };
    if let Err(exhausted) = bucket.take(now) {
        return Ok(Attempt::Exhausted(exhausted));
    }
    diesel::delete(auth_rate_limits::table.find(identifier))
        .execute(connection)
        .await?;
    Ok(Attempt::Allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    /// A bucket that was full at `NOW` and from which `attempts` were taken then.
    fn after(attempts: i64) -> Bucket {
        (0..attempts).fold(Bucket { full_at: NOW }, |bucket, _| {
            bucket.take(NOW).unwrap_or_else(|_| panic!("refused"))
        })
    }

    #[test]
    fn ten_attempts_then_none() {
        assert!(after(9).take(NOW).is_ok());
        assert_eq!(after(10).take(NOW).err(), Some(Exhausted { retry_after_ms: COST }));
    }

    #[test]
    fn one_comes_back_every_six_minutes() {
        let empty = after(10);
        assert_eq!(
            empty.take(NOW.plus(COST - 1)).err(),
            Some(Exhausted { retry_after_ms: 1 })
        );
        let again = empty.take(NOW.plus(COST)).ok();
        assert!(again.is_some_and(|bucket| bucket.take(NOW.plus(COST)).is_err()));
    }

    #[test]
    fn a_bucket_never_holds_more_than_ten() {
        let tomorrow = NOW.plus(Millis::DAY);
        let mut bucket = after(3);
        for _ in 0..10 {
            bucket = bucket.take(tomorrow).unwrap_or_else(|_| panic!("refused"));
        }
        assert!(bucket.take(tomorrow).is_err());
    }
}
