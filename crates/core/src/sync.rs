//! The one row per customer and target that drives reconciliation.

use crate::desired::{Desired, Wish};
use crate::id::CustomerId;
use crate::overdue::Owed;
use crate::target::{Doubts, Failure, Item, Observed, Taken, Target};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a row waits without using attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case")]
pub enum Hold {
    /// The target is in shadow mode: what it would do is known and not done.
    Shadow,
    /// A removal waits for fresh proof read at the source.
    Proof,
    /// A removal waits behind the mass-change brake until a person releases it.
    Brake {
        /// The brake's name, by which it is released.
        name: String,
    },
    /// Something named in the catalogue does not exist at the target.
    Misconfigured {
        /// What.
        mapping: String,
    },
    /// A person took the customer out, or banned them: that is a person's decision.
    Person,
    /// A person froze it: writes wait until it thaws.
    Frozen {
        /// The freeze's name, by which it is thawed.
        name: String,
        /// When it ends by itself.
        until: Timestamp,
    },
}

/// The state of a row (DESIGN §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// To be looked at, now or at `next_attempt_at`.
    Due,
    /// Answered, not yet seen.
    Sent,
    /// We may have acted; look first.
    Unknown,
    /// Waits without using attempts.
    Held(Hold),
    /// Seen to be as desired.
    Applied,
    /// Needs a person: retries used up, or refused.
    Parked {
        /// Why, in our words.
        why: String,
    },
    /// Something else keeps undoing it.
    Contested {
        /// What.
        item: Item,
        /// When and by what, in our words.
        why: String,
    },
}

impl State {
    /// The state as one word, as stored and shown.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Held(_) => "held",
            Self::Applied => "applied",
            Self::Parked { .. } => "parked",
            Self::Contested { .. } => "contested",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as a row remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    pub at: Timestamp,
    /// Which step.
    pub step: String,
    /// Why.
    pub failure: Failure,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// Whose.
    pub customer: CustomerId,
    /// Where.
    pub target: Target,
    /// Raised by one each time desired changed.
    pub generation: i64,
    /// The generation that was seen to hold; below `generation` while work is left.
    pub applied_generation: i64,
    /// Hash of desired at `generation`.
    pub desired_hash: String,
    /// What the target was last seen to hold.
    pub observed: Observed,
    /// How the row stands.
    pub state: State,
    /// Tries since the last success.
    pub attempts: u32,
    /// When the first of those tries failed.
    pub failing_since: Option<Timestamp>,
    /// When the row is to be looked at next; `None`: not by itself.
    pub next_attempt_at: Option<Timestamp>,
    /// The last failure, until a success.
    pub last_failure: Option<Failed>,
    /// When the row was seen to be as desired.
    pub applied_at: Option<Timestamp>,
    /// When this generation became due: the start of "payment to access".
    pub due_since: Timestamp,
    /// Somebody looks at a stage that one read may move on; the read is owed since then.
    pub look_wanted_at: Option<Timestamp>,
    /// A person released this row's removals from a brake; holds for this generation alone.
    pub brake_released: bool,
    /// The removal that is owed, as of the last look; see [`crate::overdue::owed`].
    pub owed: Option<Owed>,
}

/// Tries that one row gets before it is parked.
pub const ATTEMPTS_MAX: u32 = 20;
/// How long one row may fail before it is parked.
pub const FAILING_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How often a parked row is tried.
pub const PARKED_RETRIES_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How often a frozen row is looked at.
pub const FROZEN_LOOKS_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// The first back-off; doubled by each try.
pub const BACKOFF_BASE: SignedDuration = SignedDuration::from_secs(1);
/// The longest back-off.
pub const BACKOFF_MAX: SignedDuration = SignedDuration::from_mins(15);

/// How one look at a row ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All was seen to be as desired.
    Settled,
    /// An answer proved nothing yet, or an outcome is unknown: look again then.
    Waits {
        /// When.
        until: Timestamp,
        /// Whether the outcome is unknown.
        unknown: bool,
    },
    /// Waits without using attempts.
    Held(Hold),
    /// Something else keeps undoing an item: it is not written any more.
    Contested {
        /// What.
        item: Item,
        /// When and by what, in our words.
        why: String,
    },
    /// A call failed.
    Failed {
        /// Which step.
        step: String,
        /// Why.
        failure: Failure,
    },
    /// The account as a whole waits (a limit, a breaker, a refused credential): no try was used.
    AccountWaits {
        /// Until when.
        until: Timestamp,
        /// Why, in our words.
        why: String,
        /// Whether the target is out of reach until then, and it is not our own pace alone that holds the row up.
        is_away: bool,
    },
}

/// The step of a failure that is none: the row waits for its account.
pub const WAITS: &str = "wait";

/// Full jitter: a uniform share of the exponential back-off after `attempts` failed tries.
///
/// `dice` is uniform in 0..=u32::MAX.
pub fn backoff(attempts: u32, dice: u32) -> SignedDuration {
    let ceiling = BACKOFF_BASE
        .checked_mul(1i32.checked_shl(attempts.min(20)).unwrap_or(i32::MAX))
        .unwrap_or(BACKOFF_MAX);
    let ceiling = ceiling.min(BACKOFF_MAX).as_millis();
    let share = ceiling * i128::from(dice) / i128::from(u32::MAX);
    // Never at once: a try that failed is not repeated within the same second.
    SignedDuration::from_millis(i64::try_from(share).unwrap_or(i64::MAX).max(500))
}

/// Since when something fails that failed again at `now`.
///
/// A beginning that lies ahead, or further back than a failing row is ever left alone, was noted under a clock that
/// had jumped: the count of time begins anew, so that a jump alone parks nothing (RELIABILITY I26).
pub fn failing_since(known: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let longest = FAILING_MAX.saturating_add(PARKED_RETRIES_EVERY);
    known.filter(|since| *since <= now && now.duration_since(*since) <= longest).unwrap_or(now)
}

impl Sync {
    /// A row that was never looked at.
    pub fn new(customer: CustomerId, target: Target, now: Timestamp) -> Self {
        Self {
            customer,
            target,
            generation: 0,
            applied_generation: -1,
            desired_hash: String::new(),
            observed: Observed::default(),
            state: State::Due,
            attempts: 0,
            failing_since: None,
            next_attempt_at: None,
            last_failure: None,
            applied_at: None,
            due_since: now,
            look_wanted_at: None,
            brake_released: false,
            owed: None,
        }
    }

    /// Takes up a new desired state: due at once, with all attempts before it.
    ///
    /// What was observed, and what is unknown, stays: the next look begins there.
    pub fn desire(&mut self, hash: String, now: Timestamp) {
        self.generation += 1;
        self.desired_hash = hash;
        self.brake_released = false;
        if matches!(self.state, State::Applied) || self.applied_generation == self.generation - 1 {
            self.due_since = now;
        }
        self.retry(now);
    }

    /// Makes the row due at once, with all attempts before it.
    pub fn retry(&mut self, now: Timestamp) {
        self.state = State::Due;
        self.attempts = 0;
        self.failing_since = None;
        self.next_attempt_at = Some(now);
    }

    /// Forgets what something else did to whom where the record wants otherwise by now: what is bought later begins
    /// anew.
    pub fn forget_taken(&mut self, desired: &Desired) {
        for (holder, person) in &mut self.observed.people {
            let wishes = desired.holders.get(holder);
            let wish = |item: &Item| wishes.and_then(|wishes| wishes.items.get(item));
            person.taken.retain(|item, taken| match wish(item) {
                Some(Wish::Want { .. }) => taken.is_wanted(),
                Some(Wish::Absent { .. }) => !taken.is_wanted(),
                Some(Wish::Leave { .. }) | None => false,
            });
            person.told.retain(|item, _| wish(item).is_some());
        }
    }

    /// Begins anew with what something else kept undoing, because a person says that it has ended: due at once.
    pub fn end_contest(&mut self, now: Timestamp) {
        for person in self.observed.people.values_mut() {
            person.taken.retain(|_, taken| !matches!(taken, Taken::Contested { .. }));
        }
        self.retry(now);
    }

    /// Lets in again whom a person took out, because a person says so: due at once, as if it had been taken once.
    pub fn let_in_again(&mut self, now: Timestamp) {
        for person in self.observed.people.values_mut() {
            let taken = person.taken.values_mut();
            for taken in taken.filter(|taken| matches!(taken, Taken::PutBack { .. } | Taken::LeftOut { .. }))
            {
                *taken = Taken::PutBack { at: now, by: None };
            }
        }
        self.retry(now);
    }

    /// Whether something is being done about it: a call may be under way.
    pub const fn works(&self) -> bool {
        matches!(self.state, State::Due | State::Sent | State::Unknown)
    }

    /// Notes how a look at the row ended, at `now`. `dice` is uniform in 0..=u32::MAX.
    pub fn settle(&mut self, ended: Ended, now: Timestamp, dice: u32) {
        let after = |span: SignedDuration| Some(now.saturating_add(span).unwrap_or(Timestamp::MAX));
        match ended {
            Ended::Settled => {
                self.state = State::Applied;
                self.applied_generation = self.generation;
                self.applied_at = Some(now);
                self.attempts = 0;
                self.failing_since = None;
                self.last_failure = None;
                self.next_attempt_at = self.observed.next_look(now);
            }
            Ended::Contested { item, why } => {
                self.state = State::Contested { item, why };
                self.attempts = 0;
                self.failing_since = None;
                self.next_attempt_at = None;
            }
            Ended::Waits { until, unknown } => {
                self.state = if unknown { State::Unknown } else { State::Sent };
                self.next_attempt_at = Some(until);
            }
            Ended::Held(hold) => {
                // A long freeze is looked at once a day, so that nothing is put off further than anything may be.
                self.next_attempt_at = match &hold {
                    Hold::Frozen { until, .. } => after(FROZEN_LOOKS_EVERY).map(|at| at.min(*until)),
                    _ => None,
                };
                self.state = State::Held(hold);
                self.attempts = 0;
                self.failing_since = None;
            }
            Ended::AccountWaits { until, why, is_away } => {
                self.owed = self.owed.map(|owed| if is_away { owed.not_before(until) } else { owed });
                if !matches!(self.state, State::Unknown | State::Sent | State::Parked { .. }) {
                    self.state = State::Due;
                }
                self.next_attempt_at = Some(until);
                self.last_failure = Some(Failed {
                    at: now,
                    step: WAITS.to_owned(),
                    failure: Failure::Throttled { until, why },
                });
            }
            Ended::Failed { step, failure } => {
                let was_parked = matches!(self.state, State::Parked { .. });
                self.last_failure = Some(Failed { at: now, step, failure: failure.clone() });
                match failure {
                    Failure::Rejected { why } => {
                        // The try of the next day, or a person's, begins anew.
                        self.observed
                            .people
                            .values_mut()
                            .for_each(|person| person.doubts = Doubts::default());
                        self.state = State::Parked { why };
                        self.next_attempt_at = after(PARKED_RETRIES_EVERY);
                        self.attempts += 1;
                    }
                    Failure::Misconfigured { mapping } => {
                        self.state = State::Held(Hold::Misconfigured { mapping: mapping.to_string() });
                        self.next_attempt_at = None;
                    }
                    Failure::CappedUntil { until } | Failure::Throttled { until, .. } => {
                        self.state = State::Due;
                        self.next_attempt_at = Some(until);
                    }
                    Failure::Unauthorized { .. } => {
                        self.state = State::Due;
                        self.next_attempt_at = Some(now);
                    }
                    Failure::Transient { why } | Failure::Unknown { why } => {
                        self.attempts += 1;
                        let since = failing_since(self.failing_since, now);
                        self.failing_since = Some(since);
                        if was_parked
                            || self.attempts >= ATTEMPTS_MAX
                            || now.duration_since(since) >= FAILING_MAX
                        {
                            self.state = State::Parked { why };
                            self.next_attempt_at = after(PARKED_RETRIES_EVERY);
                        } else {
                            self.state = State::Due;
                            self.next_attempt_at = after(backoff(self.attempts, dice));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Sync {
        Sync::new(CustomerId::new("fdc_test"), Target::Circle, Timestamp::UNIX_EPOCH)
    }

    fn transient() -> Ended {
        Ended::Failed { step: "add".to_owned(), failure: Failure::Transient { why: "503".to_owned() } }
    }

    #[test]
    fn a_row_is_parked_after_its_tries_and_then_tried_once_a_day() {
        let mut row = row();
        let mut now = Timestamp::UNIX_EPOCH;
        for attempt in 1..ATTEMPTS_MAX {
            row.settle(transient(), now, u32::MAX);
            assert_eq!(row.state, State::Due, "after attempt {attempt}");
            now = row.next_attempt_at.unwrap();
        }
        row.settle(transient(), now, u32::MAX);
        assert!(matches!(row.state, State::Parked { .. }));
        assert_eq!(row.next_attempt_at.unwrap().duration_since(now), PARKED_RETRIES_EVERY);
        row.settle(transient(), row.next_attempt_at.unwrap(), 0);
        assert!(matches!(row.state, State::Parked { .. }), "one failed try does not un-park");
        row.settle(Ended::Settled, now, 0);
        assert_eq!((row.state, row.attempts), (State::Applied, 0));
    }

    #[test]
    fn what_the_whole_account_waits_for_uses_no_tries() {
        for failure in [
            Failure::Throttled { until: Timestamp::MAX, why: "429".to_owned() },
            Failure::Unauthorized { why: "401".to_owned(), perhaps_spent: false },
            Failure::Misconfigured { mapping: Item::CircleGroup(1) },
            Failure::CappedUntil { until: Timestamp::MAX },
        ] {
            let mut row = row();
            row.settle(Ended::Failed { step: "add".to_owned(), failure }, Timestamp::UNIX_EPOCH, 0);
            assert_eq!(row.attempts, 0);
        }
    }

    #[test]
    fn a_frozen_row_is_due_when_it_thaws_or_a_day_later() {
        let now = Timestamp::UNIX_EPOCH;
        for (hours, due) in [(3, 3), (24, 24), (200, 24)] {
            let mut row = row();
            let until = now + SignedDuration::from_hours(hours);
            row.settle(Ended::Held(Hold::Frozen { name: "marketing".to_owned(), until }), now, 0);
            assert_eq!(row.next_attempt_at, Some(now + SignedDuration::from_hours(due)));
            assert_eq!(row.attempts, 0);
        }
    }

    #[test]
    fn a_clock_that_jumped_parks_nothing() {
        let years = SignedDuration::from_hours(10 * 365 * 24);
        let now = Timestamp::UNIX_EPOCH + years;
        for lie in [years, SignedDuration::ZERO - years] {
            let mut row = row();
            row.settle(transient(), now + lie, 0);
            row.settle(transient(), now, 0);
            assert_eq!((row.state, row.failing_since), (State::Due, Some(now)), "{lie:?}");
        }
    }

    #[test]
    fn back_off_grows_and_stays_below_its_limit() {
        assert_eq!(backoff(1, u32::MAX), SignedDuration::from_secs(2));
        assert_eq!(backoff(5, u32::MAX), SignedDuration::from_secs(32));
        assert_eq!(backoff(40, u32::MAX), BACKOFF_MAX);
        assert!(backoff(10, 0) >= SignedDuration::from_millis(500));
    }
}
