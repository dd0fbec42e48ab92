//! Whether the files still hold what was written into them.

use crate::sql::{Engine, statements};
use crate::{Error, Store};

/// Flaws that one check lists; a broken disk has more.
const FLAWS_MAX: usize = 100;

statements! {
    /// Walks every page and index. PostgreSQL has no such statement: its pages carry checksums
    /// where the cluster was made with them.
    QUICK_CHECK = sqlite "PRAGMA quick_check(100)";
}

impl Store {
    /// What is wrong with the database's files, at most a hundred flaws; empty when all is well,
    /// and always on PostgreSQL. Reads the whole file: for the background, once ready.
    pub async fn quick_check(&self) -> Result<Vec<String>, Error> {
        if self.engine() == Engine::Postgres {
            return Ok(Vec::new());
        }
        let rows = self.db.query(QUICK_CHECK.with([])).await?;
        let found = rows
            .into_iter()
            .take(FLAWS_MAX)
            .map(|row| row.columns().text())
            .collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }
}
