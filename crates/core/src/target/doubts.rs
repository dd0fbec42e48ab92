//! Writes that a target answered and that a look did not confirm.

use super::{Item, Seen, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many writes in a row were answered in words that prove nothing, since the last look that showed them done.
///
/// A target may answer for ever "exists already" about somebody who is not there. Without a count every such answer
/// and the look after it would be paid for again and again; with it, a person looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubts {
    /// Enrolments.
    pub enrol: u8,
    /// Items given, each for itself.
    pub add: BTreeMap<Item, u8>,
    /// Items taken, each for itself.
    pub remove: BTreeMap<Item, u8>,
}

impl Doubts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many there are about this very write; none about a read.
    pub fn about(&self, step: &Step) -> u8 {
        match step {
            Step::Enrol { .. } => self.enrol,
            Step::Add { item, .. } => self.add.get(item).copied().unwrap_or_default(),
            Step::Remove { item, .. } => self.remove.get(item).copied().unwrap_or_default(),
            Step::Find { .. } | Step::Read { .. } | Step::Check { .. } => 0,
        }
    }

    /// Takes in what an answer says: one doubt more, or the end of them.
    pub fn note(&mut self, step: &Step, seen: &Seen) {
        match (step, seen) {
            (Step::Enrol { .. }, Seen::Accepted | Seen::LookFirst | Seen::SomePerson | Seen::Done) => {
                self.enrol = self.enrol.saturating_add(1);
            }
            (Step::Add { item, .. }, Seen::Accepted | Seen::LookFirst) => more(&mut self.add, item),
            (Step::Remove { item, .. }, Seen::Accepted | Seen::LookFirst) => more(&mut self.remove, item),
            (Step::Enrol { .. } | Step::Find { .. } | Step::Read { .. }, Seen::Person { .. }) => {
                self.enrol = 0;
            }
            (Step::Add { item, .. }, Seen::Done | Seen::Holds) | (Step::Check { item, .. }, Seen::Holds) => {
                self.add.remove(item);
            }
            (Step::Remove { item, .. }, Seen::Done | Seen::HoldsNot)
            | (Step::Check { item, .. }, Seen::HoldsNot) => {
                self.remove.remove(item);
            }
            (Step::Check { .. }, Seen::HoldsOnly(held)) => {
                self.add.retain(|item, _| !held.contains(item));
                self.remove.retain(|item, _| held.contains(item));
            }
            _ => {}
        }
    }
}

fn more(doubts: &mut BTreeMap<Item, u8>, item: &Item) {
    let count = doubts.entry(item.clone()).or_default();
    *count = count.saturating_add(1);
}
