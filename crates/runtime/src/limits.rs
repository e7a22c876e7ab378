//! How often something may be done in a while, by one address, visitor or agent.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use opencom_core::id::Entity;
use opencom_core::{Error, Id, Result};

use crate::Clock;
use crate::timestamp::nanoseconds;

/// A limit that a context declares. Two contexts that declare the same limit share its counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name that operators use.
    pub name: &'static str,
    /// Calls at once, at least 1.
    pub burst: u32,
    /// Calls a minute after that, at least 1.
    pub per_minute: u32,
}

impl Limit {
    /// A limit with its default figures: calls at once, and a minute after that.
    pub const fn new(name: &'static str, burst: u32, per_minute: u32) -> Self {
        Self {
            name,
            burst,
            per_minute,
        }
    }

    fn quota(self) -> Quota {
        quota(self.burst, self.per_minute)
    }
}

fn quota(burst: u32, per_minute: u32) -> Quota {
    let at_least_one = |figure| NonZeroU32::new(figure).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst))
}

/// Whom a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u128);

impl From<IpAddr> for Key {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().into()),
            // A customer is given a whole network.
            IpAddr::V6(address) => Self(u128::from(address) >> 64 << 64),
        }
    }
}

impl<E: Entity> From<Id<E>> for Key {
    fn from(id: Id<E>) -> Self {
        Self(id.uuid().as_u128())
    }
}

/// The operator's figures. Written as `on`, `off`, or the figures that differ: `send=300/120,boot=600/600` (calls at
/// once, and a minute).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas(Option<Vec<(String, u32, u32)>>);

impl Quotas {
    /// Nothing is limited.
    pub const OFF: Self = Self(None);
}

impl Default for Quotas {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

impl FromStr for Quotas {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.trim() == "off" {
            return Ok(Self::OFF);
        }
        let parts = text.split(',').map(str::trim);
        let figures = parts.filter(|part| !matches!(*part, "" | "on")).map(named_figures);
        figures.collect::<Result<_, _>>().map(|figures| Self(Some(figures)))
    }
}

fn named_figures(part: &str) -> std::result::Result<(String, u32, u32), String> {
    let wrong = || format!("{part:?} is not like send=300/120 (at once / a minute, both from 1)");
    let (name, figures) = part.split_once('=').ok_or_else(wrong)?;
    let (burst, minute) = figures.split_once('/').ok_or_else(wrong)?;
    let figure = |text: &str| {
        text.trim()
            .parse::<NonZeroU32>()
            .map(NonZeroU32::get)
            .map_err(|_| wrong())
    };
    Ok((name.trim().to_owned(), figure(burst)?, figure(minute)?))
}

type Buckets = RateLimiter<Key, DashMapStateStore<Key>, Time, NoOpMiddleware<Nanos>>;

/// The server's clock, for the library.
#[derive(Clone, Debug)]
struct Time(Clock);

impl governor::clock::Clock for Time {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(nanoseconds(self.0.now()))
    }
}

/// The counts of every declared limit.
pub struct RateLimits {
    time: Time,
    buckets: Option<HashMap<&'static str, Buckets>>,
}

impl RateLimits {
    /// Empty counts for `limits`, with the operator's figures where there are any.
    ///
    /// # Errors
    /// Names a figure whose limit no context declares.
    pub fn new(quotas: &Quotas, limits: &[Limit], clock: Clock) -> std::result::Result<Self, String> {
        let time = Time(clock);
        let Some(figures) = &quotas.0 else {
            return Ok(Self { time, buckets: None });
        };
        if let Some((name, ..)) = figures
            .iter()
            .find(|(name, ..)| limits.iter().all(|limit| limit.name != name))
        {
            let known = limits.iter().map(|limit| limit.name).collect::<Vec<_>>().join(", ");
            return Err(format!("there is no limit {name:?}; there are: {known}"));
        }
        let bucket = |limit: &Limit| {
            let set = figures.iter().rfind(|(name, ..)| name == limit.name);
            let quota = set.map_or_else(|| limit.quota(), |&(_, burst, minute)| quota(burst, minute));
            (
                limit.name,
                RateLimiter::new(quota, DashMapStateStore::default(), time.clone()),
            )
        };
        let buckets = Some(limits.iter().map(bucket).collect());
        Ok(Self { time, buckets })
    }

    /// Counts one call.
    ///
    /// # Errors
    /// `RATE_LIMITED` if the limit is exceeded, with the time until the next call is allowed; an internal error for a
    /// limit that was not declared.
    pub fn check(&self, limit: Limit, key: impl Into<Key>) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let bucket = buckets
            .get(limit.name)
            .ok_or_else(|| Error::internal(format!("the limit {} was not declared", limit.name)))?;
        bucket.check_key(&key.into()).map_err(|refused| {
            let wait = refused.wait_time_from(self.time.now());
            metrics::counter!("opencom_rate_limited_total", "limit" => limit.name).increment(1);
            // Not a millisecond too early.
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
            Error::rate_limited("Too many requests, please try again later", wait)
        })
    }

    /// Drops the counts that are back at zero.
    pub fn forget(&self) {
        for buckets in self.buckets.iter().flat_map(HashMap::values) {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use opencom_core::id::VisitorId;

    use super::*;

    const BOOT: Limit = Limit::new("boot", 2000, 1200);
    const SEND: Limit = Limit::new("send", 300, 120);

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let clock = Clock::system();
        let limits = RateLimits::new(&"send=3/60".parse().unwrap(), &[BOOT, SEND], clock.clone()).unwrap();
        let (a, b) = (VisitorId::generate(), VisitorId::generate());
        for _ in 0..3 {
            limits.check(SEND, a).unwrap();
        }
        let refused = limits.check(SEND, a).unwrap_err();
        let wait = refused.data().retry_after_ms.unwrap().0;
        assert!((1..=1001).contains(&wait), "{wait}");
        limits.check(SEND, b).unwrap();
        clock.advance(wait);
        limits.check(SEND, a).unwrap();
        limits.check(SEND, a).unwrap_err();
        clock.advance(60_000);
        limits.forget();
        for _ in 0..3 {
            limits.check(SEND, a).unwrap();
        }
    }

    #[test]
    fn a_network_of_the_new_kind_is_one_and_addresses_of_the_old_kind_are_each_one() {
        let key = |text: &str| Key::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:2"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn quotas_are_written_plainly() {
        assert_eq!("off".parse(), Ok(Quotas::OFF));
        assert_eq!("on".parse(), Ok(Quotas::default()));
        assert_eq!("".parse(), Ok(Quotas::default()));
        let quotas: Quotas = "boot=5/7, send = 1/2".parse().unwrap();
        let limits = RateLimits::new(&quotas, &[BOOT, SEND], Clock::system()).unwrap();
        let visitor = VisitorId::generate();
        limits.check(SEND, visitor).unwrap();
        limits.check(SEND, visitor).unwrap_err();
        for _ in 0..5 {
            limits.check(BOOT, visitor).unwrap();
        }
        limits.check(BOOT, visitor).unwrap_err();
        let sent: Quotas = "sent=1/1".parse().unwrap();
        let Err(error) = RateLimits::new(&sent, &[BOOT, SEND], Clock::system()) else {
            panic!("it was accepted")
        };
        assert_eq!(error, "there is no limit \"sent\"; there are: boot, send");
        for wrong in ["send", "send=1", "send=0/1", "send=1/x", "off,send=1/1"] {
            wrong.parse::<Quotas>().unwrap_err();
        }
    }
}
