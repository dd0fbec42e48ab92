//! The faults that a run can meet, and the marks that say which were met and survived.
//!
//! Numbers are those of the fault catalogue in `docs/testing.md`.

use crate::rng::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// How often a fault strikes that a planted bug needs, in a thousandth of its occasions.
const OFTEN: u64 = 200;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is a row of `Fault::ALL`, which says what it is")]
pub enum Fault {
    CrashBeforeCommit,
    CrashBeforeAnswer,
    CrashApplying,
    CrashAfterApplying,
    CrashBeforeIntent,
    CrashAfterIntent,
    CrashInCall,
    CrashWithAnswer,
    CrashBeforeSettled,
    Pause,
    Duplicate,
    Reorder,
    Late,
    SameSecond,
    Forged,
    Conflict,
    UnknownType,
    ErrorBefore,
    ErrorAfter,
    NoAnswer,
    Nonsense,
    Throttle,
    AllowanceSpent,
    Unauthorized,
    StaleReads,
    Outage,
    ByHand,
    ClockJump,
    LostAnswerToSender,
    Lost,
    ChangingList,
    Freeze,
    Import,
    CrashImporting,
    Ruling,
    MassEnd,
    StuckRemoval,
    Reserve,
    DailyCap,
}

impl Fault {
    /// All faults: number, name, what is injected.
    pub const ALL: [(Self, &'static str, &'static str, &'static str); 39] = [
        (Self::CrashBeforeCommit, "F1", "crash_before_commit", "the process dies between body and commit"),
        (Self::CrashBeforeAnswer, "F2", "crash_before_answer", "the process dies between commit and answer"),
        (Self::CrashApplying, "F3", "crash_applying", "the process dies while it applies an event"),
        (Self::CrashAfterApplying, "F4", "crash_after_applying", "the process dies before anybody is woken"),
        (
            Self::CrashBeforeIntent,
            "F5",
            "crash_before_intent",
            "the process dies before an intent is durable",
        ),
        (Self::CrashAfterIntent, "F6", "crash_after_intent", "the process dies between intent and call"),
        (Self::CrashInCall, "F7", "crash_in_call", "the process dies while a call is under way"),
        (Self::CrashWithAnswer, "F8", "crash_with_answer", "the process dies with the answer in memory"),
        (
            Self::CrashBeforeSettled,
            "F9",
            "crash_before_settled",
            "the process dies between answer and settled row",
        ),
        (Self::Pause, "F44", "pause", "a process is held up for minutes between two steps, and goes on"),
        (Self::Duplicate, "F50", "duplicate", "an event is delivered several times, also at once"),
        (Self::Reorder, "F51", "reorder", "events are delivered in another order"),
        (Self::Late, "F52", "late", "an event is delivered hours late"),
        (Self::SameSecond, "F53", "same_second", "several states of one object share a second"),
        (Self::LostAnswerToSender, "F2b", "lost_answer_to_sender", "the sender does not hear the answer"),
        (Self::Lost, "F54", "lost", "some webhooks, or all of them, never arrive and are never sent again"),
        (Self::Forged, "F55", "forged", "an event with a wrong signature arrives"),
        (Self::Conflict, "F56", "conflict", "an event id comes with another event"),
        (Self::UnknownType, "F57", "unknown_type", "an event of a type that we do not handle arrives"),
        (Self::ErrorBefore, "F68", "error_before", "a call fails with 5xx before it is done"),
        (Self::ErrorAfter, "F69", "error_after", "a call fails with 5xx after it was done"),
        (Self::NoAnswer, "F70", "no_answer", "a call gets no answer, done or not"),
        (Self::Nonsense, "F71", "nonsense", "a call is answered 200 with a page, nothing, or half a body"),
        (Self::Throttle, "F72", "throttle", "a call is answered 429, in any of its dialects"),
        (Self::AllowanceSpent, "F73", "allowance_spent", "the monthly allowance is used up to the reserve"),
        (Self::Unauthorized, "F74", "unauthorized", "a credential is refused for a while"),
        (Self::StaleReads, "F75", "stale_reads", "reads lag behind writes"),
        (Self::Outage, "F76", "outage", "a provider fails for a while, whole or in part"),
        (Self::ByHand, "F78", "by_hand", "somebody changes access by hand"),
        (Self::ChangingList, "F81", "changing_list", "a list changes between two of its pages"),
        (Self::ClockJump, "F89", "clock_jump", "the wall clock jumps by years and back"),
        (Self::Freeze, "F101", "freeze", "a person freezes a target, a plan or a person, and thaws it"),
        (Self::Import, "F96", "import", "what was before Frontdesk is imported while people go on living"),
        (Self::CrashImporting, "F96b", "crash_importing", "the process dies in the middle of an import"),
        (Self::Ruling, "F102", "ruling", "a person grants and revokes by hand"),
        (Self::MassEnd, "F103", "mass_end", "many lose access within minutes, and a brake holds them"),
        (
            Self::StuckRemoval,
            "F104",
            "stuck_removal",
            "for most of an hour a target fails at removals, and at nothing else",
        ),
        (Self::Reserve, "F105", "reserve", "our own calls use up a month but for its reserve"),
        (Self::DailyCap, "F106", "daily_cap", "Circle takes few new members a day"),
    ];

    /// The fault's number in the catalogue.
    pub fn number(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("F?", |row| row.1)
    }

    /// The fault's name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("?", |row| row.2)
    }

    /// The inverse of [`Fault::name`]; numbers are taken as well.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1.eq_ignore_ascii_case(word) || row.2 == word).map(|row| row.0)
    }

    /// In how many of a thousand runs it may strike.
    const fn share(self) -> u64 {
        match self {
            Self::Import => 250,
            Self::StuckRemoval => 200,
            Self::Reserve => 150,
            // Runs of many people are long.
            Self::MassEnd => 40,
            // So are those that last until another day begins.
            Self::DailyCap => 50,
            _ => 500,
        }
    }

    /// The crash that belongs to a named step of the engine.
    pub fn crash_at(step: &str) -> Option<Self> {
        Some(match step {
            "A3" | "A4" => Self::CrashBeforeCommit,
            "A6" => Self::CrashBeforeAnswer,
            "B1" | "B4" | "B6" => Self::CrashApplying,
            "B7" => Self::CrashAfterApplying,
            "C4" => Self::CrashBeforeIntent,
            "C5" => Self::CrashAfterIntent,
            "C7" => Self::CrashWithAnswer,
            "C8" | "C9" => Self::CrashBeforeSettled,
            _ => return None,
        })
    }
}

/// Which faults a run may meet, and how often: about half of them, by the seed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Chance per occasion, in a thousandth.
    pub rates: BTreeMap<Fault, u64>,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(rng: &mut Rng) -> Self {
        let mut rates = BTreeMap::new();
        for (fault, ..) in Fault::ALL {
            if rng.hits(fault.share()) {
                let often: &[u64] =
                    if fault == Fault::Lost { &[100, 400, 1000] } else { &[15, 40, 100, 200] };
                rates.insert(fault, *rng.pick(often));
            }
        }
        Self { rates }
    }

    /// Whether the fault strikes on this occasion.
    pub fn strikes(&self, fault: Fault, rng: &mut Rng) -> bool {
        self.rates.get(&fault).is_some_and(|rate| rng.hits(*rate))
    }

    /// Whether the fault is in the plan.
    pub fn has(&self, fault: Fault) -> bool {
        self.rates.contains_key(&fault)
    }

    /// The plan with the faults that bring a planted bug to light, often: a bug is to be missed because the promise
    /// does not see it, not because its occasion never came.
    #[must_use]
    pub fn for_bug(mut self, bug: &str) -> Self {
        let often: &[Fault] = match bug {
            "resend_on_unknown" => &[Fault::NoAnswer, Fault::ErrorAfter],
            "no_fence_check" | "lease_without_watch" => &[Fault::Pause],
            "ignore_freeze" => &[Fault::Freeze],
            "poll_only_counts" => &[Fault::Lost],
            "write_in_shadow" => &[Fault::Import],
            "hide_overdue" | "forget_owed" => &[Fault::StuckRemoval],
            _ => &[],
        };
        self.rates.extend(often.iter().map(|fault| (*fault, OFTEN)));
        self
    }

    /// The plan with no fault more often than that.
    #[must_use]
    pub fn at_most(mut self, rate: u64) -> Self {
        self.rates.values_mut().for_each(|often| *often = (*often).min(rate));
        self
    }

    /// The plan without one fault, for shrinking.
    #[must_use]
    pub fn without(&self, fault: Fault) -> Self {
        let mut rates = self.rates.clone();
        rates.remove(&fault);
        Self { rates }
    }
}

/// What was met, and what was met in a run that ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Occasions on which each fault struck.
    pub injected: BTreeMap<Fault, u64>,
    /// Faults that struck in runs without a violation.
    pub recovered: BTreeSet<Fault>,
}

impl Marks {
    /// Notes that a fault struck.
    pub fn hit(&mut self, fault: Fault) {
        *self.injected.entry(fault).or_default() += 1;
    }

    /// Joins the marks of another run.
    pub fn join(&mut self, other: &Self) {
        for (fault, count) in &other.injected {
            *self.injected.entry(*fault).or_default() += count;
        }
        self.recovered.extend(&other.recovered);
    }

    /// Marks there are: injected and recovered for each fault.
    pub const TOTAL: usize = Fault::ALL.len() * 2;

    /// Marks that were hit.
    pub fn count(&self) -> usize {
        self.injected.len() + self.recovered.len()
    }

    /// Faults that never struck, or never in a run that ended well.
    pub fn missing(&self) -> Vec<Fault> {
        let all = Fault::ALL.iter().map(|row| row.0);
        all.filter(|fault| !self.injected.contains_key(fault) || !self.recovered.contains(fault)).collect()
    }
}
