//! What a change comes to for one record before anybody makes it: two desired states, laid beside each other.

use crate::desired::{Desired, Wish};
use crate::diff::is_sought;
use crate::email::Email;
use crate::entitlement::Claim;
use crate::plan::Change;
use crate::sync::Sync;
use crate::target::{Holder, Holding, Item, Person, Target};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One difference between two desired states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Whose.
    pub holder: Holder,
    /// Under which address.
    pub address: Email,
    /// Of what.
    pub item: Item,
    /// What becomes of it: given to who does not hold it, taken from who holds or may hold it, or left with who holds or may
    /// hold it, although it was wanted, or was to go.
    pub change: Change,
    /// Whether they were last seen to hold it. What a person revokes is looked for also where nobody ever looked.
    pub is_seen: bool,
    /// Why, as the later state says; empty where it says nothing of the item.
    pub because: Vec<Claim>,
}

/// What differs for what people hold, or would hold, once `after` is desired instead of `before`.
///
/// What is wished otherwise and comes to the same is no change: what nobody holds cannot be taken, and what
/// somebody has is not given again.
pub fn shifts(
    before: &BTreeMap<Target, Desired>,
    after: &BTreeMap<Target, Desired>,
    syncs: &BTreeMap<Target, Sync>,
) -> Vec<Shift> {
    let (was, will) = (wishes(before), wishes(after));
    let nobody = Person::default();
    let concerned: BTreeSet<&(Holder, Item)> = was.keys().chain(will.keys()).collect();
    let shifts = concerned.into_iter().filter_map(|key| {
        let (holder, item) = key;
        let person = syncs.get(&item.target()).and_then(|sync| sync.observed.people.get(holder));
        let (before, after) = (was.get(key), will.get(key));
        let person = person.unwrap_or(&nobody);
        let change = change(before.map(|of| of.1), after.map(|of| of.1), item, person)?;
        let is_seen = person.holds(item);
        let address = after.or(before)?.0.clone();
        let because = after.map(|of| of.1.because().to_vec()).unwrap_or_default();
        Some(Shift { holder: holder.clone(), address, item: item.clone(), change, is_seen, because })
    });
    shifts.collect()
}

/// The wishes of all targets, with the address of whom they are about.
fn wishes(desired: &BTreeMap<Target, Desired>) -> BTreeMap<(Holder, Item), (&Email, &Wish)> {
    let holders = desired.values().flat_map(|desired| &desired.holders);
    let wishes = holders.flat_map(|(holder, of)| {
        of.items.iter().map(|(item, wish)| ((holder.clone(), item.clone()), (&of.address, wish)))
    });
    wishes.collect()
}

/// What becomes of one item, as `person` was last seen there.
fn change(before: Option<&Wish>, after: Option<&Wish>, item: &Item, person: &Person) -> Option<Change> {
    let (holding, is_seen) = (person.items.get(item), person.holds(item));
    let may_hold =
        !matches!(holding, None | Some(Holding::Absent { .. } | Holding::Sent { present: false, .. }));
    let is_looked_for = |wish: &Wish| is_sought(item, wish, person);
    match (before, after) {
        (Some(Wish::Want { .. }), Some(Wish::Want { .. })) => None,
        (Some(before @ Wish::Absent { .. }), Some(after @ Wish::Absent { .. })) => {
            (!before.is_revoked() && is_looked_for(after)).then_some(Change::Take)
        }
        (_, Some(after @ Wish::Absent { .. })) => (is_looked_for(after) || may_hold).then_some(Change::Take),
        (_, Some(Wish::Want { .. })) if !is_seen => Some(Change::Give),
        (Some(Wish::Absent { .. }), _) if is_seen => Some(Change::Leave),
        (Some(Wish::Want { .. }), Some(Wish::Leave { .. }) | None) if may_hold => Some(Change::Leave),
        _ => None,
    }
}
