//! What is due, and when the next thing will be.

use crate::sql::{Statement, statements};
use crate::{Error, Store};
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::Target;
use jiff::{SignedDuration, Timestamp};

statements! {
    /// Customers whose decision may have changed by the clock alone, earliest first.
    WAKES_DUE = "SELECT id FROM customer WHERE merged_into IS NULL AND next_wake_at IS NOT NULL AND next_wake_at <= ?1 \
        ORDER BY next_wake_at, id LIMIT ?2";
    /// Customers who were decided under a clock that was ahead.
    WAKES_AHEAD = "SELECT id FROM customer WHERE merged_into IS NULL AND updated_at > ?1 ORDER BY updated_at, id LIMIT ?2";
    /// The earliest instant at which an entry may be applied; one never tried, at once.
    NEXT_ENTRY = "SELECT MIN(COALESCE(next_try_at, ?1)) FROM journal WHERE state = 'pending'";
    /// The earliest wake-up.
    NEXT_WAKE = "SELECT MIN(next_wake_at) FROM customer WHERE merged_into IS NULL AND next_wake_at IS NOT NULL";
    /// The earliest read.
    NEXT_READ = "SELECT MIN(due_at) FROM source_read";
    /// The earliest sync of one target.
    NEXT_SYNC_OF = "SELECT MIN(next_attempt_at) FROM sync WHERE target = ?1 AND next_attempt_at IS NOT NULL";
    /// Has every live customer looked at again. A decision under way, which would put its own
    /// wake-up in place of this one, is refused by the revision and made anew.
    WAKE_ALL = "UPDATE customer SET next_wake_at = CASE WHEN next_wake_at < ?1 THEN next_wake_at ELSE ?1 END, revision = revision + 1 \
        WHERE merged_into IS NULL";
    /// The earliest sync.
    NEXT_SYNC = "SELECT MIN(next_attempt_at) FROM sync WHERE next_attempt_at IS NOT NULL";
}

/// Has every live customer looked at again; see [`crate::Write::WakeAll`].
pub(crate) fn wake_all(at: Timestamp) -> Statement {
    WAKE_ALL.with([at.into()])
}

/// Nothing is ever put off for longer than this. What is due later was put off under a clock that was ahead, and is
/// due at once: otherwise a clock that jumped by years and back would leave work lying for years (RELIABILITY I26).
const PUT_OFF_MAX: SignedDuration = SignedDuration::from_hours(48);

/// The latest instant at which anything can be due.
pub(crate) fn horizon(now: Timestamp) -> Timestamp {
    now.saturating_add(PUT_OFF_MAX).unwrap_or(Timestamp::MAX)
}

impl Store {
    /// When an entry may be applied next, or a customer is to be looked at again. An entry that was never tried is
    /// due at `now`; the answer may lie in the past.
    pub async fn next_apply(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        self.earliest(vec![NEXT_ENTRY.with([now.into()]), NEXT_WAKE.with([])]).await
    }

    /// When the earliest read at a source is due; the answer may lie in the past.
    pub async fn next_read(&self) -> Result<Option<Timestamp>, Error> {
        self.earliest(vec![NEXT_READ.with([])]).await
    }

    async fn earliest(&self, script: Vec<Statement>) -> Result<Option<Timestamp>, Error> {
        let mut next = None;
        for row in self.db.read(script).await?.into_iter().flatten() {
            next = match (next, row.columns().time_opt()?) {
                (Some(a), Some(b)) => Some(std::cmp::min::<Timestamp>(a, b)),
                (a, b) => a.or(b),
            };
        }
        Ok(next)
    }

    /// When the earliest row of a target is due; the answer may lie in the past. `None`: none by itself.
    pub async fn next_sync(&self, target: Target) -> Result<Option<Timestamp>, Error> {
        let rows = self.db.query(NEXT_SYNC_OF.with([target.as_str().into()])).await?;
        rows.into_iter().next().map_or(Ok(None), |row| row.columns().time_opt())
    }

    /// Customers whose decision may have changed by the clock alone at `now`, earliest first.
    pub async fn wakes_due(&self, now: Timestamp, limit: u32) -> Result<Vec<CustomerId>, Error> {
        let due = WAKES_DUE.with([now.into(), limit.into()]);
        let ahead = WAKES_AHEAD.with([horizon(now).into(), limit.into()]);
        let mut customers = Vec::new();
        for row in self.db.read(vec![due, ahead]).await?.into_iter().flatten().take(limit as usize) {
            let customer = CustomerId::new(row.columns().text()?);
            if !customers.contains(&customer) {
                customers.push(customer);
            }
        }
        Ok(customers)
    }

    /// When anything is due next: an entry, a wake-up, a read or a sync. An entry that was never
    /// tried is due at `now`; the answer may lie in the past. `None`: nothing by itself.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let script =
            vec![NEXT_ENTRY.with([now.into()]), NEXT_WAKE.with([]), NEXT_READ.with([]), NEXT_SYNC.with([])];
        self.earliest(script).await
    }
}
