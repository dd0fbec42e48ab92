//! Alerts: one for one cause, however often it is seen.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use jiff::Timestamp;

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// One cause has one key.
    pub key: String,
    /// What sort of trouble.
    pub kind: String,
    /// What it is about: ids and names of things, no person.
    pub subject: String,
    /// The particulars.
    pub detail: serde_json::Value,
    /// When it began.
    pub opened_at: Timestamp,
    /// When its cause was gone.
    pub closed_at: Option<Timestamp>,
}

statements! {
    /// Opens an alert, opens it again after it was closed, or renews the particulars of an open one.
    /// Gives back when it began: now, if it is news.
    ALERT_OPEN = "INSERT INTO alert (key, kind, subject, detail, opened_at) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (key) DO UPDATE SET detail = excluded.detail, subject = excluded.subject, \
            opened_at = CASE WHEN alert.closed_at IS NULL THEN alert.opened_at ELSE excluded.opened_at END, closed_at = NULL \
        RETURNING opened_at";
    /// Closes an alert, if it is open.
    ALERT_CLOSE = "UPDATE alert SET closed_at = ?2 WHERE key = ?1 AND closed_at IS NULL";
    /// The open alerts, oldest first.
    ALERTS_OPEN = "SELECT key, kind, subject, detail, opened_at, closed_at FROM alert WHERE closed_at IS NULL ORDER BY opened_at, key";
    /// One alert.
    ALERT = "SELECT key, kind, subject, detail, opened_at, closed_at FROM alert WHERE key = ?1";
}

/// Opens an alert; see [`crate::Write::AlertOpen`].
pub(crate) fn open(
    key: &str,
    kind: &str,
    subject: &str,
    detail: &serde_json::Value,
    at: Timestamp,
) -> Statement {
    ALERT_OPEN.with([key.into(), kind.into(), subject.into(), Value::json(detail), at.into()])
}

/// Whether what [`open`] gave back says that the alert began at `at`.
pub(crate) fn is_news(rows: Vec<Row>, at: Timestamp) -> Result<bool, Error> {
    let began = rows.into_iter().next().map(|row| row.columns().int()).transpose()?;
    Ok(began == Some(at.as_microsecond()))
}

/// Closes an alert; see [`crate::Write::AlertClose`].
pub(crate) fn close(key: &str, at: Timestamp) -> Statement {
    ALERT_CLOSE.with([key.into(), at.into()])
}

fn read(row: Row) -> Result<Alert, Error> {
    let mut columns = row.columns();
    Ok(Alert {
        key: columns.text()?,
        kind: columns.text()?,
        subject: columns.text()?,
        detail: columns.json()?,
        opened_at: columns.time()?,
        closed_at: columns.time_opt()?,
    })
}

impl Store {
    /// The open alerts, oldest first.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>, Error> {
        self.db.query(ALERTS_OPEN.with([])).await?.into_iter().map(read).collect()
    }

    /// One alert, open or closed.
    pub async fn alert(&self, key: &str) -> Result<Option<Alert>, Error> {
        self.db.query(ALERT.with([key.into()])).await?.into_iter().next().map(read).transpose()
    }
}
