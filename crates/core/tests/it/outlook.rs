//! What another catalogue would change, before it is taken up.

use crate::shop::*;
use frontdesk_core::catalogue::{Catalogue, EarlierGrant};
use frontdesk_core::decision::Decision;
use frontdesk_core::desired::{Removal, Wish};
use frontdesk_core::entitlement::Claim;
use frontdesk_core::id::{CustomerId, EntitlementId};
use frontdesk_core::outlook::{Shift, shifts};
use frontdesk_core::plan::Change;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Holder, Holding, Item, Person, Target};
use std::collections::{BTreeMap, BTreeSet};

/// The rows of somebody who was seen to hold these.
fn holding(items: &[Item]) -> BTreeMap<Target, Sync> {
    let mut syncs = BTreeMap::new();
    for item in items {
        let target = item.target();
        let sync =
            syncs.entry(target).or_insert_with(|| Sync::new(CustomerId::new("fdc_ada"), target, at(DAY)));
        let person: &mut Person = sync.observed.people.entry(Holder::Customer).or_default();
        person.items.insert(item.clone(), Holding::Present { seen_at: at(DAY) });
    }
    syncs
}

/// The shop's catalogue where a membership gives the course instead of the community.
fn edited() -> Catalogue {
    let mut edited = catalogue();
    edited.plans[0].grants = [EntitlementId::new("course")].into();
    edited
}

fn decide(told: &Told, under: &Catalogue) -> Decision {
    decide_for(&told.record(), &BTreeMap::new(), &[], under, true, 3 * DAY)
}

/// What becomes of what a member holds once `next` is taken up after the shop's catalogue.
fn becomes(next: &Catalogue, held: &[Item]) -> Vec<(Change, String)> {
    let (before, after) = (decide(&membership(), &catalogue()), decide(&membership(), next));
    let found = shifts(&before.desired, &after.desired, &holding(held));
    found.into_iter().map(|Shift { change, item, .. }| (change, item.to_string())).collect()
}

#[test]
fn a_line_that_is_taken_out_takes_nothing_until_somebody_confirms_it() {
    let held = [GROUP, Item::kit_tag("member")];
    let next = edited().following(&catalogue());
    let said = |change, item: &Item| (change, item.to_string());
    let course = said(Change::Give, &SPACE);
    let tag = Item::kit_tag("member");
    let expect = [said(Change::Leave, &GROUP), course.clone(), said(Change::Leave, &tag)];
    assert_eq!(becomes(&next, &held), expect);
    assert_eq!(
        becomes(&next, &[]),
        std::slice::from_ref(&course),
        "what nobody holds is not left with them either"
    );

    let settled = next.clone().withdrawing(next.left(), at(2 * DAY), "mira");
    let expect = [said(Change::Take, &GROUP), course.clone(), said(Change::Take, &tag)];
    assert_eq!(becomes(&settled, &held), expect);
    assert_eq!(becomes(&settled, &[]), [course], "what was never seen there is not ours to take");

    let decision = decide(&membership(), &settled);
    let wish = &decision.desired[&Target::Circle].holders[&Holder::Customer].items[&GROUP];
    let Wish::Absent { because, removal, .. } = wish else { panic!("{wish:?}") };
    assert_eq!(*removal, Removal::Proven);
    assert!(matches!(&because[..], [Claim::Withdrawn { by, .. }] if by == "mira"), "{because:?}");
}

#[test]
fn an_entitlement_that_means_another_group_is_not_called_withdrawn() {
    let mut other = catalogue();
    let community = other.entitlements.get_mut(&EntitlementId::new("community")).expect("the shop has it");
    community.items = [Item::CircleGroup(5000)].into();
    let next = other.following(&catalogue());
    let settled = next.clone().withdrawing(next.left(), at(2 * DAY), "mira");
    let decision = decide(&membership(), &settled);
    let wish = &decision.desired[&Target::Circle].holders[&Holder::Customer].items[&GROUP];
    let Wish::Absent { because, .. } = wish else { panic!("{wish:?}") };
    let [Claim::Redefined { entitlement, means, by, .. }] = &because[..] else { panic!("{because:?}") };
    assert_eq!((entitlement.as_str(), by.as_str()), ("community", "mira"));
    assert_eq!(*means, [Item::CircleGroup(5000)].into());
}

#[test]
fn what_was_bought_after_the_withdrawal_is_not_concerned() {
    let next = edited().following(&catalogue());
    let settled = next.clone().withdrawing(next.left(), at(-1), "mira");
    let decision = decide(&membership(), &settled);
    let items = &decision.desired[&Target::Circle].holders[&Holder::Customer].items;
    assert_eq!(items.keys().collect::<Vec<_>>(), [&SPACE]);
}

#[test]
fn what_is_granted_again_is_wanted_again() {
    let next = edited().following(&catalogue());
    let settled = next.clone().withdrawing(next.left(), at(2 * DAY), "mira");
    let back = catalogue().following(&settled);
    assert_eq!(becomes(&back, &[GROUP, Item::kit_tag("member")]), []);
    let of_member = |grant: &EarlierGrant| grant.good.id == "price_member";
    let left: BTreeSet<_> = back.left().into_iter().filter(of_member).collect();
    assert_eq!(left.len(), 1, "the course is what is left now: {left:?}");
}

#[test]
fn an_unedited_catalogue_changes_nothing() {
    assert_eq!(becomes(&catalogue(), &[GROUP]), []);
}
