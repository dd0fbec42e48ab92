//! All facts of one customer, and the ties that make two records one.

use crate::email::Email;
use crate::entitlement::ledger::{Ledger, Told};
use crate::fact::{Body, Checkout, CheckoutStatus, Customer, Fact, Invoice, Key, Kind, Learnt, Version};
use crate::id::{CustomerId, EntryId};
use crate::ruling::Ruling;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What makes two facts belong to one customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// Both are about, or name, this object.
    Object(Key),
    /// Both are finished checkouts with this address, or rulings about it.
    Address(Email),
}

/// The ties of one state of one object: a set function, so that the order of learning does not
/// matter.
///
/// Every object ties to itself and to each object that it names. An address ties only when a
/// buyer finished a checkout with it (DESIGN §4), or an operator named it in a ruling: the address of
/// a customer object, an invoice or a charge can be edited by staff and proves nothing. Prices and products are no ties: everybody
/// buys the same ones.
pub fn ties(key: &Key, body: &Body) -> BTreeSet<Tie> {
    let name =
        |kind: Kind, id: &Option<String>| id.as_ref().map(|id| Tie::Object(Key::new(&key.source, kind, id)));
    let mut ties: BTreeSet<Tie> = [Tie::Object(key.clone())].into();
    match body {
        Body::Customer(_) => {}
        Body::Checkout(checkout) => {
            ties.extend(name(Kind::Customer, &checkout.customer));
            ties.extend(name(Kind::Subscription, &checkout.subscription));
            ties.extend(name(Kind::Payment, &checkout.payment));
            ties.extend(name(Kind::Invoice, &checkout.invoice));
            if checkout.status == CheckoutStatus::Complete {
                ties.extend(checkout.email.as_deref().and_then(Email::parse).map(Tie::Address));
            }
        }
        Body::CheckoutOutcome(_) | Body::LineItems(_) => {
            ties.insert(Tie::Object(Key::new(&key.source, Kind::Checkout, &key.id)));
        }
        Body::Subscription(subscription) => {
            ties.extend(name(Kind::Customer, &subscription.customer));
            ties.extend(name(Kind::Invoice, &subscription.latest_invoice));
        }
        Body::Invoice(invoice) => {
            ties.extend(name(Kind::Customer, &invoice.customer));
            ties.extend(name(Kind::Subscription, &invoice.subscription));
            ties.extend(name(Kind::Payment, &invoice.payment));
            ties.extend(name(Kind::Charge, &invoice.charge));
        }
        Body::InvoicePayments(payments) => {
            ties.insert(Tie::Object(Key::new(&key.source, Kind::Payment, &key.id)));
            let invoice = |id: &String| Tie::Object(Key::new(&key.source, Kind::Invoice, id));
            ties.extend(payments.invoices.iter().map(invoice));
        }
        Body::Payment(payment) => {
            ties.extend(name(Kind::Customer, &payment.customer));
            ties.extend(name(Kind::Invoice, &payment.invoice));
        }
        Body::Charge(charge) => {
            ties.extend(name(Kind::Customer, &charge.customer));
            ties.extend(name(Kind::Payment, &charge.payment));
            ties.extend(name(Kind::Invoice, &charge.invoice));
        }
        Body::Refund(refund) => {
            ties.extend(name(Kind::Charge, &refund.charge));
            ties.extend(name(Kind::Payment, &refund.payment));
        }
        Body::Dispute(dispute) => {
            ties.extend(name(Kind::Charge, &dispute.charge));
            ties.extend(name(Kind::Payment, &dispute.payment));
        }
        Body::Ruling(ruling) => {
            ties.insert(ruling.about.clone());
        }
        Body::Pairing(pairing) => {
            ties.insert(pairing.about.clone());
        }
    }
    ties
}

/// The addresses in one state that lead to its record when somebody looks one up. They tie
/// nothing.
pub fn addresses(body: &Body) -> BTreeSet<Email> {
    let written = match body {
        Body::Customer(customer) => &customer.email,
        Body::Checkout(checkout) => &checkout.email,
        Body::Invoice(invoice) => &invoice.email,
        Body::Ruling(ruling) => return named(ruling).cloned().into_iter().collect(),
        _ => &None,
    };
    written.as_deref().and_then(Email::parse).into_iter().collect()
}

/// The address that a person named in a ruling.
fn named(ruling: &Ruling) -> Option<&Email> {
    match &ruling.about {
        Tie::Address(address) => Some(address),
        Tie::Object(_) => None,
    }
}

/// All that is known of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Our canonical id.
    pub id: CustomerId,
    /// The journal's sequence number of the entry that first needed the record. Of records that
    /// become one, the lowest survives.
    pub first_seq: i64,
    /// The newest known state of each object.
    pub facts: BTreeMap<Key, Fact>,
    /// Every tie that any version ever gave, also versions that are superseded by now.
    pub ties: BTreeSet<Tie>,
}

impl Record {
    /// Nothing person-like is known yet (no customer at a source, no address of a finished
    /// checkout): facts wait under their payment object.
    pub fn is_provisional(&self) -> bool {
        !self.ties.iter().any(|tie| match tie {
            Tie::Object(key) => key.kind == Kind::Customer,
            Tie::Address(_) => true,
        })
    }

    /// The address under which access is given: that of the earliest finished checkout, else of
    /// the earliest invoice, else of the customer object, else the one that a person first ruled about.
    ///
    /// Stable on purpose: a changed billing address moves mail, not access (DESIGN §4).
    pub fn access_address(&self) -> Option<Email> {
        access_address(&self.facts)
    }

    /// The address to write to: of the customer object that changed last, else of the newest
    /// finished checkout, else of the newest invoice.
    pub fn mail_address(&self) -> Option<Email> {
        let ledger = Ledger::new(&self.facts);
        let customers = newest(ledger.all::<Customer>().filter(|told| !told.state.deleted), Told::at);
        let checkouts = newest(finished(ledger), |told| told.state.created_at);
        let invoices = newest(ledger.all::<Invoice>(), |told| told.state.created_at);
        let first = |mut written: Box<dyn Iterator<Item = &Option<String>> + '_>| {
            written.find_map(|email| email.as_deref().and_then(Email::parse))
        };
        first(Box::new(customers.iter().map(|told| &told.state.email)))
            .or_else(|| first(Box::new(checkouts.iter().map(|told| &told.state.email))))
            .or_else(|| first(Box::new(invoices.iter().map(|told| &told.state.email))))
            .or_else(|| self.access_address())
    }

    /// The name, as last told: by the customer object, else at a finished checkout, else on an
    /// invoice.
    pub fn name(&self) -> Option<String> {
        let ledger = Ledger::new(&self.facts);
        let customers = newest(ledger.all::<Customer>(), Told::at);
        let checkouts = newest(finished(ledger), |told| told.state.created_at);
        let invoices = newest(ledger.all::<Invoice>(), |told| told.state.created_at);
        let names = customers.iter().map(|told| &told.state.name);
        let names = names.chain(checkouts.iter().map(|told| &told.state.name));
        let mut names = names.chain(invoices.iter().map(|told| &told.state.name));
        names.find_map(|name| name.clone().filter(|name| !name.trim().is_empty()))
    }

    /// The language, as last told: of the newest finished checkout that names one, else the one
    /// that the customer object prefers.
    pub fn locale(&self) -> Option<String> {
        let ledger = Ledger::new(&self.facts);
        let checkouts = newest(finished(ledger), |told| told.state.created_at);
        let customers = newest(ledger.all::<Customer>(), Told::at);
        let chosen = checkouts.iter().filter_map(|told| told.state.locale.clone());
        // `auto` is what a page says that lets the browser decide: it names no language.
        let mut chosen = chosen.filter(|locale| locale != "auto");
        chosen.next().or_else(|| customers.iter().find_map(|told| told.state.locales.first().cloned()))
    }
}

/// See [`Record::access_address`].
pub(crate) fn access_address(facts: &BTreeMap<Key, Fact>) -> Option<Email> {
    let ledger = Ledger::new(facts);
    let parse = |email: &Option<String>| email.as_deref().and_then(Email::parse);
    let checkouts = newest(finished(ledger), |told| told.state.created_at);
    let invoices = newest(ledger.all::<Invoice>(), |told| told.state.created_at);
    let customers = newest(ledger.all::<Customer>(), Told::at);
    let rulings = newest(ledger.all::<Ruling>(), Told::at);
    let earliest = checkouts.iter().rev().find_map(|told| parse(&told.state.email));
    earliest
        .or_else(|| invoices.iter().rev().find_map(|told| parse(&told.state.email)))
        .or_else(|| customers.iter().rev().find_map(|told| parse(&told.state.email)))
        .or_else(|| rulings.iter().rev().find_map(|told| named(told.state).cloned()))
}

/// The checkouts that a buyer finished.
fn finished(ledger: Ledger<'_>) -> impl Iterator<Item = Told<'_, Checkout>> {
    ledger.all::<Checkout>().filter(|told| told.state.status == CheckoutStatus::Complete)
}

/// Sorted by time, newest first; equal times by key, so that no order of arrival shows.
fn newest<'a, T: 'a>(
    told: impl Iterator<Item = Told<'a, T>>,
    at: impl Fn(&Told<'a, T>) -> jiff::Timestamp,
) -> Vec<Told<'a, T>> {
    let mut sorted: Vec<_> = told.collect();
    sorted.sort_by(|a, b| at(b).cmp(&at(a)).then_with(|| b.key.cmp(a.key)));
    sorted
}

/// What [`assemble`] made of new versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assembled {
    /// The records that were touched, as they are now, by id.
    pub records: Vec<Record>,
    /// Records that became part of another: (loser, survivor).
    pub merged: Vec<(CustomerId, CustomerId)>,
    /// Records that did not exist before.
    pub created: Vec<CustomerId>,
    /// Objects whose fact changed.
    pub changed: BTreeSet<Key>,
}

/// Joins new versions into the records that they tie together. Pure; apply and rebuild use it
/// alike.
///
/// `existing` are the live records that share a tie with any of `learnt`. Records that no new
/// version touches are not returned. `entry` and `seq` are the journal entry's id and sequence
/// number: they name new records.
pub fn assemble(
    existing: Vec<Record>,
    learnt: Vec<(Key, Learnt, Version)>,
    entry: &EntryId,
    seq: i64,
) -> Assembled {
    let mut parts: Vec<Part> = existing.into_iter().map(Part::from).collect();
    parts.sort_by_key(|part| part.record.as_ref().map(standing));
    for (key, how, version) in learnt {
        let ties = ties(&key, &version.body);
        let part =
            Part { record: None, losers: Vec::new(), ties, learnt: vec![(key, Fact::new(how, version))] };
        join_into(&mut parts, part);
    }

    let mut assembled = Assembled::default();
    let mut fresh: Vec<Part> = Vec::new();
    for part in parts {
        match part.record {
            Some(_) if part.learnt.is_empty() => {}
            Some(_) => assembled.take(part),
            None => fresh.push(part),
        }
    }
    // Named in the order of their smallest object, so that a rebuild names them alike.
    fresh.sort_by(|a, b| a.ties.first().cmp(&b.ties.first()));
    for (nth, mut part) in (0..).zip(fresh) {
        let id = CustomerId::first_needed_by(entry, nth);
        assembled.created.push(id.clone());
        part.record = Some(Record { id, first_seq: seq, facts: BTreeMap::new(), ties: BTreeSet::new() });
        assembled.take(part);
    }
    assembled.records.sort_by(|a, b| a.id.cmp(&b.id));
    assembled.merged.sort();
    assembled
}

/// Facts that belong together: at most one surviving record, and what is new.
struct Part {
    record: Option<Record>,
    losers: Vec<CustomerId>,
    ties: BTreeSet<Tie>,
    learnt: Vec<(Key, Fact)>,
}

impl From<Record> for Part {
    fn from(record: Record) -> Self {
        Self { ties: record.ties.clone(), record: Some(record), losers: Vec::new(), learnt: Vec::new() }
    }
}

/// Which of two records survives: the lower.
fn standing(record: &Record) -> (i64, CustomerId) {
    (record.first_seq, record.id.clone())
}

/// Adds a part, joining it with every part that it shares a tie with.
fn join_into(parts: &mut Vec<Part>, mut part: Part) {
    let mut kept = Vec::with_capacity(parts.len() + 1);
    for other in parts.drain(..) {
        if other.ties.is_disjoint(&part.ties) {
            kept.push(other);
        } else {
            part.absorb(other);
        }
    }
    kept.push(part);
    *parts = kept;
}

impl Part {
    fn absorb(&mut self, other: Self) {
        self.ties.extend(other.ties);
        self.learnt.extend(other.learnt);
        self.losers.extend(other.losers);
        self.record = match (self.record.take(), other.record) {
            (Some(a), Some(b)) => {
                let (mut survivor, loser) = if standing(&a) < standing(&b) { (a, b) } else { (b, a) };
                self.losers.push(loser.id);
                for (key, fact) in loser.facts {
                    join_fact(&mut survivor.facts, key, fact);
                }
                Some(survivor)
            }
            (a, b) => a.or(b),
        };
    }
}

impl Assembled {
    fn take(&mut self, part: Part) {
        let mut record = part.record.expect("both callers fill it");
        for (key, fact) in part.learnt {
            if join_fact(&mut record.facts, key.clone(), fact) {
                self.changed.insert(key);
            }
        }
        record.ties.extend(part.ties);
        self.merged.extend(part.losers.into_iter().map(|loser| (loser, record.id.clone())));
        self.records.push(record);
    }
}

/// Joins one fact into a record; whether that changed anything.
fn join_fact(facts: &mut BTreeMap<Key, Fact>, key: Key, fact: Fact) -> bool {
    let known = facts.remove(&key);
    let joined = match known.clone() {
        Some(known) => known.join(fact),
        None => fact,
    };
    let changed = known.as_ref() != Some(&joined);
    facts.insert(key, joined);
    changed
}
