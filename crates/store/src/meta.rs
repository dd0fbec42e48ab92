//! Single values of the installation, by name.

use crate::sql::{Statement, statements};
use crate::{Error, Store};

statements! {
    /// A value, replacing any.
    META_PUT = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    /// A value, unless there is one.
    META_KEEP = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
    /// That a value is this one still. Of two who expect it at once, one waits for the other and finds another value.
    META_EXPECT = sqlite "SELECT 1 FROM meta WHERE key = ?1 AND value = ?2",
        postgres "SELECT 1 FROM meta WHERE key = ?1 AND value = ?2 FOR UPDATE";
    /// A value.
    META = "SELECT value FROM meta WHERE key = ?1";
}

/// Sets a value; see [`crate::Write::Meta`].
pub(crate) fn put(key: &str, value: &str) -> Statement {
    META_PUT.with([key.into(), value.into()])
}

/// Demands a value; see [`crate::Expect::Meta`]. That there is none is held by an empty one, which the commit replaces.
pub(crate) fn expect(key: &str, value: Option<&str>) -> Statement {
    match value {
        Some(value) => META_EXPECT.with([key.into(), value.into()]),
        None => META_KEEP.with([key.into(), "".into()]),
    }
    .expecting_one()
}

impl Store {
    /// The value called `key`.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, Error> {
        let rows = self.db.query(META.with([key.into()])).await?;
        rows.into_iter().next().map(|row| row.columns().text()).transpose()
    }

    /// The value called `key`, which becomes `first` if there is none. Every node gets the same:
    /// for what an installation draws once, such as its salt.
    pub async fn meta_or(&self, key: &str, first: &str) -> Result<String, Error> {
        self.db.write_one(META_KEEP.with([key.into(), first.into()])).await?;
        self.meta(key).await?.ok_or_else(|| Error::Corrupt(format!("`{key}` is gone from the table meta")))
    }
}
