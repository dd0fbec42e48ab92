//! Recurring goods: every status, grace, cancelling, changing plans, pauses, delayed first money.

use crate::shop::*;
use frontdesk_core::case::{CaseKind, Reason};
use frontdesk_core::catalogue::{OnPause, OnTrial, Policy};
use frontdesk_core::desired::{Desired, Removal, Wish};
use frontdesk_core::entitlement::{FIRST_INVOICE_WAIT, Over, Standing, Terms};
use frontdesk_core::fact::{
    Body, Checkout, Customer, DisputeStatus, Invoice, InvoiceStatus, Kind, PaymentStatus, Subscription,
    SubscriptionStatus,
};
use frontdesk_core::reads::{Purpose, RENEWAL_TOLD_WITHIN};
use frontdesk_core::stage::Stage;
use std::collections::BTreeSet;

const IN: &str = "circle:group:4012 want, kit:tag:member want";
const OUT: &str = "circle:group:4012 absent, kit:tag:member absent";
const AS_IS: &str = "circle:group:4012 leave, kit:tag:member leave";

fn later(day: i64, change: impl Fn(&mut Subscription)) -> Told {
    let mut next = sub(SubscriptionStatus::Active, "price_member");
    change(&mut next);
    membership().event(day * DAY, Kind::Subscription, "sub_1", Body::Subscription(next))
}

fn status(status: &SubscriptionStatus) -> Told {
    later(10, |sub| sub.status = status.clone())
}

/// A subscription by debit: active at once, no money yet.
fn debit() -> Told {
    let session = Checkout { payment_status: PaymentStatus::Unpaid, ..subscription_session() };
    Told::default()
        .event(
            2,
            Kind::Subscription,
            "sub_1",
            Body::Subscription(sub(SubscriptionStatus::Active, "price_member")),
        )
        .event(2, Kind::Invoice, "in_1", Body::Invoice(invoice(0, InvoiceStatus::Open)))
        .event(2, Kind::Checkout, "cs_1", Body::Checkout(session))
        .read(3, Kind::LineItems, "cs_1", lines(&[("price_member", true)]))
}

#[test]
fn each_status() {
    use SubscriptionStatus as S;
    let table = [
        ("active", S::Active, "community=payment_received", IN),
        ("trialing", S::Trialing, "community=payment_received", IN),
        ("past due", S::PastDue, "community=past_due", IN),
        ("unpaid", S::Unpaid, "community=ended", OUT),
        ("paused", S::Paused, "community=payment_received", IN),
        ("canceled", S::Canceled, "community=ended", OUT),
        ("a word of tomorrow", S::Other("hibernating".to_owned()), "community=support_review", AS_IS),
        ("incomplete", S::Incomplete, "community=payment_processing", ""),
        ("incomplete, expired", S::IncompleteExpired, "community=payment_failed", ""),
    ];
    for (name, status, stages, wishes) in table {
        let decision = self::status(&status).decide(&catalogue(), 11 * DAY);
        // Past due is owed something: give it that.
        let decision =
            if status == S::PastDue { renewal_fails().decide(&catalogue(), 31 * DAY) } else { decision };
        assert_eq!(line(&decision), format!("{stages} | {wishes}"), "{name}");
    }
}

#[test]
fn grace_runs_from_the_oldest_unpaid_invoice_and_the_clock_ends_it() {
    let told = renewal_fails();
    let end = 37 * DAY;
    assert_eq!(stage(&told.decide(&catalogue(), end - 1), "community"), Some(Stage::PastDue));
    assert_eq!(told.decide(&catalogue(), 31 * DAY).next_wake_at, Some(at(end)));
    assert_eq!(line(&told.decide(&catalogue(), end)), format!("community=ended | {OUT}"));

    let recovered =
        told.event(33 * DAY, Kind::Invoice, "in_2", Body::Invoice(invoice(30, InvoiceStatus::Paid))).event(
            33 * DAY,
            Kind::Subscription,
            "sub_1",
            Body::Subscription(sub(SubscriptionStatus::Active, "price_member")),
        );
    assert_eq!(line(&recovered.decide(&catalogue(), end)), format!("community=payment_received | {IN}"));
}

#[test]
fn what_was_paid_of_old_and_is_read_today_was_not_paid_today() {
    let paid_at = |told: Told| told.decide(&catalogue(), 40 * DAY).entitled.purchases[0].paid_at;
    let begun = || {
        let active = Body::Subscription(sub(SubscriptionStatus::Active, "price_member"));
        Told::default().event(0, Kind::Customer, "cus_1", customer("ada@example.com")).read(
            39 * DAY,
            Kind::Subscription,
            "sub_1",
            active,
        )
    };
    let invoice = |paid_at| Body::Invoice(Invoice { paid_at, ..invoice(0, InvoiceStatus::Paid) });
    let read = |paid_at| begun().read(39 * DAY, Kind::Invoice, "in_1", invoice(paid_at));
    assert_eq!(paid_at(read(Some(at(7)))), Some(at(7)), "the source says when");
    assert_eq!(paid_at(read(None)), Some(at(0)), "no sooner than it was made");
    let told = begun().event(3, Kind::Invoice, "in_1", invoice(None));
    assert_eq!(paid_at(told), Some(at(3)), "an event says when");
}

#[test]
fn a_draft_and_a_later_invoice_do_not_move_grace() {
    let told = renewal_fails()
        .event(
            31 * DAY,
            Kind::Invoice,
            "in_0",
            Body::Invoice(Invoice { created_at: at(29 * DAY), ..invoice(29, InvoiceStatus::Draft) }),
        )
        .event(36 * DAY, Kind::Invoice, "in_3", Body::Invoice(invoice(36, InvoiceStatus::Open)));
    let decision = told.decide(&catalogue(), 36 * DAY);
    let Standing::Entitled(Terms::PastDue { until, .. }) = &decision.entitled.entitlements[0].standing else {
        panic!("{:?}", decision.entitled)
    };
    assert_eq!(*until, at(37 * DAY));
}

/// Past due, as an export tells it: no invoice, at most a period.
fn past_due_by_export(has_period: bool) -> (Told, Subscription) {
    let mut subscription =
        Subscription { latest_invoice: None, ..sub(SubscriptionStatus::PastDue, "price_member") };
    if !has_period {
        for item in &mut subscription.items {
            (item.period_start_at, item.period_end_at) = (None, None);
        }
    }
    let told = Told::default().event(0, Kind::Customer, "cus_1", customer("ada@example.com")).event(
        20 * DAY,
        Kind::Subscription,
        "sub_1",
        Body::Subscription(subscription.clone()),
    );
    (told, subscription)
}

#[test]
fn grace_without_an_invoice_ends_when_it_is_over_for_certain_and_takes_nothing_unread() {
    for (name, has_period, end) in
        [("by the period", true, 37 * DAY), ("by when it was told", false, 27 * DAY)]
    {
        let (told, subscription) = past_due_by_export(has_period);
        let standing = |seconds| {
            let decision = told.decide(&catalogue(), seconds);
            decision.entitled.entitlements[0].standing.clone()
        };
        let until = |seconds| match standing(seconds) {
            Standing::Entitled(Terms::PastDue { until, .. }) => until,
            other => panic!("{name}: {other:?}"),
        };
        // The likeliest end is only a guess, and ends nothing.
        assert_eq!(until(6 * DAY), at(7 * DAY), "{name}");
        assert_eq!((until(7 * DAY), until(end - 1)), (at(end), at(end)), "{name}");
        assert_eq!(told.decide(&catalogue(), 6 * DAY).next_wake_at, Some(at(7 * DAY)), "{name}");
        assert_eq!(told.decide(&catalogue(), 20 * DAY).next_wake_at, Some(at(end)), "{name}");
        assert_eq!(standing(end), Standing::Over { why: Over::GraceOver, at: at(end) }, "{name}");

        let removals = |told: &Told, seconds| -> BTreeSet<String> {
            let decision = told.decide(&catalogue(), seconds);
            let wishes = decision.desired.values().flat_map(Desired::wishes).map(|(_, _, wish)| match wish {
                Wish::Absent { removal: Removal::Proven, .. } => "proven".to_owned(),
                Wish::Absent { removal: Removal::NeedsProof(objects), .. } => format!("needs {objects:?}"),
                other => other.as_str().to_owned(),
            });
            wishes.collect()
        };
        let unread = format!("needs {:?}", BTreeSet::from([key(Kind::Subscription, "sub_1")]));
        assert_eq!(removals(&told, end), [unread].into(), "{name}");
        let body = Body::Subscription(subscription);
        let read = told.clone().read(end + 60, Kind::Subscription, "sub_1", body);
        assert_eq!(removals(&read, end + 60), ["proven".to_owned()].into(), "{name}");
        let invoiced =
            told.clone().read(end, Kind::Invoice, "in_2", Body::Invoice(invoice(33, InvoiceStatus::Open)));
        assert_eq!(line(&invoiced.decide(&catalogue(), end)), format!("community=past_due | {IN}"), "{name}");
    }
}

#[test]
fn grace_without_a_period_runs_from_when_it_was_first_said_since_it_was_last_paid_up() {
    use SubscriptionStatus::{Active, PastDue};
    let (_, subscription) = past_due_by_export(false);
    let says = |told: Told, day: i64, status: SubscriptionStatus| {
        let body = Body::Subscription(Subscription { status, ..subscription.clone() });
        told.read(day * DAY, Kind::Subscription, "sub_1", body)
    };
    let buyer = || Told::default().event(0, Kind::Customer, "cus_1", customer("ada@example.com"));
    let until = |told: &Told, day: i64| match told.decide(&catalogue(), day * DAY).entitled.entitlements[0]
        .standing
    {
        Standing::Entitled(Terms::PastDue { until, .. }) => until,
        ref other => panic!("{other:?}"),
    };
    let twice = says(says(buyer(), 20, PastDue), 24, PastDue);
    assert_eq!(until(&twice, 26), at(27 * DAY));
    // A read that shows it paid in between begins it anew, whichever came first.
    let recovered = [(22, Active), (20, PastDue), (24, PastDue), (26, PastDue)];
    for turn in 0..recovered.len() {
        let mut order = recovered.clone();
        order.rotate_left(turn);
        let told = order.into_iter().fold(buyer(), |told, (day, status)| says(told, day, status));
        assert_eq!(until(&told, 26), at(31 * DAY), "turned by {turn}");
    }
}

#[test]
fn of_items_with_periods_of_their_own_the_first_to_end_bounds_grace() {
    let (_, mut subscription) = past_due_by_export(true);
    let mut yearly = subscription.items[0].clone();
    yearly.id = "si_yearly".to_owned();
    yearly.period_end_at = Some(at(365 * DAY));
    subscription.items.push(yearly);
    let told = Told::default().event(0, Kind::Customer, "cus_1", customer("ada@example.com")).event(
        20 * DAY,
        Kind::Subscription,
        "sub_1",
        Body::Subscription(subscription),
    );
    let standing = |day: i64| told.decide(&catalogue(), day * DAY).entitled.entitlements[0].standing.clone();
    assert!(
        matches!(standing(36), Standing::Entitled(Terms::PastDue { until, .. }) if until == at(37 * DAY))
    );
    assert_eq!(standing(37), Standing::Over { why: Over::GraceOver, at: at(37 * DAY) });
}

#[test]
fn a_cancellation_keeps_the_paid_time() {
    let flag = later(10, |sub| {
        sub.cancel_at_period_end = true;
        sub.canceled_at = Some(at(10 * DAY));
    });
    let instant = later(10, |sub| {
        sub.cancel_at = Some(at(20 * DAY));
        sub.canceled_at = Some(at(10 * DAY));
    });
    for (name, told, end) in [("by the flag", flag, 30), ("by cancel_at alone", instant, 20)] {
        let decision = told.decide(&catalogue(), 11 * DAY);
        let standing = &decision.entitled.entitlements[0].standing;
        assert_eq!(*standing, Standing::Entitled(Terms::Ending { at: at(end * DAY) }), "{name}");
        assert_eq!(line(&decision), format!("community=payment_received | {IN}"), "{name}");
        // The source tells the end; only far beyond it does the clock.
        assert_eq!(
            line(&told.decide(&catalogue(), (end + 7) * DAY)),
            format!("community=payment_received | {IN}"),
            "{name}"
        );
        assert_eq!(
            line(&told.decide(&catalogue(), (end + 8) * DAY)),
            format!("community=ended | {OUT}"),
            "{name}"
        );
        let wanted = told.decide(&catalogue(), (end + 1) * DAY).reads;
        assert!(wanted.iter().any(|want| want.purpose == Purpose::Overdue), "{name}: {wanted:?}");
    }
    let undone = later(12, |_| {});
    assert_eq!(line(&undone.decide(&catalogue(), 40 * DAY)), format!("community=payment_received | {IN}"));
}

#[test]
fn a_period_that_ended_never_ends_an_active_subscription() {
    let decision = membership().decide(&catalogue(), 400 * DAY);
    assert_eq!(line(&decision), format!("community=payment_received | {IN}"));
    assert!(decision.reads.iter().any(|want| want.purpose == Purpose::Overdue), "{:?}", decision.reads);
    assert_eq!(decision.next_wake_at, None);
    // Read since, and nothing new: no more is asked.
    let active = Body::Subscription(sub(SubscriptionStatus::Active, "price_member"));
    let read = membership().read(31 * DAY, Kind::Subscription, "sub_1", active);
    assert!(read.decide(&catalogue(), 400 * DAY).reads.is_empty());
    assert_eq!(membership().decide(&catalogue(), DAY).next_wake_at, Some(at(30 * DAY) + RENEWAL_TOLD_WITHIN));
}

#[test]
fn a_debit_gives_nothing_until_it_is_paid_and_keeps_nothing_when_it_bounces() {
    assert_eq!(line(&debit().decide(&catalogue(), DAY)), "community=payment_processing | ");
    assert_eq!(line(&debit().decide(&catalogue(), 30 * DAY)), "community=payment_processing | ");
    let paid = debit().event(6 * DAY, Kind::Invoice, "in_1", Body::Invoice(invoice(0, InvoiceStatus::Paid)));
    assert_eq!(line(&paid.decide(&catalogue(), 6 * DAY)), format!("community=payment_received | {IN}"));
    let bounced = debit().event(6 * DAY, Kind::CheckoutOutcome, "cs_1", outcome(false));
    let decision = bounced.decide(&catalogue(), 6 * DAY);
    assert_eq!(line(&decision), format!("community=payment_failed | {OUT}"));
    assert_eq!(decision.stages[0].pay_url.as_deref(), Some("https://pay.example/in"));
    let past_due = bounced.event(
        6 * DAY,
        Kind::Subscription,
        "sub_1",
        Body::Subscription(sub(SubscriptionStatus::PastDue, "price_member")),
    );
    assert_eq!(line(&past_due.decide(&catalogue(), 6 * DAY)), format!("community=payment_failed | {OUT}"));
}

#[test]
fn a_new_subscription_waits_for_its_first_invoice_but_not_for_ever() {
    let alone = Told::default().event(
        2,
        Kind::Subscription,
        "sub_1",
        Body::Subscription(sub(SubscriptionStatus::Active, "price_member")),
    );
    let decision = alone.decide(&catalogue(), 3);
    assert_eq!(line(&decision), "community=payment_processing | ");
    assert_eq!(decision.next_wake_at, Some(at(0) + FIRST_INVOICE_WAIT));
    assert!(
        decision.reads.iter().any(|want| want.object == key(Kind::Invoice, "in_1")),
        "{:?}",
        decision.reads
    );
    let paid = alone.clone().read(5, Kind::Invoice, "in_1", Body::Invoice(invoice(0, InvoiceStatus::Paid)));
    assert_eq!(stage(&paid.decide(&catalogue(), 5), "community"), Some(Stage::PaymentReceived));
    // No address is known without a checkout or an invoice: a person must look.
    assert_eq!(stage(&alone.decide(&catalogue(), 3600), "community"), Some(Stage::SupportReview));
}

#[test]
fn a_change_of_plan_takes_back_what_the_new_one_does_not_give() {
    let to = |told: Told, day: i64, price: &str| {
        let next =
            Subscription { items: vec![item("si_1", price, 0)], ..sub(SubscriptionStatus::Active, price) };
        told.event(day * DAY, Kind::Subscription, "sub_1", Body::Subscription(next))
    };
    let up = to(membership(), 10, "price_pro");
    let expect = "community=payment_received course=payment_received | circle:group:4012 want, circle:space:7 want, kit:tag:member want";
    assert_eq!(line(&up.decide(&catalogue(), 11 * DAY)), expect);
    let down = to(up, 12, "price_member");
    let expect = "community=payment_received course=ended | circle:group:4012 want, circle:space:7 absent, kit:tag:member want";
    assert_eq!(line(&down.decide(&catalogue(), 13 * DAY)), expect);
    // Two prices of one plan: a trial offer moves from one to the other.
    let offer = to(membership(), 10, "price_member_first");
    assert_eq!(line(&offer.decide(&catalogue(), 11 * DAY)), format!("community=payment_received | {IN}"));
}

#[test]
fn a_one_time_line_outlives_the_subscription_it_was_sold_with() {
    let told = membership()
        .read(4, Kind::LineItems, "cs_1", lines(&[("price_course", false), ("price_member", true)]))
        .event(
            20 * DAY,
            Kind::Subscription,
            "sub_1",
            Body::Subscription(Subscription {
                ended_at: Some(at(20 * DAY)),
                ..sub(SubscriptionStatus::Canceled, "price_member")
            }),
        );
    let expect = "community=ended course=payment_received | circle:group:4012 absent, circle:space:7 want, kit:tag:member absent";
    assert_eq!(line(&told.decide(&catalogue(), 21 * DAY)), expect);
}

#[test]
fn a_full_refund_of_the_running_period_ends_it_and_asks_a_person() {
    // As newer API versions tell it: nothing names the invoice until it is read.
    let refunded = membership().event(
        5 * DAY,
        Kind::Charge,
        "ch_1",
        Body::Charge(frontdesk_core::fact::Charge {
            customer: Some("cus_1".to_owned()),
            amount: usd(2_900),
            refunded: true,
            refunded_minor: 2_900,
            ..charge()
        }),
    );
    let before = refunded.decide(&catalogue(), 5 * DAY);
    assert_eq!(line(&before), format!("community=payment_received | {IN}"));
    assert!(
        before.reads.iter().any(|want| want.object == key(Kind::InvoicePayments, "pi_1")),
        "{:?}",
        before.reads
    );

    let linked = refunded.read(5 * DAY + 1, Kind::InvoicePayments, "pi_1", pays("in_1"));
    let after = linked.decide(&catalogue(), 5 * DAY + 2);
    assert_eq!(line(&after), format!("community=refunded | {OUT}"));
    let [case] = after.cases.as_slice() else { panic!("{:?}", after.cases) };
    let subscription = "sub_1".to_owned();
    assert_eq!(
        (case.kind, &case.reason),
        (CaseKind::Billing, &Reason::RefundBesideLiveSubscription { subscription })
    );

    // The next period is paid: back in.
    let renewed = linked.clone().event(
        30 * DAY,
        Kind::Invoice,
        "in_2",
        Body::Invoice(invoice(30, InvoiceStatus::Paid)),
    );
    assert_eq!(line(&renewed.decide(&catalogue(), 30 * DAY)), format!("community=payment_received | {IN}"));
    // Cancelled at once as well: refunded, and nobody needs to look.
    let ended = linked.event(
        5 * DAY + 9,
        Kind::Subscription,
        "sub_1",
        Body::Subscription(Subscription {
            ended_at: Some(at(5 * DAY + 9)),
            ..sub(SubscriptionStatus::Canceled, "price_member")
        }),
    );
    let ended = ended.decide(&catalogue(), 6 * DAY);
    assert_eq!(line(&ended), format!("community=refunded | {OUT}"));
    assert!(ended.cases.is_empty(), "{:?}", ended.cases);
}

#[test]
fn pauses_follow_the_plan() {
    let paused = |reason: Option<&str>| {
        later(10, |sub| {
            sub.status = SubscriptionStatus::Paused;
            sub.pause_reason = reason.map(str::to_owned);
        })
    };
    let suspend = catalogue_with(&Policy { pause: OnPause::Suspend, ..Policy::default() });
    for (reason, case) in [
        (Some("pause_requested"), false),
        (Some("first_payment_failure"), true),
        (Some("system"), true),
        (None, true),
    ] {
        let kept = paused(reason).decide(&catalogue(), 11 * DAY);
        assert_eq!(line(&kept), format!("community=payment_received | {IN}"), "{reason:?}");
        assert_eq!(kept.cases.len(), usize::from(case), "{reason:?}");
        let suspended = paused(reason).decide(&suspend, 11 * DAY);
        assert_eq!(line(&suspended), format!("community=support_review | {OUT}"), "{reason:?}");
        assert_eq!(suspended.cases.len(), 1, "{reason:?}");
    }
    let collection = later(10, |sub| sub.collection_paused = Some("void".to_owned()));
    let decision = collection.decide(&catalogue(), 11 * DAY);
    assert_eq!(line(&decision), format!("community=payment_received | {IN}"));
    assert_eq!(decision.entitled.purchases[0].flags.len(), 1);
}

#[test]
fn an_unknown_status_changes_nothing_and_asks_a_person() {
    let decision =
        status(&SubscriptionStatus::Other("hibernating".to_owned())).decide(&catalogue(), 11 * DAY);
    let [case] = decision.cases.as_slice() else { panic!("{:?}", decision.cases) };
    assert!(matches!(&case.reason, Reason::UnknownStatus { status, .. } if status == "hibernating"));
}

#[test]
fn a_trial_may_wait_for_money() {
    let wait = catalogue_with(&Policy { trial: OnTrial::Wait, ..Policy::default() });
    assert_eq!(line(&status(&SubscriptionStatus::Trialing).decide(&wait, 11 * DAY)), " | ");
}

#[test]
fn a_deleted_customer_ends_the_subscription() {
    let gone = Customer { deleted: true, ..Customer::default() };
    let told = membership().event(10 * DAY, Kind::Customer, "cus_1", Body::Customer(gone));
    assert_eq!(line(&told.decide(&catalogue(), 11 * DAY)), format!("community=ended | {OUT}"));
}

#[test]
fn any_number_is_one_entitlement() {
    let told = later(1, |sub| sub.items[0].quantity = 12);
    let decision = told.decide(&catalogue(), DAY);
    assert_eq!((decision.stages.len(), decision.entitled.purchases[0].quantity), (1, 12));
}

#[test]
fn what_the_source_cut_short_is_read_and_nothing_is_taken() {
    let told = later(1, |sub| {
        sub.items = vec![item("si_2", "price_course", 0)];
        sub.items_complete = false;
    });
    let decision = told.decide(&catalogue(), DAY);
    assert!(decision.reads.iter().any(|want| want.purpose == Purpose::Items), "{:?}", decision.reads);
    assert!(!line(&decision).contains("absent"), "{}", line(&decision));
}

#[test]
fn a_dispute_of_a_renewal_suspends_and_the_next_paid_invoice_makes_up_for_a_loss() {
    let disputed = |status| {
        membership().read(4, Kind::InvoicePayments, "pi_1", pays("in_1")).event(
            5 * DAY,
            Kind::Dispute,
            "du_1",
            dispute(5 * DAY, status),
        )
    };
    let renewed = |told: Told| {
        told.event(30 * DAY, Kind::Invoice, "in_2", Body::Invoice(invoice(30, InvoiceStatus::Paid)))
    };
    let inside = format!("community=payment_received | {IN}");
    let outside = format!("community=disputed | {OUT}");
    let table = [
        ("open", disputed(DisputeStatus::Open), &outside),
        ("open, and the next month is paid", renewed(disputed(DisputeStatus::Open)), &outside),
        ("lost", disputed(DisputeStatus::Lost), &outside),
        ("lost, and the next month is paid", renewed(disputed(DisputeStatus::Lost)), &inside),
        ("won", disputed(DisputeStatus::Won), &inside),
    ];
    for (name, told, expect) in table {
        assert_eq!(line(&told.decide(&catalogue(), 31 * DAY)), *expect, "{name}");
    }
    let lost = disputed(DisputeStatus::Lost).decide(&catalogue(), 6 * DAY);
    let [case] = lost.cases.as_slice() else { panic!("{:?}", lost.cases) };
    assert!(matches!(case.reason, Reason::DisputeLostBesideLiveSubscription { .. }), "{case:?}");
}

#[test]
fn an_invoice_of_an_upgrade_refunded_alone_keeps_the_period() {
    let upgrade = Invoice {
        billing_reason: Some("subscription_update".to_owned()),
        period_end_at: Some(at(30 * DAY)),
        payment: Some("pi_1".to_owned()),
        ..invoice(10, InvoiceStatus::Paid)
    };
    let told = membership().event(10 * DAY, Kind::Invoice, "in_up", Body::Invoice(upgrade)).event(
        11 * DAY,
        Kind::Charge,
        "ch_1",
        refunded(24_900),
    );
    let decision = told.decide(&catalogue(), 12 * DAY);
    assert_eq!(line(&decision), format!("community=payment_received | {IN}"));
    assert!(decision.cases.is_empty(), "{:?}", decision.cases);
}

#[test]
fn a_refund_of_a_period_long_over_changes_nothing() {
    let told = membership()
        .read(4, Kind::InvoicePayments, "pi_1", pays("in_1"))
        .event(30 * DAY, Kind::Invoice, "in_2", Body::Invoice(invoice(30, InvoiceStatus::Paid)))
        .event(31 * DAY, Kind::Charge, "ch_1", refunded(24_900));
    assert_eq!(line(&told.decide(&catalogue(), 32 * DAY)), format!("community=payment_received | {IN}"));
}

#[test]
fn a_refund_of_the_last_period_leaves_grace_alone() {
    let told = renewal_fails().read(4, Kind::InvoicePayments, "pi_1", pays("in_1")).event(
        31 * DAY,
        Kind::Charge,
        "ch_1",
        refunded(24_900),
    );
    assert_eq!(line(&told.decide(&catalogue(), 32 * DAY)), format!("community=past_due | {IN}"));
}
