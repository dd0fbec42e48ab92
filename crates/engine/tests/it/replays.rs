//! What an operator plays again passes the gates that an arrival passes.

use crate::house::House;
use frontdesk_core::target::Target;
use frontdesk_engine::acts::Acted;
use frontdesk_store::{Commit, EntryFilter, EntryKind, EntryState, Inserted, NewEntry, StoredEntry, Write};
use jiff::SignedDuration;
use serde_json::json;

fn entries(house: &House) -> Vec<StoredEntry> {
    let store = house.engine.store();
    let listed = house.wait(store.journal_list(&EntryFilter::default(), None, 100)).unwrap();
    let events = listed.into_iter().filter(|entry| entry.kind == EntryKind::Event);
    events.map(|entry| house.wait(store.journal_entry(&entry.id)).unwrap().unwrap()).collect()
}

#[test]
fn an_event_of_the_other_mode_lets_nobody_in_when_it_is_played_again() {
    let house = House::with("replay-mode", |settings| settings.source.livemode = false);
    let body = json!({ "email": "ada@example.com", "name": "A buyer", "price": "price_1Community" });
    house.act("stripe/checkout", &body);
    house.pass(SignedDuration::from_mins(2));
    let before = entries(&house);
    assert!(before.len() > 1 && before.iter().all(|one| one.entry.state == EntryState::NoEffect));
    for one in &before {
        assert_eq!(house.wait(house.engine.replay(&one.entry.id)).unwrap(), Acted::Done);
    }
    house.look();
    assert!(house.wait(house.engine.store().customers(None, None, 10)).unwrap().is_empty());
    for one in entries(&house) {
        assert_eq!(one.entry.state, EntryState::NoEffect);
        assert!(one.entry.reason.unwrap().contains("live mode"));
    }
}

#[test]
fn the_other_event_of_one_id_stays_in_quarantine() {
    let house = House::new("replay-conflict");
    house.buys("ada@example.com");
    let row = house.row("ada@example.com", Target::Circle);
    let first = entries(&house).into_iter().find(|one| one.entry.state == EntryState::Effect).unwrap();
    let other = NewEntry {
        id: frontdesk_core::id::EntryId::new("e_other"),
        source: first.entry.source.clone(),
        event_key: first.entry.event_key.clone(),
        kind: first.entry.kind,
        event_type: "customer.subscription.deleted".to_owned(),
        object_id: first.entry.object_id.clone(),
        object_created_at: first.entry.object_created_at,
        livemode: first.entry.livemode,
        api_version: first.entry.api_version.clone(),
        received_at: house.now(),
        verified_by: first.entry.verified_by.clone(),
        headers: first.headers.clone(),
        body: first.body.clone(),
        state: EntryState::Pending,
        reason: None,
    };
    let inserted = house.wait(house.engine.store().journal_insert(other)).unwrap();
    let Inserted::Contradiction { id, .. } = inserted else { panic!("it was {inserted:?}") };
    assert_eq!(house.wait(house.engine.replay(&id)).unwrap(), Acted::Nothing);
    house.look();
    let kept = house.wait(house.engine.store().journal_entry(&id)).unwrap().unwrap();
    assert_eq!(kept.entry.state, EntryState::Quarantined);
    assert_eq!(house.row("ada@example.com", Target::Circle), row);
}

#[test]
fn the_alert_about_a_quarantined_type_ends_with_its_last_entry() {
    let house = House::new("replay-alert");
    house.buys("ada@example.com");
    let stored = entries(&house);
    let one = &stored[0].entry;
    let key = format!("quarantined:{}", one.event_type);
    let open = Write::AlertOpen {
        key: key.clone(),
        kind: "quarantined".to_owned(),
        subject: one.event_type.clone(),
        detail: json!("a version that an older program could not read"),
        at: house.now(),
    };
    let store = house.engine.store();
    house.wait(store.commit(Commit { expect: Vec::new(), writes: vec![open] })).unwrap();
    let is_open = || house.wait(store.open_alerts()).unwrap().iter().any(|alert| alert.key == key);
    assert!(is_open());
    assert_eq!(house.wait(house.engine.replay(&one.id)).unwrap(), Acted::Done);
    assert!(!is_open());
}
