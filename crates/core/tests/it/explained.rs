//! The answer to "why?".

use crate::shop::*;
use frontdesk_core::catalogue::{Catalogue, Good, OnPause, Policy};
use frontdesk_core::entitlement::{Claim, Deadline, Over, Property, Standing};
use frontdesk_core::explain::{Explained, Rest, Turning, beside_plan, explain};
use frontdesk_core::fact::{
    Body, Checkout, DisputeStatus, Invoice, InvoiceStatus, Kind, PaymentStatus, RefundStatus, Subscription,
    SubscriptionStatus,
};
use frontdesk_core::id::EntitlementId;
use frontdesk_core::plan::{self, Change};
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{self, Holder, Holding, Item, Membership, Person, Target};
use std::collections::BTreeMap;

fn explained(told: &Told, seconds: i64) -> Vec<Explained> {
    let catalogue = catalogue();
    explain(&told.record(), &told.decide(&catalogue, seconds), &BTreeMap::new(), &catalogue, at(seconds))
}

/// A story, when it is asked about, the one fact that would turn the answer, and the story in which that came true: an
/// event on its usual way, or nothing but time.
struct Case {
    name: &'static str,
    told: Told,
    now: i64,
    turning: Option<Turning>,
    comes: Option<(Told, i64)>,
}

fn becomes(kind: Kind, id: &str, field: Property, value: &str) -> Turning {
    Turning::Becomes { object: key(kind, id), field, value: value.to_owned() }
}

fn status(kind: Kind, id: &str, value: &str) -> Turning {
    becomes(kind, id, Property::Status, value)
}

fn subscribed(status: SubscriptionStatus, price: &str) -> Body {
    Body::Subscription(sub(status, price))
}

fn canceled() -> Body {
    let canceled = sub(SubscriptionStatus::Canceled, "price_member");
    Body::Subscription(Subscription { ended_at: Some(at(9 * DAY)), ..canceled })
}

/// A membership whose money is known down to the charge.
fn charged() -> Told {
    membership().read(3, Kind::InvoicePayments, "pi_1", pays("in_1")).event(
        3,
        Kind::Charge,
        "ch_1",
        Body::Charge(charge()),
    )
}

/// A second membership of the same person.
fn another() -> Told {
    Told::default().event(
        5,
        Kind::Subscription,
        "sub_2",
        subscribed(SubscriptionStatus::Active, "price_member_first"),
    )
}

/// What came true: the story and one event more.
fn event(told: &Told, day: i64, kind: Kind, id: &str, body: Body) -> (Told, i64) {
    (told.clone().event(day * DAY, kind, id, body), day * DAY + 1)
}

fn is_given(told: &Told, catalogue: &Catalogue, seconds: i64) -> bool {
    let decision = told.decide(catalogue, seconds);
    decision.entitled.entitlements.iter().any(|of| matches!(of.standing, Standing::Entitled(_)))
}

#[test]
fn what_is_given_turns_on_the_one_fact_that_ends_it() {
    let ending =
        Subscription { cancel_at_period_end: true, ..sub(SubscriptionStatus::Active, "price_member") };
    let ending = membership().event(DAY, Kind::Subscription, "sub_1", Body::Subscription(ending));
    let trial =
        Subscription { trial_end_at: Some(at(7 * DAY)), ..sub(SubscriptionStatus::Trialing, "price_member") };
    let trial = Told::default().event(1, Kind::Subscription, "sub_1", Body::Subscription(trial));
    let unseen = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session())).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_course", false)]),
    );
    let free = Checkout { payment_status: PaymentStatus::NoPaymentRequired, payment: None, ..session() };
    let free = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(free)).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_course", false)]),
    );
    let whole = usd(24_900);
    let sum = whole.clone();
    let (charge, payment) = (key(Kind::Charge, "ch_1"), key(Kind::Payment, "pi_1"));
    let objects = [key(Kind::Subscription, "sub_1"), key(Kind::Subscription, "sub_2")].into();
    let ends_at = 30 * DAY;
    let paid_time_over = ends_at + 7 * DAY + DAY;
    let cases = vec![
        Case {
            name: "a membership",
            turning: Some(status(Kind::Subscription, "sub_1", "canceled")),
            comes: Some(event(&membership(), 9, Kind::Subscription, "sub_1", canceled())),
            told: membership(),
            now: DAY,
        },
        Case {
            name: "a trial",
            turning: Some(status(Kind::Subscription, "sub_1", "canceled")),
            comes: Some(event(&trial, 9, Kind::Subscription, "sub_1", canceled())),
            told: trial,
            now: DAY,
        },
        Case {
            name: "bought to keep",
            turning: Some(Turning::GoesBack { object: charge, sum: whole }),
            comes: Some(event(&course(), 2, Kind::Charge, "ch_1", refunded(24_900))),
            told: course(),
            now: DAY,
        },
        Case {
            name: "bought to keep, the charge not told",
            turning: Some(Turning::GoesBack { object: payment, sum }),
            comes: Some(event(
                &unseen,
                2,
                Kind::Refund,
                "re_1",
                refund(2 * DAY, 24_900, RefundStatus::Succeeded),
            )),
            told: unseen,
            now: DAY,
        },
        Case { name: "free and to keep", turning: None, comes: None, told: free, now: DAY },
        Case {
            name: "past due",
            turning: Some(Turning::Passes {
                at: at(37 * DAY),
                what: Deadline::Grace,
                clock_at: at(37 * DAY),
            }),
            comes: Some((renewal_fails(), 37 * DAY)),
            told: renewal_fails(),
            now: 31 * DAY,
        },
        Case {
            name: "cancelled and paid",
            turning: Some(Turning::Passes {
                at: at(ends_at),
                what: Deadline::PaidTime,
                clock_at: at(paid_time_over),
            }),
            comes: Some((ending.clone(), paid_time_over)),
            told: ending,
            now: 2 * DAY,
        },
        Case {
            name: "two memberships",
            turning: Some(Turning::Several { objects }),
            comes: None,
            told: membership().and(another()),
            now: DAY,
        },
    ];
    check(cases, true);
}

#[test]
fn what_is_not_given_turns_on_the_one_fact_that_gives_it() {
    let course_paid = |payment_status| Body::Checkout(Checkout { payment_status, ..session() });
    let unpaid = Told::default().event(1, Kind::Checkout, "cs_1", course_paid(PaymentStatus::Unpaid)).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_course", false)]),
    );
    let bounced = unpaid.clone().event(DAY, Kind::CheckoutOutcome, "cs_1", outcome(false));
    let debit = Checkout { payment_status: PaymentStatus::Unpaid, ..subscription_session() };
    let debit = Told::default()
        .event(2, Kind::Subscription, "sub_1", subscribed(SubscriptionStatus::Active, "price_member"))
        .event(2, Kind::Checkout, "cs_1", Body::Checkout(debit));
    let awaits = Told::default()
        .event(2, Kind::Subscription, "sub_1", subscribed(SubscriptionStatus::Active, "price_member"))
        .event(2, Kind::Invoice, "in_1", Body::Invoice(invoice(0, InvoiceStatus::Open)));
    let refused = Told::default()
        .event(2, Kind::Subscription, "sub_1", subscribed(SubscriptionStatus::Incomplete, "price_member"))
        .event(2, Kind::Invoice, "in_1", Body::Invoice(invoice(0, InvoiceStatus::Open)));
    let incomplete = subscribed(SubscriptionStatus::IncompleteExpired, "price_member");
    let expired = refused.clone().event(DAY, Kind::Subscription, "sub_1", incomplete);
    let over = membership().event(9 * DAY, Kind::Subscription, "sub_1", canceled());
    let returned = course().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let on_its_way =
        returned.clone().event(DAY, Kind::Refund, "re_1", refund(DAY, 24_900, RefundStatus::Pending));
    let beside_live = charged().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let disputed = |told: Told, status| told.event(DAY, Kind::Dispute, "du_1", dispute(DAY, status));
    let paused = subscribed(SubscriptionStatus::Unpaid, "price_member");
    let unpaid_for_good = membership().event(9 * DAY, Kind::Subscription, "sub_1", paused);
    let odd = subscribed(SubscriptionStatus::Other("dormant".to_owned()), "price_member");
    let unclear = membership().event(9 * DAY, Kind::Subscription, "sub_1", odd);
    let renewed = Invoice { period_end_at: Some(at(60 * DAY)), ..invoice(30, InvoiceStatus::Paid) };
    let renewed = |told: &Told| Some(event(told, 31, Kind::Invoice, "in_9", Body::Invoice(renewed.clone())));
    let active = || subscribed(SubscriptionStatus::Active, "price_member");
    let renews = Turning::Renews { object: key(Kind::Subscription, "sub_1"), at: Some(at(30 * DAY)) };
    let hour = at(3600);
    let cases = vec![
        Case {
            name: "a debit under way",
            turning: Some(becomes(Kind::Checkout, "cs_1", Property::PaymentStatus, "paid")),
            comes: Some(event(&unpaid, 3, Kind::Checkout, "cs_1", course_paid(PaymentStatus::Paid))),
            told: unpaid,
            now: DAY,
        },
        Case {
            name: "a debit that bounced",
            turning: Some(Turning::BoughtAgain),
            comes: None,
            told: bounced,
            now: 2 * DAY,
        },
        Case {
            name: "a subscription by debit",
            turning: Some(becomes(Kind::Checkout, "cs_1", Property::PaymentStatus, "paid")),
            comes: Some(event(&debit, 3, Kind::CheckoutOutcome, "cs_1", outcome(true))),
            told: debit,
            now: DAY,
        },
        Case {
            name: "the first invoice is not told",
            turning: Some(Turning::Passes { at: hour, what: Deadline::FirstInvoice, clock_at: hour }),
            comes: Some((awaits.clone(), 3600)),
            told: awaits,
            now: 60,
        },
        Case {
            name: "the first payment failed",
            turning: Some(status(Kind::Invoice, "in_1", "paid")),
            comes: Some(event(
                &refused.clone().event(DAY, Kind::Subscription, "sub_1", active()),
                1,
                Kind::Invoice,
                "in_1",
                Body::Invoice(invoice(0, InvoiceStatus::Paid)),
            )),
            told: refused,
            now: 3600,
        },
        Case {
            name: "the first payment was never done",
            turning: Some(Turning::BoughtAgain),
            comes: None,
            told: expired,
            now: 2 * DAY,
        },
        Case {
            name: "grace ran out",
            turning: Some(status(Kind::Invoice, "in_2", "paid")),
            comes: Some(event(
                &renewal_fails().event(40 * DAY, Kind::Subscription, "sub_1", active()),
                40,
                Kind::Invoice,
                "in_2",
                Body::Invoice(invoice(30, InvoiceStatus::Paid)),
            )),
            told: renewal_fails(),
            now: 38 * DAY,
        },
        Case {
            name: "the source gave up, its invoice not told",
            turning: Some(status(Kind::Subscription, "sub_1", "active")),
            comes: Some(event(&unpaid_for_good, 10, Kind::Subscription, "sub_1", active())),
            told: unpaid_for_good,
            now: 9 * DAY,
        },
        Case {
            name: "a status that nobody knows",
            turning: Some(status(Kind::Subscription, "sub_1", "active")),
            comes: Some(event(&unclear, 10, Kind::Subscription, "sub_1", active())),
            told: unclear,
            now: 9 * DAY,
        },
        Case {
            name: "it ended",
            turning: Some(Turning::BoughtAgain),
            comes: None,
            told: over,
            now: 10 * DAY,
        },
        Case {
            name: "refunded",
            turning: Some(Turning::BoughtAgain),
            comes: None,
            told: returned,
            now: 2 * DAY,
        },
        Case {
            name: "a refund on its way",
            turning: Some(status(Kind::Refund, "re_1", "failed")),
            comes: Some(event(
                &on_its_way,
                3,
                Kind::Refund,
                "re_1",
                refund(DAY, 24_900, RefundStatus::Failed),
            )),
            told: on_its_way,
            now: 2 * DAY,
        },
        Case {
            name: "refunded, and it goes on",
            turning: Some(renews.clone()),
            comes: renewed(&beside_live),
            told: beside_live,
            now: 2 * DAY,
        },
        Case {
            name: "disputed",
            turning: Some(status(Kind::Dispute, "du_1", "won")),
            comes: Some(event(&course(), 3, Kind::Dispute, "du_1", dispute(DAY, DisputeStatus::Won))),
            told: disputed(course(), DisputeStatus::Open),
            now: 2 * DAY,
        },
        Case {
            name: "a dispute was lost",
            turning: Some(Turning::BoughtAgain),
            comes: None,
            told: disputed(course(), DisputeStatus::Lost),
            now: 2 * DAY,
        },
        Case {
            name: "a dispute was lost, and it goes on",
            turning: Some(renews),
            comes: renewed(&disputed(charged(), DisputeStatus::Lost)),
            told: disputed(charged(), DisputeStatus::Lost),
            now: 2 * DAY,
        },
    ];
    check(cases, false);
}

/// Asks for each turning, and whether what was named does turn the answer when it comes by an event or with time.
fn check(cases: Vec<Case>, given: bool) {
    let catalogue = catalogue();
    for Case { name, told, now, turning, comes } in cases {
        let explained = explained(&told, now);
        let [one] = explained.as_slice() else { panic!("{name}: {explained:?}") };
        assert_eq!(one.would_change, turning, "{name}");
        assert_eq!(is_given(&told, &catalogue, now), given, "{name}: asked about another state");
        if let Some((told, then)) = comes {
            assert_ne!(is_given(&told, &catalogue, then), given, "{name}: it came true and nothing turned");
        }
    }
}

#[test]
fn a_pause_that_suspends_turns_on_its_end() {
    let catalogue = catalogue_with(&Policy { pause: OnPause::Suspend, ..Policy::default() });
    let told = membership().event(
        DAY,
        Kind::Subscription,
        "sub_1",
        subscribed(SubscriptionStatus::Paused, "price_member"),
    );
    let decision = told.decide(&catalogue, 2 * DAY);
    let explained = explain(&told.record(), &decision, &BTreeMap::new(), &catalogue, at(2 * DAY));
    assert_eq!(explained[0].would_change, Some(status(Kind::Subscription, "sub_1", "active")));
}

#[test]
fn what_no_plan_sells_any_more_turns_on_nothing_that_could_be_bought() {
    let told = membership().event(9 * DAY, Kind::Subscription, "sub_1", canceled());
    let mut catalogue = catalogue();
    let decision = told.decide(&catalogue, 10 * DAY);
    for plan in &mut catalogue.plans {
        plan.goods.clear();
    }
    let explained = explain(&told.record(), &decision, &BTreeMap::new(), &catalogue, at(10 * DAY));
    assert_eq!(explained[0].would_change, None);
}

#[test]
fn a_purchase_without_a_plan_turns_on_its_goods() {
    let paid = |payment_status| Body::Checkout(Checkout { payment_status, ..session() });
    let unread = Told::default().event(1, Kind::Checkout, "cs_1", paid(PaymentStatus::Paid));
    let unpaid = Told::default().event(1, Kind::Checkout, "cs_1", paid(PaymentStatus::Unpaid));
    let mug = unread.clone().read(2, Kind::LineItems, "cs_1", lines(&[("price_mug", false)]));
    let returned = mug.clone().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let good = Good { source: stripe(), id: "price_mug".to_owned() };
    let table = [
        ("paid, not read", unread, Some(Turning::Read { object: key(Kind::LineItems, "cs_1") })),
        ("not paid", unpaid, Some(becomes(Kind::Checkout, "cs_1", Property::PaymentStatus, "paid"))),
        ("paid, no plan", mug, Some(Turning::Mapped { good })),
        ("refunded, no plan", returned, None),
    ];
    for (name, told, turning) in table {
        assert_eq!(explained(&told, 2 * DAY)[0].would_change, turning, "{name}");
    }
}

#[test]
fn reasons_are_told_oldest_first_and_end_with_the_catalogue() {
    let told = course().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let explained = explained(&told, 2 * DAY);
    let [one] = explained.as_slice() else { panic!("{explained:?}") };
    assert_eq!(one.standing, Standing::Over { why: Over::Refunded, at: at(DAY) });
    assert_eq!(one.stage, Some(Stage::Refunded));
    let said: Vec<_> = one
        .because
        .iter()
        .map(|claim| match claim {
            Claim::Said { object, field, value, at: told, .. } => {
                format!("{} {} {field}: {value}", told.as_second() - START, object.id)
            }
            Claim::Sells { good, plan } => format!("{good} is sold by {plan}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        said,
        [
            "1 cs_1 payment_status: paid",
            "2 cs_1 line: price_course",
            "86400 ch_1 refunded: 24900 of 24900",
            "stripe:price_course is sold by course",
        ]
    );
    let item = one.targets.iter().find_map(|seen| seen.items.get(&SPACE)).expect("the course is a space");
    assert_eq!((item.wish.as_str(), &item.seen), ("absent", &None));
}

/// The community means another group from now on, or the course is granted by no plan any more; a person confirmed it.
fn confirmed(edit: impl FnOnce(&mut Catalogue)) -> Catalogue {
    let mut other = catalogue();
    edit(&mut other);
    let next = other.following(&catalogue());
    next.clone().withdrawing(next.left(), at(2 * DAY), "mira")
}

/// What the plan says where the target was seen to hold `items`, and the answers beside it.
fn beside_the_plan(told: &Told, catalogue: &Catalogue, items: &[Item]) -> (Vec<Explained>, Vec<Rest>) {
    let now = 3 * DAY;
    let (record, decision) = (told.record(), told.decide(catalogue, now));
    let seen = items.iter().map(|item| (item.clone(), Holding::Present { seen_at: at(DAY) })).collect();
    let membership = Membership::Member {
        id: 7,
        address: record.access_address().expect("they gave one"),
        standing: target::Standing::Active,
        seen_at: at(DAY),
    };
    let person = Person { membership, items: seen, ..Person::default() };
    let mut sync = Sync::new(record.id.clone(), Target::Circle, at(DAY));
    sync.observed.people.insert(Holder::Customer, person);
    let people = [(Target::Circle, sync.observed.people.clone())].into();
    let syncs = [(Target::Circle, sync)].into();
    let (facts, customer) = (&record.facts, &record.id);
    let lines = plan::lines(customer, facts, &decision, &syncs, &people, &BTreeMap::new(), catalogue);
    let mut answers = explain(&record, &decision, &syncs, catalogue, at(now));
    let rest = beside_plan(&mut answers, &lines, &decision, &syncs);
    (answers, rest)
}

#[test]
fn an_item_that_goes_because_its_entitlement_means_another_is_named_with_that() {
    let other = Item::CircleGroup(5000);
    let catalogue = confirmed(|catalogue| {
        let community = EntitlementId::new("community");
        let meaning = catalogue.entitlements.get_mut(&community).expect("the shop has it");
        meaning.items = [other.clone()].into();
    });
    let (answers, rest) = beside_the_plan(&membership(), &catalogue, &[GROUP]);
    let items = &answers[0].targets[0].items;
    let would: Vec<_> = items.iter().map(|(item, sight)| (item, sight.wish.as_str(), sight.change)).collect();
    assert_eq!(would, [(&GROUP, "absent", Some(Change::Take)), (&other, "want", Some(Change::Give))]);
    assert_eq!(rest, []);
}

#[test]
fn an_item_that_goes_and_that_no_answer_gives_is_told_beside_them() {
    let catalogue = confirmed(|catalogue| {
        for plan in &mut catalogue.plans {
            plan.grants.remove(&EntitlementId::new("course"));
        }
    });
    let (answers, rest) = beside_the_plan(&course(), &catalogue, &[SPACE]);
    assert_eq!(answers, []);
    let [rest] = rest.as_slice() else { panic!("{rest:?}") };
    assert_eq!(rest.at.items[&SPACE].change, Some(Change::Take));
    assert!(matches!(&rest.because[..], [Claim::Withdrawn { by, .. }] if by == "mira"), "{rest:?}");
    // Once it is gone there is nothing to say of it.
    assert_eq!(beside_the_plan(&course(), &catalogue, &[]).1, []);
}
