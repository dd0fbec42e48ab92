//! The circuit breaker of one provider account: stops calls in an outage, and probes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Failures inside [`WINDOW`] that open it.
pub const FAILURES: usize = 5;
/// How far back failures count.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(30);
/// How long it stays open at first; doubled by each probe that fails.
pub const PAUSE: SignedDuration = SignedDuration::from_secs(15);
/// The longest pause between two probes.
pub const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// How many probes that failed leave it in doubt whether it is the account that fails, or what is asked of it.
const PROBES_IN_DOUBT: u32 = 4;

/// The state of a breaker. Closed when `open_until` is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Recent failures, oldest first.
    failures: Vec<Timestamp>,
    /// When it opened, until a success.
    pub open_since: Option<Timestamp>,
    /// When the next probe may leave.
    pub probe_at: Option<Timestamp>,
    /// Probes that failed in a row.
    probes: u32,
    /// Failures since the last answer, however slowly they came.
    #[serde(default)]
    in_a_row: usize,
}

impl Breaker {
    /// Whether calls are stopped at `now`; a probe is let through when its time has come.
    pub fn is_open(&self, now: Timestamp) -> bool {
        // A probe further off than any pause was put off under a clock that was ahead.
        self.probe_at.is_some_and(|at| now < at && at.duration_since(now) <= PAUSE_MAX)
    }

    /// Notes an answer, good or bad, that shows the account to be there.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Notes an outage's sign: a transport failure or a 5xx. Returns whether this opened it.
    pub fn fail(&mut self, now: Timestamp) -> bool {
        // What lies ahead was noted under a clock that had jumped.
        self.failures.retain(|at| *at <= now && now.duration_since(*at) < WINDOW);
        self.failures.push(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.failures.len() > FAILURES {
            self.failures.remove(0);
        }
        let was_open = self.open_since.is_some();
        if was_open {
            self.probes = self.probes.saturating_add(1);
        } else if self.failures.len() < FAILURES {
            return false;
        }
        self.open(now);
        !was_open
    }

    /// Whether something else is to be asked of the account before anything is concluded. A row that waits alone fails too
    /// slowly to open it, and one whose own call fails would keep it open.
    pub const fn is_in_doubt(&self) -> bool {
        match self.open_since {
            None => self.in_a_row >= FAILURES,
            Some(_) => self.probes > 0 && self.probes.is_multiple_of(PROBES_IN_DOUBT),
        }
    }

    /// Opens it, or keeps it open until the next probe.
    pub fn open(&mut self, now: Timestamp) {
        self.open_since = self.open_since.or(Some(now));
        let factor = 1i32.checked_shl(self.probes.min(10)).unwrap_or(i32::MAX);
        let pause = PAUSE.checked_mul(factor).unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
        self.probe_at = Some(now.saturating_add(pause).unwrap_or(Timestamp::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + n).unwrap()
    }

    #[test]
    fn five_failures_in_thirty_seconds_open_it_and_a_success_closes_it() {
        let mut breaker = Breaker::default();
        for n in 0..4 {
            assert!(!breaker.fail(second(n)));
        }
        assert!(breaker.fail(second(4)));
        assert!(breaker.is_open(second(5)));
        assert!(!breaker.is_open(second(4 + 15)), "a probe is due");
        breaker.succeed();
        assert!(!breaker.is_open(second(5)));
    }

    #[test]
    fn slow_failures_do_not_open_it() {
        let mut breaker = Breaker::default();
        for n in 0..20 {
            assert!(!breaker.fail(second(n * 10)));
            assert_eq!(breaker.is_in_doubt(), n >= 4, "{n}");
        }
        breaker.succeed();
        assert!(!breaker.is_in_doubt());
    }

    #[test]
    fn every_fourth_probe_that_fails_is_in_doubt() {
        let mut breaker = Breaker::default();
        breaker.open(second(0));
        let doubts: Vec<bool> = (1..=8)
            .map(|n| {
                breaker.fail(second(n * 300));
                breaker.is_in_doubt()
            })
            .collect();
        assert_eq!(doubts, [false, false, false, true, false, false, false, true]);
    }

    #[test]
    fn failed_probes_wait_longer_up_to_a_limit() {
        let mut breaker = Breaker::default();
        for n in 0..5 {
            breaker.fail(second(n));
        }
        let mut now = second(4);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let next = breaker.probe_at.unwrap();
            pauses.push(next.duration_since(now).as_secs());
            now = next;
            breaker.fail(now);
        }
        assert_eq!(pauses, [15, 30, 60, 120, 240, 300, 300]);
    }
}
