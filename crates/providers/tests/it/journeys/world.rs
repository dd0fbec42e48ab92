//! Frontdesk without I/O: records, a clock that follows the story, and reads served from its end.

use super::story::{Step, Story, source};
use frontdesk_core::catalogue::{Catalogue, Good, Meaning, Plan, Policy};
use frontdesk_core::decision::{Decision, Input, decide};
use frontdesk_core::desired::{Other, Removal, Wish, Wishes};
use frontdesk_core::fact::{Evidence, Key, Kind, Learnt, Version};
use frontdesk_core::id::{CustomerId, EntitlementId, EntryId, PlanId};
use frontdesk_core::reads::Want;
use frontdesk_core::record::{Record, assemble};
use frontdesk_core::sync::{State, Sync};
use frontdesk_core::target::{Holding, Item, Membership, Person, Standing, Target};
use frontdesk_providers::secret::Secret;
use frontdesk_providers::stripe::answer::{Answer, Told, told};
use frontdesk_providers::stripe::read::{Account, Read};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long after the last event everything may be read: nothing is provisional by then.
pub(crate) const AFTERWARDS: SignedDuration = SignedDuration::from_hours(1);

/// The recordings' goods: what is sold, by which price or product, and what it gives.
///
/// `pro` keeps `members` over an upgrade, loses `community` and gains `lounge`. The membership is
/// mapped by its product too, because a trial offer has a price of its own.
pub(crate) fn catalogue() -> Catalogue {
    let good = |id: &str| Good { source: source(), id: id.to_owned() };
    let entitlement = |id: &&str| EntitlementId::new(*id);
    let plan = |id: &str, goods: &[&str], grants: &[&str]| Plan {
        id: PlanId::new(id),
        title: id.to_uppercase(),
        goods: goods.iter().map(|id| good(id)).collect(),
        grants: grants.iter().map(entitlement).collect(),
        policy: Policy::default(),
        beneficiary: None,
    };
    let meaning = |id: &'static str, items: &[Item]| {
        (EntitlementId::new(id), Meaning { title: id.to_owned(), items: items.iter().cloned().collect() })
    };
    Catalogue {
        plans: vec![
            plan(
                "community",
                &["price_1Q68d562489066Fd8kR2vT0n", "prod_6EB04AF0B5C1FC"],
                &["members", "community"],
            ),
            plan("pro", &["price_1Qc03301eb7d03Fd8kR2vT0n"], &["members", "lounge"]),
            plan("course", &["price_1Qc1b1f4cf3237Fd8kR2vT0n"], &["course"]),
        ],
        entitlements: BTreeMap::from([
            meaning("members", &[Item::CircleGroup(1), Item::kit_tag("member")]),
            meaning("community", &[Item::CircleSpace(10)]),
            meaning("lounge", &[Item::CircleSpace(20), Item::kit_tag("pro")]),
            meaning("course", &[Item::CircleSpace(30), Item::kit_tag("course")]),
        ]),
        ..Catalogue::default()
    }
}

/// Everything known at one instant of a story.
pub(crate) struct World<'a> {
    story: &'a Story,
    catalogue: Catalogue,
    account: Account,
    pub(crate) records: Vec<Record>,
    syncs: BTreeMap<CustomerId, BTreeMap<Target, Sync>>,
    pub(crate) now: Timestamp,
    seq: i64,
}

impl<'a> World<'a> {
    pub(crate) fn new(story: &'a Story) -> Self {
        let key = Secret::new("sources.stripe.api_key#0000", "rk_live_1".to_owned());
        Self {
            story,
            catalogue: catalogue(),
            account: Account::new("https://api.stripe.com", key).unwrap(),
            records: Vec::new(),
            syncs: BTreeMap::new(),
            now: Timestamp::UNIX_EPOCH,
            seq: 0,
        }
    }

    /// Delivers events, all of them in one transaction. The clock moves on to the latest.
    pub(crate) fn deliver(&mut self, steps: &[&Step]) {
        for step in steps {
            self.now = self.now.max(step.at);
        }
        let learnt: Vec<_> = steps.iter().flat_map(|step| step.learnt.iter().cloned()).collect();
        self.take(learnt);
    }

    /// Applies one journal entry. Each has an id of its own, also when it repeats what another
    /// said: records are named after it.
    fn take(&mut self, learnt: Vec<(Key, Learnt, Version)>) {
        self.seq += 1;
        let entry = EntryId::new(format!("fde_{}", self.seq));
        let assembled = assemble(self.records.clone(), learnt, &entry, self.seq);
        let losers: BTreeSet<_> = assembled.merged.iter().map(|(loser, _)| loser.clone()).collect();
        let touched: BTreeSet<_> = assembled.records.iter().map(|record| record.id.clone()).collect();
        for (loser, survivor) in &assembled.merged {
            for (target, sync) in self.syncs.remove(loser).unwrap_or_default() {
                let kept = self.syncs.entry(survivor.clone()).or_default();
                kept.entry(target).or_insert(sync).customer = survivor.clone();
            }
        }
        self.records.retain(|record| !losers.contains(&record.id) && !touched.contains(&record.id));
        self.records.extend(assembled.records);
        self.records.sort_by_key(|record| record.facts.keys().next().cloned());
    }

    /// The decision on each record, in the order of `records`.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let none = BTreeMap::new();
        let rows = |record: &Record| self.syncs.get(&record.id).unwrap_or(&none);
        let other = |record| Other { record, syncs: rows(record) };
        let others: Vec<Other<'_>> = self.records.iter().map(other).collect();
        let decide_one = |record: &Record| {
            decide(&Input {
                record,
                others: &others,
                syncs: rows(record),
                open_cases: &[],
                told_elsewhere: &BTreeSet::new(),
                catalogue: &self.catalogue,
                readable: true,
                now: self.now,
            })
        };
        self.records.iter().map(decide_one).collect()
    }

    /// Reads the goods of checkouts, as wanted. They are the same at any time of a story; the rest
    /// of an answer would tell its end, and is left out.
    pub(crate) fn read_goods(&mut self) {
        self.read(|want| want.object.kind == Kind::LineItems, |key| key.kind == Kind::LineItems);
    }

    /// Reads everything wanted, until nothing more can be read. What no answer is recorded for is
    /// returned: a source out of reach.
    pub(crate) fn read_all(&mut self) -> BTreeSet<Want> {
        self.read(|_| true, |_| true)
    }

    fn read(&mut self, which: impl Fn(&Want) -> bool, what: impl Fn(&Key) -> bool) -> BTreeSet<Want> {
        let mut asked: BTreeSet<Want> = BTreeSet::new();
        let mut unreachable = BTreeSet::new();
        loop {
            let wants: BTreeSet<Want> =
                self.decisions().into_iter().flat_map(|decision| decision.reads).collect();
            let due = |want: &Want| want.not_before.is_none_or(|at| at <= self.now) && which(want);
            let Some(want) = wants.into_iter().find(|want| due(want) && !asked.contains(want)) else { break };
            asked.insert(want.clone());
            let mut told_facts = Vec::new();
            for read in Read::wanted(&want) {
                match self.ask(read) {
                    Some(facts) => told_facts.extend(facts),
                    None => {
                        unreachable.insert(want.clone());
                    }
                }
            }
            told_facts.retain(|(key, _, _)| what(key));
            if !told_facts.is_empty() {
                self.take(told_facts);
            }
        }
        unreachable
    }

    /// One read to its last page; `None` where no answer is recorded.
    fn ask(&self, read: Read) -> Option<Vec<(Key, Learnt, Version)>> {
        let mut found = Vec::new();
        let mut next = Some(read);
        while let Some(read) = next {
            let request = read.request(&self.account);
            let path = request.uri().path_and_query().unwrap().as_str();
            let recorded = |path: &str| self.story.rest.get(&format!("GET {path}"));
            let body = recorded(path).or_else(|| recorded(path.strip_suffix("&limit=100")?))?;
            let answer = told(&read, &source(), body.to_string().as_bytes(), self.now).unwrap();
            let Answer::Facts(Told { at, facts, next: following }) = answer else {
                panic!("{path}: {answer:?}")
            };
            for (key, body) in facts {
                let evidence =
                    Evidence { origin: format!("req_{key}"), entry: EntryId::new(format!("fde_read_{key}")) };
                found.push((key, Learnt::Read, Version::new(at, body, evidence)));
            }
            next = following;
        }
        Some(found)
    }

    /// Lets targets that never fail do what is desired and may be done.
    pub(crate) fn obey(&mut self) {
        self.hold(|wish| match wish {
            Wish::Want { .. } => Some(true),
            Wish::Absent { removal: Removal::Proven, .. } => Some(false),
            Wish::Absent { .. } | Wish::Leave { .. } => None,
        });
    }

    /// Puts everything that was ever bought into the targets, so that every end has something to
    /// remove.
    pub(crate) fn hold_everything(&mut self) {
        self.hold(|_| Some(true));
    }

    fn hold(&mut self, holds: impl Fn(&Wish) -> Option<bool>) {
        let seen_at = self.now;
        let held = |person: &mut Person, wishes: &Wishes| {
            let (address, standing) = (wishes.address.clone(), Standing::Active);
            person.membership = Membership::Member { id: 1, address, standing, seen_at };
            for (item, wish) in &wishes.items {
                let seen =
                    |holds| if holds { Holding::Present { seen_at } } else { Holding::Absent { seen_at } };
                let holding = holds(wish).map(seen);
                person.items.extend(holding.map(|holding| (item.clone(), holding)));
            }
        };
        for (record, decision) in self.records.iter().zip(self.decisions()) {
            for (target, desired) in decision.desired {
                let rows = self.syncs.entry(record.id.clone()).or_default();
                let sync =
                    rows.entry(target).or_insert_with(|| Sync::new(record.id.clone(), target, seen_at));
                sync.state = State::Applied;
                for (holder, wishes) in desired.holders {
                    held(sync.observed.people.entry(holder).or_default(), &wishes);
                }
            }
        }
    }

    /// Every item that is wanted for somebody now.
    pub(crate) fn wanted(&self) -> BTreeSet<Item> {
        let mut wanted = BTreeSet::new();
        for decision in self.decisions() {
            for wishes in decision.desired.values().flat_map(|desired| desired.holders.values()) {
                let want = wishes.items.iter().filter(|(_, wish)| wish.as_str() == "want");
                wanted.extend(want.map(|(item, _)| item.clone()));
            }
        }
        wanted
    }
}
