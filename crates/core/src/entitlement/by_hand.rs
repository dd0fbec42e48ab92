//! Grants and revocations by a person, as purchases that nobody paid for.

use super::ledger::Told;
use super::{Claim, Desk, Over, Purchase, Standing, Terms};
use crate::fact::Key;
use crate::id::EntitlementId;
use crate::ruling::{Ruling, Verdict};
use crate::target::Holder;
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Desk<'a> {
    /// Takes up the newest ruling about each entitlement of each holder. A revocation that has ended leaves what was there
    /// before it, but for a grant, which it ended for good; a grant that has ended is over, unless something else gives
    /// the same.
    pub(super) fn rule(&mut self) {
        let mut rulings: BTreeMap<(&EntitlementId, &Holder), Vec<Told<'a, Ruling>>> = BTreeMap::new();
        for told in self.ledger.all::<Ruling>() {
            rulings.entry((&told.state.entitlement, &told.state.holder)).or_default().push(told);
        }
        for mut told in rulings.into_values() {
            told.sort_by_key(|told| (told.at(), told.state.verdict, told.key));
            let Some(newest) = told.pop() else { continue };
            let ruling = newest.state;
            let standing = match (ruling.verdict, ruling.until) {
                (Verdict::Grant, Some(until)) if self.has_passed(until) => {
                    Standing::Over { why: Over::GrantOver, at: until }
                }
                (Verdict::Grant, until) => Standing::Entitled(Terms::Granted { until }),
                (Verdict::Revoke, Some(until)) if self.has_passed(until) => {
                    // What it ended may still be held, where nobody could take it in time.
                    let granted = told.into_iter().rfind(|told| told.state.verdict == Verdict::Grant);
                    self.purchases.extend(granted.map(|granted| {
                        let at = granted.state.until.map_or(newest.at(), |until| until.min(newest.at()));
                        by_hand(granted, Standing::Over { why: Over::GrantOver, at })
                    }));
                    continue;
                }
                (Verdict::Revoke, _) if ruling.until_bought && self.is_bought_after(newest) => continue,
                (Verdict::Revoke, _) => Standing::Over { why: Over::Revoked, at: newest.at() },
            };
            self.purchases.push(by_hand(newest, standing));
        }
    }

    /// Whether the holder began to pay for the entitlement after the ruling.
    fn is_bought_after(&self, told: Told<'_, Ruling>) -> bool {
        self.purchases.iter().any(|purchase| {
            purchase.by_hand.is_none()
                && purchase.holder == told.state.holder
                && purchase.started_at >= told.at()
                && purchase.gives(self.catalogue).contains(&told.state.entitlement)
        })
    }
}

fn by_hand(told: Told<'_, Ruling>, standing: Standing) -> Purchase {
    let ruling = told.state;
    let claim = Claim::Ruled {
        at: told.at(),
        verdict: ruling.verdict,
        entitlement: ruling.entitlement.clone(),
        by: ruling.by.clone(),
        reason: ruling.reason.clone(),
        until: ruling.until,
        entry: told.current.version.evidence.entry.clone(),
    };
    Purchase {
        journey: told.key.id.clone(),
        sold_by: Key::clone(told.key),
        price: None,
        product: None,
        quantity: 1,
        recurring: false,
        plan: None,
        by_hand: Some(ruling.entitlement.clone()),
        title: None,
        standing,
        holder: ruling.holder.clone(),
        paid_at: None,
        started_at: told.at(),
        total: None,
        evidence: vec![claim],
        // A person's word is its own proof: there is no source to ask.
        proof: BTreeSet::new(),
        flags: BTreeSet::new(),
    }
}
