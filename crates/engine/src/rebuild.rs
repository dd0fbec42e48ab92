//! The record, derived again from the journal: what `rebuild --check` compares with what is stored (RELIABILITY I12).
//!
//! Entries are taken in the order in which they were applied, decoded and joined by the same functions as when they
//! arrived. Nothing is written.

use crate::apply::{Decoded, decode};
use frontdesk_core::fact::Key;
use frontdesk_core::id::CustomerId;
use frontdesk_core::record::{Record, Tie, assemble, ties};
use frontdesk_store::{DerivedHash, Error, Store, StoredEntry};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Entries that one page reads.
const PAGE: u32 = 500;
/// Customers that one page reads.
const CUSTOMERS_PER_PAGE: u32 = 200;

/// What the journal comes to.
#[derive(Clone, Debug, Default)]
pub struct Rebuilt {
    /// The live records.
    pub records: BTreeMap<CustomerId, Record>,
    /// Entries that were read.
    pub entries: u64,
    owners: BTreeMap<Tie, CustomerId>,
}

/// What one entry came to.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The records that it touched.
    pub(crate) touched: Vec<CustomerId>,
    /// Records that became part of another: (loser, survivor).
    pub(crate) merged: Vec<(CustomerId, CustomerId)>,
}

/// The applied entries of the journal, page by page, in the order in which they were applied.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    after: i64,
}

impl Pages {
    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self, store: &Store) -> Result<Option<Vec<StoredEntry>>, Error> {
        let page = store.replay_journal(self.after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.entry.applied_seq.unwrap_or(i64::MAX);
        Ok(Some(page))
    }
}

/// The first thing that is stored otherwise than the journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The journal makes a customer who is not stored.
    Missing(CustomerId),
    /// A customer is stored whom the journal does not make.
    Extra(CustomerId),
    /// A customer's handles differ.
    Ties(CustomerId),
    /// One object's state differs, or is known on one side alone.
    Fact(CustomerId, Key),
}

impl Rebuilt {
    /// Derives all records from the journal.
    pub async fn from_journal(store: &Store) -> Result<Self, Error> {
        Self::as_of(store, Timestamp::MAX).await
    }

    /// Derives all records from what had come in by `at`.
    pub async fn as_of(store: &Store, at: Timestamp) -> Result<Self, Error> {
        let mut rebuilt = Self::default();
        let mut pages = Pages::default();
        while let Some(page) = pages.next(store).await? {
            for stored in page.iter().filter(|stored| stored.entry.received_at <= at) {
                rebuilt.take(stored);
            }
        }
        Ok(rebuilt)
    }

    /// Takes in the next entry; the records that it touched, as they are after it.
    pub(crate) fn take(&mut self, stored: &StoredEntry) -> Taken {
        self.entries += 1;
        let Decoded::Facts(learnt) = decode(stored) else { return Taken::default() };
        let tied = learnt.iter().flat_map(|(key, _, version)| ties(key, &version.body));
        let owners: BTreeSet<CustomerId> = tied.filter_map(|tie| self.owners.get(&tie).cloned()).collect();
        let existing = owners.iter().filter_map(|owner| self.records.get(owner).cloned()).collect();
        let assembled = assemble(existing, learnt, &stored.entry.id, stored.entry.seq);
        let mut taken = Taken { touched: Vec::new(), merged: assembled.merged };
        for (loser, _) in &taken.merged {
            self.records.remove(loser);
        }
        for record in assembled.records {
            self.owners.extend(record.ties.iter().map(|tie| (tie.clone(), record.id.clone())));
            taken.touched.push(record.id.clone());
            self.records.insert(record.id.clone(), record);
        }
        taken
    }

    /// The records that hold any of these ties.
    pub(crate) fn holding(&self, ties: &BTreeSet<Tie>) -> BTreeSet<CustomerId> {
        ties.iter().filter_map(|tie| self.owners.get(tie).cloned()).collect()
    }

    /// The hash over all records, as [`Store::derived_hash`] makes it over what is stored.
    pub fn hash(&self) -> String {
        let mut hash = DerivedHash::default();
        for record in self.records.values() {
            hash.add(record);
        }
        hash.finish()
    }

    /// The first difference to what is stored, in the order of the customers' ids.
    pub async fn first_difference(&self, store: &Store) -> Result<Option<Difference>, Error> {
        let mut ours = self.records.values().peekable();
        let mut after = None;
        loop {
            let page = store.customers(None, after.as_ref(), CUSTOMERS_PER_PAGE).await?;
            let ids: Vec<_> = page.into_iter().map(|row| row.id).collect();
            after = ids.last().cloned();
            if after.is_none() {
                return Ok(ours.next().map(|record| Difference::Missing(record.id.clone())));
            }
            for loaded in store.records(&ids).await? {
                let theirs = loaded.record;
                match ours.next_if(|record| record.id <= theirs.id) {
                    None => return Ok(Some(Difference::Extra(theirs.id))),
                    Some(record) if record.id < theirs.id => {
                        return Ok(Some(Difference::Missing(record.id.clone())));
                    }
                    Some(record) => {
                        if let Some(difference) = between(record, &theirs) {
                            return Ok(Some(difference));
                        }
                    }
                }
            }
        }
    }
}

fn between(ours: &Record, theirs: &Record) -> Option<Difference> {
    let keys: BTreeSet<&Key> = ours.facts.keys().chain(theirs.facts.keys()).collect();
    let fact = keys.into_iter().find(|key| ours.facts.get(*key) != theirs.facts.get(*key));
    if let Some(key) = fact {
        return Some(Difference::Fact(ours.id.clone(), key.clone()));
    }
    (ours.ties != theirs.ties).then(|| Difference::Ties(ours.id.clone()))
}
