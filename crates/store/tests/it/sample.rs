//! Sample values. Invented people, all at example.com.

use frontdesk_core::email::Email;
use frontdesk_core::fact::{self, Body, Evidence, Fact, Key, Learnt, Version};
use frontdesk_core::id::{CustomerId, EntryId, SourceId};
use frontdesk_core::record::{Record, Tie};
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::{State, Sync};
use frontdesk_core::target::{Holder, Membership, Observed, Person, Standing, Target};
use frontdesk_store::{
    AuditDraft, Commit, CustomerRow, EntryKind, EntryState, Identity, Inserted, NewEntry, Store, Write,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A second after the beginning of the tests' time.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).unwrap()
}

pub(crate) fn stripe() -> SourceId {
    SourceId::new("stripe")
}

pub(crate) fn entry_id(nth: u32) -> EntryId {
    let mut random = [0; 10];
    random[..4].copy_from_slice(&nth.to_be_bytes());
    EntryId::from_parts(1_764_000_000_000, random)
}

/// Entry `nth`, of an event of its own.
pub(crate) fn entry(nth: u32) -> NewEntry {
    NewEntry {
        id: entry_id(nth),
        source: stripe(),
        event_key: format!("evt_{nth}"),
        kind: EntryKind::Event,
        event_type: "customer.subscription.updated".to_owned(),
        object_id: Some(format!("sub_{nth}")),
        object_created_at: Some(at(i64::from(nth))),
        livemode: Some(true),
        api_version: Some("2025-09-30.clover".to_owned()),
        received_at: at(100 + i64::from(nth)),
        verified_by: Some("signing_secret_1".to_owned()),
        headers: r#"{"stripe-signature":"t=1,v1=00"}"#.to_owned(),
        body: format!("{{\"id\":\"evt_{nth}\"}}").into_bytes(),
        state: EntryState::Pending,
        reason: None,
    }
}

pub(crate) async fn insert(store: &Store, nth: u32) -> i64 {
    match store.journal_insert(entry(nth)).await.unwrap() {
        Inserted::New { seq } => seq,
        other => panic!("entry {nth} is not new: {other:?}"),
    }
}

pub(crate) fn customer_id(nth: u32) -> CustomerId {
    CustomerId::first_needed_by(&entry_id(nth), 0)
}

pub(crate) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

pub(crate) fn key(kind: fact::Kind, id: &str) -> Key {
    Key::new(&stripe(), kind, id)
}

pub(crate) fn fact(name: &str, second: i64) -> Fact {
    let body = Body::Customer(fact::Customer { name: Some(name.to_owned()), ..fact::Customer::default() });
    let evidence = Evidence { origin: format!("evt_{second}"), entry: entry_id(1) };
    Fact::new(Learnt::Event, Version::new(at(second), body, evidence))
}

pub(crate) fn row(nth: u32, revision: i64) -> CustomerRow {
    CustomerRow {
        id: customer_id(nth),
        first_seq: i64::from(nth),
        first_entry: entry_id(nth),
        merged_into: None,
        revision,
        is_provisional: false,
        is_entitled: true,
        next_wake_at: None,
        headline: Some(Stage::Active),
        summary: serde_json::json!({ "headline": "active" }),
        created_at: at(0),
        updated_at: at(revision),
    }
}

/// A customer with one fact and the two ties that lead to it.
pub(crate) fn record(nth: u32, name: &str) -> Record {
    let object = key(fact::Kind::Customer, &format!("cus_{name}"));
    Record {
        id: customer_id(nth),
        first_seq: i64::from(nth),
        ties: [Tie::Object(object.clone()), Tie::Address(email(name))].into(),
        facts: BTreeMap::from([(object, fact(name, 1))]),
    }
}

/// Everything that makes `record` from nothing.
pub(crate) fn making(nth: u32, name: &str) -> Vec<Write> {
    let record = record(nth, name);
    let customer = || customer_id(nth);
    let mut writes = vec![Write::Customer(row(nth, 0))];
    for (key, fact) in record.facts {
        writes.push(Write::Fact { key, customer: customer(), fact });
    }
    let handles = record.ties.into_iter().map(Identity::Tie).chain([Identity::Mail(email(name))]);
    writes.extend(handles.map(|identity| Write::Identity {
        identity,
        customer: customer(),
        entry: entry_id(nth),
    }));
    writes
}

pub(crate) async fn write(store: &Store, writes: Vec<Write>) {
    store.commit(Commit { expect: Vec::new(), writes }).await.unwrap();
}

pub(crate) async fn make(store: &Store, nth: u32, name: &str) {
    write(store, making(nth, name)).await;
}

/// What a target holds for one person.
pub(crate) fn observed(id: u64, name: &str) -> Observed {
    let membership =
        Membership::Member { id, address: email(name), standing: Standing::Active, seen_at: at(5) };
    let person = Person { membership, invited_at: Some(at(4)), ..Person::default() };
    Observed { people: BTreeMap::from([(Holder::Customer, person)]) }
}

pub(crate) fn sync(nth: u32, target: Target) -> Sync {
    Sync {
        customer: customer_id(nth),
        target,
        generation: 1,
        applied_generation: 0,
        desired_hash: "d1".to_owned(),
        observed: Observed::default(),
        state: State::Due,
        attempts: 0,
        failing_since: None,
        next_attempt_at: Some(at(10)),
        last_failure: None,
        applied_at: None,
        due_since: at(9),
        look_wanted_at: None,
        brake_released: false,
        owed: None,
    }
}

pub(crate) fn draft(nth: u32, action: &str) -> AuditDraft {
    AuditDraft {
        customer: customer_id(nth),
        at: at(50),
        action: action.to_owned(),
        cause: entry_id(nth).to_string(),
        node: "node-1".to_owned(),
        before: serde_json::json!({ "stage": null }),
        after: serde_json::json!({ "stage": "active", "entitlements": ["community"] }),
        linked: None,
        personal: Vec::new(),
    }
}
