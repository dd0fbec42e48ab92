//! The answer to "why?".

use crate::shop::*;
use frontdesk_core::entitlement::{Claim, Deadline, Over, Property, Standing};
use frontdesk_core::explain::{Explained, Turning, explain};
use frontdesk_core::fact::{Body, Checkout, DisputeStatus, Kind, PaymentStatus};
use frontdesk_core::stage::Stage;
use std::collections::BTreeMap;

fn explained(told: &Told, seconds: i64) -> Vec<Explained> {
    let catalogue = catalogue();
    explain(&told.decide(&catalogue, seconds), &BTreeMap::new(), &catalogue)
}

#[test]
fn each_answer_turns_on_one_fact() {
    let becomes = |kind, id: &str, field, value: &str| Turning::Becomes {
        object: key(kind, id),
        field,
        value: value.to_owned(),
    };
    let unpaid = Checkout { payment_status: PaymentStatus::Unpaid, ..session() };
    let unread = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(session()));
    let unpaid = Told::default().event(1, Kind::Checkout, "cs_1", Body::Checkout(unpaid));
    let mug = unread.clone().read(2, Kind::LineItems, "cs_1", lines(&[("price_mug", false)]));
    let refunded = course().event(DAY, Kind::Charge, "ch_1", refunded(24_900));
    let disputed = course().event(DAY, Kind::Dispute, "du_1", dispute(DAY, DisputeStatus::Open));
    let table = [
        ("bought to keep", course(), becomes(Kind::Checkout, "cs_1", Property::Refunded, "true")),
        ("a membership", membership(), becomes(Kind::Subscription, "sub_1", Property::Status, "canceled")),
        ("past due", renewal_fails(), Turning::Passes { at: at(37 * DAY), what: Deadline::Grace }),
        ("unpaid", unpaid, becomes(Kind::Checkout, "cs_1", Property::PaymentStatus, "paid")),
        ("unread", unread, Turning::Read { object: key(Kind::LineItems, "cs_1") }),
        ("unmapped", mug, Turning::Mapped { good: "price_mug".to_owned() }),
        ("refunded", refunded, Turning::BoughtAgain),
        ("disputed", disputed, becomes(Kind::Dispute, "du_1", Property::Status, "won")),
    ];
    for (name, told, expect) in table {
        let explained = explained(&told, 31 * DAY);
        let [one] = explained.as_slice() else { panic!("{name}: {explained:?}") };
        assert_eq!(one.would_change.as_ref(), Some(&expect), "{name}");
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
    assert_eq!(item, &("absent".to_owned(), None));
}
