//! The mass-change brake under a wall clock that lies.

use crate::house::House;
use frontdesk_core::brake;
use frontdesk_core::target::Target;
use frontdesk_engine::settings::Settings;
use frontdesk_store::SyncFilter;
use jiff::SignedDuration;
use serde_json::json;

const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);

fn address(nth: u64) -> String {
    format!("member{nth}@example.com")
}

/// Kit asks for nothing here.
fn circle_alone(settings: &mut Settings) {
    settings.targets.remove(&Target::Kit);
}

/// Two more people than may lose access at once, who all have it.
fn crowd(house: &House) -> Vec<String> {
    (0..brake::ALWAYS + 2)
        .map(|nth| {
            let bought = house.buys(&address(nth));
            bought["subscription"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn leaves(house: &House, subscription: &str) {
    house.act("stripe/cancel", &json!({ "subscription": subscription, "when": "now" }));
    house.look();
}

fn still_in(house: &House) -> usize {
    (0..brake::ALWAYS + 2).filter(|nth| house.is_in(&address(*nth))).count()
}

#[test]
fn a_clock_that_jumps_ahead_lets_no_more_go() {
    let house = House::with("brake-ahead", circle_alone);
    let crowd = crowd(&house);
    assert_eq!(still_in(&house), 12);
    crowd[..10].iter().for_each(|subscription| leaves(&house, subscription));
    assert_eq!(still_in(&house), 2, "ten are let go");
    house.lie(YEAR);
    crowd[10..].iter().for_each(|subscription| leaves(&house, subscription));
    assert_eq!(still_in(&house), 2, "what was just taken is not a year ago");
    let brakes = house.wait(house.engine.store().brakes()).unwrap();
    assert_eq!(brakes.len(), 1);
}

#[test]
fn what_was_taken_under_a_clock_that_was_ahead_holds_nobody_later() {
    let house = House::with("brake-behind", circle_alone);
    let crowd = crowd(&house);
    house.lie(YEAR);
    crowd[..10].iter().for_each(|subscription| leaves(&house, subscription));
    // Webhooks that look a year old are refused, and a poll brings in what they told.
    house.run(SignedDuration::from_hours(1));
    assert_eq!(still_in(&house), 2);
    house.lie(SignedDuration::ZERO);
    house.pass(brake::WINDOW);
    crowd[10..].iter().for_each(|subscription| leaves(&house, subscription));
    assert_eq!(still_in(&house), 0);
    let rows = house.wait(house.engine.store().sync_list(&SyncFilter::default(), None, 100)).unwrap();
    assert_eq!(rows.len(), 12);
    assert!(house.wait(house.engine.store().brakes()).unwrap().is_empty());
}
