//! Provider accounts: who drains one now, under which epoch, and what holds it up.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use frontdesk_core::breaker::Breaker;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The right to drain one account, until an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: String,
    /// The node that has it.
    pub holder: String,
    /// Raised by each lease; what an older one writes is refused (RELIABILITY I18).
    pub epoch: i64,
    /// When it ends. SQLite: as asked. PostgreSQL: as long from now as asked, by the database's
    /// own clock, so that nodes whose clocks differ agree.
    pub until: Timestamp,
}

/// Why an account sends nothing until a person acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Since when.
    pub at: Timestamp,
    /// What the provider said, in our words.
    pub why: String,
}

/// What holds an account up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// The circuit breaker.
    pub breaker: Breaker,
    /// A person must act first.
    pub stopped: Option<Stopped>,
    /// Nothing is sent before this instant.
    pub throttled_until: Option<Timestamp>,
    /// What the provider last said about its limits, as the engine wants to see it again.
    pub budget: Option<serde_json::Value>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Who drains it; the lease may have ended.
    pub lease: Option<Lease>,
    /// What holds it up.
    pub state: AccountState,
}

statements! {
    /// Takes the lease when nobody else has one that still runs. A holder that asks anew restarted
    /// and forgot its lease; the new epoch shuts out whatever it left running. Leases of several
    /// nodes are judged by one clock: PostgreSQL's own. SQLite serves one process, whose clock it takes.
    LEASE_TAKE = sqlite "INSERT INTO account (name, holder, lease_until, epoch, breaker) VALUES (?1, ?2, ?3 + ?4, 1, ?5) \
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until, epoch = account.epoch + 1 \
            WHERE account.holder IS NULL OR account.holder = ?2 OR account.lease_until IS NULL OR account.lease_until <= ?3 RETURNING epoch, lease_until",
        postgres "INSERT INTO account (name, holder, lease_until, epoch, breaker) \
            VALUES (?1, ?2, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + CAST(?4 AS BIGINT) \
                + 0 * CAST(?3 AS BIGINT), 1, ?5) \
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until, epoch = account.epoch + 1 \
            WHERE account.holder IS NULL OR account.holder = ?2 OR account.lease_until IS NULL \
                OR account.lease_until <= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) RETURNING epoch, lease_until";
    /// Prolongs a lease that nobody took since. The same two clocks.
    LEASE_RENEW = sqlite "UPDATE account SET lease_until = ?4 + ?5 WHERE name = ?1 AND holder = ?2 AND epoch = ?3 RETURNING epoch, lease_until",
        postgres "UPDATE account SET lease_until = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + CAST(?5 AS BIGINT) \
                + 0 * CAST(?4 AS BIGINT) WHERE name = ?1 AND holder = ?2 AND epoch = ?3 RETURNING epoch, lease_until";
    /// Gives a lease back.
    LEASE_RELEASE = "UPDATE account SET holder = NULL, lease_until = NULL WHERE name = ?1 AND holder = ?2 AND epoch = ?3";
    /// Demands a lease that still runs. PostgreSQL locks the row, so that nobody takes the lease
    /// before the commit; SQLite has one writer. The same two clocks.
    LEASE_EXPECT = sqlite "SELECT 1 FROM account WHERE name = ?1 AND holder = ?2 AND epoch = ?3 AND lease_until > ?4",
        postgres "SELECT 1 FROM account WHERE name = ?1 AND holder = ?2 AND epoch = ?3 \
            AND lease_until > CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + 0 * CAST(?4 AS BIGINT) FOR UPDATE";
    /// What holds an account up, as it is now known.
    ACCOUNT_PUT = "INSERT INTO account (name, epoch, breaker, stopped, throttled_until, budget) VALUES (?1, 0, ?2, ?3, ?4, ?5) \
        ON CONFLICT (name) DO UPDATE SET breaker = excluded.breaker, stopped = excluded.stopped, \
            throttled_until = excluded.throttled_until, budget = excluded.budget";
    /// All accounts.
    ACCOUNTS = "SELECT name, holder, lease_until, epoch, breaker, stopped, throttled_until, budget FROM account ORDER BY name";
    /// One account.
    ACCOUNT = "SELECT name, holder, lease_until, epoch, breaker, stopped, throttled_until, budget FROM account WHERE name = ?1";
}

/// Demands a running lease; see [`crate::Expect::Epoch`].
pub(crate) fn expect(account: &str, holder: &str, epoch: i64, now: Timestamp) -> Statement {
    LEASE_EXPECT.with([account.into(), holder.into(), epoch.into(), now.into()]).expecting_one()
}

/// Writes what holds an account up; see [`crate::Write::Account`].
pub(crate) fn put(name: &str, state: &AccountState) -> Statement {
    ACCOUNT_PUT.with([
        name.into(),
        Value::json(&state.breaker),
        Value::json_opt(state.stopped.as_ref()),
        state.throttled_until.into(),
        Value::json_opt(state.budget.as_ref()),
    ])
}

fn read(row: Row) -> Result<Account, Error> {
    let mut columns = row.columns();
    let name = columns.text()?;
    let (holder, until, epoch) = (columns.text_opt()?, columns.time_opt()?, columns.int()?);
    let lease =
        holder.zip(until).map(|(holder, until)| Lease { account: name.clone(), holder, epoch, until });
    let state = AccountState {
        breaker: columns.json()?,
        stopped: columns.json_opt()?,
        throttled_until: columns.time_opt()?,
        budget: columns.json_opt()?,
    };
    Ok(Account { name, lease, state })
}

/// How long a lease is to last, in microseconds.
fn span(now: Timestamp, until: Timestamp) -> i64 {
    until.as_microsecond().saturating_sub(now.as_microsecond())
}

fn leased(account: &str, holder: &str, rows: Vec<Row>) -> Result<Option<Lease>, Error> {
    let read = |row: Row| {
        let mut columns = row.columns();
        let (epoch, until) = (columns.int()?, columns.time()?);
        Ok(Lease { account: account.to_owned(), holder: holder.to_owned(), epoch, until })
    };
    rows.into_iter().next().map(read).transpose()
}

impl Store {
    /// Takes the lease of an account, with a new epoch. `None`: somebody else's still runs. `holder`
    /// must name one running process only: whoever has the same name takes the lease over.
    pub async fn lease(
        &self,
        account: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        let params = [
            account.into(),
            holder.into(),
            now.into(),
            span(now, until).into(),
            Value::json(&Breaker::default()),
        ];
        leased(account, holder, self.db.write_one(LEASE_TAKE.with(params)).await?)
    }

    /// Prolongs a lease, its epoch unchanged. `None`: somebody took it since.
    pub async fn renew(
        &self,
        lease: &Lease,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        let (account, holder) = (lease.account.as_str(), lease.holder.as_str());
        let params = [account.into(), holder.into(), lease.epoch.into(), now.into(), span(now, until).into()];
        leased(account, holder, self.db.write_one(LEASE_RENEW.with(params)).await?)
    }

    /// Gives a lease back, unless somebody took it since.
    pub async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let params = [lease.account.as_str().into(), lease.holder.as_str().into(), lease.epoch.into()];
        self.db.write_one(LEASE_RELEASE.with(params)).await.map(drop)
    }

    /// All accounts, by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.db.query(ACCOUNTS.with([])).await?.into_iter().map(read).collect()
    }

    /// One account.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, Error> {
        self.db.query(ACCOUNT.with([name.into()])).await?.into_iter().next().map(read).transpose()
    }
}
