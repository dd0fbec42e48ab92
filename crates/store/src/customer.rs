//! Customers: one row each, and the record that is loaded with it.

use crate::sql::{Statement, statements};
use crate::value::{Columns, Row, Value};
use crate::{Error, Store, identity};
use frontdesk_core::fact::{Fact, Key, Kind};
use frontdesk_core::id::{CustomerId, EntryId, SourceId};
use frontdesk_core::record::Record;
use frontdesk_core::stage::Stage;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One customer, without facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    /// The canonical id.
    pub id: CustomerId,
    /// Place in the journal of the entry that first needed the customer.
    pub first_seq: i64,
    /// That entry.
    pub first_entry: EntryId,
    /// The survivor, when this record turned out to be somebody else's. Set by
    /// [`crate::Write::Merge`] alone.
    pub merged_into: Option<CustomerId>,
    /// The revision that was read, 0 for a customer that does not exist yet. Writing the row makes
    /// it one higher, and is refused unless it is still this.
    pub revision: i64,
    /// Nothing person-like is known yet: facts merely wait here.
    pub is_provisional: bool,
    /// The last decision found some access.
    pub is_entitled: bool,
    /// When the decision may change by the clock alone.
    pub next_wake_at: Option<Timestamp>,
    /// The most urgent stage, as last decided.
    pub headline: Option<Stage>,
    /// What was last decided, as the engine wants to see it again: for before and after, for lists.
    pub summary: serde_json::Value,
    /// When the row was made. Kept from the first write.
    pub created_at: Timestamp,
    /// When it was last decided.
    pub updated_at: Timestamp,
}

/// One live customer with all that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Facts and ties.
    pub record: Record,
    /// The revision at which they were read.
    pub revision: i64,
    /// The row.
    pub row: CustomerRow,
}

statements! {
    /// A new customer.
    CUSTOMER_INSERT = "INSERT INTO customer (id, first_seq, first_entry, revision, is_provisional, is_entitled, next_wake_at, \
            headline, summary, created_at, updated_at) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    /// A customer decided anew, by whoever read the newest revision.
    CUSTOMER_UPDATE = "UPDATE customer SET first_seq = ?3, first_entry = ?4, revision = revision + 1, is_provisional = ?5, \
            is_entitled = ?6, next_wake_at = ?7, headline = ?8, summary = ?9, updated_at = ?10 \
        WHERE id = ?1 AND revision = ?2 AND merged_into IS NULL";
    /// Demands that nobody decided since. PostgreSQL locks the row, so that this stays true until
    /// the commit; SQLite has one writer.
    CUSTOMER_EXPECT = sqlite "SELECT 1 FROM customer WHERE id = ?1 AND revision = ?2 AND merged_into IS NULL",
        postgres "SELECT 1 FROM customer WHERE id = ?1 AND revision = ?2 AND merged_into IS NULL FOR UPDATE";
    /// Finds a customer that must not exist. Two who both find none meet at the primary key.
    CUSTOMER_NONE = "SELECT 1 FROM customer WHERE id = ?1";
    /// One customer, live or not.
    CUSTOMER_ROW = "SELECT id, first_seq, first_entry, merged_into, revision, is_provisional, is_entitled, next_wake_at, headline, \
            summary, created_at, updated_at FROM customer WHERE id = ?1";
    /// A page of live customers, optionally under one headline, by id.
    CUSTOMER_PAGE = "SELECT id, first_seq, first_entry, merged_into, revision, is_provisional, is_entitled, next_wake_at, headline, \
            summary, created_at, updated_at FROM customer \
        WHERE merged_into IS NULL AND id > ?1 AND (CAST(?2 AS TEXT) IS NULL OR headline = ?2) ORDER BY id LIMIT ?3";
    /// How many live customers have each headline.
    CUSTOMER_HEADLINES = "SELECT headline, COUNT(*) FROM customer WHERE merged_into IS NULL AND is_provisional = 0 GROUP BY headline";
    /// How many live customers have access.
    CUSTOMER_ENTITLED = "SELECT COUNT(*) FROM customer WHERE merged_into IS NULL AND is_entitled = 1";
    /// The facts of one customer.
    FACTS = "SELECT source, kind, id, body FROM fact WHERE customer_id = ?1";
    /// A fact as it is now known; it may have moved to another customer by a merge or split.
    FACT_PUT = "INSERT INTO fact (source, kind, id, customer_id, body) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (source, kind, id) DO UPDATE SET customer_id = excluded.customer_id, body = excluded.body";
    /// Whose fact it is.
    FACT_OWNER = "SELECT customer_id FROM fact WHERE source = ?1 AND kind = ?2 AND id = ?3";
}

/// Statements that write one customer; see [`crate::Write::Customer`].
pub(crate) fn put(row: &CustomerRow) -> Statement {
    let headline = row.headline.map(Stage::as_str);
    if row.revision == 0 {
        let params = [
            row.id.as_str().into(),
            row.first_seq.into(),
            row.first_entry.as_str().into(),
            row.is_provisional.into(),
            row.is_entitled.into(),
            row.next_wake_at.into(),
            headline.into(),
            Value::json(&row.summary),
            row.created_at.into(),
            row.updated_at.into(),
        ];
        return CUSTOMER_INSERT.with(params).expecting_one();
    }
    let params = [
        row.id.as_str().into(),
        row.revision.into(),
        row.first_seq.into(),
        row.first_entry.as_str().into(),
        row.is_provisional.into(),
        row.is_entitled.into(),
        row.next_wake_at.into(),
        headline.into(),
        Value::json(&row.summary),
        row.updated_at.into(),
    ];
    CUSTOMER_UPDATE.with(params).expecting_one()
}

/// Demands a revision; see [`crate::Expect::Revision`].
pub(crate) fn expect(customer: &CustomerId, revision: i64) -> Statement {
    CUSTOMER_EXPECT.with([customer.as_str().into(), revision.into()]).expecting_one()
}

/// Demands that there is no such customer; see [`crate::Expect::NoCustomer`].
pub(crate) fn expect_none(customer: &CustomerId) -> Statement {
    CUSTOMER_NONE.with([customer.as_str().into()]).expecting_none()
}

/// Writes one fact; see [`crate::Write::Fact`].
pub(crate) fn put_fact(key: &Key, customer: &CustomerId, fact: &Fact) -> Statement {
    FACT_PUT.with([
        key.source.as_str().into(),
        key.kind.as_str().into(),
        key.id.as_str().into(),
        customer.as_str().into(),
        Value::json(fact),
    ])
}

impl CustomerRow {
    pub(crate) fn read(row: Row) -> Result<Self, Error> {
        let mut columns = row.columns();
        Ok(Self {
            id: CustomerId::new(columns.text()?),
            first_seq: columns.int()?,
            first_entry: EntryId::new(columns.text()?),
            merged_into: columns.text_opt()?.map(CustomerId::new),
            revision: columns.int()?,
            is_provisional: columns.flag()?,
            is_entitled: columns.flag()?,
            next_wake_at: columns.time_opt()?,
            headline: columns.text_opt()?.as_deref().and_then(Stage::parse),
            summary: columns.json()?,
            created_at: columns.time()?,
            updated_at: columns.time()?,
        })
    }
}

fn read_key(columns: &mut Columns) -> Result<Key, Error> {
    Ok(Key { source: SourceId::new(columns.text()?), kind: columns.word(Kind::parse)?, id: columns.text()? })
}

fn read_fact(row: Row) -> Result<(Key, Fact), Error> {
    let mut columns = row.columns();
    Ok((read_key(&mut columns)?, columns.json()?))
}

/// How many statements [`load`] needs for one customer.
pub(crate) const STATEMENTS_PER_RECORD: usize = 3;

/// The statements that load one record.
pub(crate) fn load(customer: &CustomerId) -> [Statement; STATEMENTS_PER_RECORD] {
    let id = || [Value::from(customer.as_str())];
    [CUSTOMER_ROW.with(id()), FACTS.with(id()), identity::TIES_OF.with(id())]
}

/// What the answers to [`load`] say; `None` for a customer who does not exist or was merged away.
pub(crate) fn loaded(answers: &[Vec<Row>]) -> Result<Option<Loaded>, Error> {
    let [row, facts, ties] = answers else {
        return Err(Error::Corrupt("a record was read in part".to_owned()));
    };
    let Some(row) = row.first().cloned().map(CustomerRow::read).transpose()? else { return Ok(None) };
    if row.merged_into.is_some() {
        return Ok(None);
    }
    let facts = facts.iter().cloned().map(read_fact).collect::<Result<BTreeMap<_, _>, _>>()?;
    let ties = ties.iter().cloned().map(identity::read_tie).collect::<Result<_, _>>()?;
    let record = Record { id: row.id.clone(), first_seq: row.first_seq, facts, ties };
    Ok(Some(Loaded { record, revision: row.revision, row }))
}

impl Store {
    /// The live records among `customers`, all as of one instant, in the order asked for. Who does
    /// not exist or was merged into another is left out.
    pub async fn records(&self, customers: &[CustomerId]) -> Result<Vec<Loaded>, Error> {
        let answers = self.db.read(customers.iter().flat_map(load).collect()).await?;
        answers.chunks(STATEMENTS_PER_RECORD).filter_map(|answers| loaded(answers).transpose()).collect()
    }

    /// One customer, live or not, without facts.
    pub async fn customer(&self, customer: &CustomerId) -> Result<Option<CustomerRow>, Error> {
        let rows = self.db.query(CUSTOMER_ROW.with([customer.as_str().into()])).await?;
        rows.into_iter().next().map(CustomerRow::read).transpose()
    }

    /// A page of live customers by id, optionally under one headline; `after` is the last of the
    /// page before.
    pub async fn customers(
        &self,
        headline: Option<Stage>,
        after: Option<&CustomerId>,
        limit: u32,
    ) -> Result<Vec<CustomerRow>, Error> {
        let after = after.map_or("", CustomerId::as_str);
        let statement = CUSTOMER_PAGE.with([after.into(), headline.map(Stage::as_str).into(), limit.into()]);
        self.db.query(statement).await?.into_iter().map(CustomerRow::read).collect()
    }

    /// How many live, not provisional customers have each headline; those without one are left out.
    pub async fn headlines(&self) -> Result<BTreeMap<Stage, i64>, Error> {
        let mut counts = BTreeMap::new();
        for row in self.db.query(CUSTOMER_HEADLINES.with([])).await? {
            let mut columns = row.columns();
            if let Some(stage) = columns.text_opt()?.as_deref().and_then(Stage::parse) {
                counts.insert(stage, columns.int()?);
            }
        }
        Ok(counts)
    }

    /// How many live customers had any access when last decided: the base of the brake's share.
    pub async fn entitled_count(&self) -> Result<i64, Error> {
        let rows = self.db.query(CUSTOMER_ENTITLED.with([])).await?;
        rows.into_iter().next().map_or(Ok(0), |row| row.columns().int())
    }

    /// The customer to whom an object's fact belongs.
    pub async fn fact_owner(&self, key: &Key) -> Result<Option<CustomerId>, Error> {
        let params = [key.source.as_str().into(), key.kind.as_str().into(), key.id.as_str().into()];
        let rows = self.db.query(FACT_OWNER.with(params)).await?;
        rows.into_iter().next().map(|row| Ok(CustomerId::new(row.columns().text()?))).transpose()
    }
}
