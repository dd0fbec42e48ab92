//! Who pays, and for what.

use super::rank;
use crate::catalogue::{Catalogue, Good};
use crate::entitlement::{Entitled, Purchase, Standing, good};
use crate::id::{CustomerId, PlanId};
use crate::target::{Holder, Item};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Something that somebody pays for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Paid {
    /// What a plan sells.
    Plan {
        /// Which.
        id: PlanId,
        /// What customers see of it.
        title: Option<String>,
    },
    /// What no plan sells.
    Good(Good),
    /// What it is is not read at the source yet.
    Unread,
}

/// Somebody who pays, or for whom somebody does, and what that gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// The record.
    pub customer: CustomerId,
    /// Who of the record.
    pub holder: Holder,
    pub(super) paid: BTreeSet<Paid>,
    pub(super) gives: BTreeSet<Item>,
    pub(super) standing: (Option<String>, Standing),
}

impl Payer {
    /// Who of a record pays: its customer, whoever has the use of it, and everyone who has the use of something. What the
    /// source calls by a word that is not known, and what is not read yet, counts as paid: it may be.
    pub fn of(customer: &CustomerId, entitled: &Entitled, catalogue: &Catalogue) -> Vec<Self> {
        let is_paid = |purchase: &&Purchase| {
            let stands = &purchase.standing;
            let may_count =
                matches!(stands, Standing::Entitled(_) | Standing::Unclear { .. } | Standing::Unread);
            purchase.by_hand.is_none() && may_count
        };
        let mut payers: BTreeMap<Holder, Self> = BTreeMap::new();
        for purchase in entitled.purchases.iter().filter(is_paid) {
            let gives: BTreeSet<Item> = purchase.items(catalogue).cloned().collect();
            let standing = (purchase.title.clone(), purchase.standing.clone());
            for holder in [&Holder::Customer, &purchase.holder] {
                let payer = payers.entry(holder.clone()).or_insert_with(|| Self {
                    customer: customer.clone(),
                    holder: holder.clone(),
                    paid: BTreeSet::new(),
                    gives: BTreeSet::new(),
                    standing: standing.clone(),
                });
                payer.paid.insert(Paid::of(purchase));
                // What was bought for somebody else gives its buyer nothing.
                if *holder == purchase.holder {
                    payer.gives.extend(gives.iter().cloned());
                }
                if rank(&standing.1) < rank(&payer.standing.1) {
                    payer.standing = standing.clone();
                }
            }
        }
        payers.into_values().collect()
    }
}

impl Paid {
    fn of(purchase: &Purchase) -> Self {
        let (price, product) = (purchase.price.as_deref(), purchase.product.as_deref());
        match (&purchase.plan, good(&purchase.sold_by.source, price, product)) {
            (Some(id), _) => Self::Plan { id: id.clone(), title: purchase.title.clone() },
            (None, Some(good)) => Self::Good(good),
            (None, None) => Self::Unread,
        }
    }
}
