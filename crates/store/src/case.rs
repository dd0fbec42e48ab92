//! Support cases: at most one open per customer, journey and kind, and the notes in them.

use crate::sql::{Script, Statement, statements};
use crate::value::{Row, Value};
use crate::word::words;
use crate::{Error, Store};
use frontdesk_core::case::{CaseKind, OpenCase, Reason};
use frontdesk_core::id::CustomerId;
use jiff::Timestamp;
use std::collections::BTreeMap;

words! {
    /// Whether a case's cause is still there.
    pub enum CaseState {
        /// It needs a person.
        Open = "open",
        /// Its cause is gone, or a person closed it.
        Closed = "closed",
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its number for people, as in `FD-2043`.
    pub number: u64,
    /// Whose.
    pub customer: CustomerId,
    /// The journey it belongs to.
    pub journey: String,
    /// Its kind.
    pub kind: CaseKind,
    /// Whether its cause is still there.
    pub state: CaseState,
    /// The cause.
    pub reason: Reason,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Why it was closed, in our words.
    pub closed_why: Option<String>,
}

/// One note in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseNote {
    /// Its place in the case, from 1.
    pub nth: i64,
    /// When.
    pub at: Timestamp,
    /// Who wrote it; `frontdesk` for our own.
    pub author: String,
    /// The text.
    pub body: String,
}

/// Which cases to list. `None` means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// In this state.
    pub state: Option<CaseState>,
    /// Of this kind.
    pub kind: Option<CaseKind>,
}

/// Closed cases of one customer that are looked through.
const CLOSED_MAX: u32 = 50;

statements! {
    /// Opens a case, or finds the one that is open already and gives it the newest reason.
    CASE_OPEN = "INSERT INTO support_case (customer_id, journey, kind, state, reason, opened_at) VALUES (?1, ?2, ?3, 'open', ?4, ?5) \
        ON CONFLICT (customer_id, journey, kind) WHERE state = 'open' DO UPDATE SET reason = excluded.reason RETURNING number";
    /// Adds a note; the numbers within a case have no gap.
    CASE_NOTE = "INSERT INTO case_note (case_number, nth, at, author, body) \
        SELECT number, (SELECT COUNT(*) + 1 FROM case_note WHERE case_number = ?1), ?2, ?3, ?4 FROM support_case WHERE number = ?1";
    /// Adds a note to the case that is open about something.
    CASE_FIRST_NOTE = "INSERT INTO case_note (case_number, nth, at, author, body) \
        SELECT number, (SELECT COUNT(*) + 1 FROM case_note WHERE case_number = support_case.number), ?4, ?5, ?6 FROM support_case \
        WHERE customer_id = ?1 AND journey = ?2 AND kind = ?3 AND state = 'open'";
    /// Closes a case that is open.
    CASE_CLOSE = "UPDATE support_case SET state = 'closed', closed_at = ?2, closed_why = ?3 WHERE number = ?1 AND state = 'open'";
    /// The open cases of one customer.
    CASES_OPEN = "SELECT number, journey, kind, opened_at FROM support_case WHERE customer_id = ?1 AND state = 'open' ORDER BY number";
    /// The closed cases of one customer, newest first.
    CASES_CLOSED = "SELECT number, customer_id, journey, kind, state, reason, opened_at, closed_at, closed_why FROM support_case \
        WHERE customer_id = ?1 AND state = 'closed' ORDER BY number DESC LIMIT ?2";
    /// One case.
    CASE = "SELECT number, customer_id, journey, kind, state, reason, opened_at, closed_at, closed_why FROM support_case WHERE number = ?1";
    /// The notes of one case.
    CASE_NOTES = "SELECT nth, at, author, body FROM case_note WHERE case_number = ?1 ORDER BY nth";
    /// How many cases are open, by kind.
    CASE_COUNTS = "SELECT kind, COUNT(*) FROM support_case WHERE state = 'open' GROUP BY kind ORDER BY kind";
    /// The newest case of a journey, whoever it is of.
    CASE_NEWEST = "SELECT number, customer_id, journey, kind, state, reason, opened_at, closed_at, closed_why FROM support_case \
        WHERE journey = ?1 ORDER BY number DESC LIMIT 1";
    /// A page of cases, newest first.
    CASE_LIST = "SELECT number, customer_id, journey, kind, state, reason, opened_at, closed_at, closed_why FROM support_case \
        WHERE number < ?1 AND (CAST(?2 AS TEXT) IS NULL OR state = ?2) AND (CAST(?3 AS TEXT) IS NULL OR kind = ?3) \
        ORDER BY number DESC LIMIT ?4";
}

/// A case's number as the databases hold it.
fn stored(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A case's number as people see it.
fn shown(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::Corrupt(format!("a case has the number {number}")))
}

/// Opens a case; see [`crate::Write::CaseOpen`].
pub(crate) fn open(
    customer: &CustomerId,
    journey: &str,
    kind: CaseKind,
    reason: &Reason,
    at: Timestamp,
) -> Statement {
    CASE_OPEN.with([
        customer.as_str().into(),
        journey.into(),
        kind.as_str().into(),
        Value::json(reason),
        at.into(),
    ])
}

/// The number that [`open`] gave.
pub(crate) fn opened(rows: Vec<Row>) -> Result<u64, Error> {
    rows.into_iter()
        .next()
        .map_or(Err(Error::Conflict { statement: CASE_OPEN.name }), |row| shown(row.columns().int()?))
}

/// Adds a note; see [`crate::Write::CaseNote`].
pub(crate) fn note(number: u64, at: Timestamp, author: &str, body: &str) -> Statement {
    CASE_NOTE.with([stored(number), at.into(), author.into(), body.into()]).expecting_one()
}

/// Adds a note to a case whose number is not known yet; see [`crate::Write::CaseOpen`].
pub(crate) fn first_note(
    customer: &CustomerId,
    journey: &str,
    kind: CaseKind,
    at: Timestamp,
    author: &str,
    body: &str,
) -> Statement {
    let (customer, kind) = (customer.as_str().into(), kind.as_str().into());
    CASE_FIRST_NOTE
        .with([customer, journey.into(), kind, at.into(), author.into(), body.into()])
        .expecting_one()
}

/// Closes a case; see [`crate::Write::CaseClose`].
pub(crate) fn close(number: u64, at: Timestamp, why: &str) -> Statement {
    CASE_CLOSE.with([stored(number), at.into(), why.into()]).expecting_one()
}

/// The open cases of one customer, for [`read_open`].
pub(crate) fn load_open(customer: &CustomerId) -> Statement {
    CASES_OPEN.with([customer.as_str().into()])
}

/// The newest closed cases of one customer, for [`read`].
pub(crate) fn load_closed(customer: &CustomerId) -> Statement {
    CASES_CLOSED.with([customer.as_str().into(), CLOSED_MAX.into()])
}

/// One case.
pub(crate) fn read(row: Row) -> Result<Case, Error> {
    let mut columns = row.columns();
    Ok(Case {
        number: shown(columns.int()?)?,
        customer: CustomerId::new(columns.text()?),
        journey: columns.text()?,
        kind: columns.word(CaseKind::parse)?,
        state: columns.word(CaseState::parse)?,
        reason: columns.json()?,
        opened_at: columns.time()?,
        closed_at: columns.time_opt()?,
        closed_why: columns.text_opt()?,
    })
}

/// One open case.
pub(crate) fn read_open(row: Row) -> Result<OpenCase, Error> {
    let mut columns = row.columns();
    Ok(OpenCase {
        number: shown(columns.int()?)?,
        journey: columns.text()?,
        kind: columns.word(CaseKind::parse)?,
        opened_at: columns.time()?,
    })
}

fn read_note(row: Row) -> Result<CaseNote, Error> {
    let mut columns = row.columns();
    Ok(CaseNote { nth: columns.int()?, at: columns.time()?, author: columns.text()?, body: columns.text()? })
}

impl Store {
    /// The open cases of one customer, by number.
    pub async fn open_cases(&self, customer: &CustomerId) -> Result<Vec<OpenCase>, Error> {
        self.db.query(load_open(customer)).await?.into_iter().map(read_open).collect()
    }

    /// One case with its notes.
    pub async fn case(&self, number: u64) -> Result<Option<(Case, Vec<CaseNote>)>, Error> {
        let script: Script = vec![CASE.with([stored(number)]), CASE_NOTES.with([stored(number)])];
        let mut answers = self.db.read(script).await?.into_iter();
        let (case, notes) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
        let Some(case) = case.into_iter().next().map(read).transpose()? else { return Ok(None) };
        Ok(Some((case, notes.into_iter().map(read_note).collect::<Result<_, _>>()?)))
    }

    /// The newest case of a journey, whoever it is of: a matter of several customers, such as a contested item, has a
    /// journey of its own.
    pub async fn newest_case(&self, journey: &str) -> Result<Option<Case>, Error> {
        let rows = self.db.query(CASE_NEWEST.with([journey.into()])).await?;
        rows.into_iter().next().map(read).transpose()
    }

    /// How many cases are open, by kind; a kind without one is left out.
    pub async fn case_counts(&self) -> Result<BTreeMap<CaseKind, i64>, Error> {
        let rows = self.db.query(CASE_COUNTS.with([])).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = row.columns();
                Ok((columns.word(CaseKind::parse)?, columns.int()?))
            })
            .collect()
    }

    /// A page of cases, newest first; `before` is the number of the last one of the page before.
    pub async fn cases(
        &self,
        filter: &CaseFilter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Case>, Error> {
        let statement = CASE_LIST.with([
            stored(before.unwrap_or(u64::MAX)),
            filter.state.into(),
            filter.kind.map(CaseKind::as_str).into(),
            limit.into(),
        ]);
        self.db.query(statement).await?.into_iter().map(read).collect()
    }
}
