//! What would be done about everyone, as data: one [`Line`] per person, and the [`Totals`].
//!
//! The wishes are those of [`crate::desired`]; beside them stands what was last seen, or what a target's lists show now.
//! A person whose targets are as they should be has no line.

mod payer;
mod people;

pub use payer::{Paid, Payer};
pub use people::{Unsupported, per_person};

use crate::catalogue::{Catalogue, Meaning, NewSubscribers};
use crate::decision::Decision;
use crate::desired::Wish;
use crate::email::Email;
use crate::entitlement::{Claim, Purchase, Standing};
use crate::fact::{Body, Fact, Key, Money};
use crate::id::{CustomerId, EntitlementId};
use crate::sweep::Difference;
use crate::sync::{State, Sync};
use crate::target::{Holder, Holding, Item, Membership, Person, Taken, Target};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What would become of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Given.
    Give,
    /// Taken away.
    Take,
    /// Left as it is, for the reason beside it: a person decides, or an answer is awaited.
    Leave,
}

impl Change {
    /// The symbol at the beginning of a line.
    pub const fn symbol(self) -> char {
        match self {
            Self::Give => '+',
            Self::Take => '-',
            Self::Leave => '~',
        }
    }
}

/// Why an item is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// Has it and does not pay.
    Unpaid,
    /// Paid once, has it by somebody else's doing, and pays no more.
    EndedUnpaid,
    /// Pays, has it by somebody else's doing, and nothing that they pay for gives it: see [`Line::pays_for`].
    BeyondPaid,
    /// An earlier version of the catalogue gave it.
    EarlierCatalogue,
    /// The source says something that Frontdesk does not know.
    Unclear,
    /// A person took it away.
    TakenByPerson,
    /// A call's outcome is not known yet: it is looked at first.
    Unknown,
    /// Kit does not know the buyer, and `kit.new_subscribers` says to leave it so.
    NotSubscribed,
}

impl Left {
    /// Whether somebody has it that no payment gives: a person keeps them or removes them.
    pub const fn is_unsupported(self) -> bool {
        matches!(self, Self::Unpaid | Self::EndedUnpaid | Self::BeyondPaid)
    }
}

/// One item of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// What would become of it.
    pub change: Change,
    /// What.
    pub item: Item,
    /// Why it is left, if it is.
    pub left: Option<Left>,
}

/// How often a sum is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Once.
    Once,
    /// Each week.
    Week,
    /// Each month.
    Month,
    /// Each quarter.
    Quarter,
    /// Each year.
    Year,
    /// Again, after a time that was not told or is none of these.
    Again,
}

impl Every {
    /// The nearest usual interval of so many days; [`Every::Again`] where none is near.
    const fn of_days(days: i64) -> Self {
        match days {
            6..=8 => Self::Week,
            27..=32 => Self::Month,
            85..=95 => Self::Quarter,
            360..=370 => Self::Year,
            _ => Self::Again,
        }
    }
}

/// What one purchase is worth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Worth {
    /// The sum.
    pub money: Money,
    /// How often it is paid.
    pub every: Every,
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The record; `None`: no record leads to this person.
    pub customer: Option<CustomerId>,
    /// Who of the record.
    pub holder: Holder,
    /// The address at which they get access, else the one that the target lists.
    pub address: Option<Email>,
    /// Their name, where it is known.
    pub name: Option<String>,
    /// The targets' own ids of them.
    pub members: BTreeMap<Target, u64>,
    /// Under which address each target knows them, where it said so.
    pub known_as: BTreeMap<Target, Email>,
    /// Targets that do not know them yet: an invitation, or a new subscriber.
    pub newcomer: BTreeSet<Target>,
    /// What would become of what, sorted.
    pub parts: BTreeSet<Part>,
    /// Why.
    pub because: Vec<Claim>,
    /// The purchase that says most about it.
    pub standing: Option<(Option<String>, Standing)>,
    /// What the purchases behind it are worth.
    pub worth: BTreeSet<Worth>,
    /// What they pay for, where they have something that it does not give ([`Left::BeyondPaid`]).
    pub pays_for: BTreeSet<Paid>,
    /// What holds up the rows, but shadow mode.
    pub held: BTreeMap<Target, State>,
}

impl Line {
    /// A line that says nothing yet.
    fn of(
        holder: Holder,
        customer: Option<CustomerId>,
        address: Option<Email>,
        name: Option<String>,
    ) -> Self {
        Self {
            customer,
            holder,
            address,
            name,
            members: BTreeMap::new(),
            known_as: BTreeMap::new(),
            newcomer: BTreeSet::new(),
            parts: BTreeSet::new(),
            because: Vec::new(),
            standing: None,
            worth: BTreeSet::new(),
            pays_for: BTreeSet::new(),
            held: BTreeMap::new(),
        }
    }

    /// What the line begins with: what is given says more than what is taken, and that more than what is left.
    pub fn change(&self) -> Change {
        self.parts.iter().map(|part| part.change).min().unwrap_or(Change::Leave)
    }

    /// Whether a part of this kind is at a target that gives access.
    fn concerns_access(&self, of: impl Fn(&Part) -> bool) -> bool {
        self.parts.iter().any(|part| part.item.target().gives_access() && of(part))
    }
}

/// The lines of one record: of its customer and of everyone who benefits from its purchases.
///
/// `seen`: what each target is known to hold for each holder, lists that were just read included; `differences`: what
/// those lists contradict.
pub fn lines(
    customer: &CustomerId,
    facts: &BTreeMap<Key, Fact>,
    decision: &Decision,
    syncs: &BTreeMap<Target, Sync>,
    seen: &BTreeMap<Target, BTreeMap<Holder, Person>>,
    differences: &BTreeMap<Target, Vec<Difference>>,
    catalogue: &Catalogue,
) -> Vec<Line> {
    let mut lines: BTreeMap<Holder, Line> = BTreeMap::new();
    let nobody = Person::default();
    for (target, desired) in &decision.desired {
        let differences = differences.get(target).map_or(&[][..], Vec::as_slice);
        for (holder, wishes) in &desired.holders {
            let person = seen.get(target).and_then(|people| people.get(holder)).unwrap_or(&nobody);
            let line = lines.entry(holder.clone()).or_insert_with(|| {
                let (address, name) = (wishes.address.clone(), wishes.name.clone());
                Line::of(holder.clone(), Some(customer.clone()), Some(address), name)
            });
            line.members.extend(person.membership.id().map(|id| (*target, id)));
            line.known_as.extend(person.membership.address().map(|address| (*target, address.clone())));
            let gone = differences
                .iter()
                .any(|found| matches!(found, Difference::Gone { holder: of, .. } if of == holder));
            for (item, wish) in &wishes.items {
                let is = |found: &Difference, lost: bool| match found {
                    Difference::Lost { holder: of, item: what } => lost && of == holder && what == item,
                    Difference::Lingers { holder: of, item: what } => !lost && of == holder && what == item,
                    Difference::Gone { .. } | Difference::Idle => false,
                };
                let lost = differences.iter().any(|found| is(found, true));
                let lingers = differences.iter().any(|found| is(found, false));
                let Some((change, left)) =
                    change(wish, person, item, (lost, lingers, gone), catalogue.new_subscribers)
                else {
                    continue;
                };
                let is_known = person.membership.id().is_some();
                if change == Change::Give && !is_known {
                    line.newcomer.insert(*target);
                }
                line.parts.insert(Part { change, item: item.clone(), left });
                line.because.extend(wish.because().iter().cloned());
                if let Some(sync) = syncs.get(target).filter(|sync| says_more(&sync.state)) {
                    line.held.insert(*target, sync.state.clone());
                }
            }
        }
    }
    let mut lines: Vec<_> = lines.into_values().filter(|line| !line.parts.is_empty()).collect();
    for line in &mut lines {
        line.because.sort();
        line.because.dedup();
        let behind = behind_line(line, &decision.entitled.purchases, catalogue);
        let best = behind.iter().min_by_key(|purchase| rank(&purchase.standing));
        line.standing = best.map(|purchase| (purchase.title.clone(), purchase.standing.clone()));
        // A journey is paid once, however many lines it has.
        let by_journey: BTreeMap<_, _> =
            behind.iter().map(|purchase| (&purchase.journey, *purchase)).collect();
        let counts = |purchase: &&Purchase| match line.change() {
            Change::Give => matches!(purchase.standing, Standing::Entitled(_)),
            Change::Take | Change::Leave => true,
        };
        line.worth = by_journey.into_values().filter(counts).filter_map(|of| worth(of, facts)).collect();
    }
    lines
}

/// The purchases that are behind a line: those that give what it is about. Where none does, an earlier catalogue gave it,
/// and any may be; but what a person ruled has no purchase behind it.
fn behind_line<'a>(line: &Line, purchases: &'a [Purchase], catalogue: &Catalogue) -> Vec<&'a Purchase> {
    let of = purchases.iter().filter(|purchase| purchase.holder == line.holder);
    let all: Vec<_> = of.filter(|purchase| purchase.plan.is_some()).collect();
    let gives = |purchase: &&&Purchase| {
        purchase.items(catalogue).any(|item| line.parts.iter().any(|part| part.item == *item))
    };
    let giving: Vec<_> = all.iter().filter(gives).copied().collect();
    let is_ruled = line.because.iter().all(|claim| matches!(claim, Claim::Ruled { .. }));
    if giving.is_empty() && !is_ruled { all } else { giving }
}

/// What would become of one item, if anything is to be said about it. `(lost, lingers, gone)`: what the lists contradict.
fn change(
    wish: &Wish,
    person: &Person,
    item: &Item,
    (lost, lingers, gone): (bool, bool, bool),
    new_subscribers: NewSubscribers,
) -> Option<(Change, Option<Left>)> {
    let left = |why| Some((Change::Leave, Some(why)));
    let holding = person.items.get(item);
    let is_unknown = matches!(person.membership, Membership::Unknown { .. })
        || matches!(holding, Some(Holding::Unknown { .. } | Holding::Sent { .. }));
    match wish {
        Wish::Want { .. } => {
            let taken = matches!(person.taken.get(item), Some(Taken::LeftOut { .. }));
            if gone || taken || matches!(person.membership, Membership::Gone { .. }) {
                return left(Left::TakenByPerson);
            }
            if is_unknown {
                return left(Left::Unknown);
            }
            if matches!(holding, Some(Holding::Present { .. })) && !lost {
                return None;
            }
            let is_known = person.membership.id().is_some();
            if item.target() == Target::Kit && !is_known && new_subscribers == NewSubscribers::Leave {
                return left(Left::NotSubscribed);
            }
            Some((Change::Give, None))
        }
        Wish::Absent { .. } => match holding {
            _ if is_unknown => left(Left::Unknown),
            Some(Holding::Present { .. }) => Some((Change::Take, None)),
            _ if lingers => Some((Change::Take, None)),
            _ => None,
        },
        Wish::Leave { because } => {
            let is_there = matches!(holding, Some(Holding::Present { .. }));
            let shared = because.iter().any(|claim| matches!(claim, Claim::WantedByAnother { .. }));
            let earlier = because.iter().any(|claim| matches!(claim, Claim::GrantedEarlier { .. }));
            match (is_there && !shared, earlier) {
                (false, _) => None,
                (true, true) => left(Left::EarlierCatalogue),
                (true, false) => left(Left::Unclear),
            }
        }
    }
}

/// Whether the state of a row tells more than that it is to be looked at.
const fn says_more(state: &State) -> bool {
    use crate::sync::Hold;
    match state {
        State::Held(hold) => !matches!(hold, Hold::Shadow),
        State::Parked { .. } | State::Contested { .. } => true,
        State::Due | State::Sent | State::Unknown | State::Applied => false,
    }
}

/// Which standing says most about a person: what they pay for, then what is unclear, then what ended.
const fn rank(standing: &Standing) -> u8 {
    match standing {
        Standing::Entitled(_) => 0,
        Standing::Unclear { .. } => 1,
        Standing::Over { .. } => 2,
        Standing::PaymentFailed { .. } => 3,
        Standing::Processing | Standing::Unread => 4,
        Standing::Nothing { .. } => 5,
    }
}

/// What a purchase is worth, and how often it is paid: the length of the period that its subscription is in.
pub(crate) fn worth(purchase: &Purchase, facts: &BTreeMap<Key, Fact>) -> Option<Worth> {
    let money = purchase.total.clone()?;
    if !purchase.recurring {
        return Some(Worth { money, every: Every::Once });
    }
    let fact = facts.get(&purchase.sold_by);
    let Some(Body::Subscription(subscription)) = fact.map(|fact| &fact.current().version.body) else {
        return Some(Worth { money, every: Every::Again });
    };
    let period =
        subscription.items.iter().find_map(|item| Some((item.period_start_at?, item.period_end_at?)));
    let every = period
        .map_or(Every::Again, |(from, until)| Every::of_days(until.duration_since(from).as_hours() / 24));
    Some(Worth { money, every })
}

/// What a plan comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// People who pay and have no access, or not all of it.
    pub pay_without_access: u64,
    /// What their purchases are worth.
    pub pay_without_access_worth: BTreeMap<String, BTreeMap<Every, i64>>,
    /// People who have access and do not pay: kept.
    pub access_without_payment: u64,
    /// People who have nothing but tags, and do not pay for those: kept.
    #[serde(default)]
    pub tags_without_payment: u64,
    /// People who pay, and have access that what they pay for does not give: kept.
    pub access_beyond_payment: u64,
    /// People who would lose access.
    pub lose_access: u64,
    /// People who would be invited, or added as subscribers, by target.
    pub newcomers: BTreeMap<Target, u64>,
    /// People who would be given something, by target.
    pub given: BTreeMap<Target, u64>,
    /// People who would lose something, by target.
    pub taken: BTreeMap<Target, u64>,
    /// People about whom something is left as it is, by target.
    pub left: BTreeMap<Target, u64>,
}

impl Totals {
    /// Adds up all lines.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut totals = Self::default();
        for line in lines {
            if line.concerns_access(|part| part.change == Change::Give) {
                totals.pay_without_access += 1;
                for Worth { money, every } in &line.worth {
                    let sums = totals.pay_without_access_worth.entry(money.currency.clone()).or_default();
                    *sums.entry(*every).or_default() += money.minor;
                }
            }
            let unpaid = |part: &Part| matches!(part.left, Some(Left::Unpaid | Left::EndedUnpaid));
            let beyond = |part: &Part| part.left == Some(Left::BeyondPaid);
            let does_not_pay = line.concerns_access(unpaid) && !line.concerns_access(beyond);
            totals.access_without_payment += u64::from(does_not_pay);
            let tags_alone =
                line.parts.iter().any(unpaid) && !line.concerns_access(|part| part.left.is_some());
            totals.tags_without_payment += u64::from(tags_alone);
            totals.access_beyond_payment += u64::from(line.concerns_access(beyond));
            totals.lose_access += u64::from(line.concerns_access(|part| part.change == Change::Take));
            for target in &line.newcomer {
                *totals.newcomers.entry(*target).or_default() += 1;
            }
            for (counts, change) in [
                (&mut totals.given, Change::Give),
                (&mut totals.taken, Change::Take),
                (&mut totals.left, Change::Leave),
            ] {
                let parts = line.parts.iter().filter(|part| part.change == change);
                for target in parts.map(|part| part.item.target()).collect::<BTreeSet<_>>() {
                    *counts.entry(target).or_default() += 1;
                }
            }
        }
        totals
    }
}

/// The entitlements by which somebody could hold these items: those that give nothing else at this target, as few as
/// cover them; for what none of those covers, the smallest that gives it.
pub fn behind(items: &BTreeSet<Item>, catalogue: &Catalogue) -> BTreeSet<EntitlementId> {
    let Some(target) = items.first().map(Item::target) else { return BTreeSet::new() };
    let at = |meaning: &Meaning| -> BTreeSet<Item> {
        meaning.items.iter().filter(|item| item.target() == target).cloned().collect()
    };
    let meanings = catalogue.entitlements.iter().map(|(id, meaning)| (id, at(meaning)));
    let mut candidates: Vec<_> = meanings.filter(|(_, gives)| !gives.is_disjoint(items)).collect();
    // What gives nothing that they do not have goes first, the widest of those before the rest.
    candidates.sort_by_key(|(id, gives)| {
        let more = gives.difference(items).count();
        (more, std::cmp::Reverse(gives.len()), (*id).clone())
    });
    let (mut left, mut behind) = (items.clone(), BTreeSet::new());
    for (id, gives) in candidates {
        if !left.is_disjoint(&gives) {
            left.retain(|item| !gives.contains(item));
            behind.insert(id.clone());
        }
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entitlements_behind_what_somebody_holds_give_no_more_than_they_must() {
        let group = Item::CircleGroup;
        let of = |items: &[Item]| Meaning { title: String::new(), items: items.iter().cloned().collect() };
        let catalogue = Catalogue {
            entitlements: [
                ("all", of(&[group(1), group(2), group(3)])),
                ("community", of(&[group(1), Item::kit_tag("member")])),
                ("pro", of(&[group(1), group(2)])),
            ]
            .into_iter()
            .map(|(id, meaning)| (EntitlementId::new(id), meaning))
            .collect(),
            ..Catalogue::default()
        };
        for (held, expected) in [
            (vec![group(1)], vec!["community"]),
            (vec![group(1), group(2)], vec!["pro"]),
            (vec![group(2)], vec!["pro"]),
            (vec![group(1), group(2), group(3)], vec!["all"]),
            (vec![Item::kit_tag("member")], vec!["community"]),
            (vec![group(9)], vec![]),
            (vec![], vec![]),
        ] {
            let behind = behind(&held.iter().cloned().collect(), &catalogue);
            let behind: Vec<_> = behind.iter().map(EntitlementId::as_str).collect();
            assert_eq!(behind, expected, "{held:?}");
        }
    }
}
