//! Running statements on one connection, and judging what went wrong.

use crate::Error;
use crate::sql::{Answers, Engine, Statement, holds};
use crate::value::{Row, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, ffi};

/// How far an error reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The script alone: others in the same transaction go on.
    Script,
    /// The whole transaction.
    Transaction,
    /// The connection: after a failed sync nothing later on it can be believed (I29), nor after damage was seen.
    Poison,
}

/// An error and how far it reaches.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: Error,
    pub(super) scope: Scope,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// What an error of SQLite's means for the caller.
pub(super) fn fault(error: &rusqlite::Error, statement: &'static str) -> Fault {
    let Some(code) = error.sqlite_error() else {
        return Fault { error: Error::Sql { statement, message: error.to_string() }, scope: Scope::Script };
    };
    let unavailable =
        || Error::Unavailable(format!("SQLite says \"{}\"", ffi::code_to_str(code.extended_code)));
    let taken = [
        ffi::SQLITE_CONSTRAINT_UNIQUE,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        ffi::SQLITE_CONSTRAINT_ROWID,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
    ];
    let refused = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE];
    match code.code {
        // A row that another row needs went away, or a key was taken: somebody was faster.
        ErrorCode::ConstraintViolation if taken.contains(&code.extended_code) => {
            Fault { error: Error::Conflict { statement }, scope: Scope::Script }
        }
        ErrorCode::DiskFull => Fault { error: Error::Full, scope: Scope::Transaction },
        // A write that was refused is undone with its transaction, and the next one begins where the last commit ended.
        // It is how a quota or a limit on the size of files shows, which go away as a full disk does (I28).
        ErrorCode::SystemIoFailure if refused.contains(&code.extended_code) => {
            Fault { error: unavailable(), scope: Scope::Transaction }
        }
        ErrorCode::SystemIoFailure => Fault { error: unavailable(), scope: Scope::Poison },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            let why = format!("SQLite says \"{}\"", ffi::code_to_str(code.extended_code));
            Fault { error: Error::Corrupt(why), scope: Scope::Poison }
        }
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OutOfMemory
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::OperationInterrupted
        | ErrorCode::FileLockingProtocolFailed => Fault { error: unavailable(), scope: Scope::Transaction },
        // SQLite's own words name tables and columns, never values.
        _ => Fault { error: Error::Sql { statement, message: error.to_string() }, scope: Scope::Script },
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // STRICT tables hold none; an expression that made one is a bug, which the reader of the
        // column reports.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

fn statement(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let name = statement.sql.name;
    let failed = |error: rusqlite::Error| fault(&error, name);
    let text = statement
        .sql
        .text(Engine::Sqlite)
        .expect("a statement for PostgreSQL alone is run by its own module");
    let mut prepared = connection.prepare_cached(&text).map_err(failed)?;
    let params = rusqlite::params_from_iter(&statement.params);
    let width = prepared.column_count();
    let (mut given, mut touched) = (Vec::new(), 0);
    if width == 0 {
        touched = prepared.execute(params).map_err(failed)?;
    } else {
        let mut rows = prepared.query(params).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let columns = (0..width).map(|index| row.get_ref(index).map(value));
            given.push(Row(columns.collect::<Result<_, _>>().map_err(failed)?));
        }
    }
    if holds(statement.expect, given.len(), touched) {
        Ok(given)
    } else {
        Err(Fault { error: Error::Conflict { statement: name }, scope: Scope::Script })
    }
}

/// Runs statements one after the other, up to the first that fails.
pub(super) fn script(connection: &Connection, script: &[Statement]) -> Result<Answers, Fault> {
    script.iter().map(|one| statement(connection, one)).collect()
}

/// Runs a bare command of transaction control.
pub(super) fn control(connection: &Connection, command: &'static str) -> Result<(), Fault> {
    let run = |command| connection.prepare_cached(command).and_then(|mut prepared| prepared.execute([]));
    run(command).map(drop).map_err(|error| fault(&error, command))
}

/// Undoes whatever is open. Some errors make SQLite do so by itself.
pub(super) fn undo(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(Fault { error, .. }) = control(connection, "ROLLBACK")
    {
        tracing::error!(%error, "a failed transaction could not be rolled back");
    }
}

/// Runs `work` in one writing transaction.
pub(super) fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    control(connection, "BEGIN IMMEDIATE")?;
    let done = work(connection).and_then(|done| control(connection, "COMMIT").map(|()| done));
    if done.is_err() {
        undo(connection);
    }
    done
}
