use crate::backend::Backend;
use crate::sample::{at, customer_id, email, row, write};
use frontdesk_core::breaker::Breaker;
use frontdesk_core::budget::Reason;
use frontdesk_core::target::{Item, Step, Target};
use frontdesk_store::{
    AccountState, CallAnswer, CallIntent, Commit, Error, Expect, Lease, Outcome, Stopped, Store, Write,
};
use tokio::task::JoinSet;

fn intent(nth: u32, epoch: i64) -> CallIntent {
    CallIntent {
        id: format!("call_{nth}"),
        account: "circle".to_owned(),
        target: Some(Target::Circle),
        customer: Some(customer_id(nth)),
        generation: Some(1),
        step_name: "add".to_owned(),
        step: Some(Step::Add { item: Item::CircleGroup(4012), address: email("ada"), id: None }),
        effect_key: format!("effect_{nth}"),
        reason: Reason::Grant,
        epoch,
        request_id: format!("req_{nth}"),
        intent_at: at(i64::from(nth)),
    }
}

fn answer(nth: u32, epoch: i64, outcome: Outcome) -> CallAnswer {
    CallAnswer {
        id: format!("call_{nth}"),
        epoch,
        answered_at: at(100),
        outcome,
        status: Some(200),
        provider_request_id: Some("p_1".to_owned()),
        counted: true,
        why: None,
    }
}

async fn take(store: &Store, holder: &str) -> Option<Lease> {
    store.lease("circle", holder, None).await.unwrap()
}

async fn refused(store: &Store, commit: Commit) -> bool {
    matches!(store.commit(commit).await, Err(Error::Conflict { .. }))
}

fn only(write: Write) -> Commit {
    Commit { expect: Vec::new(), writes: vec![write] }
}

pub(crate) async fn one_node_at_a_time_holds_a_lease(backend: Backend) {
    let store = &backend.store;
    let first = take(store, "a").await.unwrap();
    assert_eq!((first.epoch, first.holder.as_str()), (1, "a"));
    assert_eq!(take(store, "b").await, None);
    let renewed = store.renew(&first).await.unwrap().unwrap();
    assert_eq!((renewed.epoch, renewed.renewal), (1, first.renewal + 1));
    assert!(store.lease("kit", "b", None).await.unwrap().is_some(), "accounts are apart");
    store.release(&renewed).await.unwrap();
    let second = take(store, "b").await.unwrap();
    assert_eq!(second.epoch, 2);
    assert_eq!(store.renew(&renewed).await.unwrap(), None);
    store.release(&renewed).await.unwrap();
    let held = store.account("circle").await.unwrap().unwrap();
    assert_eq!(held.lease, Some(second), "an old holder releases nothing");
    assert_eq!(store.accounts().await.unwrap().len(), 2);
    assert_eq!(store.account("paddle").await.unwrap(), None);
}

pub(crate) async fn a_holder_that_restarted_takes_its_lease_over(backend: Backend) {
    let before = take(&backend.store, "a").await.unwrap();
    let backend = backend.reopen().await;
    let after = take(&backend.store, "a").await.unwrap();
    assert_eq!((before.epoch, after.epoch), (1, 2));
    assert_eq!(backend.store.renew(&before).await.unwrap(), None);
}

pub(crate) async fn a_lapsed_lease_is_taken_with_a_new_epoch(backend: Backend) {
    let store = &backend.store;
    let seen = take(store, "a").await.unwrap();
    let lapsed = store.renew(&seen).await.unwrap().unwrap();
    assert_eq!(store.lease("circle", "b", Some(&seen)).await.unwrap(), None, "it was renewed since");
    let taken = store.lease("circle", "b", Some(&lapsed)).await.unwrap().unwrap();
    assert_eq!(store.lease("circle", "c", Some(&lapsed)).await.unwrap(), None, "one node takes it");
    assert_eq!((lapsed.epoch, taken.epoch), (1, 2));
    let expect = |lease: &Lease| {
        vec![Expect::Epoch {
            account: lease.account.clone(),
            holder: lease.holder.clone(),
            epoch: lease.epoch,
        }]
    };
    let writes = || vec![Write::CallIntent(CallIntent { customer: None, ..intent(1, 1) })];
    assert!(refused(store, Commit { expect: expect(&lapsed), writes: writes() }).await);
    assert_eq!(store.call("call_1").await.unwrap(), None);
    store.commit(Commit { expect: expect(&taken), writes: writes() }).await.unwrap();
    assert!(store.call("call_1").await.unwrap().is_some());
}

pub(crate) async fn of_ten_nodes_one_gets_the_lease(backend: Backend) {
    let mut nodes = JoinSet::new();
    for nth in 0..10 {
        let store = backend.store.clone();
        nodes.spawn(async move { take(&store, &format!("node-{nth}")).await });
    }
    let leases: Vec<_> = nodes.join_all().await.into_iter().flatten().collect();
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0].epoch, 1);
}

pub(crate) async fn a_stale_epoch_changes_nothing(backend: Backend) {
    let store = &backend.store;
    write(store, vec![Write::Customer(row(1, 0))]).await;
    let old = take(store, "a").await.unwrap();
    write(store, vec![Write::CallIntent(intent(1, old.epoch))]).await;
    let new = store.lease("circle", "b", Some(&old)).await.unwrap().unwrap();
    let late = Write::CallAnswer(answer(1, old.epoch, Outcome::Done));
    let commit = Commit { expect: Vec::new(), writes: vec![Write::Customer(row(1, 1)), late] };
    assert!(refused(store, commit).await);
    assert_eq!(store.customer(&customer_id(1)).await.unwrap().unwrap().revision, 1, "nor what came with it");
    let left = store.unanswered_intents("circle").await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].intent.clone(), left[0].outcome), (intent(1, old.epoch), Outcome::Intent));
    // The new holder settles what the old one left.
    write(store, vec![Write::CallAnswer(answer(1, new.epoch, Outcome::Unknown))]).await;
    assert!(store.unanswered_intents("circle").await.unwrap().is_empty());
}

pub(crate) async fn an_intent_waits_for_one_answer(backend: Backend) {
    let store = &backend.store;
    let lease = take(store, "a").await.unwrap();
    write(store, vec![Write::CallIntent(intent(1, lease.epoch))]).await;
    assert!(
        refused(store, only(Write::CallIntent(intent(1, lease.epoch)))).await,
        "an effect id is used once"
    );
    let told = CallAnswer {
        status: Some(429),
        why: Some("slow down".to_owned()),
        ..answer(1, lease.epoch, Outcome::Throttled)
    };
    write(store, vec![Write::CallAnswer(told.clone())]).await;
    assert!(refused(store, only(Write::CallAnswer(answer(1, lease.epoch, Outcome::Done)))).await);
    assert!(refused(store, only(Write::CallAnswer(answer(9, lease.epoch, Outcome::Done)))).await);
    let backend = backend.reopen().await;
    let call = backend.store.call("call_1").await.unwrap().unwrap();
    assert_eq!(call.intent, intent(1, lease.epoch));
    assert_eq!((call.outcome, call.status, call.why), (Outcome::Throttled, Some(429), told.why));
    assert_eq!((call.answered_at, call.provider_request_id.as_deref()), (Some(at(100)), Some("p_1")));
    assert_eq!(backend.store.calls_for(&customer_id(1), 9).await.unwrap().len(), 1);
}

pub(crate) async fn quota_counts_intents_until_an_answer_says_otherwise(backend: Backend) {
    let store = &backend.store;
    let lease = take(store, "a").await.unwrap();
    let calls = [(1, Reason::Grant), (2, Reason::Grant), (3, Reason::Read), (4, Reason::Removal)];
    let writes =
        calls.map(|(nth, reason)| Write::CallIntent(CallIntent { reason, ..intent(nth, lease.epoch) }));
    write(store, writes.into()).await;
    let free = CallAnswer { counted: false, ..answer(2, lease.epoch, Outcome::Transient) };
    write(store, vec![Write::CallAnswer(free)]).await;
    assert_eq!(store.calls_since("circle", at(1)).await.unwrap(), [at(1), at(3), at(4)]);
    assert_eq!(store.calls_since("circle", at(2)).await.unwrap(), [at(3), at(4)]);
    let spent = store.calls_counted("circle", at(0)).await.unwrap();
    assert_eq!(spent, [(Reason::Grant, 1), (Reason::Removal, 1), (Reason::Read, 1)].into());
    assert!(store.calls_counted("kit", at(0)).await.unwrap().is_empty());
}

pub(crate) async fn the_brake_counts_people_who_may_have_lost_something(backend: Backend) {
    let store = &backend.store;
    let lease = take(store, "a").await.unwrap();
    let removal = |nth, customer| {
        Write::CallIntent(CallIntent {
            step_name: "remove".to_owned(),
            reason: Reason::Removal,
            customer: Some(customer_id(customer)),
            ..intent(nth, lease.epoch)
        })
    };
    write(store, vec![removal(1, 1), removal(2, 1), removal(3, 2), removal(4, 3), removal(5, 4)]).await;
    write(store, vec![Write::CallIntent(intent(6, lease.epoch))]).await;
    write(
        store,
        vec![
            Write::CallAnswer(answer(3, lease.epoch, Outcome::Done)),
            Write::CallAnswer(answer(4, lease.epoch, Outcome::Transient)),
            Write::CallAnswer(answer(5, lease.epoch, Outcome::Unknown)),
        ],
    )
    .await;
    let removed = store.removals_between(Target::Circle, at(1), at(9)).await.unwrap();
    assert_eq!(removed, [1, 2, 4].map(customer_id).into());
    let later = store.removals_between(Target::Circle, at(3), at(9)).await.unwrap();
    assert_eq!(later, [2, 4].map(customer_id).into());
    let sooner = store.removals_between(Target::Circle, at(1), at(2)).await.unwrap();
    assert_eq!(sooner, [1].map(customer_id).into());
    assert!(store.removals_between(Target::Kit, at(0), at(9)).await.unwrap().is_empty());
}

pub(crate) async fn what_holds_an_account_up_survives_leases(backend: Backend) {
    let store = &backend.store;
    let mut breaker = Breaker::default();
    breaker.fail(at(1));
    let state = AccountState {
        breaker,
        stopped: Some(Stopped { at: at(2), why: "401".to_owned() }),
        throttled_until: Some(at(3)),
        budget: Some(serde_json::json!({ "left": 12 })),
    };
    write(store, vec![Write::Account { name: "circle".to_owned(), state: state.clone() }]).await;
    let lease = take(store, "a").await.unwrap();
    assert_eq!(lease.epoch, 1);
    let held = store.account("circle").await.unwrap().unwrap();
    assert_eq!((held.state, held.lease), (state, Some(lease.clone())));
    write(store, vec![Write::Account { name: "circle".to_owned(), state: AccountState::default() }]).await;
    let held = store.account("circle").await.unwrap().unwrap();
    assert_eq!((held.state, held.lease), (AccountState::default(), Some(lease)));
}
