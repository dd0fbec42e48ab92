//! The migrations, embedded: paired by number and name, forward-only, each one transaction.
//!
//! A migration is never edited once released. It expands before a later one contracts, so that the
//! binary before it runs on the schema after it (RELIABILITY I32).

use crate::Error;
use crate::sql::Engine;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One step of the schema, in both dialects.
#[derive(Debug)]
pub(crate) struct Migration {
    /// Its number, from 1 without a gap.
    pub(crate) version: i64,
    /// Its name.
    pub(crate) name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal,)+) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }),+]
    };
}

/// All migrations, oldest first.
pub(crate) static MIGRATIONS: &[Migration] = migrations![
    1 "0001_journal",
    2 "0002_record",
    3 "0003_targets",
    4 "0004_support",
    5 "0005_audit",
    6 "0006_sweeps",
    7 "0007_indexes",
    8 "0008_removals",
];

/// The table that says which migrations were done; the one table that no migration makes.
pub(crate) const SCHEMA_MIGRATION_SQLITE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (\
    version INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT";
/// The same for PostgreSQL, whose integers are called otherwise.
pub(crate) const SCHEMA_MIGRATION_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS schema_migration (\
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)";

impl Migration {
    /// Its text for one engine.
    pub(crate) const fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// SHA-256 of its text, hex.
    pub(crate) fn sha256(&self, engine: Engine) -> String {
        hex::encode(Sha256::digest(self.text(engine)))
    }
}

/// The migrations that are still to be done, given the version and checksum of those that were.
///
/// Versions that this binary does not know are left alone: a newer one made them, and they only
/// expand what this one uses. A known one with another text is refused.
pub(crate) fn missing(
    done: &BTreeMap<i64, String>,
    engine: Engine,
) -> Result<Vec<&'static Migration>, Error> {
    let mut missing = Vec::new();
    for migration in MIGRATIONS {
        match done.get(&migration.version) {
            None => missing.push(migration),
            Some(sha256) if *sha256 == migration.sha256(engine) => {}
            Some(_) => {
                return Err(Error::Refused(format!(
                    "the schema was made by another text of the migration `{}`; use the binary that made it, or restore a backup",
                    migration.name
                )));
            }
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gap_and_begin_the_names() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, i64::try_from(index).unwrap() + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)), "{}", migration.name);
        }
    }

    #[test]
    fn an_edited_migration_is_refused_and_an_unknown_newer_one_is_not() {
        let mut done: BTreeMap<_, _> = MIGRATIONS
            .iter()
            .map(|migration| (migration.version, migration.sha256(Engine::Sqlite)))
            .collect();
        done.insert(9_999, "made by a newer binary".to_owned());
        assert!(missing(&done, Engine::Sqlite).unwrap().is_empty());
        done.insert(1, "edited".to_owned());
        assert!(matches!(missing(&done, Engine::Sqlite), Err(Error::Refused(_))));
    }

    /// The columns of each table of a migration, with the comment of each.
    fn columns(text: &str) -> Vec<(String, String, Option<String>)> {
        let mut table = None;
        let mut columns = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("CREATE TABLE ") {
                table = Some(name.trim_end_matches(" (").to_owned());
            } else if line.starts_with(')') {
                table = None;
            } else if let Some(table) = &table {
                let name = line.split_whitespace().next().unwrap_or_default();
                if !["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", ""].contains(&name) {
                    let comment = line.rsplit_once("-- ").map(|(_, comment)| comment.to_owned());
                    columns.push((table.clone(), name.to_owned(), comment));
                }
            }
        }
        columns
    }

    #[test]
    fn every_column_says_its_class_and_meaning_and_both_dialects_say_the_same() {
        for migration in MIGRATIONS {
            let sqlite = columns(migration.sqlite);
            assert_eq!(!sqlite.is_empty(), migration.sqlite.contains("CREATE TABLE"), "{}", migration.name);
            for (table, column, comment) in &sqlite {
                let comment = comment.as_deref().unwrap_or_default();
                let meaning =
                    ["C0: ", "C1: ", "C2: ", "C3: "].iter().find_map(|class| comment.strip_prefix(class));
                assert!(
                    meaning.is_some_and(|meaning| !meaning.trim().is_empty()),
                    "{table}.{column} has no class or meaning"
                );
            }
            assert_eq!(sqlite, columns(migration.postgres), "{}", migration.name);
        }
    }
}
