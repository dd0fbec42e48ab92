//! SQLite: one writer with group commit and a few readers, or everything in the caller's thread.

mod lock;
mod run;
mod setup;
mod threaded;
mod writer;

pub(crate) use threaded::Threaded;

use crate::Error;
use crate::db::Db;
use crate::sql::{Answers, Script, Statement, registry};
use jiff::Timestamp;
use run::Fault;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How to open an embedded database.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The database file; made if missing. Its lock file stands beside it.
    pub path: PathBuf,
    /// With which threads.
    pub mode: SqliteMode,
    /// The instant, written into the lock file and beside each migration done.
    pub now: Timestamp,
}

/// In which threads the statements run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqliteMode {
    /// One writer thread that commits whatever waits together, and four readers.
    Threaded,
    /// In the thread of the caller, synchronously: the order of everything is the caller's.
    /// For simulation.
    InThread {
        /// The name of a registered virtual file system to keep the files in; `None`: the
        /// operating system's. With one, the checks of folder and lock file are its business.
        vfs: Option<String>,
    },
}

/// Opens; see [`crate::Store::open_sqlite`].
pub(crate) fn open(settings: &SqliteSettings) -> Result<Db, Error> {
    setup::check_version(rusqlite::version_number())?;
    match &settings.mode {
        SqliteMode::Threaded => Ok(Db::Threaded(Arc::new(Threaded::open(settings)?))),
        SqliteMode::InThread { vfs } => {
            let lock = match vfs {
                None => Some(setup::prepare_files(settings)?),
                Some(_) => None,
            };
            let connection = setup::open_writer(settings, vfs.as_deref())?;
            let open = Open { connection, poisoned: None };
            Ok(Db::InThread(Arc::new(InThread { open: Mutex::new(open), _lock: lock })))
        }
    }
}

/// A connection, and why it takes no more writes if it does not.
#[derive(Debug)]
struct Open {
    connection: Connection,
    poisoned: Option<String>,
}

/// SQLite in the caller's thread.
#[derive(Debug)]
pub(crate) struct InThread {
    open: Mutex<Open>,
    /// Released when the store closes, after the connection.
    _lock: Option<lock::Lock>,
}

impl InThread {
    fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> T {
        // A panic of an earlier caller left at worst an open transaction, which the next one's
        // BEGIN shows as an error.
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn read(&self, script: &[Statement]) -> Result<Answers, Error> {
        self.with(|open| run::script(&open.connection, script).map_err(|fault| fault.error))
    }

    pub(crate) fn write(&self, script: &Script) -> Result<Answers, Error> {
        self.with(|open| {
            if let Some(why) = &open.poisoned {
                return Err(Error::Unavailable(why.clone()));
            }
            run::transaction(&mut open.connection, |connection| run::script(connection, script)).map_err(
                |Fault { error, scope }| {
                    if scope == run::Scope::Poison {
                        open.poisoned = Some(writer::poisoned_by(&error));
                    }
                    error
                },
            )
        })
    }

    pub(crate) fn prepare_all(&self) -> Result<usize, Error> {
        self.with(|open| prepare_all(&open.connection))
    }
}

/// Prepares every statement on one connection.
fn prepare_all(connection: &Connection) -> Result<usize, Error> {
    // Preparing trusts the schema as this connection knows it; running anything looks again.
    connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(|error| run::fault(&error, "sqlite_schema").error)?;
    let mut count = 0;
    for sql in registry() {
        if let Some(text) = sql.text(crate::sql::Engine::Sqlite) {
            connection.prepare(&text).map_err(|error| run::fault(&error, sql.name).error)?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::journal::{EntryKind, EntryState, NewEntry};
    use crate::sql::Sql;
    use frontdesk_core::id::{EntryId, SourceId};
    use std::sync::atomic::{AtomicU32, Ordering};
    use writer::{Line, Queue};

    static SMALL: Sql = Sql { name: "SMALL", sqlite: Some("PRAGMA max_page_count = 60"), postgres: None };
    static LARGE: Sql = Sql { name: "LARGE", sqlite: Some("PRAGMA max_page_count = 100000"), postgres: None };

    /// Tables that grow with customers or with time.
    const LARGE_TABLES: [&str; 12] = [
        "journal",
        "customer",
        "identity",
        "fact",
        "source_read",
        "sync",
        "sync_person",
        "call",
        "support_case",
        "audit",
        "audit_personal",
        "audit_head",
    ];
    /// Statements that may read such a table from end to end, or all of one system's or source's rows: counts, lists and
    /// checks, what is done to everybody, and tables that hold only what waits.
    const READS_MUCH: [&str; 9] = [
        "AUDIT_HEADLESS",
        "CUSTOMER_HEADLINES",
        "JOURNAL_BALANCE",
        "JOURNAL_ROWS",
        "READS_DUE",
        "SYNC_SHADOWED",
        "SYNC_STATES",
        "SYNC_UNSHADOW",
        "WAKE_ALL",
    ];

    #[test]
    fn no_statement_reads_a_large_table_from_end_to_end_but_those_that_are_said_to() {
        let folder = Folder::new("plans");
        let settings = folder.settings(SqliteMode::InThread { vfs: None });
        drop(Store::open_sqlite(&settings).unwrap());
        let connection = Connection::open(&settings.path).unwrap();
        let reads_much = |step: &str| {
            let table = step.split(' ').nth(1).unwrap_or_default();
            let by_prefix = [
                "(system=?)",
                "(system=? AND kind=?)",
                "(source=?)",
                "(source=? AND kind=?)",
                "call_account (account=?)",
                "call_customer (customer_id>?)",
            ];
            LARGE_TABLES.contains(&table)
                && (step.starts_with("SCAN ") || by_prefix.iter().any(|prefix| step.ends_with(prefix)))
        };
        let mut found = Vec::new();
        for sql in registry() {
            let Some(text) = sql.text(crate::sql::Engine::Sqlite) else { continue };
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
            let unbound = rusqlite::params_from_iter(std::iter::repeat_n("", plan.parameter_count()));
            let steps = plan.query_map(unbound, |row| row.get::<_, String>(3)).unwrap();
            found.extend(
                steps.map(Result::unwrap).filter(|step| reads_much(step)).map(|step| (sql.name, step)),
            );
        }
        found.sort();
        let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, READS_MUCH, "{found:#?}");
    }

    /// A statement that SQLite does not have: running it is a bug.
    static ELSEWHERE: Sql = Sql { name: "ELSEWHERE", sqlite: None, postgres: Some("SELECT 1") };

    fn entry(nth: u8, body_bytes: usize) -> NewEntry {
        NewEntry {
            id: EntryId::from_parts(1, [nth; 10]),
            source: SourceId::new("stripe"),
            event_key: format!("evt_{nth}"),
            kind: EntryKind::Event,
            event_type: "invoice.paid".to_owned(),
            object_id: None,
            object_created_at: None,
            livemode: None,
            api_version: None,
            received_at: Timestamp::UNIX_EPOCH,
            verified_by: None,
            headers: "{}".to_owned(),
            body: vec![b'x'; body_bytes],
            state: EntryState::Pending,
            reason: None,
        }
    }

    /// Commits of the one test that counts them.
    static COMMITS: AtomicU32 = AtomicU32::new(0);

    /// A folder of its own for each test, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("frontdesk-sqlite-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn settings(&self, mode: SqliteMode) -> SqliteSettings {
            SqliteSettings { path: self.0.join("frontdesk.db"), mode, now: Timestamp::UNIX_EPOCH }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn a_full_disk_is_told_loses_nothing_and_heals_by_itself() {
        for mode in [SqliteMode::Threaded, SqliteMode::InThread { vfs: None }] {
            let folder =
                Folder::new(if mode == SqliteMode::Threaded { "full-threaded" } else { "full-in-thread" });
            let store = Store::open_sqlite(&folder.settings(mode)).unwrap();
            block_on(async {
                store.db.write_one(SMALL.with([])).await.unwrap();
                let mut kept = 0;
                while store.journal_insert(entry(kept, 20_000)).await.is_ok() {
                    kept += 1;
                    assert!(kept < 100, "the limit holds");
                }
                assert!(matches!(store.journal_insert(entry(kept, 20_000)).await, Err(Error::Full)));
                assert!(
                    matches!(store.journal_insert(entry(kept, 90_000)).await, Err(Error::Full)),
                    "still full"
                );
                assert_eq!(store.balance().await.unwrap().rows, i64::from(kept), "reads go on");
                store.db.write_one(LARGE.with([])).await.unwrap();
                store.journal_insert(entry(kept, 90_000)).await.unwrap();
                assert_eq!(store.balance().await.unwrap().rows, i64::from(kept) + 1);
            });
        }
    }

    #[test]
    fn what_waits_is_committed_together_journal_entries_first() {
        let folder = Folder::new("group");
        let mut connection = setup::open_writer(&folder.settings(SqliteMode::Threaded), None).unwrap();
        let count = || {
            COMMITS.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.commit_hook(Some(count)).unwrap();
        let queue = Queue::default();
        let put = |value: &str| vec![crate::meta::put("who", value)];
        let work: Vec<_> =
            (0..20).map(|nth| queue.push(Line::Work, put(&format!("work {nth}"))).unwrap()).collect();
        let entries: Vec<_> =
            (0..30).map(|nth| queue.push(Line::Ingest, entry(nth, 10).script()).unwrap()).collect();
        let refused =
            queue.push(Line::Work, vec![crate::meta::put("who", "nobody").expecting_none()]).unwrap();
        let last = queue.push(Line::Ingest, put("ingest")).unwrap();
        queue.close();
        writer::run(connection, &queue);
        assert_eq!(COMMITS.load(Ordering::Relaxed), 1, "fifty-two callers shared one commit");
        for answer in work.into_iter().chain(entries).chain([last]) {
            answer.blocking_recv().unwrap().unwrap();
        }
        assert!(matches!(refused.blocking_recv().unwrap(), Err(Error::Conflict { statement: "META_PUT" })));
        let store = Store::open_sqlite(&folder.settings(SqliteMode::InThread { vfs: None })).unwrap();
        block_on(async {
            assert_eq!(
                store.meta("who").await.unwrap().as_deref(),
                Some("work 19"),
                "what conflicted undid itself alone"
            );
            assert_eq!(store.balance().await.unwrap().rows, 30);
        });
    }

    #[test]
    fn a_failed_commit_is_told_to_all_who_shared_it() {
        let folder = Folder::new("hook");
        let mut connection = setup::open_writer(&folder.settings(SqliteMode::Threaded), None).unwrap();
        connection.commit_hook(Some(|| true)).unwrap();
        let queue = Queue::default();
        let answers: Vec<_> =
            (0..5).map(|nth| queue.push(Line::Ingest, entry(nth, 10).script()).unwrap()).collect();
        queue.close();
        writer::run(connection, &queue);
        for answer in answers {
            assert!(
                answer.blocking_recv().unwrap().is_err(),
                "nothing is acknowledged that was not committed"
            );
        }
        let store = Store::open_sqlite(&folder.settings(SqliteMode::InThread { vfs: None })).unwrap();
        assert_eq!(block_on(store.balance()).unwrap().rows, 0);
    }

    #[test]
    fn a_failed_sync_ends_all_writing_and_a_full_disk_does_not() {
        let failure = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        for code in [
            rusqlite::ffi::SQLITE_IOERR_FSYNC,
            rusqlite::ffi::SQLITE_IOERR_READ,
            rusqlite::ffi::SQLITE_CORRUPT,
        ] {
            assert_eq!(run::fault(&failure(code), "x").scope, run::Scope::Poison);
        }
        for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR_WRITE] {
            assert_eq!(run::fault(&failure(code), "x").scope, run::Scope::Transaction);
        }
        let queue = Queue::default();
        let waits = queue.push(Line::Work, Script::new()).unwrap();
        queue.poison("an earlier write failed");
        assert!(matches!(waits.blocking_recv().unwrap(), Err(Error::Unavailable(_))));
        assert!(matches!(queue.push(Line::Ingest, Script::new()), Err(Error::Unavailable(_))));
        assert_eq!(block_on(queue.until_poisoned()), "an earlier write failed");
    }

    #[test]
    fn a_damaged_table_ends_all_writing_and_whoever_listens_is_told() {
        let folder = Folder::new("given-up");
        let settings = folder.settings(SqliteMode::Threaded);
        drop(Store::open_sqlite(&settings).unwrap());
        let reader = Connection::open(&settings.path).unwrap();
        let number = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
        let page = number("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'");
        let page_bytes = number("PRAGMA page_size");
        drop(reader);
        let file = std::fs::OpenOptions::new().write(true).open(&settings.path).unwrap();
        let damage = vec![0xff; usize::try_from(page_bytes).unwrap()];
        std::os::unix::fs::FileExt::write_all_at(&file, &damage, u64::from((page - 1) * page_bytes)).unwrap();
        let store = Store::open_sqlite(&settings).unwrap();
        block_on(async {
            assert!(matches!(store.journal_insert(entry(9, 10)).await, Err(Error::Corrupt(_))));
            assert!(store.given_up().await.contains("restart"));
            assert!(matches!(store.journal_insert(entry(9, 10)).await, Err(Error::Unavailable(_))));
        });
    }

    #[test]
    fn a_writer_that_panics_leaves_nobody_waiting() {
        let folder = Folder::new("panic");
        let connection = setup::open_writer(&folder.settings(SqliteMode::Threaded), None).unwrap();
        let queue = Arc::new(Queue::default());
        let panics = queue.push(Line::Work, vec![ELSEWHERE.with([])]).unwrap();
        let jobs = Arc::clone(&queue);
        assert!(std::thread::spawn(move || writer::run(connection, &jobs)).join().is_err());
        assert!(panics.blocking_recv().is_err(), "its own caller is told that the writer ended");
        assert!(matches!(queue.push(Line::Work, Script::new()), Err(Error::Unavailable(_))));
    }
}
