//! Removals that are past their time are told, and nothing that somebody decided or that is out of reach is (I9).

use crate::house::{House, StandIn};
use frontdesk_core::freeze::Scope;
use frontdesk_core::sync::State;
use frontdesk_core::target::Target;
use frontdesk_sandbox::Answer;
use jiff::SignedDuration;
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";
const CIRCLE: &str = "/api/admin/v2";
/// A refusal that no schedule repeats before a day has passed.
const REFUSED: StandIn = |call| {
    let body =
        json!({ "success": false, "message": "This member is the owner of the group.", "error_details": {} });
    (call.method == "DELETE" && call.path.starts_with(CIRCLE)).then(|| Answer::json(422, &body))
};

fn cancels(house: &House, bought: &Value) {
    house.act("stripe/cancel", &json!({ "subscription": bought["subscription"], "when": "now" }));
}

fn minutes(house: &House, minutes: i64) {
    house.run(SignedDuration::from_mins(minutes));
}

/// The open alerts about overdue removals, after everybody looked.
fn told(house: &House) -> Vec<String> {
    house.wait(house.engine.look_after_removals()).unwrap();
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    let overdue = alerts.into_iter().filter(|alert| alert.kind == "overdue_removal");
    overdue.map(|alert| alert.detail["why"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_removal_that_its_target_refuses_is_told_once_its_time_is_over_until_it_is_made() {
    let house = House::new("overdue");
    let bought = house.buys(ADA);
    assert_eq!(told(&house), [""; 0]);
    house.stand_in(Some(REFUSED));
    cancels(&house, &bought);
    minutes(&house, 14);
    assert!(house.is_in(ADA) && matches!(house.row(ADA, Target::Circle).state, State::Parked { .. }));
    assert_eq!(told(&house), [""; 0]);
    minutes(&house, 2);
    let alerts = told(&house);
    let why = alerts.first().map(String::as_str).unwrap_or_default();
    assert!(
        why.starts_with("1 customer keeps at Circle what has ended, the first since 2026-03-02T09:0"),
        "{alerts:?}"
    );
    assert_eq!(told(&house), alerts, "one alert, however often it is looked at");
    house.stand_in(None);
    house.wait(house.engine.retry_sync(&house.customer(ADA), Target::Circle, "ada")).unwrap();
    minutes(&house, 2);
    assert!(!house.is_in(ADA));
    assert_eq!(told(&house), [""; 0]);
}

#[test]
fn a_freeze_stops_the_time_and_a_thaw_begins_it_anew() {
    let house = House::new("overdue-frozen");
    house.stand_in(Some(REFUSED));
    let until = house.now() + SignedDuration::from_hours(3);
    let bought = house.buys(ADA);
    let frozen = house.engine.freeze(Scope::Target(Target::Circle), until, "ada", "a quiet morning");
    let name = house.wait(frozen).unwrap().name;
    cancels(&house, &bought);
    minutes(&house, 60);
    assert!(house.is_in(ADA));
    assert_eq!(told(&house), [""; 0]);
    house.wait(house.engine.thaw(&name, "ada")).unwrap();
    minutes(&house, 14);
    assert_eq!(told(&house), [""; 0]);
    minutes(&house, 2);
    assert_eq!(told(&house).len(), 1);
}

#[test]
fn an_outage_is_told_as_one_and_the_time_begins_when_it_is_over() {
    let house = House::new("overdue-outage");
    let bought = house.buys(ADA);
    house.stand_in(Some(|call| call.path.starts_with(CIRCLE).then(|| Answer::text(503, "down"))));
    cancels(&house, &bought);
    for email in ["ben@example.com", "cleo@example.com", "dan@example.com", "eve@example.com"] {
        house.act(
            "stripe/checkout",
            &json!({ "email": email, "name": "A buyer", "price": "price_1Community" }),
        );
    }
    minutes(&house, 90);
    assert!(house.is_in(ADA));
    assert_eq!(told(&house), [""; 0]);
    let kinds = house.wait(house.engine.store().open_alerts()).unwrap().into_iter().map(|alert| alert.kind);
    assert_eq!(kinds.collect::<Vec<_>>(), ["outage"]);
    house.stand_in(Some(REFUSED));
    minutes(&house, 40);
    assert_eq!(told(&house).len(), 1, "it answers, and refuses");
}
