//! The journal: everything that was told, stored as received before it is acknowledged.

use crate::sql::{Answers, Script, Statement, statements};
use crate::value::{Columns, Row, Value};
use crate::word::words;
use crate::{Error, Store};
use frontdesk_core::id::{CustomerId, EntryId, SourceId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

words! {
    /// What sort of entry.
    pub enum EntryKind {
        /// A source told us, by webhook or in a list.
        Event = "event",
        /// A source answered when asked.
        Read = "read",
        /// A version of the catalogue came into force.
        Catalogue = "catalogue",
        /// A person did something.
        Operator = "operator",
        /// A row of an import.
        Import = "import",
    }
}

words! {
    /// How an entry ended, or that it has not (RELIABILITY I6: exactly one of these).
    pub enum EntryState {
        /// Waits to be applied.
        Pending = "pending",
        /// Applied, and it changed something.
        Effect = "effect",
        /// Applied, and it changed nothing, with the reason.
        NoEffect = "no_effect",
        /// Could not be applied, with the reason.
        Failed = "failed",
        /// Could not be read, or contradicts an earlier entry of the same key.
        Quarantined = "quarantined",
    }
}

/// An entry that is about to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Our id of it.
    pub id: EntryId,
    /// The source account that sent it.
    pub source: SourceId,
    /// The source's own id of the event; a second delivery has the same.
    pub event_key: String,
    /// What sort.
    pub kind: EntryKind,
    /// The source's type of the event, such as `checkout.session.completed`.
    pub event_type: String,
    /// The object that it is about.
    pub object_id: Option<String>,
    /// The source's own time of the event (`created`).
    pub object_created_at: Option<Timestamp>,
    /// Whether it is about real money; `None` where the source does not say.
    pub livemode: Option<bool>,
    /// The source's version of the body's shape.
    pub api_version: Option<String>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The id (never the value) of the secret that proved it authentic.
    pub verified_by: Option<String>,
    /// JSON: the headers needed to verify the signature again.
    pub headers: String,
    /// The exact bytes that arrived.
    pub body: Vec<u8>,
    /// `Pending` for what is to be applied, else how it ended on arrival.
    pub state: EntryState,
    /// Why it ended on arrival.
    pub reason: Option<String>,
}

/// What became of an entry that was handed in. Each answer is given after a commit (I2, I3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is new.
    New {
        /// Its place in the journal.
        seq: i64,
    },
    /// It was delivered before; the delivery was counted.
    Duplicate {
        /// The entry of the first delivery.
        id: EntryId,
        /// How many deliveries there were, this one included.
        deliveries: i64,
    },
    /// Another entry has its key with another type, time, mode or object: it is kept, quarantined,
    /// under `<key>#conflict:<first 8 hex digits of the body's SHA-256>`.
    Contradiction {
        /// The quarantined entry.
        id: EntryId,
        /// How often this very contradiction was delivered, this time included.
        deliveries: i64,
    },
}

/// Stands between the key of the first event and the hash of another one under the same id.
const CONTRADICTION: &str = "#conflict:";

/// One entry without its headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// Our id of it.
    pub id: EntryId,
    /// The source account that sent it.
    pub source: SourceId,
    /// The source's own id of the event.
    pub event_key: String,
    /// What sort.
    pub kind: EntryKind,
    /// The source's type of the event.
    pub event_type: String,
    /// The object that it is about.
    pub object_id: Option<String>,
    /// The source's own time of the event.
    pub object_created_at: Option<Timestamp>,
    /// Whether it is about real money.
    pub livemode: Option<bool>,
    /// The source's version of the body's shape.
    pub api_version: Option<String>,
    /// When it first arrived.
    pub received_at: Timestamp,
    /// The id of the secret that proved it authentic.
    pub verified_by: Option<String>,
    /// SHA-256 of the body, hex.
    pub body_sha256: String,
    /// How it ended, or that it has not.
    pub state: EntryState,
    /// Why.
    pub reason: Option<String>,
    /// How often applying it was tried.
    pub tries: u32,
    /// Not to be applied before this instant.
    pub next_try_at: Option<Timestamp>,
    /// How often it was delivered.
    pub deliveries: i64,
    /// When it was last delivered.
    pub last_seen_at: Timestamp,
    /// Its place in the order of applying.
    pub applied_seq: Option<i64>,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
    /// The customer whom it turned out to be about.
    pub customer: Option<CustomerId>,
}

/// One entry as stored, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Everything else.
    pub entry: Entry,
    /// JSON: the headers needed to verify the signature again.
    pub headers: String,
    /// The exact bytes that arrived.
    pub body: Vec<u8>,
}

/// Which entries to list. `None` means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// In this state.
    pub state: Option<EntryState>,
    /// From this source.
    pub source: Option<SourceId>,
    /// About this customer.
    pub customer: Option<CustomerId>,
    /// About this object.
    pub object_id: Option<String>,
}

/// How many entries are in each state. Their sum is `rows` (I6), or something is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Waiting to be applied.
    pub pending: i64,
    /// Applied with effect.
    pub effect: i64,
    /// Applied without effect.
    pub no_effect: i64,
    /// Failed.
    pub failed: i64,
    /// Quarantined.
    pub quarantined: i64,
    /// All rows, counted apart from the states.
    pub rows: i64,
    /// When the oldest waiting entry arrived.
    pub pending_since: Option<Timestamp>,
}

impl Balance {
    /// Whether every entry is in exactly one state.
    pub const fn holds(&self) -> bool {
        self.pending + self.effect + self.no_effect + self.failed + self.quarantined == self.rows
    }
}

statements! {
    /// A second delivery of one event is counted in a write of its own, so that its answer is as
    /// durable as the first's (I3). Gives no row back when the key is held by another event.
    JOURNAL_INSERT = "INSERT INTO journal (id, source, event_key, kind, type, object_id, object_created_at, livemode, \
            api_version, received_at, verified_by, headers, body, body_sha256, state, reason, tries, deliveries, last_seen_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0, 1, ?10) \
        ON CONFLICT (source, event_key) DO UPDATE SET deliveries = journal.deliveries + 1, \
            last_seen_at = CASE WHEN excluded.last_seen_at > journal.last_seen_at THEN excluded.last_seen_at ELSE journal.last_seen_at END \
        WHERE journal.type = excluded.type AND journal.livemode IS NOT DISTINCT FROM excluded.livemode \
            AND journal.object_created_at IS NOT DISTINCT FROM excluded.object_created_at \
            AND journal.object_id IS NOT DISTINCT FROM excluded.object_id \
        RETURNING seq, id, deliveries";
    /// Keeps an event whose key is held by another one; does nothing otherwise.
    JOURNAL_CONTRADICTION = "INSERT INTO journal (id, source, event_key, kind, type, object_id, object_created_at, livemode, \
            api_version, received_at, verified_by, headers, body, body_sha256, state, reason, tries, deliveries, last_seen_at) \
        SELECT ?1, ?2, ?15, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'quarantined', ?16, 0, 1, ?10 \
        WHERE EXISTS (SELECT 1 FROM journal AS held WHERE held.source = ?2 AND held.event_key = ?3 \
            AND NOT (held.type = ?5 AND held.livemode IS NOT DISTINCT FROM ?8 \
                AND held.object_created_at IS NOT DISTINCT FROM ?7 AND held.object_id IS NOT DISTINCT FROM ?6)) \
        ON CONFLICT (source, event_key) DO UPDATE SET deliveries = journal.deliveries + 1, \
            last_seen_at = CASE WHEN excluded.last_seen_at > journal.last_seen_at THEN excluded.last_seen_at ELSE journal.last_seen_at END \
        RETURNING seq, id, deliveries";
    /// Ends an entry once; a second end is a conflict. The order of applying follows the order of
    /// commits: SQLite has one writer, PostgreSQL has taken the customers' row locks by then.
    JOURNAL_END = sqlite "UPDATE journal SET state = ?2, reason = ?3, customer_id = ?4, applied_at = ?5, next_try_at = NULL, \
            applied_seq = COALESCE(applied_seq, (SELECT COALESCE(MAX(applied_seq), 0) + 1 FROM journal)) WHERE id = ?1 AND state = 'pending'",
        postgres "UPDATE journal SET state = ?2, reason = ?3, customer_id = ?4, applied_at = ?5, next_try_at = NULL, \
            applied_seq = COALESCE(applied_seq, nextval('journal_applied_seq')) WHERE id = ?1 AND state = 'pending'";
    /// Puts an entry off.
    JOURNAL_RETRY = "UPDATE journal SET tries = ?2, next_try_at = ?3, reason = ?4 WHERE id = ?1 AND state = 'pending'";
    /// Lets an entry that has ended be applied again. What was learnt from it keeps its place in the order, so that
    /// a rebuild still finds the same entry to be the first that needed a customer.
    JOURNAL_REPLAY = "UPDATE journal SET state = 'pending', reason = NULL, tries = 0, next_try_at = NULL, applied_at = NULL, \
            applied_seq = CASE WHEN state IN ('effect', 'no_effect') THEN applied_seq END WHERE id = ?1 AND state <> 'pending'";
    /// Holds an entry in a state while a decision about it is committed. PostgreSQL locks the row,
    /// so that no other node ends it meanwhile; SQLite has one writer.
    JOURNAL_EXPECT = sqlite "SELECT 1 FROM journal WHERE id = ?1 AND state = ?2",
        postgres "SELECT 1 FROM journal WHERE id = ?1 AND state = ?2 FOR UPDATE";
    /// What waits and may be applied, oldest first.
    JOURNAL_PENDING = "SELECT seq, id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, \
            received_at, verified_by, body_sha256, state, reason, tries, next_try_at, deliveries, last_seen_at, applied_seq, \
            applied_at, customer_id, headers, body \
        FROM journal WHERE state = 'pending' AND (next_try_at IS NULL OR next_try_at <= ?1 OR next_try_at > ?3) ORDER BY seq LIMIT ?2";
    /// One entry.
    JOURNAL_ENTRY = "SELECT seq, id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, \
            received_at, verified_by, body_sha256, state, reason, tries, next_try_at, deliveries, last_seen_at, applied_seq, \
            applied_at, customer_id, headers, body \
        FROM journal WHERE id = ?1";
    /// One entry, by its key at the source.
    JOURNAL_BY_KEY = "SELECT seq, id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, \
            received_at, verified_by, body_sha256, state, reason, tries, next_try_at, deliveries, last_seen_at, applied_seq, \
            applied_at, customer_id \
        FROM journal WHERE source = ?1 AND event_key = ?2";
    /// A page of entries, newest first.
    JOURNAL_LIST = "SELECT seq, id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, \
            received_at, verified_by, body_sha256, state, reason, tries, next_try_at, deliveries, last_seen_at, applied_seq, \
            applied_at, customer_id \
        FROM journal WHERE seq < ?1 AND (CAST(?2 AS TEXT) IS NULL OR state = ?2) AND (CAST(?3 AS TEXT) IS NULL OR source = ?3) \
            AND (CAST(?4 AS TEXT) IS NULL OR customer_id = ?4) AND (CAST(?5 AS TEXT) IS NULL OR object_id = ?5) \
        ORDER BY seq DESC LIMIT ?6";
    /// A page of applied entries in the order in which they were applied.
    JOURNAL_REPLAY_PAGE = "SELECT seq, id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, \
            received_at, verified_by, body_sha256, state, reason, tries, next_try_at, deliveries, last_seen_at, applied_seq, \
            applied_at, customer_id, headers, body \
        FROM journal WHERE applied_seq > ?1 ORDER BY applied_seq LIMIT ?2";
    /// How many entries are in each state, and since when the oldest is there.
    JOURNAL_BALANCE = "SELECT state, COUNT(*), MIN(received_at) FROM journal GROUP BY state";
    /// All entries.
    JOURNAL_ROWS = "SELECT COUNT(*) FROM journal";
}

impl NewEntry {
    /// The parameters of `JOURNAL_INSERT`.
    fn params(&self, sha256: &str) -> [Value; 16] {
        [
            self.id.as_str().into(),
            self.source.as_str().into(),
            self.event_key.as_str().into(),
            self.kind.into(),
            self.event_type.as_str().into(),
            self.object_id.as_deref().into(),
            self.object_created_at.into(),
            self.livemode.into(),
            self.api_version.as_deref().into(),
            self.received_at.into(),
            self.verified_by.as_deref().into(),
            self.headers.as_str().into(),
            self.body.clone().into(),
            sha256.into(),
            self.state.into(),
            self.reason.as_deref().into(),
        ]
    }

    /// SHA-256 of the body, hex.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.body))
    }

    /// The two statements that take an entry in, whatever of the three things it is.
    pub(crate) fn script(&self) -> Script {
        let sha256 = self.sha256();
        let mut kept = self.params(&sha256);
        kept[14] = format!("{}{CONTRADICTION}{}", self.event_key, &sha256[..8]).into();
        kept[15] = "the source sent another event under this id before".into();
        vec![JOURNAL_INSERT.with(self.params(&sha256)), JOURNAL_CONTRADICTION.with(kept)]
    }

    /// What the answers to [`NewEntry::script`], run by itself, say.
    pub(crate) fn inserted_from(&self, answers: Answers) -> Result<Inserted, Error> {
        let mut answers = answers.into_iter();
        self.inserted(answers.next().unwrap_or_default(), answers.next().unwrap_or_default())
    }

    /// What the answers to [`NewEntry::script`] say.
    pub(crate) fn inserted(&self, insert: Vec<Row>, contradiction: Vec<Row>) -> Result<Inserted, Error> {
        let read = |row: Row| {
            let mut columns = row.columns();
            Ok::<_, Error>((columns.int()?, EntryId::new(columns.text()?), columns.int()?))
        };
        if let Some(row) = insert.into_iter().next() {
            let (seq, id, deliveries) = read(row)?;
            let is_new = id == self.id && deliveries == 1;
            return Ok(if is_new { Inserted::New { seq } } else { Inserted::Duplicate { id, deliveries } });
        }
        let row =
            contradiction.into_iter().next().ok_or(Error::Conflict { statement: JOURNAL_INSERT.name })?;
        let (_, id, deliveries) = read(row)?;
        Ok(Inserted::Contradiction { id, deliveries })
    }
}

impl Entry {
    /// Whether it is the second of two different events under one id ([`Inserted::Contradiction`]).
    #[must_use]
    pub fn is_contradiction(&self) -> bool {
        self.event_key.contains(CONTRADICTION)
    }

    fn read(columns: &mut Columns) -> Result<Self, Error> {
        Ok(Self {
            seq: columns.int()?,
            id: EntryId::new(columns.text()?),
            source: SourceId::new(columns.text()?),
            event_key: columns.text()?,
            kind: columns.word(EntryKind::parse)?,
            event_type: columns.text()?,
            object_id: columns.text_opt()?,
            object_created_at: columns.time_opt()?,
            livemode: columns.flag_opt()?,
            api_version: columns.text_opt()?,
            received_at: columns.time()?,
            verified_by: columns.text_opt()?,
            body_sha256: columns.text()?,
            state: columns.word(EntryState::parse)?,
            reason: columns.text_opt()?,
            tries: columns.count()?,
            next_try_at: columns.time_opt()?,
            deliveries: columns.int()?,
            last_seen_at: columns.time()?,
            applied_seq: columns.int_opt()?,
            applied_at: columns.time_opt()?,
            customer: columns.text_opt()?.map(CustomerId::new),
        })
    }
}

impl StoredEntry {
    fn read(row: Row) -> Result<Self, Error> {
        let mut columns = row.columns();
        Ok(Self { entry: Entry::read(&mut columns)?, headers: columns.text()?, body: columns.bytes()? })
    }
}

/// Ends an entry; see [`crate::Write::JournalEnd`].
pub(crate) fn end(
    id: &EntryId,
    state: EntryState,
    reason: Option<&str>,
    customer: Option<&CustomerId>,
    at: Timestamp,
) -> Statement {
    assert!(state != EntryState::Pending, "an entry cannot end as waiting");
    JOURNAL_END
        .with([
            id.as_str().into(),
            state.into(),
            reason.into(),
            customer.map(CustomerId::as_str).into(),
            at.into(),
        ])
        .expecting_one()
}

/// Puts an entry off; see [`crate::Write::JournalRetry`].
pub(crate) fn retry(id: &EntryId, tries: u32, next_try_at: Timestamp, reason: &str) -> Statement {
    JOURNAL_RETRY.with([id.as_str().into(), tries.into(), next_try_at.into(), reason.into()]).expecting_one()
}

/// Opens an ended entry again; see [`crate::Write::JournalReplay`].
pub(crate) fn replay(id: &EntryId) -> Statement {
    JOURNAL_REPLAY.with([id.as_str().into()]).expecting_one()
}

/// Demands a state; see [`crate::Expect::JournalState`].
pub(crate) fn expect(id: &EntryId, state: EntryState) -> Statement {
    JOURNAL_EXPECT.with([id.as_str().into(), state.into()]).expecting_one()
}

impl Store {
    /// Makes one entry durable, ahead of every other kind of write, and says what it was. Nothing
    /// is answered before the commit (I2); a duplicate is counted in a committed write (I3).
    pub async fn journal_insert(&self, entry: NewEntry) -> Result<Inserted, Error> {
        self.db.ingest(entry).await
    }

    /// Entries that may be applied at `now`, oldest first.
    pub async fn pending(&self, limit: u32, now: Timestamp) -> Result<Vec<StoredEntry>, Error> {
        let rows = self
            .db
            .query(JOURNAL_PENDING.with([now.into(), limit.into(), crate::due::horizon(now).into()]))
            .await?;
        rows.into_iter().map(StoredEntry::read).collect()
    }

    /// One entry with its bytes.
    pub async fn journal_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, Error> {
        let rows = self.db.query(JOURNAL_ENTRY.with([id.as_str().into()])).await?;
        rows.into_iter().next().map(StoredEntry::read).transpose()
    }

    /// One entry by the source's own id of the event.
    pub async fn journal_by_key(&self, source: &SourceId, event_key: &str) -> Result<Option<Entry>, Error> {
        let rows = self.db.query(JOURNAL_BY_KEY.with([source.as_str().into(), event_key.into()])).await?;
        rows.into_iter().next().map(|row| Entry::read(&mut row.columns())).transpose()
    }

    /// A page of entries, newest first; `before` is the `seq` of the last one of the page before.
    pub async fn journal_list(
        &self,
        filter: &EntryFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Entry>, Error> {
        let statement = JOURNAL_LIST.with([
            before.unwrap_or(i64::MAX).into(),
            filter.state.into(),
            filter.source.as_ref().map(SourceId::as_str).into(),
            filter.customer.as_ref().map(CustomerId::as_str).into(),
            filter.object_id.as_deref().into(),
            limit.into(),
        ]);
        let rows = self.db.query(statement).await?;
        rows.into_iter().map(|row| Entry::read(&mut row.columns())).collect()
    }

    /// A page of applied entries in the order in which they were applied: what a rebuild follows.
    /// `after` is the `applied_seq` of the last one of the page before, 0 for the first page.
    pub async fn replay_journal(&self, after: i64, limit: u32) -> Result<Vec<StoredEntry>, Error> {
        let rows = self.db.query(JOURNAL_REPLAY_PAGE.with([after.into(), limit.into()])).await?;
        rows.into_iter().map(StoredEntry::read).collect()
    }

    /// How many entries are in each state, as of one instant.
    pub async fn balance(&self) -> Result<Balance, Error> {
        let mut answers =
            self.db.read(vec![JOURNAL_BALANCE.with([]), JOURNAL_ROWS.with([])]).await?.into_iter();
        let (states, rows) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
        let mut balance = Balance::default();
        for row in states {
            let mut columns = row.columns();
            let (state, count) = (columns.word(EntryState::parse)?, columns.int()?);
            match state {
                EntryState::Pending => {
                    (balance.pending, balance.pending_since) = (count, columns.time_opt()?);
                }
                EntryState::Effect => balance.effect = count,
                EntryState::NoEffect => balance.no_effect = count,
                EntryState::Failed => balance.failed = count,
                EntryState::Quarantined => balance.quarantined = count,
            }
        }
        for row in rows {
            balance.rows = row.columns().int()?;
        }
        Ok(balance)
    }
}
