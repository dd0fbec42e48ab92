use crate::backend::Backend;
use crate::sample::{at, customer_id, draft, entry_id, write};
use frontdesk_store::{AuditDraft, Commit, Personal, Store, Write};
use jiff::civil::date;
use tokio::task::JoinSet;

fn personal(field: &str, value: &str) -> Personal {
    Personal { field: field.to_owned(), value: value.to_owned(), salt: [7; 16] }
}

/// Three chains, of one, two and three entries.
async fn chains(store: &Store) {
    for nth in 1..=3 {
        for action in ["created", "stage_changed", "granted"].into_iter().take(nth as usize) {
            let personal = vec![personal("address", "ada@example.com"), personal("name", "Ada")];
            write(store, vec![Write::Audit(AuditDraft { personal, ..draft(nth, action) })]).await;
        }
    }
}

async fn flaws(store: &Store) -> Vec<String> {
    store.audit_verify().await.unwrap().broken.into_iter().map(|broken| broken.why).collect()
}

pub(crate) async fn a_chain_verifies_and_reads_back(backend: Backend) {
    let store = &backend.store;
    assert_eq!(store.audit_verify().await.unwrap(), frontdesk_store::Verified::default());
    chains(store).await;
    let found = store.audit_verify().await.unwrap();
    assert_eq!((found.chains, found.entries, found.broken.len()), (3, 6, 0));
    let chain = store.audit_chain(&customer_id(3)).await.unwrap();
    let actions: Vec<_> = chain.iter().map(|entry| (entry.nth, entry.action.as_str())).collect();
    assert_eq!(actions, [(1, "created"), (2, "stage_changed"), (3, "granted")]);
    assert_eq!(chain[0].prev_hash, "");
    assert_eq!(chain[2].prev_hash, chain[1].hash);
    assert_eq!(chain[0].after, r#"{"entitlements":["community"],"stage":"active"}"#);
    assert_eq!((chain[0].at, chain[0].cause.as_str()), (at(50), entry_id(3).as_str()));
    assert_eq!(chain[1].personal["name"].as_deref(), Some("Ada"));
    assert_eq!(chain[1].personal.len(), 2);
    assert!(store.audit_chain(&customer_id(9)).await.unwrap().is_empty());
}

pub(crate) async fn entries_at_once_make_one_unbroken_chain(backend: Backend) {
    let mut writers = JoinSet::new();
    for nth in 0..5 {
        let store = backend.store.clone();
        writers.spawn(async move {
            let one = draft(1, &format!("action_{nth}"));
            write(&store, vec![Write::Audit(one.clone()), Write::Audit(one)]).await;
        });
    }
    writers.join_all().await;
    let found = backend.store.audit_verify().await.unwrap();
    assert_eq!((found.chains, found.entries, found.broken.len()), (1, 10, 0));
}

pub(crate) async fn a_changed_character_is_found(backend: Backend) {
    chains(&backend.store).await;
    for (column, change) in [
        ("action", "replace(action, 'created', 'creaded')"),
        ("after", "replace(after, 'active', 'ending')"),
        ("cause", "cause || ' '"),
        ("node", "'node-2'"),
        ("at", "at + 1"),
        ("before", "'{}'"),
        ("linked_customer_id", "'fdc_x'"),
    ] {
        let this = "WHERE nth = 1 AND customer_id = (SELECT MAX(customer_id) FROM audit)";
        let before = backend.lines(&format!("SELECT {column} FROM audit {this}")).await.remove(0);
        backend.behind_its_back(&format!("UPDATE audit SET {column} = {change} {this}")).await;
        assert_eq!(flaws(&backend.store).await, ["its content was changed"], "{column}");
        let back = if before == "Null" {
            "NULL".to_owned()
        } else if column == "at" {
            before
        } else {
            format!("'{before}'")
        };
        backend.behind_its_back(&format!("UPDATE audit SET {column} = {back} {this}")).await;
        assert!(flaws(&backend.store).await.is_empty(), "{column} was put back");
    }
    let chain = backend.store.audit_chain(&customer_id(2)).await.unwrap();
    let forged = format!("UPDATE audit SET prev_hash = 'x' WHERE hash = '{}'", chain[1].hash);
    backend.behind_its_back(&forged).await;
    assert_eq!(flaws(&backend.store).await, ["it does not follow the entry before"]);
}

pub(crate) async fn a_changed_personal_field_is_found_and_an_erased_one_is_no_flaw(backend: Backend) {
    let store = &backend.store;
    chains(store).await;
    backend
        .behind_its_back("UPDATE audit_personal SET salt = NULL, value = NULL WHERE field = 'address'")
        .await;
    assert!(flaws(store).await.is_empty(), "the chain holds commitments alone");
    let chain = store.audit_chain(&customer_id(1)).await.unwrap();
    assert_eq!(chain[0].personal["address"], None);
    assert_eq!(chain[0].personal["name"].as_deref(), Some("Ada"));
    backend
        .behind_its_back("UPDATE audit_personal SET value = 'Eve' WHERE field = 'name' AND audit_seq = 1")
        .await;
    assert_eq!(flaws(store).await, ["the personal field `name` was changed"]);
    backend.behind_its_back("DELETE FROM audit_personal WHERE audit_seq = 1").await;
    assert_eq!(flaws(store).await, ["its content was changed"], "a commitment is never deleted");
}

pub(crate) async fn a_missing_tail_and_a_missing_chain_are_found(backend: Backend) {
    let store = &backend.store;
    chains(store).await;
    backend.behind_its_back("DELETE FROM audit_personal").await;
    backend.behind_its_back(&format!("DELETE FROM audit WHERE customer_id = '{}'", customer_id(1))).await;
    assert!(flaws(store).await.contains(&"the whole chain is missing".to_owned()));
    let tail = format!("DELETE FROM audit WHERE customer_id = '{}' AND nth = 3", customer_id(3));
    backend.behind_its_back(&tail).await;
    let middle = format!("DELETE FROM audit WHERE customer_id = '{}' AND nth = 1", customer_id(2));
    backend.behind_its_back(&middle).await;
    assert!(flaws(store).await.contains(&"entry 1 is missing".to_owned()));
}

pub(crate) async fn a_merge_links_both_chains(backend: Backend) {
    let store = &backend.store;
    write(store, vec![Write::Audit(draft(1, "created")), Write::Audit(draft(2, "created"))]).await;
    let heads = [
        store.audit_chain(&customer_id(1)).await.unwrap(),
        store.audit_chain(&customer_id(2)).await.unwrap(),
    ];
    let into = AuditDraft { linked: Some(customer_id(1)), ..draft(2, "merged_into") };
    let from = AuditDraft { linked: Some(customer_id(2)), ..draft(1, "merged_from") };
    write(store, vec![Write::Audit(into), Write::Audit(from)]).await;
    let loser = store.audit_chain(&customer_id(2)).await.unwrap();
    let survivor = store.audit_chain(&customer_id(1)).await.unwrap();
    assert_eq!(loser[1].linked_hash.as_deref(), Some(heads[0][0].hash.as_str()));
    assert_eq!(
        survivor[1].linked_hash.as_deref(),
        Some(loser[1].hash.as_str()),
        "in the order of the writes"
    );
    assert_eq!((&survivor[1].linked, &loser[1].linked), (&Some(customer_id(2)), &Some(customer_id(1))));
    assert!(flaws(store).await.is_empty());
    // A chain that does not exist yet is linked as empty.
    let early = AuditDraft { linked: Some(customer_id(8)), ..draft(7, "split") };
    store.commit(Commit { expect: Vec::new(), writes: vec![Write::Audit(early)] }).await.unwrap();
    assert_eq!(store.audit_chain(&customer_id(7)).await.unwrap()[0].linked_hash.as_deref(), Some(""));
}

pub(crate) async fn a_checkpoint_shows_a_chain_that_is_gone_with_its_head(backend: Backend) {
    let store = &backend.store;
    chains(store).await;
    let first = store.checkpoint(date(2026, 11, 24), at(60)).await.unwrap();
    assert_eq!((first.entries, first.heads_hash.len()), (6, 64));
    assert_eq!(store.checkpoint(date(2026, 11, 24), at(61)).await.unwrap(), first, "once a day");
    write(store, vec![Write::Audit(draft(1, "ended")), Write::Audit(draft(5, "created"))]).await;
    let second = store.checkpoint(date(2026, 11, 25), at(62)).await.unwrap();
    assert_eq!(second.entries, 2);
    let quiet = store.checkpoint(date(2026, 11, 26), at(63)).await.unwrap();
    assert_eq!(quiet.entries, 0);
    let found = store.audit_verify().await.unwrap();
    assert_eq!((found.checkpoints, found.broken.len()), (3, 0));
    // Whoever deletes a chain and its head leaves no trace but in the checkpoint.
    for table in ["audit", "audit_head"] {
        backend
            .behind_its_back(&format!("DELETE FROM {table} WHERE customer_id = '{}'", customer_id(5)))
            .await;
    }
    assert_eq!(flaws(store).await, ["the log up to the checkpoint of 2026-11-25 is not what it was then"]);
    assert_eq!(store.checkpoints().await.unwrap(), [first, second, quiet]);
}
