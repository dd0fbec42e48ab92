//! What is true of who paid for what, by the world's own account: kept by the scripts that made it so, never by our
//! decisions.

use crate::customers::Plan;
use crate::world::epoch;
use frontdesk_core::email::Email;
use frontdesk_core::ruling::Verdict;
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
    /// What was bought.
    pub plan: Plan,
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
    /// Whether the clock lied then: what was paid in the minutes before may have been noted as long ago.
    pub under_a_lie: bool,
}

/// What a person ruled about what one plan grants.
#[derive(Clone, Debug)]
pub struct Ruled {
    /// About whom: an index into the people of the run.
    pub person: usize,
    /// What grants it to those who pay.
    pub plan: Plan,
    /// What was ruled.
    pub verdict: Verdict,
    /// When it was asked for.
    pub from: Timestamp,
    /// When it was answered: from then on it is known for certain.
    pub known_at: Option<Timestamp>,
    /// Until when it counts.
    pub until: Option<Timestamp>,
}

/// What a freeze covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// All that is written at a target.
    Target(Target),
    /// Whoever bought the plan.
    Plan(Plan),
    /// One person.
    Person(usize),
}

/// A freeze.
#[derive(Clone, Copy, Debug)]
pub struct Frozen {
    /// What it covers.
    pub covered: Covered,
    /// Since when.
    pub since: Timestamp,
    /// When somebody thawed it.
    pub until: Option<Timestamp>,
}

/// A brake that somebody released.
#[derive(Clone, Debug)]
pub struct Released {
    /// Where removals waited.
    pub target: Target,
    /// When it engaged.
    pub since: Timestamp,
    /// When it was released.
    pub at: Timestamp,
    /// Who waited then, by the list.
    pub waiting: BTreeSet<Email>,
}

/// All purchases of a run.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// In the order in which they were made.
    pub purchases: Vec<Purchase>,
    /// Later bills that were paid: whose, and when.
    pub renewals: Vec<(usize, Timestamp)>,
    /// When each event was first acknowledged.
    pub acknowledged: BTreeMap<String, Timestamp>,
    /// Events whose webhook never arrived and is never sent again, and when it got lost.
    pub lost: BTreeMap<String, Timestamp>,
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
    /// What a person ruled, in that order.
    pub rulings: Vec<Ruled>,
    /// What a person froze.
    pub frozen: Vec<Frozen>,
    /// Brakes that were released.
    pub released: Vec<Released>,
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

    /// Whether what a person was given by hand, before the run, is not ours to take: nothing ever supported it since,
    /// and nobody revoked it.
    pub fn is_theirs(&self, person: usize, item: &Item) -> bool {
        let is_about = |whose: usize, plan: Plan| whose == person && plan.items().contains(item);
        let is_bought = self.purchases.iter().any(|purchase| {
            is_about(purchase.person, purchase.plan) && purchase.until.is_none_or(|until| until > epoch())
        });
        let is_ruled = self.rulings.iter().any(|ruled| is_about(ruled.person, ruled.plan));
        self.by_hand.contains(&(person, item.clone())) && !is_bought && !is_ruled
    }

    /// The ruling about what a plan grants a person that counts at `at`: the newest, while it lasts.
    fn in_force(&self, person: usize, plan: Plan, at: Timestamp) -> Option<&Ruled> {
        let about = |ruled: &&Ruled| ruled.person == person && ruled.plan == plan && ruled.from <= at;
        let newest = self.rulings.iter().rfind(about);
        newest.filter(|ruled| ruled.until.is_none_or(|until| at < until))
    }

    /// Whether a person revoked what gives `item`, and that counts at `at`.
    pub fn is_revoked(&self, person: usize, item: &Item, at: Timestamp) -> bool {
        Plan::ALL
            .into_iter()
            .filter(|plan| plan.items().contains(item))
            .any(|plan| self.in_force(person, plan, at).is_some_and(|ruled| ruled.verdict == Verdict::Revoke))
    }

    /// What a person is entitled to in truth at `at`.
    pub fn items(&self, person: usize, at: Timestamp) -> BTreeSet<Item> {
        let gives = |plan: &Plan| match self.in_force(person, *plan, at).map(|ruled| ruled.verdict) {
            Some(verdict) => verdict == Verdict::Grant,
            None => self.of(person, *plan).any(|purchase| purchase.gives(at)),
        };
        Plan::ALL.into_iter().filter(gives).flat_map(Plan::items).collect()
    }

    fn of(&self, person: usize, plan: Plan) -> impl Iterator<Item = &Purchase> {
        self.purchases.iter().filter(move |purchase| purchase.person == person && purchase.plan == plan)
    }

    /// When a ruling was over: by the clock, or by the answer to a later one.
    fn over_at(&self, nth: usize) -> Timestamp {
        let ruled = &self.rulings[nth];
        let later = self.rulings[nth + 1..]
            .iter()
            .find(|later| later.person == ruled.person && later.plan == ruled.plan)
            .map(|later| later.known_at.unwrap_or(Timestamp::MAX));
        let until = ruled.until.map(|until| until.max(ruled.known_at.unwrap_or(Timestamp::MAX)));
        [later, until].into_iter().flatten().min().unwrap_or(Timestamp::MAX)
    }

    /// Whether anything supports giving `item` to a person at `at` (I8).
    pub fn supports(&self, person: usize, item: &Item, at: Timestamp) -> bool {
        let giving = Plan::ALL.into_iter().filter(|plan| plan.items().contains(item));
        giving.into_iter().any(|plan| {
            let granted = self.rulings.iter().enumerate().any(|(nth, ruled)| {
                ruled.person == person
                    && ruled.plan == plan
                    && ruled.verdict == Verdict::Grant
                    && ruled.from <= at
                    && at <= later(self.over_at(nth), LAG)
            });
            let is_barred = self.in_force(person, plan, at).is_some_and(|ruled| {
                ruled.verdict == Verdict::Revoke && ruled.known_at.is_some_and(|known| later(known, LAG) < at)
            });
            // A ruling is about one record: what was not wholly told yet may still have one of its own.
            let is_told = |bought: &Purchase| bought.known_at.is_some_and(|known| later(known, LAG) < at);
            let mut bought = self.of(person, plan).filter(|bought| bought.may_give(at));
            granted || bought.any(|bought| !is_barred || !is_told(bought))
        })
    }

    /// Whether taking `item` from a person at `at` is against what is true and was known for `lag` (I10). A purchase
    /// that was not wholly told yet holds nothing: what another purchase of the same person gave may end before it.
    pub fn forbids_removal(&self, person: usize, item: &Item, at: Timestamp, lag: SignedDuration) -> bool {
        let is_settled = |known: Option<Timestamp>| known.is_some_and(|known| later(known, lag) <= at);
        let giving = Plan::ALL.into_iter().filter(|plan| plan.items().contains(item));
        giving.into_iter().any(|plan| {
            if let Some(ruled) = self.in_force(person, plan, at) {
                return ruled.verdict == Verdict::Grant && is_settled(ruled.known_at);
            }
            // What a revocation took that is just over may still be on its way out.
            let just_over = self.rulings.iter().enumerate().any(|(nth, ruled)| {
                ruled.person == person
                    && ruled.plan == plan
                    && ruled.verdict == Verdict::Revoke
                    && later(self.over_at(nth), lag) > at
            });
            !just_over && self.of(person, plan).any(|bought| is_settled(bought.known_at) && bought.gives(at))
        })
    }

    /// The instants from which on something is known to give a person no more: ends of purchases and of grants, and
    /// revocations.
    pub fn ends(&self, person: usize, item: &Item) -> Vec<Timestamp> {
        let bought = self
            .purchases
            .iter()
            .filter(|purchase| purchase.person == person && purchase.plan.items().contains(item));
        let bought = bought.filter_map(|bought| Some(bought.until?.max(bought.end_known_at?)));
        let ruled = self
            .rulings
            .iter()
            .enumerate()
            .filter(|(_, ruled)| ruled.person == person && ruled.plan.items().contains(item));
        let ruled = ruled.filter_map(|(nth, ruled)| match ruled.verdict {
            Verdict::Grant => Some(self.over_at(nth)).filter(|at| *at < Timestamp::MAX),
            Verdict::Revoke => ruled.known_at,
        });
        bought.chain(ruled).collect()
    }

    /// Whether anything about what a person is given changed between two instants, or may have become known then.
    pub fn changes(&self, person: usize, from: Timestamp, until: Timestamp) -> bool {
        let is_within = |at: Timestamp| from <= at && at <= until;
        let bought = self.purchases.iter().filter(|purchase| purchase.person == person);
        let mut bought =
            bought.flat_map(|bought| [Some(bought.from), bought.known_at, bought.until, bought.end_known_at]);
        let ruled = self.rulings.iter().filter(|ruled| ruled.person == person);
        let mut ruled = ruled.flat_map(|ruled| [Some(ruled.from), ruled.known_at, ruled.until]);
        bought.any(|at| at.is_some_and(is_within)) || ruled.any(|at| at.is_some_and(is_within))
    }
}

/// An instant so much later.
pub(crate) fn later(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}
