//! Items that something else keeps undoing: one alert and one case for each, however many customers it concerns.

use crate::acts::Acted;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::{CAUSE_GONE, Cause};
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::{State, Sync};
use frontdesk_core::target::{Item, Target};
use frontdesk_store::{Case, CaseState, Error, Store, SyncFilter, Write};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The kind of the alert, and what its key begins with.
const KIND: &str = "contested";
/// Rows that one page reads.
const PAGE: u32 = 200;

fn key(item: &Item) -> String {
    format!("{KIND}:{item}")
}

/// The alert that a contested row renews.
pub(crate) fn alert(row: &Sync, now: Timestamp) -> Option<Write> {
    let State::Contested { item, why } = &row.state else { return None };
    Some(Write::AlertOpen {
        key: key(item),
        kind: KIND.to_owned(),
        subject: item.to_string(),
        detail: serde_json::json!({ "why": why }),
        at: now,
    })
}

/// The contested items of these rows about which another customer's case tells: it is open, or a person closed it
/// since the contest began.
pub(crate) async fn told_elsewhere(
    store: &Store,
    customer: &CustomerId,
    syncs: &BTreeMap<Target, Sync>,
) -> Result<BTreeSet<Item>, Error> {
    let contested: BTreeSet<&Item> = syncs.values().flat_map(|row| row.observed.contested()).collect();
    let mut told = BTreeSet::new();
    for item in contested {
        let case = store.newest_case(&item.to_string()).await?;
        if let Some(case) = case.filter(|case| case.customer != *customer)
            && tells(store, item, &case).await?
        {
            told.insert(item.clone());
        }
    }
    Ok(told)
}

/// Whether a case speaks for the contest that goes on.
async fn tells(store: &Store, item: &Item, case: &Case) -> Result<bool, Error> {
    if case.state == CaseState::Open {
        return Ok(true);
    }
    let closed_itself = case.closed_why.as_deref().is_none_or(|why| why.starts_with(CAUSE_GONE));
    let alert = store.alert(&key(item)).await?.filter(|alert| alert.closed_at.is_none());
    Ok(!closed_itself && alert.is_some_and(|alert| alert.opened_at <= case.opened_at))
}

impl<P: Ports> Engine<P> {
    /// Closes the alerts of items that are contested nowhere any more, and has the next customer's case opened where
    /// the one that spoke for all closed by itself.
    pub(crate) async fn look_after_contests(&self, target: Target) -> Result<(), Error> {
        for alert in self.store().open_alerts().await? {
            let Ok(item) = Item::try_from(alert.subject.clone()) else { continue };
            if alert.kind != KIND || item.target() != target {
                continue;
            }
            let Some(first) = self.contested(target, &item).await?.into_iter().next() else {
                self.close_alert(&alert.key).await?;
                continue;
            };
            let case = self.store().newest_case(&item.to_string()).await?;
            let is_told = match case {
                Some(case) => tells(self.store(), &item, &case).await?,
                None => false,
            };
            if !is_told {
                self.look_again(&first, &Cause { action: "contest", by: item.to_string() }).await?;
            }
        }
        Ok(())
    }

    /// Begins anew with an item that a person says is left alone by now: with every customer of it.
    pub(crate) async fn end_contest(&self, target: Target, item: &Item, by: &str) -> Result<Acted, Error> {
        for customer in self.contested(target, item).await? {
            self.change_sync(&customer, target, by, |row, now| {
                let is_contested = matches!(&row.state, State::Contested { item: of, .. } if of == item);
                if is_contested {
                    row.end_contest(now);
                }
                is_contested
            })
            .await?;
        }
        Ok(Acted::Done)
    }

    /// The customers whose row waits because of the item.
    async fn contested(&self, target: Target, item: &Item) -> Result<Vec<CustomerId>, Error> {
        let filter =
            SyncFilter { target: Some(target), state: Some(KIND.to_owned()), ..SyncFilter::default() };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store().sync_list(&filter, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.customer.clone());
            let of = |row: &Sync| matches!(&row.state, State::Contested { item: of, .. } if of == item);
            found.extend(page.into_iter().filter(of).map(|row| row.customer));
        }
    }
}
