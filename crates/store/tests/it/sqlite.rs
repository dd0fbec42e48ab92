//! What only an embedded database has: files, locks, crashes of the one process.

use crate::backend::{Folder, sqlite_settings};
use crate::sample::{at, entry, entry_id, insert, make, record};
use frontdesk_store::{Error, Inserted, NewEntry, SqliteMode, SqliteSettings, Store};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::task::JoinSet;

fn run(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(case);
}

fn open(folder: &Path) -> Result<Store, Error> {
    Store::open_sqlite(&sqlite_settings(folder, SqliteMode::Threaded))
}

fn refusal(result: Result<Store, Error>) -> String {
    match result {
        Err(Error::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// What a power loss would leave, with every synced byte kept: the files as they are now.
fn crash_image(folder: &Path) -> Folder {
    let image = Folder::new();
    // The database before its log: what moves from the one to the other meanwhile is then in both.
    for name in ["frontdesk.db", "frontdesk.db-wal"] {
        std::fs::copy(folder.join(name), image.path().join(name)).unwrap();
    }
    image
}

#[test]
fn what_was_acknowledged_survives_a_crash_under_load() {
    run(async {
        let folder = Folder::new();
        let store = open(folder.path()).unwrap();
        make(&store, 1, "ada").await;
        let mut senders = JoinSet::new();
        for sender in 0..8 {
            let store = store.clone();
            senders.spawn(async move {
                for nth in 0..25 {
                    store.journal_insert(entry(sender * 1000 + nth)).await.unwrap();
                }
            });
        }
        // Each image is taken while others are still writing; what was acknowledged by then is in it.
        for nth in 0..5 {
            insert(&store, 90_000 + nth).await;
            let image = crash_image(folder.path());
            let after = open(image.path()).unwrap();
            for earlier in 0..=nth {
                assert!(after.journal_entry(&entry_id(90_000 + earlier)).await.unwrap().is_some());
            }
            let balance = after.balance().await.unwrap();
            assert!(balance.holds());
            assert_eq!(after.records(&[record(1, "ada").id]).await.unwrap()[0].record, record(1, "ada"));
            assert_eq!(
                after.journal_insert(NewEntry { id: entry_id(7), ..entry(90_000) }).await.unwrap(),
                Inserted::Duplicate { id: entry_id(90_000), deliveries: 2 }
            );
        }
        senders.join_all().await;
        assert_eq!(store.balance().await.unwrap().rows, 205);
    });
}

#[test]
fn a_second_opening_of_one_file_is_refused_and_told_by_whom() {
    run(async {
        let folder = Folder::new();
        let first = open(folder.path()).unwrap();
        for mode in [SqliteMode::Threaded, SqliteMode::InThread { vfs: None }] {
            let why = refusal(Store::open_sqlite(&sqlite_settings(folder.path(), mode)));
            let holder = format!("in use by process {} started {}", std::process::id(), at(0));
            assert!(why.contains(&holder), "{why}");
        }
        insert(&first, 1).await;
        drop(first);
        let second = open(folder.path()).unwrap();
        assert_eq!(second.balance().await.unwrap().rows, 1);
    });
}

#[test]
fn the_files_are_their_owners_alone() {
    run(async {
        let folder = Folder::new();
        let path = folder.path().join("frontdesk.db");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let store = open(folder.path()).unwrap();
        insert(&store, 1).await;
        for name in ["frontdesk.db", "frontdesk.db-wal", "frontdesk.db-shm", "frontdesk.db.lock"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
        }
    });
}

#[test]
fn what_cannot_be_a_database_is_refused_with_the_reason() {
    let folder = Folder::new();
    let missing = SqliteSettings {
        path: folder.path().join("nowhere/frontdesk.db"),
        ..sqlite_settings(folder.path(), SqliteMode::Threaded)
    };
    assert!(refusal(Store::open_sqlite(&missing)).contains("the folder of"));
    // A folder in which nobody can make a file, root included.
    let readonly = SqliteSettings { path: "/proc/frontdesk.db".into(), ..missing };
    assert!(refusal(Store::open_sqlite(&readonly)).contains("cannot be opened"));
    std::fs::write(folder.path().join("frontdesk.db"), [b'x'; 4096]).unwrap();
    assert!(matches!(open(folder.path()), Err(Error::Corrupt(_))));
}

#[test]
fn an_edited_migration_is_refused() {
    run(async {
        let folder = Folder::new();
        drop(open(folder.path()).unwrap());
        let path = folder.path().join("frontdesk.db");
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute("UPDATE schema_migration SET sha256 = 'x' WHERE version = 2", []).unwrap();
        drop(connection);
        assert!(refusal(open(folder.path())).contains("0002_record"));
    });
}

#[test]
fn a_virtual_file_system_keeps_the_files_and_needs_no_lock_file() {
    run(async {
        let folder = Folder::new();
        // The system's own, by its name: what a simulation registers is opened the same way.
        let settings = sqlite_settings(folder.path(), SqliteMode::InThread { vfs: Some("unix".to_owned()) });
        let store = Store::open_sqlite(&settings).unwrap();
        make(&store, 1, "ada").await;
        drop(store);
        let store = Store::open_sqlite(&settings).unwrap();
        assert_eq!(store.records(&[record(1, "ada").id]).await.unwrap()[0].record, record(1, "ada"));
        assert!(!folder.path().join("frontdesk.db.lock").exists());
        let unknown =
            sqlite_settings(folder.path(), SqliteMode::InThread { vfs: Some("nowhere".to_owned()) });
        assert!(Store::open_sqlite(&unknown).is_err());
    });
}

#[test]
fn a_broken_page_is_found() {
    run(async {
        let folder = Folder::new();
        let store = open(folder.path()).unwrap();
        for nth in 0..40 {
            store.journal_insert(NewEntry { body: vec![b'x'; 2_000], ..entry(nth) }).await.unwrap();
        }
        assert!(store.quick_check().await.unwrap().is_empty());
        drop(store);
        let path = folder.path().join("frontdesk.db");
        // Everything is in the file itself once the log is folded into it.
        rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let body = bytes.windows(64).rposition(|window| window.iter().all(|byte| *byte == b'x')).unwrap();
        let page = body / 4096 * 4096;
        bytes[page..page + 16].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        match open(folder.path()) {
            Ok(store) => match store.quick_check().await {
                Ok(flaws) => assert!(!flaws.is_empty()),
                Err(error) => assert!(matches!(error, Error::Corrupt(_)), "{error}"),
            },
            Err(error) => assert!(matches!(error, Error::Corrupt(_)), "{error}"),
        }
    });
}

#[test]
fn callers_that_go_away_harm_nobody() {
    run(async {
        let folder = Folder::new();
        let store = open(folder.path()).unwrap();
        let mut callers = JoinSet::new();
        for nth in 0..64 {
            let store = store.clone();
            callers.spawn(async move {
                drop(store.journal_insert(entry(nth)).await);
                drop(store.balance().await);
            });
        }
        callers.abort_all();
        while callers.join_next().await.is_some() {}
        for nth in 100..120 {
            insert(&store, nth).await;
        }
        let balance = store.balance().await.unwrap();
        assert!(balance.holds() && balance.rows >= 20, "every reader came back: {balance:?}");
    });
}
