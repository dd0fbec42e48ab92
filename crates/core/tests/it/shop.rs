//! A small shop: its catalogue, its facts, and what is decided from them.

use frontdesk_core::catalogue::{Catalogue, Good, Meaning, Plan, Policy};
use frontdesk_core::decision::{Decision, Input, decide};
use frontdesk_core::desired::{Desired, Other};
use frontdesk_core::fact::{
    Body, Charge, Checkout, CheckoutOutcome, CheckoutStatus, Customer, Dispute, DisputeStatus, Evidence,
    Invoice, InvoicePayments, InvoiceStatus, Key, Kind, Learnt, Line, LineItems, Mode, Money, PaymentStatus,
    Refund, RefundStatus, Subscription, SubscriptionItem, SubscriptionStatus, Version,
};
use frontdesk_core::id::{CustomerId, EntitlementId, EntryId, PlanId, SourceId};
use frontdesk_core::record::{Record, assemble};
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Holder, Item, Target};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const DAY: i64 = 24 * 3600;
/// The second at which every story begins.
pub(crate) const START: i64 = 1_760_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("stories end long before year 9999")
}

pub(crate) fn stripe() -> SourceId {
    SourceId::new("stripe")
}

pub(crate) fn key(kind: Kind, id: &str) -> Key {
    Key::new(&stripe(), kind, id)
}

pub(crate) fn usd(minor: i64) -> Money {
    Money { minor, currency: "usd".to_owned() }
}

/// Community (a group and a tag), and a course (a space): `price_member` sells the one,
/// `price_course` the other, `price_pro` both.
pub(crate) fn catalogue() -> Catalogue {
    catalogue_with(&Policy::default())
}

pub(crate) fn catalogue_with(policy: &Policy) -> Catalogue {
    let good = |id: &str| Good { source: stripe(), id: id.to_owned() };
    let plan = |id: &str, goods: &[&str], grants: &[&str]| Plan {
        id: PlanId::new(id),
        title: format!("The {id} plan"),
        goods: goods.iter().map(|id| good(id)).collect(),
        grants: grants.iter().map(|id| EntitlementId::new(*id)).collect(),
        policy: policy.clone(),
        beneficiary: Some("gift_to".to_owned()),
    };
    let meaning = |title: &str, items: Vec<Item>| Meaning {
        title: title.to_owned(),
        items: items.into_iter().collect(),
    };
    Catalogue {
        plans: vec![
            plan("member", &["price_member", "price_member_first"], &["community"]),
            plan("course", &["price_course"], &["course"]),
            plan("pro", &["prod_pro"], &["community", "course"]),
        ],
        entitlements: BTreeMap::from([
            (EntitlementId::new("community"), meaning("Community", vec![GROUP, Item::kit_tag("member")])),
            (EntitlementId::new("course"), meaning("Course", vec![SPACE])),
        ]),
        ignore: [good("price_tip")].into(),
        ..Catalogue::default()
    }
}

pub(crate) const GROUP: Item = Item::CircleGroup(4012);
pub(crate) const SPACE: Item = Item::CircleSpace(7);

/// Versions as they were told, in any order.
#[derive(Clone, Default)]
pub(crate) struct Told(pub(crate) Vec<(Key, Learnt, Version)>);

impl Told {
    pub(crate) fn event(mut self, seconds: i64, kind: Kind, id: &str, body: Body) -> Self {
        self.0.push((key(kind, id), Learnt::Event, version(seconds, body)));
        self
    }

    pub(crate) fn read(mut self, seconds: i64, kind: Kind, id: &str, body: Body) -> Self {
        self.0.push((key(kind, id), Learnt::Read, version(seconds, body)));
        self
    }

    pub(crate) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// All records that these versions make, one journal entry each.
    pub(crate) fn records(&self) -> Vec<Record> {
        records(self.0.iter().map(|version| vec![version.clone()]).collect())
    }

    /// The one record.
    pub(crate) fn record(&self) -> Record {
        let mut records = self.records();
        assert_eq!(records.len(), 1, "one story is one customer");
        records.remove(0)
    }

    pub(crate) fn decide(&self, catalogue: &Catalogue, seconds: i64) -> Decision {
        decide_for(&self.record(), &BTreeMap::new(), &[], catalogue, true, seconds)
    }
}

/// What these batches, applied one after the other, make.
pub(crate) fn records(batches: Vec<Vec<(Key, Learnt, Version)>>) -> Vec<Record> {
    let mut records: BTreeMap<CustomerId, Record> = BTreeMap::new();
    for (seq, batch) in (1..).zip(batches) {
        let entry = EntryId::new(format!("fde_{seq}"));
        let assembled = assemble(records.values().cloned().collect(), batch, &entry, seq);
        for (loser, _) in &assembled.merged {
            records.remove(loser);
        }
        for record in assembled.records {
            records.insert(record.id.clone(), record);
        }
    }
    records.into_values().collect()
}

pub(crate) fn decide_for(
    record: &Record,
    syncs: &BTreeMap<Target, Sync>,
    others: &[Other<'_>],
    catalogue: &Catalogue,
    readable: bool,
    seconds: i64,
) -> Decision {
    decide(&Input {
        record,
        others,
        syncs,
        open_cases: &[],
        told_elsewhere: &BTreeSet::new(),
        catalogue,
        readable,
        now: at(seconds),
    })
}

pub(crate) fn version(seconds: i64, body: Body) -> Version {
    Version::new(at(seconds), body, Evidence { origin: "evt_1".to_owned(), entry: EntryId::new("fde_0") })
}

/// A decision as one line: each entitlement's stage, then what each target should hold.
pub(crate) fn line(decision: &Decision) -> String {
    let stages = decision.stages.iter().map(|of| {
        let name = of.entitlement.as_ref().map_or("?".to_owned(), ToString::to_string);
        format!("{name}={}", of.stage)
    });
    let wishes = decision.desired.values().flat_map(Desired::wishes).map(|(holder, item, wish)| {
        let holder = match holder {
            Holder::Customer => String::new(),
            Holder::Beneficiary(address) => format!("{address}/"),
        };
        format!("{holder}{item} {}", wish.as_str())
    });
    format!("{} | {}", stages.collect::<Vec<_>>().join(" "), wishes.collect::<Vec<_>>().join(", "))
}

pub(crate) fn stage(decision: &Decision, entitlement: &str) -> Option<Stage> {
    let id = EntitlementId::new(entitlement);
    decision.stages.iter().find(|of| of.entitlement.as_ref() == Some(&id)).map(|of| of.stage)
}

pub(crate) fn customer(email: &str) -> Body {
    Body::Customer(Customer {
        email: Some(email.to_owned()),
        name: Some("Ada".to_owned()),
        ..Customer::default()
    })
}

pub(crate) fn session() -> Checkout {
    Checkout {
        mode: Mode::Payment,
        status: CheckoutStatus::Complete,
        payment_status: PaymentStatus::Paid,
        customer: None,
        email: Some("Ada@Example.com".to_owned()),
        name: Some("Ada".to_owned()),
        client_reference_id: None,
        metadata: BTreeMap::new(),
        subscription: None,
        payment: Some("pi_1".to_owned()),
        invoice: None,
        total: Some(usd(24_900)),
        locale: None,
        created_at: at(0),
    }
}

pub(crate) fn subscription_session() -> Checkout {
    Checkout {
        mode: Mode::Subscription,
        customer: Some("cus_1".to_owned()),
        subscription: Some("sub_1".to_owned()),
        payment: None,
        invoice: Some("in_1".to_owned()),
        ..session()
    }
}

pub(crate) fn outcome(succeeded: bool) -> Body {
    Body::CheckoutOutcome(CheckoutOutcome { succeeded })
}

pub(crate) fn lines(goods: &[(&str, bool)]) -> Body {
    let line = |(id, recurring): &(&str, bool)| Line {
        id: format!("li_{id}"),
        price: Some((*id).to_owned()),
        product: Some("prod_x".to_owned()),
        quantity: 1,
        recurring: Some(*recurring),
    };
    Body::LineItems(LineItems { lines: goods.iter().map(line).collect(), complete: true })
}

pub(crate) fn charge() -> Charge {
    Charge {
        customer: None,
        payment: Some("pi_1".to_owned()),
        invoice: None,
        succeeded: true,
        amount: usd(24_900),
        refunded_minor: 0,
        refunded: false,
        disputed: false,
        failure: None,
        created_at: at(1),
    }
}

pub(crate) fn refunded(minor: i64) -> Body {
    Body::Charge(Charge { refunded_minor: minor, refunded: minor == 24_900, ..charge() })
}

pub(crate) fn refund(seconds: i64, minor: i64, status: RefundStatus) -> Body {
    Body::Refund(Refund {
        charge: Some("ch_1".to_owned()),
        payment: Some("pi_1".to_owned()),
        amount: usd(minor),
        status,
        created_at: at(seconds),
    })
}

pub(crate) fn dispute(seconds: i64, status: DisputeStatus) -> Body {
    Body::Dispute(Dispute {
        charge: Some("ch_1".to_owned()),
        payment: Some("pi_1".to_owned()),
        amount: usd(24_900),
        status,
        reason: Some("fraudulent".to_owned()),
        created_at: at(seconds),
    })
}

/// Monthly: the first period of `price` is days 0 to 30.
pub(crate) fn sub(status: SubscriptionStatus, price: &str) -> Subscription {
    Subscription {
        customer: Some("cus_1".to_owned()),
        status,
        items: vec![item("si_1", price, 0)],
        items_complete: true,
        cancel_at_period_end: false,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        trial_end_at: None,
        collection_paused: None,
        pause_reason: None,
        cancel_reason: None,
        latest_invoice: Some("in_1".to_owned()),
        metadata: BTreeMap::new(),
        created_at: at(0),
    }
}

pub(crate) fn item(id: &str, price: &str, start_day: i64) -> SubscriptionItem {
    SubscriptionItem {
        id: id.to_owned(),
        price: Some(price.to_owned()),
        product: Some(if price == "price_pro" { "prod_pro" } else { "prod_x" }.to_owned()),
        quantity: 1,
        period_end_at: Some(at((start_day + 30) * DAY)),
        period_start_at: Some(at(start_day * DAY)),
    }
}

pub(crate) fn invoice(day: i64, status: InvoiceStatus) -> Invoice {
    let reason = if day == 0 { "subscription_create" } else { "subscription_cycle" };
    Invoice {
        customer: Some("cus_1".to_owned()),
        email: Some("billing@example.com".to_owned()),
        name: None,
        subscription: Some("sub_1".to_owned()),
        status,
        billing_reason: Some(reason.to_owned()),
        due: Some(usd(2_900)),
        paid: Some(usd(if status == InvoiceStatus::Paid { 2_900 } else { 0 })),
        attempts: 1,
        next_attempt_at: None,
        pay_url: Some("https://pay.example/in".to_owned()),
        period_end_at: Some(at((day + 30) * DAY)),
        payment: None,
        charge: None,
        paid_at: None,
        created_at: at(day * DAY),
    }
}

pub(crate) fn pays(invoice: &str) -> Body {
    Body::InvoicePayments(InvoicePayments { invoices: vec![invoice.to_owned()] })
}

/// One course bought with a card.
pub(crate) fn course() -> Told {
    Told::default()
        .event(1, Kind::Charge, "ch_1", Body::Charge(charge()))
        .event(1, Kind::Checkout, "cs_1", Body::Checkout(session()))
        .read(2, Kind::LineItems, "cs_1", lines(&[("price_course", false)]))
}

/// A membership bought with a card, in its first month.
pub(crate) fn membership() -> Told {
    Told::default()
        .event(0, Kind::Customer, "cus_1", customer("billing@example.com"))
        .event(
            2,
            Kind::Subscription,
            "sub_1",
            Body::Subscription(sub(SubscriptionStatus::Active, "price_member")),
        )
        .event(2, Kind::Invoice, "in_1", Body::Invoice(invoice(0, InvoiceStatus::Paid)))
        .event(2, Kind::Checkout, "cs_1", Body::Checkout(subscription_session()))
        .read(3, Kind::LineItems, "cs_1", lines(&[("price_member", true)]))
}

/// Its renewal on day 30 fails.
pub(crate) fn renewal_fails() -> Told {
    let past_due = Subscription {
        items: vec![item("si_1", "price_member", 30)],
        latest_invoice: Some("in_2".to_owned()),
        ..sub(SubscriptionStatus::PastDue, "price_member")
    };
    membership()
        .event(30 * DAY + 5, Kind::Invoice, "in_2", Body::Invoice(invoice(30, InvoiceStatus::Open)))
        .event(30 * DAY + 5, Kind::Subscription, "sub_1", Body::Subscription(past_due))
}
