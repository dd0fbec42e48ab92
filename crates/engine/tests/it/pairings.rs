//! What a person says of who is whom, taken up later than it was said. Each test is named after what must be true.

use crate::house::{GROUP, House};
use frontdesk_core::case::Reason;
use frontdesk_core::email::Email;
use frontdesk_core::id::{EntryId, SourceId};
use frontdesk_core::pairing::{Pairing, Word};
use frontdesk_core::record::Tie;
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::pairing::{Order, Paired};
use frontdesk_engine::settings::Mode;
use frontdesk_store::{CaseFilter, CaseState, EntryKind, EntryState, NewEntry};
use serde_json::json;

const ADA: &str = "ada@work.example";
const BEN: &str = "ben@work.example";
const AT_HOME: &str = "ada@home.example";

/// A member of old who is in the group. Returns Circle's id of them.
fn member(house: &House, email: &str) -> u64 {
    let told = house.act("circle/member", &json!({ "email": email, "state": "active", "group": GROUP }));
    told["id"].as_u64().unwrap()
}

/// Another node enters the word that `customer` is `member`; nobody has applied it yet.
fn said_elsewhere(house: &House, nth: u8, customer: &str, member: u64) {
    let pairing = Pairing {
        word: Word::One,
        about: Tie::Address(Email::parse(customer).unwrap()),
        holder: Holder::Customer,
        target: Target::Circle,
        member,
        address: Email::parse(AT_HOME).unwrap(),
        by: "mira".to_owned(),
        reason: String::new(),
    };
    let id = EntryId::from_parts(1, [nth; 10]);
    let entry = NewEntry {
        id: id.clone(),
        source: SourceId::new("operator"),
        event_key: id.to_string(),
        kind: EntryKind::Operator,
        event_type: "operator.pairing".to_owned(),
        object_id: Some(id.to_string()),
        object_created_at: Some(house.now()),
        livemode: None,
        api_version: None,
        received_at: house.now(),
        verified_by: None,
        headers: "{}".to_owned(),
        body: serde_json::to_vec(&json!({ "at": house.now(), "pairing": pairing })).unwrap(),
        state: EntryState::Pending,
        reason: None,
    };
    house.wait(house.engine.store().journal_insert(entry)).unwrap();
}

fn known_as(house: &House, email: &str) -> Option<u64> {
    house.row(email, Target::Circle).observed.people.get(&Holder::Customer)?.membership.id()
}

/// The reasons of the open cases.
fn cases(house: &House) -> Vec<Reason> {
    let filter = CaseFilter { state: Some(CaseState::Open), kind: None };
    let cases = house.wait(house.engine.store().cases(&filter, None, 9)).unwrap();
    cases.into_iter().map(|case| case.reason).collect()
}

/// A house that only looks, so that nobody learns who is who but by what is said.
fn quiet(name: &str) -> House {
    House::with(name, |settings| settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow))
}

fn one(house: &House, customer: &str, member: u64, word: Word) -> Order {
    Order {
        customer: house.customer(customer),
        holder: Holder::Customer,
        target: Target::Circle,
        member,
        address: Email::parse(AT_HOME).unwrap(),
        word,
        by: "mira".to_owned(),
        reason: String::new(),
    }
}

#[test]
fn of_two_nodes_that_say_one_member_is_two_customers_the_second_is_not_taken_up() {
    let house = quiet("pair-twice");
    let member = member(&house, AT_HOME);
    house.buys(ADA);
    house.buys(BEN);
    said_elsewhere(&house, 1, ADA, member);
    said_elsewhere(&house, 2, BEN, member);
    house.look();
    assert_eq!((known_as(&house, ADA), known_as(&house, BEN)), (Some(member), None));
    let not_paired = Reason::NotPaired { target: Target::Circle, member };
    assert_eq!(cases(&house), [not_paired]);
    let pair = |order: &Order| house.wait(house.engine.pair(order)).unwrap();
    let elsewhere = Paired::SomebodyElse { customer: house.customer(ADA) };
    assert_eq!(pair(&one(&house, BEN, member, Word::One)), elsewhere);
    // Taking it back closes the case, and leaves the first as it is.
    assert_eq!(pair(&one(&house, BEN, member, Word::Two)), Paired::Done);
    assert_eq!(cases(&house), []);
    assert_eq!(known_as(&house, ADA), Some(member));
}

#[test]
fn a_word_about_somebody_who_is_known_as_another_by_then_opens_a_case_until_it_is_taken_back() {
    let house = quiet("pair-late");
    let (first, second) = (member(&house, AT_HOME), member(&house, "ada@club.example"));
    house.buys(ADA);
    let pair = |member, word| house.wait(house.engine.pair(&one(&house, ADA, member, word))).unwrap();
    assert_eq!(pair(first, Word::One), Paired::Done);
    said_elsewhere(&house, 1, ADA, second);
    house.look();
    assert_eq!(known_as(&house, ADA), Some(first));
    assert_eq!(cases(&house), [Reason::NotPaired { target: Target::Circle, member: second }]);
    assert_eq!(pair(second, Word::Two), Paired::Done);
    assert_eq!((known_as(&house, ADA), cases(&house)), (Some(first), vec![]));
}
