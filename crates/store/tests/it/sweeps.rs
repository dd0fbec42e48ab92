use crate::backend::Backend;
use crate::sample::{at, customer_id, email, row, sync, write};
use frontdesk_core::budget::Reason;
use frontdesk_core::freeze::{Freeze, Scope};
use frontdesk_core::sweep::{FindingKind, List, Listed};
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::{Item, Standing, Target};
use frontdesk_store::{CallAnswer, CallIntent, Commit, Error, Finding, FindingCount, Outcome, Write};
use jiff::SignedDuration;

fn finding(kind: FindingKind, item: Option<Item>, sweep: i64) -> Finding {
    Finding {
        target: Target::Circle,
        kind,
        item,
        member: Some(7),
        customer: Some(customer_id(1)),
        address: Some(email("ada")),
        first_at: at(sweep),
        last_at: at(sweep),
        times: 1,
        closed_at: None,
    }
}

pub(crate) async fn a_finding_counts_once_per_sweep_and_is_settled_by_the_next(backend: Backend) {
    let store = &backend.store;
    let group = Some(Item::CircleGroup(4012));
    let guest = finding(FindingKind::Unsupported, group.clone(), 10);
    let whole = Finding { member: None, address: None, ..finding(FindingKind::Idle, None, 10) };
    // The same sweep finds it twice: its process died in between.
    for found in [&guest, &guest, &whole] {
        write(store, vec![Write::Finding(found.clone())]).await;
    }
    let open = async || store.findings(Some(Target::Circle), None, false, 9).await.unwrap();
    assert_eq!(open().await, [whole.clone(), guest.clone()]);
    let nameless = Finding { address: None, ..finding(FindingKind::Unsupported, group, 20) };
    let close = Write::FindingsClose { target: Target::Circle, began_at: at(20) };
    write(store, vec![Write::Finding(nameless), close]).await;
    let again = Finding { last_at: at(20), times: 2, ..guest };
    assert_eq!(open().await, [again], "the address that was known stays");
    let settled = store.findings(None, Some(FindingKind::Idle), true, 9).await.unwrap();
    assert_eq!(settled, [Finding { closed_at: Some(at(20)), ..whole }]);
    let counts = store.finding_counts().await.unwrap();
    assert_eq!(counts[&(Target::Circle, FindingKind::Unsupported)], FindingCount { open: 1, times: 2 });
    assert_eq!(counts[&(Target::Circle, FindingKind::Idle)], FindingCount { open: 0, times: 1 });
    assert_eq!(store.findings(Some(Target::Kit), None, true, 9).await.unwrap(), []);
}

pub(crate) async fn pages_of_a_sweep_come_back_in_order(backend: Backend) {
    let store = &backend.store;
    let group = List::In(Item::CircleGroup(4012));
    let listed =
        |id, address| Listed { id, address, standing: Some(Standing::Invited), name: Some("Ada".to_owned()) };
    let pages = [
        (List::Everyone, vec![listed(1, Some(email("ada"))), listed(2, None)]),
        (group.clone(), vec![listed(2, None)]),
    ];
    for (nth, (list, entries)) in (1..).zip(pages.clone()) {
        let page = Write::SweepPage { target: Target::Circle, nth, list, entries };
        // A page that was kept by a process that died is written again.
        write(store, vec![page.clone()]).await;
        write(store, vec![page]).await;
    }
    assert_eq!(store.sweep_pages(Target::Circle).await.unwrap(), pages);
    assert_eq!(store.sweep_pages(Target::Kit).await.unwrap(), []);
    write(store, vec![Write::SweepPagesClear(Target::Circle)]).await;
    assert_eq!(store.sweep_pages(Target::Circle).await.unwrap(), []);
}

fn freeze(name: &str, scope: Scope, until: i64) -> Freeze {
    Freeze {
        name: name.to_owned(),
        scope,
        since: at(1),
        until: at(until),
        by: "Ada".to_owned(),
        reason: "launch day".to_owned(),
        ended_at: None,
        ended_by: None,
    }
}

fn thaw(name: &str) -> Commit {
    let thaw = Write::Thaw { name: name.to_owned(), at: at(30), by: "Kim".to_owned() };
    Commit { expect: Vec::new(), writes: vec![thaw] }
}

pub(crate) async fn a_freeze_holds_until_it_ends_or_is_thawed(backend: Backend) {
    let store = &backend.store;
    let marketing = freeze("marketing-1", Scope::Marketing, 50);
    let person = freeze("person-1", Scope::Person(customer_id(1)), 90);
    write(store, vec![Write::Freeze(marketing.clone()), Write::Freeze(person.clone())]).await;
    let longer = Freeze { until: at(70), by: "Kim".to_owned(), ..marketing.clone() };
    write(store, vec![Write::Freeze(longer.clone())]).await;
    assert_eq!(store.freezes(at(49)).await.unwrap(), [longer.clone(), person.clone()]);
    assert_eq!(store.freezes(at(70)).await.unwrap(), [person], "it ends by itself");
    store.commit(thaw("marketing-1")).await.unwrap();
    assert!(matches!(store.commit(thaw("marketing-1")).await, Err(Error::Conflict { .. })), "once");
    let again = Commit { expect: Vec::new(), writes: vec![Write::Freeze(longer.clone())] };
    assert!(matches!(store.commit(again).await, Err(Error::Conflict { .. })), "history is not rewritten");
    let ended = Freeze { ended_at: Some(at(30)), ended_by: Some("Kim".to_owned()), ..longer };
    assert_eq!(store.freeze("marketing-1").await.unwrap(), Some(ended));
    assert_eq!(store.freeze("circle").await.unwrap(), None);
}

pub(crate) async fn thawing_makes_the_frozen_rows_due(backend: Backend) {
    let store = &backend.store;
    let held = |nth, hold| Sync {
        state: State::Held(hold),
        next_attempt_at: Some(at(99)),
        ..sync(nth, Target::Kit)
    };
    let frozen = Hold::Frozen { name: "marketing-1".to_owned(), until: at(99) };
    let mut writes: Vec<_> = (1..=2).map(|nth| Write::Customer(row(nth, 0))).collect();
    writes.extend([
        Write::Freeze(freeze("marketing-1", Scope::Marketing, 99)),
        Write::Sync(held(1, frozen)),
        Write::Sync(held(2, Hold::Person)),
    ]);
    write(store, writes).await;
    assert_eq!(store.frozen().await.unwrap(), 1);
    store.commit(thaw("marketing-1")).await.unwrap();
    assert_eq!(store.frozen().await.unwrap(), 0);
    let row = store.syncs(&customer_id(1)).await.unwrap().remove(&Target::Kit).unwrap();
    assert_eq!((row.state, row.next_attempt_at), (State::Due, Some(at(30))));
    let row = store.syncs(&customer_id(2)).await.unwrap().remove(&Target::Kit).unwrap();
    assert_eq!(row.state, State::Held(Hold::Person), "what another reason holds stays held");
}

pub(crate) async fn answered_calls_are_measured(backend: Backend) {
    let store = &backend.store;
    assert_eq!(store.call_span("kit", at(0)).await.unwrap(), None);
    let lease = store.lease("kit", "node-1", None).await.unwrap().unwrap();
    for (nth, seconds, outcome) in [(1, 1, Outcome::Done), (2, 3, Outcome::Done), (3, 20, Outcome::Transient)]
    {
        let intent = CallIntent {
            id: format!("call_{nth}"),
            account: "kit".to_owned(),
            target: Some(Target::Kit),
            customer: None,
            generation: None,
            step_name: "sweep".to_owned(),
            step: None,
            effect_key: "list:sweep".to_owned(),
            reason: Reason::Sweep,
            epoch: lease.epoch,
            request_id: format!("req_{nth}"),
            intent_at: at(10),
        };
        let answer = CallAnswer {
            id: intent.id.clone(),
            epoch: lease.epoch,
            answered_at: at(10 + seconds),
            outcome,
            status: Some(200),
            provider_request_id: None,
            counted: true,
            why: None,
        };
        write(store, vec![Write::CallIntent(intent), Write::CallAnswer(answer)]).await;
    }
    let span = store.call_span("kit", at(0)).await.unwrap();
    assert_eq!(span, Some(SignedDuration::from_secs(2)), "those that were done, on average");
    assert_eq!(store.call_span("kit", at(11)).await.unwrap(), None);
    assert_eq!(store.calls_counted("kit", at(0)).await.unwrap(), [(Reason::Sweep, 3)].into());
}
