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
    let mut count = 0;
    for sql in registry() {
        if let Some(text) = sql.text(crate::sql::Engine::Sqlite) {
            connection.prepare(&text).map_err(|error| run::fault(&error, sql.name).error)?;
            count += 1;
        }
    }
    Ok(count)
}
