//! How often something may be done in a while, by one address, visitor or agent.

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

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Signing in by password or code, by address. Failed attempts have a stricter limit of their own.
    SignIn,
    /// Signing up by password, by address.
    SignUp,
    /// Asking for a code by e-mail, by address, and inviting by e-mail, by agent. Each e-mail address has a stricter limit for
    /// codes of its own.
    EmailCode,
    /// Booting and refreshing a visitor's session, by address.
    Boot,
    /// Identifying a visitor, by address.
    Identify,
    /// Sending messages, by visitor or agent.
    Send,
    /// Searching, by visitor or agent, or by address where neither is known.
    Search,
    /// Calling a webhook, by address.
    Webhook,
}

impl Limit {
    /// Everything that is limited, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::SignUp,
        Self::EmailCode,
        Self::Boot,
        Self::Identify,
        Self::Send,
        Self::Search,
        Self::Webhook,
    ];

    /// The name that operators use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::EmailCode => "email-code",
            Self::Boot => "boot",
            Self::Identify => "identify",
            Self::Send => "send",
            Self::Search => "search",
            Self::Webhook => "webhook",
        }
    }

    /// How often at once, and how often a minute, when nobody says otherwise. Offices and whole mobile networks share an
    /// address, so what goes by address is generous; the others are what one pair of hands does not reach.
    const fn usual(self) -> (u32, u32) {
        match self {
            Self::SignIn => (600, 300),
            Self::SignUp => (600, 300),
            Self::EmailCode => (300, 120),
            Self::Boot | Self::Identify => (2000, 1200),
            Self::Send => (300, 120),
            Self::Search => (300, 300),
            Self::Webhook => (1200, 1200),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }
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

/// How often each thing may be done: at once, and a minute. Written as `on`, `off`, or the figures that differ:
/// `send=300/120,boot=600/600`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas(Option<[Quota; Limit::ALL.len()]>);

impl Quotas {
    /// Nothing is limited.
    pub const OFF: Self = Self(None);
}

impl Default for Quotas {
    fn default() -> Self {
        let or_least = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self(Some(Limit::ALL.map(|limit| {
            let (burst, minute) = limit.usual();
            Quota::per_minute(or_least(minute)).allow_burst(or_least(burst))
        })))
    }
}

impl FromStr for Quotas {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.trim() == "off" {
            return Ok(Self::OFF);
        }
        let mut quotas = Self::default();
        let parts = text.split(',').map(str::trim);
        for part in parts.filter(|part| !matches!(*part, "" | "on")) {
            let (limit, quota) = limit_and_quota(part)?;
            if let Some(quotas) = &mut quotas.0 {
                quotas[limit as usize] = quota;
            }
        }
        Ok(quotas)
    }
}

fn limit_and_quota(part: &str) -> std::result::Result<(Limit, Quota), String> {
    let wrong = || format!("{part:?} is not like send=300/120 (at once / a minute, both from 1)");
    let (name, figures) = part.split_once('=').ok_or_else(wrong)?;
    let (burst, minute) = figures.split_once('/').ok_or_else(wrong)?;
    let figure = |text: &str| text.trim().parse::<NonZeroU32>().map_err(|_| wrong());
    let quota = Quota::per_minute(figure(minute)?).allow_burst(figure(burst)?);
    let limit = Limit::named(name.trim()).ok_or_else(|| {
        let known = Limit::ALL.map(Limit::name).join(", ");
        format!("{name:?} is not limited; what is: {known}")
    })?;
    Ok((limit, quota))
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

/// Counts what is done.
pub struct RateLimits {
    time: Time,
    buckets: Option<[Buckets; Limit::ALL.len()]>,
}

impl RateLimits {
    /// Counts from now on.
    pub fn new(quotas: &Quotas, clock: Clock) -> Self {
        let time = Time(clock);
        let buckets = quotas
            .0
            .map(|quotas| quotas.map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), time.clone())));
        Self { time, buckets }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// `RATE_LIMITED` when it is one too many, with the time after which another may be done.
    pub fn check(&self, limit: Limit, key: impl Into<Key>) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        buckets[limit as usize].check_key(&key.into()).map_err(|refused| {
            let wait = refused.wait_time_from(self.time.now());
            metrics::counter!("opencom_rate_limited_total", "limit" => limit.name()).increment(1);
            // Not a millisecond too early.
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
            Error::rate_limited("Too many requests, please try again later", wait)
        })
    }

    /// Forgets those who may do as much as newcomers again.
    pub fn forget(&self) {
        for buckets in self.buckets.iter().flatten() {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opencom_core::id::VisitorId;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let clock = Clock::system();
        let limits = RateLimits::new(&"send=3/60".parse().unwrap(), clock.clone());
        let (a, b) = (VisitorId::generate(), VisitorId::generate());
        for _ in 0..3 {
            limits.check(Limit::Send, a).unwrap();
        }
        let refused = limits.check(Limit::Send, a).unwrap_err();
        let wait = refused.data().retry_after_ms.unwrap().0;
        assert!((1..=1001).contains(&wait), "{wait}");
        limits.check(Limit::Send, b).unwrap();
        clock.advance(wait);
        limits.check(Limit::Send, a).unwrap();
        limits.check(Limit::Send, a).unwrap_err();
        clock.advance(60_000);
        limits.forget();
        for _ in 0..3 {
            limits.check(Limit::Send, a).unwrap();
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
        let Quotas(Some(quotas)) = "boot=5/7, send = 1/2".parse().unwrap() else {
            panic!("they are on")
        };
        for limit in Limit::ALL {
            let figures = match limit {
                Limit::Boot => (5, 7),
                Limit::Send => (1, 2),
                other => other.usual(),
            };
            let quota = quotas[limit as usize];
            let a_minute = Duration::from_secs(60)
                .div_duration_f64(quota.replenish_interval())
                .round();
            assert_eq!((quota.burst_size().get(), a_minute), (figures.0, f64::from(figures.1)));
        }
        for wrong in ["send", "send=1", "send=0/1", "send=1/x", "sent=1/1", "off,send=1/1"] {
            wrong.parse::<Quotas>().unwrap_err();
        }
    }
}
