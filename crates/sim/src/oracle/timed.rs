//! What is promised to happen within a time, counted from when nothing was out of order: I7, I9.

use super::Books;
use super::access::{Ledger, is_of};
use crate::customers::address;
use crate::run::{Run, managed};
use crate::truth::later;
use crate::world::Trouble;
use frontdesk_core::id::SourceId;
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::overdue;
use frontdesk_sandbox::Provider;
use jiff::{SignedDuration, Timestamp};

/// What the catalogue of a run promises for a removal: the default of a plan.
const REVOKE_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// How long after an end something may still pass for given.
const SUPPORTED_FOR: SignedDuration = SignedDuration::from_secs(62);
/// How much more than its interval a poll may take to bring in an event: one that is younger than two minutes is left to
/// its webhook, and the list takes a moment.
const POLLED_WITHIN: SignedDuration = SignedDuration::from_mins(4);
/// How long after its time something that is still there may be untold: an alert is looked after every minute.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_mins(3);
/// Looks for which the alert may lag behind what is listed as overdue.
const LAGS_MAX: usize = 3;

/// What was out of order when, and what is promised to happen how often.
pub struct Times {
    /// Times in which something was out of order.
    pub troubles: Vec<Trouble>,
    /// What was told of removals past their time, minute by minute.
    pub told: Vec<Told>,
    /// How often the source's list of events is read.
    pub poll_every: Option<SignedDuration>,
}

/// What was told of removals past their time at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    at: Timestamp,
    target: Target,
    /// Whether the alert was open.
    is_open: bool,
    /// Whether any row was listed as overdue.
    is_listed: bool,
}

/// Notes what is told of removals past their time.
pub(crate) async fn look_at_alerts(run: &Run) {
    let at = run.stage.true_now();
    for target in Target::ALL {
        let known = run.store.alert(&overdue::alert_key(target)).await.ok().flatten();
        let Ok(overdue) = run.store.overdue(target, at).await else { continue };
        let is_open = known.is_some_and(|known| known.closed_at.is_none());
        run.told(|told| told.push(Told { at, target, is_open, is_listed: overdue.rows > 0 }));
    }
}

impl Times {
    /// By when something is promised that was known at `from` and may take `within`, when nothing is out of order at
    /// `with` or the source: a trouble puts it off until it is over, and so does the next one.
    fn deadline(&self, with: Provider, from: Timestamp, within: SignedDuration) -> Timestamp {
        self.deadline_by(with, from, within, |_| true)
    }

    /// The same where only some troubles with `with` put it off.
    fn deadline_by(
        &self,
        with: Provider,
        from: Timestamp,
        within: SignedDuration,
        excuses: impl Fn(&Trouble) -> bool,
    ) -> Timestamp {
        let concerns = |trouble: &&Trouble| match trouble.with {
            None | Some(Provider::Stripe) => true,
            Some(provider) => provider == with && excuses(trouble),
        };
        let mut free = from;
        loop {
            let by = later(free, within);
            let felt = |trouble: &&Trouble| concerns(trouble) && trouble.from <= by && trouble.until > free;
            match self.troubles.iter().filter(felt).map(|trouble| trouble.until).max() {
                Some(until) => free = until,
                None => return by,
            }
        }
    }
}

impl Times {
    /// Until when nothing at Circle is overdue at `at`: its time begins anew once a target that was away can be asked.
    fn begun_anew(&self, at: Timestamp) -> Timestamp {
        let away = self.troubles.iter().filter(|trouble| {
            trouble.is_away && trouble.with == Some(Provider::Circle) && trouble.from <= at
        });
        away.map(|trouble| later(trouble.until, REVOKE_WITHIN)).max().unwrap_or(Timestamp::MIN)
    }
}

/// Something that a person was given and that is known to have ended.
struct End {
    person: usize,
    group: u64,
    /// When the end was known.
    known: Timestamp,
    /// When nobody held the removal back any more.
    free: Timestamp,
}

impl End {
    fn item(&self) -> Item {
        Item::CircleGroup(self.group)
    }

    /// Whether it says nothing of the time until `by`: something else gave the same, or something changed.
    fn is_out(&self, books: &Books<'_>, by: Timestamp) -> bool {
        by >= books.now
            || books.truth.supports(self.person, &self.item(), later(self.known, SUPPORTED_FOR))
            || books.truth.changes(self.person, later(self.known, SignedDuration::from_secs(1)), by)
    }
}

/// All that ended of what a run manages at Circle.
fn ends(books: &Books<'_>) -> Vec<End> {
    let managed = managed(Target::Circle);
    let groups = managed.iter().filter_map(|item| match item {
        Item::CircleGroup(group) => Some(*group),
        _ => None,
    });
    let mut ends = Vec::new();
    for (group, person) in groups.flat_map(|group| (0..books.people).map(move |person| (group, person))) {
        let item = Item::CircleGroup(group);
        // What was given by hand before the run may never have been seen to be held.
        if books.truth.by_hand.contains(&(person, item.clone())) {
            continue;
        }
        for known in books.truth.ends(person, &item) {
            let braked = books.truth.released.iter().filter(|released| {
                released.target == Target::Circle
                    && released.waiting.iter().any(|email| is_of(person, email.as_str()))
            });
            let free = braked.map(|released| released.at).chain([known]).max().unwrap_or(known);
            ends.push(End { person, group, known, free });
        }
    }
    ends
}

/// I9: once something is known to have ended, and nothing else gives the same, it is taken within the time that is
/// promised, counted from when nothing was out of order.
pub(super) fn removed_in_time(books: &Books<'_>, circle: &Ledger) {
    let Some(times) = &books.times else { return };
    for end in ends(books) {
        let by = times.deadline(Provider::Circle, end.free, REVOKE_WITHIN);
        if !end.is_out(books, by) && circle.holds(end.person, end.group, by) {
            let (email, item) = (address(end.person), end.item());
            let what = format!("{email} was known at {} to have lost {item}, and had it at {by}", end.known);
            books.broken("I9", what);
        }
    }
}

/// I9: what is there past its time is told, for as long as it is, whatever a target that can be asked answers to the removal.
pub(super) fn overdue_is_told(books: &Books<'_>, circle: &Ledger) {
    let Some(times) = &books.times else { return };
    let is_away = |trouble: &Trouble| trouble.is_away;
    for end in ends(books) {
        let by = times.deadline_by(Provider::Circle, end.free, REVOKE_WITHIN, is_away);
        let untold = times.told.iter().find(|told| {
            let is_past = told.target == Target::Circle
                && told.at >= later(by, TOLD_WITHIN)
                && !told.is_open
                && told.at >= later(times.begun_anew(told.at), TOLD_WITHIN)
                && times.deadline_by(Provider::Circle, told.at, SignedDuration::ZERO, is_away) == told.at;
            is_past && !end.is_out(books, told.at) && circle.holds(end.person, end.group, told.at)
        });
        if let Some(untold) = untold {
            let (email, item, at) = (address(end.person), end.item(), untold.at);
            let what =
                format!("{email} had {item} at {at}, promised to be gone by {by}, and nobody was told");
            books.broken("I9", what);
            return;
        }
    }
}

/// I9: the alert is open while rows are listed as overdue, and not for longer. Whoever tells may be dead for a while.
pub(super) fn alerts_follow_the_list(books: &Books<'_>) {
    let Some(times) = &books.times else { return };
    for target in Target::ALL {
        let told: Vec<&Told> = times.told.iter().filter(|told| told.target == target).collect();
        let stands_off = |window: &&[&Told]| window.iter().all(|told| told.is_open != told.is_listed);
        let is_dead = |window: &[&Told]| {
            times.troubles.iter().any(|trouble| {
                trouble.with.is_none() && trouble.from <= window[LAGS_MAX].at && trouble.until >= window[0].at
            })
        };
        let mut wrong = told.windows(LAGS_MAX + 1).filter(stands_off);
        if let Some(window) = wrong.find(|window| !is_dead(window)) {
            let is = if window[0].is_open { "open" } else { "closed" };
            let what =
                format!("the alert of overdue removals at {target} is {is} at {}", window[LAGS_MAX].at);
            books.broken(
                "I9",
                format!("{what}, and has been so for minutes although the list says otherwise"),
            );
        }
    }
}

/// I7: an event that never came by webhook is known one poll later, counted from when the source could be asked.
pub(super) async fn healed_in_time(books: &Books<'_>) {
    let Some(times) = &books.times else { return };
    let Some(every) = times.poll_every else { return };
    let within = every.saturating_add(POLLED_WITHIN);
    for (event, lost_at) in &books.truth.lost {
        let Ok(Some(entry)) = books.store.journal_by_key(&SourceId::new("stripe"), event).await else {
            continue;
        };
        let by = times.deadline(Provider::Stripe, *lost_at, within);
        if entry.received_at > by {
            let what =
                format!("{event} was lost at {lost_at} and known at {}, not by {by}", entry.received_at);
            books.broken("I7", what);
        }
    }
}
