//! What sweeps found, and the pages of a sweep that is under way.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use frontdesk_core::email::Email;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{FindingKind, List, Listed};
use frontdesk_core::target::{Item, Target};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One thing that a sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub target: Target,
    /// What.
    pub kind: FindingKind,
    /// The managed item; `None`: the person as a whole.
    pub item: Option<Item>,
    /// The target's own id of the person, if known.
    pub member: Option<u64>,
    /// The customer, where a record leads there.
    pub customer: Option<CustomerId>,
    /// The address there, where the list tells it.
    pub address: Option<Email>,
    /// When the sweep that found it first began.
    pub first_at: Timestamp,
    /// When the sweep that found it last began.
    pub last_at: Timestamp,
    /// How many sweeps found it.
    pub times: u32,
    /// When it was settled: the first sweep that no longer found it. `None`: it still stands.
    pub closed_at: Option<Timestamp>,
}

/// How often findings of one target and kind were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingCount {
    /// How many stand.
    pub open: i64,
    /// How often any was found, over all sweeps.
    pub times: i64,
}

statements! {
    /// A finding. The same one in the same sweep changes nothing; in a later sweep it counts again.
    FINDING_PUT = "INSERT INTO finding (target, kind, item, member_id, customer_id, address, first_at, last_at, times, closed_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1, NULL) \
        ON CONFLICT (target, kind, item, member_id) DO UPDATE SET customer_id = excluded.customer_id, \
            address = COALESCE(excluded.address, finding.address), \
            times = finding.times + CASE WHEN finding.last_at = excluded.last_at THEN 0 ELSE 1 END, \
            last_at = excluded.last_at, closed_at = NULL";
    /// Settles what a whole sweep, which began at `?2`, found no more.
    FINDINGS_CLOSE = "UPDATE finding SET closed_at = ?2 WHERE target = ?1 AND closed_at IS NULL AND last_at < ?2";
    /// The newest findings, those that stand or all.
    FINDINGS = "SELECT target, kind, item, member_id, customer_id, address, first_at, last_at, times, closed_at FROM finding \
        WHERE (CAST(?1 AS TEXT) IS NULL OR target = ?1) AND (CAST(?2 AS TEXT) IS NULL OR kind = ?2) AND (CAST(?3 AS BIGINT) = 1 OR closed_at IS NULL) \
        ORDER BY last_at DESC, target, kind, item, member_id LIMIT ?4";
    /// How often findings of each kind were made.
    FINDING_COUNTS = "SELECT target, kind, CAST(SUM(CASE WHEN closed_at IS NULL THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(times) AS BIGINT) \
        FROM finding GROUP BY target, kind";
    /// One page of the sweep under way.
    SWEEP_PAGE_PUT = "INSERT INTO sweep_page (target, nth, list, entries) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (target, nth) DO UPDATE SET list = excluded.list, entries = excluded.entries";
    /// The pages of the sweep under way, in order.
    SWEEP_PAGES = "SELECT list, entries FROM sweep_page WHERE target = ?1 ORDER BY nth";
    /// Forgets the pages.
    SWEEP_PAGES_CLEAR = "DELETE FROM sweep_page WHERE target = ?1";
}

/// Writes one finding; see [`crate::Write::Finding`].
pub(crate) fn put(finding: &Finding) -> Statement {
    FINDING_PUT.with([
        finding.target.as_str().into(),
        finding.kind.as_str().into(),
        finding.item.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        finding.member.map(|id| id.to_string()).unwrap_or_default().into(),
        finding.customer.as_ref().map(|customer| customer.as_str().to_owned()).into(),
        finding.address.as_ref().map(|address| address.as_str().to_owned()).into(),
        finding.last_at.into(),
    ])
}

/// Settles what was found no more; see [`crate::Write::FindingsClose`].
pub(crate) fn close(target: Target, began_at: Timestamp) -> Statement {
    FINDINGS_CLOSE.with([target.as_str().into(), began_at.into()])
}

/// Keeps one page; see [`crate::Write::SweepPage`].
pub(crate) fn put_page(target: Target, nth: u32, list: &List, entries: &[Listed]) -> Statement {
    let list = list.to_string();
    SWEEP_PAGE_PUT.with([target.as_str().into(), nth.into(), list.into(), Value::json(&entries)])
}

/// Forgets the pages; see [`crate::Write::SweepPagesClear`].
pub(crate) fn clear_pages(target: Target) -> Statement {
    SWEEP_PAGES_CLEAR.with([target.as_str().into()])
}

fn read(row: Row) -> Result<Finding, Error> {
    let mut columns = row.columns();
    Ok(Finding {
        target: columns.word(Target::parse)?,
        kind: columns.word(FindingKind::parse)?,
        item: match columns.text()? {
            none if none.is_empty() => None,
            item => Some(Item::try_from(item).map_err(Error::Corrupt)?),
        },
        member: match columns.text()? {
            none if none.is_empty() => None,
            id => Some(id.parse().map_err(|_| Error::Corrupt(format!("`{id}` is no member id")))?),
        },
        customer: columns.text_opt()?.map(CustomerId::new),
        address: columns.text_opt()?.as_deref().and_then(Email::parse),
        first_at: columns.time()?,
        last_at: columns.time()?,
        times: columns.count()?,
        closed_at: columns.time_opt()?,
    })
}

impl Store {
    /// The newest findings: those that stand, or all. `None` means every target or kind.
    pub async fn findings(
        &self,
        target: Option<Target>,
        kind: Option<FindingKind>,
        settled_too: bool,
        limit: u32,
    ) -> Result<Vec<Finding>, Error> {
        let statement = FINDINGS.with([
            target.map(Target::as_str).into(),
            kind.map(FindingKind::as_str).into(),
            settled_too.into(),
            limit.into(),
        ]);
        self.db.query(statement).await?.into_iter().map(read).collect()
    }

    /// How often findings were made, by target and kind.
    pub async fn finding_counts(&self) -> Result<BTreeMap<(Target, FindingKind), FindingCount>, Error> {
        let rows = self.db.query(FINDING_COUNTS.with([])).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = row.columns();
                let key = (columns.word(Target::parse)?, columns.word(FindingKind::parse)?);
                Ok((key, FindingCount { open: columns.int()?, times: columns.int()? }))
            })
            .collect()
    }

    /// The pages that the sweep under way has read, in order.
    pub async fn sweep_pages(&self, target: Target) -> Result<Vec<(List, Vec<Listed>)>, Error> {
        let rows = self.db.query(SWEEP_PAGES.with([target.as_str().into()])).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = row.columns();
                let list = List::try_from(columns.text()?).map_err(Error::Corrupt)?;
                Ok((list, columns.json()?))
            })
            .collect()
    }
}
