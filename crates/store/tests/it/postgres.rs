//! What only a server has: several nodes, sessions, refusals at the door.

use crate::backend::{Backend, Kind, server};
use crate::sample::{at, customer_id, entry, entry_id, make, making, row};
use frontdesk_store::{Commit, Error, Inserted, NewEntry, PostgresSettings, Store, Write};
use tokio::task::JoinSet;

fn on_two_nodes<F: Future<Output = ()>>(case: impl FnOnce([Store; 2]) -> F) {
    Backend::run(Kind::Postgres, async |backend: Backend| {
        let other = backend.another_node().await;
        case([backend.store, other]).await;
    });
}

#[test]
fn two_nodes_that_take_the_same_deliveries_make_one_row_each() {
    on_two_nodes(async |nodes| {
        let mut deliveries = JoinSet::new();
        for nth in 0..400_u32 {
            // Each event goes to both nodes, to one of them in the opposite order.
            let (store, event) = if nth % 2 == 0 { (&nodes[0], nth / 2) } else { (&nodes[1], 199 - nth / 2) };
            let (store, entry) = (store.clone(), NewEntry { id: entry_id(nth), ..entry(event) });
            deliveries.spawn(async move { store.journal_insert(entry).await.unwrap() });
        }
        let answers = deliveries.join_all().await;
        let new = answers.iter().filter(|answer| matches!(answer, Inserted::New { .. })).count();
        let second = answers
            .iter()
            .filter(|answer| matches!(answer, Inserted::Duplicate { deliveries: 2, .. }))
            .count();
        assert_eq!((new, second), (200, 200));
        assert_eq!(nodes[1].balance().await.unwrap().rows, 200);
    });
}

#[test]
fn decisions_on_two_nodes_that_lock_in_opposite_order_all_end() {
    on_two_nodes(async |nodes| {
        make(&nodes[0], 1, "ada").await;
        make(&nodes[0], 2, "bob").await;
        let mut decisions = JoinSet::new();
        for nth in 0..20_usize {
            let store = nodes[nth % 2].clone();
            decisions.spawn(async move {
                let mut both = [1, 2];
                if nth % 2 == 1 {
                    both.reverse();
                }
                loop {
                    let mut writes = Vec::new();
                    for nth in both {
                        let held = store.customer(&customer_id(nth)).await.unwrap().unwrap();
                        writes.push(Write::Customer(row(nth, held.revision)));
                    }
                    match store.commit(Commit { expect: Vec::new(), writes }).await {
                        Ok(_) => return,
                        Err(Error::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        decisions.join_all().await;
        for nth in [1, 2] {
            assert_eq!(
                nodes[0].customer(&customer_id(nth)).await.unwrap().unwrap().revision,
                21,
                "none was lost"
            );
        }
    });
}

#[test]
fn one_tie_needed_by_two_nodes_at_once_makes_one_customer() {
    on_two_nodes(async |nodes| {
        let mut decisions = JoinSet::new();
        for nth in 0..10_u32 {
            let store = nodes[nth as usize % 2].clone();
            decisions.spawn(async move {
                store.commit(Commit { expect: Vec::new(), writes: making(nth, "ada") }).await
            });
        }
        let results = decisions.join_all().await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().filter_map(|result| result.as_ref().err()).all(Error::is_conflict));
        assert_eq!(nodes[0].customers(None, None, 99).await.unwrap().len(), 1);
    });
}

#[test]
fn nodes_that_start_together_migrate_once() {
    Backend::run(Kind::Postgres, async |backend: Backend| {
        backend.behind_its_back("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
        let mut nodes = JoinSet::new();
        for _ in 0..4 {
            let backend = backend.clone();
            nodes.spawn(async move { backend.another_node().await.check_statements().await.unwrap() });
        }
        nodes.join_all().await;
        assert_eq!(backend.lines("SELECT version FROM schema_migration ORDER BY version").await.len(), 8);
    });
}

#[test]
fn sessions_are_honest_and_readers_cannot_write() {
    Backend::run(Kind::Postgres, async |backend: Backend| {
        // A configuration that acknowledges too early is overruled.
        let name = backend.lines("SELECT current_database()").await.remove(0);
        backend.behind_its_back(&format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
        assert_eq!(backend.lines("SHOW synchronous_commit").await, ["off"]);
        let node = backend.another_node().await;
        node.check_writable(at(1)).await.unwrap();
        let held = node.journal_insert(entry(1)).await.unwrap();
        assert!(matches!(held, Inserted::New { .. }));
        // A database that takes no writes is refused at the door.
        backend
            .behind_its_back(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"))
            .await;
        let late = backend.another_node_or_refusal().await;
        assert!(matches!(late, Err(Error::Refused(_) | Error::Unavailable(_))), "{late:?}");
    });
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_telling_its_password() {
    if server().is_none() {
        println!("left out: FRONTDESK_TEST_POSTGRES=off");
        return;
    }
    Backend::run(Kind::Postgres, async |_| {
        let refused = async |url: &str| {
            let settings =
                PostgresSettings { url: url.to_owned(), tls: None, connections_max: 2, now: at(0) };
            assert!(!format!("{settings:?}").contains("hunter2"));
            match Store::open_postgres(settings).await {
                Err(Error::Refused(why)) => {
                    assert!(!why.contains("hunter2"), "{why}");
                    why
                }
                Err(Error::InTheClear) => "in the clear".to_owned(),
                other => panic!("not refused: {other:?}"),
            }
        };
        assert!(refused("postgres://ada:hunter2@[broken/db").await.contains("cannot be read"));
        for words in ["?sslmode=require", ""] {
            let url = format!("postgres://ada:hunter2@127.0.0.1:1/db{words}");
            assert_eq!(refused(&url).await, "in the clear");
        }
        let nobody = refused("postgres://ada:hunter2@127.0.0.1:1/db?sslmode=disable").await;
        assert!(nobody.contains("connect"), "{nobody}");
    });
}
