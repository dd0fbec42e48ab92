//! Which objects are to be read at their source, and why.

use crate::desired::{Desired, Removal, Wish};
use crate::entitlement::ledger::{Ledger, Told};
use crate::entitlement::{Entitled, FIRST_INVOICE_WAIT, Standing};
use crate::fact::{
    Body, Charge, Checkout, CheckoutStatus, Dispute, Fact, Invoice, InvoicePayments, InvoiceStatus, Key,
    Kind, LineItems, Mode, Payment, READ_SETTLES_AFTER, Refund, Subscription, SubscriptionStatus,
};
use crate::id::SourceId;
use crate::record::Record;
use crate::sync::Sync;
use crate::target::{Holding, Target};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Why an object is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Proof before a removal.
    Proof,
    /// The goods of a finished checkout. Keyed by [`crate::fact::Kind::LineItems`] and the session.
    LineItems,
    /// Which invoices a refunded or disputed payment paid. Keyed by
    /// [`crate::fact::Kind::InvoicePayments`] and the payment.
    InvoicePayments,
    /// The charge of a refund.
    Charge,
    /// All items of a subscription whose object holds only the first.
    Items,
    /// The unpaid invoices of a subscription, for the start of grace. Keyed by
    /// [`crate::fact::Kind::Invoice`] and the id of the *subscription*: it is a list.
    OldestUnpaidInvoice,
    /// Two states of one second, or a read too soon after an event.
    Ambiguous,
    /// Other facts name it, and nobody told it.
    Untold,
    /// Its time ran out, and no newer state was told.
    Overdue,
}

impl Purpose {
    /// The purpose as one word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proof => "proof",
            Self::LineItems => "line_items",
            Self::InvoicePayments => "invoice_payments",
            Self::Charge => "charge",
            Self::Items => "items",
            Self::OldestUnpaidInvoice => "oldest_unpaid_invoice",
            Self::Ambiguous => "ambiguous",
            Self::Untold => "untold",
            Self::Overdue => "overdue",
        }
    }
}

/// One object that is to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Want {
    /// Which.
    pub object: Key,
    /// Why.
    pub purpose: Purpose,
    /// Not before this instant; `None`: at once.
    pub not_before: Option<Timestamp>,
}

/// Whether a state that a list showed and nobody asked for can ever matter: all but a charge of which nothing went
/// back, and a payment by itself. Access follows from subscriptions and checkouts; a charge only takes something from
/// them.
pub fn is_worth_keeping(body: &Body) -> bool {
    match body {
        Body::Payment(_) => false,
        Body::Charge(charge) => charge.refunded || charge.refunded_minor > 0 || charge.disputed,
        _ => true,
    }
}

/// How soon after an object was named its own event should have come.
pub const TOLD_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// How long after the end of a paid period the word of the next one should have come: renewal
/// invoices are made final about an hour after it (docs/providers.md, Stripe: invoices).
pub const RENEWAL_TOLD_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// One second more than [`READ_SETTLES_AFTER`]: a read dated then is settled.
const SETTLED: SignedDuration = SignedDuration::from_secs(READ_SETTLES_AFTER.as_secs() + 1);

/// The reads that are wanted, at most one per object, in the order of their keys.
///
/// A read is no longer wanted once its answer is among the facts; until then it stays wanted, and
/// whoever reads keeps count of the attempts.
pub fn reads(
    record: &Record,
    entitled: &Entitled,
    desired: &BTreeMap<Target, Desired>,
    syncs: &BTreeMap<Target, Sync>,
    now: Timestamp,
) -> Vec<Want> {
    let mut wants = Wants::default();
    wants.proof(desired, entitled, syncs);
    let ledger = Ledger::new(&record.facts);
    wants.goods(ledger, entitled);
    wants.money(ledger);
    wants.subscriptions(ledger, now);
    wants.untold(ledger);
    wants.ambiguous(&record.facts);
    wants.0.into_values().map(|want| spaced(want, &record.facts)).collect()
}

/// An answer that did not end the wish for it is asked for again only when another one can be expected to say more:
/// without this, a source whose reads lag would be asked as fast as it answers.
fn spaced(want: Want, facts: &BTreeMap<Key, Fact>) -> Want {
    let read = facts.get(&want.object).and_then(|fact| fact.read.as_ref());
    let Some(again) = read.map(|read| read.at + SETTLED) else { return want };
    Want { not_before: Some(want.not_before.map_or(again, |at| at.max(again))), ..want }
}

/// The wants by object: the first purpose counts, the earliest time.
#[derive(Default)]
struct Wants(BTreeMap<Key, Want>);

impl Wants {
    fn add(&mut self, object: Key, purpose: Purpose, not_before: Option<Timestamp>) {
        let want = Want { object: object.clone(), purpose, not_before };
        match self.0.entry(object) {
            Entry::Vacant(entry) => {
                entry.insert(want);
            }
            Entry::Occupied(mut entry) => {
                let known = &mut entry.get_mut().not_before;
                *known = known.zip(not_before).map(|(a, b)| a.min(b));
            }
        }
    }

    /// Every deciding object of a removal that is not proven. Where the target holds nothing, there
    /// is nothing to remove and nothing to prove.
    fn proof(
        &mut self,
        desired: &BTreeMap<Target, Desired>,
        entitled: &Entitled,
        syncs: &BTreeMap<Target, Sync>,
    ) {
        for (holder, item, wish) in desired.values().flat_map(Desired::wishes) {
            let Wish::Absent { removal: Removal::NeedsProof(objects), since, .. } = wish else { continue };
            let person = syncs.get(&item.target()).and_then(|sync| sync.observed.people.get(holder));
            let holding = person.and_then(|person| person.items.get(item));
            if matches!(holding, None | Some(Holding::Absent { .. })) {
                continue;
            }
            for object in objects {
                // Only the ends that this very object decides say from when it proves anything.
                let ends = entitled.purchases.iter().filter(|purchase| purchase.proof.contains(object));
                let ended = ends.filter_map(|purchase| match purchase.standing {
                    Standing::Over { at, .. } => Some(at),
                    _ => None,
                });
                self.add(object.clone(), Purpose::Proof, Some(ended.max().unwrap_or(*since)));
            }
        }
    }

    /// The goods of finished checkouts: they are never part of an event.
    fn goods(&mut self, ledger: Ledger<'_>, entitled: &Entitled) {
        for told in ledger.all::<Checkout>() {
            let sells = matches!(told.state.mode, Mode::Payment | Mode::Subscription);
            if told.state.status != CheckoutStatus::Complete || !sells {
                continue;
            }
            let items = ledger.get::<LineItems>(&told.key.source, &told.key.id);
            if items.is_none_or(|items| !items.state.complete) {
                let key = Key::new(&told.key.source, Kind::LineItems, &told.key.id);
                self.add(key, Purpose::LineItems, None);
            }
            let awaited = entitled
                .purchases
                .iter()
                .any(|purchase| purchase.sold_by == *told.key && purchase.price.is_none());
            if let Some(id) = told.state.subscription.as_deref().filter(|_| awaited)
                && ledger.get::<Subscription>(&told.key.source, id).is_none()
            {
                let key = Key::new(&told.key.source, Kind::Subscription, id);
                self.add(key, Purpose::Untold, Some(told.at() + TOLD_WITHIN));
            }
        }
    }

    /// What refunds and disputes are about.
    fn money(&mut self, ledger: Ledger<'_>) {
        for refund in ledger.all::<Refund>() {
            let source = &refund.key.source;
            let of_payment = |charge: &Told<'_, Charge>| {
                charge.key.source == *source
                    && refund.state.payment.is_some()
                    && charge.state.payment == refund.state.payment
            };
            let charge = match &refund.state.charge {
                Some(id) => ledger.get::<Charge>(source, id),
                None => ledger.all::<Charge>().filter(|charge| charge.state.succeeded).find(of_payment),
            };
            // The charge says what went back in all, also after a refund failed.
            let newest = charge.and_then(|charge| newest_at(charge.fact));
            let id = refund.state.charge.as_ref().or(charge.as_ref().map(|charge| &charge.key.id));
            if let Some(id) = id
                && newest.is_none_or(|at| at < refund.at())
            {
                self.add(Key::new(source, Kind::Charge, id), Purpose::Charge, Some(refund.at()));
            }
            let payment =
                refund.state.payment.as_ref().or(charge.and_then(|charge| charge.state.payment.as_ref()));
            self.payment(ledger, source, payment, charge);
        }
        for dispute in ledger.all::<Dispute>() {
            let source = &dispute.key.source;
            let charge = dispute.state.charge.as_deref();
            if let (Some(id), None, None) =
                (charge, charge.and_then(|id| ledger.get::<Charge>(source, id)), &dispute.state.payment)
            {
                self.add(Key::new(source, Kind::Charge, id), Purpose::Charge, Some(dispute.at()));
            }
            let charge = charge.and_then(|id| ledger.get::<Charge>(source, id));
            let payment =
                dispute.state.payment.as_ref().or(charge.and_then(|charge| charge.state.payment.as_ref()));
            self.payment(ledger, source, payment, charge);
        }
        for charge in
            ledger.all::<Charge>().filter(|charge| charge.state.refunded_minor > 0 || charge.state.disputed)
        {
            self.payment(ledger, &charge.key.source, charge.state.payment.as_ref(), Some(charge));
        }
    }

    /// Which invoices a payment paid, unless something known says it.
    fn payment(
        &mut self,
        ledger: Ledger<'_>,
        source: &SourceId,
        payment: Option<&String>,
        charge: Option<Told<'_, Charge>>,
    ) {
        let Some(id) = payment else { return };
        let of_checkout = ledger
            .all::<Checkout>()
            .any(|told| told.key.source == *source && told.state.payment.as_ref() == Some(id));
        let of_invoice = ledger
            .all::<Invoice>()
            .any(|told| told.key.source == *source && told.state.payment.as_ref() == Some(id));
        let says = charge.is_some_and(|charge| charge.state.invoice.is_some())
            || ledger.get::<Payment>(source, id).is_some_and(|payment| payment.state.invoice.is_some())
            || ledger.get::<InvoicePayments>(source, id).is_some();
        if !of_checkout && !of_invoice && !says {
            self.add(Key::new(source, Kind::InvoicePayments, id), Purpose::InvoicePayments, None);
        }
    }

    fn subscriptions(&mut self, ledger: Ledger<'_>, now: Timestamp) {
        for told in ledger.all::<Subscription>() {
            let source = &told.key.source;
            let subscription = told.state;
            if !subscription.items_complete {
                self.add(told.key.clone(), Purpose::Items, None);
            }
            let bills = |invoice: &Told<'_, Invoice>| {
                invoice.key.source == *source && invoice.state.subscription.as_ref() == Some(&told.key.id)
            };
            let invoices: Vec<_> = ledger.all::<Invoice>().filter(bills).collect();
            let latest = subscription.latest_invoice.as_deref();
            let latest_is_told = latest.is_some_and(|id| ledger.get::<Invoice>(source, id).is_some());
            let is_owed = |status| matches!(status, InvoiceStatus::Open | InvoiceStatus::Uncollectible);
            // Later the status alone is believed.
            let is_new = now < subscription.created_at + FIRST_INVOICE_WAIT;
            match subscription.status {
                SubscriptionStatus::PastDue
                    if !invoices.iter().any(|invoice| is_owed(invoice.state.status)) =>
                {
                    let key = Key::new(source, Kind::Invoice, &told.key.id);
                    self.add(key, Purpose::OldestUnpaidInvoice, None);
                }
                SubscriptionStatus::Active if is_new && invoices.is_empty() && !latest_is_told => {
                    if let Some(id) = latest {
                        let key = Key::new(source, Kind::Invoice, id);
                        self.add(key, Purpose::Untold, Some(told.at() + TOLD_WITHIN));
                    }
                }
                _ => {}
            }
            if awaited_word(told).is_some_and(|due| now >= due) {
                self.add(told.key.clone(), Purpose::Overdue, None);
            }
        }
    }

    /// What other facts name and nobody told: the subscription of an invoice, the invoice of a
    /// refunded or disputed payment.
    fn untold(&mut self, ledger: Ledger<'_>) {
        for link in ledger.all::<InvoicePayments>() {
            for id in &link.state.invoices {
                if ledger.get::<Invoice>(&link.key.source, id).is_none() {
                    self.add(Key::new(&link.key.source, Kind::Invoice, id), Purpose::Untold, None);
                }
            }
        }
        let named = ledger
            .all::<Invoice>()
            .filter_map(|invoice| Some((invoice, invoice.state.subscription.as_deref()?)));
        for (invoice, id) in named {
            if ledger.get::<Subscription>(&invoice.key.source, id).is_none() {
                let key = Key::new(&invoice.key.source, Kind::Subscription, id);
                self.add(key, Purpose::Untold, Some(invoice.at() + TOLD_WITHIN));
            }
        }
    }

    /// Objects whose state cannot be told from what is known. How a delayed payment ended is told
    /// by events alone: it cannot be read.
    fn ambiguous(&mut self, facts: &BTreeMap<Key, Fact>) {
        for (key, fact) in facts {
            if key.kind == Kind::CheckoutOutcome || !fact.current().is_provisional {
                continue;
            }
            let event = fact.event.as_ref().map(|event| event.at + SETTLED);
            let read = fact.read.as_ref().filter(|read| read.ambiguous);
            let read = read.map(|read| read.at + SignedDuration::from_secs(1));
            self.add(key.clone(), Purpose::Ambiguous, event.max(read));
        }
    }
}

/// When a subscription becomes overdue for the first time after `now`, if nothing new is told.
pub(crate) fn next_overdue(facts: &BTreeMap<Key, Fact>, now: Timestamp) -> Option<Timestamp> {
    Ledger::new(facts).all::<Subscription>().filter_map(awaited_word).filter(|due| *due > now).min()
}

/// When a live subscription should have told its next state (its end, or its next period), if
/// nothing newer than that is known.
fn awaited_word(told: Told<'_, Subscription>) -> Option<Timestamp> {
    let subscription = told.state;
    let live = matches!(subscription.status, SubscriptionStatus::Active | SubscriptionStatus::Trialing);
    let period = subscription.items.iter().filter_map(|item| item.period_end_at).min();
    let due = match subscription.cancel_at {
        Some(at) => Some(at + SETTLED),
        None if subscription.cancel_at_period_end => period.map(|at| at + SETTLED),
        None => period.map(|at| at + RENEWAL_TOLD_WITHIN),
    };
    due.filter(|due| live && newest_at(told.fact).is_none_or(|at| at < *due))
}

/// The newest time at which an object was told or read.
fn newest_at(fact: &Fact) -> Option<Timestamp> {
    let event = fact.event.as_ref().map(|event| event.at);
    event.max(fact.read.as_ref().map(|read| read.at))
}
