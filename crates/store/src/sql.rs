//! Statements as values: SQL text with a name, its parameters, and what its answer must look like.
//!
//! The text is written once with `?1`, `?2` …; for PostgreSQL `?N` becomes `$N`. (Not the other
//! way round: SQLite takes `$1` for a *named* parameter and numbers it by first appearance.) Where
//! the engines differ, both texts stand side by side under one name with a sentence why.

use crate::value::{Row, Value};
use std::borrow::Cow;

/// Which database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded file.
    Sqlite,
    /// The server.
    Postgres,
}

/// One named piece of SQL.
#[derive(Debug)]
pub(crate) struct Sql {
    /// The name of its constant, told in errors.
    pub(crate) name: &'static str,
    /// The text for SQLite; `None` where only PostgreSQL needs the statement.
    pub(crate) sqlite: Option<&'static str>,
    /// The text for PostgreSQL, still with `?N`; `None` where only SQLite needs the statement.
    pub(crate) postgres: Option<&'static str>,
}

impl Sql {
    /// The text for one engine, if the engine has it.
    pub(crate) fn text(&self, engine: Engine) -> Option<Cow<'static, str>> {
        match engine {
            Engine::Sqlite => self.sqlite.map(Cow::Borrowed),
            Engine::Postgres => self.postgres.map(dollars),
        }
    }

    /// This statement with parameters, whose answer may be anything.
    pub(crate) fn with<const N: usize>(&'static self, params: [Value; N]) -> Statement {
        Statement { sql: self, params: params.into(), expect: Rows::Any }
    }
}

/// `?N` as `$N`. Our SQL holds no other question mark: the registry test looks.
fn dollars(text: &'static str) -> Cow<'static, str> {
    if text.contains('?') { Cow::Owned(text.replace('?', "$")) } else { Cow::Borrowed(text) }
}

/// Declares SQL constants and the list of them, so that the test that prepares every statement on
/// both engines can forget none.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($kind:ident)? $text:literal $(, $other_kind:ident $other:literal)?;)+) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: $crate::sql::Sql =
                $crate::sql::statements!(@one stringify!($name), $($kind)? $text $(, $other_kind $other)?);
        )+
        /// All statements of this module.
        pub(crate) static ALL: &[&$crate::sql::Sql] = &[$(&$name),+];
    };
    (@one $name:expr, $text:literal) => {
        $crate::sql::Sql { name: $name, sqlite: Some($text), postgres: Some($text) }
    };
    (@one $name:expr, sqlite $sqlite:literal, postgres $postgres:literal) => {
        $crate::sql::Sql { name: $name, sqlite: Some($sqlite), postgres: Some($postgres) }
    };
    (@one $name:expr, sqlite $sqlite:literal) => {
        $crate::sql::Sql { name: $name, sqlite: Some($sqlite), postgres: None }
    };
    (@one $name:expr, postgres $postgres:literal) => {
        $crate::sql::Sql { name: $name, sqlite: None, postgres: Some($postgres) }
    };
}
pub(crate) use statements;

/// How many rows a statement must touch (or, with `RETURNING` and in a `SELECT`, give back).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Any number.
    Any,
    /// Exactly this many; anything else undoes the whole script.
    Exactly(usize),
}

/// One statement of a script.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: &'static Sql,
    pub(crate) params: Vec<Value>,
    pub(crate) expect: Rows,
}

impl Statement {
    /// Undoes the whole script unless this touches exactly one row.
    #[must_use]
    pub(crate) fn expecting_one(self) -> Self {
        Self { expect: Rows::Exactly(1), ..self }
    }

    /// Undoes the whole script if this finds anything.
    #[must_use]
    pub(crate) fn expecting_none(self) -> Self {
        Self { expect: Rows::Exactly(0), ..self }
    }
}

/// Statements that happen together or not at all, in this order.
pub(crate) type Script = Vec<Statement>;

/// What each statement of a script gave back.
pub(crate) type Answers = Vec<Vec<Row>>;

/// Whether the number of rows is as expected. `touched` counts rows written, for statements that
/// give none back.
pub(crate) fn holds(expect: Rows, given: usize, touched: usize) -> bool {
    match expect {
        Rows::Any => true,
        Rows::Exactly(wanted) => given.max(touched) == wanted,
    }
}

/// Every statement of the store.
pub(crate) fn registry() -> impl Iterator<Item = &'static Sql> {
    [
        crate::account::ALL,
        crate::alert::ALL,
        crate::audit::ALL,
        crate::brake::ALL,
        crate::call::ALL,
        crate::case::ALL,
        crate::catalogue::ALL,
        crate::checkpoint::ALL,
        crate::customer::ALL,
        crate::due::ALL,
        crate::finding::ALL,
        crate::freeze::ALL,
        crate::identity::ALL,
        crate::integrity::ALL,
        crate::journal::ALL,
        crate::link::ALL,
        crate::merge::ALL,
        crate::meta::ALL,
        crate::postgres::ingest::ALL,
        crate::source_read::ALL,
        crate::sync::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_mark_is_always_a_numbered_parameter() {
        for sql in registry() {
            for text in [sql.sqlite, sql.postgres].into_iter().flatten() {
                let bare = text
                    .match_indices('?')
                    .any(|(at, _)| !text[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
                assert!(!bare && !text.contains('$'), "{}", sql.name);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = registry().map(|sql| sql.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
