//! How many calls an account may still take, and what they may be spent on.
//!
//! Quota is the real limit (DESIGN §5): Circle's Business plan allows 5,000 calls a month, refused
//! calls included; Kit allows 120 a minute per key. Budgets stay below the published limits, and a
//! part of a monthly allowance is kept for grants and removals.

use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The share of a monthly allowance that only grants and removals may use, in percent (I21).
pub const RESERVE_PERCENT: u32 = 20;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Gives access or a tag, or enrols a person.
    Grant,
    /// Takes access or a tag away.
    Removal,
    /// Settles an outcome that is unknown or unproven; part of a grant or removal.
    Settle,
    /// Learns what nobody waits for: start-up reads, a look for a page.
    Read,
    /// Reads lists and what differs in them.
    Sweep,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Grant, Self::Removal, Self::Settle, Self::Read, Self::Sweep];

    /// The reason as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Removal => "removal",
            Self::Settle => "settle",
            Self::Read => "read",
            Self::Sweep => "sweep",
        }
    }

    /// Whether it may use the reserve.
    pub const fn may_use_reserve(self) -> bool {
        !matches!(self, Self::Read | Self::Sweep)
    }
}

/// How far the wait after one more refusal for too many calls grows by itself.
pub const REFUSED_WAIT_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Refusals for too many calls in a row after which a limit on calls in a window cannot be the reason: the waits
/// between them are longer than any such window.
pub const REFUSED_OFTEN: u32 = 4;

/// How long an account waits that was refused for too many calls `in_a_row` times, this one counted.
///
/// `asked` is the least that this refusal asks for, and never undercut: each refused call may cost of a month's
/// allowance. It doubles with each refusal up to [`REFUSED_WAIT_MAX`], and up to a quarter is added by `dice` (uniform
/// in `0..=u32::MAX`), so that programs under one limit do not come back together. The first wait is as asked, and so is
/// one that was asked to be longer than that.
///
/// Source: `docs/providers.md`, Circle §5.2 and Kit §4.
pub fn wait_refused(asked: SignedDuration, in_a_row: u32, dice: u32) -> SignedDuration {
    let factor = 1i32 << in_a_row.saturating_sub(1).min(20);
    let grown = asked.checked_mul(factor).unwrap_or(REFUSED_WAIT_MAX).min(REFUSED_WAIT_MAX);
    if grown <= asked {
        return asked;
    }
    let quarter = grown.as_millis() / 4 * i128::from(dice) / i128::from(u32::MAX);
    grown.saturating_add(SignedDuration::from_millis(i64::try_from(quarter).unwrap_or_default()))
}

/// A monthly allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monthly {
    /// Calls a month.
    pub calls: u32,
    /// The day of the month on which it renews, 1 to 28, at 00:00 UTC.
    pub renews_day: i8,
}

impl Monthly {
    /// Calls that may be spent on anything: all but the reserve.
    pub fn usable(&self) -> u32 {
        let reserve = u64::from(self.calls) * u64::from(RESERVE_PERCENT) / 100;
        self.calls - u32::try_from(reserve).expect("a share of a number fits where the number does")
    }

    /// When the running month began.
    pub fn began_at(&self, now: Timestamp) -> Timestamp {
        let today = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let day = self.renews_day.clamp(1, 28);
        let renewal = |year: i16, month: i8| civil::date(year, month, day);
        let begin = if today.day() >= day {
            renewal(today.year(), today.month())
        } else if today.month() == 1 {
            renewal(today.year() - 1, 12)
        } else {
            renewal(today.year(), today.month() - 1)
        };
        begin.to_zoned_datetime(jiff::tz::TimeZone::UTC).map_or(now, |zoned| zoned.timestamp())
    }

    /// When the running month ends and the next begins.
    pub fn renews_at(&self, now: Timestamp) -> Timestamp {
        let began = self.began_at(now).to_zoned_datetime(jiff::tz::TimeZone::UTC);
        began.checked_add(jiff::Span::new().months(1)).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }
}

/// The limits of one account, ours: below what the provider publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls in any window of `window`.
    pub calls: u32,
    /// The length of the window.
    pub window: SignedDuration,
    /// A monthly allowance on top.
    pub monthly: Option<Monthly>,
}

/// What was spent, as far as limits look back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    recent: VecDeque<Timestamp>,
    month_used: u32,
}

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The window is full until then.
    Window {
        /// When the next call fits.
        until: Timestamp,
    },
    /// What is left of the month is for grants and removals.
    Reserve,
}

impl Spent {
    /// What the ledger says: the times of the calls inside the window, oldest first, and the count
    /// since the month began.
    pub fn new(recent: impl IntoIterator<Item = Timestamp>, month_used: u32) -> Self {
        Self { recent: recent.into_iter().collect(), month_used }
    }

    /// Calls counted in the running month.
    pub const fn month_used(&self) -> u32 {
        self.month_used
    }

    /// Whether a call for `reason` may leave now.
    ///
    /// Past its monthly allowance a target's grants and removals go on: what is beyond is billed
    /// or refused there, and both are handled where they happen.
    pub fn allow(&mut self, limits: &Limits, reason: Reason, now: Timestamp) -> Result<(), Refusal> {
        // What lies in the future left under a clock that was ahead: it counts as leaving now, for one window more.
        self.recent.iter_mut().filter(|at| **at > now).for_each(|at| *at = now);
        while self.recent.front().is_some_and(|at| now.duration_since(*at) >= limits.window) {
            self.recent.pop_front();
        }
        if self.recent.len() >= limits.calls as usize {
            let oldest = self.recent.front().copied().unwrap_or(now);
            return Err(Refusal::Window {
                until: oldest.saturating_add(limits.window).unwrap_or(Timestamp::MAX),
            });
        }
        if let Some(monthly) = &limits.monthly
            && !reason.may_use_reserve()
            && self.month_used >= monthly.usable()
        {
            return Err(Refusal::Reserve);
        }
        Ok(())
    }

    /// Notes a call that left at `now`.
    pub fn spend(&mut self, now: Timestamp) {
        self.recent.push_back(now);
        self.month_used = self.month_used.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_begins_on_its_renewal_day() {
        let monthly = Monthly { calls: 5000, renews_day: 14 };
        for (now, begin) in [
            ("2026-11-24T10:00:00Z", "2026-11-14T00:00:00Z"),
            ("2026-11-14T00:00:00Z", "2026-11-14T00:00:00Z"),
            ("2026-11-13T23:59:59Z", "2026-10-14T00:00:00Z"),
            ("2027-01-02T00:00:00Z", "2026-12-14T00:00:00Z"),
        ] {
            assert_eq!(monthly.began_at(at(now)), at(begin), "{now}");
        }
        assert_eq!(monthly.renews_at(at("2026-12-20T10:00:00Z")), at("2027-01-14T00:00:00Z"));
    }

    #[test]
    fn a_small_allowance_has_a_reserve_too() {
        for (calls, usable) in
            [(0, 0), (4, 4), (5, 4), (50, 40), (199, 160), (5_000, 4_000), (u32::MAX, 3_435_973_836)]
        {
            assert_eq!(Monthly { calls, renews_day: 1 }.usable(), usable, "{calls}");
        }
    }

    #[test]
    fn a_full_window_opens_when_its_oldest_call_leaves_it() {
        let limits = Limits { calls: 2, window: SignedDuration::from_secs(60), monthly: None };
        let mut spent = Spent::default();
        let start = at("2026-11-24T10:00:00Z");
        for second in [0, 10] {
            let now = start + SignedDuration::from_secs(second);
            assert_eq!(spent.allow(&limits, Reason::Grant, now), Ok(()));
            spent.spend(now);
        }
        let refused = spent.allow(&limits, Reason::Grant, start + SignedDuration::from_secs(59));
        assert_eq!(refused, Err(Refusal::Window { until: start + SignedDuration::from_secs(60) }));
        assert_eq!(spent.allow(&limits, Reason::Grant, start + SignedDuration::from_secs(60)), Ok(()));
    }

    #[test]
    fn refusals_in_a_row_wait_longer_and_never_less_than_asked() {
        let seconds =
            |asked, in_a_row, dice| wait_refused(SignedDuration::from_secs(asked), in_a_row, dice).as_secs();
        assert_eq!([1, 2, 3, 4, 40].map(|n| seconds(60, n, 0)), [60, 120, 240, 300, 300]);
        assert_eq!([1, 2, 3, 4, 40].map(|n| seconds(60, n, u32::MAX)), [60, 150, 300, 375, 375]);
        assert_eq!([1, 2, 9].map(|n| seconds(900, n, u32::MAX)), [900; 3], "a longer wait was asked for");
        let before: i64 = (1..REFUSED_OFTEN).map(|n| seconds(60, n, 0)).sum();
        assert!(before > 5 * 60, "longer than Circle's window");
    }

    #[test]
    fn the_reserve_is_for_grants_and_removals() {
        let limits = Limits {
            calls: 100,
            window: SignedDuration::from_secs(60),
            monthly: Some(Monthly { calls: 5000, renews_day: 1 }),
        };
        let now = at("2026-11-24T10:00:00Z");
        assert_eq!(Spent::new([], 3999).allow(&limits, Reason::Read, now), Ok(()));
        for reason in [Reason::Read, Reason::Sweep] {
            assert_eq!(Spent::new([], 4000).allow(&limits, reason, now), Err(Refusal::Reserve), "{reason:?}");
        }
        for reason in [Reason::Grant, Reason::Removal, Reason::Settle] {
            assert_eq!(Spent::new([], 6000).allow(&limits, reason, now), Ok(()), "{reason:?}");
        }
    }
}
