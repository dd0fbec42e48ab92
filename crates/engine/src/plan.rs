//! What would be done about everyone, and why: before a target goes live, and whenever somebody wants to know.
//!
//! Every record is laid beside what its targets hold, as last seen or as their lists show it now. Nothing is written
//! but the calls that reading the lists cost; nothing follows from it.

use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::Subject;
use crate::sweep::Scanned;
use frontdesk_core::desired::{Desired, Wish};
use frontdesk_core::email::Email;
use frontdesk_core::entitlement::Standing;
use frontdesk_core::id::CustomerId;
use frontdesk_core::pairing::{Pairing, Word, pairings};
use frontdesk_core::pairs::{Likeness, Pair, Somebody, pairs};
use frontdesk_core::plan::{Change, Left, Line, Payer, Totals, Unsupported, lines, per_person};
use frontdesk_core::record::{Record, addresses};
use frontdesk_core::sweep::{FindingKind, Implausible, Scan, beside};
use frontdesk_core::target::{Holder, Item, Person, Target};
use frontdesk_store::{Error, Finding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Customers that are looked at together.
const BATCH: u32 = 50;
/// Most people without a payment who are listed from what the last sweep found.
const FINDINGS_MAX: u32 = 100_000;

/// By what everybody is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// By the lists as they are now.
    Lists,
    /// By what was last seen.
    LastSeen,
    /// By lists that somebody has read already, such as exports; what is not among them counts as never seen.
    Given(BTreeMap<Target, Scan>),
}

/// On what a plan rests at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "looked", rename_all = "snake_case")]
pub enum Looked {
    /// On its lists as they are now.
    Now {
        /// What reading them cost.
        calls: u32,
        /// The list that is not to be believed, if there is one.
        flaw: Option<Implausible>,
    },
    /// On lists that were given.
    Given,
    /// On what was last seen there.
    Before {
        /// When the last sweep of it began; `None`: it was never swept, so who is there already is not known.
        at: Option<Timestamp>,
        /// Why its lists were not read, where they should have been.
        why: Option<String>,
    },
}

/// What would be done about everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// When it was worked out.
    pub as_of: Timestamp,
    /// Whether what was sold before Frontdesk ran was ever read: else who bought before seems not to pay.
    pub knows_past: bool,
    /// By target, on what it rests.
    pub looked: BTreeMap<Target, Looked>,
    /// Everybody about whom something would be done or is to be decided: what is given first, then what is taken.
    pub lines: Vec<Line>,
    /// The sums.
    pub totals: Totals,
    /// Who may be one person under two addresses, the most alike first.
    pub pairs: Vec<Alike>,
    /// Who is alike and was told apart by a person.
    pub apart: Vec<Alike>,
    /// What was bought and no plan sells, and by how many.
    pub unmapped: BTreeMap<String, u64>,
    /// Customers who may use something and of whom no address is known: nothing can be given to them.
    pub without_address: u64,
}

impl Planned {
    /// Whether somebody has something to look at.
    pub fn is_clear(&self) -> bool {
        self.lines.is_empty() && self.unmapped.is_empty() && self.without_address == 0 && self.is_known()
    }

    /// Whether the past was read and every target looked at.
    pub fn is_known(&self) -> bool {
        self.knows_past
            && self.looked.values().all(|looked| !matches!(looked, Looked::Before { at: None, .. }))
    }
}

/// Two who may be one person: one pays and has no access, one has access and does not pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alike {
    /// How alike, of a hundred.
    pub score: u32,
    /// In what.
    pub because: BTreeSet<Likeness>,
    /// Whose record pays.
    pub customer: CustomerId,
    /// Who of the record.
    pub holder: Holder,
    /// Under which address they pay.
    pub pays_as: Email,
    /// Their name there.
    pub payers_name: Option<String>,
    /// Where the other has access.
    pub target: Target,
    /// The target's own id of the other.
    pub member: u64,
    /// The other's address.
    pub has_access_as: Email,
    /// The other's name.
    pub members_name: Option<String>,
}

/// What of the records has no line of its own.
#[derive(Default)]
struct Aside {
    unmapped: BTreeMap<String, u64>,
    without_address: u64,
    payers: Payers,
}

/// Everybody who pays, found by whatever leads to them.
#[derive(Default)]
struct Payers {
    all: Vec<Payer>,
    members: BTreeMap<(Target, u64), usize>,
    addresses: BTreeMap<Email, usize>,
}

impl Payers {
    /// Adds those of one record. `seen`: what each target is known to hold for whom.
    fn add(
        &mut self,
        record: &Record,
        payers: Vec<Payer>,
        seen: &BTreeMap<Target, BTreeMap<Holder, Person>>,
    ) {
        for payer in payers {
            let at = self.all.len();
            for (target, people) in seen {
                let Some(person) = people.get(&payer.holder) else { continue };
                self.members.extend(person.membership.id().map(|id| ((*target, id), at)));
                self.addresses.extend(person.membership.address().map(|address| (address.clone(), at)));
            }
            let own: BTreeSet<Email> = match &payer.holder {
                Holder::Customer => {
                    record.facts.values().flat_map(|fact| addresses(&fact.current().version.body)).collect()
                }
                Holder::Beneficiary(address) => [address.clone()].into(),
            };
            self.addresses.extend(own.into_iter().map(|address| (address, at)));
            self.all.push(payer);
        }
    }

    fn of(&self, shown: &Unsupported) -> Option<&Payer> {
        let by_member = self.members.get(&(shown.target, shown.member));
        let at = by_member.or_else(|| self.addresses.get(shown.address.as_ref()?))?;
        self.all.get(*at)
    }
}

/// What is known of who holds what at one target.
#[derive(Default)]
struct Held {
    scan: Option<Scan>,
    /// When the last whole sweep began.
    previous: Option<Timestamp>,
    supported: BTreeSet<(Item, u64)>,
    ended: BTreeMap<(Item, u64), CustomerId>,
    /// Customers and members whom a person told apart.
    apart: BTreeSet<(CustomerId, Holder, u64)>,
}

impl Held {
    /// Whether the target's lists were ever read.
    const fn is_seen(&self) -> bool {
        self.scan.is_some() || self.previous.is_some()
    }
}

impl<P: Ports> Engine<P> {
    /// Works out what would be done. `only`: at one target alone.
    pub async fn plan(&self, only: Option<Target>, by: &By) -> Result<Planned, Error> {
        let mut looked = BTreeMap::new();
        let mut held: BTreeMap<Target, Held> = BTreeMap::new();
        let settings = self.settings();
        for target in settings.targets.keys().filter(|target| only.is_none_or(|only| only == **target)) {
            let previous = self.swept(*target).await?.last.map(|last| last.began_at);
            let (scan, on) = match by {
                By::LastSeen => (None, Looked::Before { at: previous, why: None }),
                By::Given(scans) => match scans.get(target) {
                    Some(scan) => (Some(scan.clone()), Looked::Given),
                    None => (None, Looked::Before { at: previous, why: None }),
                },
                By::Lists => match self.scan(*target).await? {
                    Ok(Scanned { scan, calls, flaw }) => (Some(scan), Looked::Now { calls, flaw }),
                    Err(why) => (None, Looked::Before { at: previous, why: Some(why) }),
                },
            };
            looked.insert(*target, on);
            held.insert(*target, Held { scan, previous, ..Held::default() });
        }
        let mut lines = Vec::new();
        let mut aside = Aside::default();
        let mut after: Option<CustomerId> = None;
        loop {
            let page = self.store().customers(None, after.as_ref(), BATCH).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let ids: Vec<_> = page.into_iter().map(|row| row.id).collect();
            for subject in Subject::load_all(self.store(), &ids).await? {
                lines.extend(self.plan_of(&subject, &mut held, &mut aside).await?);
            }
        }
        let mut unsupported = Vec::new();
        for (target, held) in &held {
            unsupported.extend(self.unsupported(*target, held).await?);
        }
        let Aside { unmapped, without_address, payers } = aside;
        let mut lines = per_person(lines, unsupported, |shown| payers.of(shown));
        lines.sort_by(|one, other| {
            let key = |line: &Line| (line.change(), line.address.clone(), line.customer.clone());
            key(one).cmp(&key(other))
        });
        let totals = Totals::of(&lines);
        let mut pairs = Vec::new();
        let mut apart = Vec::new();
        for (target, held) in &held {
            let (alike, told_apart) = alike(*target, &lines, &held.apart);
            pairs.extend(alike);
            apart.extend(told_apart);
        }
        let (as_of, knows_past) = (self.ports().now_wall(), self.knows_past().await?);
        Ok(Planned { as_of, knows_past, looked, lines, totals, pairs, apart, unmapped, without_address })
    }

    /// What [`Engine::plan`] says of one customer's people by what was last seen, without a look at anybody else.
    pub async fn lines_of(&self, customer: &CustomerId) -> Result<Vec<Line>, Error> {
        let Some(subject) = Subject::load(self.store(), customer).await? else { return Ok(Vec::new()) };
        let mut held = BTreeMap::new();
        for target in self.settings().targets.keys() {
            let previous = self.swept(*target).await?.last.map(|last| last.began_at);
            held.insert(*target, Held { previous, ..Held::default() });
        }
        let mut aside = Aside::default();
        let lines = self.plan_of(&subject, &mut held, &mut aside).await?;
        let payers = aside.payers;
        let addresses: BTreeSet<_> = lines.iter().filter_map(|line| line.address.clone()).collect();
        let members: BTreeSet<_> = lines.iter().flat_map(|line| line.members.clone()).collect();
        let own = subject.record.access_address();
        let mut theirs = Vec::new();
        for (target, held) in &held {
            theirs.extend(self.unsupported(*target, held).await?.into_iter().filter(|shown| {
                let at = |address| own.as_ref() == Some(address) || addresses.contains(address);
                let ended = |of: &Option<CustomerId>| of.as_ref() == Some(customer);
                members.contains(&(shown.target, shown.member))
                    || shown.items.values().any(ended)
                    || shown.address.as_ref().is_some_and(at)
                    || payers.of(shown).is_some()
            }));
        }
        Ok(per_person(lines, theirs, |shown| payers.of(shown)))
    }

    /// What a plan by what was last seen says of whoever a target knows by this address and no record supports, and when a
    /// list last showed them there.
    pub async fn lines_at(&self, address: &Email) -> Result<(Vec<Line>, BTreeMap<Target, Timestamp>), Error> {
        let mut shown = Vec::new();
        let mut last_seen = BTreeMap::new();
        for target in self.settings().targets.keys() {
            let found = self.found(*target).await?;
            let theirs = found.iter().filter(|finding| finding.address.as_ref() == Some(address));
            last_seen.extend(theirs.map(|finding| finding.last_at).max().map(|at| (*target, at)));
            let all = by_member(*target, found.into_iter().filter_map(beyond));
            shown.extend(all.into_values().filter(|shown| shown.address.as_ref() == Some(address)));
        }
        Ok((per_person(Vec::new(), shown, |_| None), last_seen))
    }

    /// The lines of one record.
    async fn plan_of(
        &self,
        subject: &Subject,
        held: &mut BTreeMap<Target, Held>,
        aside: &mut Aside,
    ) -> Result<Vec<Line>, Error> {
        let others = subject.others(self.store()).await?;
        let catalogue = self.catalogue();
        let mut decision = subject.decide_under(&catalogue, &others, self.ports().now_wall());
        let goods: BTreeSet<_> = decision.entitled.unmapped.iter().map(|of| of.good.to_string()).collect();
        for good in goods {
            *aside.unmapped.entry(good).or_default() += 1;
        }
        let is_entitled = decision.entitled.entitlements.iter().any(|entitlement| {
            entitlement.holder == Holder::Customer && matches!(entitlement.standing, Standing::Entitled(_))
        });
        aside.without_address += u64::from(is_entitled && subject.record.access_address().is_none());
        for counts in pairings(&subject.record.facts) {
            let Pairing { word, target, holder, member, .. } = counts.pairing;
            if let (Word::Two, Some(held)) = (word, held.get_mut(target)) {
                held.apart.insert((subject.record.id.clone(), holder.clone(), *member));
            }
        }
        let payers = Payer::of(&subject.record.id, &decision.entitled, &catalogue);
        decision.desired.retain(|target, _| held.contains_key(target));
        let (mut seen, mut differences) = (BTreeMap::new(), BTreeMap::new());
        for (target, desired) in &decision.desired {
            let sync = subject.syncs.get(target);
            let mut people = sync.map(|sync| sync.observed.people.clone()).unwrap_or_default();
            let Some(held) = held.get_mut(target) else { continue };
            if let Some(scan) = &held.scan {
                let beside = beside(desired, sync, scan, held.previous);
                people.extend(beside.people);
                held.supported.extend(beside.supported);
                let ended = beside.ended.into_iter().map(|ended| (ended, subject.record.id.clone()));
                held.ended.extend(ended);
                differences.insert(*target, beside.differences);
            } else {
                held.supported.extend(supported(desired, &people));
            }
            seen.insert(*target, people);
        }
        aside.payers.add(&subject.record, payers, &seen);
        let mut lines = lines(
            &subject.record.id,
            &subject.record.facts,
            &decision,
            &subject.syncs,
            &seen,
            &differences,
            &catalogue,
        );
        for line in &mut lines {
            // Where nobody looked yet, nobody is known to be new.
            line.newcomer.retain(|target| held.get(target).is_some_and(Held::is_seen));
        }
        Ok(lines)
    }

    /// Everybody who has something at a target that no record supports, by the lists or by the last sweep.
    async fn unsupported(&self, target: Target, held: &Held) -> Result<Vec<Unsupported>, Error> {
        let Some(scan) = &held.scan else {
            let found = self.found(target).await?.into_iter().filter_map(beyond);
            // What was settled since the sweep has a record.
            let found = found.filter(|of| !held.supported.contains(&(of.item.clone(), of.member)));
            return Ok(by_member(target, found).into_values().collect());
        };
        let listed = scan.holders().filter_map(|(item, member)| {
            let key = (item.clone(), member);
            if held.supported.contains(&key) {
                return None;
            }
            let address = scan.person(member).and_then(|listed| listed.address.clone());
            let ended = held.ended.get(&key).cloned();
            Some(Beyond { member, item: key.0, address, ended })
        });
        let mut all = by_member(target, listed);
        for (member, shown) in &mut all {
            shown.name = scan.person(*member).and_then(|listed| listed.name.clone());
        }
        Ok(all.into_values().collect())
    }

    /// What the last sweep found that no record supports.
    async fn found(&self, target: Target) -> Result<Vec<Finding>, Error> {
        let kind = Some(FindingKind::Unsupported);
        self.store().findings(Some(target), kind, false, FINDINGS_MAX).await
    }
}

/// One thing that somebody has and no record supports.
struct Beyond {
    member: u64,
    item: Item,
    address: Option<Email>,
    /// The record that once had a right to it.
    ended: Option<CustomerId>,
}

/// What a finding says of it, where it says who and what.
fn beyond(finding: Finding) -> Option<Beyond> {
    let (address, ended) = (finding.address, finding.customer);
    Some(Beyond { member: finding.member?, item: finding.item?, address, ended })
}

/// By the target's own ids. The address is that of whatever comes first.
fn by_member(target: Target, each: impl Iterator<Item = Beyond>) -> BTreeMap<u64, Unsupported> {
    let mut all: BTreeMap<u64, Unsupported> = BTreeMap::new();
    for Beyond { member, item, address, ended } in each {
        let new = || Unsupported { target, member, address, name: None, items: BTreeMap::new() };
        all.entry(member).or_insert_with(new).items.insert(item, ended);
    }
    all
}

/// What the people of a record hold, or should, by what is known of them: none of it is without a record.
fn supported<'a>(
    desired: &'a Desired,
    people: &'a BTreeMap<Holder, Person>,
) -> impl Iterator<Item = (Item, u64)> + 'a {
    desired.wishes().filter_map(|(holder, item, wish)| {
        let person = people.get(holder)?;
        let id = person.membership.id()?;
        (person.holds(item) || !matches!(wish, Wish::Absent { .. })).then(|| (item.clone(), id))
    })
}

/// Pairs those who pay and are not known at a target with those who have access there and do not pay; beside them those
/// who are alike and were told apart.
fn alike(
    target: Target,
    lines: &[Line],
    apart: &BTreeSet<(CustomerId, Holder, u64)>,
) -> (Vec<Alike>, Vec<Alike>) {
    if !target.gives_access() {
        return (Vec::new(), Vec::new());
    }
    // Who pays for something else may pay for this as well, under the other address.
    let may_pay = |left| matches!(left, Left::Unpaid | Left::BeyondPaid);
    let gets = |line: &&Line| {
        let given = line.parts.iter().any(|part| part.change == Change::Give && part.item.target() == target);
        given && !line.members.contains_key(&target)
    };
    let has = |line: &&Line| {
        line.parts.iter().any(|part| part.left.is_some_and(may_pay) && part.item.target() == target)
    };
    let of = |which: &dyn Fn(&&Line) -> bool, address: &dyn Fn(&Line) -> Option<Email>| {
        let who = |line: &Line| Some(Somebody { address: address(line)?, name: line.name.clone() });
        lines.iter().filter(which).filter_map(|line| Some((line, who(line)?))).unzip()
    };
    let there = |line: &Line| line.known_as.get(&target).cloned();
    let (payers, pay): (Vec<&Line>, Vec<Somebody>) = of(&gets, &|line| line.address.clone());
    let (members, have): (Vec<&Line>, Vec<Somebody>) = of(&has, &there);
    let place_of = |(customer, holder, member): &(CustomerId, Holder, u64)| {
        let payer = payers
            .iter()
            .position(|line| line.customer.as_ref() == Some(customer) && line.holder == *holder)?;
        Some((payer, members.iter().position(|line| line.members.get(&target) == Some(member))?))
    };
    let apart: BTreeSet<(usize, usize)> = apart.iter().filter_map(place_of).collect();
    let told = |pair: Pair| {
        let (payer, member) = (payers[pair.payer], members[pair.member]);
        Some(Alike {
            score: pair.score,
            because: pair.because,
            customer: payer.customer.clone()?,
            holder: payer.holder.clone(),
            pays_as: payer.address.clone()?,
            payers_name: payer.name.clone(),
            target,
            member: *member.members.get(&target)?,
            has_access_as: there(member)?,
            members_name: member.name.clone(),
        })
    };
    let still_alike = apart.iter().filter_map(|(payer, member)| {
        let found = pairs(&pay[*payer..=*payer], &have[*member..=*member], &BTreeSet::new());
        found.into_iter().next().map(|pair| Pair { payer: *payer, member: *member, ..pair })
    });
    let apart_alike = still_alike.filter_map(&told).collect();
    (pairs(&pay, &have, &apart).into_iter().filter_map(told).collect(), apart_alike)
}
