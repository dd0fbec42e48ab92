//! `next` and `fold` against a small model of Circle: the price of each way in calls, and convergence under faults.

use frontdesk_core::catalogue::NewSubscribers;
use frontdesk_core::desired::{Removal, Wish, Wishes};
use frontdesk_core::diff::{ABSENT_LOOKS, Next, Outcome, Rules, fold, next};
use frontdesk_core::email::Email;
use frontdesk_core::sync::Hold;
use frontdesk_core::target::{Failure, Holding, Item, Membership, Person, Seen, Standing, Step, Target};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn address(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn rules() -> Rules {
    Rules {
        target: Target::Circle,
        new_subscribers: NewSubscribers::Add,
        look_wanted: false,
        looks: true,
        brake: None,
        missing: BTreeSet::new(),
    }
}

fn wishes(wants: &[u64], absents: &[u64]) -> Wishes {
    let want = |id: &u64| (Item::CircleGroup(*id), Wish::Want { because: Vec::new() });
    let absent = |id: &u64| {
        (
            Item::CircleGroup(*id),
            Wish::Absent { because: Vec::new(), since: start(), removal: Removal::Proven },
        )
    };
    Wishes {
        address: address("ada@example.com"),
        name: Some("Ada".to_owned()),
        items: wants.iter().map(want).chain(absents.iter().map(absent)).collect(),
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(1_764_000_000).expect("an instant")
}

/// A community as Circle keeps one: members by id, groups by member, and what was mailed.
#[derive(Clone, Debug, Default)]
struct Community {
    members: BTreeMap<u64, (Email, Standing)>,
    groups: BTreeSet<(u64, u64)>,
    invited: Vec<Email>,
    calls: Vec<&'static str>,
}

impl Community {
    fn with_member(id: u64, email: &str) -> Self {
        Self { members: [(id, (address(email), Standing::Active))].into(), ..Self::default() }
    }

    fn id_of(&self, address: &Email) -> Option<u64> {
        self.members.iter().find(|(_, (known, _))| known == address).map(|(id, _)| *id)
    }

    fn answer(&mut self, step: &Step) -> Seen {
        self.calls.push(step.name());
        let person = |id: u64, this: &Self, fresh| {
            let (address, standing) = this.members[&id].clone();
            Seen::Person { id, address, standing, fresh }
        };
        let group = |item: &Item| match item {
            Item::CircleGroup(id) => *id,
            other => panic!("{other} is no group"),
        };
        match step {
            Step::Add { item, address, .. } => match self.id_of(address) {
                None => Seen::NoPerson,
                Some(id) => {
                    self.groups.insert((group(item), id));
                    Seen::Done
                }
            },
            Step::Remove { item, address, .. } => match self.id_of(address) {
                None => Seen::NoPerson,
                Some(id) if self.groups.remove(&(group(item), id)) => Seen::Done,
                Some(_) => Seen::HoldsNot,
            },
            Step::Enrol { address, .. } => {
                if let Some(id) = self.id_of(address) {
                    return person(id, self, false);
                }
                let id = self.members.keys().max().copied().unwrap_or(0) + 1;
                self.members.insert(id, (address.clone(), Standing::Invited));
                self.invited.push(address.clone());
                person(id, self, true)
            }
            Step::Find { address } => match self.id_of(address) {
                Some(id) => person(id, self, false),
                None => Seen::NoPerson,
            },
            Step::Read { id } if self.members.contains_key(id) => person(*id, self, false),
            Step::Read { .. } => Seen::NoSuchId,
            Step::Check { item, address, .. } => match self.id_of(address) {
                None => Seen::NoPerson,
                Some(id) if self.groups.contains(&(group(item), id)) => Seen::Holds,
                Some(_) => Seen::HoldsNot,
            },
        }
    }
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Refused,
    LostBefore,
    LostAfter,
}

/// Walks until nothing is left to do, and says how it ended. Faults are used up in order.
fn walk(wishes: &Wishes, mut person: Person, community: &mut Community, faults: &[Fault]) -> (Person, Next) {
    let mut now = start();
    let mut faults = faults.iter().copied();
    for _ in 0..200 {
        match next(wishes, &person, &rules(), now) {
            Next::Step(step) => {
                let unknown: Outcome = Err(Failure::Unknown { why: "no answer".to_owned() });
                let transient: Outcome = Err(Failure::Transient { why: "503".to_owned() });
                let lost = if step.writes() { unknown } else { transient.clone() };
                let outcome = match faults.next().unwrap_or(Fault::None) {
                    Fault::None => Ok(community.answer(&step)),
                    Fault::Refused => transient,
                    Fault::LostBefore => lost,
                    Fault::LostAfter => {
                        let _ = community.answer(&step);
                        lost
                    }
                };
                person = fold(person, Target::Circle, &step, &outcome, now);
                now += SignedDuration::from_secs(1);
            }
            Next::Wait { until, .. } => {
                assert!(until > now, "a wait ends in the future");
                now = until;
            }
            done => return (person, done),
        }
    }
    panic!("no end after 200 steps: {person:?}");
}

/// A way in, and its price.
struct Case {
    name: &'static str,
    person: Person,
    community: Community,
    calls: &'static [&'static str],
}

#[test]
fn a_grant_costs_one_call_for_a_known_member_two_for_an_unseen_one_three_for_a_stranger() {
    let known = Person {
        membership: Membership::Member {
            id: 7,
            address: address("ada@example.com"),
            standing: Standing::Active,
            seen_at: start(),
        },
        ..Person::default()
    };
    for case in [
        Case {
            name: "known",
            person: known,
            community: Community::with_member(7, "ada@example.com"),
            calls: &["add"],
        },
        Case {
            name: "unseen",
            person: Person::default(),
            community: Community::with_member(7, "ada@example.com"),
            calls: &["add", "find"],
        },
        Case {
            name: "stranger",
            person: Person::default(),
            community: Community::default(),
            calls: &["add", "enrol", "add"],
        },
    ] {
        let mut community = case.community;
        let (_, end) = walk(&wishes(&[1], &[]), case.person, &mut community, &[]);
        assert_eq!(end, Next::Settled, "{}", case.name);
        assert_eq!(community.calls, case.calls, "{}", case.name);
    }
}

#[test]
fn a_member_who_changed_address_is_followed_by_id_and_loses_what_ended() {
    let mut community = Community::with_member(7, "ada@example.com");
    let (person, _) = walk(&wishes(&[1], &[]), Person::default(), &mut community, &[]);
    community.members.get_mut(&7).unwrap().0 = address("ada@new.example");
    community.calls.clear();
    let (person, end) = walk(&wishes(&[], &[1]), person, &mut community, &[]);
    assert_eq!(end, Next::Settled);
    assert_eq!(community.calls, ["remove", "read", "remove"]);
    assert!(community.groups.is_empty());
    assert!(matches!(person.items[&Item::CircleGroup(1)], Holding::Absent { .. }));
}

#[test]
fn whoever_a_person_took_out_stays_out() {
    let mut community = Community::with_member(7, "ada@example.com");
    let (person, _) = walk(&wishes(&[1], &[]), Person::default(), &mut community, &[]);
    community.members.clear();
    community.groups.clear();
    let (_, end) = walk(&wishes(&[1, 2], &[]), person, &mut community, &[]);
    assert_eq!(end, Next::Held(Hold::Person));
    assert_eq!(community.invited, []);
}

#[test]
fn what_was_never_seen_is_not_taken_away() {
    let mut community = Community::with_member(7, "ada@example.com");
    community.groups.insert((1, 7));
    let (_, end) = walk(&wishes(&[], &[1]), Person::default(), &mut community, &[]);
    assert_eq!((end, community.calls.len()), (Next::Settled, 0));
}

#[test]
fn a_removal_waits_for_proof_and_for_the_brake() {
    let mut community = Community::with_member(7, "ada@example.com");
    let (person, _) = walk(&wishes(&[1], &[]), Person::default(), &mut community, &[]);
    let mut unproven = wishes(&[], &[1]);
    unproven.items.insert(
        Item::CircleGroup(1),
        Wish::Absent { because: Vec::new(), since: start(), removal: Removal::NeedsProof(BTreeSet::new()) },
    );
    assert_eq!(next(&unproven, &person, &rules(), start()), Next::Held(Hold::Proof));
    let braked = Rules { brake: Some("circle-1".to_owned()), ..rules() };
    assert_eq!(
        next(&wishes(&[], &[1]), &person, &braked, start()),
        Next::Held(Hold::Brake { name: "circle-1".to_owned() })
    );
}

#[test]
fn a_group_that_does_not_exist_waits_and_the_rest_works() {
    let mut community = Community::with_member(7, "ada@example.com");
    let missing = Rules { missing: [Item::CircleGroup(1)].into(), ..rules() };
    let mut person = Person::default();
    while let Next::Step(step) = next(&wishes(&[1, 2], &[]), &person, &missing, start()) {
        let outcome = Ok(community.answer(&step));
        person = fold(person, Target::Circle, &step, &outcome, start());
    }
    assert_eq!(community.groups, [(2, 7)].into());
    assert_eq!(
        next(&wishes(&[1, 2], &[]), &person, &missing, start()),
        Next::Held(Hold::Misconfigured { mapping: "circle:group:1".to_owned() })
    );
}

#[test]
fn a_lost_invitation_is_looked_for_twice_before_it_is_sent_again() {
    let mut community = Community::default();
    let faults = [Fault::None, Fault::LostBefore];
    let (_, end) = walk(&wishes(&[1], &[]), Person::default(), &mut community, &faults);
    assert_eq!(end, Next::Settled);
    let looks = community.calls.iter().filter(|name| **name == "find").count();
    assert_eq!(looks, usize::from(ABSENT_LOOKS));
    assert_eq!(community.invited.len(), 1);
}

#[test]
fn an_enrolment_without_an_answer_takes_nothing_away_at_kit_and_is_in_doubt_at_circle() {
    let known = Membership::Member {
        id: 7,
        address: address("ada@example.com"),
        standing: Standing::Active,
        seen_at: start(),
    };
    let person = Person { membership: known.clone(), ..Person::default() };
    let step = Step::Enrol { address: address("ada@example.com"), name: None, confirmed: true };
    let lost: Outcome = Err(Failure::Unknown { why: "no answer".to_owned() });
    let after = |target, person: &Person| fold(person.clone(), target, &step, &lost, start()).membership;
    assert_eq!(after(Target::Kit, &person), known);
    assert!(matches!(after(Target::Circle, &person), Membership::Unknown { .. }));
    assert!(matches!(after(Target::Kit, &Person::default()), Membership::Unknown { .. }));
}

/// Answers every write in words that prove nothing, and every look with the state before it.
fn evasive(step: &Step) -> Seen {
    match step {
        Step::Find { .. } => Seen::NoPerson,
        Step::Check { .. } => Seen::HoldsNot,
        Step::Add { .. } | Step::Remove { .. } | Step::Enrol { .. } | Step::Read { .. } => Seen::LookFirst,
    }
}

#[test]
fn what_is_answered_and_never_done_ends_with_a_person() {
    let nobody = Membership::NotMember { seen_at: start() };
    let member = Membership::Member {
        id: 7,
        address: address("ada@example.com"),
        standing: Standing::Active,
        seen_at: start(),
    };
    let table = [
        ("an address that is not taken", nobody, vec!["enrol", "find", "find", "enrol", "find", "find"]),
        ("a group that is not given", member, vec!["add", "check", "add", "check"]),
    ];
    for (name, membership, wanted) in table {
        let mut person = Person { membership, ..Person::default() };
        let (mut calls, mut now) = (Vec::new(), start());
        let end = loop {
            assert!(calls.len() < 20, "{name}: {calls:?}");
            match next(&wishes(&[1], &[]), &person, &rules(), now) {
                Next::Step(step) => {
                    calls.push(step.name());
                    person = fold(person, Target::Circle, &step, &Ok(evasive(&step)), now);
                }
                Next::Wait { until, .. } => now = until,
                end => break end,
            }
        };
        assert!(matches!(end, Next::Refused { .. }), "{name}: {end:?}");
        assert_eq!(calls, wanted, "{name}");
    }
}

#[test]
fn the_last_look_before_a_person_is_asked_comes_when_reads_can_be_trusted() {
    let membership = Membership::Member {
        id: 7,
        address: address("ada@example.com"),
        standing: Standing::Active,
        seen_at: start(),
    };
    let mut person = Person { membership, ..Person::default() };
    let mut now = start();
    // Somebody's add went through just before, and reads show it half a minute later.
    let shown_from = start().checked_add(SignedDuration::from_secs(30)).expect("an instant");
    let mut adds = 0;
    let end = loop {
        match next(&wishes(&[1], &[]), &person, &rules(), now) {
            Next::Step(step) => {
                let seen = match step {
                    Step::Add { .. } => Seen::LookFirst,
                    _ if now < shown_from => Seen::HoldsNot,
                    _ => Seen::Holds,
                };
                adds += usize::from(matches!(step, Step::Add { .. }));
                assert!(adds < 10);
                person = fold(person, Target::Circle, &step, &Ok(seen), now);
            }
            Next::Wait { until, .. } => now = until,
            end => break end,
        }
    };
    assert_eq!((end, adds), (Next::Settled, 2));
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        2 => Just(Fault::None),
        1 => Just(Fault::Refused),
        1 => Just(Fault::LostBefore),
        1 => Just(Fault::LostAfter),
    ];
    proptest::collection::vec(fault, 0..12)
}

proptest! {
    #[test]
    fn any_faults_end_in_what_was_wanted_with_one_invitation(
        faults in faults(),
        is_member in any::<bool>(),
        wants in proptest::collection::btree_set(1u64..4, 0..3),
        ended in proptest::collection::btree_set(1u64..4, 0..3),
    ) {
        let mut community = if is_member { Community::with_member(7, "ada@example.com") } else { Community::default() };
        let ended: Vec<u64> = ended.into_iter().collect();
        let (person, _) = walk(&wishes(&ended, &[]), Person::default(), &mut community, &[]);
        let wants: Vec<u64> = wants.into_iter().collect();
        let over: Vec<u64> = ended.into_iter().filter(|id| !wants.contains(id)).collect();
        let (person, end) = walk(&wishes(&wants, &over), person, &mut community, &faults);
        prop_assert_eq!(end, Next::Settled);
        let held: BTreeSet<u64> = community.groups.iter().map(|(group, _)| *group).collect();
        prop_assert_eq!(held, wants.iter().copied().collect());
        prop_assert!(community.invited.len() <= 1);
        community.calls.clear();
        let (_, end) = walk(&wishes(&wants, &over), person, &mut community, &[]);
        prop_assert_eq!(end, Next::Settled);
        prop_assert_eq!(community.calls.len(), 0, "a second pass does nothing");
    }
}
