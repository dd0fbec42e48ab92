use crate::backend::Backend;
use crate::sample::{
    at, customer_id, email, entry, entry_id, fact, insert, key, make, making, observed, record, row, stripe,
    sync, write,
};
use frontdesk_core::case::{CaseKind, Reason};
use frontdesk_core::fact::Kind;
use frontdesk_core::reads::Purpose;
use frontdesk_core::record::Tie;
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::Failed;
use frontdesk_core::target::{Failure, Target};
use frontdesk_store::{
    Commit, CustomerRow, Error, Expect, Identity, LinkPurpose, ReadState, SourceRead, StatusLink, Write,
};
use tokio::task::JoinSet;

fn is_conflict<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict { .. }))
}

pub(crate) async fn a_record_reads_back_as_it_was_written(backend: Backend) {
    let store = &backend.store;
    make(store, 1, "ada").await;
    let backend = backend.reopen().await;
    let loaded = backend.store.records(&[customer_id(9), customer_id(1)]).await.unwrap();
    assert_eq!(loaded.len(), 1, "who does not exist is left out");
    assert_eq!(loaded[0].record, record(1, "ada"));
    assert_eq!(loaded[0].revision, 1);
    assert_eq!(loaded[0].row, CustomerRow { revision: 1, updated_at: at(0), ..row(1, 0) });
    let owner = backend.store.fact_owner(&key(Kind::Customer, "cus_ada")).await.unwrap();
    assert_eq!(owner, Some(customer_id(1)));
    let ties = [Tie::Address(email("ada")), Tie::Object(key(Kind::Customer, "cus_nobody"))];
    assert_eq!(backend.store.customers_for_ties(&ties).await.unwrap(), [customer_id(1)].into());
    assert!(backend.store.customers_for_ties(&[]).await.unwrap().is_empty());
    assert_eq!(backend.store.mails(&customer_id(1)).await.unwrap(), [email("ada")]);
}

pub(crate) async fn an_older_revision_is_refused_and_writes_nothing(backend: Backend) {
    let store = &backend.store;
    make(store, 1, "ada").await;
    write(store, vec![Write::Customer(row(1, 1))]).await;
    let object = key(Kind::Customer, "cus_ada");
    let later = Write::Fact { key: object.clone(), customer: customer_id(1), fact: fact("changed", 9) };
    let stale = Commit { expect: Vec::new(), writes: vec![later.clone(), Write::Customer(row(1, 1))] };
    assert!(is_conflict(&store.commit(stale).await));
    let expect = vec![Expect::Revision { customer: customer_id(1), revision: 1 }];
    assert!(is_conflict(&store.commit(Commit { expect, writes: vec![later.clone()] }).await));
    let held = store.records(&[customer_id(1)]).await.unwrap().remove(0);
    assert_eq!((held.revision, held.record.facts), (2, record(1, "ada").facts));
    let expect = vec![Expect::Revision { customer: customer_id(1), revision: 2 }];
    store.commit(Commit { expect, writes: vec![later] }).await.unwrap();
    let held = store.records(&[customer_id(1)]).await.unwrap().remove(0);
    assert_eq!(held.record.facts[&object], fact("changed", 9));
}

pub(crate) async fn of_ten_decisions_on_one_revision_one_is_kept(backend: Backend) {
    make(&backend.store, 1, "ada").await;
    let mut decisions = JoinSet::new();
    for nth in 0..10 {
        let store = backend.store.clone();
        decisions.spawn(async move {
            let decided = CustomerRow { summary: serde_json::json!({ "nth": nth }), ..row(1, 1) };
            let fact = Write::Fact {
                key: key(Kind::Subscription, &format!("sub_{nth}")),
                customer: customer_id(1),
                fact: fact("x", nth),
            };
            let commit = Commit { expect: Vec::new(), writes: vec![Write::Customer(decided), fact] };
            (nth, store.commit(commit).await)
        });
    }
    let results = decisions.join_all().await;
    let kept: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).map(|(nth, _)| *nth).collect();
    assert_eq!(kept.len(), 1);
    assert!(results.iter().all(|(_, result)| result.is_ok() || is_conflict(result)));
    let held = backend.store.records(&[customer_id(1)]).await.unwrap().remove(0);
    assert_eq!(held.row.summary, serde_json::json!({ "nth": kept[0] }));
    assert_eq!(held.record.facts.len(), 2, "only the winner's fact is there");
}

pub(crate) async fn a_tie_leads_to_one_customer_only(backend: Backend) {
    let store = &backend.store;
    make(store, 1, "ada").await;
    let commit = Commit { expect: Vec::new(), writes: making(2, "ada") };
    assert!(is_conflict(&store.commit(commit).await));
    assert_eq!(store.customer(&customer_id(2)).await.unwrap(), None);
    // Told again by its own customer, it changes nothing.
    let identity = Identity::Tie(Tie::Address(email("ada")));
    write(store, vec![Write::Identity { identity, customer: customer_id(1), entry: entry_id(7) }]).await;
    assert_eq!(store.records(&[customer_id(1)]).await.unwrap()[0].record, record(1, "ada"));
}

pub(crate) async fn an_address_may_lead_to_several(backend: Backend) {
    let store = &backend.store;
    make(store, 1, "ada").await;
    make(store, 2, "bob").await;
    let identity = Identity::Mail(email("ada"));
    write(store, vec![Write::Identity { identity, customer: customer_id(2), entry: entry_id(2) }]).await;
    let mut both = store.find_customers("Ada@Example.com", 10).await.unwrap();
    both.sort();
    let mut wanted = vec![customer_id(1), customer_id(2)];
    wanted.sort();
    assert_eq!(both, wanted);
    let tied = store.customers_for_ties(&[Tie::Address(email("ada"))]).await.unwrap();
    assert_eq!(tied, [customer_id(1)].into(), "an address that only leads somewhere ties nothing");
    assert_eq!(store.records(&[customer_id(2)]).await.unwrap()[0].record, record(2, "bob"));
}

pub(crate) async fn a_customer_who_exists_is_not_new(backend: Backend) {
    let store = &backend.store;
    let expect = || vec![Expect::NoCustomer(customer_id(1))];
    store.commit(Commit { expect: expect(), writes: vec![Write::Customer(row(1, 0))] }).await.unwrap();
    assert!(is_conflict(&store.commit(Commit { expect: expect(), writes: vec![] }).await));
    let again = Commit { expect: Vec::new(), writes: vec![Write::Customer(row(1, 0))] };
    assert!(is_conflict(&store.commit(again).await));
    let nobody = Write::Fact { key: key(Kind::Charge, "ch_1"), customer: customer_id(8), fact: fact("x", 1) };
    assert!(is_conflict(&store.commit(Commit { expect: Vec::new(), writes: vec![nobody] }).await));
}

pub(crate) async fn a_merge_moves_everything_and_leaves_a_pointer(backend: Backend) {
    let store = &backend.store;
    for (nth, name) in [(1, "ada"), (2, "ada.l"), (3, "a.lovelace")] {
        make(store, nth, name).await;
    }
    let reason = || Reason::NoAddress;
    let open = |nth, journey: &str| Write::CaseOpen {
        customer: customer_id(nth),
        journey: journey.to_owned(),
        kind: CaseKind::Access,
        reason: reason(),
        at: at(3),
        notes: Vec::new(),
    };
    let link = StatusLink {
        token_hash: "h".to_owned(),
        customer: customer_id(2),
        purpose: LinkPurpose::Status,
        created_at: at(1),
        expires_at: at(1000),
        revoked_at: None,
    };
    let both = frontdesk_core::sync::Sync { observed: observed(7, "ada.l"), ..sync(2, Target::Circle) };
    let alone = frontdesk_core::sync::Sync { observed: observed(8, "ada.l"), ..sync(2, Target::Kit) };
    insert(store, 2).await;
    write(
        store,
        vec![
            Write::Identity {
                identity: Identity::Mail(email("shared")),
                customer: customer_id(1),
                entry: entry_id(1),
            },
            Write::Identity {
                identity: Identity::Mail(email("shared")),
                customer: customer_id(2),
                entry: entry_id(2),
            },
            Write::Sync(sync(1, Target::Circle)),
            Write::Sync(both),
            Write::Sync(alone),
            Write::Read(SourceRead::new(key(Kind::Charge, "ch_2"), customer_id(2), Purpose::Charge, at(4))),
            open(1, "sub_1"),
            open(2, "sub_1"),
            open(2, "sub_2"),
            Write::StatusLink(link),
            Write::JournalEnd {
                id: entry_id(2),
                state: frontdesk_store::EntryState::Effect,
                reason: None,
                customer: Some(customer_id(2)),
                applied_at: at(3),
            },
        ],
    )
    .await;
    let merge = |loser, survivor| Write::Merge {
        loser: customer_id(loser),
        survivor: customer_id(survivor),
        at: at(6),
    };
    write(store, vec![merge(3, 2)]).await;
    let expect = vec![
        Expect::Revision { customer: customer_id(1), revision: 1 },
        Expect::Revision { customer: customer_id(2), revision: 1 },
    ];
    let commit = Commit { expect, writes: vec![merge(2, 1), Write::Customer(row(1, 1))] };
    store.commit(commit).await.unwrap();

    let left = store.records(&[customer_id(1), customer_id(2), customer_id(3)]).await.unwrap();
    assert_eq!(left.len(), 1);
    let facts: Vec<_> = left[0].record.facts.keys().map(|key| key.id.as_str()).collect();
    assert_eq!(facts, ["cus_a.lovelace", "cus_ada", "cus_ada.l"]);
    assert_eq!(left[0].record.ties.len(), 6);
    for nth in [2, 3] {
        let gone = store.customer(&customer_id(nth)).await.unwrap().unwrap();
        assert_eq!(gone.merged_into, Some(customer_id(1)), "every pointer leads straight to the survivor");
        assert_eq!(store.find_customers(customer_id(nth).as_str(), 9).await.unwrap(), [customer_id(1)]);
    }
    assert_eq!(store.mails(&customer_id(1)).await.unwrap().len(), 4);
    let syncs = store.syncs(&customer_id(1)).await.unwrap();
    assert_eq!(syncs[&Target::Circle], sync(1, Target::Circle), "the survivor's row stays");
    assert_eq!(syncs[&Target::Kit].observed, observed(8, "ada.l"));
    let none = [(Target::Circle, 7)].into();
    assert!(store.records_sharing(&none, &[].into()).await.unwrap().is_empty());
    let kept = [(Target::Kit, 8)].into();
    assert_eq!(store.records_sharing(&kept, &[].into()).await.unwrap(), [customer_id(1)].into());
    let cases = store.open_cases(&customer_id(1)).await.unwrap();
    assert_eq!(cases.iter().map(|case| case.journey.as_str()).collect::<Vec<_>>(), ["sub_1", "sub_2"]);
    assert_eq!(store.reads_of(&customer_id(1)).await.unwrap().len(), 1);
    assert_eq!(store.status_link("h", at(2)).await.unwrap().unwrap().customer, customer_id(1));
    assert_eq!(
        store.journal_entry(&entry_id(2)).await.unwrap().unwrap().entry.customer,
        Some(customer_id(1))
    );
    let again = Commit { expect: Vec::new(), writes: vec![merge(2, 1)] };
    assert!(is_conflict(&store.commit(again).await));
    let stale = Commit { expect: Vec::new(), writes: vec![Write::Customer(row(2, 2))] };
    assert!(is_conflict(&store.commit(stale).await), "nobody decides about who was merged away");
}

pub(crate) async fn customers_are_found_by_what_people_type(backend: Backend) {
    let store = &backend.store;
    for (nth, name) in [(1, "ada"), (2, "adam"), (3, "bob")] {
        make(store, nth, name).await;
    }
    let found = async |typed: &str| {
        let mut found = store.find_customers(typed, 10).await.unwrap();
        found.sort();
        found
    };
    assert_eq!(found(" ADA@example.com ").await, [customer_id(1)]);
    assert_eq!(found("cus_bob").await, [customer_id(3)]);
    assert_eq!(found(customer_id(2).as_str()).await, [customer_id(2)]);
    let mut both = [customer_id(1), customer_id(2)];
    both.sort();
    assert_eq!(found("ada").await, both);
    assert_eq!(found("Ada").await, both);
    assert_eq!(found("cus_b").await, [customer_id(3)]);
    for nobody in ["", "  ", "zoe", "%", "ad_", "' OR 1=1 --"] {
        assert!(found(nobody).await.is_empty(), "{nobody:?}");
    }
    assert_eq!(store.find_customers("ada", 1).await.unwrap().len(), 1);
}

pub(crate) async fn the_derived_hash_follows_facts_and_ties_alone(backend: Backend) {
    let store = &backend.store;
    let empty = store.derived_hash().await.unwrap();
    for (nth, name) in [(1, "ada"), (2, "bob")] {
        make(store, nth, name).await;
    }
    let two = store.derived_hash().await.unwrap();
    assert_ne!(two, empty);
    let mut records = [record(1, "ada"), record(2, "bob")];
    records.sort_by(|a, b| a.id.cmp(&b.id));
    let mut hash = frontdesk_store::DerivedHash::default();
    for record in &records {
        hash.add(record);
    }
    assert_eq!(hash.finish(), two, "a rebuild in memory gives the same");
    write(store, vec![Write::Customer(row(1, 1)), Write::Sync(sync(1, Target::Kit))]).await;
    assert_eq!(store.derived_hash().await.unwrap(), two);
    let changed =
        Write::Fact { key: key(Kind::Customer, "cus_ada"), customer: customer_id(1), fact: fact("ada", 2) };
    write(store, vec![changed]).await;
    let changed = store.derived_hash().await.unwrap();
    assert_ne!(changed, two);
    let identity = Identity::Tie(Tie::Address(email("zoe")));
    write(store, vec![Write::Identity { identity, customer: customer_id(2), entry: entry_id(2) }]).await;
    assert_ne!(store.derived_hash().await.unwrap(), changed);
}

pub(crate) async fn entitled_customers_and_headlines_are_counted(backend: Backend) {
    let store = &backend.store;
    let customer =
        |nth, is_entitled, headline| Write::Customer(CustomerRow { is_entitled, headline, ..row(nth, 0) });
    write(
        store,
        vec![
            customer(1, true, Some(Stage::Active)),
            customer(2, true, Some(Stage::PastDue)),
            customer(3, false, Some(Stage::Ended)),
            customer(4, true, Some(Stage::Active)),
            customer(5, false, None),
        ],
    )
    .await;
    write(store, vec![Write::Merge { loser: customer_id(4), survivor: customer_id(1), at: at(1) }]).await;
    assert_eq!(store.entitled_count().await.unwrap(), 2);
    let headlines = store.headlines().await.unwrap();
    assert_eq!(headlines, [(Stage::PastDue, 1), (Stage::Active, 1), (Stage::Ended, 1)].into());
    let page = store.customers(None, None, 2).await.unwrap();
    let rest = store.customers(None, page.last().map(|row| &row.id), 9).await.unwrap();
    assert_eq!((page.len(), rest.len()), (2, 2));
    assert!(page.iter().chain(&rest).map(|row| &row.id).is_sorted());
    let overdue = store.customers(Some(Stage::PastDue), None, 9).await.unwrap();
    assert_eq!(overdue.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), [customer_id(2)]);
}

pub(crate) async fn wake_ups_and_the_next_due_instant(backend: Backend) {
    let store = &backend.store;
    assert_eq!(store.next_due(at(0)).await.unwrap(), None);
    let waking = |nth, wake| Write::Customer(CustomerRow { next_wake_at: Some(at(wake)), ..row(nth, 0) });
    write(store, vec![waking(1, 70), waking(2, 60), Write::Customer(row(3, 0))]).await;
    assert_eq!(store.next_due(at(0)).await.unwrap(), Some(at(60)));
    assert!(store.wakes_due(at(59), 10).await.unwrap().is_empty());
    assert_eq!(store.wakes_due(at(70), 10).await.unwrap(), [customer_id(2), customer_id(1)]);
    assert_eq!(store.wakes_due(at(70), 1).await.unwrap(), [customer_id(2)]);
    let read = SourceRead::new(key(Kind::Charge, "ch_1"), customer_id(1), Purpose::Charge, at(50));
    write(store, vec![Write::Read(read)]).await;
    assert_eq!(store.next_due(at(0)).await.unwrap(), Some(at(50)));
    let idle = frontdesk_core::sync::Sync { next_attempt_at: None, ..sync(2, Target::Kit) };
    let due = frontdesk_core::sync::Sync { next_attempt_at: Some(at(40)), ..sync(1, Target::Kit) };
    write(store, vec![Write::Sync(idle), Write::Sync(due)]).await;
    assert_eq!(store.next_due(at(0)).await.unwrap(), Some(at(40)));
    store.journal_insert(entry(1)).await.unwrap();
    assert_eq!(store.next_due(at(5)).await.unwrap(), Some(at(5)), "an entry never tried is due at once");
    let retry = Write::JournalRetry {
        id: entry_id(1),
        tries: 1,
        next_try_at: at(30),
        reason: "a conflict".to_owned(),
    };
    write(store, vec![retry]).await;
    assert_eq!(store.next_due(at(5)).await.unwrap(), Some(at(30)));
}

pub(crate) async fn waking_all_refuses_decisions_that_did_not_see_it(backend: Backend) {
    let store = &backend.store;
    let later = CustomerRow { next_wake_at: Some(at(900)), ..row(1, 0) };
    let sooner = CustomerRow { next_wake_at: Some(at(3)), ..row(2, 0) };
    write(store, vec![Write::Customer(later), Write::Customer(sooner), Write::Customer(row(3, 0))]).await;
    write(store, vec![Write::WakeAll { at: at(10) }]).await;
    assert_eq!(store.wakes_due(at(10), 9).await.unwrap().len(), 3);
    assert_eq!(store.wakes_due(at(9), 9).await.unwrap(), [customer_id(2)], "who is due sooner stays so");
    let unaware = Commit { expect: Vec::new(), writes: vec![Write::Customer(row(1, 1))] };
    assert!(is_conflict(&store.commit(unaware).await));
    write(store, vec![Write::Customer(row(1, 2))]).await;
    assert_eq!(store.wakes_due(at(10), 9).await.unwrap().len(), 2);
}

pub(crate) async fn wanted_reads_keep_the_earlier_time_and_their_failures(backend: Backend) {
    let store = &backend.store;
    write(store, vec![Write::Customer(row(1, 0))]).await;
    let wanted = |due, purpose| SourceRead::new(key(Kind::Charge, "ch_1"), customer_id(1), purpose, at(due));
    let only = async || store.reads_of(&customer_id(1)).await.unwrap().remove(0);
    write(store, vec![Write::Read(wanted(50, Purpose::Charge))]).await;
    write(store, vec![Write::Read(wanted(60, Purpose::Charge))]).await;
    assert_eq!(only().await, wanted(50, Purpose::Charge));
    write(store, vec![Write::Read(wanted(40, Purpose::Proof))]).await;
    assert_eq!(only().await, wanted(40, Purpose::Proof));
    assert!(store.reads_due(&stripe(), at(39), 9).await.unwrap().is_empty());
    assert_eq!(store.reads_due(&stripe(), at(40), 9).await.unwrap().len(), 1);
    let failure = Failure::Transient { why: "503".to_owned() };
    let failed = SourceRead {
        due_at: at(90),
        attempts: 2,
        failing_since: Some(at(41)),
        state: ReadState::Parked,
        last_failure: Some(Failed { at: at(42), step: "read".to_owned(), failure }),
        ..wanted(40, Purpose::Proof)
    };
    write(store, vec![Write::ReadFailed(failed.clone())]).await;
    assert_eq!(only().await, failed);
    write(store, vec![Write::Read(wanted(10, Purpose::Proof))]).await;
    assert_eq!(only().await, failed, "wanting it again does not shorten a back-off");
    write(store, vec![Write::ReadSettled(failed.key)]).await;
    assert!(store.reads_of(&customer_id(1)).await.unwrap().is_empty());
}
