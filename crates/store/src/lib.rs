//! All SQL of the project: the journal, the record, syncs, the ledger of calls, cases, the audit log.
//!
//! [`Store`] is one concrete type over two engines: an embedded SQLite file or a PostgreSQL server.
//! The SQL text is shared; where the engines differ, both texts stand side by side with the reason.
//! One suite of tests runs on both.
//!
//! # What may not live here
//!
//! No rule about customers: the store knows keys, not meanings. No clock and no randomness: instants,
//! ids and salts are handed in.
//!
//! # Where to begin reading
//!
//! 1. [`commit`](Commit): one decision, written whole or not at all, with what it rests on.
//! 2. [`journal`](NewEntry): how an event becomes durable before it is acknowledged.
//! 3. `sql.rs`, `db.rs`: statements as values, and the two engines behind three functions.
//! 4. `sqlite/writer.rs`: one writer, group commit. `postgres/ingest.rs`: the same idea, one statement.
//! 5. `migrations/`: every table and column, with its meaning and its data class.
#![forbid(unsafe_code)]

mod account;
mod alert;
mod audit;
mod brake;
mod call;
mod case;
mod catalogue;
mod checkpoint;
mod commit;
mod customer;
mod db;
mod derived;
mod due;
mod error;
mod finding;
mod freeze;
mod identity;
mod integrity;
mod journal;
mod link;
mod merge;
mod meta;
mod migration;
mod postgres;
mod source_read;
mod sql;
mod sqlite;
mod sync;
mod value;
mod whole;
mod word;

pub use account::{Account, AccountState, Lease, Stopped};
pub use alert::Alert;
pub use audit::{AuditDraft, AuditEntry, Broken, Personal, Verified};
pub use brake::Brake;
pub use call::{Call, CallAnswer, CallIntent, Outcome};
pub use case::{Case, CaseFilter, CaseNote, CaseState};
pub use catalogue::CatalogueVersion;
pub use checkpoint::Checkpoint;
pub use commit::{Commit, Committed, Expect, Write};
pub use customer::{CustomerRow, Loaded};
pub use derived::DerivedHash;
pub use error::Error;
pub use finding::{Finding, FindingCount};
pub use identity::Identity;
pub use journal::{Balance, Entry, EntryFilter, EntryKind, EntryState, Inserted, NewEntry, StoredEntry};
pub use link::{LIVE_MAX, LinkPurpose, StatusLink};
pub use postgres::PostgresSettings;
pub use source_read::{ReadState, SourceRead};
pub use sql::Engine;
pub use sqlite::{SqliteMode, SqliteSettings};
pub use sync::{Overdue, SyncFilter};
pub use whole::Whole;

use jiff::Timestamp;

/// How often a script is tried again by itself: after a serialization failure or a deadlock, or
/// when only an audit chain grew meanwhile. Nothing outside the database happens in between.
pub(crate) const RETRIES_MAX: u32 = 5;

/// The store. Cheap to clone; all clones are one store. Dropping the last one closes it.
#[derive(Clone, Debug)]
pub struct Store {
    db: db::Db,
}

impl Store {
    /// Opens an embedded database, making or migrating it as needed. Blocks while it does.
    ///
    /// Refused ([`Error::Refused`]): another process has it open, the folder is not writable or is
    /// on a network file system, the linked SQLite has the WAL-reset bug, a setting does not hold.
    pub fn open_sqlite(settings: &SqliteSettings) -> Result<Self, Error> {
        Ok(Self { db: sqlite::open(settings)? })
    }

    /// Connects to a PostgreSQL server and migrates the database as needed.
    ///
    /// Refused ([`Error::Refused`]): the URL cannot be read, TLS is demanded and not configured,
    /// the server is a read-only standby, a setting does not hold.
    pub async fn open_postgres(settings: PostgresSettings) -> Result<Self, Error> {
        Ok(Self { db: postgres::open(settings).await? })
    }

    /// Which engine it runs on.
    pub const fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// Prepares every statement of the store against the schema as it is, and says how many there
    /// are: a typo, or a schema changed by other hands, shows before any customer meets it.
    pub async fn check_statements(&self) -> Result<usize, Error> {
        self.db.prepare_all().await
    }

    /// Ends when the store takes no more writes until a restart, and says why: after a failed sync nothing later on
    /// the same file could be believed (RELIABILITY I29). A full disk is no such thing. Never ends on
    /// PostgreSQL, whose server restarts by itself.
    pub async fn given_up(&self) -> String {
        self.db.given_up().await
    }

    /// Commits a small write durably: the store is ready exactly when this succeeds.
    pub async fn check_writable(&self, now: Timestamp) -> Result<(), Error> {
        self.db.write_one(meta::put("probed_at", &now.to_string())).await.map(drop)
    }
}
