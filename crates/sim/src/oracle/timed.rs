//! What is promised to happen within a time, counted from when nothing was out of order: I7, I9.

use super::Books;
use super::access::{Ledger, is_of};
use crate::customers::address;
use crate::run::managed;
use crate::truth::later;
use crate::world::Trouble;
use frontdesk_core::id::SourceId;
use frontdesk_core::target::{Item, Target};
use frontdesk_sandbox::Provider;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// What the catalogue of a run promises for a removal: the default of a plan.
const REVOKE_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// How long after an end something may still pass for given.
const SUPPORTED_FOR: SignedDuration = SignedDuration::from_secs(62);
/// How much more than its interval a poll may take to bring in an event: one that is younger than two minutes is left to
/// its webhook, and the list takes a moment.
const POLLED_WITHIN: SignedDuration = SignedDuration::from_mins(4);

/// What was out of order when, and what is promised to happen how often.
pub struct Times {
    /// Times in which something was out of order.
    pub troubles: Vec<Trouble>,
    /// How often the source's list of events is read.
    pub poll_every: Option<SignedDuration>,
}

impl Times {
    /// By when something is promised that was known at `from` and may take `within`, when nothing is out of order at
    /// `with` or the source: a trouble puts it off until it is over, and so does the next one.
    fn deadline(&self, with: Provider, from: Timestamp, within: SignedDuration) -> Timestamp {
        let concerns = |trouble: &&Trouble| {
            trouble.with.is_none_or(|provider| provider == with || provider == Provider::Stripe)
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

/// I9: once something is known to have ended, and nothing else gives the same, it is taken within the time that is
/// promised, counted from when nothing was out of order.
pub(super) fn removed_in_time(books: &Books<'_>, circle: &Ledger) {
    let Some(times) = &books.times else { return };
    let groups: BTreeSet<u64> = managed(Target::Circle)
        .iter()
        .filter_map(|item| if let Item::CircleGroup(group) = item { Some(*group) } else { None })
        .collect();
    for person in 0..books.people {
        for group in &groups {
            let item = Item::CircleGroup(*group);
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
                let by = times.deadline(Provider::Circle, free, REVOKE_WITHIN);
                let is_out = by >= books.now
                    || books.truth.supports(person, &item, later(known, SUPPORTED_FOR))
                    || books.truth.changes(person, later(known, SignedDuration::from_secs(1)), by);
                if !is_out && circle.holds(person, *group, by) {
                    let what = format!(
                        "{} was known at {known} to have lost {item}, and had it at {by}",
                        address(person)
                    );
                    books.broken("I9", what);
                }
            }
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
