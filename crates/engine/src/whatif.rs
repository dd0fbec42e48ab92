//! What another catalogue would have meant: the journal is replayed under both, and the answers are compared.
//!
//! Reads alone: nothing is saved, and nothing asks a provider. What is compared is what follows from payments and rulings;
//! whether a target had carried it out is not.

use crate::catalogue::succeeding;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::rebuild::{Pages, Rebuilt};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::email::Email;
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::Holder;
use frontdesk_core::whatif::{Line, Rules, Totals, Track};
use frontdesk_store::Error;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Who would have had what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub as_of: Timestamp,
    /// The version in force.
    pub present: String,
    /// The version that may come.
    pub new: String,
    /// Journal entries that were replayed since then.
    pub entries: u64,
    /// Everybody for whom the answers differ: who gains, who gains and loses, who loses.
    pub lines: Vec<Person>,
    /// The sums.
    pub totals: Totals,
}

/// One person for whom the answers differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The record.
    pub customer: CustomerId,
    /// At which address they get access.
    pub address: Option<Email>,
    /// How the answers differ.
    #[serde(flatten)]
    pub line: Line,
}

impl<P: Ports> Engine<P> {
    /// Replays the journal since `since` under the catalogue in force and under `new`.
    ///
    /// A change counts from when it came in: an event that was late, or history that was imported, is known from then on.
    pub async fn what_if(&self, new: &Catalogue, since: Timestamp) -> Result<WhatIf, Error> {
        let present = self.catalogue();
        let new = succeeding(new, &present);
        let rules = Rules { present: &present, new: &new };
        let as_of = self.ports().now_wall();
        let mut rebuilt = Rebuilt::default();
        let mut tracks: Option<BTreeMap<CustomerId, Track>> = None;
        let mut entries = 0;
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self.store()).await? {
            for stored in page {
                let came = stored.entry.received_at;
                if tracks.is_none() && came < since {
                    rebuilt.take(&stored);
                    continue;
                }
                let tracks = tracks.get_or_insert_with(|| begin(&rebuilt, rules, since, as_of));
                entries += 1;
                let at = came.clamp(since, as_of.max(since));
                let taken = rebuilt.take(&stored);
                for (loser, survivor) in taken.merged {
                    if let Some(gone) = tracks.remove(&loser) {
                        tracks.entry(survivor).or_insert_with(|| Track::new(since)).absorb(gone, at);
                    }
                }
                for customer in taken.touched {
                    let Some(record) = rebuilt.records.get(&customer) else { continue };
                    let track = tracks.entry(customer).or_insert_with(|| Track::new(since));
                    track.changes(&record.facts, rules, at, as_of);
                }
            }
        }
        let tracks = tracks.unwrap_or_else(|| begin(&rebuilt, rules, since, as_of));
        let mut totals = Totals::default();
        let mut lines = Vec::new();
        for (customer, track) in tracks {
            let (differ, keep) = track.ends(as_of);
            totals.keep += keep;
            for line in differ {
                totals.add(&line);
                let address = match &line.holder {
                    Holder::Customer => rebuilt
                        .records
                        .get(&customer)
                        .and_then(frontdesk_core::record::Record::access_address),
                    Holder::Beneficiary(address) => Some(address.clone()),
                };
                lines.push(Person { customer: customer.clone(), address, line });
            }
        }
        let order = |person: &Person| "+~-".find(person.line.symbol());
        lines.sort_by(|one, other| {
            let key = |of: &Person| (order(of), of.address.clone(), of.customer.clone());
            key(one).cmp(&key(other))
        });
        let (present, new) = (present.version(), new.version());
        Ok(WhatIf { since, as_of, present, new, entries, lines, totals })
    }
}

/// Everybody as they were at `since`.
fn begin(
    rebuilt: &Rebuilt,
    rules: Rules<'_>,
    since: Timestamp,
    as_of: Timestamp,
) -> BTreeMap<CustomerId, Track> {
    let records = rebuilt.records.values();
    let tracks = records.map(|record| {
        let mut track = Track::new(since);
        track.changes(&record.facts, rules, since, as_of);
        (record.id.clone(), track)
    });
    tracks.collect()
}
