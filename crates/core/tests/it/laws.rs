//! Order, repetition and batching do not matter; nothing changes before it is said to.

use crate::shop::*;
use frontdesk_core::email::Email;
use frontdesk_core::entitlement::entitlements;
use frontdesk_core::fact::{
    Body, Checkout, DisputeStatus, Fact, InvoiceStatus, Key, Kind, Learnt, PaymentStatus, RefundStatus,
    Subscription, SubscriptionStatus, Version,
};
use frontdesk_core::id::{CustomerId, EntitlementId};
use frontdesk_core::record::{Record, Tie};
use frontdesk_core::ruling::{Ruling, Verdict};
use frontdesk_core::target::Holder;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Versions whose times are close together, so that ties and ambiguity are common.
fn any_version() -> impl Strategy<Value = (Key, Learnt, Version)> {
    use SubscriptionStatus as S;
    let subscription = prop::sample::select(vec![
        S::Incomplete,
        S::Trialing,
        S::Active,
        S::PastDue,
        S::Unpaid,
        S::Paused,
        S::Canceled,
        S::IncompleteExpired,
        S::Other("new".to_owned()),
    ])
    .prop_flat_map(|status| {
        (Just(status), prop::sample::select(vec!["price_member", "price_pro", "price_x"]))
    })
    .prop_map(|(status, price)| (Kind::Subscription, "sub_1", Body::Subscription(sub(status, price))));
    let sale =
        prop::sample::select(vec![PaymentStatus::Paid, PaymentStatus::Unpaid]).prop_map(|payment_status| {
            (Kind::Checkout, "cs_1", Body::Checkout(Checkout { payment_status, ..subscription_session() }))
        });
    let guest = prop::bool::ANY.prop_map(|paid| {
        let payment_status = if paid { PaymentStatus::Paid } else { PaymentStatus::Unpaid };
        (Kind::Checkout, "cs_2", Body::Checkout(Checkout { payment_status, ..session() }))
    });
    let invoice = (
        prop::sample::select(vec![InvoiceStatus::Draft, InvoiceStatus::Open, InvoiceStatus::Paid]),
        prop::sample::select(vec![(0, "in_1"), (30, "in_2")]),
    )
        .prop_map(|(status, (day, id))| (Kind::Invoice, id, Body::Invoice(invoice(day, status))));
    let money = prop::sample::select(vec![
        (Kind::Charge, "ch_1", Body::Charge(charge())),
        (Kind::Charge, "ch_1", refunded(8_300)),
        (Kind::Charge, "ch_1", refunded(24_900)),
        (Kind::Refund, "re_1", refund(3, 24_900, RefundStatus::Succeeded)),
        (Kind::Refund, "re_1", refund(3, 24_900, RefundStatus::Failed)),
        (Kind::Dispute, "du_1", dispute(4, DisputeStatus::Open)),
        (Kind::Dispute, "du_1", dispute(4, DisputeStatus::Won)),
        (Kind::InvoicePayments, "pi_1", pays("in_1")),
        (Kind::CheckoutOutcome, "cs_1", outcome(true)),
        (Kind::CheckoutOutcome, "cs_1", outcome(false)),
        (Kind::LineItems, "cs_2", lines(&[("price_course", false)])),
        (Kind::Customer, "cus_1", customer("billing@example.com")),
        (Kind::Customer, "cus_2", customer("someone@example.com")),
    ]);
    let ruling = (prop::bool::ANY, prop::sample::select(vec![None, Some(20), Some(31 * DAY)])).prop_flat_map(
        |(grants, until)| {
            let about = vec![
                Tie::Object(key(Kind::Subscription, "sub_1")),
                Tie::Address(Email::parse("ada@example.com").expect("an address")),
            ];
            (prop::sample::select(vec!["fde_1", "fde_2"]), prop::sample::select(about))
                .prop_map(move |(id, about)| (Kind::Ruling, id, ruling(grants, until, about)))
        },
    );
    let body = prop_oneof![3 => subscription, 1 => sale, 1 => guest, 2 => invoice, 3 => money, 2 => ruling];
    let learnt = prop_oneof![3 => Just(Learnt::Event), 1 => Just(Learnt::Read)];
    (body, learnt, prop::sample::select(vec![0, 1, 2, 8, 20, 30 * DAY]))
        .prop_map(|((kind, id, body), learnt, seconds)| (key(kind, id), learnt, version(seconds, body)))
}

/// A grant or revocation of what the subscription gives.
fn ruling(grants: bool, until: Option<i64>, about: Tie) -> Body {
    Body::Ruling(Ruling {
        verdict: if grants { Verdict::Grant } else { Verdict::Revoke },
        entitlement: EntitlementId::new("community"),
        about,
        holder: Holder::Customer,
        until: until.map(at),
        until_bought: false,
        by: "mira".to_owned(),
        reason: "a friend of the house".to_owned(),
    })
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let one = any_version().prop_filter("one object", |(key, _, _)| key.kind == Kind::Subscription);
    prop::collection::vec(one, 1..4).prop_map(|versions| {
        let facts = versions.into_iter().map(|(_, learnt, version)| Fact::new(learnt, version));
        facts.reduce(Fact::join).expect("one version at least")
    })
}

/// Records without what the journal's order names: ids and sequence numbers.
fn nameless(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        record.id = CustomerId::new("");
        record.first_seq = 0;
    }
    records.sort_by(|a, b| a.ties.cmp(&b.ties));
    records
}

fn one_by_one(versions: &[(Key, Learnt, Version)]) -> Vec<Record> {
    records(versions.iter().map(|version| vec![version.clone()]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn facts_are_a_semilattice(a in any_fact(), b in any_fact(), c in any_fact()) {
        prop_assert_eq!(a.clone().join(a.clone()), a.clone());
        prop_assert_eq!(a.clone().join(b.clone()), b.clone().join(a.clone()));
        let left = a.clone().join(b.clone()).join(c.clone());
        let right = a.join(b.join(c));
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(&left.current().version.hash, &right.current().version.hash);
    }

    #[test]
    fn order_repetition_and_batches_do_not_matter(
        versions in prop::collection::vec(any_version(), 1..10),
        order in any::<prop::sample::Index>(),
        seed in prop::collection::vec(any::<u32>(), 24),
    ) {
        let expect = nameless(one_by_one(&versions));
        // Doubled, shuffled by the seed, and cut into batches of one to three.
        let mut shuffled: Vec<_> = versions.iter().chain(versions.iter().take(3)).cloned().collect();
        let mut keyed: Vec<_> = shuffled.drain(..).zip(seed.iter().cycle()).collect();
        keyed.sort_by_key(|(_, key)| **key);
        let cut = 1 + order.index(3);
        let shuffled: Vec<_> = keyed.into_iter().map(|(version, _)| version).collect();
        let batches = shuffled.chunks(cut).map(<[_]>::to_vec).collect();
        let found = nameless(records(batches));
        prop_assert_eq!(&found, &expect);
        let decide = |record: &Record| decide_for(record, &BTreeMap::new(), &[], &catalogue(), true, 31 * DAY);
        for (found, expect) in found.iter().zip(&expect) {
            prop_assert_eq!(decide(found), decide(expect));
        }
    }

    #[test]
    fn nothing_changes_before_it_is_said_to(
        versions in prop::collection::vec(any_version(), 1..8),
        now in 0..60 * DAY,
        part in 0.0..1.0f64,
    ) {
        for record in one_by_one(&versions) {
            let today = entitlements(&record.facts, &catalogue(), at(now));
            let until = today.next_change_at.map_or(now + 90 * DAY, |next| next.as_second() - START);
            prop_assert!(until > now);
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a second in between")]
            let between = now + ((until - 1 - now) as f64 * part) as i64;
            prop_assert_eq!(entitlements(&record.facts, &catalogue(), at(between)), today);
        }
    }

    #[test]
    fn a_record_survives_its_json(versions in prop::collection::vec(any_version(), 1..8)) {
        for record in one_by_one(&versions) {
            let json = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Record>(&json).unwrap(), &record);
            let decision = decide_for(&record, &BTreeMap::new(), &[], &catalogue(), true, 31 * DAY);
            let json = serde_json::to_string(&decision).unwrap();
            prop_assert_eq!(serde_json::from_str::<frontdesk_core::decision::Decision>(&json).unwrap(), decision);
        }
    }
}

/// Calls `visit` with every order of `items`.
fn each_order<T: Clone>(items: &mut Vec<T>, from: usize, visit: &mut impl FnMut(&[T])) {
    if from == items.len() {
        return visit(items);
    }
    for with in from..items.len() {
        items.swap(from, with);
        each_order(items, from + 1, visit);
        items.swap(from, with);
    }
}

#[test]
fn every_order_of_a_purchase_is_one_customer() {
    let mut told = membership().0;
    assert_eq!(told.len(), 5);
    let expect = nameless(one_by_one(&told));
    assert_eq!(expect.len(), 1);
    let mut orders = 0;
    each_order(&mut told, 0, &mut |order| {
        orders += 1;
        assert_eq!(nameless(one_by_one(order)), expect, "{order:?}");
    });
    assert_eq!(orders, 120);
}

#[test]
fn a_refund_that_comes_first_waits_under_its_payment() {
    let refund = Told::default().event(9, Kind::Refund, "re_1", refund(9, 24_900, RefundStatus::Succeeded));
    assert!(refund.record().is_provisional());
    let joined = refund.and(course());
    let record = joined.record();
    assert!(!record.is_provisional());
    assert_eq!(record.first_seq, 1);
}

#[test]
fn strangers_are_not_joined_by_what_they_buy_or_by_an_address_on_file() {
    let told = membership()
        .event(5, Kind::Customer, "cus_2", customer("ada@example.com"))
        .event(
            5,
            Kind::Checkout,
            "cs_3",
            Body::Checkout(Checkout {
                email: Some("bob@example.com".to_owned()),
                payment: Some("pi_3".to_owned()),
                ..session()
            }),
        )
        .read(6, Kind::LineItems, "cs_3", lines(&[("price_member", true)]));
    assert_eq!(told.records().len(), 3);
}

#[test]
fn the_older_record_survives() {
    let first = vec![membership().0[0].clone()];
    let second = vec![course().0[1].clone()];
    // A session that names the customer and the guest's address ties both.
    let session = Checkout { payment: Some("pi_9".to_owned()), ..subscription_session() };
    let both = Told::default().event(9, Kind::Checkout, "cs_9", Body::Checkout(session)).0;
    let apart = records(vec![second.clone(), first.clone()]);
    assert_eq!(apart.len(), 2);
    let joined = records(vec![second, first, both]);
    let [record] = joined.as_slice() else { panic!("{joined:?}") };
    assert_eq!(record.first_seq, 1);
    let ended = Subscription { ended_at: Some(at(1)), ..sub(SubscriptionStatus::Canceled, "price_member") };
    assert!(Body::Subscription(ended).is_final());
}
