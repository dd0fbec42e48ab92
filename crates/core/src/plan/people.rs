//! Those who have what no record supports, beside the lines of the records: one line per person.

use super::{Change, Left, Line, Part, Payer};
use crate::email::Email;
use crate::id::CustomerId;
use crate::target::{Holder, Item, Target};
use std::collections::BTreeMap;

/// Somebody who has something at a target that no record supports, as its lists or a sweep show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Where.
    pub target: Target,
    /// The target's own id of them.
    pub member: u64,
    /// The address there.
    pub address: Option<Email>,
    /// The name there.
    pub name: Option<String>,
    /// What they have, with the record that once had a right to it.
    pub items: BTreeMap<Item, Option<CustomerId>>,
}

/// Puts those who have what no record supports to the lines of the records: one line per person, however many targets have
/// them. `pays`: who of the records pays, and is the one whom a target shows.
///
/// A person is known by the target's own id, else by the record that they are or were, else by the address. Addresses alone
/// decide nothing about anybody: what is done about a part names the target's id.
pub fn per_person<'a>(
    lines: Vec<Line>,
    unsupported: impl IntoIterator<Item = Unsupported>,
    pays: impl Fn(&Unsupported) -> Option<&'a Payer>,
) -> Vec<Line> {
    let mut people = People::default();
    for line in lines {
        people.add(line);
    }
    for shown in unsupported {
        let payer = pays(&shown);
        let line = people.line_of(&shown, payer);
        for (item, ended) in shown.items {
            let beyond = payer.filter(|payer| !payer.gives.contains(&item));
            let left = match (beyond, &ended) {
                (Some(_), _) => Left::BeyondPaid,
                (None, Some(_)) => Left::EndedUnpaid,
                (None, None) => Left::Unpaid,
            };
            if let Some(payer) = beyond {
                line.pays_for.extend(payer.paid.iter().cloned());
                line.standing.get_or_insert_with(|| payer.standing.clone());
            }
            line.parts.insert(Part { change: Change::Leave, item, left: Some(left) });
        }
    }
    people.lines
}

/// Lines, and whose they are.
#[derive(Default)]
struct People {
    lines: Vec<Line>,
    members: BTreeMap<(Target, u64), usize>,
    records: BTreeMap<(CustomerId, Holder), usize>,
    addresses: BTreeMap<Email, usize>,
}

impl People {
    fn add(&mut self, line: Line) {
        let at = self.lines.len();
        self.lines.push(line);
        self.note(at);
    }

    fn note(&mut self, at: usize) {
        let line = &self.lines[at];
        for (target, id) in &line.members {
            self.members.entry((*target, *id)).or_insert(at);
        }
        if let Some(customer) = &line.customer {
            self.records.entry((customer.clone(), line.holder.clone())).or_insert(at);
        }
        if let Some(address) = &line.address {
            self.addresses.entry(address.clone()).or_insert(at);
        }
    }

    /// The line of whom a target shows: theirs, or a new one.
    fn line_of(&mut self, shown: &Unsupported, payer: Option<&Payer>) -> &mut Line {
        let Unsupported { target, member, address, name, items } = shown;
        let ended = || Some((items.values().flatten().next()?.clone(), Holder::Customer));
        let record = payer.map(|payer| (payer.customer.clone(), payer.holder.clone())).or_else(ended);
        let by_record = record.as_ref().and_then(|record| self.records.get(record));
        let by_address = address.as_ref().and_then(|address| self.addresses.get(address));
        let known = self.members.get(&(*target, *member)).or_else(|| {
            // Whoever is another one there, or is to be invited, is not whom the target shows.
            let is_free = |at: &&usize| {
                let line = &self.lines[**at];
                !line.members.contains_key(target) && !line.newcomer.contains(target)
            };
            by_record.filter(is_free).or_else(|| by_address.filter(is_free))
        });
        let at = known.copied().unwrap_or_else(|| {
            let (customer, holder) = record.map_or((None, Holder::Customer), |(id, of)| (Some(id), of));
            self.lines.push(Line::of(holder, customer, address.clone(), None));
            self.lines.len() - 1
        });
        let line = &mut self.lines[at];
        line.members.insert(*target, *member);
        line.known_as.extend(address.iter().map(|address| (*target, address.clone())));
        line.name = line.name.take().or_else(|| name.clone());
        self.note(at);
        &mut self.lines[at]
    }
}
