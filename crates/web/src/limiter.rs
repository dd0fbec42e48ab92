//! How often one network may do something that costs us: a token bucket for each, kept in memory.

use crate::client::Network;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Networks that are remembered at once. Beyond it, those that used least of their allowance are forgotten.
const NETWORKS_MAX: usize = 10_000;

/// One limit: a rate, and how much may come at once.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// The time that one use takes to be earned back.
    every: Duration,
    /// How far ahead of its rate a network may be.
    ahead: Duration,
    /// Until when each network has used up its rate, on the monotonic clock.
    used_until: Mutex<BTreeMap<Network, Duration>>,
}

impl Limiter {
    /// `burst` uses at once, then one each `every`.
    pub(crate) fn new(every: Duration, burst: u32) -> Self {
        Self { every, ahead: every * burst.saturating_sub(1), used_until: Mutex::default() }
    }

    /// Takes one use at `now`, or says in how long there is one.
    pub(crate) fn take(&self, network: Network, now: Duration) -> Result<(), Duration> {
        // A panic cannot happen while this is held; whatever it holds is as good as empty.
        let mut used_until = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        let used = used_until.get(&network).copied().unwrap_or_default().max(now);
        let over = used.saturating_sub(now + self.ahead);
        if !over.is_zero() {
            return Err(over);
        }
        used_until.insert(network, used + self.every);
        if used_until.len() > NETWORKS_MAX {
            used_until.retain(|_, used| *used > now);
        }
        if used_until.len() > NETWORKS_MAX
            && let Some(least) = used_until.iter().min_by_key(|(_, used)| **used).map(|(network, _)| *network)
        {
            used_until.remove(&least);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn network(nth: u32) -> Network {
        Network::V4(nth.into())
    }

    #[test]
    fn a_burst_then_the_rate() {
        let limiter = Limiter::new(SECOND, 3);
        let mut now = SECOND * 100;
        for _ in 0..3 {
            assert_eq!(limiter.take(network(1), now), Ok(()));
        }
        assert_eq!(limiter.take(network(1), now), Err(SECOND));
        assert_eq!(limiter.take(network(2), now), Ok(()));
        now += SECOND;
        assert_eq!(limiter.take(network(1), now), Ok(()));
        assert_eq!(limiter.take(network(1), now), Err(SECOND));
        now += SECOND * 60;
        for _ in 0..3 {
            assert_eq!(limiter.take(network(1), now), Ok(()));
        }
        assert!(limiter.take(network(1), now).is_err());
    }

    #[test]
    fn a_flood_of_networks_is_forgotten_and_a_busy_one_is_not() {
        let limiter = Limiter::new(SECOND, 2);
        let now = SECOND;
        for _ in 0..2 {
            assert_eq!(limiter.take(network(0), now), Ok(()));
        }
        let flood = u32::try_from(NETWORKS_MAX).unwrap() + 500;
        for nth in 1..flood {
            assert_eq!(limiter.take(network(nth), now), Ok(()));
        }
        assert_eq!(limiter.used_until.lock().unwrap().len(), NETWORKS_MAX);
        assert!(limiter.take(network(0), now).is_err());
    }
}
