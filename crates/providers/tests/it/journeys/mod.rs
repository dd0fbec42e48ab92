//! Every recorded journey from its first event to its end, through the parser and the core.

mod expected;
mod shown;
mod story;
mod world;

use self::expected::{DEVIATIONS, Expected, deviation, expected};
use self::shown::{shown, with_short_ids};
use self::story::{Step, Story};
use self::world::{AFTERWARDS, World};
use frontdesk_core::record::Record;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

#[test]
fn every_journey_reads_as_a_person_would_expect() {
    for story in Story::all() {
        let mut text = format!("{}\n", story.title);
        let mut world = World::new(&story);
        let mut before = String::new();
        for (nth, step) in (1..).zip(&story.steps) {
            world.deliver(&[step]);
            world.read_goods();
            world.obey();
            let after = shown(&world);
            let told = if after == before { "  as before\n" } else { &after };
            write!(text, "\n{nth:02} {} {}\n  suggested: {}\n{told}", step.at, step.event_type, step.expect)
                .unwrap();
            before = after;
        }
        world.now += AFTERWARDS;
        let unreachable = world.read_all();
        world.obey();
        write!(text, "\nan hour later, all read\n{}", shown(&world)).unwrap();
        for want in unreachable {
            writeln!(text, "  out of reach: {} for {}", want.object, want.purpose.as_str()).unwrap();
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{} {}", story.name, story.version), with_short_ids(&text));
        });
    }
}

#[test]
fn every_step_gives_what_the_recording_suggests_or_the_design_says_why_not() {
    let mut used = BTreeSet::new();
    let mut surprises = String::new();
    for story in Story::all() {
        let mut world = World::new(&story);
        let mut before = BTreeSet::new();
        for (nth, step) in (1..).zip(&story.steps) {
            world.deliver(&[step]);
            world.read_goods();
            world.obey();
            let wanted = world.wanted();
            let deviation = deviation(&story, nth, step);
            used.extend(deviation.map(|(at, _)| at));
            let wish = deviation.map_or_else(|| expected(&step.expect), |(_, deviation)| deviation.ours);
            let holds = match wish {
                Expected::Nothing => wanted.is_empty(),
                Expected::Something => !wanted.is_empty(),
                Expected::Less => wanted.len() < before.len() && wanted.is_subset(&before),
                Expected::Same => wanted == before,
                Expected::Swap => {
                    !wanted.is_subset(&before) && !before.is_subset(&wanted) && !wanted.is_disjoint(&before)
                }
                Expected::More => wanted.len() > before.len() && before.is_subset(&wanted),
            };
            let place = format!(
                "{}/{} step {nth} {}: suggested `{}`",
                story.version, story.name, step.event_type, step.expect
            );
            if !holds {
                let why = deviation.map_or("", |(_, deviation)| deviation.why);
                writeln!(surprises, "{place}, expected {wish:?} ({why}); {before:?} became {wanted:?}")
                    .unwrap();
            }
            let cases = world.decisions().iter().map(|decision| decision.cases.len()).sum::<usize>();
            let wants_case =
                deviation.map_or(step.expect.contains("case"), |(_, deviation)| deviation.has_case);
            if step.expect.contains("case")
                && step.expect != "grant: active; the case is settled"
                && (cases > 0) != wants_case
            {
                writeln!(surprises, "{place}; {cases} cases").unwrap();
            }
            before = wanted;
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
    assert_eq!(used.len(), DEVIATIONS.len(), "a deviation that no story needs: used are {used:?}");
}

#[test]
fn a_changed_billing_address_moves_mail_and_not_access() {
    for story in Story::all().iter().filter(|story| story.name == "email-change") {
        let mut world = World::new(story);
        let addresses = |world: &World<'_>| {
            let record = &world.records[0];
            (record.access_address().unwrap(), record.mail_address().unwrap())
        };
        let mut before = None;
        for step in &story.steps {
            if step.event_type == "customer.updated" {
                before = Some(addresses(&world));
            }
            world.deliver(&[step]);
        }
        let ((access, mail), (access_after, mail_after)) = (before.unwrap(), addresses(&world));
        assert_eq!((&access, &access), (&mail, &access_after));
        assert_ne!(mail, mail_after);
    }
}

/// What a world comes to, without the ids that depend on the order of arrival.
fn essence(world: &World<'_>) -> Value {
    let about = |record: &Record| json!({ "facts": pairs(record), "ties": record.ties });
    let records: Vec<Value> = world.records.iter().map(about).collect();
    let mut text = json!({ "records": records, "decisions": world.decisions() }).to_string();
    for (nth, record) in world.records.iter().enumerate() {
        text = text.replace(record.id.as_str(), &format!("record {nth}"));
    }
    serde_json::from_str(&text).unwrap()
}

fn pairs(record: &Record) -> Vec<Value> {
    record.facts.iter().map(|(key, fact)| json!([key.to_string(), fact])).collect()
}

/// The world after these deliveries, each batch in one transaction, and the reads afterwards.
fn world_after<'a>(story: &'a Story, batches: &[Vec<&Step>]) -> World<'a> {
    let mut world = World::new(story);
    for batch in batches {
        world.deliver(batch);
    }
    world.now += AFTERWARDS;
    world.hold_everything();
    world.read_all();
    world
}

fn in_order(story: &Story) -> Value {
    let batches: Vec<Vec<&Step>> = story.steps.iter().map(|step| vec![step]).collect();
    essence(&world_after(story, &batches))
}

#[test]
fn short_journeys_end_alike_in_every_order() {
    let mut enumerated = 0;
    for story in Story::all().iter().filter(|story| story.steps.len() <= 5) {
        let expected = in_order(story);
        let mut order: Vec<usize> = (0..story.steps.len()).collect();
        each_order(&mut order, 0, &mut |order| {
            let batches: Vec<Vec<&Step>> = order.iter().map(|at| vec![&story.steps[*at]]).collect();
            assert_eq!(
                essence(&world_after(story, &batches)),
                expected,
                "{}/{} {order:?}",
                story.version,
                story.name
            );
            enumerated += 1;
        });
    }
    assert!(enumerated > 250, "only {enumerated} orders");
}

/// Calls `see` with every order of `items` from `fixed` on.
fn each_order(items: &mut [usize], fixed: usize, see: &mut impl FnMut(&[usize])) {
    if fixed == items.len() {
        return see(items);
    }
    for at in fixed..items.len() {
        items.swap(fixed, at);
        each_order(items, fixed + 1, see);
        items.swap(fixed, at);
    }
}

#[test]
fn journeys_end_alike_in_any_order_with_any_repeats_in_any_batches() {
    for story in Story::all() {
        let expected = in_order(&story);
        let count = story.steps.len();
        let order = proptest::sample::subsequence((0..count).collect::<Vec<_>>(), 0..=count).prop_flat_map(
            move |again| {
                let all: Vec<usize> = (0..count).chain(again).collect();
                let cuts = proptest::collection::vec(any::<bool>(), all.len());
                (Just(all).prop_shuffle(), cuts)
            },
        );
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let outcome = runner.run(&order, |(order, cuts)| {
            let mut batches: Vec<Vec<&Step>> = Vec::new();
            for (at, cut) in order.iter().zip(&cuts) {
                match batches.last_mut() {
                    Some(batch) if !cut => batch.push(&story.steps[*at]),
                    _ => batches.push(vec![&story.steps[*at]]),
                }
            }
            prop_assert_eq!(essence(&world_after(&story, &batches)), expected.clone());
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{}/{}: {error}", story.version, story.name);
        }
    }
}
