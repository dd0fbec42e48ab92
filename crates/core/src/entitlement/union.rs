//! What several purchases give together: per entitlement and holder the best standing wins.

use super::{Entitlement, Over, Purchase, Standing, Terms, Unmapped, good, in_order};
use crate::catalogue::Catalogue;
use crate::id::EntitlementId;
use crate::target::Holder;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// One entitlement per id and holder, and the purchases in good standing that no plan maps.
pub(super) fn union(purchases: &[Purchase], catalogue: &Catalogue) -> (Vec<Entitlement>, Vec<Unmapped>) {
    let mut given: BTreeMap<(EntitlementId, Holder), BTreeSet<usize>> = BTreeMap::new();
    let mut unmapped = Vec::new();
    for (index, purchase) in purchases.iter().enumerate() {
        if matches!(purchase.standing, Standing::Nothing { .. }) {
            continue;
        }
        for id in purchase.gives(catalogue) {
            given.entry((id.clone(), purchase.holder.clone())).or_default().insert(index);
        }
        if purchase.has_no_plan() && matches!(purchase.standing, Standing::Entitled(_)) {
            let sold = (purchase.price.as_deref(), purchase.product.as_deref());
            if let Some(good) = good(&purchase.sold_by.source, sold.0, sold.1) {
                unmapped.push(Unmapped { good, purchase: index });
            }
        }
    }
    let entitlements = given.into_iter().map(|((id, holder), indices)| {
        let best = indices.iter().copied().max_by_key(|index| rank(&purchases[*index]));
        let decided_by = best.expect("an entry is made with its first purchase");
        let title = catalogue.entitlements.get(&id).map(|meaning| meaning.title.clone());
        Entitlement {
            title: title.filter(|title| !title.is_empty()).unwrap_or_else(|| id.to_string()),
            id,
            holder,
            standing: purchases[decided_by].standing.clone(),
            decided_by,
            evidence: in_order(indices.iter().flat_map(|index| purchases[*index].evidence.clone()).collect()),
            purchases: indices,
        }
    });
    (entitlements.collect(), unmapped)
}

/// How good a purchase stands; of two alike the later one, then the higher journey, so that no
/// order of arrival shows.
fn rank(purchase: &Purchase) -> (u8, u8, Option<Timestamp>, String) {
    let (class, within, at) = match &purchase.standing {
        Standing::Entitled(terms) => {
            let (within, at) = match terms {
                Terms::Forever => (6, purchase.paid_at),
                Terms::Active { renews_at } => (5, *renews_at),
                Terms::Granted { until: None } => (4, None),
                Terms::Trial { until } => (3, *until),
                Terms::Paused => (2, None),
                Terms::Ending { at } | Terms::Granted { until: Some(at) } => (1, Some(*at)),
                Terms::PastDue { until, .. } => (0, Some(*until)),
            };
            (4, within, at)
        }
        // What a person took is taken, whatever was paid.
        Standing::Over { why: Over::Revoked, at } => (5, 0, Some(*at)),
        Standing::Unclear { .. } => (3, 0, None),
        Standing::Unread | Standing::Processing => (2, 0, Some(purchase.started_at)),
        // What happened last is what the customer asks about.
        Standing::PaymentFailed { at, .. } => (1, 0, at.or(Some(purchase.started_at))),
        // A change of plan is the least of news: whatever else ended says more.
        Standing::Over { why: Over::Swapped, at } => (0, 1, Some(*at)),
        Standing::Over { at, .. } => (1, 0, Some(*at)),
        Standing::Nothing { .. } => (0, 0, None),
    };
    (class, within, at, purchase.journey.clone())
}
