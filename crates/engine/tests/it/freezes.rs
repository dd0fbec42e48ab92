//! Freezing and thawing.

use crate::house::House;
use frontdesk_core::freeze::Scope;
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::Target;
use frontdesk_engine::acts::Acted;
use frontdesk_sandbox::Provider;
use jiff::SignedDuration;
use serde_json::json;

fn writes(house: &House, provider: Provider) -> usize {
    house.heard(provider).iter().filter(|call| !call.starts_with("GET")).count()
}

fn freeze(house: &House, scope: Scope, hours: i64) -> String {
    let until = house.now() + SignedDuration::from_hours(hours);
    house.wait(house.engine.freeze(scope, until, "ada", "launch day")).unwrap().name
}

#[test]
fn marketing_is_frozen_while_access_goes_on_and_thaws_to_the_final_state_alone() {
    let house = House::new("marketing");
    house.buys("bob@example.com");
    let name = freeze(&house, Scope::Marketing, 24);
    let ada = house.buys("ada@example.com");
    assert!(house.is_in("ada@example.com"));
    let row = house.row("ada@example.com", Target::Kit);
    assert!(matches!(&row.state, State::Held(Hold::Frozen { name: held, .. }) if *held == name), "{row:?}");
    // She cancels, and Bob does: of all that happened only the last word counts.
    house.act("stripe/cancel", &json!({ "subscription": ada["subscription"], "when": "now" }));
    house.pass(SignedDuration::from_mins(1));
    house.pass(SignedDuration::from_mins(1));
    house.buys("cleo@example.com");
    house.heard(Provider::Kit);
    let (acted, waiting) = house.wait(house.engine.thaw(&name, "ada")).unwrap();
    assert_eq!((acted, waiting), (Acted::Done, 1), "Ada has nothing left to be done");
    house.look();
    assert_eq!(writes(&house, Provider::Kit), 2, "Cleo is enrolled and tagged, Ada is never mentioned");
    assert_eq!(house.row("cleo@example.com", Target::Kit).state, State::Applied);
    assert_eq!(house.wait(house.engine.thaw(&name, "ada")).unwrap().0, Acted::Nothing);
}

#[test]
fn a_freeze_ends_by_itself() {
    let house = House::new("ends");
    freeze(&house, Scope::Target(Target::Circle), 3);
    house.buys("ada@example.com");
    assert!(!house.is_in("ada@example.com"));
    assert_eq!(house.row("ada@example.com", Target::Kit).state, State::Applied, "one target alone");
    house.pass(SignedDuration::from_hours(3));
    house.pass(SignedDuration::from_mins(2));
    assert!(house.is_in("ada@example.com"));
}

#[test]
fn one_person_or_one_plan_can_be_frozen_and_thawing_one_freeze_leaves_the_other() {
    let house = House::new("person");
    house.buys("bob@example.com");
    let ada = house.buys("ada@example.com");
    let customer = house.customer("ada@example.com");
    let person = freeze(&house, Scope::Person(customer.clone()), 48);
    house.act("stripe/cancel", &json!({ "subscription": ada["subscription"], "when": "now" }));
    house.pass(SignedDuration::from_mins(1));
    house.pass(SignedDuration::from_mins(1));
    assert!(house.is_in("ada@example.com"), "a removal waits as well");
    let plan = freeze(&house, Scope::Plan(frontdesk_core::id::PlanId::new("community")), 48);
    house.wait(house.engine.thaw(&person, "ada")).unwrap();
    house.look();
    assert!(house.is_in("ada@example.com"), "the plan is frozen too");
    house.wait(house.engine.thaw(&plan, "ada")).unwrap();
    house.look();
    house.pass(SignedDuration::from_mins(1));
    assert!(!house.is_in("ada@example.com"));
    let audit = house.wait(house.engine.store().audit_chain(&customer)).unwrap();
    let acts: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert!(acts.contains(&"freeze") && acts.contains(&"thaw"), "{acts:?}");
}
