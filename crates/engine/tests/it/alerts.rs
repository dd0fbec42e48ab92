//! Alerts say what is so, and end with it. Each test is named after what must be true.

use crate::house::House;
use frontdesk_engine::import::Turn;
use frontdesk_sandbox::{Answer, Call};
use jiff::SignedDuration;
use serde_json::json;

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
    house.act(
        "stripe/checkout",
        &json!({ "email": "ben@example.com", "name": "Ben", "price": "price_1Community" }),
    );
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
    assert!(house.is_in("ben@example.com"));
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
