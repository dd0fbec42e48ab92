//! Alerts say what is so, and end with it. Each test is named after what must be true.

use crate::house::{House, StandIn};
use frontdesk_core::sync::State;
use frontdesk_core::target::Target;
use frontdesk_engine::import::Turn;
use frontdesk_sandbox::{Answer, Call};
use jiff::SignedDuration;
use serde_json::json;

const BEN: &str = "ben@example.com";

fn kinds(house: &House) -> Vec<String> {
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    alerts.into_iter().map(|alert| alert.kind).collect()
}

fn is_circle(call: &Call) -> bool {
    call.path.starts_with("/api/admin/v2")
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "success": false, "message": message, "error_details": {} }))
}

#[test]
fn an_account_that_stays_refused_for_another_reason_has_the_alert_of_that_reason() {
    let house = House::new("refused-anew");
    house.buys("ada@example.com");
    house.stand_in(Some(|call| {
        is_circle(call).then(|| refused(403, "Your community has used its monthly API requests."))
    }));
    house.act("stripe/checkout", &json!({ "email": BEN, "name": "Ben", "price": "price_1Community" }));
    house.run(SignedDuration::from_mins(2));
    assert_eq!(kinds(&house), ["allowance"]);
    house.stand_in(Some(|call| is_circle(call).then(|| refused(401, "The API token is invalid."))));
    house.run(SignedDuration::from_hours(2));
    assert_eq!(kinds(&house), ["unauthorized"]);
    house.stand_in(Some(|call| {
        is_circle(call).then(|| refused(403, "Your community has used its monthly API requests."))
    }));
    house.run(SignedDuration::from_hours(2));
    assert_eq!(kinds(&house), ["allowance"]);
    house.stand_in(None);
    house.run(SignedDuration::from_hours(2));
    assert_eq!(kinds(&house), [""; 0]);
    assert!(house.is_in(BEN));
}

#[test]
fn a_gap_in_what_was_listed_is_told_until_everything_was_read_anew() {
    let every = SignedDuration::from_mins(15);
    let house = House::with("poll-gap", |settings| settings.source.poll_every = Some(every));
    let poll = || house.wait(house.engine.poll()).unwrap();
    poll();
    house.pass(SignedDuration::from_hours(31 * 24));
    poll();
    assert_eq!(kinds(&house), ["poll_gap"]);
    house.pass(every);
    poll();
    assert_eq!(kinds(&house), ["poll_gap"], "what is listed since says nothing about it");
    house.wait(house.engine.import_begin()).unwrap();
    while house.wait(house.engine.import_turn()).unwrap() != Turn::Done {
        assert_eq!(kinds(&house), ["poll_gap"]);
        house.pass(SignedDuration::from_secs(10));
    }
    assert_eq!(kinds(&house), [""; 0]);
}

/// Ben buys, and for so long some calls fail.
fn fails_for(house: &House, failing: StandIn, hours: i64) {
    house.stand_in(Some(failing));
    house.act("stripe/checkout", &json!({ "email": BEN, "name": "Ben", "price": "price_1Community" }));
    house.run(SignedDuration::from_hours(hours));
}

#[test]
fn an_outage_that_one_row_alone_meets_is_an_outage_and_parks_nothing() {
    let house = House::new("outage-of-one");
    house.buys("ada@example.com");
    fails_for(&house, |call| is_circle(call).then(|| Answer::text(503, "down")), 30);
    assert_eq!(kinds(&house), ["outage"]);
    assert_eq!(house.row(BEN, Target::Circle).state, State::Due);
    let cases = house.wait(house.engine.store().open_cases(&house.customer(BEN))).unwrap();
    assert_eq!(cases, []);
    house.stand_in(None);
    house.run(SignedDuration::from_mins(10));
    assert!(house.is_in(BEN));
    assert_eq!(kinds(&house), [""; 0]);
}

#[test]
fn a_row_whose_own_calls_fail_while_the_account_answers_is_parked_and_no_outage() {
    let house = House::new("fails-alone");
    house.buys("ada@example.com");
    let own = |call: &Call| (is_circle(call) && call.method == "POST").then(|| Answer::text(503, "down"));
    fails_for(&house, own, 30);
    assert!(matches!(house.row(BEN, Target::Circle).state, State::Parked { .. }));
    assert_eq!(kinds(&house), [""; 0]);
}

#[test]
fn a_source_that_is_silent_for_longer_than_usual_is_told_until_it_speaks() {
    let every = SignedDuration::from_hours(1);
    let house = House::with("silence", |settings| settings.source.poll_every = Some(every));
    let poll = || house.wait(house.engine.poll()).unwrap();
    poll();
    for buyer in ["ada@example.com", BEN, "cleo@example.com", "dan@example.com"] {
        house.buys(buyer);
        house.pass(SignedDuration::from_hours(24));
    }
    house.pass(SignedDuration::from_hours(23));
    poll();
    assert_eq!(kinds(&house), [""; 0], "a day without a payment is usual");
    house.pass(SignedDuration::from_hours(3));
    poll();
    assert_eq!(kinds(&house), ["silence"], "two days are not");
    house.buys("eve@example.com");
    house.pass(every);
    poll();
    assert_eq!(kinds(&house), [""; 0]);
}
