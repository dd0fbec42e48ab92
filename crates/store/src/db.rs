//! Both engines behind a few functions, so that nothing above is written twice.

use crate::Error;
use crate::journal::{Inserted, NewEntry};
use crate::postgres::Postgres;
use crate::sql::{Answers, Engine, Script, Statement};
use crate::sqlite::{InThread, Threaded};
use crate::value::Row;
use std::sync::Arc;

/// An open database.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    /// SQLite with a writer thread and a few readers.
    Threaded(Arc<Threaded>),
    /// SQLite in the caller's thread: deterministic.
    InThread(Arc<InThread>),
    /// PostgreSQL.
    Postgres(Arc<Postgres>),
}

impl Db {
    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Threaded(_) | Self::InThread(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// The rows of one reading statement.
    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        Ok(self.read(vec![statement]).await?.pop().unwrap_or_default())
    }

    /// The rows of several reading statements, all as of one instant.
    pub(crate) async fn read(&self, script: Script) -> Result<Answers, Error> {
        if script.is_empty() {
            return Ok(Answers::new());
        }
        match self {
            Self::Threaded(sqlite) => sqlite.read(script).await,
            Self::InThread(sqlite) => sqlite.read(&script),
            Self::Postgres(postgres) => postgres.read(script).await,
        }
    }

    /// Runs a script whole or not at all, and answers after its commit.
    pub(crate) async fn write(&self, script: Script) -> Result<Answers, Error> {
        if script.is_empty() {
            return Ok(Answers::new());
        }
        match self {
            Self::Threaded(sqlite) => sqlite.write(script).await,
            Self::InThread(sqlite) => sqlite.write(&script),
            Self::Postgres(postgres) => postgres.write(&script).await,
        }
    }

    /// Runs one writing statement, and answers after its commit.
    pub(crate) async fn write_one(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        Ok(self.write(vec![statement]).await?.pop().unwrap_or_default())
    }

    /// Takes a journal entry in, ahead of other writes and together with others that wait.
    pub(crate) async fn ingest(&self, entry: NewEntry) -> Result<Inserted, Error> {
        let answers = match self {
            Self::Threaded(sqlite) => sqlite.ingest(entry.script()).await?,
            Self::InThread(sqlite) => sqlite.write(&entry.script())?,
            Self::Postgres(postgres) => return postgres.ingest(entry).await,
        };
        entry.inserted_from(answers)
    }

    /// Waits until no write is taken any more; see [`crate::Store::given_up`].
    pub(crate) async fn given_up(&self) -> String {
        match self {
            Self::Threaded(sqlite) => sqlite.given_up().await,
            // The caller of the one sees each error; the other's server looks after its own files.
            Self::InThread(_) | Self::Postgres(_) => std::future::pending().await,
        }
    }

    /// Prepares every statement.
    pub(crate) async fn prepare_all(&self) -> Result<usize, Error> {
        match self {
            Self::Threaded(sqlite) => sqlite.prepare_all().await,
            Self::InThread(sqlite) => sqlite.prepare_all(),
            Self::Postgres(postgres) => postgres.prepare_all().await,
        }
    }
}
