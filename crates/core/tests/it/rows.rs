//! What rows, other records and proof make of a decision.

use crate::shop::*;
use frontdesk_core::case::{CaseKind, Reason};
use frontdesk_core::decision::{Input, decide};
use frontdesk_core::desired::{Other, Removal, Wish};
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Body, Checkout, InvoiceStatus, Key, Kind, Subscription, SubscriptionStatus};
use frontdesk_core::id::CustomerId;
use frontdesk_core::reads::Purpose;
use frontdesk_core::stage::{Detail, Stage};
use frontdesk_core::sync::{Failed, Hold, State, Sync};
use frontdesk_core::target::{
    Failure, Holder, Holding, Item, Membership, Observed, Person, Standing, Target,
};
use std::collections::{BTreeMap, BTreeSet};

fn row(state: State) -> Sync {
    Sync { state, ..Sync::new(CustomerId::new("fdc_1"), Target::Circle, at(5)) }
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn member(id: u64, standing: Standing) -> Person {
    Person {
        membership: Membership::Member { id, address: email("ada@example.com"), standing, seen_at: at(9) },
        invited_at: Some(at(8)),
        items: BTreeMap::from([
            (GROUP, Holding::Present { seen_at: at(9) }),
            (SPACE, Holding::Present { seen_at: at(9) }),
        ]),
        ..Person::default()
    }
}

fn seen(state: State, person: Person) -> Sync {
    Sync { observed: Observed { people: BTreeMap::from([(Holder::Customer, person)]) }, ..row(state) }
}

fn failing(failure: Failure) -> Sync {
    let failed = Failed { at: at(9), step: "add".to_owned(), failure };
    Sync {
        failing_since: Some(at(9)),
        next_attempt_at: Some(at(60)),
        last_failure: Some(failed),
        ..row(State::Due)
    }
}

fn ended() -> Told {
    let canceled =
        Subscription { ended_at: Some(at(20 * DAY)), ..sub(SubscriptionStatus::Canceled, "price_member") };
    membership().event(20 * DAY, Kind::Subscription, "sub_1", Body::Subscription(canceled))
}

#[test]
fn the_access_row_decides_the_stage() {
    let why = || "refused".to_owned();
    let transient = Failure::Transient { why: why() };
    let throttled = Failure::Throttled { until: at(99), why: why() };
    let parked = Sync { last_failure: None, ..row(State::Parked { why: why() }) };
    let brake = State::Held(Hold::Misconfigured { mapping: "circle:group:1".to_owned() });
    let table = [
        ("no row", None, Stage::PaymentReceived, Detail::Plain),
        ("due", Some(row(State::Due)), Stage::PaymentReceived, Detail::Plain),
        ("retried", Some(failing(transient)), Stage::AccessPending, Detail::Plain),
        ("in line", Some(failing(throttled)), Stage::AccessPending, Detail::InLine),
        ("shadow", Some(row(State::Held(Hold::Shadow))), Stage::AccessPending, Detail::Paused),
        ("misconfigured", Some(row(brake)), Stage::AccessPending, Detail::Plain),
        ("unknown", Some(row(State::Unknown)), Stage::AccessPending, Detail::Plain),
        ("parked", Some(parked), Stage::SupportReview, Detail::Plain),
        ("taken out by a person", Some(row(State::Held(Hold::Person))), Stage::SupportReview, Detail::Plain),
        (
            "invited",
            Some(seen(State::Applied, member(1, Standing::Invited))),
            Stage::InviteSent,
            Detail::Plain,
        ),
        ("in", Some(seen(State::Applied, member(1, Standing::Active))), Stage::Active, Detail::Plain),
        (
            "in, row parked for Kit's sake",
            Some(seen(State::Due, member(1, Standing::Active))),
            Stage::Active,
            Detail::Plain,
        ),
    ];
    for (name, row, expect, detail) in table {
        let syncs: BTreeMap<Target, Sync> = row.into_iter().map(|row| (Target::Circle, row)).collect();
        let decision = decide_for(&membership().record(), &syncs, &[], &catalogue(), true, DAY);
        assert_eq!((decision.stages[0].stage, decision.stages[0].detail), (expect, detail), "{name}");
    }
}

#[test]
fn a_cancelled_member_who_is_in_is_ending() {
    let next = Subscription { cancel_at_period_end: true, ..sub(SubscriptionStatus::Active, "price_member") };
    let told = membership().event(DAY, Kind::Subscription, "sub_1", Body::Subscription(next));
    let syncs = BTreeMap::from([(Target::Circle, seen(State::Applied, member(1, Standing::Active)))]);
    let decision = decide_for(&told.record(), &syncs, &[], &catalogue(), true, 2 * DAY);
    assert_eq!((decision.stages[0].stage, decision.stages[0].until), (Stage::Ending, Some(at(30 * DAY))));
}

#[test]
fn a_row_that_gave_up_opens_a_case_of_its_kind() {
    let why = || "no".to_owned();
    let table = [
        (Target::Circle, State::Parked { why: why() }, CaseKind::Access),
        (Target::Circle, State::Held(Hold::Person), CaseKind::Identity),
        (Target::Kit, State::Parked { why: why() }, CaseKind::Other),
    ];
    for (target, state, kind) in table {
        let syncs = BTreeMap::from([(target, Sync { target, ..row(state.clone()) })]);
        let decision = decide_for(&membership().record(), &syncs, &[], &catalogue(), true, DAY);
        let found: Vec<_> = decision.cases.iter().map(|case| (case.journey.as_str(), case.kind)).collect();
        assert_eq!(found, [("sub_1", kind)], "{state:?}");
        let expect = if target == Target::Kit { Stage::PaymentReceived } else { Stage::SupportReview };
        assert_eq!(decision.stages[0].stage, expect, "{state:?}");
    }
}

#[test]
fn a_contested_item_is_one_case_over_all_customers() {
    let item = Item::kit_tag("member");
    let state = State::Contested { item: item.clone(), why: "twice".to_owned() };
    let syncs = BTreeMap::from([(Target::Kit, Sync { target: Target::Kit, ..row(state) })]);
    for (elsewhere, expect) in
        [(BTreeSet::new(), vec![("kit:tag:member", CaseKind::Other)]), (BTreeSet::from([item]), Vec::new())]
    {
        let record = membership().record();
        let decision = decide(&Input {
            record: &record,
            others: &[],
            syncs: &syncs,
            open_cases: &[],
            told_elsewhere: &elsewhere,
            catalogue: &catalogue(),
            readable: true,
            now: at(DAY),
        });
        let found: Vec<_> = decision.cases.iter().map(|case| (case.journey.as_str(), case.kind)).collect();
        assert_eq!(found, expect);
        assert_eq!(decision.stages[0].stage, Stage::PaymentReceived, "marketing changes no stage");
    }
}

fn removal(decision: &frontdesk_core::decision::Decision) -> Removal {
    match &decision.desired[&Target::Circle].holders[&Holder::Customer].items[&GROUP] {
        Wish::Absent { removal, .. } => removal.clone(),
        wish => panic!("{wish:?}"),
    }
}

#[test]
fn a_removal_waits_for_a_read_no_older_than_the_end() {
    let deleted = |seconds: i64| {
        let canceled = Subscription {
            ended_at: Some(at(20 * DAY)),
            ..sub(SubscriptionStatus::Canceled, "price_member")
        };
        ended().read(seconds, Kind::Subscription, "sub_1", Body::Subscription(canceled))
    };
    let syncs = BTreeMap::from([(Target::Circle, seen(State::Due, member(1, Standing::Active)))]);
    let decide =
        |told: &Told, readable| decide_for(&told.record(), &syncs, &[], &catalogue(), readable, 21 * DAY);
    let object = key(Kind::Subscription, "sub_1");

    let unread = decide(&ended(), true);
    assert_eq!(removal(&unread), Removal::NeedsProof([object.clone()].into()));
    assert!(unread.reads.iter().any(|want| want.purpose == Purpose::Proof && want.object == object));
    assert_eq!(removal(&decide(&deleted(19 * DAY), true)), Removal::NeedsProof([object].into()));
    let proven = decide(&deleted(20 * DAY + 2), true);
    assert_eq!(removal(&proven), Removal::Proven);
    assert!(proven.reads.is_empty(), "{:?}", proven.reads);
    assert_ne!(unread.desired[&Target::Circle].hash(), proven.desired[&Target::Circle].hash());
    // Without a key the source's own word must do.
    assert_eq!(removal(&decide(&ended(), false)), Removal::Proven);
}

#[test]
fn nothing_is_taken_while_the_goods_of_a_paid_checkout_are_unread() {
    let canceled =
        Subscription { ended_at: Some(at(20 * DAY)), ..sub(SubscriptionStatus::Canceled, "price_member") };
    let again = Checkout { payment: Some("pi_2".to_owned()), created_at: at(20 * DAY), ..session() };
    let told = ended().read(20 * DAY + 2, Kind::Subscription, "sub_1", Body::Subscription(canceled)).event(
        20 * DAY,
        Kind::Checkout,
        "cs_2",
        Body::Checkout(again),
    );
    let syncs = BTreeMap::from([(Target::Circle, seen(State::Due, member(1, Standing::Active)))]);
    let decide = |told: &Told| decide_for(&told.record(), &syncs, &[], &catalogue(), true, 21 * DAY);
    let goods = key(Kind::LineItems, "cs_2");
    assert_eq!(removal(&decide(&told)), Removal::NeedsProof([goods].into()));
    let read = told.read(20 * DAY + 3, Kind::LineItems, "cs_2", lines(&[("price_course", false)]));
    assert_eq!(removal(&decide(&read)), Removal::Proven);
}

#[test]
fn without_a_key_what_only_the_clock_ends_gets_a_day_more() {
    let record = renewal_fails().record();
    let decide = |seconds| decide_for(&record, &BTreeMap::new(), &[], &catalogue(), false, seconds);
    let early = decide(37 * DAY);
    assert_eq!(removal(&early), Removal::NeedsProof([].into()));
    assert_eq!(early.next_wake_at, Some(at(38 * DAY)));
    assert_eq!(removal(&decide(38 * DAY)), Removal::Proven);
}

#[test]
fn where_nothing_was_seen_nothing_is_proven() {
    let decision = decide_for(&ended().record(), &BTreeMap::new(), &[], &catalogue(), true, 21 * DAY);
    assert!(decision.reads.iter().all(|want| want.purpose != Purpose::Proof), "{:?}", decision.reads);
}

#[test]
fn the_last_one_out_of_a_shared_member_or_address() {
    let other = Told::default()
        .event(
            1,
            Kind::Checkout,
            "cs_9",
            Body::Checkout(Checkout {
                email: Some("other@example.com".to_owned()),
                payment: Some("pi_9".to_owned()),
                ..session()
            }),
        )
        .read(2, Kind::LineItems, "cs_9", lines(&[("price_member", false)]));
    let mut other_record = other.record();
    other_record.id = CustomerId::new("fdc_other");
    let own = BTreeMap::from([(Target::Circle, seen(State::Due, member(7, Standing::Active)))]);
    let wish = |other_id: u64| {
        let theirs = BTreeMap::from([(Target::Circle, seen(State::Due, member(other_id, Standing::Active)))]);
        // The member's address in the fixture is the first record's: take it away from the other.
        let mut theirs = theirs;
        if let Some(Person { membership: Membership::Member { address, .. }, .. }) =
            theirs.get_mut(&Target::Circle).and_then(|sync| sync.observed.people.get_mut(&Holder::Customer))
        {
            *address = Email::parse("other@example.com").unwrap();
        }
        let others = [Other { record: &other_record, syncs: &theirs }];
        let decision = decide_for(&ended().record(), &own, &others, &catalogue(), true, 21 * DAY);
        decision.desired[&Target::Circle].holders[&Holder::Customer].items[&GROUP].as_str()
    };
    assert_eq!(wish(7), "leave");
    assert_eq!(wish(8), "absent");
}

#[test]
fn paid_without_any_address_asks_a_person() {
    let told = Told::default()
        .event(1, Kind::Checkout, "cs_1", Body::Checkout(Checkout { email: None, ..session() }))
        .read(2, Kind::LineItems, "cs_1", lines(&[("price_course", false)]));
    let decision = told.decide(&catalogue(), 3);
    assert_eq!(line(&decision), "course=support_review | ");
    assert!(decision.cases.iter().any(|case| case.reason == Reason::NoAddress));
}

#[test]
fn a_changed_billing_address_moves_mail_and_not_access() {
    let told = membership().event(DAY, Kind::Customer, "cus_1", customer("new@example.com"));
    let record = told.record();
    assert_eq!(record.access_address(), Email::parse("ada@example.com"));
    assert_eq!(record.mail_address(), Email::parse("new@example.com"));
}

#[test]
fn the_end_of_grace_is_proven_by_reads_of_the_subscription_and_of_what_is_owed() {
    let (sub, owed) = (key(Kind::Subscription, "sub_1"), key(Kind::Invoice, "in_2"));
    let read = |told: Told, of: &Key, seconds: i64| {
        let newest = told.0.iter().rev().find(|(key, ..)| key == of).expect("the story tells of it");
        let body = newest.2.body.clone();
        told.read(seconds, of.kind, &of.id, body)
    };
    let table = [
        ("nothing read since", 36, 36, Removal::NeedsProof([sub.clone(), owed.clone()].into())),
        ("the subscription alone", 37, 36, Removal::NeedsProof([owed.clone()].into())),
        ("both", 37, 37, Removal::Proven),
    ];
    for (name, sub_read, owed_read, wanted) in table {
        let told = read(read(renewal_fails(), &sub, sub_read * DAY), &owed, owed_read * DAY);
        let decision = decide_for(&told.record(), &BTreeMap::new(), &[], &catalogue(), true, 38 * DAY);
        assert_eq!(removal(&decision), wanted, "{name}");
    }
}

#[test]
fn an_invoice_that_turns_out_to_be_paid_starts_grace_anew() {
    // The word that the second invoice was paid was lost; the third one is owed since day 40.
    let paid = Body::Invoice(invoice(30, InvoiceStatus::Paid));
    let told = renewal_fails().event(
        40 * DAY,
        Kind::Invoice,
        "in_3",
        Body::Invoice(invoice(40, InvoiceStatus::Open)),
    );
    assert_eq!(stage(&told.decide(&catalogue(), 41 * DAY), "community"), Some(Stage::Ended));
    let told = told.read(41 * DAY, Kind::Invoice, "in_2", paid);
    assert_eq!(stage(&told.decide(&catalogue(), 41 * DAY), "community"), Some(Stage::PastDue));
    assert_eq!(stage(&told.decide(&catalogue(), 47 * DAY), "community"), Some(Stage::Ended));
}

#[test]
fn grace_does_not_end_while_nothing_owed_is_known() {
    let past_due = Subscription {
        items: vec![item("si_1", "price_member", 30)],
        latest_invoice: Some("in_1".to_owned()),
        ..sub(SubscriptionStatus::PastDue, "price_member")
    };
    let told = membership().event(30 * DAY, Kind::Subscription, "sub_1", Body::Subscription(past_due));
    let decision = told.decide(&catalogue(), 60 * DAY);
    assert_eq!(stage(&decision, "community"), Some(Stage::PastDue));
    // The list of unpaid invoices is asked for by the id of the subscription.
    let asked = key(Kind::Invoice, "sub_1");
    assert!(decision.reads.iter().any(|want| want.object == asked), "{:?}", decision.reads);
}

#[test]
fn what_an_answer_did_not_end_is_not_asked_for_at_once() {
    let canceled = Body::Subscription(sub(SubscriptionStatus::Canceled, "price_member"));
    let stale = Body::Subscription(sub(SubscriptionStatus::Active, "price_member"));
    let told = membership().event(10 * DAY, Kind::Subscription, "sub_1", canceled).read(
        11 * DAY,
        Kind::Subscription,
        "sub_1",
        stale,
    );
    let member = BTreeMap::from([(Target::Circle, seen(State::Applied, member(1, Standing::Active)))]);
    let decision = decide_for(&told.record(), &member, &[], &catalogue(), true, 11 * DAY);
    let want = decision.reads.iter().find(|want| want.object.kind == Kind::Subscription);
    assert_eq!(want.map(|want| want.not_before), Some(Some(at(11 * DAY + 11))), "{:?}", decision.reads);
}
