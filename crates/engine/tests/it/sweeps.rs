//! Sweeps, both ways. Each test is named after what must be true.

use crate::house::{EVERY, GROUP, House, StandIn};
use frontdesk_core::budget::{Monthly, Reason};
use frontdesk_core::sweep::FindingKind;
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::{Membership, Person, Standing, Target};
use frontdesk_engine::settings::{Mode, Settings};
use frontdesk_sandbox::{Answer, Call, Provider};
use frontdesk_store::Finding;
use jiff::SignedDuration;
use serde_json::json;

fn open(house: &House) -> Vec<Finding> {
    house.wait(house.engine.store().findings(None, None, false, 100)).unwrap()
}

fn kinds(house: &House) -> Vec<(Target, FindingKind)> {
    open(house).into_iter().map(|finding| (finding.target, finding.kind)).collect()
}

fn person(house: &House, email: &str, target: Target) -> Person {
    house.row(email, target).observed.people.into_values().next().unwrap()
}

fn writes(calls: &[String]) -> Vec<&String> {
    calls.iter().filter(|call| !call.starts_with("GET")).collect()
}

fn alerts(house: &House) -> Vec<String> {
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    alerts.into_iter().filter(|alert| alert.kind == "sweep").map(|alert| alert.detail.to_string()).collect()
}

/// A few who pay, so that one who goes missing is no sudden shrink.
fn neighbours(house: &House) {
    for name in ["bob", "cleo", "dan"] {
        house.buys(&format!("{name}@example.com"));
    }
}

#[test]
fn a_settled_community_is_swept_without_a_write_or_a_finding() {
    let house = House::new("settled");
    neighbours(&house);
    house.act("circle/member", &json!({ "email": "friend@example.com", "state": "active" }));
    house.heard(Provider::Circle);
    for _ in 0..2 {
        house.pass(EVERY);
        let calls = house.heard(Provider::Circle);
        assert_eq!(writes(&calls), Vec::<&String>::new());
        assert_eq!(calls.len(), 3, "everyone and two groups: {calls:?}");
        assert!(calls[0].contains("status=all"), "{}", calls[0]);
        assert_eq!(kinds(&house), [], "whoever is merely a member is nobody's business");
    }
    let swept = house.wait(house.engine.swept(Target::Circle)).unwrap();
    assert_eq!(swept.last.map(|last| last.calls), Some(3));
    let spent =
        house.wait(house.engine.store().calls_counted("circle", "2026-03-01T00:00:00Z".parse().unwrap()));
    assert_eq!(spent.unwrap().get(&Reason::Sweep), Some(&6), "the ledger tells what sweeps cost");
}

#[test]
fn a_paying_member_who_is_missing_is_put_back_once_and_then_left_with_a_case() {
    let house = House::new("missing");
    house.buys("ada@example.com");
    neighbours(&house);
    house.act("circle/remove", &json!({ "email": "ada@example.com", "group": GROUP }));
    house.pass(EVERY);
    assert!(house.is_in("ada@example.com"), "put back");
    assert_eq!(kinds(&house), [(Target::Circle, FindingKind::Missing)]);
    let found = open(&house).remove(0);
    assert_eq!((found.customer, found.times), (Some(house.customer("ada@example.com")), 1));

    house.act("circle/remove", &json!({ "email": "ada@example.com", "group": GROUP }));
    house.pass(EVERY);
    assert!(!house.is_in("ada@example.com"), "a second time is a person's decision");
    let row = house.row("ada@example.com", Target::Circle);
    assert_eq!(row.state, State::Held(Hold::Person));
    assert_eq!(kinds(&house), [(Target::Circle, FindingKind::TakenOut)], "the earlier miss is settled");
    let cases = house.wait(house.engine.store().open_cases(&row.customer)).unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");

    house.pass(EVERY);
    assert!(!house.is_in("ada@example.com"));
    let again = house.engine.retry_sync(&row.customer, Target::Circle, "the founder");
    house.wait(again).unwrap();
    house.look();
    assert!(house.is_in("ada@example.com"), "a person may let them in again");
    assert_eq!(house.row("ada@example.com", Target::Circle).state, State::Applied);
}

#[test]
fn a_member_who_left_the_community_stays_out_with_a_case() {
    let house = House::new("gone");
    house.buys("ada@example.com");
    neighbours(&house);
    house.act("circle/deactivate", &json!({ "email": "ada@example.com" }));
    house.heard(Provider::Circle);
    house.pass(EVERY);
    let calls = house.heard(Provider::Circle);
    assert_eq!(writes(&calls), Vec::<&String>::new(), "nobody is invited again");
    let row = house.row("ada@example.com", Target::Circle);
    assert_eq!(row.state, State::Held(Hold::Person));
    assert!(kinds(&house).contains(&(Target::Circle, FindingKind::TakenOut)));
    assert_eq!(house.wait(house.engine.store().open_cases(&row.customer)).unwrap().len(), 1);
}

#[test]
fn a_hand_added_member_of_a_managed_group_is_listed_and_left() {
    let house = House::new("guest");
    neighbours(&house);
    house.act("circle/member", &json!({ "email": "guest@example.com", "state": "active", "group": GROUP }));
    for times in [1, 2] {
        house.pass(EVERY);
        assert!(house.is_in("guest@example.com"));
        let found = open(&house);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].times), (FindingKind::Unsupported, times));
        assert_eq!(found[0].address.as_ref().unwrap().as_str(), "guest@example.com");
    }
    house.act("circle/remove", &json!({ "email": "guest@example.com", "group": GROUP }));
    house.pass(EVERY);
    assert_eq!(open(&house), [], "settled when it is no longer so");
}

#[test]
fn someone_whose_access_ended_and_who_is_still_there_is_taken_out_but_not_one_let_in_since() {
    let house = House::new("lingering");
    let ada = house.buys("ada@example.com");
    neighbours(&house);
    house.act("stripe/cancel", &json!({ "subscription": ada["subscription"], "when": "now" }));
    house.pass(SignedDuration::from_mins(1));
    house.pass(SignedDuration::from_mins(1));
    assert!(!house.is_in("ada@example.com"));
    // The provider restores what it held before.
    house.act("circle/add", &json!({ "email": "ada@example.com", "group": GROUP }));
    house.pass(EVERY);
    assert!(!house.is_in("ada@example.com"), "we were told otherwise");
    assert_eq!(kinds(&house), [(Target::Circle, FindingKind::Lingering)]);
    house.pass(EVERY);
    // A sweep saw her out; whoever let her in since meant it.
    house.act("circle/add", &json!({ "email": "ada@example.com", "group": GROUP }));
    house.pass(EVERY);
    assert!(house.is_in("ada@example.com"));
    assert_eq!(kinds(&house), [(Target::Circle, FindingKind::Unsupported)]);
    assert_eq!(open(&house)[0].customer, Some(house.customer("ada@example.com")), "and who it was is said");
}

#[test]
fn addresses_and_acceptance_are_learnt_from_the_lists() {
    let house = House::new("learns");
    house.buys("ada@example.com");
    neighbours(&house);
    let standing = |house: &House| match person(house, "ada@example.com", Target::Circle).membership {
        Membership::Member { address, standing, .. } => (address.as_str().to_owned(), standing),
        other => panic!("{other:?}"),
    };
    assert_eq!(standing(&house), ("ada@example.com".to_owned(), Standing::Invited));
    house.act("circle/accept", &json!({ "email": "ada@example.com" }));
    house.act("circle/change-email", &json!({ "email": "ada@example.com", "to": "ada@new.example" }));
    house.heard(Provider::Circle);
    house.pass(EVERY);
    assert_eq!(standing(&house), ("ada@new.example".to_owned(), Standing::Active));
    assert_eq!(house.heard(Provider::Circle).len(), 3, "no read for it but the lists");
    assert_eq!(kinds(&house), []);
}

#[test]
fn a_list_that_lags_or_drifts_brings_nobody_a_second_grant() {
    let house = House::new("drift");
    house.buys("ada@example.com");
    neighbours(&house);
    // Pages of two, and somebody leaves the group before the second is read: a row is skipped.
    house.act("faults", &json!({ "provider": "circle", "switch": "per_page_max", "value": 2 }));
    house.act("circle/member", &json!({ "email": "x@example.com", "state": "active", "group": GROUP }));
    house.act(
        "circle/drift",
        &json!({ "action": "remove", "body": { "email": "x@example.com", "group": GROUP } }),
    );
    house.heard(Provider::Circle);
    house.pass(EVERY);
    let calls = house.heard(Provider::Circle);
    assert_eq!(writes(&calls), Vec::<&String>::new());
    assert!(!kinds(&house).iter().any(|(_, kind)| kind.is_miss()), "{:?}", kinds(&house));
}

#[test]
fn a_tag_that_is_missing_at_kit_is_confirmed_and_put_back_once_and_a_deleted_subscriber_is_left() {
    let house = House::new("kit");
    house.buys("ada@example.com");
    neighbours(&house);
    house.act("kit/untag", &json!({ "email": "ada@example.com", "tag": "member" }));
    house.heard(Provider::Kit);
    house.pass(EVERY);
    let calls = house.heard(Provider::Kit);
    assert_eq!(writes(&calls).len(), 1, "{calls:?}");
    assert!(calls.iter().any(|call| call.contains("/tags?per_page")), "confirmed before: {calls:?}");
    assert_eq!(kinds(&house), [(Target::Kit, FindingKind::Missing)]);
    house.act("kit/delete-subscriber", &json!({ "email": "ada@example.com" }));
    house.pass(EVERY);
    let calls = house.heard(Provider::Kit);
    assert_eq!(writes(&calls), Vec::<&String>::new(), "nobody is subscribed anew");
    assert_eq!(house.row("ada@example.com", Target::Kit).state, State::Held(Hold::Person));
}

/// Every list, empty.
fn empty(call: &Call) -> Option<Answer> {
    let is_list = call.method == "GET" && call.path.ends_with("community_members");
    let page = json!({ "page": 1, "per_page": 100, "has_next_page": false, "count": 0, "page_count": 0, "records": [] });
    is_list.then(|| Answer::json(200, &page))
}

#[test]
fn an_empty_list_changes_nothing_and_is_an_alert() {
    let house = House::new("empty");
    neighbours(&house);
    house.pass(EVERY);
    house.heard(Provider::Circle);
    house.stand_in(Some(empty));
    house.pass(EVERY);
    let calls = house.heard(Provider::Circle);
    assert_eq!((writes(&calls).len(), calls.len()), (0, 3), "{calls:?}");
    assert_eq!(kinds(&house), []);
    assert!(alerts(&house)[0].contains("is empty"), "{:?}", alerts(&house));
    assert_eq!(house.row("bob@example.com", Target::Circle).state, State::Applied);
    house.stand_in(None);
    house.pass(EVERY);
    assert_eq!(alerts(&house), Vec::<String>::new(), "closed by a sweep that got through");
}

#[test]
fn a_sudden_shrink_changes_nothing_until_a_person_says_that_it_is_right() {
    let house = House::new("shrink");
    neighbours(&house);
    for nth in 0..12 {
        let body = json!({ "email": format!("guest{nth}@example.com"), "state": "active", "group": GROUP });
        house.act("circle/member", &body);
    }
    house.pass(EVERY);
    assert_eq!(open(&house).len(), 12);
    for nth in 0..6 {
        house.act("circle/remove", &json!({ "email": format!("guest{nth}@example.com"), "group": GROUP }));
    }
    house.act("circle/remove", &json!({ "email": "bob@example.com", "group": GROUP }));
    house.pass(EVERY);
    assert!(!house.is_in("bob@example.com"), "nothing follows from it");
    assert_eq!(open(&house).len(), 12);
    assert!(alerts(&house)[0].contains("has 8 entries, and had 15"), "{:?}", alerts(&house));
    house.wait(house.engine.want_sweep(Target::Circle, true)).unwrap();
    house.look();
    assert!(house.is_in("bob@example.com"));
    assert_eq!(alerts(&house), Vec::<String>::new());
}

/// Everyone can be listed, and no group.
fn groups_down(call: &Call) -> Option<Answer> {
    let is_group = call.path.contains("/access_groups/") && call.path.ends_with("/community_members");
    (is_group && call.method == "GET").then(|| Answer::html(502, "<html>bad gateway</html>"))
}

#[test]
fn what_a_person_asks_for_is_not_answered_by_a_sweep_that_was_already_under_way() {
    let house = House::new("overtaken");
    house.buys("bob@example.com");
    house.stand_in(Some(groups_down));
    house.pass(EVERY);
    let swept = house.wait(house.engine.swept(Target::Circle)).unwrap();
    assert!(swept.running.is_some(), "stuck in the middle: {swept:?}");
    house.act("circle/remove", &json!({ "email": "bob@example.com", "group": GROUP }));
    house.stand_in(None);
    // The only member of the group is gone: a person knows why the list is empty.
    house.wait(house.engine.want_sweep(Target::Circle, true)).unwrap();
    house.look();
    assert!(house.is_in("bob@example.com"), "{:?}", alerts(&house));
    assert_eq!(alerts(&house), Vec::<String>::new());
}

/// A page of ever the same member, for ever followed by another.
fn endless(call: &Call) -> Option<Answer> {
    let page = json!({ "page": 1, "per_page": 100, "has_next_page": true, "count": 9, "page_count": 1,
        "records": [{ "id": 1, "email": "bob@example.com", "active": true }] });
    (call.path == "/api/admin/v2/community_members").then(|| Answer::json(200, &page))
}

/// The service is down.
fn down(call: &Call) -> Option<Answer> {
    call.path.ends_with("community_members").then(|| Answer::html(502, "<html>bad gateway</html>"))
}

/// The token was revoked.
fn refused(call: &Call) -> Option<Answer> {
    let body = json!({ "success": false, "message": "The API token is invalid.", "error_details": {} });
    call.path.starts_with("/api/admin").then(|| Answer::json(401, &body))
}

#[test]
fn lists_that_do_not_end_fail_or_are_refused_change_nothing() {
    let cases: [(&str, StandIn); 3] = [("endless", endless), ("down", down), ("refused", refused)];
    for (name, stand_in) in cases {
        let house = House::new(name);
        neighbours(&house);
        house.act("circle/remove", &json!({ "email": "bob@example.com", "group": GROUP }));
        house.heard(Provider::Circle);
        house.stand_in(Some(stand_in));
        house.pass(EVERY);
        let calls = house.heard(Provider::Circle);
        assert!(writes(&calls).is_empty() && calls.len() <= 2, "{name}: {calls:?}");
        assert_eq!(kinds(&house), [], "{name}");
        assert_eq!(alerts(&house).len(), 1, "{name}");
        house.stand_in(None);
        house.pass(SignedDuration::from_hours(2));
        assert!(house.is_in("bob@example.com"), "{name}: it goes on when the lists can be read");
        assert_eq!(alerts(&house), Vec::<String>::new(), "{name}");
    }
}

/// Single members cannot be looked at.
fn checks_down(call: &Call) -> Option<Answer> {
    call.path.ends_with("/community_member").then(|| Answer::html(502, "<html>bad gateway</html>"))
}

#[test]
fn a_difference_that_cannot_be_confirmed_waits_and_is_not_asked_for_again_and_again() {
    let house = House::new("unconfirmed");
    house.buys("ada@example.com");
    neighbours(&house);
    house.act("circle/remove", &json!({ "email": "ada@example.com", "group": GROUP }));
    house.stand_in(Some(checks_down));
    house.heard(Provider::Circle);
    house.pass(EVERY);
    let calls = house.heard(Provider::Circle);
    assert_eq!((writes(&calls).len(), calls.len()), (0, 4), "three lists and one look: {calls:?}");
    assert_eq!((kinds(&house), alerts(&house).len()), (vec![], 1));
    assert_eq!(house.row("ada@example.com", Target::Circle).state, State::Applied);
    house.pass(SignedDuration::from_mins(5));
    assert_eq!(house.heard(Provider::Circle), Vec::<String>::new());
    house.stand_in(None);
    house.pass(SignedDuration::from_mins(15));
    assert!(house.is_in("ada@example.com"));
    assert_eq!(kinds(&house), [(Target::Circle, FindingKind::Missing)]);
    assert_eq!(alerts(&house), Vec::<String>::new());
}

/// Fails from the second page of the members on.
fn second_page_down(call: &Call) -> Option<Answer> {
    let is_second = call.path == "/api/admin/v2/community_members" && call.parameter("page") != Some("1");
    is_second.then(|| Answer::html(503, "<html>busy</html>"))
}

#[test]
fn a_sweep_cut_off_in_the_middle_goes_on_there_after_a_restart() {
    let mut house = House::new("resumed");
    house.act("faults", &json!({ "provider": "circle", "switch": "per_page_max", "value": 2 }));
    house.buys("ada@example.com");
    neighbours(&house);
    house.heard(Provider::Circle);
    house.stand_in(Some(second_page_down));
    house.pass(EVERY);
    house.stand_in(None);
    house.restart();
    house.heard(Provider::Circle);
    house.pass(SignedDuration::from_mins(20));
    let calls = house.heard(Provider::Circle);
    let members: Vec<_> =
        calls.iter().filter(|call| call.contains("/community_members?status=all")).collect();
    assert_eq!(members.len(), 1, "the first page is not read again: {calls:?}");
    assert_eq!(kinds(&house), []);
    assert!(house.wait(house.engine.swept(Target::Circle)).unwrap().last.is_some());
}

#[test]
fn shadow_mode_learns_who_is_in_already_and_writes_nothing() {
    let house = House::with("shadow", |settings: &mut Settings| {
        for target in settings.targets.values_mut() {
            target.mode = Mode::Shadow;
        }
    });
    for name in ["ada", "bob"] {
        let body = json!({ "email": format!("{name}@example.com"), "state": "active", "group": GROUP });
        house.act("circle/member", &body);
        house.act("circle/add", &json!({ "email": format!("{name}@example.com"), "group": 4013 }));
        house.buys(&format!("{name}@example.com"));
    }
    house.buys("cleo@example.com");
    house.heard(Provider::Circle);
    house.pass(EVERY);
    assert_eq!(writes(&house.heard(Provider::Circle)), Vec::<&String>::new());
    assert_eq!(house.row("ada@example.com", Target::Circle).state, State::Applied, "adopted");
    assert_eq!(house.row("cleo@example.com", Target::Circle).state, State::Held(Hold::Shadow));
    assert_eq!(kinds(&house), []);
}

#[test]
fn a_sweep_of_a_thousand_members_and_two_groups_takes_no_more_than_thirty_calls() {
    let house = House::new("thousand");
    for nth in 0..1_000 {
        let email = format!("member{nth}@example.com");
        house.act("circle/member", &json!({ "email": email, "state": "active" }));
        if nth < 700 {
            house.act("circle/add", &json!({ "email": email, "group": GROUP }));
        }
        if nth >= 300 {
            house.act("circle/add", &json!({ "email": email, "group": 4013 }));
        }
    }
    house.heard(Provider::Circle);
    house.pass(EVERY);
    let calls = house.heard(Provider::Circle);
    assert_eq!((writes(&calls).len(), calls.len()), (0, 24));
    let forecast = house.wait(house.engine.forecast(Target::Circle)).unwrap();
    assert_eq!(forecast.sweep_costs, 24);
    let line = forecast.line(house.now());
    assert!(line.ends_with("of 5000 calls left, renews in 30 days; a sweep costs 24"), "{line}");
}

#[test]
fn a_sweep_that_the_allowance_has_no_room_for_is_put_off_and_says_so() {
    let house = House::with("allowance", |settings: &mut Settings| {
        let circle = settings.targets.get_mut(&Target::Circle).unwrap();
        circle.limits.monthly = Some(Monthly { calls: 30, renews_day: 1 });
    });
    neighbours(&house);
    house.heard(Provider::Circle);
    house.pass(EVERY);
    assert_eq!(house.heard(Provider::Circle), Vec::<String>::new());
    assert!(
        alerts(&house)[0].contains("a sweep costs 3 calls, and sweeps may spend 0 more"),
        "{:?}",
        alerts(&house)
    );
    house.buys("ada@example.com");
    assert!(house.is_in("ada@example.com"), "grants go on");
    house.pass(SignedDuration::from_hours(31 * 24));
    assert_eq!(alerts(&house), Vec::<String>::new(), "the allowance renewed");
    assert_eq!(house.heard(Provider::Circle).iter().filter(|call| call.contains("page=")).count(), 3);
}
