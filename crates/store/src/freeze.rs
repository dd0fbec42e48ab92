//! Freezes: what a person holds back for a while.

use crate::sql::{Script, Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use frontdesk_core::freeze::{Freeze, Scope};
use frontdesk_core::sync::State;
use jiff::Timestamp;

statements! {
    /// A freeze. Freezing under a name that holds sets its end, author and reason anew.
    FREEZE_PUT = "INSERT INTO frozen (name, scope, since, until, by_whom, reason, ended_at, ended_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, NULL) \
        ON CONFLICT (name) DO UPDATE SET until = excluded.until, by_whom = excluded.by_whom, reason = excluded.reason \
            WHERE frozen.ended_at IS NULL";
    /// Ends a freeze.
    FREEZE_END = "UPDATE frozen SET ended_at = ?2, ended_by = ?3 WHERE name = ?1 AND ended_at IS NULL";
    /// Makes every frozen row due: those that another freeze still covers are held again when they are looked at.
    FREEZE_FREE = "UPDATE sync SET state = 'due', hold = NULL, standing = ?2, next_attempt_at = ?1 WHERE state = 'held' AND hold = 'frozen'";
    /// The freezes that hold at an instant, oldest first.
    FREEZES = "SELECT name, scope, since, until, by_whom, reason, ended_at, ended_by FROM frozen \
        WHERE ended_at IS NULL AND until > ?1 ORDER BY since, name";
    /// One freeze, holding or not.
    FREEZE = "SELECT name, scope, since, until, by_whom, reason, ended_at, ended_by FROM frozen WHERE name = ?1";
    /// How many rows are frozen.
    FROZEN = "SELECT COUNT(*) FROM sync WHERE state = 'held' AND hold = 'frozen'";
}

/// Freezes; see [`crate::Write::Freeze`].
pub(crate) fn put(freeze: &Freeze) -> Statement {
    FREEZE_PUT
        .with([
            freeze.name.as_str().into(),
            freeze.scope.to_string().into(),
            freeze.since.into(),
            freeze.until.into(),
            freeze.by.as_str().into(),
            freeze.reason.as_str().into(),
        ])
        .expecting_one()
}

/// Thaws; see [`crate::Write::Thaw`].
pub(crate) fn end(name: &str, at: Timestamp, by: &str) -> Script {
    vec![
        FREEZE_END.with([name.into(), at.into(), by.into()]).expecting_one(),
        FREEZE_FREE.with([at.into(), Value::json(&State::Due)]),
    ]
}

fn read(row: Row) -> Result<Freeze, Error> {
    let mut columns = row.columns();
    Ok(Freeze {
        name: columns.text()?,
        scope: Scope::try_from(columns.text()?).map_err(Error::Corrupt)?,
        since: columns.time()?,
        until: columns.time()?,
        by: columns.text()?,
        reason: columns.text()?,
        ended_at: columns.time_opt()?,
        ended_by: columns.text_opt()?,
    })
}

impl Store {
    /// The freezes that hold at `now`, oldest first.
    pub async fn freezes(&self, now: Timestamp) -> Result<Vec<Freeze>, Error> {
        self.db.query(FREEZES.with([now.into()])).await?.into_iter().map(read).collect()
    }

    /// One freeze, holding or not.
    pub async fn freeze(&self, name: &str) -> Result<Option<Freeze>, Error> {
        self.db.query(FREEZE.with([name.into()])).await?.into_iter().next().map(read).transpose()
    }

    /// How many rows wait for a freeze to end.
    pub async fn frozen(&self) -> Result<u64, Error> {
        let rows = self.db.query(FROZEN.with([])).await?;
        let count = rows.into_iter().next().map_or(Ok(0), |row| row.columns().int())?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
