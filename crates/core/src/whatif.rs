//! What another catalogue would have given to whom, and when: two sets of rules over one history.
//!
//! A [`Track`] follows one record through time. Whoever replays the journal hands it the record after each change; between
//! two changes it follows the clock by itself. What comes out is where the two answers differed, and since when.

use crate::catalogue::Catalogue;
use crate::entitlement::{Claim, Entitled, Standing, entitlements};
use crate::fact::{Fact, Key};
use crate::id::EntitlementId;
use crate::plan::{Every, Worth, worth};
use crate::target::{Holder, Item};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many changes by the clock are followed after one change of the facts: grace, paid time, a first invoice, a grant;
/// each comes once per purchase.
const CLOCK_STEPS_MAX: usize = 64;

/// The two sets of rules.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// What is in force.
    pub present: &'a Catalogue,
    /// What may come.
    pub new: &'a Catalogue,
}

/// Something that somebody has or has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// An entitlement.
    Entitlement(EntitlementId),
    /// What an entitlement means in a target.
    Item(Item),
}

/// In which direction the answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The new rules give what the present ones do not.
    Gains,
    /// The present rules give what the new ones do not.
    Loses,
}

/// A time in which the answers differed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// About what.
    pub thing: Thing,
    /// In which direction.
    pub change: Change,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: they differ still.
    pub until: Option<Timestamp>,
    /// How it stood under the present rules when it began; `None`: they know nothing of it.
    pub present: Option<Standing>,
    /// How it stood under the new rules then.
    pub new: Option<Standing>,
    /// What the rules that give it go by: the line of the catalogue that sells it.
    pub because: Option<Claim>,
}

/// One person for whom the answers differed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who of the record.
    pub holder: Holder,
    /// When, about what, in the order in which it began.
    pub spans: Vec<Span>,
    /// What the purchases behind it are worth.
    pub worth: Vec<Worth>,
}

impl Line {
    /// Whether they gain, lose, or both: `+`, `-`, `~`.
    pub fn symbol(&self) -> char {
        let has = |change| self.spans.iter().any(|span| span.change == change);
        match (has(Change::Gains), has(Change::Loses)) {
            (true, false) => '+',
            (false, true) => '-',
            _ => '~',
        }
    }
}

/// What all lines come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// People who would have gained something and lost nothing.
    pub gain: Group,
    /// People who would have lost something and gained nothing.
    pub lose: Group,
    /// People who would have gained something and lost something else, or at another time.
    pub both: Group,
    /// People who had something at some time, and would have had just that.
    pub keep: u64,
}

/// People of one kind, and the money behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How many.
    pub people: u64,
    /// What their purchases are worth: by currency and interval, in minor units.
    pub worth: BTreeMap<String, BTreeMap<Every, i64>>,
}

impl Totals {
    /// Adds one person.
    pub fn add(&mut self, line: &Line) {
        let group = match line.symbol() {
            '+' => &mut self.gain,
            '-' => &mut self.lose,
            _ => &mut self.both,
        };
        group.people += 1;
        for Worth { money, every } in &line.worth {
            *group.worth.entry(money.currency.clone()).or_default().entry(*every).or_default() += money.minor;
        }
    }
}

/// What one set of rules gives, and by what.
struct Answer {
    given: BTreeMap<(Holder, Thing), usize>,
    entitled: Entitled,
}

impl Answer {
    fn of(facts: &BTreeMap<Key, Fact>, catalogue: &Catalogue, now: Timestamp) -> Self {
        let entitled = entitlements(facts, catalogue, now);
        let mut given = BTreeMap::new();
        for (index, entitlement) in entitled.entitlements.iter().enumerate() {
            if !matches!(entitlement.standing, Standing::Entitled(_)) {
                continue;
            }
            let items = catalogue.entitlements.get(&entitlement.id).map(|meaning| meaning.items.iter());
            let items = items.into_iter().flatten().map(|item| Thing::Item(item.clone()));
            for thing in std::iter::once(Thing::Entitlement(entitlement.id.clone())).chain(items) {
                given.entry((entitlement.holder.clone(), thing)).or_insert(index);
            }
        }
        Self { given, entitled }
    }

    /// How the entitlement stands that another set of rules gives by `id`.
    fn standing(&self, id: &EntitlementId, holder: &Holder) -> Option<Standing> {
        let mut all = self.entitled.entitlements.iter();
        let same = all.find(|entitlement| entitlement.id == *id && entitlement.holder == *holder);
        same.map(|entitlement| entitlement.standing.clone())
    }
}

/// Where both answers differ at one instant.
#[derive(Clone, Debug, Default)]
struct Apart {
    differences: BTreeMap<(Holder, Thing), Difference>,
    /// Who has anything under either.
    holders: BTreeSet<Holder>,
}

#[derive(Clone, Debug)]
struct Difference {
    change: Change,
    present: Option<Standing>,
    new: Option<Standing>,
    because: Option<Claim>,
    worth: Option<(Key, Worth)>,
}

impl Apart {
    /// The differences at `now`, and when the clock alone may change them.
    fn at(facts: &BTreeMap<Key, Fact>, rules: Rules<'_>, now: Timestamp) -> (Self, Option<Timestamp>) {
        let present = Answer::of(facts, rules.present, now);
        let new = Answer::of(facts, rules.new, now);
        let mut apart = Self::default();
        let sides = [(Change::Loses, &present, &new), (Change::Gains, &new, &present)];
        for (change, gives, other) in sides {
            for (key, index) in &gives.given {
                apart.holders.insert(key.0.clone());
                if other.given.contains_key(key) {
                    continue;
                }
                let entitlement = &gives.entitled.entitlements[*index];
                let purchase = &gives.entitled.purchases[entitlement.decided_by];
                let standing = |answer: &Answer| answer.standing(&entitlement.id, &key.0);
                let sells = |claim: &&Claim| matches!(claim, Claim::Sells { .. });
                let difference = Difference {
                    change,
                    present: standing(&present),
                    new: standing(&new),
                    because: purchase.evidence.iter().find(sells).cloned(),
                    worth: worth(purchase, facts).map(|worth| (purchase.sold_by.clone(), worth)),
                };
                apart.differences.insert(key.clone(), difference);
            }
        }
        let next = present.entitled.next_change_at.into_iter().chain(new.entitled.next_change_at).min();
        (apart, next)
    }
}

/// One record on its way through time.
#[derive(Clone, Debug)]
pub struct Track {
    /// What is known of the future if nothing but time passes, soonest first.
    ahead: Vec<(Timestamp, Apart)>,
    open: BTreeMap<(Holder, Thing), Span>,
    closed: Vec<(Holder, Span)>,
    holders: BTreeSet<Holder>,
    worth: BTreeMap<(Holder, Key), Worth>,
    at: Timestamp,
}

impl Track {
    /// A record that is first looked at at `since`.
    pub const fn new(since: Timestamp) -> Self {
        Self {
            ahead: Vec::new(),
            open: BTreeMap::new(),
            closed: Vec::new(),
            holders: BTreeSet::new(),
            worth: BTreeMap::new(),
            at: since,
        }
    }

    /// The record is this from `at` on, as far as is known then. An instant before the last one counts as that.
    pub fn changes(
        &mut self,
        facts: &BTreeMap<Key, Fact>,
        rules: Rules<'_>,
        at: Timestamp,
        until: Timestamp,
    ) {
        let at = at.max(self.at);
        self.pass(at);
        let (apart, mut next) = Apart::at(facts, rules, at);
        self.look(apart, at);
        self.ahead.clear();
        for _ in 0..CLOCK_STEPS_MAX {
            let Some(then) = next.filter(|then| *then < until) else { break };
            let (apart, after) = Apart::at(facts, rules, then);
            self.ahead.push((then, apart));
            next = after.filter(|after| *after > then);
        }
    }

    /// Another record became part of this one at `at`.
    pub fn absorb(&mut self, mut other: Self, at: Timestamp) {
        other.pass(at);
        other.look(Apart::default(), at);
        self.closed.extend(other.closed);
        self.holders.extend(other.holders);
        self.worth.extend(other.worth);
    }

    /// Everybody for whom the answers differed until `until`, and how many others had anything.
    pub fn ends(mut self, until: Timestamp) -> (Vec<Line>, u64) {
        self.pass(until);
        let mut spans: BTreeMap<Holder, Vec<Span>> = BTreeMap::new();
        let open = self.open.into_iter().map(|((holder, _), span)| (holder, span));
        for (holder, span) in self.closed.into_iter().chain(open) {
            spans.entry(holder).or_default().push(span);
        }
        let keep = self.holders.iter().filter(|holder| !spans.contains_key(holder)).count();
        let lines = spans.into_iter().map(|(holder, mut spans)| {
            spans.sort_by(|one, other| (one.from, &one.thing).cmp(&(other.from, &other.thing)));
            let worth = self.worth.iter().filter(|((of, _), _)| *of == holder);
            let worth = worth.map(|(_, worth)| worth.clone()).collect();
            Line { holder, spans, worth }
        });
        (lines.collect(), u64::try_from(keep).unwrap_or(u64::MAX))
    }

    /// Lets time pass.
    fn pass(&mut self, until: Timestamp) {
        let later = self.ahead.partition_point(|(then, _)| *then < until);
        let passed: Vec<_> = self.ahead.drain(..later).collect();
        for (then, apart) in passed {
            self.look(apart, then);
        }
        self.at = self.at.max(until);
    }

    /// Compares with what was open.
    fn look(&mut self, apart: Apart, at: Timestamp) {
        self.holders.extend(apart.holders);
        let same = |key: &(Holder, Thing), span: &Span| {
            apart.differences.get(key).is_some_and(|difference| difference.change == span.change)
        };
        let over: Vec<_> =
            self.open.iter().filter(|(key, span)| !same(key, span)).map(|(key, _)| key.clone()).collect();
        for key in over {
            // What was there for no time at all, between two entries of one instant, was never seen by anybody.
            if let Some(span) = self.open.remove(&key).filter(|span| span.from < at) {
                self.closed.push((key.0, Span { until: Some(at), ..span }));
            }
        }
        for (key, difference) in apart.differences {
            let Difference { change, present, new, because, worth } = difference;
            self.worth.extend(worth.map(|(sold_by, worth)| ((key.0.clone(), sold_by), worth)));
            let thing = key.1.clone();
            self.open.entry(key).or_insert(Span {
                thing,
                change,
                from: at,
                until: None,
                present,
                new,
                because,
            });
        }
    }
}
