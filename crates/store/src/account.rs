//! Provider accounts: who drains one now, under which epoch, and what holds it up.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::{Error, Store};
use frontdesk_core::breaker::Breaker;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The right to drain one account.
///
/// No clock of the wall is in it: a lease lapses for a node that has watched it unchanged for as long as a lease lasts,
/// by that node's own monotonic clock. So no clock that jumps makes two holders (RELIABILITY I18, I26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: String,
    /// The node that has it.
    pub holder: String,
    /// Raised by each lease; what an older one writes is refused (RELIABILITY I18).
    pub epoch: i64,
    /// Raised by each renewal: a sign of life.
    pub renewal: i64,
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
    /// Takes the lease when it is free, when it is the caller's own, or when it is still the very one that the caller
    /// saw lapse. A holder that asks anew restarted and forgot its lease; the new epoch shuts out whatever it left.
    LEASE_TAKE = "INSERT INTO account (name, holder, renewal, epoch, breaker) VALUES (?1, ?2, 1, 1, ?3) \
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, renewal = account.renewal + 1, epoch = account.epoch + 1 \
            WHERE account.holder IS NULL OR account.holder = ?2 OR (account.epoch = ?4 AND account.renewal = ?5) RETURNING epoch, renewal";
    /// Shows that the holder lives, unless somebody took the lease since.
    LEASE_RENEW = "UPDATE account SET renewal = renewal + 1 WHERE name = ?1 AND holder = ?2 AND epoch = ?3 RETURNING epoch, renewal";
    /// Gives a lease back.
    LEASE_RELEASE = "UPDATE account SET holder = NULL WHERE name = ?1 AND holder = ?2 AND epoch = ?3";
    /// Demands a lease that nobody took since. PostgreSQL locks the row, so that nobody takes it
    /// before the commit; SQLite has one writer.
    LEASE_EXPECT = sqlite "SELECT 1 FROM account WHERE name = ?1 AND holder = ?2 AND epoch = ?3",
        postgres "SELECT 1 FROM account WHERE name = ?1 AND holder = ?2 AND epoch = ?3 FOR UPDATE";
    /// What holds an account up, as it is now known.
    ACCOUNT_PUT = "INSERT INTO account (name, renewal, epoch, breaker, stopped, throttled_until, budget) VALUES (?1, 0, 0, ?2, ?3, ?4, ?5) \
        ON CONFLICT (name) DO UPDATE SET breaker = excluded.breaker, stopped = excluded.stopped, \
            throttled_until = excluded.throttled_until, budget = excluded.budget";
    /// All accounts.
    ACCOUNTS = "SELECT name, holder, renewal, epoch, breaker, stopped, throttled_until, budget FROM account ORDER BY name";
    /// One account.
    ACCOUNT = "SELECT name, holder, renewal, epoch, breaker, stopped, throttled_until, budget FROM account WHERE name = ?1";
}

/// Demands a lease that nobody took since; see [`crate::Expect::Epoch`].
pub(crate) fn expect(account: &str, holder: &str, epoch: i64) -> Statement {
    LEASE_EXPECT.with([account.into(), holder.into(), epoch.into()]).expecting_one()
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
    let (holder, renewal, epoch) = (columns.text_opt()?, columns.int()?, columns.int()?);
    let lease = holder.map(|holder| Lease { account: name.clone(), holder, epoch, renewal });
    let state = AccountState {
        breaker: columns.json()?,
        stopped: columns.json_opt()?,
        throttled_until: columns.time_opt()?,
        budget: columns.json_opt()?,
    };
    Ok(Account { name, lease, state })
}

fn leased(account: &str, holder: &str, rows: Vec<Row>) -> Result<Option<Lease>, Error> {
    let read = |row: Row| {
        let mut columns = row.columns();
        let (epoch, renewal) = (columns.int()?, columns.int()?);
        Ok(Lease { account: account.to_owned(), holder: holder.to_owned(), epoch, renewal })
    };
    rows.into_iter().next().map(read).transpose()
}

impl Store {
    /// Takes the lease of an account, with a new epoch. `None`: somebody else has it. `holder` must
    /// name one running process only: whoever has the same name takes the lease over. `lapsed`:
    /// somebody else's lease that the caller has seen unchanged for as long as a lease lasts; it is
    /// taken if it still is unchanged.
    pub async fn lease(
        &self,
        account: &str,
        holder: &str,
        lapsed: Option<&Lease>,
    ) -> Result<Option<Lease>, Error> {
        let (epoch, renewal) = lapsed.map_or((-1, -1), |lapsed| (lapsed.epoch, lapsed.renewal));
        let params =
            [account.into(), holder.into(), Value::json(&Breaker::default()), epoch.into(), renewal.into()];
        leased(account, holder, self.db.write_one(LEASE_TAKE.with(params)).await?)
    }

    /// Shows that the holder lives, the epoch unchanged. `None`: somebody took the lease since.
    pub async fn renew(&self, lease: &Lease) -> Result<Option<Lease>, Error> {
        let (account, holder) = (lease.account.as_str(), lease.holder.as_str());
        let params = [account.into(), holder.into(), lease.epoch.into()];
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
