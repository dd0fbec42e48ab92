//! Reads at sources: which objects are wanted, since when, and how often asking failed.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::word::words;
use crate::{Error, Store};
use frontdesk_core::fact::{Key, Kind};
use frontdesk_core::id::{CustomerId, SourceId};
use frontdesk_core::reads::Purpose;
use frontdesk_core::sync::Failed;
use jiff::Timestamp;

words! {
    /// How a wanted read stands.
    pub enum ReadState {
        /// Asked when due.
        Due = "due",
        /// Retries are used up; asked again by schedule or by a person.
        Parked = "parked",
    }
}

/// One wanted read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRead {
    /// The object.
    pub key: Key,
    /// For whom.
    pub customer: CustomerId,
    /// Why.
    pub purpose: Purpose,
    /// When it may be asked.
    pub due_at: Timestamp,
    /// Tries that failed.
    pub attempts: u32,
    /// When the first of them failed.
    pub failing_since: Option<Timestamp>,
    /// How it stands.
    pub state: ReadState,
    /// The last failure.
    pub last_failure: Option<Failed>,
}

impl SourceRead {
    /// A read that was never tried.
    pub fn new(key: Key, customer: CustomerId, purpose: Purpose, due_at: Timestamp) -> Self {
        let (attempts, failing_since, state, last_failure) = (0, None, ReadState::Due, None);
        Self { key, customer, purpose, due_at, attempts, failing_since, state, last_failure }
    }
}

statements! {
    /// Wants a read. Wanted twice is one row, the earlier time wins; what failed before is kept,
    /// so that wanting it again hammers nobody.
    READ_WANT = "INSERT INTO source_read (source, kind, id, customer_id, purpose, due_at, attempts, failing_since, state, last_failure) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, NULL, 'due', NULL) \
        ON CONFLICT (source, kind, id) DO UPDATE SET customer_id = excluded.customer_id, purpose = excluded.purpose, \
            due_at = CASE WHEN source_read.attempts = 0 AND excluded.due_at < source_read.due_at THEN excluded.due_at \
                ELSE source_read.due_at END";
    /// Notes a failed try.
    READ_FAILED = "UPDATE source_read SET due_at = ?4, attempts = ?5, failing_since = ?6, state = ?7, last_failure = ?8 \
        WHERE source = ?1 AND kind = ?2 AND id = ?3";
    /// Forgets a read that was answered or is wanted no more.
    READ_SETTLED = "DELETE FROM source_read WHERE source = ?1 AND kind = ?2 AND id = ?3";
    /// Reads that may be asked, earliest first.
    READS_DUE = "SELECT source, kind, id, customer_id, purpose, due_at, attempts, failing_since, state, last_failure FROM source_read \
        WHERE source = ?1 AND (due_at <= ?2 OR due_at > ?4) ORDER BY due_at, kind, id LIMIT ?3";
    /// The wanted reads of one customer.
    READS_OF = "SELECT source, kind, id, customer_id, purpose, due_at, attempts, failing_since, state, last_failure FROM source_read \
        WHERE customer_id = ?1 ORDER BY due_at, kind, id";
}

/// The columns of a key.
fn key_params(key: &Key) -> [Value; 3] {
    [key.source.as_str().into(), key.kind.as_str().into(), key.id.as_str().into()]
}

/// Wants a read; see [`crate::Write::Read`].
pub(crate) fn want(read: &SourceRead) -> Statement {
    let [source, kind, id] = key_params(&read.key);
    let (customer, purpose) = (read.customer.as_str().into(), read.purpose.as_str().into());
    READ_WANT.with([source, kind, id, customer, purpose, read.due_at.into()])
}

/// Notes a failed try; see [`crate::Write::ReadFailed`].
pub(crate) fn failed(read: &SourceRead) -> Statement {
    let [source, kind, id] = key_params(&read.key);
    READ_FAILED.with([
        source,
        kind,
        id,
        read.due_at.into(),
        read.attempts.into(),
        read.failing_since.into(),
        read.state.into(),
        Value::json_opt(read.last_failure.as_ref()),
    ])
}

/// Forgets a read; see [`crate::Write::ReadSettled`].
pub(crate) fn settled(key: &Key) -> Statement {
    READ_SETTLED.with(key_params(key))
}

/// The word of a purpose, read back.
fn purpose(word: &str) -> Option<Purpose> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// The wanted reads of one customer, for [`read`].
pub(crate) fn load(customer: &CustomerId) -> Statement {
    READS_OF.with([customer.as_str().into()])
}

/// One wanted read.
pub(crate) fn read(row: Row) -> Result<SourceRead, Error> {
    let mut columns = row.columns();
    Ok(SourceRead {
        key: Key {
            source: SourceId::new(columns.text()?),
            kind: columns.word(Kind::parse)?,
            id: columns.text()?,
        },
        customer: CustomerId::new(columns.text()?),
        purpose: columns.word(purpose)?,
        due_at: columns.time()?,
        attempts: columns.count()?,
        failing_since: columns.time_opt()?,
        state: columns.word(ReadState::parse)?,
        last_failure: columns.json_opt()?,
    })
}

impl Store {
    /// Reads at `source` that may be asked at `now`, earliest first.
    pub async fn reads_due(
        &self,
        source: &SourceId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SourceRead>, Error> {
        let rows = self
            .db
            .query(READS_DUE.with([
                source.as_str().into(),
                now.into(),
                limit.into(),
                crate::due::horizon(now).into(),
            ]))
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// The wanted reads of one customer, earliest first.
    pub async fn reads_of(&self, customer: &CustomerId) -> Result<Vec<SourceRead>, Error> {
        self.db.query(load(customer)).await?.into_iter().map(read).collect()
    }
}
