//! The audit log: what changed, why and by whom, append-only and chained by hash per customer.
//!
//! A chain's hash covers personal fields only through salted commitments, so that erasing them
//! leaves every chain verifiable (RELIABILITY I38).

use crate::sql::{Script, Statement, statements};
use crate::value::{Columns, Row, Value};
use crate::{Error, Store};
use frontdesk_core::id::CustomerId;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Something that happened to a customer, before it is chained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDraft {
    /// Whose chain.
    pub customer: CustomerId,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: String,
    /// The journal entry, person or timer that caused it.
    pub cause: String,
    /// The node that did it.
    pub node: String,
    /// What held before. Holds no personal field.
    pub before: serde_json::Value,
    /// What held after. Holds no personal field.
    pub after: serde_json::Value,
    /// The other customer of a merge or split: the entry names the head of that chain.
    pub linked: Option<CustomerId>,
    /// Personal fields that belong to it.
    pub personal: Vec<Personal>,
}

/// One personal field of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personal {
    /// The field's name, once per entry.
    pub field: String,
    /// Its value.
    pub value: String,
    /// Random bytes, drawn by the caller; erased together with the value.
    pub salt: [u8; 16],
}

/// One link of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the order over all chains.
    pub seq: i64,
    /// Whose chain.
    pub customer: CustomerId,
    /// Its place in the chain, from 1.
    pub nth: i64,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: String,
    /// The journal entry, person or timer that caused it.
    pub cause: String,
    /// The node that did it.
    pub node: String,
    /// What held before: canonical JSON.
    pub before: String,
    /// What held after: canonical JSON.
    pub after: String,
    /// The other customer of a merge or split.
    pub linked: Option<CustomerId>,
    /// The head of that chain then; empty if it had none.
    pub linked_hash: Option<String>,
    /// Hash of the entry before; empty for the first.
    pub prev_hash: String,
    /// SHA-256 over all of the above (but `seq`) and the commitments, hex.
    pub hash: String,
    /// Personal fields, by name; `None` once erased.
    pub personal: BTreeMap<String, Option<String>>,
    /// Their commitments, by name.
    commitments: BTreeMap<String, String>,
    /// Fields whose value is not what was committed to.
    broken_fields: BTreeSet<String>,
}

/// The end of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    hash: String,
    count: i64,
}

/// The ends of the chains that a commit adds to.
pub(crate) type Heads = BTreeMap<CustomerId, Head>;

statements! {
    /// The end of a chain.
    AUDIT_HEAD = "SELECT hash, count FROM audit_head WHERE customer_id = ?1";
    /// Begins a chain. Two who begin it at once meet here, and one begins again.
    AUDIT_HEAD_FIRST = "INSERT INTO audit_head (customer_id, hash, count) VALUES (?1, ?2, 1) ON CONFLICT (customer_id) DO NOTHING";
    /// Moves the end of a chain, if it is still where it was read.
    AUDIT_HEAD_NEXT = "UPDATE audit_head SET hash = ?2, count = count + 1 WHERE customer_id = ?1 AND hash = ?3";
    /// Demands that the linked chain ends where it was read. PostgreSQL locks the row; SQLite has one writer.
    AUDIT_HEAD_LINKED = sqlite "SELECT 1 FROM audit_head WHERE customer_id = ?1 AND hash = ?2",
        postgres "SELECT 1 FROM audit_head WHERE customer_id = ?1 AND hash = ?2 FOR UPDATE";
    /// An entry.
    AUDIT_PUT = "INSERT INTO audit (customer_id, nth, at, action, cause, node, before, after, linked_customer_id, linked_hash, prev_hash, hash) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    /// A personal field of the entry with this hash.
    AUDIT_PERSONAL_PUT = "INSERT INTO audit_personal (audit_seq, field, commitment, salt, value) \
        SELECT seq, ?2, ?3, ?4, ?5 FROM audit WHERE hash = ?1";
    /// One chain, from its beginning.
    AUDIT_CHAIN = "SELECT entry.seq, entry.customer_id, entry.nth, entry.at, entry.action, entry.cause, entry.node, entry.before, \
            entry.after, entry.linked_customer_id, entry.linked_hash, entry.prev_hash, entry.hash, personal.field, \
            personal.commitment, personal.salt, personal.value \
        FROM audit AS entry LEFT JOIN audit_personal AS personal ON personal.audit_seq = entry.seq \
        WHERE entry.customer_id = ?1 ORDER BY entry.nth, personal.field";
    /// A page of all chains, by customer and place. The limit counts entries, not their fields.
    AUDIT_PAGE = "SELECT entry.seq, entry.customer_id, entry.nth, entry.at, entry.action, entry.cause, entry.node, entry.before, \
            entry.after, entry.linked_customer_id, entry.linked_hash, entry.prev_hash, entry.hash, personal.field, \
            personal.commitment, personal.salt, personal.value, head.hash, head.count \
        FROM (SELECT seq, customer_id, nth, at, action, cause, node, before, after, linked_customer_id, linked_hash, prev_hash, hash \
                FROM audit WHERE customer_id > ?1 OR (customer_id = ?1 AND nth > ?2) ORDER BY customer_id, nth LIMIT ?3) AS entry \
            LEFT JOIN audit_personal AS personal ON personal.audit_seq = entry.seq \
            LEFT JOIN audit_head AS head ON head.customer_id = entry.customer_id \
        ORDER BY entry.customer_id, entry.nth, personal.field";
    /// Chains that are gone but for their end.
    AUDIT_HEADLESS = "SELECT customer_id FROM audit_head WHERE NOT EXISTS \
        (SELECT 1 FROM audit WHERE audit.customer_id = audit_head.customer_id) ORDER BY customer_id";
}

/// JSON with the keys of every object sorted and no blanks: one value, one text.
fn canonical(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let fields: Vec<_> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", serde_json::json!(key), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// What the chain keeps of a personal field for ever.
fn commitment(salt: &[u8], value: &str) -> String {
    hex::encode(Sha256::new().chain_update(salt).chain_update(value).finalize())
}

impl AuditEntry {
    /// SHA-256 over everything that the chain protects, as the JSON array of its parts.
    fn digest(&self) -> String {
        let parts = (
            &self.prev_hash,
            &self.customer,
            self.nth,
            self.at.as_microsecond(),
            &self.action,
            &self.cause,
            &self.node,
            (&self.before, &self.after),
            (&self.linked, &self.linked_hash),
            &self.commitments,
        );
        hex::encode(Sha256::digest(
            serde_json::to_vec(&parts).expect("texts and numbers always have a JSON form"),
        ))
    }

    /// The draft as the next link after `head`.
    fn chain(draft: &AuditDraft, head: &Head, linked_hash: Option<String>) -> Self {
        let mut entry = Self {
            seq: 0,
            customer: draft.customer.clone(),
            nth: head.count + 1,
            // Cut to what the database keeps, so that what is read back has the same hash.
            at: Timestamp::from_microsecond(draft.at.as_microsecond()).expect("it came from an instant"),
            action: draft.action.clone(),
            cause: draft.cause.clone(),
            node: draft.node.clone(),
            before: canonical(&draft.before),
            after: canonical(&draft.after),
            linked: draft.linked.clone(),
            linked_hash,
            prev_hash: head.hash.clone(),
            hash: String::new(),
            personal: BTreeMap::new(),
            commitments: draft
                .personal
                .iter()
                .map(|p| (p.field.clone(), commitment(&p.salt, &p.value)))
                .collect(),
            broken_fields: BTreeSet::new(),
        };
        entry.hash = entry.digest();
        entry
    }

    /// One row of a page; `None` for the fields of an entry that has none.
    fn read(columns: &mut Columns) -> Result<Self, Error> {
        let mut entry = Self {
            seq: columns.int()?,
            customer: CustomerId::new(columns.text()?),
            nth: columns.int()?,
            at: columns.time()?,
            action: columns.text()?,
            cause: columns.text()?,
            node: columns.text()?,
            before: columns.text()?,
            after: columns.text()?,
            linked: columns.text_opt()?.map(CustomerId::new),
            linked_hash: columns.text_opt()?,
            prev_hash: columns.text()?,
            hash: columns.text()?,
            personal: BTreeMap::new(),
            commitments: BTreeMap::new(),
            broken_fields: BTreeSet::new(),
        };
        let (field, committed) = (columns.text_opt()?, columns.text_opt()?);
        let (salt, value) = (columns.bytes_opt()?, columns.text_opt()?);
        if let (Some(field), Some(committed)) = (field, committed) {
            let broken = match (&salt, &value) {
                (Some(salt), Some(value)) => commitment(salt, value) != committed,
                (None, None) => false,
                _ => true,
            };
            if broken {
                entry.broken_fields.insert(field.clone());
            }
            entry.personal.insert(field.clone(), value);
            entry.commitments.insert(field, committed);
        }
        Ok(entry)
    }

    /// Takes over the fields of another row of the same entry.
    fn absorb(&mut self, other: Self) {
        self.personal.extend(other.personal);
        self.commitments.extend(other.commitments);
        self.broken_fields.extend(other.broken_fields);
    }

    /// What is wrong with this link after `prev_hash` at place `nth`, if anything.
    fn flaw(&self, prev_hash: &str, nth: i64) -> Option<String> {
        if self.nth != nth {
            Some(format!("entry {nth} is missing"))
        } else if self.prev_hash != prev_hash {
            Some("it does not follow the entry before".to_owned())
        } else if let Some(field) = self.broken_fields.first() {
            Some(format!("the personal field `{field}` was changed"))
        } else if self.digest() != self.hash {
            Some("its content was changed".to_owned())
        } else {
            None
        }
    }
}

/// Whether a commit failed only because a chain grew meanwhile: the caller need not decide again.
pub(crate) fn is_race(error: &Error) -> bool {
    let races = [AUDIT_HEAD_FIRST.name, AUDIT_HEAD_NEXT.name, AUDIT_HEAD_LINKED.name];
    matches!(error, Error::Conflict { statement } if races.contains(statement))
}

/// Appends one entry and moves its chain's end; see [`crate::Write::Audit`].
pub(crate) fn append(draft: &AuditDraft, heads: &mut Heads) -> Script {
    let head = heads.get(&draft.customer).cloned().unwrap_or_default();
    let linked = draft.linked.as_ref().map(|linked| (linked, heads.get(linked).cloned().unwrap_or_default()));
    let entry = AuditEntry::chain(draft, &head, linked.as_ref().map(|(_, head)| head.hash.clone()));
    let customer = || Value::from(entry.customer.as_str());
    let hash = || Value::from(entry.hash.as_str());
    let mut script = Vec::new();
    if let Some((linked, head)) = linked.filter(|(_, head)| head.count > 0) {
        script.push(AUDIT_HEAD_LINKED.with([linked.as_str().into(), head.hash.into()]).expecting_one());
    }
    script.push(if head.count == 0 {
        AUDIT_HEAD_FIRST.with([customer(), hash()]).expecting_one()
    } else {
        AUDIT_HEAD_NEXT.with([customer(), hash(), head.hash.into()]).expecting_one()
    });
    script.push(AUDIT_PUT.with([
        customer(),
        entry.nth.into(),
        entry.at.into(),
        entry.action.as_str().into(),
        entry.cause.as_str().into(),
        entry.node.as_str().into(),
        entry.before.as_str().into(),
        entry.after.as_str().into(),
        entry.linked.as_ref().map(CustomerId::as_str).into(),
        entry.linked_hash.as_deref().into(),
        entry.prev_hash.as_str().into(),
        hash(),
    ]));
    script.extend(draft.personal.iter().map(|personal| -> Statement {
        let committed = commitment(&personal.salt, &personal.value).into();
        let (salt, value) = (personal.salt.to_vec().into(), personal.value.as_str().into());
        AUDIT_PERSONAL_PUT
            .with([hash(), personal.field.as_str().into(), committed, salt, value])
            .expecting_one()
    }));
    heads.insert(entry.customer.clone(), Head { hash: entry.hash.clone(), count: entry.nth });
    script
}

/// What is wrong with one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose chain; `None` for a checkpoint.
    pub customer: Option<CustomerId>,
    /// The entry's place in the chain.
    pub nth: i64,
    /// What is wrong.
    pub why: String,
}

/// What verifying the whole log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Chains that were walked.
    pub chains: u64,
    /// Entries in them.
    pub entries: u64,
    /// Checkpoints that were recomputed.
    pub checkpoints: u64,
    /// Everything that is wrong; empty when all is well. A chain is not walked past its first flaw.
    pub broken: Vec<Broken>,
}

/// Entries that one page of a verification reads.
const PAGE: u32 = 500;

/// A walk over all chains, one after the other.
#[derive(Default)]
struct Walk {
    customer: Option<CustomerId>,
    nth: i64,
    hash: String,
    head: Option<Head>,
    is_broken: bool,
    found: Verified,
}

impl Walk {
    fn report(&mut self, nth: i64, why: String) {
        self.is_broken = true;
        self.found.broken.push(Broken { customer: self.customer.clone(), nth, why });
    }

    /// Ends the chain that was being walked: its last entry must be the one that its head names.
    fn end(&mut self) {
        let ends_well =
            self.head.as_ref().is_some_and(|head| head.hash == self.hash && head.count == self.nth);
        if self.customer.is_some() && !self.is_broken && !ends_well {
            self.report(self.nth + 1, "the end of the chain is missing".to_owned());
        }
    }

    fn step(&mut self, entry: &AuditEntry, head: Option<Head>) {
        if self.customer.as_ref() != Some(&entry.customer) {
            self.end();
            (self.customer, self.nth, self.hash, self.is_broken) =
                (Some(entry.customer.clone()), 0, String::new(), false);
            self.found.chains += 1;
        }
        self.found.entries += 1;
        self.head = head;
        if !self.is_broken
            && let Some(why) = entry.flaw(&self.hash, self.nth + 1)
        {
            self.report(entry.nth, why);
        }
        (self.nth, self.hash) = (entry.nth, entry.hash.clone());
    }
}

impl Store {
    /// The ends of the chains of `customers`.
    pub(crate) async fn heads(&self, customers: BTreeSet<CustomerId>) -> Result<Heads, Error> {
        let script: Script =
            customers.iter().map(|customer| AUDIT_HEAD.with([customer.as_str().into()])).collect();
        let answers = self.db.read(script).await?;
        let mut heads = Heads::new();
        for (customer, rows) in customers.into_iter().zip(answers) {
            for row in rows {
                let mut columns = row.columns();
                heads.insert(customer.clone(), Head { hash: columns.text()?, count: columns.int()? });
            }
        }
        Ok(heads)
    }

    /// The chain of one customer, oldest entry first. What was merged into the customer has a
    /// chain of its own, named by the entry that links it.
    pub async fn audit_chain(&self, customer: &CustomerId) -> Result<Vec<AuditEntry>, Error> {
        let mut chain: Vec<AuditEntry> = Vec::new();
        for row in self.db.query(AUDIT_CHAIN.with([customer.as_str().into()])).await? {
            let entry = AuditEntry::read(&mut row.columns())?;
            match chain.last_mut() {
                Some(last) if last.seq == entry.seq => last.absorb(entry),
                _ => chain.push(entry),
            }
        }
        Ok(chain)
    }

    /// Recomputes every chain and every checkpoint, and lists what is wrong.
    pub async fn audit_verify(&self) -> Result<Verified, Error> {
        let mut walk = Walk::default();
        let mut after = (String::new(), 0);
        loop {
            let page = self
                .db
                .query(AUDIT_PAGE.with([after.0.as_str().into(), after.1.into(), PAGE.into()]))
                .await?;
            let entries = entries(page)?;
            let Some((last, _)) = entries.last() else { break };
            after = (last.customer.as_str().to_owned(), last.nth);
            for (entry, head) in entries {
                walk.step(&entry, head);
            }
        }
        walk.end();
        for row in self.db.query(AUDIT_HEADLESS.with([])).await? {
            walk.customer = Some(CustomerId::new(row.columns().text()?));
            walk.report(1, "the whole chain is missing".to_owned());
        }
        let mut found = walk.found;
        self.verify_checkpoints(&mut found).await?;
        Ok(found)
    }
}

/// The entries of a page with the ends of their chains, the rows of one entry put together.
fn entries(page: Vec<Row>) -> Result<Vec<(AuditEntry, Option<Head>)>, Error> {
    let mut entries: Vec<(AuditEntry, Option<Head>)> = Vec::new();
    for row in page {
        let mut columns = row.columns();
        let entry = AuditEntry::read(&mut columns)?;
        let head = columns.text_opt()?.zip(columns.int_opt()?).map(|(hash, count)| Head { hash, count });
        match entries.last_mut() {
            Some((last, _)) if last.seq == entry.seq => last.absorb(entry),
            _ => entries.push((entry, head)),
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_does_not_depend_on_the_order_of_keys() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b":[1,{"d":null,"c":"x"}],"a":true}"#).unwrap();
        let b: serde_json::Value =
            serde_json::from_str(r#"{ "a":true, "b":[1,{"c":"x","d":null}] }"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":true,"b":[1,{"c":"x","d":null}]}"#);
        assert_eq!(canonical(&a), canonical(&b));
    }

    #[test]
    fn a_commitment_needs_both_salt_and_value() {
        assert_ne!(commitment(&[1; 16], "ada@example.com"), commitment(&[2; 16], "ada@example.com"));
        assert_ne!(commitment(&[1; 16], "ada@example.com"), commitment(&[1; 16], "bob@example.com"));
    }
}
