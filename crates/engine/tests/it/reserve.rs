//! The part of a month's calls that only grants and removals may use (I21).

use crate::house::House;
use frontdesk_core::budget::{Monthly, Reason};
use frontdesk_core::sync::State;
use frontdesk_core::target::Target;
use frontdesk_engine::settings::Settings;
use frontdesk_sandbox::Provider;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// What was spent at Circle, by reason.
fn spent(house: &House) -> BTreeMap<Reason, i64> {
    let since = "2026-03-01T00:00:00Z".parse().unwrap();
    house.wait(house.engine.store().calls_counted("circle", since)).unwrap()
}

fn allowing(calls: u32) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let circle = settings.targets.get_mut(&Target::Circle).unwrap();
        circle.limits.monthly = Some(Monthly { calls, renews_day: 1 });
    }
}

#[test]
fn a_process_that_starts_on_the_reserve_reads_no_lists_and_lets_in_who_pays() {
    let mut house = House::new("reserve");
    house.buys("ada@example.com");
    let used = spent(&house).values().sum::<i64>();
    house.restart_with(allowing(u32::try_from(used).unwrap()));
    let before = spent(&house);
    house.heard(Provider::Circle);
    house.buys("ben@example.com");
    house.pass(SignedDuration::from_hours(3));
    assert!(house.is_in("ben@example.com"));
    assert_eq!(house.row("ben@example.com", Target::Circle).state, State::Applied);
    let after = spent(&house);
    for reason in [Reason::Read, Reason::Sweep] {
        assert_eq!(after.get(&reason), before.get(&reason), "{:?}", house.heard(Provider::Circle));
    }
    assert!(after[&Reason::Grant] > before[&Reason::Grant]);
    // Once there is room again, the lists are read.
    house.restart_with(allowing(5_000));
    house.pass(SignedDuration::from_mins(1));
    assert!(spent(&house)[&Reason::Read] > after[&Reason::Read]);
}

#[test]
fn lists_of_which_one_page_still_fits_beside_the_reserve_are_not_read_on_out_of_it() {
    let mut house = House::new("reserve-pages");
    house.buys("ada@example.com");
    let used = spent(&house).values().sum::<i64>();
    // One call is left beside a fifth of the month.
    let leaves_one = |calls: &u32| i64::from(Monthly { calls: *calls, renews_day: 1 }.usable()) == used + 1;
    let calls = (1..1_000).find(leaves_one);
    house.act("faults", &serde_json::json!({ "provider": "circle", "switch": "per_page_max", "value": 1 }));
    let before = spent(&house)[&Reason::Read];
    house.restart_with(allowing(calls.unwrap()));
    house.heard(Provider::Circle);
    house.pass(SignedDuration::from_mins(10));
    assert_eq!(spent(&house)[&Reason::Read], before + 1, "{:?}", house.heard(Provider::Circle));
}
