//! What targets say by themselves. Each test is named after what must be true.

use crate::house::{CIRCLE_HOOK_SECRET, GROUP, House, KIT_SECRET};
use frontdesk_core::sync::State;
use frontdesk_core::target::{Membership, Standing, Target};
use frontdesk_engine::endpoint::Endpointed;
use frontdesk_engine::hook::{Heard, Taken};
use frontdesk_sandbox::Provider;
use frontdesk_store::{CaseFilter, CaseState, EntryFilter, EntryState};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A house that hears Kit, with so many settled buyers.
fn house(name: &str, buyers: usize) -> House {
    let house = House::new(name);
    house.act(
        "kit/endpoint",
        &json!({ "url": "https://members.northwind.example/webhooks/kit", "secret": KIT_SECRET }),
    );
    let circle = format!("https://members.northwind.example/webhooks/circle/{CIRCLE_HOOK_SECRET}");
    house.act("circle/hook", &json!({ "url": circle }));
    for nth in 0..buyers {
        house.buys(&email(nth));
    }
    house.heard(Provider::Kit);
    house
}

fn email(nth: usize) -> String {
    format!("buyer{nth}@example.com")
}

fn minutes(house: &House, minutes: i64) {
    house.pass(SignedDuration::from_mins(minutes));
}

fn untag(house: &House, email: &str) {
    house.act("kit/untag", &json!({ "email": email, "tag": "member" }));
}

fn calls(house: &House, provider: Provider) -> Vec<String> {
    house
        .heard(provider)
        .into_iter()
        .map(|call| call.split(['?', ' ']).next().unwrap_or_default().to_owned())
        .collect()
}

fn states(house: &House, target: Target) -> Vec<(String, EntryState, Option<String>)> {
    let filter = EntryFilter {
        source: Some(frontdesk_core::id::SourceId::new(target.as_str())),
        ..EntryFilter::default()
    };
    let entries = house.wait(house.engine.store().journal_list(&filter, None, 1_000)).unwrap();
    entries.into_iter().map(|entry| (entry.event_type, entry.state, entry.reason)).collect()
}

fn open_cases(house: &House) -> Vec<String> {
    let filter = CaseFilter { state: Some(CaseState::Open), ..CaseFilter::default() };
    let cases = house.wait(house.engine.store().cases(&filter, None, 50)).unwrap();
    cases.into_iter().map(|case| case.journey).collect()
}

fn contested_alerts(house: &House) -> Vec<Value> {
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    alerts.into_iter().filter(|alert| alert.kind == "contested").map(|alert| alert.detail).collect()
}

#[test]
fn our_own_writes_come_back_as_events_and_cost_nothing() {
    let house = house("hooks-echo", 1);
    let told = states(&house, Target::Kit);
    assert!(told.iter().any(|(kind, ..)| kind == "subscriber.tag_added"), "{told:?}");
    assert!(told.iter().all(|(_, state, _)| *state == EntryState::NoEffect), "{told:?}");
    minutes(&house, 30);
    assert_eq!(house.heard(Provider::Kit), Vec::<String>::new());
}

#[test]
fn a_tag_that_is_taken_off_is_put_back_with_one_look_and_then_contested_once_for_all() {
    let house = house("hooks-contested", 3);
    let row = |nth: usize| house.row(&email(nth), Target::Kit);
    for nth in 0..3 {
        untag(&house, &email(nth));
    }
    minutes(&house, 1);
    let made = house.heard(Provider::Kit);
    assert_eq!(made.len(), 6, "one look and one write each: {made:?}");
    assert!((0..3).all(|nth| row(nth).state == State::Applied));
    assert_eq!(contested_alerts(&house).len(), 0);
    for nth in 0..3 {
        untag(&house, &email(nth));
    }
    minutes(&house, 1);
    let made = house.heard(Provider::Kit);
    assert_eq!(made.len(), 3, "a look each, and no write: {made:?}");
    for nth in 0..3 {
        let State::Contested { why, .. } = row(nth).state else { panic!("{:?}", row(nth).state) };
        for part in ["kit:tag:member", "taken off twice", "told by Kit's event"] {
            assert!(why.contains(part), "`{part}` in {why}");
        }
    }
    assert_eq!(open_cases(&house), ["kit:tag:member"], "one case over all customers");
    assert_eq!(contested_alerts(&house).len(), 1);
    minutes(&house, 30);
    assert_eq!(house.heard(Provider::Kit), Vec::<String>::new(), "the fight is over");

    let number = house.wait(house.engine.store().newest_case("kit:tag:member")).unwrap().unwrap().number;
    house.wait(house.engine.close_case(number, "the founder", "it is known")).unwrap();
    for nth in 0..3 {
        house.act("kit/tag", &json!({ "email": email(nth), "tag": "member" }));
        untag(&house, &email(nth));
    }
    minutes(&house, 10);
    assert_eq!(open_cases(&house), Vec::<String>::new(), "a case that a person closed stays closed, for all");

    house.wait(house.engine.retry_sync(&row(1).customer, Target::Kit, "the founder")).unwrap();
    minutes(&house, 1);
    assert!((0..3).all(|nth| row(nth).state == State::Applied), "whoever says it has ended says so for all");
    assert_eq!(contested_alerts(&house).len(), 0);
    for _ in 0..2 {
        untag(&house, &email(2));
        minutes(&house, 1);
    }
    assert!(matches!(row(2).state, State::Contested { .. }));
    assert_eq!(open_cases(&house), ["kit:tag:member"], "a new contest is a new case");
}

#[test]
fn the_next_customers_case_takes_over_where_the_first_is_no_more_concerned() {
    let house = house("hooks-heir", 0);
    let bought: Vec<Value> = (0..2).map(|nth| house.buys(&email(nth))).collect();
    for _ in 0..2 {
        (0..2).for_each(|nth| untag(&house, &email(nth)));
        minutes(&house, 1);
    }
    let case = || house.wait(house.engine.store().newest_case("kit:tag:member")).unwrap().unwrap();
    let first = case();
    let nth = (0..2).find(|nth| house.customer(&email(*nth)) == first.customer).unwrap();
    house.act("stripe/cancel", &json!({ "subscription": bought[nth]["subscription"], "when": "now" }));
    minutes(&house, 20);
    let heir = case();
    assert_ne!(heir.customer, first.customer);
    assert_eq!(open_cases(&house), ["kit:tag:member"]);
    assert_eq!(contested_alerts(&house).len(), 1);
}

#[test]
fn opt_outs_are_seen_and_nothing_is_done_about_them() {
    let house = house("hooks-optout", 1);
    house.act("kit/unsubscribe", &json!({ "email": email(0) }));
    minutes(&house, 1);
    let row = house.row(&email(0), Target::Kit);
    let person = row.observed.people.values().next().unwrap();
    assert!(
        matches!(person.membership, Membership::Member { standing: Standing::OptedOut, .. }),
        "{person:?}"
    );
    assert_eq!((row.state, calls(&house, Provider::Kit).len()), (State::Applied, 0));
}

#[test]
fn strangers_other_tags_and_unknown_types_are_counted_and_change_nothing() {
    let house = house("hooks-strangers", 1);
    house.act("kit/subscriber", &json!({ "email": "stranger@example.com" }));
    house.act("kit/tag", &json!({ "email": "stranger@example.com", "tag": "member" }));
    house.act("kit/tag", &json!({ "email": email(0), "tag": "newsletter" }));
    house.act("kit/event", &json!({ "type": "webhook_endpoint.test", "data": {} }));
    house.act("kit/event", &json!({ "type": "subscriber.tag_added", "data": {}, "id": "e-broken" }));
    minutes(&house, 1);
    let told = states(&house, Target::Kit);
    let reason = |kind: &str, why: &str| {
        told.iter()
            .any(|(of, _, reason)| of == kind && reason.as_deref().is_some_and(|told| told.contains(why)))
    };
    assert!(reason("subscriber.tag_added", "nobody whom a record knows"), "{told:?}");
    assert!(reason("subscriber.tag_added", "nothing that is managed"), "{told:?}");
    assert!(reason("webhook_endpoint.test", "not handled"), "{told:?}");
    assert!(told.contains(&(
        "subscriber.tag_added".to_owned(),
        EntryState::Quarantined,
        Some("`data.tag` is missing or is none".to_owned())
    )));
    assert_eq!(house.heard(Provider::Kit), Vec::<String>::new());
}

#[test]
fn a_batch_is_taken_in_event_by_event_and_known_ones_are_counted() {
    let house = house("hooks-batch", 1);
    let event = |id: &str| json!({ "id": id, "type": "subscriber.tag_added", "created": house.now().to_string(), "data": { "subscriber": { "id": 1 }, "tag": { "name": "member" } } });
    let deliver = |body: &Value, secret: &str, seconds: i64| {
        let body = body.to_string();
        let at = (house.now().as_second() + seconds).to_string();
        let signature = format!("t={at},v1={}", sign(secret, &at, body.as_bytes()));
        house.wait(house.engine.hear_kit(Some(signature.as_bytes()), body.as_bytes()))
    };
    let stored =
        |new, known, no_effect, quarantined| Heard::Stored(Taken { new, known, no_effect, quarantined });
    let first = json!({ "delivery_id": 7, "events": [event("a"), event("b"), { "id": 9 }] });
    assert_eq!(deliver(&first, KIT_SECRET, 0), stored(2, 0, 0, 1));
    assert_eq!(deliver(&first, KIT_SECRET, 0), stored(0, 3, 0, 0), "the same delivery again");
    let mixed = json!({ "delivery_id": 8, "events": [event("b"), event("c")] });
    assert_eq!(deliver(&mixed, KIT_SECRET, 0), stored(1, 1, 0, 0), "an event may come in another delivery");
    let before = states(&house, Target::Kit).len();
    assert!(matches!(deliver(&first, "whsec_of_somebody_else", 0), Heard::Refused(_)));
    assert!(matches!(deliver(&first, KIT_SECRET, -301), Heard::Refused(_)));
    assert!(matches!(house.wait(house.engine.hear_kit(None, b"{}")), Heard::Refused(_)));
    assert_eq!(states(&house, Target::Kit).len(), before, "what is not believed is not kept");
    assert!(matches!(deliver(&json!([]), KIT_SECRET, 0), Heard::NoDelivery(_)));
    assert_eq!(states(&house, Target::Kit).len(), before + 1, "what is authentic is kept");
}

fn sign(secret: &str, at: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[test]
fn a_call_of_circle_costs_one_look_in_ten_minutes_and_nothing_is_believed_of_it() {
    let house = house("hooks-circle", 1);
    house.heard(Provider::Circle);
    let customer = house.row(&email(0), Target::Circle);
    let member = customer.observed.people.values().next().unwrap().membership.id().unwrap();
    let lie = json!({ "type": "access_groups_removed", "data": { "community_member_id": member, "access_group_id": GROUP } });
    let lie = lie.to_string();
    let tell = |secret: &str| {
        let heard = house.wait(house.engine.hear_circle(Some(secret.as_bytes()), lie.as_bytes()));
        house.look();
        heard
    };
    assert!(matches!(tell("somebody else's secret"), Heard::Refused(_)));
    assert!(matches!(tell(CIRCLE_HOOK_SECRET), Heard::Stored(Taken { new: 1, .. })));
    minutes(&house, 1);
    assert_eq!(calls(&house, Provider::Circle), ["GET"], "one look");
    assert_eq!(house.row(&email(0), Target::Circle).state, State::Applied);
    for _ in 0..5 {
        tell(CIRCLE_HOOK_SECRET);
        minutes(&house, 1);
    }
    assert_eq!(calls(&house, Provider::Circle).len(), 0, "not so soon again");
    minutes(&house, 10);
    assert_eq!(calls(&house, Provider::Circle).len(), 1);
    house.act("circle/remove", &json!({ "email": email(0), "group": GROUP }));
    minutes(&house, 1);
    minutes(&house, 10);
    assert!(house.is_in(&email(0)), "what is so in truth is put back");
    let made = calls(&house, Provider::Circle);
    assert_eq!(made.iter().filter(|call| *call == "POST").count(), 1, "{made:?}");
}

#[test]
fn without_a_secret_nobody_listens() {
    let house = House::with("hooks-deaf", |settings| {
        settings.targets.values_mut().for_each(|target| target.hook_secrets.clear());
    });
    assert_eq!(house.wait(house.engine.hear_kit(None, b"{}")), Heard::NobodyListens);
    assert_eq!(house.wait(house.engine.hear_circle(Some(b"x"), b"{}")), Heard::NobodyListens);
}

const URL: &str = "https://members.northwind.example/webhooks/kit";

/// Looks after the endpoint.
fn looks_after(house: &House, knows_secret: bool) -> Endpointed {
    house.wait(house.engine.look_after_kit_endpoint(URL, knows_secret)).unwrap()
}

fn endpoint_alert(house: &House) -> Option<String> {
    let alerts = house.wait(house.engine.store().open_alerts()).unwrap();
    alerts.into_iter().find(|alert| alert.kind == "endpoint").map(|alert| alert.detail.to_string())
}

#[test]
fn the_endpoint_is_made_once_and_a_lost_secret_is_given_anew() {
    let house = House::new("hooks-endpoint");
    let Endpointed::Secret(first) = looks_after(&house, false) else { panic!() };
    assert!(matches!(looks_after(&house, true), Endpointed::There));
    let Endpointed::Secret(second) = looks_after(&house, false) else { panic!() };
    let Endpointed::Secret(third) = looks_after(&house, false) else { panic!() };
    assert!(![first.expose(), second.expose()].contains(&third.expose()));
    let state = house.act("kit/rotate-secret", &Value::Null);
    assert_eq!((state["id"].as_u64(), state["url"].as_str()), (Some(1), Some(URL)), "there is one endpoint");
    house.act("kit/subscriber", &json!({ "email": "somebody@example.com" }));
    assert_eq!(endpoint_alert(&house), None);
}

#[test]
fn where_kit_will_not_a_person_is_told_what_to_make_and_tags_go_on() {
    for (nth, (switch, value, words)) in
        [("webhook_endpoints_with_key", 401, "401"), ("private_url", 422, "publicly reachable")]
            .into_iter()
            .enumerate()
    {
        let house = House::new(&format!("hooks-refused-{nth}"));
        house.act("faults", &json!({ "provider": "kit", "switch": switch, "value": value.to_string() }));
        let url = if value == 401 { URL } else { "http://127.0.0.1:8080/webhooks/kit" };
        let done = house.wait(house.engine.look_after_kit_endpoint(url, false)).unwrap();
        assert!(matches!(done, Endpointed::Refused), "{done:?}");
        let alert = endpoint_alert(&house).unwrap();
        for part in [words, url, "subscriber.tag_removed", "signing_secrets"] {
            assert!(alert.contains(part), "`{part}` in {alert}");
        }
        house.buys("ada@example.com");
        assert_eq!(house.row("ada@example.com", Target::Kit).state, State::Applied, "the key itself is good");
        house.act("faults", &json!({ "provider": "kit", "switch": switch, "value": "201" }));
        assert!(matches!(
            house.wait(house.engine.look_after_kit_endpoint(url, false)).unwrap(),
            Endpointed::Secret(_)
        ));
        assert_eq!(endpoint_alert(&house), None, "the alert ends with its cause");
    }
}
