//! Versions of the catalogue, each since when it was in force.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::id::EntryId;
use jiff::Timestamp;

/// One version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueVersion {
    /// Its name: [`Catalogue::version`].
    pub version: String,
    /// The journal entry that brought it.
    pub entry: EntryId,
    /// The catalogue.
    pub catalogue: Catalogue,
    /// When it came into force.
    pub since: Timestamp,
}

statements! {
    /// A version; one that was in force before can come back, and keeps its earlier time.
    CATALOGUE_PUT = "INSERT INTO catalogue_version (version, entry, json, since) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (version, since) DO NOTHING";
    /// The version in force at an instant.
    CATALOGUE_AT = "SELECT version, entry, json, since FROM catalogue_version WHERE since <= ?1 ORDER BY since DESC, version LIMIT 1";
    /// All versions, oldest first.
    CATALOGUES = "SELECT version, entry, json, since FROM catalogue_version ORDER BY since, version";
}

/// Brings a version into force; see [`crate::Write::CatalogueVersion`].
pub(crate) fn put(version: &CatalogueVersion) -> Statement {
    let (name, entry) = (version.version.as_str().into(), version.entry.as_str().into());
    CATALOGUE_PUT.with([name, entry, Value::json(&version.catalogue), version.since.into()])
}

fn read(row: Row) -> Result<CatalogueVersion, Error> {
    let mut columns = row.columns();
    Ok(CatalogueVersion {
        version: columns.text()?,
        entry: EntryId::new(columns.text()?),
        catalogue: columns.json()?,
        since: columns.time()?,
    })
}

impl Store {
    /// The catalogue in force at `at`; `None` before the first.
    pub async fn catalogue_at(&self, at: Timestamp) -> Result<Option<CatalogueVersion>, Error> {
        self.db.query(CATALOGUE_AT.with([at.into()])).await?.into_iter().next().map(read).transpose()
    }

    /// All versions, oldest first.
    pub async fn catalogues(&self) -> Result<Vec<CatalogueVersion>, Error> {
        self.db.query(CATALOGUES.with([])).await?.into_iter().map(read).collect()
    }
}
