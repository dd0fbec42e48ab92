//! Manual grants and revocations: an operator's word enters the journal, and is applied like an event.

use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::Subject;
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Evidence, Fact, Kind, Learnt, Version};
use frontdesk_core::id::{CustomerId, EntitlementId, EntryId, SourceId};
use frontdesk_core::outlook::{Shift, shifts};
use frontdesk_core::record::{Assembled, Record, Tie, assemble};
use frontdesk_core::ruling::{OPERATOR, Ruling, Verdict};
use frontdesk_core::target::Holder;
use frontdesk_store::{AuditDraft, EntryKind, EntryState, Error, NewEntry, Personal, Write};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an operator's ruling is called in the journal.
const EVENT_TYPE: &str = "operator.ruling";
/// The least by which a later act is later.
const LATER: SignedDuration = SignedDuration::from_millis(1);

/// Whom a ruling is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A customer who is known.
    Customer(CustomerId),
    /// An address that nobody knows yet: a record begins with it.
    Address(Email),
}

/// A grant or revocation that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// About whom.
    pub whom: Whom,
    /// Whose use of it: the customer's, or of somebody to whom they gave something.
    pub holder: Holder,
    /// What was decided.
    pub verdict: Verdict,
    /// About which entitlement of the catalogue.
    pub entitlement: EntitlementId,
    /// Until when it counts; `None`: until somebody rules otherwise.
    pub until: Option<Timestamp>,
    /// Whether a purchase that begins later ends it.
    pub until_bought: bool,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a ruling comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The journal entry; `None` where it was only looked ahead.
    pub entry: Option<EntryId>,
    /// The customer; `None` where a record would begin.
    pub customer: Option<CustomerId>,
    /// Under which address access is given or taken.
    pub address: Option<Email>,
    /// What it changes in what the targets should hold.
    pub shifts: Vec<Shift>,
}

/// A ruling as it stands in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    at: Timestamp,
    ruling: Ruling,
}

/// The ruling in an operator's entry; `None` for acts of another kind.
pub(crate) fn ruled(body: &[u8]) -> Result<Option<(Timestamp, Ruling)>, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_slice(body)?;
    if value.get("ruling").is_none() {
        return Ok(None);
    }
    let written: Written = serde_json::from_value(value)?;
    Ok(Some((written.at, written.ruling)))
}

/// What of a record leads back to it for certain: its customer at a source, else an address, else anything.
fn anchor(record: &Record) -> Option<&Tie> {
    let rank = |tie: &&Tie| match tie {
        Tie::Object(key) if key.kind == Kind::Customer => 0,
        Tie::Address(_) => 1,
        Tie::Object(_) => 2,
    };
    record.ties.iter().min_by_key(rank)
}

/// The instant of an act: later than every ruling that it is to lift, also where the clock jumped back.
fn instant(record: Option<&Record>, now: Timestamp) -> Timestamp {
    let facts = record.into_iter().flat_map(|record| &record.facts);
    let rulings = facts.filter(|(key, _)| key.kind == Kind::Ruling);
    let newest = rulings.map(|(_, fact)| Fact::current(fact).version.at).max();
    let after = newest.and_then(|at| at.checked_add(LATER).ok());
    after.map_or(now, |after| after.max(now))
}

impl<P: Ports> Engine<P> {
    /// Works out what a ruling would change. Nothing is written. `None`: the customer is not there any more.
    pub async fn would_rule(&self, order: &Order) -> Result<Option<Ruled>, Error> {
        let Some((subject, written)) = self.drafted(order).await? else { return Ok(None) };
        self.foreseen(subject, &written).await.map(Some)
    }

    /// Enters a ruling into the journal and applies it. `None`: the customer is not there any more.
    pub async fn rule(&self, order: &Order) -> Result<Option<Ruled>, Error> {
        let Some((subject, written)) = self.drafted(order).await? else { return Ok(None) };
        let foreseen = self.foreseen(subject, &written).await?;
        let id = self.new_entry_id();
        let entry = NewEntry {
            id: id.clone(),
            source: SourceId::new(OPERATOR),
            event_key: id.to_string(),
            kind: EntryKind::Operator,
            event_type: EVENT_TYPE.to_owned(),
            object_id: Some(id.to_string()),
            object_created_at: Some(written.at),
            livemode: None,
            api_version: None,
            received_at: self.ports().now_wall(),
            verified_by: None,
            headers: "{}".to_owned(),
            body: serde_json::to_vec(&written).expect("a ruling is made of words and times"),
            state: EntryState::Pending,
            reason: None,
        };
        self.store().journal_insert(entry).await?;
        let mut customer = foreseen.customer.clone();
        if let Some(stored) = self.store().journal_entry(&id).await? {
            self.apply(&stored).await?;
            let applied = self.store().journal_entry(&id).await?;
            customer = applied.and_then(|stored| stored.entry.customer).or(customer);
        }
        tracing::info!(entry.id = %id, verdict = order.verdict.as_str(), "an operator ruled");
        Ok(Some(Ruled { entry: Some(id), customer, ..foreseen }))
    }

    /// The record that a ruling is about, and the ruling as it will stand in the journal.
    async fn drafted(&self, order: &Order) -> Result<Option<(Option<Subject>, Written)>, Error> {
        let subject = match &order.whom {
            Whom::Customer(customer) => match Subject::load(self.store(), customer).await? {
                None => return Ok(None),
                known => known,
            },
            Whom::Address(_) => None,
        };
        let record = subject.as_ref().map(|subject| &subject.record);
        let about = match (&order.whom, record.and_then(anchor)) {
            (_, Some(tie)) => tie.clone(),
            (Whom::Address(address), None) => Tie::Address(address.clone()),
            (Whom::Customer(_), None) => return Ok(None),
        };
        let own = record.and_then(Record::access_address);
        let holder = match &order.holder {
            Holder::Beneficiary(address) if own.as_ref() == Some(address) => Holder::Customer,
            holder => holder.clone(),
        };
        let ruling = Ruling {
            verdict: order.verdict,
            entitlement: order.entitlement.clone(),
            about,
            holder,
            until: order.until,
            until_bought: order.until_bought,
            by: order.by.clone(),
            reason: order.reason.clone(),
        };
        let at = instant(record, self.ports().now_wall());
        Ok(Some((subject, Written { at, ruling })))
    }

    /// What a ruling changes in what the targets should hold.
    async fn foreseen(&self, subject: Option<Subject>, written: &Written) -> Result<Ruled, Error> {
        let now = self.ports().now_wall();
        let id = EntryId::new("fde_foreseen");
        let evidence = Evidence { origin: OPERATOR.to_owned(), entry: id.clone() };
        let body = frontdesk_core::fact::Body::Ruling(written.ruling.clone());
        let told = (Ruling::key(&id), Learnt::Event, Version::new(written.at, body, evidence));
        let existing = subject.iter().map(|subject| subject.record.clone()).collect();
        let mut assembled = assemble(existing, vec![told], &id, i64::MAX);
        let record = assembled.records.pop().expect("a ruling belongs to the record that it is about");
        let address = match &written.ruling.holder {
            Holder::Customer => record.access_address(),
            Holder::Beneficiary(address) => Some(address.clone()),
        };
        let Some(subject) = subject else {
            let after = Subject::new(record).decide(self, &[], now);
            let shifts = shifts(&BTreeMap::new(), &after.desired, &BTreeMap::new());
            return Ok(Ruled { entry: None, customer: None, address, shifts });
        };
        let others = subject.others(self.store()).await?;
        let before = subject.decide(self, &others, now);
        let after = Subject { record, ..subject.clone() }.decide(self, &others, now);
        let shifts = shifts(&before.desired, &after.desired, &subject.syncs);
        Ok(Ruled { entry: None, customer: Some(subject.record.id), address, shifts })
    }

    /// A ruling is part of its customer's history. Why it was made may be personal, so it can be erased.
    pub(crate) fn audit_of_ruling(
        &self,
        record: &Record,
        assembled: &Assembled,
        now: Timestamp,
    ) -> Vec<Write> {
        let changed = assembled.changed.iter().filter_map(|key| Some((key, record.facts.get(key)?)));
        let rulings =
            changed.filter_map(|(key, fact)| Some((key, Ruling::of(&fact.current().version.body)?)));
        let draft = |(key, ruling): (&frontdesk_core::fact::Key, &Ruling)| {
            let mut salt = [0u8; 16];
            self.ports().random(&mut salt);
            Write::Audit(AuditDraft {
                customer: record.id.clone(),
                linked: None,
                at: now,
                action: ruling.verdict.as_str().to_owned(),
                cause: key.id.clone(),
                node: self.settings().node.clone(),
                before: serde_json::Value::Null,
                after: serde_json::json!({
                    "entitlement": ruling.entitlement, "until": ruling.until, "by": ruling.by,
                }),
                personal: vec![Personal { field: "reason".to_owned(), value: ruling.reason.clone(), salt }],
            })
        };
        rulings.map(draft).collect()
    }
}
