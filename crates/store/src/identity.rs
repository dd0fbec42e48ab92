//! Identities: the handles that lead to customers. Ties lead to exactly one and make records one;
//! mail addresses and targets' ids may lead to several.

use crate::sql::{Script, Statement, statements};
use crate::value::Row;
use crate::{Error, Store};
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Key, Kind};
use frontdesk_core::id::{CustomerId, EntryId, SourceId};
use frontdesk_core::record::Tie;
use frontdesk_core::target::Target;
use std::collections::BTreeSet;

/// The `system` of addresses.
const EMAIL: &str = "email";
/// The `kind` of an address that ties finished checkouts.
const CHECKOUT: &str = "checkout";
/// The `kind` of an address that only leads somewhere.
const MAIL: &str = "mail";
/// The `kind` of a target's own id of a person.
const MEMBER: &str = "member";

/// A handle that leads to a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// Makes two records one; leads to one customer only. Another customer who holds it makes the
    /// whole commit a conflict.
    Tie(Tie),
    /// An address that leads to the record when somebody looks it up. Never proof of anything.
    Mail(Email),
    /// A target's own id of the person.
    Member(Target, u64),
}

impl Identity {
    /// Its columns: system, kind, value, whether it ties.
    fn columns(&self) -> (&str, &str, String, bool) {
        match self {
            Self::Tie(Tie::Object(key)) => (key.source.as_str(), key.kind.as_str(), key.id.clone(), true),
            Self::Tie(Tie::Address(address)) => (EMAIL, CHECKOUT, address.as_str().to_owned(), true),
            Self::Mail(address) => (EMAIL, MAIL, address.as_str().to_owned(), false),
            Self::Member(target, id) => (target.as_str(), MEMBER, id.to_string(), false),
        }
    }
}

statements! {
    /// A handle, told again without effect. A tie that another customer holds breaks the unique
    /// index `identity_tie`: a conflict.
    IDENTITY_PUT = "INSERT INTO identity (system, kind, value, customer_id, is_tie, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
        ON CONFLICT (system, kind, value, customer_id) DO NOTHING";
    /// The customer whom a tie leads to. Nobody merged away holds one: a merge moves them.
    TIE_OWNER = "SELECT customer_id FROM identity WHERE system = ?1 AND kind = ?2 AND value = ?3 AND is_tie = 1";
    /// The ties of one customer.
    TIES_OF = "SELECT system, kind, value FROM identity WHERE customer_id = ?1 AND is_tie = 1";
    /// The live customers whom a handle leads to, whatever its kind.
    IDENTITY_EXACT = "SELECT DISTINCT customer_id FROM identity WHERE value = ?1 ORDER BY customer_id LIMIT ?2";
    /// The live customers with a handle that begins so: at least `?1`, below `?2`.
    IDENTITY_PREFIX = "SELECT DISTINCT customer_id FROM identity WHERE value >= ?1 AND value < ?2 ORDER BY customer_id LIMIT ?3";
    /// A customer by our own id; one merged away leads to the survivor.
    IDENTITY_OWN = "SELECT COALESCE(merged_into, id) FROM customer WHERE id = ?1";
    /// The mail addresses of one customer. The plus keeps SQLite from reading every address that there is.
    MAILS_OF = sqlite "SELECT DISTINCT value FROM identity WHERE customer_id = ?1 AND +system = 'email' ORDER BY value",
        postgres "SELECT DISTINCT value FROM identity WHERE customer_id = ?1 AND system = 'email' ORDER BY value";
    /// Live customers who share a target's id of a person.
    SHARING_MEMBER = "SELECT customer_id FROM sync_person WHERE target = ?1 AND member_id = ?2";
    /// Live customers whom a target knows at an address, or to whom the address leads. The kinds are named so that the
    /// key is used whole: by the system alone, SQLite would read every address that there is.
    SHARING_ADDRESS = "SELECT customer_id FROM sync_person WHERE address = ?1 \
        UNION SELECT customer_id FROM identity WHERE system = 'email' AND kind IN ('checkout', 'mail') AND value = ?1";
}

/// Writes one handle; see [`crate::Write::Identity`].
pub(crate) fn put(identity: &Identity, customer: &CustomerId, entry: &EntryId) -> Statement {
    let (system, kind, value, is_tie) = identity.columns();
    IDENTITY_PUT.with([
        system.into(),
        kind.into(),
        value.into(),
        customer.as_str().into(),
        is_tie.into(),
        entry.as_str().into(),
    ])
}

/// A row of [`TIES_OF`].
pub(crate) fn read_tie(row: Row) -> Result<Tie, Error> {
    let mut columns = row.columns();
    let system = columns.text()?;
    if system == EMAIL {
        columns.text()?;
        return columns.word(Email::parse).map(Tie::Address);
    }
    let kind = columns.word(Kind::parse)?;
    Ok(Tie::Object(Key { source: SourceId::new(system), kind, id: columns.text()? }))
}

fn ids(answers: impl IntoIterator<Item = Vec<Row>>) -> Result<BTreeSet<CustomerId>, Error> {
    answers.into_iter().flatten().map(|row| Ok(CustomerId::new(row.columns().text()?))).collect()
}

/// The first text that is above every text beginning with `prefix`.
fn above(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

impl Store {
    /// The live customers whom any of these ties leads to.
    pub async fn customers_for_ties(&self, ties: &[Tie]) -> Result<BTreeSet<CustomerId>, Error> {
        let script: Script = ties
            .iter()
            .map(|tie| {
                let identity = Identity::Tie(tie.clone());
                let (system, kind, value, _) = identity.columns();
                TIE_OWNER.with([system.into(), kind.into(), value.into()])
            })
            .collect();
        ids(self.db.read(script).await?)
    }

    /// The live customers whom a target knows under any of these ids of its own, or to whom any of these
    /// addresses leads there or anywhere: whose wishes count before anything is taken from a
    /// person (RELIABILITY I14).
    pub async fn records_sharing(
        &self,
        members: &BTreeSet<(Target, u64)>,
        addresses: &BTreeSet<Email>,
    ) -> Result<BTreeSet<CustomerId>, Error> {
        let by_member = members
            .iter()
            .map(|(target, id)| SHARING_MEMBER.with([target.as_str().into(), id.to_string().into()]));
        let by_address = addresses.iter().map(|address| SHARING_ADDRESS.with([address.as_str().into()]));
        ids(self.db.read(by_member.chain(by_address).collect()).await?)
    }

    /// Live customers by what a person types: our own id, an address (whole or its beginning), or
    /// a provider's id (whole or its beginning). Exact matches alone when there are any.
    pub async fn find_customers(&self, typed: &str, limit: u32) -> Result<Vec<CustomerId>, Error> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(Vec::new());
        }
        let address =
            Email::parse(typed).map_or_else(|| typed.to_owned(), |address| address.as_str().to_owned());
        let exact = vec![
            IDENTITY_OWN.with([typed.into()]),
            IDENTITY_EXACT.with([address.into(), limit.into()]),
            IDENTITY_EXACT.with([typed.into(), limit.into()]),
        ];
        let found = ids(self.db.read(exact).await?)?;
        if !found.is_empty() {
            return Ok(found.into_iter().take(limit as usize).collect());
        }
        let begins = [typed.to_owned(), typed.to_lowercase()];
        let prefix = begins
            .iter()
            .map(|begin| IDENTITY_PREFIX.with([begin.as_str().into(), above(begin).into(), limit.into()]));
        Ok(ids(self.db.read(prefix.collect()).await?)?.into_iter().take(limit as usize).collect())
    }

    /// Every address that leads to the customer.
    pub async fn mails(&self, customer: &CustomerId) -> Result<Vec<Email>, Error> {
        let rows = self.db.query(MAILS_OF.with([customer.as_str().into()])).await?;
        rows.into_iter().map(|row| row.columns().word(Email::parse)).collect()
    }
}
