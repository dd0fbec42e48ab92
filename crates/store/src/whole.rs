//! One customer as a whole: everything that a decision rests on, read as of one instant.

use crate::customer::{self, Loaded};
use crate::sql::{Script, Statement};
use crate::value::Row;
use crate::{Case, Error, SourceRead, Store, case, source_read, sync};
use frontdesk_core::case::OpenCase;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::Target;
use std::collections::BTreeMap;

/// A live customer with the record and everything that stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The record and its row.
    pub loaded: Loaded,
    /// The sync rows, by target.
    pub syncs: BTreeMap<Target, Sync>,
    /// The open cases, by number.
    pub open_cases: Vec<OpenCase>,
    /// The last fifty closed cases, newest first.
    pub closed_cases: Vec<Case>,
    /// The wanted reads, earliest first.
    pub reads: Vec<SourceRead>,
}

/// How many statements [`load`] needs for one customer.
const STATEMENTS: usize = customer::STATEMENTS_PER_RECORD + 4;

/// The statements that load one customer: the record's first.
fn load(customer: &CustomerId) -> impl Iterator<Item = Statement> + use<> {
    let beside = [
        sync::load(customer),
        case::load_open(customer),
        case::load_closed(customer),
        source_read::load(customer),
    ];
    customer::load(customer).into_iter().chain(beside)
}

/// What the answers to [`load`] say; `None` for a customer who does not exist or was merged away.
fn read(answers: &mut [Vec<Row>]) -> Result<Option<Whole>, Error> {
    let (record, beside) = answers.split_at_mut(customer::STATEMENTS_PER_RECORD);
    let [syncs, open_cases, closed_cases, reads] = beside else {
        return Err(Error::Corrupt("a customer was read in part".to_owned()));
    };
    let Some(loaded) = customer::loaded(record)? else { return Ok(None) };
    let taken = std::mem::take::<Vec<Row>>;
    Ok(Some(Whole {
        loaded,
        syncs: sync::by_target(taken(syncs))?,
        open_cases: taken(open_cases).into_iter().map(case::read_open).collect::<Result<_, _>>()?,
        closed_cases: taken(closed_cases).into_iter().map(case::read).collect::<Result<_, _>>()?,
        reads: taken(reads).into_iter().map(source_read::read).collect::<Result<_, _>>()?,
    }))
}

impl Store {
    /// The live customers among `customers` with everything beside their records, all as of one instant, in the order
    /// asked for. Who does not exist or was merged into another is left out.
    pub async fn whole(&self, customers: &[CustomerId]) -> Result<Vec<Whole>, Error> {
        let script: Script = customers.iter().flat_map(load).collect();
        let mut answers = self.db.read(script).await?;
        answers.chunks_mut(STATEMENTS).filter_map(|answers| read(answers).transpose()).collect()
    }
}
