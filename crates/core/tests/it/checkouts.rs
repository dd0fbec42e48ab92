//! One-time goods, money that goes back, disputes, gifts.

use crate::shop::*;
use frontdesk_core::case::{CaseKind, Reason};
use frontdesk_core::catalogue::{Catalogue, OnDispute, PartialRefund, Policy};
use frontdesk_core::fact::{
    Body, Checkout, CheckoutStatus, DisputeStatus, Kind, Mode, PaymentStatus, Refund, RefundStatus,
};
use frontdesk_core::reads::Purpose;

fn unpaid() -> Told {
    let session = Checkout { payment_status: PaymentStatus::Unpaid, ..session() };
    Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session)).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_course", false)]),
    )
}

fn with(change: impl Fn(&mut Checkout)) -> Told {
    let mut session = session();
    change(&mut session);
    Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session)).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_course", false)]),
    )
}

#[test]
fn one_time_goods() {
    let keep = Policy::default();
    let strict =
        Policy { partial_refund: PartialRefund::Revoke, dispute: OnDispute::Keep, ..Policy::default() };
    let part = || course().event(DAY, Kind::Charge, "ch_1", refunded(8_300));
    let all = || course().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let bounced = || {
        all().event(DAY, Kind::Refund, "re_1", refund(DAY, 24_900, RefundStatus::Succeeded)).event(
            3 * DAY,
            Kind::Refund,
            "re_1",
            refund(DAY, 24_900, RefundStatus::Failed),
        )
    };
    let disputed = |status| course().event(5 * DAY, Kind::Dispute, "du_1", dispute(5 * DAY, status));
    let guest_refund = Refund {
        charge: None,
        payment: Some("pi_1".to_owned()),
        amount: usd(24_900),
        status: RefundStatus::Succeeded,
        created_at: at(DAY),
    };
    let table: Vec<(&str, Told, &Policy, &str)> = vec![
        ("paid", course(), &keep, "course=payment_received | circle:space:7 want"),
        ("not paid yet", unpaid(), &keep, "course=payment_processing | "),
        (
            "the delayed payment came",
            unpaid().event(6 * DAY, Kind::CheckoutOutcome, "cs_1", outcome(true)),
            &keep,
            "course=payment_received | circle:space:7 want",
        ),
        (
            "the delayed payment bounced",
            unpaid().event(6 * DAY, Kind::CheckoutOutcome, "cs_1", outcome(false)),
            &keep,
            "course=payment_failed | ",
        ),
        (
            "no payment asked for",
            with(|session| session.payment_status = PaymentStatus::NoPaymentRequired),
            &keep,
            "course=payment_received | circle:space:7 want",
        ),
        ("expired", with(|session| session.status = CheckoutStatus::Expired), &keep, " | "),
        ("open", with(|session| session.status = CheckoutStatus::Open), &keep, " | "),
        ("only a card saved", with(|session| session.mode = Mode::Setup), &keep, " | "),
        ("a third back", part(), &keep, "course=payment_received | circle:space:7 want"),
        ("a third back, strict", part(), &strict, "course=refunded | circle:space:7 absent"),
        ("all back", all(), &keep, "course=refunded | circle:space:7 absent"),
        (
            "all back, in two parts, of which the charge shows one",
            part().event(DAY, Kind::Refund, "re_1", refund(DAY, 8_300, RefundStatus::Succeeded)).event(
                2 * DAY,
                Kind::Refund,
                "re_2",
                refund(2 * DAY, 16_600, RefundStatus::Succeeded),
            ),
            &keep,
            "course=refunded | circle:space:7 absent",
        ),
        ("the refund did not arrive", bounced(), &keep, "course=payment_received | circle:space:7 want"),
        (
            "a refund of a guest names only the payment",
            course().event(DAY, Kind::Refund, "re_1", Body::Refund(guest_refund)),
            &keep,
            "course=refunded | circle:space:7 absent",
        ),
        (
            "the bank asks",
            disputed(DisputeStatus::Inquiry),
            &keep,
            "course=payment_received | circle:space:7 want",
        ),
        ("disputed", disputed(DisputeStatus::Open), &keep, "course=disputed | circle:space:7 absent"),
        (
            "disputed, kept by policy",
            disputed(DisputeStatus::Open),
            &strict,
            "course=payment_received | circle:space:7 want",
        ),
        ("dispute lost", disputed(DisputeStatus::Lost), &keep, "course=disputed | circle:space:7 absent"),
        (
            "dispute lost, strict",
            disputed(DisputeStatus::Lost),
            &strict,
            "course=disputed | circle:space:7 absent",
        ),
        ("dispute won", disputed(DisputeStatus::Won), &keep, "course=payment_received | circle:space:7 want"),
        (
            "an unknown dispute",
            disputed(DisputeStatus::Unknown),
            &keep,
            "course=payment_received | circle:space:7 want",
        ),
        (
            "the customer object is deleted",
            with(|session| session.customer = Some("cus_1".to_owned())).event(
                DAY,
                Kind::Customer,
                "cus_1",
                Body::Customer(frontdesk_core::fact::Customer { deleted: true, ..Default::default() }),
            ),
            &keep,
            "course=payment_received | circle:space:7 want",
        ),
    ];
    for (name, told, policy, expect) in table {
        assert_eq!(line(&told.decide(&catalogue_with(policy), 10 * DAY)), expect, "{name}");
    }
}

#[test]
fn money_trouble_opens_a_billing_case_of_its_own_journey() {
    let inquiry = course().event(DAY, Kind::Dispute, "du_1", dispute(DAY, DisputeStatus::Inquiry));
    let open = course().event(DAY, Kind::Dispute, "du_1", dispute(DAY, DisputeStatus::Open));
    let won = course().event(DAY, Kind::Dispute, "du_1", dispute(DAY, DisputeStatus::Won));
    let failed = course().event(DAY, Kind::Refund, "re_1", refund(DAY, 24_900, RefundStatus::Failed));
    let id = |id: &str| id.to_owned();
    let table = [
        ("inquiry", inquiry, Some(("du_1", Reason::Inquiry { dispute: id("du_1") }))),
        ("open", open, Some(("du_1", Reason::Dispute { dispute: id("du_1") }))),
        ("won", won, None),
        ("failed refund", failed, Some(("re_1", Reason::RefundFailed { refund: id("re_1") }))),
    ];
    for (name, told, expect) in table {
        let cases = told.decide(&catalogue(), 2 * DAY).cases;
        let found: Vec<_> = cases.iter().map(|case| (case.journey.as_str(), case.reason.clone())).collect();
        assert_eq!(found, expect.into_iter().collect::<Vec<_>>(), "{name}");
        assert!(cases.iter().all(|case| case.kind == CaseKind::Billing), "{name}");
    }
}

#[test]
fn goods_are_read_and_the_customer_sees_that_the_money_came() {
    let told = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session()));
    let decision = told.decide(&catalogue(), 2);
    assert_eq!(line(&decision), "?=payment_received | ");
    let [want] = decision.reads.as_slice() else { panic!("{:?}", decision.reads) };
    assert_eq!((want.purpose, &want.object), (Purpose::LineItems, &key(Kind::LineItems, "cs_1")));
    assert!(course().decide(&catalogue(), 2).reads.is_empty());
}

#[test]
fn what_no_plan_maps_gets_a_case_and_one_alert_and_holds_nothing_up() {
    let told = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session())).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_course", false), ("price_mug", false)]),
    );
    let decision = told.decide(&catalogue(), 3);
    assert_eq!(line(&decision), "course=payment_received ?=support_review | circle:space:7 want");
    assert_eq!(decision.alerts.len(), 1);
    let [case] = decision.cases.as_slice() else { panic!("{:?}", decision.cases) };
    assert_eq!((case.kind, case.journey.as_str()), (CaseKind::Access, "pi_1"));
}

#[test]
fn what_the_catalogue_ignores_is_recorded_only() {
    let told = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session())).read(
        2,
        Kind::LineItems,
        "cs_1",
        lines(&[("price_tip", false)]),
    );
    let decision = told.decide(&catalogue(), 3);
    assert_eq!(line(&decision), " | ");
    assert!(decision.cases.is_empty() && decision.alerts.is_empty());
    assert_eq!(decision.entitled.ignored.len(), 1);
}

#[test]
fn a_gift_is_held_by_whom_the_shop_names_and_a_gift_to_oneself_is_none() {
    for (named, expect) in [
        ("Bob@Example.com", "course=payment_received | bob@example.com/circle:space:7 want"),
        ("ADA@example.com", "course=payment_received | circle:space:7 want"),
        ("not an address", "course=payment_received | circle:space:7 want"),
    ] {
        let told = with(|session| {
            session.metadata.insert("gift_to".to_owned(), named.to_owned());
        });
        assert_eq!(line(&told.decide(&catalogue(), 3)), expect, "{named}");
    }
}

#[test]
fn an_edit_of_the_catalogue_removes_nobody() {
    let nothing = Catalogue { entitlements: catalogue().entitlements, ..Catalogue::default() };
    let edited = nothing.following(&catalogue());
    let decision = course().decide(&edited, DAY);
    assert_eq!(line(&decision), "?=support_review | circle:space:7 leave");
}

#[test]
fn a_second_click_refunded_keeps_what_the_first_one_bought() {
    let second = Checkout { payment: Some("pi_2".to_owned()), created_at: at(40), ..session() };
    let told = course()
        .event(41, Kind::Checkout, "cs_2", Body::Checkout(second))
        .read(42, Kind::LineItems, "cs_2", lines(&[("price_course", false)]))
        .event(
            DAY,
            Kind::Charge,
            "ch_2",
            Body::Charge(frontdesk_core::fact::Charge {
                payment: Some("pi_2".to_owned()),
                refunded: true,
                refunded_minor: 24_900,
                ..charge()
            }),
        );
    assert_eq!(line(&told.decide(&catalogue(), 2 * DAY)), "course=payment_received | circle:space:7 want");
}
