//! What happens to access after the first payment.

use crate::town::{Rest, Town};
use frontdesk_core::target::Target;
use jiff::SignedDuration;
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";

/// A member with a monthly subscription, a month later.
fn a_month_later(name: &str) -> (Town, Value) {
    let town = Town::new(name);
    town.act("circle", "member", json!({ "email": ADA }));
    let bought = town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["active"]);
    town.settle();
    // In steps, or the source's list of events would be left unread for longer than it is kept.
    for days in [10, 10, 11] {
        town.jump(SignedDuration::from_hours(days * 24));
        town.settle();
    }
    (town, bought)
}

#[test]
fn a_renewal_that_fails_keeps_access_until_grace_ends_and_then_takes_it() {
    let (town, bought) = a_month_later("grace");
    town.act("stripe", "renewal_fail", json!({ "subscription": bought["subscription"] }));
    town.soon_stages(ADA, &["past_due"]);
    town.settle();
    assert_eq!(town.status_page(ADA)[0], "past_due");
    // The page of the checkout shows nothing of it by now, to whoever holds its address.
    town.until_page(&bought, &["payment_processing"]);
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    town.jump(SignedDuration::from_hours(6 * 24));
    town.settle();
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into(), "grace is seven days");
    town.jump(SignedDuration::from_hours(25));
    town.soon_stages(ADA, &["ended"]);
    town.soon("Ada out", |town| town.in_group(4012).is_empty().then_some(()));
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_renewal_that_recovers_within_grace_changes_nothing() {
    let (town, bought) = a_month_later("recovers");
    let before = town.calls("circle").len();
    town.act("stripe", "renewal_fail", json!({ "subscription": bought["subscription"] }));
    town.soon_stages(ADA, &["past_due"]);
    town.act("stripe", "renewal_recover", json!({ "subscription": bought["subscription"] }));
    town.soon_stages(ADA, &["active"]);
    town.settle();
    let writes: Vec<_> =
        town.calls("circle").drain(before..).filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, [""; 0]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_cancellation_keeps_access_to_the_end_of_what_was_paid() {
    let town = Town::new("cancelled");
    town.act("circle", "member", json!({ "email": ADA }));
    let bought = town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["active"]);
    town.act("stripe", "cancel", json!({ "subscription": bought["subscription"], "when": "period_end" }));
    town.soon_stages(ADA, &["ending"]);
    town.until_page(&bought, &["ending"]);
    town.settle();
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_dispute_suspends_access_and_a_won_one_gives_it_back() {
    let town = Town::new("dispute");
    town.act("circle", "member", json!({ "email": ADA }));
    let course = town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    let dispute = town.act("stripe", "dispute", json!({ "session": course["session"] }));
    town.soon_stages(ADA, &["disputed"]);
    town.soon("Ada out of the course", |town| town.in_group(4014).is_empty().then_some(()));
    town.rest_but_calls(Rest { cases: vec!["billing"], ..Rest::default() });
    town.act("stripe", "dispute_close", json!({ "dispute": dispute["dispute"], "status": "won" }));
    town.soon_stages(ADA, &["active"]);
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_case_that_a_person_closed_stays_closed_for_the_same_reason() {
    let town = Town::new("dismissed");
    town.act("circle", "member", json!({ "email": ADA }));
    let bought = town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["active"]);
    town.act("stripe", "refund", json!({ "charge": bought["charge"] }));
    town.soon_stages(ADA, &["refunded"]);
    town.settle();
    let customer = town.customer(ADA).expect("Ada is known");
    let open = |town: &Town| {
        let cases = town.ask(town.engine().store().open_cases(&customer)).expect("the store answers");
        cases.into_iter().map(|case| case.number).collect::<Vec<_>>()
    };
    let [number] = open(&town)[..] else { panic!("one case: {:?}", open(&town)) };
    town.ask(town.engine().close_case(number, "Rosa", "he may stay until the end of the month"))
        .expect("closed");
    assert_eq!(open(&town), [0; 0]);
    // The subscription lives on, and so does the reason.
    town.ask(town.engine().retry_sync(&customer, Target::Kit, "Rosa")).expect("looked at again");
    town.settle();
    assert_eq!(open(&town), [0; 0]);
    town.rest_but_calls(Rest::default());
}
