use crate::backend::Backend;
use crate::sample::{at, entry, entry_id, insert, row, stripe, write};
use frontdesk_store::{
    Commit, EntryFilter, EntryKind, EntryState, Error, Expect, Inserted, NewEntry, Store, Write,
};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

async fn all_at_once(store: &Store, entries: Vec<NewEntry>) -> Vec<Inserted> {
    let mut deliveries = JoinSet::new();
    for entry in entries {
        let store = store.clone();
        deliveries.spawn(async move { store.journal_insert(entry).await.unwrap() });
    }
    deliveries.join_all().await
}

fn end(nth: u32, state: EntryState, reason: Option<&str>) -> Write {
    Write::JournalEnd {
        id: entry_id(nth),
        state,
        reason: reason.map(str::to_owned),
        customer: None,
        applied_at: at(200),
    }
}

pub(crate) async fn an_entry_keeps_its_exact_bytes_and_its_particulars(backend: Backend) {
    let store = &backend.store;
    // A byte order mark, a duplicate key, invalid UTF-8, a zero byte, a line end and blanks.
    let body = b"\xef\xbb\xbf{\"a\":9007199254740993,\"a\":1,\"b\":\"\xff\x00\"}\r\n  ".to_vec();
    let given = NewEntry { body: body.clone(), ..entry(1) };
    let seq = match store.journal_insert(given.clone()).await.unwrap() {
        Inserted::New { seq } => seq,
        other => panic!("{other:?}"),
    };
    let backend = backend.reopen().await;
    let stored = backend.store.journal_entry(&given.id).await.unwrap().unwrap();
    assert_eq!(stored.body, body);
    assert_eq!(stored.headers, given.headers);
    let held = stored.entry;
    assert_eq!(
        (held.seq, held.id, held.source, held.event_key),
        (seq, given.id, given.source, given.event_key)
    );
    assert_eq!((held.kind, held.event_type, held.object_id), (given.kind, given.event_type, given.object_id));
    assert_eq!((held.object_created_at, held.livemode), (given.object_created_at, given.livemode));
    assert_eq!((held.api_version, held.received_at), (given.api_version, given.received_at));
    assert_eq!((held.verified_by, held.state, held.tries), (given.verified_by, EntryState::Pending, 0));
    assert_eq!((held.deliveries, held.last_seen_at), (1, given.received_at));
    assert_eq!(held.body_sha256.len(), 64);
    assert_eq!(backend.store.journal_entry(&entry_id(2)).await.unwrap(), None);
    let by_key = backend.store.journal_by_key(&stripe(), "evt_1").await.unwrap().unwrap();
    assert_eq!(by_key.id, entry_id(1));
}

pub(crate) async fn fifty_deliveries_at_once_make_one_row_and_forty_nine_durable_duplicates(
    backend: Backend,
) {
    let deliveries = (0..50).map(|nth| NewEntry { id: entry_id(1000 + nth), ..entry(1) }).collect();
    let answers = all_at_once(&backend.store, deliveries).await;
    let new = answers.iter().filter(|answer| matches!(answer, Inserted::New { .. })).count();
    assert_eq!(new, 1);
    let counted: BTreeSet<i64> = answers
        .iter()
        .filter_map(|answer| match answer {
            Inserted::Duplicate { deliveries, .. } => Some(*deliveries),
            _ => None,
        })
        .collect();
    assert_eq!(counted, (2..=50).collect(), "each duplicate was counted once, before it was answered");
    let ids: BTreeSet<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Inserted::Duplicate { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    let backend = backend.reopen().await;
    let held = backend.store.journal_by_key(&stripe(), "evt_1").await.unwrap().unwrap();
    assert_eq!(ids, [held.id].into(), "all duplicates name the one entry");
    assert_eq!(held.deliveries, 50);
    assert_eq!(backend.store.balance().await.unwrap().rows, 1);
}

pub(crate) async fn another_event_under_a_known_key_is_kept_in_quarantine(backend: Backend) {
    let store = &backend.store;
    insert(store, 1).await;
    let other = |nth| NewEntry {
        id: entry_id(nth),
        event_type: "customer.subscription.deleted".to_owned(),
        body: b"another body".to_vec(),
        ..entry(1)
    };
    let first = store.journal_insert(other(2)).await.unwrap();
    assert_eq!(first, Inserted::Contradiction { id: entry_id(2), deliveries: 1 });
    let second = store.journal_insert(other(3)).await.unwrap();
    assert_eq!(second, Inserted::Contradiction { id: entry_id(2), deliveries: 2 });
    let kept = store.journal_entry(&entry_id(2)).await.unwrap().unwrap();
    assert_eq!(kept.entry.state, EntryState::Quarantined);
    assert!(kept.entry.reason.is_some());
    assert_eq!(kept.entry.event_key, format!("evt_1#conflict:{}", &kept.entry.body_sha256[..8]));
    assert_eq!(kept.body, b"another body");
    let first = store.journal_entry(&entry_id(1)).await.unwrap().unwrap();
    assert_eq!((first.entry.deliveries, first.entry.state), (1, EntryState::Pending));
    // Each of the four marks of one event counts by itself.
    let seen =
        store.journal_insert(NewEntry { id: entry_id(4), livemode: Some(false), ..entry(1) }).await.unwrap();
    assert!(matches!(seen, Inserted::Contradiction { .. }), "{seen:?}");
    let seen = NewEntry { id: entry_id(5), object_id: None, body: b"5".to_vec(), ..entry(1) };
    assert!(matches!(store.journal_insert(seen).await.unwrap(), Inserted::Contradiction { .. }));
    let seen = NewEntry { id: entry_id(6), object_created_at: Some(at(0)), body: b"6".to_vec(), ..entry(1) };
    assert!(matches!(store.journal_insert(seen).await.unwrap(), Inserted::Contradiction { .. }));
    // The same event in another body (a re-rendered copy) is still the same event.
    let seen = NewEntry { id: entry_id(7), body: b"7".to_vec(), ..entry(1) };
    assert_eq!(
        store.journal_insert(seen).await.unwrap(),
        Inserted::Duplicate { id: entry_id(1), deliveries: 2 }
    );
}

pub(crate) async fn contradictions_in_one_storm_are_sorted_out(backend: Backend) {
    let storm = (0..40).map(|nth| {
        let event_type = if nth % 2 == 0 { "invoice.paid" } else { "invoice.voided" };
        NewEntry {
            id: entry_id(2000 + nth),
            event_type: event_type.to_owned(),
            body: event_type.into(),
            ..entry(1)
        }
    });
    let answers = all_at_once(&backend.store, storm.collect()).await;
    let count = |is: fn(&Inserted) -> bool| answers.iter().filter(|answer| is(answer)).count();
    assert_eq!(count(|answer| matches!(answer, Inserted::New { .. })), 1);
    assert_eq!(count(|answer| matches!(answer, Inserted::Duplicate { .. })), 19);
    assert_eq!(count(|answer| matches!(answer, Inserted::Contradiction { .. })), 20);
    let balance = backend.store.balance().await.unwrap();
    assert_eq!((balance.pending, balance.quarantined, balance.rows), (1, 1, 2));
    let lines = backend.lines("SELECT deliveries FROM journal ORDER BY seq").await;
    assert_eq!(lines, ["20", "20"]);
}

pub(crate) async fn two_hundred_events_at_once_are_all_there(backend: Backend) {
    let answers = all_at_once(&backend.store, (0..200).map(entry).collect()).await;
    let places: BTreeSet<i64> = answers
        .iter()
        .map(|answer| match answer {
            Inserted::New { seq } => *seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(places.len(), 200);
    let backend = backend.reopen().await;
    for nth in 0..200 {
        assert!(backend.store.journal_entry(&entry_id(nth)).await.unwrap().is_some(), "{nth}");
    }
}

pub(crate) async fn waiting_entries_come_in_order_and_not_before_their_time(backend: Backend) {
    let store = &backend.store;
    for nth in [3, 1, 2] {
        insert(store, nth).await;
    }
    let ids = async |now| {
        let waiting = store.pending(10, now).await.unwrap();
        waiting.into_iter().map(|stored| stored.entry.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(at(0)).await, [entry_id(3), entry_id(1), entry_id(2)], "in the order of arrival");
    assert_eq!(store.pending(2, at(0)).await.unwrap().len(), 2);
    let retry = Write::JournalRetry {
        id: entry_id(1),
        tries: 1,
        next_try_at: at(500),
        reason: "the record changed meanwhile".to_owned(),
    };
    write(store, vec![retry]).await;
    assert_eq!(ids(at(499)).await, [entry_id(3), entry_id(2)]);
    assert_eq!(ids(at(500)).await, [entry_id(3), entry_id(1), entry_id(2)]);
    assert_eq!(store.journal_entry(&entry_id(1)).await.unwrap().unwrap().entry.tries, 1);
}

pub(crate) async fn an_entry_ends_once(backend: Backend) {
    let store = &backend.store;
    insert(store, 1).await;
    let expect = vec![Expect::JournalState { id: entry_id(1), state: EntryState::Pending }];
    store
        .commit(Commit { expect: expect.clone(), writes: vec![end(1, EntryState::Effect, None)] })
        .await
        .unwrap();
    let held = store.journal_entry(&entry_id(1)).await.unwrap().unwrap().entry;
    assert_eq!((held.state, held.applied_at), (EntryState::Effect, Some(at(200))));
    assert!(held.applied_seq.is_some());
    let again = Commit {
        expect: Vec::new(),
        writes: vec![Write::Customer(row(1, 0)), end(1, EntryState::NoEffect, None)],
    };
    assert!(matches!(store.commit(again).await, Err(Error::Conflict { .. })));
    assert_eq!(
        store.customer(&row(1, 0).id).await.unwrap(),
        None,
        "nothing of the refused commit was written"
    );
    let expected = store.commit(Commit { expect, writes: vec![Write::Customer(row(1, 0))] }).await;
    assert!(matches!(expected, Err(Error::Conflict { .. })));
    assert_eq!(store.customer(&row(1, 0).id).await.unwrap(), None);
}

pub(crate) async fn an_ended_entry_can_be_applied_again(backend: Backend) {
    let store = &backend.store;
    let quarantined = NewEntry {
        state: EntryState::Quarantined,
        reason: Some("the field `items` cannot be read".to_owned()),
        ..entry(1)
    };
    store.journal_insert(quarantined).await.unwrap();
    assert!(store.pending(10, at(0)).await.unwrap().is_empty());
    write(store, vec![Write::JournalReplay(entry_id(1))]).await;
    let waiting = store.pending(10, at(0)).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].entry.reason, None);
    let twice =
        store.commit(Commit { expect: Vec::new(), writes: vec![Write::JournalReplay(entry_id(1))] }).await;
    assert!(twice.is_err_and(|error| error.is_conflict()));
}

pub(crate) async fn an_entry_applied_again_keeps_its_place(backend: Backend) {
    let store = &backend.store;
    for nth in 1..=3 {
        insert(store, nth).await;
    }
    write(store, vec![end(1, EntryState::Effect, None)]).await;
    write(store, vec![end(2, EntryState::Failed, Some("a bug"))]).await;
    write(store, vec![end(3, EntryState::Effect, None)]).await;
    for nth in [1, 2] {
        write(store, vec![Write::JournalReplay(entry_id(nth))]).await;
        write(store, vec![end(nth, EntryState::Effect, None)]).await;
    }
    let replayed = store.replay_journal(0, 9).await.unwrap();
    let order: Vec<_> = replayed.into_iter().map(|stored| stored.entry.id).collect();
    assert_eq!(
        order,
        [1, 3, 2].map(entry_id),
        "what failed had taught nothing, so it comes when it succeeded"
    );
}

pub(crate) async fn applied_entries_replay_in_the_order_of_applying(backend: Backend) {
    let store = &backend.store;
    for nth in 1..=4 {
        insert(store, nth).await;
    }
    for nth in [3, 1, 4] {
        write(store, vec![end(nth, EntryState::Effect, None)]).await;
    }
    let mut replayed = Vec::new();
    let mut after = 0;
    loop {
        let page = store.replay_journal(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.entry.applied_seq.unwrap();
        replayed.extend(page.into_iter().map(|stored| stored.entry.id));
    }
    assert_eq!(replayed, [entry_id(3), entry_id(1), entry_id(4)]);
}

pub(crate) async fn the_balance_counts_every_row_once(backend: Backend) {
    let store = &backend.store;
    assert_eq!(store.balance().await.unwrap(), frontdesk_store::Balance::default());
    for nth in 1..=5 {
        insert(store, nth).await;
    }
    write(store, vec![end(1, EntryState::Effect, None)]).await;
    write(store, vec![end(2, EntryState::NoEffect, Some("type not handled"))]).await;
    write(store, vec![end(3, EntryState::Failed, Some("a bug"))]).await;
    write(store, vec![end(4, EntryState::Quarantined, Some("no `id`"))]).await;
    let balance = store.balance().await.unwrap();
    assert!(balance.holds());
    assert_eq!(
        (
            balance.pending,
            balance.effect,
            balance.no_effect,
            balance.failed,
            balance.quarantined,
            balance.rows
        ),
        (1, 1, 1, 1, 1, 5)
    );
    assert_eq!(balance.pending_since, Some(at(105)));
}

pub(crate) async fn lists_page_backwards_and_filter(backend: Backend) {
    let store = &backend.store;
    for nth in 1..=5 {
        insert(store, nth).await;
    }
    write(store, vec![end(2, EntryState::Failed, Some("a bug"))]).await;
    let ids = async |filter: EntryFilter, before, limit| {
        let page = store.journal_list(&filter, before, limit).await.unwrap();
        (page.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>(), page.last().map(|entry| entry.seq))
    };
    let (page, last) = ids(EntryFilter::default(), None, 3).await;
    assert_eq!(page, [entry_id(5), entry_id(4), entry_id(3)]);
    let (page, _) = ids(EntryFilter::default(), last, 3).await;
    assert_eq!(page, [entry_id(2), entry_id(1)]);
    let failed = EntryFilter { state: Some(EntryState::Failed), ..EntryFilter::default() };
    assert_eq!(ids(failed, None, 9).await.0, [entry_id(2)]);
    let about = EntryFilter { object_id: Some("sub_4".to_owned()), ..EntryFilter::default() };
    assert_eq!(ids(about, None, 9).await.0, [entry_id(4)]);
    let elsewhere =
        EntryFilter { source: Some(frontdesk_core::id::SourceId::new("paddle")), ..EntryFilter::default() };
    assert!(ids(elsewhere, None, 9).await.0.is_empty());
}

pub(crate) async fn a_zero_character_harms_nothing(backend: Backend) {
    let store = &backend.store;
    let odd = |nth| NewEntry {
        id: entry_id(nth),
        event_key: "evt\0odd".to_owned(),
        object_id: Some("sub\0".to_owned()),
        kind: EntryKind::Import,
        ..entry(1)
    };
    assert!(matches!(store.journal_insert(odd(1)).await.unwrap(), Inserted::New { .. }));
    assert!(matches!(store.journal_insert(odd(2)).await.unwrap(), Inserted::Duplicate { deliveries: 2, .. }));
    let held = store.journal_entry(&entry_id(1)).await.unwrap().unwrap().entry;
    assert_eq!(held.event_key, "evt\u{fffd}odd");
}
