//! Forecasts of quota, as tables.

use frontdesk_core::budget::{Limits, Monthly, Reason};
use frontdesk_core::forecast::{Account, Forecast, LimitedBy, drain};
use frontdesk_core::target::Target;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

fn now() -> Timestamp {
    "2026-03-05T00:00:00Z".parse().expect("an instant")
}

fn account(calls: u32, seconds: i64, monthly: Option<u32>) -> Account {
    let monthly = monthly.map(|calls| Monthly { calls, renews_day: 14 });
    Account {
        limits: Limits { calls, window: SignedDuration::from_secs(seconds), monthly },
        used: BTreeMap::new(),
        lately: BTreeMap::new(),
        per_call: SignedDuration::ZERO,
        sweep_costs: 25,
    }
}

#[test]
fn a_launch_drains_as_fast_as_its_slowest_target() {
    let circle = || account(2000, 300, Some(5000));
    let key = account(120, 60, None);
    let oauth = account(600, 60, None);
    let slow = Account { per_call: SignedDuration::from_millis(1500), ..circle() };
    for (circle, kit, says) in [
        (circle(), key.clone(), "500 buyers drain in 8 min 20 s, limited by Kit's calls per minute and key"),
        (circle(), oauth, "500 buyers drain in 3 min 45 s, limited by Circle's calls in five minutes"),
        (slow, key, "500 buyers drain in 37 min 30 s, limited by how long Circle takes for a call"),
    ] {
        let drain = drain(&[(Target::Circle, circle), (Target::Kit, kit)].into(), 500).unwrap();
        assert_eq!(drain.to_string(), says);
    }
    assert_eq!(drain(&BTreeMap::new(), 500), None);
    let oauth_alone = drain(&[(Target::Kit, account(600, 60, None))].into(), 500).unwrap();
    assert_eq!(
        (oauth_alone.takes, oauth_alone.limited_by),
        (SignedDuration::from_secs(100), LimitedBy::Window)
    );
}

#[test]
fn sweeps_may_spend_half_of_what_the_reserve_and_the_expected_grants_leave() {
    // Nine days are left of the month.
    for (used, lately, left) in [
        (vec![], vec![], 2000),
        (vec![(Reason::Grant, 1000)], vec![], 1500),
        (vec![(Reason::Grant, 1000), (Reason::Sweep, 500)], vec![], 1000),
        (vec![(Reason::Grant, 1000)], vec![(Reason::Grant, 1000), (Reason::Settle, 500)], 1275),
        (vec![(Reason::Grant, 1000)], vec![(Reason::Sweep, 9000), (Reason::Read, 9000)], 1500),
        (vec![(Reason::Sweep, 2000)], vec![], 0),
        (vec![(Reason::Grant, 4100)], vec![], 0),
    ] {
        let account = Account {
            used: used.iter().copied().collect(),
            lately: lately.iter().copied().collect(),
            ..account(1500, 300, Some(5000))
        };
        assert_eq!(account.sweep_allowance(now()), Some(left), "{used:?} {lately:?}");
    }
    assert_eq!(account(100, 60, None).sweep_allowance(now()), None, "no monthly allowance, no end to it");
}

#[test]
fn a_forecast_is_one_line() {
    let spent = |calls| Account { used: [(Reason::Grant, calls)].into(), ..account(1500, 300, Some(5000)) };
    for (account, target, says) in [
        (spent(1820), Target::Circle, "Circle 3180 of 5000 calls left, renews in 9 days; a sweep costs 25"),
        (
            spent(3980),
            Target::Circle,
            "Circle 1020 of 5000 calls left, renews in 9 days; a sweep costs 25, and only 10 may be spent on sweeps until then",
        ),
        (account(100, 60, None), Target::Kit, "Kit has no monthly allowance; a sweep costs 25"),
    ] {
        assert_eq!(Forecast::of(target, &account, now()).line(now()), says);
    }
}
