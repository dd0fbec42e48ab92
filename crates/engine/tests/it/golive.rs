//! From shadow mode to live: what was collected waits for a person.

use crate::house::{GROUP, House};
use frontdesk_core::golive::Written;
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::Target;
use frontdesk_engine::golive::WentLive;
use frontdesk_engine::settings::{Mode, Settings};
use frontdesk_sandbox::Provider;
use jiff::SignedDuration;
use serde_json::json;

fn set(mode: Mode) -> impl FnOnce(&mut Settings) {
    move |settings| settings.targets.values_mut().for_each(|target| target.mode = mode)
}

fn writes(house: &House) -> Vec<String> {
    house.heard(Provider::Circle).into_iter().filter(|call| !call.starts_with("GET")).collect()
}

fn alerts(house: &House) -> Vec<String> {
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    alerts.into_iter().map(|alert| format!("{} {}", alert.kind, alert.subject)).collect()
}

#[test]
fn what_was_bought_in_shadow_mode_waits_for_a_person_and_what_is_bought_after_does_not() {
    let mut house = House::with("golive", set(Mode::Shadow));
    house.buys("bob@example.com");
    house.buys("ada@example.com");
    assert_eq!(house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap(), WentLive::InShadow);
    house.restart_with(set(Mode::Live));
    house.look();
    assert_eq!(alerts(&house), ["not_live circle", "not_live kit"]);
    house.buys("cleo@example.com");
    assert!(house.is_in("cleo@example.com"));
    // Neither a sweep that saw something, nor another process, lets go of what waits.
    house.act("circle/member", &json!({ "email": "bob@example.com", "state": "active", "group": GROUP }));
    house.restart();
    house.pass(SignedDuration::from_hours(13));
    assert_eq!(house.row("bob@example.com", Target::Circle).state, State::Held(Hold::Shadow));
    assert!(!house.is_in("ada@example.com"));
    let cleos: Vec<_> = writes(&house).into_iter().filter(|call| !call.contains("group")).collect();
    assert_eq!(cleos.len(), 1, "one invitation: {cleos:?}");
    let WentLive::Done { rows } = house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap() else {
        panic!("it was live already")
    };
    assert_eq!(rows, 2);
    house.look();
    house.pass(SignedDuration::from_mins(2));
    assert!(house.is_in("ada@example.com"));
    assert_eq!(house.row("bob@example.com", Target::Circle).state, State::Applied);
    assert_eq!(alerts(&house), ["not_live kit"], "each target by itself");
    let again = house.wait(house.engine.go_live(Target::Circle, "bob")).unwrap();
    assert!(matches!(again, WentLive::Already { by: Some(by), .. } if by == "ada"));
}

/// Whoever bought before the file said `live` waits, however late the webhook that tells of it; their row is none of
/// those that waited then, so it is the purchase that holds it. The target goes on serving everybody else.
#[test]
fn who_bought_before_and_is_told_of_after_waits_and_nobody_waits_for_them() {
    let mut house = House::with("golive-late", set(Mode::Shadow));
    house.buys("bob@example.com");
    let late = json!({ "email": "late@example.com", "price": "price_1Community", "deliver": "lost" });
    house.act("stripe/checkout", &late);
    house.pass(SignedDuration::from_mins(10));
    house.restart_with(set(Mode::Live));
    house.look();
    for event in house.state()["stripe"]["events"].as_array().unwrap() {
        house.act("stripe/redeliver", &json!({ "event": event["id"] }));
    }
    house.pass(SignedDuration::from_secs(1));
    assert_eq!(house.row("late@example.com", Target::Circle).state, State::Held(Hold::Shadow));
    house.buys("cleo@example.com");
    assert_eq!((house.is_in("late@example.com"), house.is_in("cleo@example.com")), (false, true));
    house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    house.look();
    house.pass(SignedDuration::from_mins(2));
    assert!(house.is_in("late@example.com"));
}

/// A clock that is years behind when the file says `live` (I26): what waits became due later, by that clock, and waits on.
#[test]
fn a_clock_that_is_behind_at_go_live_lets_nobody_in_who_waits() {
    let mut house = House::with("golive-clock", set(Mode::Shadow));
    house.buys("bob@example.com");
    let years = SignedDuration::from_hours(10 * 365 * 24);
    house.clock(-years);
    house.restart_with(set(Mode::Live));
    house.look();
    house.clock(years);
    house.pass(SignedDuration::from_hours(1));
    assert_eq!(house.row("bob@example.com", Target::Circle).state, State::Held(Hold::Shadow));
    assert!(!house.is_in("bob@example.com"));
    house.buys("cleo@example.com");
    assert!(house.is_in("cleo@example.com"));
}

#[test]
fn one_person_can_be_let_go_before_the_rest() {
    let mut house = House::with("golive-one", set(Mode::Shadow));
    house.buys("bob@example.com");
    house.buys("ada@example.com");
    house.restart_with(set(Mode::Live));
    house.look();
    let ada = house.customer("ada@example.com");
    house.wait(house.engine.retry_sync(&ada, Target::Circle, "ada")).unwrap();
    house.look();
    house.pass(SignedDuration::from_mins(2));
    assert_eq!((house.is_in("ada@example.com"), house.is_in("bob@example.com")), (true, false));
}

#[test]
fn a_target_where_nobody_waits_is_live_when_the_file_says_so() {
    let mut house = House::with("golive-none", set(Mode::Shadow));
    house.restart_with(set(Mode::Live));
    house.look();
    house.buys("ada@example.com");
    assert!(house.is_in("ada@example.com"));
    assert_eq!(alerts(&house), Vec::<String>::new());
    assert!(matches!(
        house.wait(house.engine.written(Target::Circle)).unwrap(),
        Written::Everything { by: None, .. }
    ));
    // Back in shadow mode, the same begins again.
    house.restart_with(set(Mode::Shadow));
    house.buys("bob@example.com");
    house.restart_with(set(Mode::Live));
    house.look();
    house.pass(SignedDuration::from_mins(2));
    assert!(!house.is_in("bob@example.com"));
    assert_eq!(alerts(&house), ["not_live circle", "not_live kit"]);
}

#[test]
fn after_an_import_a_target_waits_for_a_person_although_no_row_waits_yet() {
    let mut house = House::with("golive-import", set(Mode::Shadow));
    house.wait(house.engine.import_begin()).unwrap();
    house.restart_with(set(Mode::Live));
    house.look();
    assert_eq!(alerts(&house), ["not_live circle", "not_live kit"]);
    // Who buys from now on is let in all the same.
    house.buys("ada@example.com");
    assert!(house.is_in("ada@example.com"));
    let went = house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    assert_eq!(went, WentLive::Done { rows: 0 });
    assert_eq!(alerts(&house), ["not_live kit"]);
}

#[test]
fn nodes_that_are_told_different_modes_leave_each_others_mark_and_a_person_is_told() {
    let mut house = House::with("golive-modes", set(Mode::Shadow));
    house.buys("bob@example.com");
    let shadow = house.engine.clone();
    house.restart_with(|settings| {
        set(Mode::Live)(settings);
        settings.node = "second".to_owned();
    });
    house.look();
    let went = house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    assert_eq!(went, WentLive::Done { rows: 1 });
    // The first still has its file from before.
    house.wait(shadow.reconcile(Target::Circle)).unwrap();
    let open = house.wait(house.engine.store().open_alerts()).unwrap();
    let alert = open.iter().find(|alert| alert.kind == "modes_differ").expect("somebody is told");
    let why = alert.detail["why"].as_str().unwrap();
    let node = &shadow.settings().node;
    assert!(
        why.contains(&format!("`shadow` on the node `{node}`")) && why.contains("`live` on `second`"),
        "{why}"
    );
    let written = house.wait(house.engine.written(Target::Circle)).unwrap();
    assert!(matches!(written, Written::Everything { by: Some(by), .. } if by == "ada"));
    // Its file says the same by now: what it held meanwhile waits for a person like everything else.
    shadow.amend_settings(set(Mode::Live));
    house.wait(shadow.reconcile(Target::Circle)).unwrap();
    assert_eq!(alerts(&house), ["not_live kit", "not_live circle"]);
    let went = house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    assert_eq!(went, WentLive::Done { rows: 1 });
}

#[test]
fn a_file_that_says_shadow_stops_a_pass_that_is_under_way() {
    let house = House::new("golive-stop");
    house.buys("bob@example.com");
    let (mut settings, catalogue) = ((*house.engine.settings()).clone(), (*house.engine.catalogue()).clone());
    set(Mode::Shadow)(&mut settings);
    house.engine.exchange(settings, catalogue);
    house.buys("ada@example.com");
    assert!(!house.is_in("ada@example.com"));
    assert_eq!(house.row("ada@example.com", Target::Circle).state, State::Held(Hold::Shadow));
}
