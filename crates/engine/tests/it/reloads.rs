//! Another catalogue and other credentials, taken up while the loops run.

use crate::house::{GROUP, House};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::id::EntitlementId;
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::catalogue::{Earlier, TakenUp};
use frontdesk_engine::reload::{Account, Matter};
use frontdesk_engine::settings::{Connection, Settings};
use frontdesk_providers::secret::Secret;
use jiff::SignedDuration;
use serde_json::json;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What stands in the file, with another meaning of the community.
fn meaning(house: &House, items: &[Item]) -> Catalogue {
    let mut written = house.engine.catalogue().as_written();
    let community = written.entitlements.get_mut(&EntitlementId::new("community")).unwrap();
    community.items = items.iter().cloned().collect();
    written
}

fn take_up(house: &House, written: &Catalogue, earlier: Earlier<'_>) {
    let next = house.engine.next_catalogue(written, earlier);
    let by = matches!(earlier, Earlier::Withdraw { .. }).then_some("mira");
    assert_eq!(house.wait(house.engine.take_up(next, by)).unwrap(), TakenUp::Done);
    house.look();
    house.pass(SignedDuration::from_mins(2));
}

#[test]
fn a_price_that_is_added_heals_its_buyers_at_once() {
    let house = House::new("reload-price");
    let written = house.engine.catalogue().as_written();
    let mut without = written.clone();
    without.plans[0].goods.clear();
    take_up(&house, &without, Earlier::Keep);
    house.buys("ada@example.com");
    assert!(!house.is_in("ada@example.com"));
    take_up(&house, &written, Earlier::Keep);
    assert!(house.is_in("ada@example.com"));
    assert!(
        house.wait(house.engine.store().open_alerts()).unwrap().is_empty(),
        "nothing is unmapped any more"
    );
    assert_eq!(house.wait(house.engine.store().catalogues()).unwrap().len(), 3);
}

#[test]
fn what_is_taken_out_stays_until_it_is_withdrawn() {
    let house = House::new("reload-withdraw");
    house.buys("ada@example.com");
    let written = meaning(&house, &[Item::kit_tag("member")]);
    let kept = house.wait(house.engine.foresee(house.engine.next_catalogue(&written, Earlier::Keep)));
    assert!(!kept.unwrap().takes());
    let new = house
        .wait(house.engine.foresee(house.engine.next_catalogue(&written, Earlier::WithdrawNew { by: "" })));
    let new = new.unwrap();
    assert!(new.takes());
    assert_eq!(new.prospects[0].address.as_ref().unwrap().as_str(), "ada@example.com");

    take_up(&house, &written, Earlier::Keep);
    assert!(house.is_in("ada@example.com"));
    // What was left before is no news of a later edit, and is shown to whoever asks.
    let mut later = written.clone();
    later.plans[0].title = "The community".to_owned();
    let new = house
        .wait(house.engine.foresee(house.engine.next_catalogue(&later, Earlier::WithdrawNew { by: "" })));
    assert!(!new.unwrap().takes());
    take_up(&house, &later, Earlier::Withdraw { by: "mira" });
    assert!(!house.is_in("ada@example.com"));
    let newest = house.wait(house.engine.store().catalogues()).unwrap().pop().unwrap();
    let entry = house.wait(house.engine.store().journal_entry(&newest.entry)).unwrap().unwrap();
    assert_eq!(entry.headers, r#"{"by":"mira"}"#);
    let in_force = house.engine.catalogue();
    assert!(in_force.withdrawn.iter().all(|withdrawn| withdrawn.by == "mira"));
    assert!(
        in_force.withdrawn.iter().any(|withdrawn| withdrawn.grant.items.contains(&Item::CircleGroup(GROUP)))
    );
}

#[test]
fn a_restart_keeps_what_was_withdrawn_and_what_was_not() {
    let mut house = House::new("reload-restart");
    house.buys("ada@example.com");
    let written = meaning(&house, &[Item::kit_tag("member")]);
    take_up(&house, &written, Earlier::Withdraw { by: "mira" });
    let before = house.engine.catalogue();
    house.edit(|catalogue| *catalogue = written);
    assert_eq!(before, house.engine.catalogue());
    house.pass(HOUR);
    assert!(!house.is_in("ada@example.com"));
}

#[test]
fn a_catalogue_of_another_process_is_followed() {
    let mut house = House::new("reload-follow");
    house.buys("ada@example.com");
    let here = house.engine.clone();
    house.edit(|catalogue| catalogue.plans[0].title = "The community".to_owned());
    assert!(house.wait(here.follow_catalogue()).unwrap());
    assert_eq!(here.catalogue(), house.engine.catalogue());
    assert!(!house.wait(here.follow_catalogue()).unwrap(), "there is nothing new");
}

#[test]
fn of_two_catalogues_that_are_confirmed_at_once_the_second_is_refused_and_made_anew() {
    let mut house = House::new("reload-both");
    house.buys("ada@example.com");
    let here = house.engine.clone();
    let second = meaning(&house, &[Item::kit_tag("member")]);
    let confirmed = here.next_catalogue(&second, Earlier::Withdraw { by: "mira" });
    // Another node is quicker.
    house.edit(|catalogue| catalogue.plans[0].title = "The community".to_owned());
    let in_force = house.engine.catalogue();
    assert_eq!(house.wait(here.take_up(confirmed, Some("mira"))).unwrap(), TakenUp::Overtaken);
    let versions = house.wait(house.engine.store().catalogues()).unwrap();
    assert_eq!((versions.len(), &versions[1].catalogue), (2, &*in_force), "nothing was entered");
    assert!(here.catalogue().withdrawn.is_empty(), "nor does it decide here");

    assert!(house.wait(here.follow_catalogue()).unwrap());
    let anew = here.next_catalogue(&second, Earlier::Withdraw { by: "mira" });
    assert_eq!(house.wait(here.take_up(anew, Some("mira"))).unwrap(), TakenUp::Done);
    let versions = house.wait(house.engine.store().catalogues()).unwrap();
    assert!(versions[2].catalogue.earlier.is_superset(&in_force.earlier), "what the first granted is known");
}

/// The settings with another token of Circle's.
fn with_token(house: &House, token: &str) -> Settings {
    let mut settings = Settings::clone(&house.engine.settings());
    let circle = settings.targets.get_mut(&Target::Circle).unwrap();
    let Connection::Circle(account) = &mut circle.connection else { panic!("Circle is Circle") };
    account.token = Secret::new("targets.circle.token", token.to_owned());
    settings
}

#[test]
fn a_new_token_lifts_the_stop_and_lets_everything_go_that_waited() {
    let house = House::new("reload-token");
    house.buys("ada@example.com");
    house.act("circle/token", &json!({ "revoke": "circle_sandbox_token" }));
    house.act("stripe/checkout", &json!({ "email": "ben@example.com", "price": "price_1Community" }));
    house.pass(SignedDuration::from_mins(1));
    let alerts = || house.wait(house.engine.store().open_alerts()).unwrap();
    assert_eq!(alerts().len(), 1);
    house.act("circle/token", &json!({ "add": "circle_second_token" }));
    let same = house.wait(house.engine.take_up_settings(with_token(&house, "circle_sandbox_token"))).unwrap();
    assert!(same.is_empty() && alerts().len() == 1, "the same token is no news");
    let changed = house.wait(house.engine.take_up_settings(with_token(&house, "circle_second_token")));
    assert_eq!(changed.unwrap(), [Account::Target(Target::Circle)].into());
    assert!(alerts().is_empty());
    house.look();
    house.pass(SignedDuration::from_mins(1));
    house.act("circle/token", &json!({ "add": "circle_sandbox_token" }));
    assert!(house.is_in("ben@example.com"));
    assert!(alerts().is_empty());
}

#[test]
fn what_the_configuration_waits_for_is_one_alert_of_its_kind() {
    let house = House::new("reload-alerts");
    let alerts = || house.wait(house.engine.store().open_alerts()).unwrap();
    for why in ["the first", "the first", "the second"] {
        house.wait(house.engine.configuration_waits(Matter::Unusable, Some(why))).unwrap();
        assert_eq!(alerts().len(), 1);
        assert_eq!(alerts()[0].detail["why"], why);
    }
    house.wait(house.engine.configuration_waits(Matter::Unusable, None)).unwrap();
    assert!(alerts().is_empty());
}
