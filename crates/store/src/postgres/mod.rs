//! PostgreSQL: a pool, one transaction per write, journal entries in batches.
//!
//! Every decision is guarded by unique constraints and row locks, taken in the order of ids, at READ
//! COMMITTED; nothing rests on the name of an isolation level. Reads of several statements see one
//! snapshot. Nothing needs a session of its own but the settings checked at its start.

pub(crate) mod ingest;
mod setup;
mod value;

use crate::db::Db;
use crate::journal::{Inserted, NewEntry};
use crate::sql::{Answers, Engine, Script, Statement, holds, registry};
use crate::value::Row;
use crate::{Error, RETRIES_MAX};
use deadpool_postgres::{GenericClient, Object, Pool};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use tokio_postgres::IsolationLevel;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

/// How to reach a PostgreSQL server.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`, or with `?host=/run/postgresql` for a socket.
    pub url: String,
    /// How to verify the server. Without it, only a socket of this machine and a URL that says `sslmode=disable` are taken.
    pub tls: Option<rustls::ClientConfig>,
    /// Connections at most for reads, and as many again for decisions. The journal's writer has two
    /// of its own, so that acknowledging never waits for work.
    pub connections_max: usize,
    /// The instant, written beside each migration done.
    pub now: Timestamp,
}

impl fmt::Debug for PostgresSettings {
    /// Leaves out the URL: it holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

/// Pools of connections and the writer of the journal.
pub(crate) struct Postgres {
    reads: Pool,
    decisions: Pool,
    ingest: ingest::Writer,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

/// Connects; see [`crate::Store::open_postgres`].
pub(crate) async fn open(settings: PostgresSettings) -> Result<Db, Error> {
    let setup::Pools { reads, decisions, ingest } = setup::connect(settings).await?;
    let ingest = ingest::Writer::start(ingest);
    Ok(Db::Postgres(Arc::new(Postgres { reads, decisions, ingest })))
}

/// An error, and whether the same transaction may simply be tried again.
struct Fault {
    error: Error,
    may_retry: bool,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error, may_retry: false }
    }
}

/// What an error of PostgreSQL's means for the caller. The texts hold no parameter: PostgreSQL's
/// "detail", which may hold one, is left out.
fn fault(error: &tokio_postgres::Error, statement: &'static str) -> Fault {
    let Some(db) = error.as_db_error() else {
        // Without the server's word the connection broke or never was. An open commit may or may
        // not have happened: repeating is safe, because expectations and unique keys judge it again.
        return Error::Unavailable(format!("PostgreSQL gave no answer: {error}")).into();
    };
    let (code, message) = (db.code(), db.message());
    let sql = || Error::Sql { statement, message: format!("{} ({})", message, code.code()) };
    let unavailable = || Error::Unavailable(format!("PostgreSQL says \"{message}\" ({})", code.code()));
    if [SqlState::UNIQUE_VIOLATION, SqlState::FOREIGN_KEY_VIOLATION].contains(code) {
        return Error::Conflict { statement }.into();
    }
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE]
        .contains(code)
    {
        return Fault { error: unavailable(), may_retry: true };
    }
    match code.code() {
        "53100" => Error::Full.into(),
        "XX001" | "XX002" => Error::Corrupt(format!("PostgreSQL says \"{message}\"")).into(),
        // Read-only standby, cancelled statement, resources, shutdown, connection trouble, I/O.
        "25006" | "57014" => unavailable().into(),
        other if ["08", "53", "57", "58"].iter().any(|class| other.starts_with(class)) => {
            unavailable().into()
        }
        _ => sql().into(),
    }
}

async fn statement(client: &impl GenericClient, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let name = statement.sql.name;
    let failed = |error: tokio_postgres::Error| fault(&error, name);
    let text =
        statement.sql.text(Engine::Postgres).expect("a statement for SQLite alone is run by its own module");
    let prepared = client.prepare_cached(&text).await.map_err(failed)?;
    let params: Vec<&(dyn ToSql + Sync)> =
        statement.params.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    let (mut given, mut touched) = (Vec::new(), 0);
    if prepared.columns().is_empty() {
        let rows = client.execute(&prepared, &params).await.map_err(failed)?;
        touched = usize::try_from(rows).unwrap_or(usize::MAX);
    } else {
        for row in client.query(&prepared, &params).await.map_err(failed)? {
            given.push(value::row(&row)?);
        }
    }
    if holds(statement.expect, given.len(), touched) {
        Ok(given)
    } else {
        Err(Error::Conflict { statement: name }.into())
    }
}

impl Postgres {
    async fn connection(&self) -> Result<Object, Error> {
        self.reads.get().await.map_err(|error| setup::no_connection(&error))
    }

    pub(crate) async fn read(&self, script: Script) -> Result<Answers, Error> {
        let mut connection = self.connection().await?;
        if let [only] = script.as_slice() {
            // A statement by itself sees one snapshot anyway.
            return Ok(vec![statement(&connection, only).await.map_err(|fault| fault.error)?]);
        }
        // One snapshot for all statements; READ COMMITTED would take one for each.
        let transaction = connection
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(|error| fault(&error, "BEGIN").error)?;
        let mut answers = Answers::with_capacity(script.len());
        for one in &script {
            answers.push(statement(&transaction, one).await.map_err(|fault| fault.error)?);
        }
        transaction.commit().await.map_err(|error| fault(&error, "COMMIT").error)?;
        Ok(answers)
    }

    pub(crate) async fn write(&self, script: &Script) -> Result<Answers, Error> {
        write(&self.decisions, script).await
    }

    pub(crate) async fn ingest(&self, entry: NewEntry) -> Result<Inserted, Error> {
        self.ingest.insert(entry).await
    }

    pub(crate) async fn prepare_all(&self) -> Result<usize, Error> {
        let connection = self.connection().await?;
        let mut count = 0;
        for sql in registry() {
            if let Some(text) = sql.text(Engine::Postgres) {
                connection.prepare(&text).await.map_err(|error| fault(&error, sql.name).error)?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// Runs a script in one transaction, anew after a deadlock or a serialization failure. Nothing
/// outside the database happens in between, so a repetition has no other effect.
async fn write(pool: &Pool, script: &Script) -> Result<Answers, Error> {
    let mut tries = 0;
    loop {
        match write_once(pool, script).await {
            Err(Fault { may_retry: true, .. }) if tries < RETRIES_MAX => tries += 1,
            done => return done.map_err(|fault| fault.error),
        }
    }
}

async fn write_once(pool: &Pool, script: &Script) -> Result<Answers, Fault> {
    let mut connection = pool.get().await.map_err(|error| setup::no_connection(&error))?;
    let transaction = connection
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .start()
        .await
        .map_err(|error| fault(&error, "BEGIN"))?;
    let mut answers = Answers::with_capacity(script.len());
    for one in script {
        // Dropped without a commit, the transaction is rolled back before its connection is used again.
        answers.push(statement(&transaction, one).await?);
    }
    transaction.commit().await.map_err(|error| fault(&error, "COMMIT"))?;
    Ok(answers)
}
