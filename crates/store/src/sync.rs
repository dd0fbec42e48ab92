//! Syncs: the one row per customer and target that drives reconciliation.

use crate::sql::{Script, Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use frontdesk_core::id::CustomerId;
use frontdesk_core::overdue::Owed;
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::{Holder, Target};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Which syncs to list. `None` means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncFilter {
    /// In this target.
    pub target: Option<Target>,
    /// In this state, by its word.
    pub state: Option<String>,
    /// Behind this brake.
    pub brake: Option<String>,
    /// Owing a removal that is overdue at this instant.
    pub overdue_at: Option<Timestamp>,
}

/// Removals that are past their time at one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// How many rows owe one.
    pub rows: u32,
    /// Since when the first of them could have been made.
    pub since: Option<Timestamp>,
}

statements! {
    /// A row as it is now known.
    SYNC_PUT = "INSERT INTO sync (customer_id, target, generation, applied_generation, desired_hash, observed, state, hold, brake, \
            standing, attempts, failing_since, next_attempt_at, last_failure, applied_at, due_since, look_wanted_at, brake_released, \
            removal_since, removal_overdue_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
        ON CONFLICT (customer_id, target) DO UPDATE SET generation = excluded.generation, \
            applied_generation = excluded.applied_generation, desired_hash = excluded.desired_hash, observed = excluded.observed, \
            state = excluded.state, hold = excluded.hold, brake = excluded.brake, standing = excluded.standing, \
            attempts = excluded.attempts, failing_since = excluded.failing_since, next_attempt_at = excluded.next_attempt_at, \
            last_failure = excluded.last_failure, applied_at = excluded.applied_at, due_since = excluded.due_since, \
            look_wanted_at = excluded.look_wanted_at, brake_released = excluded.brake_released, \
            removal_since = excluded.removal_since, removal_overdue_at = excluded.removal_overdue_at";
    /// Forgets where the target knows the people of a row, before they are written anew.
    SYNC_PERSON_CLEAR = "DELETE FROM sync_person WHERE customer_id = ?1 AND target = ?2";
    /// Where the target knows one person of a row.
    SYNC_PERSON_PUT = "INSERT INTO sync_person (customer_id, target, holder, address, member_id) VALUES (?1, ?2, ?3, ?4, ?5)";
    /// Demands that desired is still of this generation. PostgreSQL locks the row; SQLite has one writer.
    SYNC_EXPECT = sqlite "SELECT 1 FROM sync WHERE customer_id = ?1 AND target = ?2 AND generation = ?3",
        postgres "SELECT 1 FROM sync WHERE customer_id = ?1 AND target = ?2 AND generation = ?3 FOR UPDATE";
    /// The rows of one customer.
    SYNCS_OF = "SELECT customer_id, target, generation, applied_generation, desired_hash, observed, standing, attempts, failing_since, \
            next_attempt_at, last_failure, applied_at, due_since, look_wanted_at, brake_released, removal_since, removal_overdue_at FROM sync WHERE customer_id = ?1 ORDER BY target";
    /// What is due in a target. Who was never let in comes before any backlog; among equals the
    /// earliest due. A parked row that is tried again by schedule is backlog.
    SYNC_DUE = "SELECT customer_id, target, generation, applied_generation, desired_hash, observed, standing, attempts, failing_since, \
            next_attempt_at, last_failure, applied_at, due_since, look_wanted_at, brake_released, removal_since, removal_overdue_at FROM sync \
        WHERE target = ?1 AND next_attempt_at IS NOT NULL AND (next_attempt_at <= ?2 OR next_attempt_at > ?4) \
        ORDER BY CASE WHEN applied_at IS NULL AND state <> 'parked' THEN 0 ELSE 1 END, next_attempt_at, customer_id LIMIT ?3";
    /// A page of rows by customer, then target.
    SYNC_LIST = "SELECT customer_id, target, generation, applied_generation, desired_hash, observed, standing, attempts, failing_since, \
            next_attempt_at, last_failure, applied_at, due_since, look_wanted_at, brake_released, removal_since, removal_overdue_at FROM sync \
        WHERE (CAST(?1 AS TEXT) IS NULL OR target = ?1) AND (CAST(?2 AS TEXT) IS NULL OR state = ?2) \
            AND (CAST(?3 AS TEXT) IS NULL OR brake = ?3) AND (CAST(?6 AS BIGINT) IS NULL OR removal_overdue_at <= ?6) \
            AND customer_id > ?4 ORDER BY customer_id, target LIMIT ?5";
    /// How many rows of each target are in each state.
    SYNC_STATES = "SELECT target, state, COUNT(*) FROM sync GROUP BY target, state";
    /// How many rows wait behind a brake.
    SYNC_BRAKED = "SELECT COUNT(*) FROM sync WHERE brake = ?1";
    /// How many rows of a target wait because of shadow mode, or were due before an instant and are not done.
    SYNC_SHADOWED = "SELECT COUNT(*) FROM sync WHERE target = ?1 AND (hold = 'shadow' OR (state <> 'applied' AND due_since < ?2))";
    /// The latest instant at which a row of a target that is not done became due.
    SYNC_LAST_DUE = "SELECT MAX(due_since) FROM sync WHERE target = ?1 AND state <> 'applied'";
    /// Makes those rows due.
    SYNC_UNSHADOW = "UPDATE sync SET state = 'due', hold = NULL, standing = ?3, next_attempt_at = ?2 WHERE target = ?1 AND hold = 'shadow'";
    /// How many people of our records a target knows under an id of its own.
    SYNC_KNOWN = "SELECT COUNT(DISTINCT member_id) FROM sync_person WHERE target = ?1 AND member_id IS NOT NULL";
    /// How many rows of a target owe a removal that is overdue at an instant, and since when the first could have been
    /// made. What is put off further than anything may be was noted under a clock that was ahead.
    SYNC_OVERDUE = "SELECT COUNT(*), MIN(removal_since) FROM sync \
        WHERE target = ?1 AND removal_overdue_at IS NOT NULL AND (removal_overdue_at <= ?2 OR removal_overdue_at > ?3)";
    /// When the first removal that is owed at a target is overdue.
    SYNC_NEXT_OVERDUE = "SELECT MIN(removal_overdue_at) FROM sync WHERE target = ?1 AND removal_overdue_at IS NOT NULL";
    /// When the earliest row of a target is due, and how many were due at an instant.
    SYNC_BACKLOG = "SELECT COUNT(*), MIN(due_since) FROM sync WHERE target = ?1 AND next_attempt_at IS NOT NULL AND next_attempt_at <= ?2";
}

/// The addresses and ids under which a row's people are known, one line for each.
fn people(sync: &Sync) -> BTreeSet<(String, String, Option<u64>)> {
    let mut people = BTreeSet::new();
    for (holder, person) in &sync.observed.people {
        let word = String::from(holder.clone());
        let id = person.membership.id();
        let known_at = person.membership.address();
        let own = match holder {
            Holder::Beneficiary(address) => Some(address),
            Holder::Customer => None,
        };
        for address in [known_at, own].into_iter().flatten().collect::<BTreeSet<_>>() {
            people.insert((word.clone(), address.as_str().to_owned(), id));
        }
    }
    people
}

/// Writes one row; see [`crate::Write::Sync`].
pub(crate) fn put(sync: &Sync) -> Script {
    let (hold, brake) = match &sync.state {
        State::Held(Hold::Shadow) => (Some("shadow"), None),
        State::Held(Hold::Proof) => (Some("proof"), None),
        State::Held(Hold::Brake { name }) => (Some("brake"), Some(name.as_str())),
        State::Held(Hold::Misconfigured { .. }) => (Some("misconfigured"), None),
        State::Held(Hold::Person) => (Some("person"), None),
        State::Held(Hold::Frozen { .. }) => (Some("frozen"), None),
        State::Due
        | State::Sent
        | State::Unknown
        | State::Applied
        | State::Parked { .. }
        | State::Contested { .. } => (None, None),
    };
    let (customer, target) = (sync.customer.as_str(), sync.target.as_str());
    let row = SYNC_PUT.with([
        customer.into(),
        target.into(),
        sync.generation.into(),
        sync.applied_generation.into(),
        sync.desired_hash.as_str().into(),
        Value::json(&sync.observed),
        sync.state.as_str().into(),
        hold.into(),
        brake.into(),
        Value::json(&sync.state),
        sync.attempts.into(),
        sync.failing_since.into(),
        sync.next_attempt_at.into(),
        Value::json_opt(sync.last_failure.as_ref()),
        sync.applied_at.into(),
        sync.due_since.into(),
        sync.look_wanted_at.into(),
        sync.brake_released.into(),
        sync.owed.map(|owed| owed.since).into(),
        sync.owed.map(|owed| owed.overdue_at).into(),
    ]);
    let mut script = vec![row, SYNC_PERSON_CLEAR.with([customer.into(), target.into()])];
    script.extend(people(sync).into_iter().map(|(holder, address, id)| {
        let id = id.map(|id| id.to_string());
        SYNC_PERSON_PUT.with([customer.into(), target.into(), holder.into(), address.into(), id.into()])
    }));
    script
}

/// Makes due what waited because of shadow mode; see [`crate::Write::Unshadow`].
pub(crate) fn unshadow(target: Target, at: Timestamp) -> Statement {
    SYNC_UNSHADOW.with([target.as_str().into(), at.into(), Value::json(&State::Due)])
}

/// Demands a generation; see [`crate::Expect::SyncGeneration`].
pub(crate) fn expect(customer: &CustomerId, target: Target, generation: i64) -> Statement {
    SYNC_EXPECT.with([customer.as_str().into(), target.as_str().into(), generation.into()]).expecting_one()
}

/// The rows of one customer, for [`by_target`].
pub(crate) fn load(customer: &CustomerId) -> Statement {
    SYNCS_OF.with([customer.as_str().into()])
}

/// The rows of one customer, by target.
pub(crate) fn by_target(rows: Vec<Row>) -> Result<BTreeMap<Target, Sync>, Error> {
    rows.into_iter().map(|row| read(row).map(|sync| (sync.target, sync))).collect()
}

fn read(row: Row) -> Result<Sync, Error> {
    let mut columns = row.columns();
    Ok(Sync {
        customer: CustomerId::new(columns.text()?),
        target: columns.word(Target::parse)?,
        generation: columns.int()?,
        applied_generation: columns.int()?,
        desired_hash: columns.text()?,
        observed: columns.json()?,
        state: columns.json()?,
        attempts: columns.count()?,
        failing_since: columns.time_opt()?,
        next_attempt_at: columns.time_opt()?,
        last_failure: columns.json_opt()?,
        applied_at: columns.time_opt()?,
        due_since: columns.time()?,
        look_wanted_at: columns.time_opt()?,
        brake_released: columns.flag()?,
        owed: match (columns.time_opt()?, columns.time_opt()?) {
            (Some(since), Some(overdue_at)) => Some(Owed { since, overdue_at }),
            _ => None,
        },
    })
}

impl Store {
    /// The rows of one customer, by target.
    pub async fn syncs(&self, customer: &CustomerId) -> Result<BTreeMap<Target, Sync>, Error> {
        by_target(self.db.query(load(customer)).await?)
    }

    /// Rows of `target` that are due at `now`: who was never let in first, then by due time.
    pub async fn sync_due(&self, target: Target, now: Timestamp, limit: u32) -> Result<Vec<Sync>, Error> {
        let rows = self
            .db
            .query(SYNC_DUE.with([
                target.as_str().into(),
                now.into(),
                limit.into(),
                crate::due::horizon(now).into(),
            ]))
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// How many rows wait behind the brake of this name.
    pub async fn braked(&self, name: &str) -> Result<u64, Error> {
        let rows = self.db.query(SYNC_BRAKED.with([name.into()])).await?;
        let count = rows.into_iter().next().map_or(Ok(0), |row| row.columns().int())?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How many rows of `target` wait because of shadow mode, or were due before `since` and are not done.
    pub async fn shadowed(&self, target: Target, since: Timestamp) -> Result<u64, Error> {
        let rows = self.db.query(SYNC_SHADOWED.with([target.as_str().into(), since.into()])).await?;
        let count = rows.into_iter().next().map_or(Ok(0), |row| row.columns().int())?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The latest instant at which a row of `target` that is not done became due; `None`: all are done.
    pub async fn last_due_since(&self, target: Target) -> Result<Option<Timestamp>, Error> {
        let rows = self.db.query(SYNC_LAST_DUE.with([target.as_str().into()])).await?;
        rows.into_iter().next().map_or(Ok(None), |row| row.columns().time_opt())
    }

    /// A page of rows by customer; `after` is the last customer of the page before. A customer has
    /// at most one row per target, so a page ends at a customer only when `limit` allows it: ask
    /// for one target when paging.
    pub async fn sync_list(
        &self,
        filter: &SyncFilter,
        after: Option<&CustomerId>,
        limit: u32,
    ) -> Result<Vec<Sync>, Error> {
        let statement = SYNC_LIST.with([
            filter.target.map(Target::as_str).into(),
            filter.state.as_deref().into(),
            filter.brake.as_deref().into(),
            after.map_or("", CustomerId::as_str).into(),
            limit.into(),
            filter.overdue_at.into(),
        ]);
        self.db.query(statement).await?.into_iter().map(read).collect()
    }

    /// How many people of our records `target` knows under an id of its own.
    pub async fn known_people(&self, target: Target) -> Result<u64, Error> {
        let rows = self.db.query(SYNC_KNOWN.with([target.as_str().into()])).await?;
        let count = rows.into_iter().next().map_or(Ok(0), |row| row.columns().int())?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How many rows are in each state, by target and the state's word.
    pub async fn sync_states(&self) -> Result<BTreeMap<(Target, String), i64>, Error> {
        let rows = self.db.query(SYNC_STATES.with([])).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = row.columns();
                Ok(((columns.word(Target::parse)?, columns.text()?), columns.int()?))
            })
            .collect()
    }

    /// The removals at `target` that are overdue at `now`.
    pub async fn overdue(&self, target: Target, now: Timestamp) -> Result<Overdue, Error> {
        let counted =
            SYNC_OVERDUE.with([target.as_str().into(), now.into(), crate::due::horizon(now).into()]);
        let rows = self.db.query(counted).await?;
        rows.into_iter().next().map_or(Ok(Overdue::default()), |row| {
            let mut columns = row.columns();
            Ok(Overdue { rows: columns.count()?, since: columns.time_opt()? })
        })
    }

    /// When the first removal that is owed at `target` is overdue; the answer may lie in the past. `None`: none is owed.
    pub async fn next_overdue(&self, target: Target) -> Result<Option<Timestamp>, Error> {
        let rows = self.db.query(SYNC_NEXT_OVERDUE.with([target.as_str().into()])).await?;
        rows.into_iter().next().map_or(Ok(None), |row| row.columns().time_opt())
    }

    /// How many rows of `target` are due at `now`, and since when the oldest is.
    pub async fn sync_backlog(
        &self,
        target: Target,
        now: Timestamp,
    ) -> Result<(i64, Option<Timestamp>), Error> {
        let rows = self.db.query(SYNC_BACKLOG.with([target.as_str().into(), now.into()])).await?;
        rows.into_iter().next().map_or(Ok((0, None)), |row| {
            let mut columns = row.columns();
            Ok((columns.int()?, columns.time_opt()?))
        })
    }
}
