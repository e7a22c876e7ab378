//! Closed-loop load: every connection sends its next call as soon as the last one is answered.

use std::time::{Duration, Instant};

use crate::Fault;

/// What a load achieved.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Outcome {
    /// Two loads of the same length as one: mean rate and median, the worse of the tails.
    pub(crate) fn mean(&self, other: &Self) -> Self {
        Self {
            per_second: self.per_second.midpoint(other.per_second),
            p50: (self.p50 + other.p50) / 2,
            p99: self.p99.max(other.p99),
        }
    }

    /// Rate and percentiles of calls that took these times, over `elapsed`.
    pub(crate) fn of(times: Vec<Duration>, elapsed: Duration) -> Result<Self, Fault> {
        #[expect(clippy::cast_precision_loss, reason = "rates are approximate")]
        let per_second = times.len() as f64 / elapsed.as_secs_f64();
        let (p50, p99) = percentiles(times)?;
        Ok(Self { per_second, p50, p99 })
    }
}

/// Median and 99th percentile.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> Result<(Duration, Duration), Fault> {
    times.sort_unstable();
    let last = times.len().checked_sub(1).ok_or("not one call finished")?;
    Ok((times[last / 2], times[last * 99 / 100]))
}

/// Calls `one` on `clients` connections for `time`. A refused call ends the measurement: it would flatter the figures.
pub(crate) async fn run<C>(
    clients: usize,
    time: Duration,
    connect: &impl AsyncFn() -> Result<C, Fault>,
    one: &impl AsyncFn(&mut C) -> Result<(), Fault>,
) -> Result<Outcome, Fault> {
    let warm_up = time / 5;
    let started = Instant::now();
    let measured_from = started + warm_up;
    let until = measured_from + time;
    let connections = (0..clients).map(|_| async move {
        let mut client = connect().await?;
        let mut times = Vec::new();
        loop {
            let begin = Instant::now();
            if begin >= until {
                return Ok::<_, Fault>(times);
            }
            one(&mut client).await?;
            if begin >= measured_from {
                times.push(begin.elapsed());
            }
        }
    });
    let times = futures_util::future::try_join_all(connections).await?;
    Outcome::of(times.into_iter().flatten().collect(), time)
}
