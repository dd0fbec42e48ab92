//! What targets say by themselves: what it comes to, and what a look at it comes to.

use frontdesk_core::catalogue::NewSubscribers;
use frontdesk_core::desired::{Desired, Removal, Wish, Wishes};
use frontdesk_core::diff::{Next, Rules, fold, in_doubt_elsewhere, next};
use frontdesk_core::email::Email;
use frontdesk_core::hint::{CLOCKS_APART, Hint, LOOK_EVERY, Said, Took, looked, take};
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{SETTLING, note_undone};
use frontdesk_core::sync::{Ended, State, Sync};
use frontdesk_core::target::{
    Holder, Holding, Item, Membership, Observed, Person, Seen, Standing, Step, Taken, Target,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().expect("an instant")
}

fn at(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn ada() -> Email {
    Email::parse("ada@example.com").expect("an address")
}

fn tag() -> Item {
    Item::kit_tag("member")
}

fn want() -> Wish {
    Wish::Want { because: Vec::new() }
}

fn absent() -> Wish {
    Wish::Absent { because: Vec::new(), since: at(-9_000), removal: Removal::Proven }
}

fn wishes(item: &Item, wish: Wish) -> Wishes {
    Wishes { address: ada(), name: None, items: BTreeMap::from([(item.clone(), wish)]) }
}

/// A row at rest, with what was seen of the item.
fn row(item: &Item, holding: Option<Holding>) -> Sync {
    let membership =
        Membership::Member { id: 7, address: ada(), standing: Standing::Active, seen_at: at(-600) };
    let items = holding.map(|holding| (item.clone(), holding)).into_iter().collect();
    let person = Person { membership, items, ..Person::default() };
    let observed = Observed { people: BTreeMap::from([(Holder::Customer, person)]) };
    let row = Sync::new(CustomerId::new("fdc_1"), item.target(), at(-9_000));
    Sync { observed, state: State::Applied, next_attempt_at: None, ..row }
}

fn hint(item: &Item, present: bool, proven_at: Option<Timestamp>) -> Hint {
    let said = Said::Holds { item: item.clone(), present };
    Hint { target: item.target(), person: 7, said, proven_at, by: "an event".to_owned() }
}

fn person(row: &Sync) -> &Person {
    &row.observed.people[&Holder::Customer]
}

fn rules(target: Target) -> Rules {
    Rules {
        target,
        new_subscribers: NewSubscribers::Add,
        look_wanted: false,
        looks: true,
        brake: None,
        missing: BTreeSet::new(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "rows of the table leave it out in one place")]
fn present(seconds: i64) -> Option<Holding> {
    Some(Holding::Present { seen_at: at(seconds) })
}

#[expect(clippy::unnecessary_wraps, reason = "rows of the table leave it out in one place")]
fn out(seconds: i64) -> Option<Holding> {
    Some(Holding::Absent { seen_at: at(seconds) })
}

#[test]
fn what_agrees_is_seen_what_is_against_us_is_looked_at_and_the_rest_changes_nothing() {
    let sent = |present| Some(Holding::Sent { present, at: at(-5) });
    let settled = -SETTLING.as_secs();
    let table = [
        ("our own tag comes back as an event", want(), present(-5), true, at(0), Took::Nothing("")),
        ("our own removal comes back", absent(), out(-5), false, at(0), Took::Nothing("")),
        ("a write that proved nothing is seen", want(), sent(true), true, at(-5), Took::Seen),
        ("a removal that proved nothing is seen", absent(), sent(false), false, at(-5), Took::Seen),
        ("something took it off", want(), present(-300), false, at(0), Took::Look),
        ("within a second of our own write", want(), present(0), false, at(-1), Took::Look),
        ("a stale removal", want(), present(-300), false, at(-400), Took::Nothing("")),
        ("something put it on again", absent(), out(-300), true, at(0), Took::Look),
        ("somebody gave it long after", absent(), out(settled - 60), true, at(0), Took::Nothing("")),
        ("never seen there", absent(), None, true, at(0), Took::Nothing("")),
        ("the row is at it", want(), out(-300), false, at(0), Took::Nothing("")),
    ];
    for (name, wish, holding, is_present, happened_at, expect) in table {
        let mut row = row(&tag(), holding.clone());
        let wishes = wishes(&tag(), wish);
        let hint = hint(&tag(), is_present, Some(happened_at));
        let took = take(&mut row, &Holder::Customer, Some(&wishes), &hint, noon());
        let same = std::mem::discriminant(&took) == std::mem::discriminant(&expect);
        assert!(same, "{name}: {took:?}");
        match took {
            Took::Look => {
                let checks = matches!(
                    next(&wishes, person(&row), &rules(Target::Kit), noon()),
                    Next::Step(Step::Check { .. })
                );
                assert!(checks && row.next_attempt_at == Some(noon()), "{name}");
            }
            Took::Seen => assert_ne!(person(&row).items.get(&tag()), holding.as_ref(), "{name}"),
            Took::Nothing(_) => assert_eq!(person(&row).items.get(&tag()), holding.as_ref(), "{name}"),
        }
    }
}

#[test]
fn what_the_catalogue_does_not_manage_is_nobodys_business() {
    let other = hint(&Item::kit_tag("newsletter"), false, Some(noon()));
    for wishes in [None, Some(wishes(&tag(), want()))] {
        let mut row = row(&tag(), present(-300));
        let before = row.clone();
        assert!(matches!(
            take(&mut row, &Holder::Customer, wishes.as_ref(), &other, noon()),
            Took::Nothing(_)
        ));
        assert_eq!(row, before);
    }
}

#[test]
fn an_unsigned_call_costs_one_look_in_ten_minutes_after_the_lag_of_reads() {
    let (one, two) = (Item::CircleGroup(1), Item::CircleGroup(2));
    let mut row = row(&one, present(-9_000));
    let wishes = Wishes {
        items: BTreeMap::from([(one.clone(), want()), (two.clone(), want())]),
        ..wishes(&one, want())
    };
    let ada = row.observed.people.get_mut(&Holder::Customer).expect("ada");
    ada.items.insert(two.clone(), Holding::Present { seen_at: at(-9_000) });
    let told = |row: &mut Sync, item: &Item, now: Timestamp| {
        take(row, &Holder::Customer, Some(&wishes), &hint(item, false, None), now)
    };
    assert_eq!(told(&mut row, &one, noon()), Took::Look);
    assert_eq!(row.next_attempt_at, Some(at(45)), "not before reads can be trusted");
    assert_eq!(next(&wishes, person(&row), &rules(Target::Circle), at(44)), Next::Settled);
    let step = next(&wishes, person(&row), &rules(Target::Circle), at(45));
    assert!(matches!(&step, Next::Step(Step::Check { item, .. }) if *item == one));
    let Next::Step(step) = step else { unreachable!() };
    let mut after = fold(person(&row).clone(), Target::Circle, &step, &Ok(Seen::Holds), at(46));
    looked(&mut after, &step, &Ok(Seen::Holds), at(45));
    assert!(after.told.is_empty(), "one look, whatever it shows");
    row.observed.people.insert(Holder::Customer, after);
    assert_eq!(told(&mut row, &two, at(50)), Took::Look);
    let again = at(45) + LOOK_EVERY;
    assert_eq!(person(&row).told[&two].look_at, again);
    row.settle(Ended::Settled, at(60), 0);
    assert_eq!(row.next_attempt_at, Some(again), "a row that settles keeps the look that is to come");
    let no_calls = Rules { looks: false, ..rules(Target::Circle) };
    assert_eq!(next(&wishes, person(&row), &no_calls, again), Next::Settled, "no budget, no look");
}

/// Lets a look at the tag show something.
fn look(row: &mut Sync, wishes: &Wishes, holds: bool, now: Timestamp) {
    let before = person(row).clone();
    let step = Step::Check { item: tag(), address: ada(), id: Some(7) };
    let seen = Ok(if holds { Seen::Holds } else { Seen::HoldsNot });
    let mut after = fold(before.clone(), Target::Kit, &step, &seen, now);
    looked(&mut after, &step, &seen, now);
    note_undone(&before, &mut after, wishes, "a look", now);
    row.observed.people.insert(Holder::Customer, after);
}

/// Lets our own write be answered.
fn write(row: &mut Sync, step: &Step, now: Timestamp) {
    let after = fold(person(row).clone(), Target::Kit, step, &Ok(Seen::Done), now);
    row.observed.people.insert(Holder::Customer, after);
}

#[test]
fn what_is_undone_while_our_own_call_is_under_way_is_looked_at_after_its_answer() {
    let wishes = wishes(&tag(), want());
    for was in [None, out(-300), Some(Holding::Sent { present: true, at: at(-1) })] {
        let mut row = Sync { state: State::Due, due_since: at(-2), ..row(&tag(), was.clone()) };
        let told = |row: &mut Sync, at: Timestamp| {
            take(row, &Holder::Customer, Some(&wishes), &hint(&tag(), false, Some(at)), noon())
        };
        let old = at(-3) - CLOCKS_APART;
        assert!(
            matches!(told(&mut row, old), Took::Nothing(_)),
            "{was:?}: it was so before it was to be done"
        );
        assert_eq!(told(&mut row, noon()), Took::Look, "{was:?}");
        let add = Step::Add { item: tag(), address: ada(), id: Some(7) };
        write(&mut row, &add, at(1));
        let step = next(&wishes, person(&row), &rules(Target::Kit), at(2));
        assert!(
            matches!(step, Next::Step(Step::Check { .. })),
            "{was:?}: the answer is older than the message"
        );
        look(&mut row, &wishes, false, at(3));
        assert!(matches!(person(&row).taken.get(&tag()), Some(Taken::PutBack { .. })), "{was:?}");
    }
}

#[test]
fn what_is_told_while_a_look_is_under_way_is_looked_at_once_more() {
    let wishes = wishes(&tag(), want());
    let mut row = row(&tag(), present(-300));
    let take = |row: &mut Sync, now: Timestamp| {
        take(row, &Holder::Customer, Some(&wishes), &hint(&tag(), false, Some(now)), now)
    };
    assert_eq!(take(&mut row, at(0)), Took::Look);
    let Next::Step(step) = next(&wishes, person(&row), &rules(Target::Kit), at(1)) else { unreachable!() };
    assert_eq!(take(&mut row, at(2)), Took::Look);
    let mut after = fold(person(&row).clone(), Target::Kit, &step, &Ok(Seen::Holds), at(3));
    looked(&mut after, &step, &Ok(Seen::Holds), at(1));
    let again = next(&wishes, &after, &rules(Target::Kit), at(4));
    assert!(matches!(again, Next::Step(Step::Check { .. })), "{again:?}");
}

#[test]
fn a_look_that_shows_everything_answers_whatever_was_told_before_it() {
    let other = Item::kit_tag("pro");
    let mut row = row(&tag(), present(-300));
    let known = row.observed.people.get_mut(&Holder::Customer).expect("ada");
    known.items.insert(other.clone(), Holding::Present { seen_at: at(-300) });
    let wishes = Wishes {
        items: BTreeMap::from([(tag(), want()), (other.clone(), want())]),
        ..wishes(&tag(), want())
    };
    for (item, second) in [(tag(), 0), (other.clone(), 1)] {
        let hint = hint(&item, false, Some(at(second)));
        assert_eq!(take(&mut row, &Holder::Customer, Some(&wishes), &hint, at(second)), Took::Look);
    }
    let seen = Ok(Seen::HoldsOnly([tag(), other].into()));
    let step = Step::Check { item: tag(), address: ada(), id: Some(7) };
    let mut after = fold(person(&row).clone(), Target::Kit, &step, &seen, at(3));
    looked(&mut after, &step, &seen, at(2));
    assert_eq!(next(&wishes, &after, &rules(Target::Kit), at(4)), Next::Settled, "one read for both");
}

#[test]
fn a_tag_that_something_undoes_twice_is_contested_and_not_written_any_more() {
    for (wish, was) in [(want(), present(-300)), (absent(), out(-300))] {
        let is_wanted = matches!(wish, Wish::Want { .. });
        let wishes = wishes(&tag(), wish.clone());
        let mut row = row(&tag(), was);
        let mut clock = 0;
        for round in 1..=2 {
            clock += 60;
            let hint = hint(&tag(), !is_wanted, Some(at(clock)));
            assert_eq!(take(&mut row, &Holder::Customer, Some(&wishes), &hint, at(clock)), Took::Look);
            look(&mut row, &wishes, !is_wanted, at(clock + 1));
            match next(&wishes, person(&row), &rules(Target::Kit), at(clock + 2)) {
                Next::Step(step) if round == 1 => {
                    assert!(step.writes(), "put right once: {step:?}");
                    write(&mut row, &step, at(clock + 2));
                }
                Next::Contested { item, why } if round == 2 => {
                    assert_eq!(item, tag());
                    for part in ["2026-03-02T12:01:01Z", "2026-03-02T12:02:01Z", "an event", "in Kit"] {
                        assert!(why.contains(part), "`{part}` in {why}");
                    }
                }
                other => panic!("wanted {is_wanted}, round {round}: {other:?}"),
            }
        }
        let hint = hint(&tag(), !is_wanted, Some(at(clock + 60)));
        assert!(matches!(
            take(&mut row, &Holder::Customer, Some(&wishes), &hint, at(clock + 60)),
            Took::Nothing(_)
        ));
        let desired =
            Desired { target: Target::Kit, holders: BTreeMap::from([(Holder::Customer, wishes.clone())]) };
        row.forget_taken(&desired);
        assert!(
            matches!(person(&row).taken[&tag()], Taken::Contested { .. }),
            "it stands while it is wished"
        );
        row.end_contest(at(clock + 70));
        assert!(matches!(next(&wishes, person(&row), &rules(Target::Kit), at(clock + 70)), Next::Step(_)));
    }
}

#[test]
fn the_same_absence_told_twice_is_one_loss() {
    let wishes = wishes(&tag(), want());
    let mut row = row(&tag(), present(-300));
    look(&mut row, &wishes, false, at(1));
    look(&mut row, &wishes, false, at(2));
    assert!(matches!(person(&row).taken[&tag()], Taken::PutBack { .. }));
}

#[test]
fn opt_outs_are_seen_unless_something_later_was() {
    let stands = |at, standing| Hint { said: Said::Stands(standing), ..hint(&tag(), true, at) };
    for (happened_at, standing, expect) in [
        (Some(at(0)), Standing::OptedOut, true),
        (Some(at(-700)), Standing::OptedOut, false),
        (Some(at(0)), Standing::Active, false),
        (None, Standing::OptedOut, false),
    ] {
        let mut row = row(&tag(), present(-300));
        let took = take(&mut row, &Holder::Customer, None, &stands(happened_at, standing), noon());
        assert_eq!(took == Took::Seen, expect, "{happened_at:?} {standing:?}: {took:?}");
        let Membership::Member { standing: now, .. } = person(&row).membership else { panic!() };
        assert_eq!(now == Standing::OptedOut, expect);
        assert_eq!(row.next_attempt_at, None, "nothing is done about it");
    }
}

#[test]
fn a_subscriber_who_was_deleted_is_not_made_anew() {
    let wishes = wishes(&tag(), want());
    let mut row = row(&tag(), present(-300));
    take(&mut row, &Holder::Customer, Some(&wishes), &hint(&tag(), false, Some(noon())), noon());
    for seen in [Seen::NoSuchId, Seen::NoSuchId] {
        let before = person(&row).clone();
        let Next::Step(step) = next(&wishes, &before, &rules(Target::Kit), at(1)) else {
            panic!("{before:?}")
        };
        let mut after = fold(before.clone(), Target::Kit, &step, &Ok(seen.clone()), at(1));
        looked(&mut after, &step, &Ok(seen), at(1));
        note_undone(&before, &mut after, &wishes, "a look", at(1));
        row.observed.people.insert(Holder::Customer, after);
    }
    assert!(matches!(next(&wishes, person(&row), &rules(Target::Kit), at(2)), Next::Held(_)));
}

#[test]
fn an_invitation_waits_while_one_for_another_record_of_the_person_is_in_doubt() {
    let group = Item::CircleGroup(4012);
    let of = |membership| {
        let mut row = row(&group, None);
        row.observed.people.insert(Holder::Customer, Person { membership, ..Person::default() });
        row
    };
    let unknown = |seconds| Membership::Unknown { look_at: at(seconds), absent: 0 };
    let table = [
        ("nobody asked", Membership::Unseen, None),
        ("known not to be there", Membership::NotMember { seen_at: at(-1) }, None),
        ("sent, and no answer came", unknown(30), Some(at(30))),
        ("its look is due: reads can be trusted", unknown(0), None),
        ("noted under a clock that was years ahead", unknown(90_000_000), None),
    ];
    for (name, membership, expected) in table {
        let rows = [of(Membership::Unseen), of(membership)];
        assert_eq!(in_doubt_elsewhere(rows.iter(), noon()), expected, "{name}");
    }
}
