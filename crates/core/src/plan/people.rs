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
/// A person is known by the target's own id, else by the record by which they pay, else by the address. A record whose right
/// ended says less: it may have been somebody else's use of a purchase. Addresses alone decide nothing about anybody: what
/// is done about a part names the target's id.
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
        let (at, holder) = (self.lines.len(), line.holder.clone());
        if let Some(customer) = line.customer.clone() {
            self.records.entry((customer, holder)).or_insert(at);
        }
        self.lines.push(line);
        self.note(at);
    }

    /// By what a line is found from now on, beside its record.
    fn note(&mut self, at: usize) {
        let line = &self.lines[at];
        for (target, id) in &line.members {
            self.members.entry((*target, *id)).or_insert(at);
        }
        if let Some(address) = &line.address {
            self.addresses.entry(address.clone()).or_insert(at);
        }
    }

    /// The line of whom a target shows: theirs, or a new one.
    fn line_of(&mut self, shown: &Unsupported, payer: Option<&Payer>) -> &mut Line {
        let Unsupported { target, member, address, name, items } = shown;
        let by_record =
            payer.and_then(|payer| self.records.get(&(payer.customer.clone(), payer.holder.clone())));
        let by_address = address.as_ref().and_then(|address| self.addresses.get(address));
        let known = self.members.get(&(*target, *member)).or_else(|| {
            // Whoever is another one there, or is to be invited, is not whom the target shows.
            let is_free = |at: &&usize| {
                let line = &self.lines[**at];
                !line.members.contains_key(target) && !line.newcomer.contains(target)
            };
            by_record.filter(is_free).or_else(|| by_address.filter(is_free))
        });
        let ended = items.values().flatten().next().cloned();
        let at = known.copied().unwrap_or_else(|| {
            let at = self.lines.len();
            match payer {
                Some(Payer { customer, holder, .. }) => {
                    self.add(Line::of(holder.clone(), Some(customer.clone()), address.clone(), None));
                }
                None => {
                    self.lines.push(Line::of(Holder::Customer, None, address.clone(), None));
                }
            }
            at
        });
        let line = &mut self.lines[at];
        line.customer = line.customer.take().or(ended);
        line.members.insert(*target, *member);
        line.known_as.extend(address.iter().map(|address| (*target, address.clone())));
        line.name = line.name.take().or_else(|| name.clone());
        self.note(at);
        &mut self.lines[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(address: &str) -> Option<Email> {
        Email::parse(address)
    }

    fn shown(target: Target, member: u64, address: &str, ended: Option<&str>) -> Unsupported {
        let item = match target {
            Target::Circle => Item::CircleGroup(4012),
            Target::Kit => Item::kit_tag("member"),
        };
        let items = [(item, ended.map(CustomerId::new))].into();
        Unsupported { target, member, address: at(address), name: None, items }
    }

    /// Who has which line: the address, the record, and the ids there.
    fn told(lines: &[Line]) -> Vec<(String, Option<String>, Vec<u64>)> {
        let told = lines.iter().map(|line| {
            let address = line.address.as_ref().map(ToString::to_string).unwrap_or_default();
            let customer = line.customer.as_ref().map(ToString::to_string);
            (address, customer, line.members.values().copied().collect())
        });
        told.collect()
    }

    fn record(customer: &str, address: &str) -> Line {
        Line::of(Holder::Customer, Some(CustomerId::new(customer)), at(address), None)
    }

    #[test]
    fn whom_a_target_shows_is_known_by_the_id_then_by_the_address() {
        let mut ada = record("fdc_ada", "ada@x.example");
        ada.members.insert(Target::Circle, 1);
        let all = [
            shown(Target::Circle, 1, "ada@home.example", None),
            shown(Target::Kit, 7, "ada@x.example", None),
            shown(Target::Circle, 2, "dan@x.example", None),
            shown(Target::Kit, 8, "dan@x.example", Some("fdc_dan")),
        ];
        let lines = per_person(vec![ada], all, |_| None);
        assert_eq!(
            told(&lines),
            [
                ("ada@x.example".to_owned(), Some("fdc_ada".to_owned()), vec![1, 7]),
                ("dan@x.example".to_owned(), Some("fdc_dan".to_owned()), vec![2, 8]),
            ]
        );
        assert_eq!(lines[0].known_as[&Target::Circle].as_str(), "ada@home.example");
    }

    #[test]
    fn who_had_the_use_of_a_purchase_is_not_its_buyer() {
        let buyer = record("fdc_buyer", "buyer@x.example");
        let friend = shown(Target::Circle, 9, "friend@x.example", Some("fdc_buyer"));
        let lines = per_person(vec![buyer], [friend], |_| None);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].members, BTreeMap::new());
    }

    #[test]
    fn whoever_is_to_be_invited_is_not_whom_the_target_shows() {
        let mut payer = record("fdc_payer", "payer@x.example");
        payer.newcomer = BTreeSet::from([Target::Circle]);
        let other = shown(Target::Circle, 9, "old@x.example", None);
        let pays = Payer {
            customer: CustomerId::new("fdc_payer"),
            holder: Holder::Customer,
            paid: [super::super::Paid::Unread].into(),
            gives: BTreeSet::new(),
            standing: (None, crate::entitlement::Standing::Unread),
        };
        let lines = per_person(vec![payer], [other], |_| Some(&pays));
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].parts.iter().next().and_then(|part| part.left), Some(Left::BeyondPaid));
    }
}
