//! Grants and revocations by a person, beside what was paid.

use crate::shop::*;
use frontdesk_core::catalogue::NewSubscribers;
use frontdesk_core::desired::{Removal, Wish};
use frontdesk_core::diff::{Next, Rules, next};
use frontdesk_core::email::Email;
use frontdesk_core::entitlement::{Claim, Deadline, Over, Standing, Terms};
use frontdesk_core::explain::{Turning, explain};
use frontdesk_core::fact::{Body, Kind, Learnt};
use frontdesk_core::id::{CustomerId, EntitlementId, SourceId};
use frontdesk_core::outlook::shifts;
use frontdesk_core::record::Tie;
use frontdesk_core::ruling::{OPERATOR, Ruling, Verdict};
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Holder, Holding, Item, Membership, Person, Target};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn a_revocation_lists_what_may_be_held_and_says_of_what_that_is_known() {
    let told = membership();
    let seen = |membership, holding: Option<Holding>| {
        let mut sync = Sync::new(CustomerId::new("fdc_ada"), Target::Circle, at(DAY));
        let items = holding.map(|holding| (GROUP, holding)).into_iter().collect();
        sync.observed.people.insert(Holder::Customer, Person { membership, items, ..Person::default() });
        BTreeMap::from([(Target::Circle, sync)])
    };
    let takes = |syncs: &BTreeMap<Target, Sync>| -> Vec<(Item, bool)> {
        let decided =
            |told: &Told| decide_for(&told.record(), syncs, &[], &catalogue(), true, 3 * DAY).desired;
        let revoked = told.clone().and(ruled(2 * DAY, Verdict::Revoke, payer(), None));
        let shifts = shifts(&decided(&told), &decided(&revoked), syncs);
        let at_circle = shifts.into_iter().filter(|shift| shift.item.target() == Target::Circle);
        at_circle.map(|shift| (shift.item, shift.is_seen)).collect()
    };
    let present = Holding::Present { seen_at: at(DAY) };
    for (name, membership, holding, expected) in [
        ("held", Membership::Unseen, Some(present), vec![(GROUP, true)]),
        ("nobody looked", Membership::Unseen, None, vec![(GROUP, false)]),
        ("not known there", Membership::NotMember { seen_at: at(DAY) }, None, vec![]),
        ("not held", Membership::Unseen, Some(Holding::Absent { seen_at: at(DAY) }), vec![]),
    ] {
        assert_eq!(takes(&seen(membership, holding)), expected, "{name}");
    }
}

/// A ruling about somebody's community, `seconds` after the start.
fn ruled(seconds: i64, verdict: Verdict, about: Tie, until: Option<i64>) -> Told {
    let ruling = Ruling {
        verdict,
        entitlement: EntitlementId::new("community"),
        about,
        holder: Holder::Customer,
        until: until.map(at),
        until_bought: false,
        by: "mira".to_owned(),
        reason: "a friend of the house".to_owned(),
    };
    let id = format!("fde_{seconds}");
    let key = frontdesk_core::fact::Key::new(&SourceId::new(OPERATOR), Kind::Ruling, id);
    Told(vec![(key, Learnt::Event, version(seconds, Body::Ruling(ruling)))])
}

fn payer() -> Tie {
    Tie::Object(key(Kind::Subscription, "sub_1"))
}

fn guest() -> Tie {
    Tie::Address(Email::parse("guest@example.com").expect("an address"))
}

fn rules() -> Rules {
    Rules {
        target: Target::Circle,
        new_subscribers: NewSubscribers::Add,
        look_wanted: false,
        looks: true,
        brake: None,
        missing: BTreeSet::new(),
    }
}

fn wish(told: &Told, seconds: i64) -> Option<Wish> {
    let decision = told.decide(&catalogue(), seconds);
    let wishes = decision.desired.get(&Target::Circle)?.holders.get(&Holder::Customer)?;
    wishes.items.get(&GROUP).cloned()
}

#[test]
fn the_newest_ruling_counts_until_its_end() {
    use Verdict::{Grant, Revoke};
    let over = |why, seconds| Standing::Over { why, at: at(seconds) };
    let granted = |until: Option<i64>| Standing::Entitled(Terms::Granted { until: until.map(at) });
    let paid = membership().decide(&catalogue(), 5 * DAY).entitled.entitlements[0].standing.clone();
    let table = [
        ("a guest", ruled(DAY, Grant, guest(), None), Some(granted(None)), Some("want")),
        (
            "a guest for a while",
            ruled(DAY, Grant, guest(), Some(9 * DAY)),
            Some(granted(Some(9 * DAY))),
            Some("want"),
        ),
        (
            "a guest whose time is over",
            ruled(DAY, Grant, guest(), Some(5 * DAY)),
            Some(over(Over::GrantOver, 5 * DAY)),
            Some("absent"),
        ),
        (
            "a payer who is revoked",
            membership().and(ruled(DAY, Revoke, payer(), None)),
            Some(over(Over::Revoked, DAY)),
            Some("absent"),
        ),
        (
            "the end of a revocation lets the payment speak again",
            membership().and(ruled(DAY, Revoke, payer(), Some(5 * DAY))),
            Some(paid.clone()),
            Some("want"),
        ),
        (
            "a later grant lifts a revocation",
            membership().and(ruled(DAY, Revoke, payer(), None)).and(ruled(2 * DAY, Grant, payer(), None)),
            Some(paid.clone()),
            Some("want"),
        ),
        (
            "a later revocation lifts a grant",
            ruled(DAY, Grant, guest(), None).and(ruled(2 * DAY, Revoke, guest(), None)),
            Some(over(Over::Revoked, 2 * DAY)),
            Some("absent"),
        ),
        (
            "an ended revocation brings no earlier grant back, and what that gave still goes",
            ruled(DAY, Grant, guest(), None).and(ruled(2 * DAY, Revoke, guest(), Some(3 * DAY))),
            Some(over(Over::GrantOver, 2 * DAY)),
            Some("absent"),
        ),
        (
            "a grant beside a paid subscription shows the subscription",
            membership().and(ruled(DAY, Grant, payer(), None)),
            Some(paid),
            Some("want"),
        ),
    ];
    for (name, told, standing, expect) in table {
        let decision = told.decide(&catalogue(), 5 * DAY);
        let found = decision.entitled.entitlements.first().map(|one| one.standing.clone());
        assert_eq!(found, standing, "{name}");
        let wish = wish(&told, 5 * DAY);
        assert_eq!(wish.as_ref().map(Wish::as_str), expect, "{name}");
        if let Some(Wish::Absent { removal, .. }) = wish {
            assert_eq!(removal, Removal::Proven, "{name}: a person's word is its own proof");
        }
        assert!(decision.entitled.unmapped.is_empty() && decision.cases.is_empty(), "{name}");
    }
}

#[test]
fn the_end_of_a_ruling_is_known_before_it_comes() {
    for (verdict, about, deadline) in
        [(Verdict::Grant, guest(), Deadline::Grant), (Verdict::Revoke, payer(), Deadline::Revocation)]
    {
        let ruled = ruled(DAY, verdict, about, Some(9 * DAY));
        let told = if verdict == Verdict::Grant { ruled } else { membership().and(ruled) };
        let decision = told.decide(&catalogue(), 2 * DAY);
        assert_eq!(decision.next_wake_at, Some(at(9 * DAY)), "{verdict:?}");
        let explained = explain(&told.record(), &decision, &BTreeMap::new(), &catalogue(), at(2 * DAY));
        let ends = Turning::Passes { at: at(9 * DAY), what: deadline, clock_at: at(9 * DAY) };
        assert_eq!(explained[0].would_change, Some(ends));
        assert!(explained[0].because.iter().any(|claim| matches!(claim,
            Claim::Ruled { by, reason, .. } if by == "mira" && reason == "a friend of the house")));
    }
}

#[test]
fn what_a_person_decided_for_good_turns_on_a_person() {
    let table = [
        (Verdict::Revoke, ruled(DAY, Verdict::Grant, guest(), None)),
        (Verdict::Grant, membership().and(ruled(DAY, Verdict::Revoke, payer(), None))),
    ];
    for (verdict, told) in table {
        let decision = told.decide(&catalogue(), 2 * DAY);
        let explained = explain(&told.record(), &decision, &BTreeMap::new(), &catalogue(), at(2 * DAY));
        let entitlement = EntitlementId::new("community");
        assert_eq!(explained[0].would_change, Some(Turning::Ruled { verdict, entitlement }));
    }
}

#[test]
fn a_guest_is_told_nothing_of_a_payment() {
    for (until, expect) in [(None, Stage::AccessPending), (Some(9 * DAY), Stage::AccessPending)] {
        let decision = ruled(DAY, Verdict::Grant, guest(), until).decide(&catalogue(), 2 * DAY);
        assert_eq!(decision.stages.len(), 1);
        assert_eq!(decision.stages[0].stage, expect);
        assert_eq!(decision.stages[0].detail, frontdesk_core::stage::Detail::Granted);
    }
}

#[test]
fn a_guest_who_buys_later_stays_one_person() {
    let address = Email::parse("ada@example.com").unwrap();
    let told = ruled(1, Verdict::Grant, Tie::Address(address.clone()), None).and(course());
    let record = told.record();
    assert_eq!(record.access_address(), Some(address));
}

#[test]
fn a_revocation_looks_where_nobody_ever_looked() {
    let told = ruled(DAY, Verdict::Revoke, guest(), None);
    let decision = told.decide(&catalogue(), 2 * DAY);
    let wishes = &decision.desired[&Target::Circle].holders[&Holder::Customer];
    let step = next(wishes, &Person::default(), &rules(), at(2 * DAY));
    assert!(matches!(&step, Next::Step(step) if step.name() == "check"), "{step:?}");
    // Where nobody is by that address, there is nothing to look for.
    let nobody = Membership::NotMember { seen_at: at(DAY) };
    let step = next(wishes, &Person { membership: nobody, ..Person::default() }, &rules(), at(2 * DAY));
    assert_eq!(step, Next::Settled);
    // What a payment's end never saw there is not ours to take.
    let back = course().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let back = back.read(2 * DAY, Kind::Charge, "ch_1", refunded(24_900));
    let decision = back.decide(&catalogue(), 3 * DAY);
    let wishes = &decision.desired[&Target::Circle].holders[&Holder::Customer];
    let step = next(wishes, &Person::default(), &rules(), at(3 * DAY));
    assert_eq!(step, Next::Settled);
}

#[test]
fn a_revocation_of_what_nobody_paid_for_ends_with_the_first_purchase_after_it() {
    let revoked = |seconds| {
        let mut told = ruled(seconds, Verdict::Revoke, payer(), None);
        for (_, _, version) in &mut told.0 {
            if let Body::Ruling(ruling) = &mut version.body {
                ruling.until_bought = true;
            }
        }
        told
    };
    // The subscription begins with the story.
    let before = membership().and(revoked(DAY));
    assert_eq!(wish(&before, 5 * DAY).map(|wish| wish.as_str()), Some("absent"));
    let after = membership().and(revoked(-DAY));
    assert_eq!(wish(&after, 5 * DAY).map(|wish| wish.as_str()), Some("want"));
}
