//! What was known at an instant is what the record was then, however the journey went on.

use crate::house::House;
use frontdesk_core::explain::explain;
use frontdesk_core::id::CustomerId;
use frontdesk_core::record::Record;
use frontdesk_core::stage::Stage;
use frontdesk_core::target::{Holder, Holding, Item, Target};
use frontdesk_engine::settings::Mode;
use frontdesk_engine::then::{Hindsight, Then};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A record and what its customer saw, when nothing was under way.
struct Seen {
    at: Timestamp,
    record: Record,
    stages: Vec<Stage>,
    in_group: bool,
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn see(house: &House, customer: &CustomerId) -> Seen {
    // The last answer of a read may have come in after the loops looked at the journal.
    house.look();
    let view = house.wait(house.engine.view(customer)).unwrap().unwrap();
    let group = Item::CircleGroup(crate::house::GROUP);
    let people = view.syncs.get(&Target::Circle).map(|sync| &sync.observed.people);
    let mut people = people.into_iter().flat_map(|people| people.values());
    let in_group = people.any(|person| matches!(person.items.get(&group), Some(Holding::Present { .. })));
    let stages = view.decision.stages.iter().map(|of| of.stage).collect();
    Seen { at: house.now(), record: view.record, stages, in_group }
}

fn then(house: &House, customer: &CustomerId, at: Timestamp) -> Option<Vec<Then>> {
    match house.wait(house.engine.then(customer, at)).unwrap().unwrap() {
        Hindsight::Known(then) => Some(then),
        Hindsight::NotYet => None,
        Hindsight::NoCatalogue => panic!("a house has a catalogue from its first day"),
    }
}

/// One thing that may happen; some are refused by the provider in the state that it is in.
fn happens(house: &House, bought: &Value, chance: &mut Chance) {
    let subscription = json!({ "subscription": bought["subscription"] });
    let with = |key: &str, value: Value| {
        let mut body = subscription.clone();
        body[key] = value;
        body
    };
    let (path, body) = match chance.below(9) {
        0 => ("stripe/renewal_fail", subscription),
        1 => ("stripe/renewal_recover", subscription),
        2 => ("stripe/renew", subscription),
        3 => ("stripe/cancel", with("when", json!("period_end"))),
        4 => ("stripe/undo_cancel", subscription),
        5 => ("stripe/refund", json!({ "session": bought["session"] })),
        6 => ("stripe/dispute", json!({ "session": bought["session"] })),
        7 => ("stripe/change_email", json!({ "customer": bought["customer"], "email": "ada@other.example" })),
        _ => ("stripe/cancel", with("when", json!("now"))),
    };
    house.attempt(path, &body);
}

#[test]
fn what_lists_had_shown_was_seen_then_as_long_as_nobody_looked_again() {
    let house = House::with("then-lists", |settings| {
        settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow);
    });
    let group = Item::CircleGroup(crate::house::GROUP);
    house.act(
        "circle/member",
        &json!({ "email": "ada@example.com", "state": "active", "group": crate::house::GROUP }),
    );
    house.buys("ada@example.com");
    let before = house.now();
    house.pass(SignedDuration::from_hours(13));
    let ada = house.customer("ada@example.com");
    let held = |at| {
        let known = then(&house, &ada, at).unwrap().remove(0);
        let circle = known.syncs.get(&Target::Circle).cloned();
        let people = circle.map(|sync| sync.observed.people).unwrap_or_default();
        people.get(&Holder::Customer).and_then(|person| person.items.get(&group).cloned())
    };
    let Some(Holding::Present { seen_at }) = held(house.now()) else { panic!("a sweep showed it") };
    assert!(seen_at > before);
    assert_eq!(held(before), None, "and said nothing of the time before");
}

#[test]
fn what_was_known_then_is_what_the_record_was_at_that_commit() {
    let mut lost = 0;
    for seed in 0..4 {
        let mut chance = Chance(seed);
        let house = House::new(&format!("then-{seed}"));
        let before = house.now();
        house.pass(SignedDuration::from_hours(1));
        house.buys("somebody.else@example.com");
        let bought = house.buys("ada@example.com");
        let customer = house.customer("ada@example.com");
        let mut seen = vec![see(&house, &customer)];
        for _ in 0..12 {
            happens(&house, &bought, &mut chance);
            let hours = i64::try_from(chance.below(100)).unwrap();
            house.pass(SignedDuration::from_secs(5));
            house.pass(SignedDuration::from_hours(hours));
            seen.push(see(&house, &customer));
        }
        assert!(then(&house, &customer, before).is_none(), "seed {seed}: known before the first event");
        for (nth, Seen { at, record, stages, in_group }) in seen.into_iter().enumerate() {
            let known = then(&house, &customer, at).expect("the customer was known");
            let [one] = known.as_slice() else { panic!("seed {seed}, look {nth}: {} records", known.len()) };
            assert!(one.record == record, "seed {seed}, look {nth}: another record than at that commit");
            let shown: Vec<_> = one.shown.iter().map(|shown| shown.stage).collect();
            assert_eq!(shown, stages, "seed {seed}, look {nth}: what was shown");
            let held = one.done.iter().find(|done| done.item == Some(Item::CircleGroup(crate::house::GROUP)));
            let held = held.is_some_and(|done| matches!(done.holding.as_slice(), [Holding::Present { .. }]));
            assert_eq!(held, in_group, "seed {seed}, look {nth}: what Circle held");
            lost += usize::from(!in_group);
        }
    }
    assert!(lost > 0, "no journey ended anything: the test says too little");
}

#[test]
fn the_catalogue_of_then_answers_for_then() {
    let mut house = House::new("then-catalogue");
    house.buys("ada@example.com");
    let customer = house.customer("ada@example.com");
    let (before, version) = (house.now(), house.engine.catalogue().version());
    house.pass(SignedDuration::from_hours(1));
    house.edit(|catalogue| catalogue.plans[0].title = "Everything".to_owned());
    let titles = |at| {
        let known = then(&house, &customer, at).unwrap();
        let purchases = &known[0].decision.entitled.purchases;
        (known[0].catalogue.version.clone(), purchases[0].title.clone().unwrap())
    };
    assert_eq!(titles(before), (version, "Community".to_owned()));
    assert_eq!(titles(house.now()), (house.engine.catalogue().version(), "Everything".to_owned()));
}

#[test]
fn two_records_that_became_one_are_two_before_that() {
    let house = House::new("then-two");
    let (one, other) = ("ada@example.com", "ada@work.example");
    house.buys(one);
    let second = house.act("stripe/checkout", &json!({ "email": other, "price": "price_1Community" }));
    house.pass(SignedDuration::from_mins(2));
    let two = house.now();
    house.pass(SignedDuration::from_hours(1));
    let guest = json!({ "email": one, "price": "price_1Community", "customer": second["customer"] });
    house.act("stripe/checkout", &guest);
    house.pass(SignedDuration::from_mins(2));
    let customer = house.customer(one);
    assert_eq!(
        then(&house, &customer, house.now()).unwrap().len(),
        1,
        "the last purchase ties them together"
    );
    assert_eq!(then(&house, &customer, two).unwrap().len(), 2);
    let known = then(&house, &customer, two).unwrap();
    for then in known {
        let answers = explain(&then.record, &then.decision, &then.syncs, &then.catalogue.catalogue, then.at);
        assert_eq!(answers.len(), 1, "each had a community of its own");
    }
}
