//! Pairings: a person's word for whether a customer and somebody whom a target knows under another address are one.
//!
//! Like a ruling, a pairing is a fact from the source `operator`: each act is an object of its own that never changes, and
//! of those about one holder and one member the newest counts. What it says of the two stays, so that who was told apart
//! is not proposed again. Neither the address nor the member ties records to each other (DESIGN §4).

use crate::email::Email;
use crate::entitlement::ledger::{Ledger, Told};
use crate::fact::{Fact, Key, Kind};
use crate::id::{EntryId, SourceId};
use crate::record::Tie;
use crate::ruling::OPERATOR;
use crate::target::{Holder, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was said of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// They are one person.
    One,
    /// They are two.
    Two,
}

/// A person's word for whether two are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// What was said.
    pub word: Word,
    /// What leads to the customer.
    pub about: Tie,
    /// Who of the record.
    pub holder: Holder,
    /// Where the other is known.
    pub target: Target,
    /// The target's own id of the other.
    pub member: u64,
    /// The other's address there.
    pub address: Email,
    /// Who said so.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
}

impl Pairing {
    /// The object that a pairing is: one for each act, named by the journal entry that carries it.
    pub fn key(entry: &EntryId) -> Key {
        Key::new(&SourceId::new(OPERATOR), Kind::Pairing, entry.as_str())
    }
}

/// A pairing that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts<'a> {
    /// When it was said.
    pub at: Timestamp,
    /// The journal entry that carries it.
    pub entry: &'a EntryId,
    /// What was said.
    #[serde(flatten)]
    pub pairing: &'a Pairing,
}

/// The newest word about each holder and member, oldest first.
pub fn pairings(facts: &BTreeMap<Key, Fact>) -> Vec<Counts<'_>> {
    let mut newest: BTreeMap<(&Holder, Target, u64), Told<'_, Pairing>> = BTreeMap::new();
    for told in Ledger::new(facts).all::<Pairing>() {
        let order = |told: &Told<'_, Pairing>| (told.at(), told.state.word, told.key.clone());
        let of = newest.entry((&told.state.holder, told.state.target, told.state.member)).or_insert(told);
        if order(&told) > order(of) {
            *of = told;
        }
    }
    let mut counting: Vec<_> = newest
        .into_values()
        .map(|told| Counts {
            at: told.at(),
            entry: &told.current.version.evidence.entry,
            pairing: told.state,
        })
        .collect();
    counting.sort_by_key(|counts| (counts.at, counts.pairing.target, counts.pairing.member));
    counting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Body, Evidence, Learnt, Version};

    fn said(second: i64, member: u64, word: Word) -> (Key, Fact) {
        let entry = EntryId::new(format!("fde_{second}"));
        let address = Email::parse("ada@home.example").unwrap();
        let pairing = Pairing {
            word,
            about: Tie::Address(Email::parse("ada@work.example").unwrap()),
            holder: Holder::Customer,
            target: Target::Circle,
            member,
            address,
            by: "mira".to_owned(),
            reason: String::new(),
        };
        let evidence = Evidence { origin: entry.to_string(), entry: entry.clone() };
        let at = Timestamp::from_second(second).unwrap();
        let version = Version::new(at, Body::Pairing(pairing), evidence);
        (Pairing::key(&entry), Fact::new(Learnt::Event, version))
    }

    #[test]
    fn the_newest_word_about_two_counts() {
        let facts =
            [said(1, 7, Word::One), said(2, 8, Word::Two), said(5, 7, Word::Two), said(4, 7, Word::One)]
                .into();
        let counting: Vec<_> =
            pairings(&facts).iter().map(|counts| (counts.pairing.member, counts.pairing.word)).collect();
        assert_eq!(counting, [(8, Word::Two), (7, Word::Two)]);
    }
}
