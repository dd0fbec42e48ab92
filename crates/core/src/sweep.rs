//! A target's lists beside our records, both ways: from everyone who should hold something to what the lists say, and
//! from everyone whom the lists show to a record that supports it.
//!
//! Absence from one scan of a list that changes meanwhile proves nothing (RELIABILITY F81): whatever differs is a
//! [`Difference`], to be confirmed by one direct read before anything follows from it.

use crate::desired::{Desired, Wish, Wishes};
use crate::email::Email;
use crate::sync::{State, Sync};
use crate::target::{Holder, Holding, Item, Membership, Person, Standing, Taken, Target, Undone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What was written this shortly before a scan began may not show in the lists yet, and is left out of the comparison.
///
/// Source: `docs/providers.md`, Kit: lists lag behind writes by up to five minutes; Circle: by up to 30 s.
pub const SETTLING: SignedDuration = SignedDuration::from_mins(10);
/// A list that is shorter than last time by more than this, in percent, is not believed.
pub const SHRINK_PERCENT: u64 = 20;
/// Nor does a list shrink suddenly that lost no more entries than this.
pub const SHRINK_ALWAYS: u64 = 3;

/// One list that a sweep reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum List {
    /// Everyone whom the target knows: Circle's members, invited ones too.
    Everyone,
    /// Everyone who holds one managed item.
    In(Item),
}

impl List {
    /// The lists of a sweep of `target`, in the order in which they are read. Kit's subscribers are not listed as a
    /// whole: whoever holds none of our tags is nobody's business.
    pub fn of(target: Target, managed: &BTreeSet<Item>, missing: &BTreeSet<Item>) -> Vec<Self> {
        let items = managed.difference(missing).filter(|item| item.target() == target).cloned().map(Self::In);
        let everyone = (target == Target::Circle).then_some(Self::Everyone);
        everyone.into_iter().chain(items).collect()
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::In(item) => item.fmt(f),
        }
    }
}

impl From<List> for String {
    fn from(list: List) -> Self {
        list.to_string()
    }
}

impl TryFrom<String> for List {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "everyone" { Ok(Self::Everyone) } else { Item::try_from(text).map(Self::In) }
    }
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The target's own id of the person.
    pub id: u64,
    /// The address there, where the list tells it.
    pub address: Option<Email>,
    /// How far the person is there, where the list tells it.
    pub standing: Option<Standing>,
    /// Their name, where the list tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// All that the lists of a target said in one sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Where.
    pub target: Target,
    /// When the first page was asked for.
    pub began_at: Timestamp,
    people: BTreeMap<u64, Listed>,
    addresses: BTreeMap<Email, u64>,
    lists: BTreeMap<List, BTreeSet<u64>>,
}

impl Scan {
    /// A scan that has read nothing yet.
    pub const fn new(target: Target, began_at: Timestamp) -> Self {
        Self { target, began_at, people: BTreeMap::new(), addresses: BTreeMap::new(), lists: BTreeMap::new() }
    }

    /// Takes in one page of a list, and says how many of its entries no earlier page of that list had. Entries come
    /// twice when a list changes between two pages; they count once.
    pub fn add(&mut self, list: &List, page: impl IntoIterator<Item = Listed>) -> usize {
        let seen = self.lists.entry(list.clone()).or_default();
        let mut fresh = 0;
        for listed in page {
            fresh += usize::from(seen.insert(listed.id));
            if let Some(address) = &listed.address {
                self.addresses.insert(address.clone(), listed.id);
            }
            let known = self.people.entry(listed.id).or_insert_with(|| Listed {
                id: listed.id,
                address: None,
                standing: None,
                name: None,
            });
            known.name = listed.name.or(known.name.take());
            known.address = listed.address.or(known.address.take());
            known.standing = listed.standing.or(known.standing.take());
        }
        fresh
    }

    /// How many entries each list has.
    pub fn counts(&self) -> BTreeMap<List, u64> {
        self.lists.iter().map(|(list, ids)| (list.clone(), ids.len() as u64)).collect()
    }

    /// One person, if any list has them.
    pub fn person(&self, id: u64) -> Option<&Listed> {
        self.people.get(&id)
    }

    /// Everyone who holds a managed item, with what they hold.
    pub fn holders(&self) -> impl Iterator<Item = (&Item, u64)> {
        self.lists
            .iter()
            .filter_map(|(list, ids)| match list {
                List::Everyone => None,
                List::In(item) => Some(ids.iter().map(move |id| (item, *id))),
            })
            .flatten()
    }

    /// Whether everyone whom the target knows is in it.
    const fn knows_everyone(&self) -> bool {
        matches!(self.target, Target::Circle)
    }

    /// Whether what was seen or written at `at` must show in the lists.
    fn shows(&self, at: Timestamp) -> bool {
        self.began_at.duration_since(at) >= SETTLING || self.is_ahead(at)
    }

    /// Whether something was noted under a clock that was ahead: no sighting lies so far after the lists that it is
    /// held against (RELIABILITY I26). Without this, nobody seen under such a clock would ever be missed.
    fn is_ahead(&self, at: Timestamp) -> bool {
        at.duration_since(self.began_at) > AHEAD
    }
}

/// How far after the beginning of a scan something can have been seen that it is held against. A scan is begun anew
/// after a quarter of this.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Why a scan is not believed: nothing follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implausible {
    /// Which list.
    pub list: List,
    /// How many entries were expected.
    pub before: u64,
    /// How many there are.
    pub now: u64,
}

impl fmt::Display for Implausible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, before, now } = self;
        if *now == 0 {
            return write!(f, "the list `{list}` is empty, and had {before} entries");
        }
        write!(f, "the list `{list}` has {now} entries, and had {before}")
    }
}

/// The first list that is empty or much shorter than expected. `before`: the counts of the last sweep, or what our
/// records saw there.
pub fn implausible(now: &BTreeMap<List, u64>, before: &BTreeMap<List, u64>) -> Option<Implausible> {
    before.iter().find_map(|(list, before)| {
        // A list that is swept no more (taken out of the catalogue, not there any longer) says nothing.
        let now = *now.get(list)?;
        let lost = before.saturating_sub(now);
        let is_sudden = lost > SHRINK_ALWAYS && lost * 100 > before * SHRINK_PERCENT;
        ((*before > 0 && now == 0) || is_sudden).then(|| Implausible {
            list: list.clone(),
            before: *before,
            now,
        })
    })
}

/// A difference that one direct read must confirm before anything follows from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The target does not list the person at all any more.
    Gone {
        /// Whose.
        holder: Holder,
        /// The id they had.
        id: u64,
    },
    /// Should hold the item, was seen to hold it, and is not in its list.
    Lost {
        /// Whose.
        holder: Holder,
        /// What.
        item: Item,
    },
    /// Should not hold the item, was said to be out, and is in its list.
    Lingers {
        /// Whose.
        holder: Holder,
        /// What.
        item: Item,
    },
    /// Should hold something, and no row works at it. Needs no read: the row is looked at.
    Idle,
}

/// One record beside the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// What was newly seen of whom, unless it is what was known.
    pub people: BTreeMap<Holder, Person>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Who holds what with this record's support.
    pub supported: BTreeSet<(Item, u64)>,
    /// Who holds what although this record's right to it ended, and not by our doing: listed and left.
    pub ended: BTreeSet<(Item, u64)>,
    /// Which lists should have whom, by what was seen before.
    pub expected: BTreeSet<(List, u64)>,
}

/// Lays one record beside the lists. `previous` is when the last whole sweep began: who was said to be out before it
/// and was not in its lists was let in by hand since, which is listed and left (RELIABILITY F78).
pub fn beside(desired: &Desired, sync: Option<&Sync>, scan: &Scan, previous: Option<Timestamp>) -> Beside {
    let mut beside = Beside::default();
    let nobody = Person::default();
    let mut is_idle = false;
    for (holder, wishes) in &desired.holders {
        let person = sync.and_then(|sync| sync.observed.people.get(holder)).unwrap_or(&nobody);
        if matches!(person.membership, Membership::Unknown { .. }) {
            continue;
        }
        let listed = listed(person, &wishes.address, scan);
        let mut seen = Person { membership: refreshed(person, listed, scan), ..person.clone() };
        let known = person.membership.id();
        let who = listed.map(|listed| listed.id).or(known);
        if let (Some(id), Membership::Member { seen_at, .. }) = (known, &person.membership)
            && scan.knows_everyone()
            && scan.shows(*seen_at)
        {
            beside.expected.insert((List::Everyone, id));
            let wants = wishes.items.values().any(|wish| matches!(wish, Wish::Want { .. }));
            let holds = person.items.values().any(|holding| matches!(holding, Holding::Present { .. }));
            if listed.is_none() && wants && holds {
                beside.differences.push(Difference::Gone { holder: holder.clone(), id });
            }
        }
        for (item, wish) in &wishes.items {
            let Some(ids) = scan.lists.get(&List::In(item.clone())) else { continue };
            let there = who.filter(|id| ids.contains(id));
            let holding = person.items.get(item);
            match (wish, there) {
                (Wish::Leave { .. }, Some(id)) => {
                    beside.supported.insert((item.clone(), id));
                    if may_be_refreshed(holding, scan) {
                        seen.items.insert(item.clone(), Holding::Present { seen_at: scan.began_at });
                    }
                }
                (Wish::Want { .. }, Some(id)) => {
                    beside.supported.insert((item.clone(), id));
                    beside.expected.insert((List::In(item.clone()), id));
                    if may_be_refreshed(holding, scan) {
                        seen.items.insert(item.clone(), Holding::Present { seen_at: scan.began_at });
                    }
                }
                (Wish::Want { .. }, None) => match holding {
                    Some(Holding::Present { seen_at }) if scan.shows(*seen_at) => {
                        beside.expected.extend(who.map(|id| (List::In(item.clone()), id)));
                        beside
                            .differences
                            .push(Difference::Lost { holder: holder.clone(), item: item.clone() });
                    }
                    Some(Holding::Absent { seen_at }) if !scan.shows(*seen_at) => {}
                    None | Some(Holding::Absent { .. }) => is_idle |= !person.taken.contains_key(item),
                    Some(Holding::Present { .. } | Holding::Sent { .. } | Holding::Unknown { .. }) => {}
                },
                (Wish::Absent { .. }, Some(id)) => match holding {
                    // Its row is at it, or waits for a proof, a brake, a person.
                    Some(Holding::Present { .. } | Holding::Sent { .. } | Holding::Unknown { .. }) => {
                        beside.supported.insert((item.clone(), id));
                    }
                    Some(Holding::Absent { seen_at }) if !scan.shows(*seen_at) => {
                        beside.supported.insert((item.clone(), id));
                    }
                    Some(Holding::Absent { seen_at })
                        if previous.is_none_or(|at| at.duration_since(*seen_at) < SETTLING)
                            && !scan.is_ahead(*seen_at) =>
                    {
                        beside.supported.insert((item.clone(), id));
                        beside
                            .differences
                            .push(Difference::Lingers { holder: holder.clone(), item: item.clone() });
                    }
                    None | Some(Holding::Absent { .. }) => {
                        beside.ended.insert((item.clone(), id));
                    }
                },
                (Wish::Leave { .. } | Wish::Absent { .. }, None) => {}
            }
        }
        if seen != *person {
            beside.people.insert(holder.clone(), seen);
        }
    }
    // A buyer unknown to Kit may be left out on purpose: there a row at rest is no sign of anything.
    let rests = match sync {
        None => true,
        Some(sync) => scan.target == Target::Circle && sync.state == State::Applied,
    };
    if is_idle && rests && beside.people.is_empty() {
        beside.differences.push(Difference::Idle);
    }
    beside
}

/// The entry that is this person: by id, else by the address known there, else by the record's own.
fn listed<'a>(person: &Person, address: &Email, scan: &'a Scan) -> Option<&'a Listed> {
    let by_address = |address: &Email| scan.addresses.get(address).and_then(|id| scan.people.get(id));
    match &person.membership {
        Membership::Member { id, address: there, .. } | Membership::Moved { id, address: there } => {
            scan.people.get(id).or_else(|| by_address(there))
        }
        Membership::Unseen | Membership::NotMember { .. } | Membership::Gone { .. } => by_address(address),
        Membership::Unknown { .. } => None,
    }
}

/// What the entry says of the person beside what was known; what was seen later than the lists can show stays.
fn refreshed(person: &Person, listed: Option<&Listed>, scan: &Scan) -> Membership {
    let known = person.membership.clone();
    let Some(listed) = listed else { return known };
    let (address, standing) = match &known {
        Membership::Member { seen_at, .. }
        | Membership::NotMember { seen_at }
        | Membership::Gone { seen_at, .. }
            if !scan.shows(*seen_at) =>
        {
            return known;
        }
        Membership::Member { address, standing, .. } => (Some(address.clone()), Some(*standing)),
        Membership::Moved { address, .. } => (Some(address.clone()), None),
        _ => (None, None),
    };
    // A list that does not say how far somebody is takes nothing back.
    let told = listed.standing.filter(|told| *told != Standing::Known);
    let standing = told.or(standing).unwrap_or(Standing::Known);
    let Some(address) = listed.address.clone().or(address) else { return known };
    match &known {
        Membership::Member { id, address: there, standing: stands, .. }
            if *id == listed.id && *there == address && *stands == standing =>
        {
            known
        }
        _ => Membership::Member { id: listed.id, address, standing, seen_at: scan.began_at },
    }
}

/// Whether a list that shows the item says more than what is known.
fn may_be_refreshed(holding: Option<&Holding>, scan: &Scan) -> bool {
    match holding {
        None => true,
        Some(Holding::Present { .. }) => false,
        Some(
            Holding::Absent { seen_at: at } | Holding::Sent { at, .. } | Holding::Unknown { look_at: at, .. },
        ) => scan.shows(*at),
    }
}

/// What a confirmed loss of an item comes to. The first time it is put back. Whoever takes access a second time means
/// it, and it stays as they want it until a person decides otherwise; a tag that is taken a second time is contested.
pub fn lose(person: &mut Person, item: &Item, seen: Undone) -> Taken {
    let now = seen.at;
    let taken = match person.taken.get(item) {
        Some(Taken::PutBack { at, by }) if is_told_again(person, item, *at) => {
            Taken::PutBack { at: *at, by: by.clone() }
        }
        Some(Taken::PutBack { at, by }) => match item.target() {
            Target::Circle => Taken::LeftOut { at: now },
            Target::Kit => {
                let by = by.clone().unwrap_or_else(|| "before a person asked for it anew".to_owned());
                Taken::Contested { wanted: true, first: Undone { at: *at, by }, again: seen }
            }
        },
        Some(known) if known.is_wanted() => known.clone(),
        _ => Taken::PutBack { at: now, by: Some(seen.by) },
    };
    person.taken.insert(item.clone(), taken.clone());
    taken
}

/// What it comes to that somebody holds an item again that was taken off: it is taken off once more, and then
/// contested.
pub fn regain(person: &mut Person, item: &Item, seen: Undone) -> Taken {
    let taken = match person.taken.get(item) {
        Some(Taken::TakenOff { at, by }) if is_told_again(person, item, *at) => {
            Taken::TakenOff { at: *at, by: by.clone() }
        }
        Some(Taken::TakenOff { at, by }) => {
            Taken::Contested { wanted: false, first: Undone { at: *at, by: by.clone() }, again: seen }
        }
        Some(known) if !known.is_wanted() => known.clone(),
        _ => Taken::TakenOff { at: seen.at, by: seen.by },
    };
    person.taken.insert(item.clone(), taken.clone());
    taken
}

/// Whether one absence, or one presence, was counted at `at` before: it is one, however often it is told, by a process
/// that was held up and by the one that went on.
fn is_told_again(person: &Person, item: &Item, at: Timestamp) -> bool {
    match person.items.get(item) {
        Some(Holding::Absent { seen_at } | Holding::Present { seen_at }) => *seen_at <= at,
        _ => false,
    }
}

/// Notes what a read showed against what was known and wished: what something else undid is counted.
///
/// `before` is what was known when the read was asked for. `look` names the read where no message told of it. Where a
/// look at what a message told shows that Kit knows the person no more, somebody deleted them: they are not made anew.
pub fn note_undone(before: &Person, after: &mut Person, wishes: &Wishes, look: &str, now: Timestamp) {
    let is_deleted = matches!(after.membership, Membership::NotMember { .. });
    for (item, wish) in &wishes.items {
        if is_deleted && item.target() == Target::Kit && after.told.remove(item).is_some() {
            after.taken.insert(item.clone(), Taken::LeftOut { at: now });
            continue;
        }
        let (was, is) = (before.items.get(item), after.items.get(item));
        let by = before.told.get(item).map_or_else(|| look.to_owned(), |told| told.by.clone());
        let seen = Undone { at: now, by };
        match (wish, was, is) {
            (Wish::Want { .. }, Some(Holding::Present { .. }), Some(Holding::Absent { .. })) => {
                lose(after, item, seen);
            }
            (Wish::Absent { .. }, Some(Holding::Absent { .. }), Some(Holding::Present { .. })) => {
                regain(after, item, seen);
            }
            _ => {}
        }
    }
}

/// Whether a read showed other than what a row may rest on: something that is wished for or against came or went.
///
/// Said with the answer itself: whoever asked may not live to draw the conclusion, and afterwards nothing would differ from
/// what was seen last.
pub fn is_upset(before: &Person, after: &Person, wishes: &Wishes) -> bool {
    wishes.items.keys().any(|item| before.holds(item) != after.holds(item))
}

/// What a sweep found out, as kept and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Pays, was let in, and was missing: put back.
    Missing,
    /// Pays, and was taken out by a person: left, with a case.
    TakenOut,
    /// Pays, and no row worked at it: the row is looked at.
    Idle,
    /// No longer pays, was said to be out, and was still in: to be taken out.
    Lingering,
    /// Has access that no payment gives: listed and left.
    Unsupported,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::TakenOut, Self::Idle, Self::Lingering, Self::Unsupported];

    /// The kind as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TakenOut => "taken_out",
            Self::Idle => "idle",
            Self::Lingering => "lingering",
            Self::Unsupported => "unsupported",
        }
    }

    /// The inverse of [`FindingKind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether events should have shown it: what the sweep repaired was missed by them.
    pub const fn is_miss(self) -> bool {
        matches!(self, Self::Missing | Self::TakenOut | Self::Idle | Self::Lingering)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
