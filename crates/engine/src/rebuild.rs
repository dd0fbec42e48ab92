//! Deriving everything again from the journal, and comparing (I12).

use crate::apply::{Decoded, decode};
use frontdesk_core::id::CustomerId;
use frontdesk_core::record::{Record, Tie, assemble, ties};
use frontdesk_store::{DerivedHash, Error, Store};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that are read at once.
const PAGE: u32 = 500;

/// What a rebuild gives, beside what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The records, by customer.
    pub records: BTreeMap<CustomerId, Record>,
    /// Hash over them.
    pub hash: String,
    /// Hash over what is stored.
    pub stored: String,
    /// Entries that were replayed.
    pub entries: usize,
}

impl Rebuilt {
    /// Whether the journal gives what is stored.
    pub fn is_equal(&self) -> bool {
        self.hash == self.stored
    }
}

/// Replays the journal in the order in which it was applied, without writing anything.
pub async fn check(store: &Store) -> Result<Rebuilt, Error> {
    let mut records: BTreeMap<CustomerId, Record> = BTreeMap::new();
    let mut owners: BTreeMap<Tie, CustomerId> = BTreeMap::new();
    let (mut after, mut entries) = (0, 0);
    loop {
        let page = store.replay_journal(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.entry.applied_seq.unwrap_or(i64::MAX);
        for stored in &page {
            entries += 1;
            let Decoded::Facts(learnt) = decode(stored) else { continue };
            let tied: BTreeSet<Tie> = learnt.iter().flat_map(|(key, _, version)| ties(key, &version.body)).collect();
            let touched: BTreeSet<CustomerId> = tied.iter().filter_map(|tie| owners.get(tie).cloned()).collect();
            let existing = touched.iter().filter_map(|customer| records.remove(customer)).collect();
            let assembled = assemble(existing, learnt, &stored.entry.id, stored.entry.seq);
            for record in assembled.records {
                owners.extend(record.ties.iter().map(|tie| (tie.clone(), record.id.clone())));
                records.insert(record.id.clone(), record);
            }
        }
    }
    let mut hash = DerivedHash::default();
    for record in records.values() {
        hash.add(record);
    }
    Ok(Rebuilt { hash: hash.finish(), stored: store.derived_hash().await?, records, entries })
}
