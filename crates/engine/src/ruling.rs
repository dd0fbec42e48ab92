//! Manual grants and revocations: an operator's word enters the journal, and is applied like an event.

use crate::engine::Engine;
use crate::pairing;
use crate::ports::Ports;
use crate::subject::Subject;
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Body, Evidence, Fact, Key, Kind, Learnt, Version};
use frontdesk_core::id::{CustomerId, EntitlementId, EntryId, SourceId};
use frontdesk_core::outlook::{Shift, shifts};
use frontdesk_core::pairing::Pairing;
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

/// What a person said in an operator's entry; `None` for acts from which no fact follows.
pub(crate) fn said(
    body: &[u8],
    entry: &EntryId,
) -> Result<Option<(Timestamp, Key, Body)>, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_slice(body)?;
    if value.get("ruling").is_some() {
        let Written { at, ruling } = serde_json::from_value(value)?;
        return Ok(Some((at, Ruling::key(entry), Body::Ruling(ruling))));
    }
    if value.get("pairing").is_some() {
        let pairing::Written { at, pairing } = serde_json::from_value(value)?;
        return Ok(Some((at, Pairing::key(entry), Body::Pairing(pairing))));
    }
    Ok(None)
}

/// What of a record leads back to it for certain: its customer at a source, else an address, else anything.
pub(crate) fn anchor(record: &Record) -> Option<&Tie> {
    let rank = |tie: &&Tie| match tie {
        Tie::Object(key) if key.kind == Kind::Customer => 0,
        Tie::Address(_) => 1,
        Tie::Object(_) => 2,
    };
    record.ties.iter().min_by_key(rank)
}

/// The instant of an act: later than every word of a person that it is to lift, also where the clock jumped back.
pub(crate) fn instant(record: Option<&Record>, now: Timestamp) -> Timestamp {
    let facts = record.into_iter().flat_map(|record| &record.facts);
    let by_hand = facts.filter(|(key, _)| key.kind.is_by_hand());
    let newest = by_hand.map(|(_, fact)| Fact::current(fact).version.at).max();
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
        let (id, customer) = self.enter_word(EVENT_TYPE, written.at, &written).await?;
        let customer = customer.or_else(|| foreseen.customer.clone());
        tracing::info!(entry.id = %id, verdict = order.verdict.as_str(), "an operator ruled");
        Ok(Some(Ruled { entry: Some(id), customer, ..foreseen }))
    }

    /// Enters what a person said at `at` into the journal and applies it. Returns the entry, and the customer about whom it
    /// turned out to be.
    pub(crate) async fn enter_word<T: Serialize>(
        &self,
        event_type: &str,
        at: Timestamp,
        written: &T,
    ) -> Result<(EntryId, Option<CustomerId>), Error> {
        let id = self.new_entry_id();
        let entry = NewEntry {
            id: id.clone(),
            source: SourceId::new(OPERATOR),
            event_key: id.to_string(),
            kind: EntryKind::Operator,
            event_type: event_type.to_owned(),
            object_id: Some(id.to_string()),
            object_created_at: Some(at),
            livemode: None,
            api_version: None,
            received_at: self.ports().now_wall(),
            verified_by: None,
            headers: "{}".to_owned(),
            body: serde_json::to_vec(written).expect("what people say is made of words, numbers and times"),
            state: EntryState::Pending,
            reason: None,
        };
        self.store().journal_insert(entry).await?;
        let Some(stored) = self.store().journal_entry(&id).await? else { return Ok((id, None)) };
        self.apply(&stored).await?;
        let applied = self.store().journal_entry(&id).await?;
        Ok((id, applied.and_then(|stored| stored.entry.customer)))
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
        let body = Body::Ruling(written.ruling.clone());
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

    /// What a person said is part of their customer's history. Why may be personal, so it can be erased.
    pub(crate) fn audit_of_words(
        &self,
        record: &Record,
        assembled: &Assembled,
        now: Timestamp,
    ) -> Vec<Write> {
        let changed = assembled.changed.iter().filter_map(|key| Some((key, record.facts.get(key)?)));
        let draft = |(key, fact): (&Key, &Fact)| {
            let (action, after, reason) = match &fact.current().version.body {
                Body::Ruling(Ruling { verdict, entitlement, until, by, reason, .. }) => {
                    let after = serde_json::json!({ "entitlement": entitlement, "until": until, "by": by });
                    (verdict.as_str(), after, reason)
                }
                Body::Pairing(Pairing { word, target, member, by, reason, .. }) => {
                    let after = serde_json::json!({ "target": target, "member": member, "by": by });
                    (pairing::action(*word), after, reason)
                }
                _ => return None,
            };
            let mut salt = [0u8; 16];
            self.ports().random(&mut salt);
            Some(Write::Audit(AuditDraft {
                customer: record.id.clone(),
                linked: None,
                at: now,
                action: action.to_owned(),
                cause: key.id.clone(),
                node: self.settings().node.clone(),
                before: serde_json::Value::Null,
                after,
                personal: vec![Personal { field: "reason".to_owned(), value: reason.clone(), salt }],
            }))
        };
        changed.filter_map(draft).collect()
    }
}
