use crate::backend::Backend;
use crate::sample::{at, customer_id, email, entry_id, observed, row, sync, write};
use frontdesk_core::overdue::Owed;
use frontdesk_core::sync::{Failed, Hold, State, Sync};
use frontdesk_core::target::{Failure, Holder, Item, Membership, Observed, Person, Target};
use frontdesk_store::{Commit, Error, Expect, Identity, Overdue, SyncFilter, Write};
use std::collections::{BTreeMap, BTreeSet};

fn customers(range: std::ops::RangeInclusive<u32>) -> Vec<Write> {
    range.map(|nth| Write::Customer(row(nth, 0))).collect()
}

pub(crate) async fn a_row_reads_back_as_it_was_written_in_every_state(backend: Backend) {
    let store = &backend.store;
    write(store, customers(1..=1)).await;
    let states = [
        State::Due,
        State::Sent,
        State::Unknown,
        State::Held(Hold::Shadow),
        State::Held(Hold::Proof),
        State::Held(Hold::Brake { name: "circle-1".to_owned() }),
        State::Held(Hold::Misconfigured { mapping: "circle:group:1".to_owned() }),
        State::Held(Hold::Person),
        State::Held(Hold::Frozen { name: "marketing-1".to_owned(), until: at(90) }),
        State::Applied,
        State::Parked { why: "20 tries".to_owned() },
        State::Contested { item: Item::kit_tag("member"), why: "flipped twice".to_owned() },
    ];
    for state in states {
        let failure = Failure::Misconfigured { mapping: Item::CircleGroup(4012) };
        let full = Sync {
            generation: 3,
            applied_generation: 2,
            observed: observed(77, "ada"),
            state,
            attempts: 4,
            failing_since: Some(at(20)),
            next_attempt_at: None,
            last_failure: Some(Failed { at: at(21), step: "add".to_owned(), failure }),
            applied_at: Some(at(15)),
            look_wanted_at: Some(at(16)),
            brake_released: true,
            owed: Some(Owed { since: at(17), overdue_at: at(18) }),
            ..sync(1, Target::Circle)
        };
        write(store, vec![Write::Sync(full.clone()), Write::Sync(sync(1, Target::Kit))]).await;
        let held = store.syncs(&customer_id(1)).await.unwrap();
        assert_eq!(held, BTreeMap::from([(Target::Circle, full), (Target::Kit, sync(1, Target::Kit))]));
    }
}

pub(crate) async fn who_was_never_let_in_goes_first(backend: Backend) {
    let store = &backend.store;
    let mut writes = customers(1..=6);
    let due = |nth, next, applied: Option<i64>, state: State| {
        let applied_at = applied.map(at);
        Write::Sync(Sync { next_attempt_at: Some(at(next)), applied_at, state, ..sync(nth, Target::Circle) })
    };
    writes.extend([
        due(1, 10, Some(1), State::Due),
        due(2, 30, None, State::Due),
        due(3, 20, None, State::Due),
        due(4, 5, Some(1), State::Applied),
        due(5, 99, None, State::Due),
        due(6, 1, None, State::Parked { why: "20 tries".to_owned() }),
        Write::Sync(Sync { next_attempt_at: Some(at(1)), ..sync(1, Target::Kit) }),
    ]);
    write(store, writes).await;
    let order = async |limit| {
        let rows = store.sync_due(Target::Circle, at(50), limit).await.unwrap();
        rows.into_iter().map(|row| row.customer).collect::<Vec<_>>()
    };
    assert_eq!(order(9).await, [3, 2, 6, 4, 1].map(customer_id));
    assert_eq!(order(2).await, [3, 2].map(customer_id));
    assert_eq!(store.sync_backlog(Target::Circle, at(50)).await.unwrap(), (5, Some(at(9))));
    assert_eq!(store.sync_backlog(Target::Kit, at(0)).await.unwrap(), (0, None));
}

pub(crate) async fn what_waits_because_of_shadow_mode_is_counted_and_made_due(backend: Backend) {
    let store = &backend.store;
    let mut writes = customers(1..=5);
    let row =
        |nth, target, state: State| Write::Sync(Sync { state, next_attempt_at: None, ..sync(nth, target) });
    writes.extend([
        row(1, Target::Circle, State::Held(Hold::Shadow)),
        row(2, Target::Circle, State::Held(Hold::Proof)),
        row(3, Target::Circle, State::Applied),
        row(4, Target::Circle, State::Held(Hold::Shadow)),
        row(5, Target::Kit, State::Held(Hold::Shadow)),
    ]);
    write(store, writes).await;
    let due_since = sync(1, Target::Circle).due_since;
    assert_eq!(store.shadowed(Target::Circle, due_since).await.unwrap(), 2);
    let later = due_since + jiff::SignedDuration::from_secs(1);
    assert_eq!(store.shadowed(Target::Circle, later).await.unwrap(), 3, "begun before, and not done");
    write(store, vec![Write::Unshadow { target: Target::Circle, at: at(60) }]).await;
    assert_eq!(store.shadowed(Target::Circle, due_since).await.unwrap(), 0);
    let due = store.sync_due(Target::Circle, at(60), 9).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|row| (row.customer, row.state)).collect();
    assert_eq!(due, [(customer_id(1), State::Due), (customer_id(4), State::Due)]);
    assert_eq!(store.shadowed(Target::Kit, due_since).await.unwrap(), 1);
}

pub(crate) async fn a_newer_generation_refuses_what_was_reconciled_before(backend: Backend) {
    let store = &backend.store;
    write(store, customers(1..=1)).await;
    write(store, vec![Write::Sync(Sync { generation: 2, ..sync(1, Target::Circle) })]).await;
    let settle = |generation| Commit {
        expect: vec![Expect::SyncGeneration { customer: customer_id(1), target: Target::Circle, generation }],
        writes: vec![Write::Sync(Sync { generation, state: State::Applied, ..sync(1, Target::Circle) })],
    };
    assert!(matches!(store.commit(settle(1)).await, Err(Error::Conflict { .. })));
    assert_eq!(store.syncs(&customer_id(1)).await.unwrap()[&Target::Circle].state, State::Due);
    store.commit(settle(2)).await.unwrap();
    assert_eq!(store.syncs(&customer_id(1)).await.unwrap()[&Target::Circle].state, State::Applied);
}

pub(crate) async fn records_that_share_a_member_or_an_address_are_found(backend: Backend) {
    let store = &backend.store;
    let gift = Observed {
        people: BTreeMap::from([(
            Holder::Beneficiary(email("gift")),
            Person { membership: Membership::NotMember { seen_at: at(1) }, ..Person::default() },
        )]),
    };
    let mut writes = customers(1..=5);
    writes.extend([
        Write::Sync(Sync { observed: observed(7, "ada"), ..sync(1, Target::Circle) }),
        Write::Sync(Sync { observed: observed(7, "other"), ..sync(2, Target::Circle) }),
        Write::Sync(Sync { observed: observed(7, "kit"), ..sync(3, Target::Kit) }),
        Write::Sync(Sync { observed: gift, ..sync(4, Target::Circle) }),
        Write::Identity {
            identity: Identity::Mail(email("ada")),
            customer: customer_id(5),
            entry: entry_id(5),
        },
        Write::Identity {
            identity: Identity::Member(Target::Circle, 9),
            customer: customer_id(5),
            entry: entry_id(5),
        },
    ]);
    write(store, writes).await;
    assert_eq!(store.known_people(Target::Circle).await.unwrap(), 1, "two records, one member");
    assert_eq!(store.known_people(Target::Kit).await.unwrap(), 1);
    let sharing = async |members: &[u64], addresses: &[&str]| {
        let addresses: BTreeSet<_> = addresses.iter().map(|name| email(name)).collect();
        let members = members.iter().map(|id| (Target::Circle, *id)).collect();
        store.records_sharing(&members, &addresses).await.unwrap()
    };
    assert_eq!(sharing(&[7], &[]).await, [1, 2].map(customer_id).into());
    assert_eq!(sharing(&[], &["ada"]).await, [1, 5].map(customer_id).into());
    assert_eq!(sharing(&[], &["gift"]).await, [customer_id(4)].into());
    assert_eq!(sharing(&[8], &["kit"]).await, [customer_id(3)].into());
    assert!(sharing(&[8], &["nobody"]).await.is_empty());
    // What is no longer observed leads nowhere.
    write(store, vec![Write::Sync(sync(2, Target::Circle))]).await;
    assert_eq!(sharing(&[7], &["other"]).await, [customer_id(1)].into());
}

pub(crate) async fn releasing_a_brake_makes_its_rows_due(backend: Backend) {
    let store = &backend.store;
    let held = |nth, name: &str| {
        let state = State::Held(Hold::Brake { name: name.to_owned() });
        Write::Sync(Sync { state, next_attempt_at: None, ..sync(nth, Target::Circle) })
    };
    let engage = |name: &str, second| Write::BrakeEngage {
        name: name.to_owned(),
        target: Target::Circle,
        at: at(second),
        reason: "31 removals in 10 minutes".to_owned(),
    };
    let mut writes = customers(1..=3);
    writes.extend([engage("circle-1", 1), engage("circle-2", 2), held(1, "circle-1"), held(2, "circle-2")]);
    write(store, writes).await;
    write(store, vec![engage("circle-1", 9)]).await;
    let brakes = store.brakes().await.unwrap();
    assert_eq!(
        brakes.iter().map(|brake| (brake.name.as_str(), brake.engaged_at)).collect::<Vec<_>>(),
        [("circle-1", at(1)), ("circle-2", at(2))]
    );
    let filter = SyncFilter { brake: Some("circle-1".to_owned()), ..SyncFilter::default() };
    assert_eq!(store.sync_list(&filter, None, 9).await.unwrap().len(), 1);
    let release = || Write::BrakeRelease { name: "circle-1".to_owned(), at: at(20), by: "olga".to_owned() };
    write(store, vec![release()]).await;
    let due = store.sync_due(Target::Circle, at(20), 9).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(
        (&due[0].customer, &due[0].state, due[0].brake_released),
        (&customer_id(1), &State::Due, true)
    );
    assert_eq!(store.brakes().await.unwrap().len(), 1);
    let released = store.brake("circle-1").await.unwrap().unwrap();
    assert_eq!((released.released_at, released.released_by.as_deref()), (Some(at(20)), Some("olga")));
    let again = store.commit(Commit { expect: Vec::new(), writes: vec![release()] }).await;
    assert!(again.is_err_and(|error| error.is_conflict()));
}

pub(crate) async fn lists_filter_and_states_are_counted(backend: Backend) {
    let store = &backend.store;
    let mut writes = customers(1..=3);
    let parked = State::Parked { why: "refused".to_owned() };
    writes.extend([
        Write::Sync(sync(1, Target::Circle)),
        Write::Sync(Sync { state: parked.clone(), ..sync(2, Target::Circle) }),
        Write::Sync(Sync { state: parked, ..sync(3, Target::Kit) }),
    ]);
    write(store, writes).await;
    let counts = store.sync_states().await.unwrap();
    let count = |target, word: &str| counts.get(&(target, word.to_owned())).copied();
    assert_eq!((count(Target::Circle, "due"), count(Target::Circle, "parked")), (Some(1), Some(1)));
    assert_eq!((count(Target::Kit, "parked"), count(Target::Kit, "due")), (Some(1), None));
    let listed = async |target, state: Option<&str>| {
        let filter = SyncFilter { target, state: state.map(str::to_owned), ..SyncFilter::default() };
        store.sync_list(&filter, None, 9).await.unwrap().len()
    };
    assert_eq!(listed(None, None).await, 3);
    assert_eq!(listed(Some(Target::Circle), None).await, 2);
    assert_eq!(listed(None, Some("parked")).await, 2);
    let all = store.sync_list(&SyncFilter::default(), None, 9).await.unwrap();
    let rest = store.sync_list(&SyncFilter::default(), Some(&all[0].customer), 9).await.unwrap();
    assert_eq!(rest, all[1..]);
}

pub(crate) async fn removals_past_their_time_are_counted_and_listed(backend: Backend) {
    let store = &backend.store;
    let mut writes = customers(1..=4);
    let owes = |nth, target, since| {
        let owed = Some(Owed { since: at(since), overdue_at: at(since + 10) });
        Write::Sync(Sync { owed, ..sync(nth, target) })
    };
    writes.extend([
        owes(1, Target::Circle, 20),
        owes(2, Target::Circle, 15),
        owes(3, Target::Kit, 1),
        Write::Sync(sync(4, Target::Circle)),
    ]);
    write(store, writes).await;
    let overdue = async |target, second| {
        let Overdue { rows, since } = store.overdue(target, at(second)).await.unwrap();
        (rows, since)
    };
    assert_eq!(overdue(Target::Circle, 24).await, (0, None));
    assert_eq!(overdue(Target::Circle, 25).await, (1, Some(at(15))));
    assert_eq!(overdue(Target::Circle, 30).await, (2, Some(at(15))));
    assert_eq!(store.next_overdue(Target::Circle).await.unwrap(), Some(at(25)));
    let listed = async |second| {
        let filter = SyncFilter { overdue_at: Some(at(second)), ..SyncFilter::default() };
        let rows = store.sync_list(&filter, None, 9).await.unwrap();
        rows.into_iter().map(|row| row.customer).collect::<BTreeSet<_>>()
    };
    assert_eq!(listed(25).await, BTreeSet::from([2, 3].map(customer_id)));
    // A clock that was ahead by days noted it: it is told, not forgotten until then.
    write(store, vec![owes(4, Target::Kit, 400_000)]).await;
    assert_eq!(overdue(Target::Kit, 11).await.0, 2);
    write(store, [1, 2].map(|nth| Write::Sync(sync(nth, Target::Circle))).into()).await;
    assert_eq!(overdue(Target::Circle, 99).await, (0, None));
    assert_eq!(store.next_overdue(Target::Circle).await.unwrap(), None);
}
