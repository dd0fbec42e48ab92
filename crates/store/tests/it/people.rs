use crate::backend::Backend;
use crate::sample::{at, customer_id, entry_id, key, row, sync, write};
use frontdesk_core::case::{CaseKind, Reason};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::fact::Kind;
use frontdesk_core::reads::Purpose;
use frontdesk_core::target::Target;
use frontdesk_store::{
    CaseFilter, CaseState, CatalogueVersion, Commit, Committed, Expect, LIVE_MAX, LinkPurpose, SourceRead,
    StatusLink, Store, Write,
};
use tokio::task::JoinSet;

fn open(journey: &str, kind: CaseKind, dispute: &str) -> Write {
    Write::CaseOpen {
        customer: customer_id(1),
        journey: journey.to_owned(),
        kind,
        reason: Reason::Dispute { dispute: dispute.to_owned() },
        at: at(1),
        notes: vec![("frontdesk".to_owned(), format!("dispute {dispute}"))],
    }
}

async fn done(store: &Store, write: Write) -> Committed {
    store.commit(Commit { expect: Vec::new(), writes: vec![write] }).await.unwrap()
}

pub(crate) async fn one_case_is_open_per_customer_journey_and_kind(backend: Backend) {
    let store = &backend.store;
    write(store, vec![Write::Customer(row(1, 0))]).await;
    let first = done(store, open("sub_1", CaseKind::Billing, "du_1")).await.cases;
    assert_eq!(first, [1001], "numbers have four digits from the first");
    assert_eq!(done(store, open("sub_1", CaseKind::Billing, "du_2")).await.cases, first);
    let mut openers = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        openers.spawn(async move { done(&store, open("sub_2", CaseKind::Billing, "du_3")).await.cases });
    }
    let mut numbers = openers.join_all().await;
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "eight who open one case have one number");
    let other = done(store, open("sub_1", CaseKind::Access, "du_4")).await.cases;
    assert_ne!(other, first);
    let (case, notes) = store.case(1001).await.unwrap().unwrap();
    assert_eq!(case.reason, Reason::Dispute { dispute: "du_2".to_owned() });
    let notes: Vec<_> = notes.into_iter().map(|note| (note.nth, note.body)).collect();
    assert_eq!(notes, [(1, "dispute du_1".to_owned()), (2, "dispute du_2".to_owned())]);
    assert_eq!(store.open_cases(&customer_id(1)).await.unwrap().len(), 3);
    assert_eq!(store.case(9).await.unwrap(), None);
    assert_eq!(store.case_counts().await.unwrap(), [(CaseKind::Billing, 2), (CaseKind::Access, 1)].into());
}

pub(crate) async fn a_closed_case_lets_another_open(backend: Backend) {
    let store = &backend.store;
    write(store, vec![Write::Customer(row(1, 0))]).await;
    let first = done(store, open("sub_1", CaseKind::Billing, "du_1")).await.cases[0];
    let note =
        |number| Write::CaseNote { number, at: at(2), author: "olga".to_owned(), body: "called".to_owned() };
    write(store, vec![note(first)]).await;
    let close = |number| Write::CaseClose { number, at: at(3), why: "the dispute was won".to_owned() };
    write(store, vec![close(first)]).await;
    assert_eq!(store.case_counts().await.unwrap(), [].into(), "a closed case is not counted");
    for twice in [close(first), note(77)] {
        let refused = store.commit(Commit { expect: Vec::new(), writes: vec![twice] }).await;
        assert!(refused.is_err_and(|error| error.is_conflict()));
    }
    let second = done(store, open("sub_1", CaseKind::Billing, "du_9")).await.cases[0];
    assert!(second > first);
    let (closed, notes) = store.case(first).await.unwrap().unwrap();
    assert_eq!((closed.state, closed.closed_at), (CaseState::Closed, Some(at(3))));
    assert_eq!(closed.closed_why.as_deref(), Some("the dispute was won"));
    assert_eq!(notes.len(), 2);
    let numbers = async |filter: CaseFilter, before| {
        let page = store.cases(&filter, before, 9).await.unwrap();
        page.into_iter().map(|case| case.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(CaseFilter::default(), None).await, [second, first]);
    assert_eq!(numbers(CaseFilter::default(), Some(second)).await, [first]);
    let open = CaseFilter { state: Some(CaseState::Open), ..CaseFilter::default() };
    assert_eq!(numbers(open, None).await, [second]);
    let none = CaseFilter { kind: Some(CaseKind::Delivery), ..CaseFilter::default() };
    assert!(numbers(none, None).await.is_empty());
}

pub(crate) async fn a_customer_is_read_with_all_that_stands_beside_the_record(backend: Backend) {
    let store = &backend.store;
    let read = SourceRead::new(key(Kind::Charge, "ch_1"), customer_id(1), Purpose::Charge, at(5));
    let sync = sync(1, Target::Kit);
    write(store, vec![Write::Customer(row(1, 0)), Write::Customer(row(2, 0)), Write::Sync(sync.clone())])
        .await;
    write(store, vec![Write::Read(read.clone())]).await;
    let closed = done(store, open("sub_1", CaseKind::Billing, "du_1")).await.cases[0];
    write(store, vec![Write::CaseClose { number: closed, at: at(3), why: "enough".to_owned() }]).await;
    let opened = done(store, open("sub_1", CaseKind::Billing, "du_2")).await.cases[0];
    let asked = [customer_id(9), customer_id(2), customer_id(1)];
    let whole = store.whole(&asked).await.unwrap();
    let ids: Vec<_> = whole.iter().map(|whole| whole.loaded.record.id.clone()).collect();
    assert_eq!(ids, [customer_id(2), customer_id(1)], "in the order asked for, without who is not there");
    assert!(whole[0].syncs.is_empty() && whole[0].open_cases.is_empty() && whole[0].closed_cases.is_empty());
    assert_eq!(whole[1].loaded, store.records(&[customer_id(1)]).await.unwrap().remove(0));
    assert_eq!(whole[1].syncs, [(Target::Kit, sync)].into());
    assert_eq!(whole[1].open_cases.iter().map(|case| case.number).collect::<Vec<_>>(), [opened]);
    assert_eq!(whole[1].closed_cases.iter().map(|case| case.number).collect::<Vec<_>>(), [closed]);
    assert_eq!(whole[1].reads, [read]);
    assert_eq!(store.whole(&[]).await.unwrap(), []);
}

pub(crate) async fn an_alert_is_news_once(backend: Backend) {
    let store = &backend.store;
    let open = |second| Write::AlertOpen {
        key: "unmapped:price_9".to_owned(),
        kind: "unmapped_good".to_owned(),
        subject: "stripe:price_9".to_owned(),
        detail: serde_json::json!({ "buyers": second }),
        at: at(second),
    };
    let close = |second| Write::AlertClose { key: "unmapped:price_9".to_owned(), at: at(second) };
    assert_eq!(done(store, open(1)).await.alerts, ["unmapped:price_9"]);
    assert!(done(store, open(2)).await.alerts.is_empty());
    let alert = store.open_alerts().await.unwrap().remove(0);
    assert_eq!((alert.opened_at, alert.detail), (at(1), serde_json::json!({ "buyers": 2 })));
    write(store, vec![close(3)]).await;
    write(store, vec![close(9)]).await;
    assert!(store.open_alerts().await.unwrap().is_empty());
    assert_eq!(store.alert("unmapped:price_9").await.unwrap().unwrap().closed_at, Some(at(3)));
    assert_eq!(done(store, open(4)).await.alerts, ["unmapped:price_9"]);
    let alert = store.alert("unmapped:price_9").await.unwrap().unwrap();
    assert_eq!((alert.opened_at, alert.closed_at), (at(4), None));
}

pub(crate) async fn a_customer_has_five_links_at_most(backend: Backend) {
    let store = &backend.store;
    write(store, vec![Write::Customer(row(1, 0)), Write::Customer(row(2, 0))]).await;
    let link = |nth: i64, customer, purpose| {
        Write::StatusLink(StatusLink {
            token_hash: format!("hash_{customer}_{nth}_{purpose}"),
            customer: customer_id(customer),
            purpose,
            created_at: at(nth),
            expires_at: at(1000 + nth),
            revoked_at: None,
        })
    };
    write(store, vec![link(0, 2, LinkPurpose::Status), link(0, 1, LinkPurpose::Session)]).await;
    for nth in 0..7 {
        write(store, vec![link(nth, 1, LinkPurpose::Status)]).await;
    }
    let opens = async |hash: &str, second| store.status_link(hash, at(second)).await.unwrap().is_some();
    for nth in 0..7 {
        let is_kept = nth >= 7 - i64::from(LIVE_MAX);
        assert_eq!(opens(&format!("hash_1_{nth}_status"), 10).await, is_kept, "{nth}");
    }
    assert!(
        opens("hash_2_0_status", 10).await && opens("hash_1_0_session", 10).await,
        "others' links are apart"
    );
    assert!(
        opens("hash_1_6_status", 1005).await && !opens("hash_1_6_status", 1006).await,
        "until it expires"
    );
    assert!(!opens("hash_9", 10).await);
    let taken =
        store.commit(Commit { expect: Vec::new(), writes: vec![link(6, 1, LinkPurpose::Status)] }).await;
    assert!(taken.is_err_and(|error| error.is_conflict()));
    write(store, vec![Write::StatusLinksRevoke { customer: customer_id(1), at: at(20) }]).await;
    assert!(!opens("hash_1_6_status", 21).await && !opens("hash_1_0_session", 21).await);
    assert!(opens("hash_2_0_status", 21).await);
}

pub(crate) async fn the_catalogue_in_force_depends_on_the_instant(backend: Backend) {
    let store = &backend.store;
    let version = |name: &str, since| CatalogueVersion {
        version: name.to_owned(),
        entry: entry_id(1),
        catalogue: Catalogue::default(),
        since: at(since),
    };
    let in_force =
        async |second| store.catalogue_at(at(second)).await.unwrap().map(|version| version.version);
    assert_eq!(in_force(0).await, None);
    for (name, since) in [("v1", 10), ("v2", 20)] {
        write(store, vec![Write::CatalogueVersion(version(name, since))]).await;
    }
    assert_eq!(in_force(9).await, None);
    assert_eq!(in_force(10).await.as_deref(), Some("v1"));
    assert_eq!(in_force(20).await.as_deref(), Some("v2"));
    write(store, vec![Write::CatalogueVersion(version("v1", 30))]).await;
    assert_eq!(in_force(40).await.as_deref(), Some("v1"), "an earlier version can come back");
    assert_eq!(store.catalogues().await.unwrap(), [version("v1", 10), version("v2", 20), version("v1", 30)]);
}

pub(crate) async fn a_value_of_the_installation_is_drawn_once(backend: Backend) {
    let store = &backend.store;
    assert_eq!(store.meta("salt").await.unwrap(), None);
    let mut nodes = JoinSet::new();
    for nth in 0..6 {
        let store = store.clone();
        nodes.spawn(async move { store.meta_or("salt", &format!("drawn by {nth}")).await.unwrap() });
    }
    let mut values = nodes.join_all().await;
    values.dedup();
    assert_eq!(values.len(), 1);
    write(store, vec![Write::Meta { key: "salt".to_owned(), value: "set".to_owned() }]).await;
    assert_eq!(store.meta_or("salt", "late").await.unwrap(), "set");
    store.check_writable(at(5)).await.unwrap();
}

pub(crate) async fn of_two_who_rest_on_one_value_one_is_refused(backend: Backend) {
    let store = &backend.store;
    for read in [None, Some("first".to_owned())] {
        let mut nodes = JoinSet::new();
        for nth in 0..6 {
            let (store, read) = (store.clone(), read.clone());
            nodes.spawn(async move {
                let expect = vec![Expect::Meta { key: "mark".to_owned(), value: read }];
                let writes = vec![Write::Meta { key: "mark".to_owned(), value: format!("by {nth}") }];
                match store.commit(Commit { expect, writes }).await {
                    Ok(_) => true,
                    Err(error) => {
                        assert!(error.is_conflict(), "{error}");
                        false
                    }
                }
            });
        }
        let done = nodes.join_all().await;
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "after {read:?}");
        assert!(store.meta("mark").await.unwrap().unwrap().starts_with("by "));
        write(store, vec![Write::Meta { key: "mark".to_owned(), value: "first".to_owned() }]).await;
    }
}
