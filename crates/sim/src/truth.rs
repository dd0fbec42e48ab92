//! What is true of who paid for what, by the world's own account: kept by the scripts that made it so, never by our
//! decisions.

use crate::world::epoch;
use frontdesk_core::target::{Item, Target};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long a decision may lag behind what was learnt (I8).
pub const LAG: SignedDuration = SignedDuration::from_secs(60);

/// One purchase: what it gives, from when to when.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// Whose: an index into the people of the run.
    pub person: usize,
    /// What it gives.
    pub items: BTreeSet<Item>,
    /// When it was paid.
    pub from: Timestamp,
    /// The events that told of it and have not been acknowledged yet.
    pub untold: BTreeSet<String>,
    /// When the last of them was acknowledged: until then nobody could know of it.
    pub known_at: Option<Timestamp>,
    /// When it ended.
    pub until: Option<Timestamp>,
    /// When Frontdesk first acknowledged an event of its end; `None`: not yet.
    pub end_known_at: Option<Timestamp>,
    /// The events that tell of its end.
    pub end_events: BTreeSet<String>,
}

impl Purchase {
    /// Whether it may still be taken to give access at `at`: paid, and its end not known for longer than the lag.
    pub fn may_give(&self, at: Timestamp) -> bool {
        let known = self.end_known_at;
        let over = match (self.until, known) {
            (Some(until), Some(known)) => at > until.max(known).saturating_add(LAG).unwrap_or(Timestamp::MAX),
            _ => false,
        };
        self.from <= at && !over
    }

    /// Whether it gives access at `at` in truth.
    pub fn gives(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// When a target that began in shadow mode was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// When the file said `live`.
    pub file_at: Timestamp,
    /// When somebody let go what had been collected; `None`: not yet.
    pub at: Option<Timestamp>,
}

/// All purchases of a run.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// In the order in which they were made.
    pub purchases: Vec<Purchase>,
    /// When each event was first acknowledged.
    pub acknowledged: BTreeMap<String, Timestamp>,
    /// Events whose webhook never arrived and is never sent again.
    pub lost: BTreeSet<String>,
    /// Who was put out by hand, each at most once.
    pub put_out: BTreeSet<usize>,
    /// From whom a tag was taken off by another program, each at most once.
    pub untagged: BTreeSet<usize>,
    /// Events from before there was an endpoint: nobody sends them, whoever asks.
    pub before: BTreeSet<String>,
    /// What people held when the run began, given by hand: paid or not.
    pub by_hand: BTreeSet<(usize, Item)>,
    /// Targets that began in shadow mode and were opened.
    pub opened: BTreeMap<Target, Opened>,
}

impl Truth {
    /// Notes that an event was acknowledged.
    pub fn acknowledge(&mut self, event: &str, at: Timestamp) {
        self.acknowledged.entry(event.to_owned()).or_insert(at);
        for purchase in self.purchases.iter_mut().filter(|purchase| purchase.known_at.is_none()) {
            if purchase.untold.remove(event) && purchase.untold.is_empty() {
                purchase.known_at = Some(at);
            }
        }
        for purchase in self.purchases.iter_mut().filter(|purchase| purchase.end_events.contains(event)) {
            purchase.end_known_at.get_or_insert(at);
        }
    }

    /// Ends a purchase at `at`, as told by `events`.
    pub fn end(&mut self, nth: usize, at: Timestamp, events: &[String]) {
        let known = events.iter().filter_map(|event| self.acknowledged.get(event)).min().copied();
        let purchase = &mut self.purchases[nth];
        purchase.until.get_or_insert(at);
        purchase.end_events.extend(events.iter().cloned());
        purchase.end_known_at = purchase.end_known_at.or(known);
    }

    /// Ends a purchase before the run: nobody can ever have believed that it gives anything.
    pub fn end_before(&mut self, nth: usize, at: Timestamp) {
        let purchase = &mut self.purchases[nth];
        purchase.until = Some(at);
        purchase.end_known_at = Some(at);
    }

    /// Notes that everything from before the run is known by now.
    pub fn imported(&mut self, at: Timestamp) {
        let before = self.purchases.iter_mut().filter(|purchase| purchase.from < epoch());
        before.for_each(|purchase| purchase.known_at = purchase.known_at.or(Some(at)));
    }

    /// Whether what a person was given by hand, before the run, is not ours to take: no purchase ever supported it
    /// since.
    pub fn is_theirs(&self, person: usize, item: &Item) -> bool {
        let supports = |purchase: &&Purchase| {
            purchase.person == person
                && purchase.items.contains(item)
                && purchase.until.is_none_or(|until| until > epoch())
        };
        self.by_hand.contains(&(person, item.clone())) && !self.purchases.iter().any(|p| supports(&p))
    }

    /// What a person is entitled to in truth at `at`.
    pub fn items(&self, person: usize, at: Timestamp) -> BTreeSet<Item> {
        let theirs = self.purchases.iter().filter(|purchase| purchase.person == person && purchase.gives(at));
        theirs.flat_map(|purchase| purchase.items.iter().cloned()).collect()
    }

    /// Whether anything supports giving `item` to a person at `at` (I8).
    pub fn supports(&self, person: usize, item: &Item, at: Timestamp) -> bool {
        self.purchases.iter().any(|purchase| {
            purchase.person == person && purchase.items.contains(item) && purchase.may_give(at)
        })
    }

    /// Whether taking `item` from a person at `at` is against what is true and was known for `lag` (I10). A purchase
    /// that was not wholly told yet holds nothing: what another purchase of the same person gave may end before it.
    pub fn forbids_removal(&self, person: usize, item: &Item, at: Timestamp, lag: SignedDuration) -> bool {
        self.purchases.iter().any(|purchase| {
            let settled = purchase
                .known_at
                .is_some_and(|known| known.saturating_add(lag).unwrap_or(Timestamp::MAX) <= at);
            purchase.person == person && purchase.items.contains(item) && settled && purchase.gives(at)
        })
    }
}
