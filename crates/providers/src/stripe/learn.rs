//! What an event teaches: facts, or the reason why it has no effect.

use super::envelope::{self, EnvelopeError};
use super::facts;
use super::verify::Verified;
use super::wire::{Node, Unreadable};
use frontdesk_core::fact::{Body, CheckoutOutcome, Key, Kind};
use frontdesk_core::id::SourceId;
use jiff::Timestamp;

/// The event types that an endpoint should send; the others may be left off.
///
/// Source: `docs/providers.md`, *Stripe: events to subscribe to*.
pub const SUBSCRIBED: [&str; 25] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// What an authentic event comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Learning {
    /// It tells the state of objects.
    Facts {
        /// When, by the source's time: the event's `created`.
        at: Timestamp,
        /// The objects and their states; each key once.
        facts: Vec<(Key, Body)>,
    },
    /// It is understood, and changes nothing.
    NoEffect(NoEffect),
    /// Its type is handled and its object cannot be read: it goes into quarantine.
    Unreadable(Unreadable),
}

/// Why an understood event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoEffect {
    /// Frontdesk has no use for events of this type.
    TypeNotHandled,
    /// A summary of Stripe's own entitlements: access follows from payments, and the subscriptions
    /// that the summary follows from send their own events.
    EntitlementSummary,
}

impl NoEffect {
    /// The reason as operators read it.
    pub const fn why(self) -> &'static str {
        match self {
            Self::TypeNotHandled => "type not handled",
            Self::EntitlementSummary => {
                "an entitlement summary repeats what the subscription's own events say"
            }
        }
    }
}

/// Turns one event into facts of the source account `source`.
///
/// Every fact is the newest state of one object, dated by the event's `created`;
/// `data.previous_attributes` is not read, because a state needs no history. The end of a delayed
/// payment also gives a [`CheckoutOutcome`]: the session itself says `unpaid` both while the money
/// is under way and after it failed.
///
/// # Errors
///
/// When the bytes are no event at all. An event whose handled object cannot be read is no error
/// but [`Learning::Unreadable`].
pub fn learn(event: &Verified<'_>, source: &SourceId) -> Result<Learning, EnvelopeError> {
    let value = envelope::parse(event)?;
    let envelope = envelope::open(&value)?;
    let object = Node::root(&value).needed_object("data")?.needed_object("object")?;
    Ok(match object_facts(&envelope.event_type, &object, source) {
        Ok(Some(facts)) => Learning::Facts { at: envelope.created_at, facts },
        Ok(None) if envelope.event_type == "entitlements.active_entitlement_summary.updated" => {
            Learning::NoEffect(NoEffect::EntitlementSummary)
        }
        Ok(None) => Learning::NoEffect(NoEffect::TypeNotHandled),
        Err(unreadable) => Learning::Unreadable(unreadable),
    })
}

/// The facts of one object under an event type; `None` when the type is not handled.
fn object_facts(
    event_type: &str,
    object: &Node<'_>,
    source: &SourceId,
) -> Result<Option<Vec<(Key, Body)>>, Unreadable> {
    let Some(kind) = kind_of(event_type) else { return Ok(None) };
    let id = object.needed_text("id")?;
    let mut facts = vec![(Key::new(source, kind, &id), body(kind, object)?)];
    let outcome = match event_type {
        "checkout.session.async_payment_succeeded" => Some(true),
        "checkout.session.async_payment_failed" => Some(false),
        _ => None,
    };
    if let Some(succeeded) = outcome {
        let key = Key::new(source, Kind::CheckoutOutcome, &id);
        facts.push((key, Body::CheckoutOutcome(CheckoutOutcome { succeeded })));
    }
    if let (_, Body::Customer(customer)) = &mut facts[0] {
        // The event carries the last full state, without the mark that a read would show.
        customer.deleted |= event_type == "customer.deleted";
    }
    Ok(Some(facts))
}

/// The kind of object that events of a handled type carry.
fn kind_of(event_type: &str) -> Option<Kind> {
    Some(match event_type {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => Kind::Checkout,
        "customer.created" | "customer.updated" | "customer.deleted" => Kind::Customer,
        "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed"
        | "customer.subscription.trial_will_end"
        | "customer.subscription.pending_update_applied"
        | "customer.subscription.pending_update_expired" => Kind::Subscription,
        "invoice.created"
        | "invoice.updated"
        | "invoice.finalized"
        | "invoice.paid"
        | "invoice.payment_succeeded"
        | "invoice.payment_failed"
        | "invoice.payment_action_required"
        | "invoice.overdue"
        | "invoice.voided"
        | "invoice.marked_uncollectible" => Kind::Invoice,
        "payment_intent.created"
        | "payment_intent.processing"
        | "payment_intent.requires_action"
        | "payment_intent.amount_capturable_updated"
        | "payment_intent.partially_funded"
        | "payment_intent.succeeded"
        | "payment_intent.payment_failed"
        | "payment_intent.canceled" => Kind::Payment,
        "charge.succeeded" | "charge.failed" | "charge.pending" | "charge.captured" | "charge.expired"
        | "charge.updated" | "charge.refunded" => Kind::Charge,
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => Kind::Refund,
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => Kind::Dispute,
        _ => return None,
    })
}

/// The state of an object of which Stripe has one form in events and reads alike.
///
/// # Panics
///
/// For the kinds that Stripe has no object of: the outcome and the goods of a checkout and the
/// invoices of a payment are made by whoever knows where they were found, rulings and pairings by operators.
pub(super) fn body(kind: Kind, object: &Node<'_>) -> Result<Body, Unreadable> {
    Ok(match kind {
        Kind::Customer => Body::Customer(facts::customer(object)?),
        Kind::Checkout => Body::Checkout(facts::checkout(object)?),
        Kind::Subscription => Body::Subscription(facts::subscription(object)?),
        Kind::Invoice => Body::Invoice(facts::invoice(object)?),
        Kind::Payment => Body::Payment(facts::payment(object)?),
        Kind::Charge => Body::Charge(facts::charge(object)?),
        Kind::Refund => Body::Refund(facts::refund(object)?),
        Kind::Dispute => Body::Dispute(facts::dispute(object)?),
        Kind::CheckoutOutcome | Kind::LineItems | Kind::InvoicePayments | Kind::Ruling | Kind::Pairing => {
            unreachable!("`{}` is no object of Stripe's and is never asked for here", kind.as_str())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscribed_type_is_handled() {
        for event_type in SUBSCRIBED {
            assert!(kind_of(event_type).is_some(), "{event_type}");
        }
    }
}
