//! What a process keeps in memory about the target accounts: names resolved to numbers, items that do not exist
//! there, what was spent. All of it can be forgotten and learnt again.

use crate::settings::Settings;
use crate::sweep::Sweeping;
use frontdesk_core::brake;
use frontdesk_core::budget::Spent;
use frontdesk_core::fact::Key;
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::{Item, Target};
use frontdesk_providers::kit::Tags;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Mutex;

/// The name of the source's account in leases and in the ledger of calls.
pub const SOURCE: &str = "source";

/// All target accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    by_target: BTreeMap<Target, Mutex<Known>>,
    source: Mutex<bool>,
    asked: Asked,
}

/// Objects that were read at the source just now, by the monotonic clock.
///
/// What is wanted again right after its answer is wanted because that answer did not end the wish. Under a clock that
/// is ahead of the source's none ever does: then this alone keeps one object from being asked for as fast as it is
/// answered (RELIABILITY I26).
#[derive(Debug, Default)]
pub(crate) struct Asked {
    at: std::sync::Mutex<BTreeMap<Key, Duration>>,
}

/// How soon one object is asked for again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(10);

impl Asked {
    /// Notes that an object was answered at `now`.
    pub(crate) fn note(&self, key: Key, now: Duration) {
        let mut asked = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, at| now.saturating_sub(*at) < ASKED_AGAIN_AFTER);
        asked.insert(key, now);
    }

    /// How long an object must not be asked for again, from `now`; `None`: it may.
    pub(crate) fn left(&self, key: &Key, now: Duration) -> Option<Duration> {
        let asked = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_sub(*asked.get(key)?);
        (since < ASKED_AGAIN_AFTER).then(|| ASKED_AGAIN_AFTER.saturating_sub(since))
    }
}

/// What is known of one target account.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// When its lists were last read. This and the next by the monotonic clock: a wall clock that jumps must not put
    /// them off.
    pub(crate) prepared_at: Option<Duration>,
    /// When to try again after a failure.
    pub(crate) retry_at: Option<Duration>,
    /// Whether this process ever had an answer, or none, to a call with the present credential.
    pub(crate) was_tried: bool,
    /// Whether this process saw the present credential accepted.
    pub(crate) was_accepted: bool,
    /// Failures in a row.
    pub(crate) tries: u32,
    /// Until when only members of old are taken, by what was answered last.
    capped_until: Option<Timestamp>,
    /// Items of the catalogue that do not exist there.
    pub(crate) missing: BTreeSet<Item>,
    /// Kit: the numbers of the catalogue's tags.
    pub(crate) tags: Tags,
    /// From whom this process took something, or may have, and when, by the time that passed: a wall clock that jumps makes
    /// what was just taken look long ago.
    removals: VecDeque<(Duration, CustomerId)>,
    /// The sweep under way, as far as this process read it.
    pub(crate) sweeping: Option<Sweeping>,
    /// What was spent, for one lease epoch and month.
    pub(crate) spent: Option<((i64, Option<Timestamp>), Spent)>,
}

/// How often the lists are read again while something of the catalogue is missing there.
pub(crate) const MISSING_CHECK_EVERY: Duration = Duration::from_hours(1);

/// The longest that a limit of a day can last.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// [`brake::WINDOW`], as time passes.
const BRAKE_WINDOW: Duration = brake::WINDOW.unsigned_abs();

impl Known {
    /// Notes that no new members are taken until then.
    pub(crate) fn cap(&mut self, until: Timestamp) {
        self.capped_until = Some(until);
    }

    /// Until when no new members are taken. A day ends within a day: what lies further off was noted under a clock that was
    /// ahead.
    pub(crate) fn capped_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.capped_until.filter(|until| *until > now && until.duration_since(now) <= A_DAY)
    }

    /// Notes that something is taken from somebody, or may be.
    pub(crate) fn takes_from(&mut self, customer: &CustomerId, now: Duration) {
        while self.removals.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= BRAKE_WINDOW) {
            self.removals.pop_front();
        }
        self.removals.push_back((now, customer.clone()));
    }

    /// From whom this process took something within the brake's window.
    pub(crate) fn taken_from(&self, now: Duration) -> impl Iterator<Item = &CustomerId> {
        let recent = self.removals.iter().filter(move |(at, _)| now.saturating_sub(*at) < BRAKE_WINDOW);
        recent.map(|(_, customer)| customer)
    }

    /// When its lists are to be read next, by the monotonic clock; `None`: nothing asks for it. At zero: never read.
    pub(crate) fn lists_due_at(&self) -> Option<Duration> {
        let retry_at = self.retry_at.unwrap_or_default();
        match self.prepared_at {
            None => Some(retry_at),
            Some(at) if !self.missing.is_empty() => {
                Some(at.saturating_add(MISSING_CHECK_EVERY).max(retry_at))
            }
            Some(_) => None,
        }
    }
}

impl Accounts {
    pub(crate) fn new(settings: &Settings) -> Self {
        let by_target = settings.targets.keys().map(|target| (*target, Mutex::default())).collect();
        Self { by_target, source: Mutex::default(), asked: Asked::default() }
    }

    /// What was asked of the source just now.
    pub(crate) const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Held by whichever loop of this process talks to the source: a process takes its own lease over, so two
    /// loops under one name would fence each other. Holds whether the source's key was tried.
    pub(crate) const fn source(&self) -> &Mutex<bool> {
        &self.source
    }

    pub(crate) fn of(&self, target: Target) -> Option<&Mutex<Known>> {
        self.by_target.get(&target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_a_day_that_was_heard_under_a_clock_that_was_ahead_holds_nobody() {
        let hour = |nth| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(nth);
        let mut known = Known::default();
        known.cap(hour(24));
        assert_eq!(known.capped_until(hour(23)), Some(hour(24)));
        assert_eq!(known.capped_until(hour(24)), None);
        known.cap(hour(24 * 3650));
        assert_eq!(known.capped_until(hour(23)), None);
    }

    #[test]
    fn lists_are_read_first_then_after_a_failure_then_only_while_something_is_missing() {
        let second = Duration::from_secs;
        let mut known = Known::default();
        assert_eq!(known.lists_due_at(), Some(Duration::ZERO));
        known.retry_at = Some(second(9));
        assert_eq!(known.lists_due_at(), Some(second(9)));
        known.prepared_at = Some(second(20));
        assert_eq!(known.lists_due_at(), None);
        known.missing.insert(Item::CircleGroup(9_999));
        assert_eq!(known.lists_due_at(), Some(second(3_620)));
        known.retry_at = Some(second(3_700));
        assert_eq!(known.lists_due_at(), Some(second(3_700)), "a failure puts it off");
    }
}
