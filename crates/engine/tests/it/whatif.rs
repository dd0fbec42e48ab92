//! The journal under another catalogue: what is said of the past is what would have been.

use crate::house::House;
use frontdesk_core::catalogue::{Catalogue, Good};
use frontdesk_core::id::SourceId;
use frontdesk_core::whatif::{Change, Thing};
use frontdesk_engine::whatif::WhatIf;
use frontdesk_store::EntryFilter;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn present(house: &House) -> Catalogue {
    house.engine.catalogue().as_written()
}

fn asked(house: &House, new: &Catalogue, since: Timestamp) -> WhatIf {
    house.wait(house.engine.what_if(new, since)).unwrap()
}

/// When the community would have been gained or lost, by address.
fn spans(what_if: &WhatIf) -> Vec<(&str, char, Change, Timestamp, Option<Timestamp>)> {
    let people = what_if.lines.iter().flat_map(|person| {
        let address = person.address.as_ref().unwrap().as_str();
        let spans = person.line.spans.iter().filter(|span| matches!(span.thing, Thing::Entitlement(_)));
        spans.map(move |span| (address, person.line.symbol(), span.change, span.from, span.until))
    });
    people.collect()
}

#[test]
fn only_what_differs_since_then_is_told_and_nothing_is_saved() {
    let house = House::new("whatif");
    house.buys("ada@example.com");
    let ben = house.buys("ben@example.com");
    house.act("stripe/checkout", &json!({ "email": "eve@example.com", "price": "price_1Course" }));
    house.pass(DAY);
    let since = house.now();
    house.pass(DAY);
    house.act("stripe/cancel", &json!({ "subscription": ben["subscription"], "when": "now" }));
    house.pass(SignedDuration::from_secs(5));
    house.pass(DAY);
    let ended = house.now();
    let mut new = present(&house);
    new.plans[0].goods = [Good { source: SourceId::new("stripe"), id: "price_1Course".to_owned() }].into();

    let entries = |house: &House| {
        let filter = EntryFilter::default();
        house.wait(house.engine.store().journal_list(&filter, None, 1000)).unwrap().len()
    };
    let before = (entries(&house), house.engine.catalogue().version());
    let what_if = asked(&house, &new, since);
    assert_eq!((entries(&house), house.engine.catalogue().version()), before, "asking saved something");

    let told = spans(&what_if);
    let [eve, ada, ben] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(*eve, ("eve@example.com", '+', Change::Gains, since, None));
    assert_eq!(*ada, ("ada@example.com", '-', Change::Loses, since, None));
    let (address, symbol, change, from, until) = *ben;
    assert_eq!((address, symbol, change, from), ("ben@example.com", '-', Change::Loses, since));
    let until = until.expect("what ended by itself was lost until then");
    assert!(until > since && until < ended, "{until}");
    assert_eq!((what_if.totals.gain.people, what_if.totals.lose.people, what_if.totals.keep), (1, 2, 0));
}

#[test]
fn the_same_catalogue_changes_nothing_for_anybody() {
    let house = House::new("whatif-same");
    house.buys("ada@example.com");
    house.pass(DAY);
    let what_if = asked(&house, &present(&house), Timestamp::UNIX_EPOCH);
    assert!(what_if.lines.is_empty());
    assert_eq!((what_if.totals.keep, &what_if.present), (1, &what_if.new));
}

#[test]
fn who_came_after_the_beginning_differs_since_their_payment_came_in() {
    let house = House::new("whatif-later");
    house.pass(DAY);
    let since = house.now();
    house.pass(DAY);
    let before = house.now();
    house.buys("ada@example.com");
    let mut new = present(&house);
    new.plans[0].goods.clear();
    let what_if = asked(&house, &new, since);
    let told = spans(&what_if);
    let [(_, symbol, change, from, until)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((*symbol, *change, *until), ('-', Change::Loses, None));
    assert!(*from > before && from.duration_since(before) < SignedDuration::from_mins(1), "{from}");
}
