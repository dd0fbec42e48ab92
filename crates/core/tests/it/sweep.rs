//! Lists beside a record, as tables.

use frontdesk_core::desired::{Desired, Removal, Wish, Wishes};
use frontdesk_core::diff::{Next, Rules, next};
use frontdesk_core::email::Email;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{Beside, Difference, List, Listed, SETTLING, Scan, beside, implausible, lose};
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::{
    Holder, Holding, Item, Membership, Observed, Person, Standing, Taken, Target, Undone,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

const GROUP: Item = Item::CircleGroup(4012);

/// When the scan began.
fn began() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().expect("an instant")
}

fn before(minutes: i64) -> Timestamp {
    began() - SignedDuration::from_mins(minutes)
}

fn ada() -> Email {
    Email::parse("ada@example.com").expect("an address")
}

fn undone(at: Timestamp) -> Undone {
    Undone { at, by: "a sweep".to_owned() }
}

fn want() -> Wish {
    Wish::Want { because: Vec::new() }
}

fn absent() -> Wish {
    Wish::Absent { because: Vec::new(), since: before(600), removal: Removal::Proven }
}

fn leave() -> Wish {
    Wish::Leave { because: Vec::new() }
}

fn desired(wish: Wish) -> Desired {
    let wishes = Wishes { address: ada(), name: None, items: [(GROUP, wish)].into() };
    Desired { target: Target::Circle, holders: [(Holder::Customer, wishes)].into() }
}

fn member(seen_at: Timestamp, standing: Standing) -> Membership {
    Membership::Member { id: 7, address: ada(), standing, seen_at }
}

fn row(membership: Membership, holding: Option<Holding>) -> Sync {
    let items = holding.map(|holding| (GROUP, holding)).into_iter().collect();
    let person = Person { membership, items, ..Person::default() };
    Sync {
        state: State::Applied,
        observed: Observed { people: [(Holder::Customer, person)].into() },
        ..Sync::new(CustomerId::new("fdc_ada"), Target::Circle, before(600))
    }
}

fn listed(id: u64, address: &str, standing: Standing) -> Listed {
    Listed { id, address: Email::parse(address), standing: Some(standing), name: None }
}

/// Everyone, and who of them is in the group.
fn scan(everyone: &[Listed], group: &[u64]) -> Scan {
    let mut scan = Scan::new(Target::Circle, began());
    scan.add(&List::Everyone, everyone.iter().cloned());
    let bare = |id: &u64| Listed { id: *id, address: None, standing: None, name: None };
    scan.add(&List::In(GROUP), group.iter().map(bare));
    scan
}

fn there() -> Vec<Listed> {
    vec![listed(7, "ada@example.com", Standing::Active)]
}

const fn present(at: Timestamp) -> Holding {
    Holding::Present { seen_at: at }
}

const fn out(at: Timestamp) -> Holding {
    Holding::Absent { seen_at: at }
}

/// Name, wish, row, everyone, group, last sweep, differences, supported, ended.
type Case = (&'static str, Wish, Sync, Vec<Listed>, Vec<u64>, Option<Timestamp>, Vec<Difference>, bool, bool);

#[test]
fn what_each_list_says_beside_each_wish() {
    let lost = Difference::Lost { holder: Holder::Customer, item: GROUP };
    let lingers = Difference::Lingers { holder: Holder::Customer, item: GROUP };
    let gone = Difference::Gone { holder: Holder::Customer, id: 7 };
    let swept = Some(before(60));
    let known = || member(before(600), Standing::Active);
    let young = SETTLING.as_secs() / 60 - 1;
    let stranger = vec![listed(9, "eve@example.com", Standing::Active)];
    let table: Vec<Case> = vec![
        (
            "as it should be",
            want(),
            row(known(), Some(present(before(600)))),
            there(),
            vec![7],
            swept,
            vec![],
            true,
            false,
        ),
        (
            "missing, and last seen under a clock that was years ahead",
            want(),
            row(known(), Some(present(began() + SignedDuration::from_hours(10 * 365 * 24)))),
            there(),
            vec![],
            swept,
            vec![lost.clone()],
            false,
            false,
        ),
        (
            "missing",
            want(),
            row(known(), Some(present(before(600)))),
            there(),
            vec![],
            swept,
            vec![lost.clone()],
            false,
            false,
        ),
        (
            "written a moment ago",
            want(),
            row(known(), Some(present(before(young)))),
            there(),
            vec![],
            swept,
            vec![],
            false,
            false,
        ),
        (
            "gone altogether",
            want(),
            row(known(), Some(present(before(600)))),
            stranger.clone(),
            vec![],
            swept,
            vec![gone, lost],
            false,
            false,
        ),
        (
            "not due and never let in",
            want(),
            row(known(), None),
            there(),
            vec![],
            swept,
            vec![Difference::Idle],
            false,
            false,
        ),
        (
            "known to be out",
            absent(),
            row(known(), Some(out(before(600)))),
            there(),
            vec![],
            swept,
            vec![],
            false,
            false,
        ),
        (
            "still in, no sweep since",
            absent(),
            row(known(), Some(out(before(30)))),
            there(),
            vec![7],
            swept,
            vec![lingers.clone()],
            true,
            false,
        ),
        (
            "still in, never swept",
            absent(),
            row(known(), Some(out(before(600)))),
            there(),
            vec![7],
            None,
            vec![lingers],
            true,
            false,
        ),
        (
            "in again since a sweep",
            absent(),
            row(known(), Some(out(before(600)))),
            there(),
            vec![7],
            swept,
            vec![],
            false,
            true,
        ),
        (
            "taken out a moment ago",
            absent(),
            row(known(), Some(out(before(young)))),
            there(),
            vec![7],
            swept,
            vec![],
            true,
            false,
        ),
        (
            "its removal waits",
            absent(),
            row(known(), Some(present(before(600)))),
            there(),
            vec![7],
            swept,
            vec![],
            true,
            false,
        ),
        ("never ours", absent(), row(known(), None), there(), vec![7], swept, vec![], false, true),
        (
            "left as it is",
            leave(),
            row(known(), Some(present(before(600)))),
            there(),
            vec![7],
            swept,
            vec![],
            true,
            false,
        ),
    ];
    for (name, wish, row, everyone, group, previous, differences, supported, ended) in table {
        let Beside { people, differences: found, supported: ours, ended: theirs, .. } =
            beside(&desired(wish), Some(&row), &scan(&everyone, &group), previous);
        assert_eq!(found, differences, "{name}");
        assert_eq!(ours.contains(&(GROUP, 7)), supported, "{name}");
        assert_eq!(theirs.contains(&(GROUP, 7)), ended, "{name}");
        assert_eq!(people, BTreeMap::new(), "{name}: nothing new was seen");
    }
}

#[test]
fn ids_addresses_and_acceptance_are_taken_from_the_lists() {
    let seen = |row: Option<&Sync>, everyone: &[Listed], group: &[u64]| {
        let beside = beside(&desired(want()), row, &scan(everyone, group), None);
        beside.people.into_values().next()
    };
    let invited = row(member(before(600), Standing::Invited), Some(present(before(600))));
    let person = seen(Some(&invited), &there(), &[7]).unwrap();
    assert_eq!(person.membership, member(began(), Standing::Active), "accepted");

    let young = row(member(before(1), Standing::Active), Some(present(before(600))));
    let behind = [listed(7, "ada@example.com", Standing::Invited)];
    assert_eq!(seen(Some(&young), &behind, &[7]), None, "a list that lags takes nothing back");

    let unsaid = [listed(7, "ada@example.com", Standing::Known)];
    let active = row(member(before(600), Standing::Active), Some(present(before(600))));
    assert_eq!(seen(Some(&active), &unsaid, &[7]), None);

    let moved = [listed(7, "ada@new.example", Standing::Active)];
    let person = seen(Some(&active), &moved, &[7]).unwrap();
    assert!(
        matches!(person.membership, Membership::Member { address, .. } if address.as_str() == "ada@new.example")
    );

    let again = [listed(8, "ada@example.com", Standing::Active)];
    let person = seen(Some(&active), &again, &[8]).unwrap();
    assert_eq!(person.membership.id(), Some(8), "let in again under another id");

    let adopted = seen(Some(&row(Membership::Unseen, None)), &there(), &[7]).unwrap();
    assert_eq!(adopted.membership.id(), Some(7));
    assert_eq!(adopted.items, [(GROUP, Holding::Present { seen_at: began() })].into(), "adopted");

    let unknown = row(Membership::Unknown { look_at: before(1), absent: 0 }, None);
    assert_eq!(seen(Some(&unknown), &there(), &[7]), None, "what is under way is settled by its own look");
}

#[test]
fn entries_that_come_twice_count_once() {
    let mut scan = Scan::new(Target::Kit, began());
    let tag = List::In(Item::kit_tag("member"));
    assert_eq!(scan.add(&tag, [listed(1, "a@example.com", Standing::Active)]), 1);
    let page = [listed(1, "a@example.com", Standing::Active), listed(2, "b@example.com", Standing::OptedOut)];
    assert_eq!(scan.add(&tag, page), 1);
    assert_eq!(scan.counts(), [(tag, 2)].into());
}

/// A live list is read page by page while people change what it lists. Of a file this would be a flaw: there nothing
/// changes while it is read.
#[test]
fn a_member_whose_address_changes_between_two_pages_is_one_and_found_by_either() {
    for pages in [["ada@example.com", "new@example.com"], ["new@example.com", "ada@example.com"]] {
        let mut scan = Scan::new(Target::Circle, began());
        let fresh = pages.map(|address| scan.add(&List::Everyone, [listed(7, address, Standing::Active)]));
        assert_eq!(fresh, [1, 0], "{pages:?}");
        scan.add(&List::In(GROUP), [Listed { id: 7, address: None, standing: None, name: None }]);
        let beside = beside(&desired(want()), Some(&row(Membership::Unseen, None)), &scan, None);
        assert_eq!(beside.supported, [(GROUP, 7)].into(), "{pages:?}");
        assert_eq!(scan.person(7).and_then(|person| person.address.clone()), Email::parse(pages[1]));
    }
}

#[test]
fn a_list_that_is_empty_or_suddenly_shorter_is_not_believed() {
    for (before, now, believed) in [
        (0, 0, true),
        (1, 0, false),
        (3, 1, true),
        (5, 2, true),
        (5, 1, false),
        (20, 16, true),
        (100, 80, true),
        (100, 79, false),
        (10, 30, true),
    ] {
        let count = |entries: u64| BTreeMap::from([(List::Everyone, entries)]);
        assert_eq!(implausible(&count(now), &count(before)).is_none(), believed, "{before} to {now}");
    }
    let gone = BTreeMap::from([(List::In(GROUP), 50)]);
    assert_eq!(implausible(&BTreeMap::new(), &gone), None, "a list that is read no more says nothing");
}

#[test]
fn what_is_taken_is_put_back_once_and_then_left_to_a_person() {
    let mut row = row(member(before(600), Standing::Active), Some(out(before(1))));
    let rules = Rules {
        target: Target::Circle,
        new_subscribers: frontdesk_core::catalogue::NewSubscribers::Add,
        look_wanted: false,
        looks: true,
        brake: None,
        missing: std::collections::BTreeSet::new(),
    };
    let looked = |row: &Sync| {
        let wishes = desired(want()).holders.remove(&Holder::Customer).unwrap();
        next(&wishes, &row.observed.people[&Holder::Customer], &rules, began())
    };
    let person = |row: &mut Sync| row.observed.people.get_mut(&Holder::Customer).unwrap().clone();
    let mut ada = person(&mut row);
    assert!(matches!(lose(&mut ada, &GROUP, undone(began())), Taken::PutBack { .. }));
    row.observed.people.insert(Holder::Customer, ada.clone());
    assert!(matches!(looked(&row), Next::Step(_)), "put back");
    assert!(
        matches!(lose(&mut ada, &GROUP, undone(began())), Taken::PutBack { .. }),
        "the same absence, told twice"
    );
    let later = began() + SignedDuration::from_mins(5);
    ada.items.insert(GROUP, out(later));
    assert!(matches!(lose(&mut ada, &GROUP, undone(later)), Taken::LeftOut { .. }));
    row.observed.people.insert(Holder::Customer, ada);
    assert_eq!(looked(&row), Next::Held(Hold::Person));
    row.forget_taken(&desired(want()));
    assert_eq!(looked(&row), Next::Held(Hold::Person), "while it is wanted, the decision stands");
    let mut ended = row.clone();
    ended.forget_taken(&desired(absent()));
    assert!(matches!(looked(&ended), Next::Step(_)), "a later purchase begins anew");
    row.let_in_again(began());
    assert!(matches!(looked(&row), Next::Step(_)), "a person may say otherwise");
}
