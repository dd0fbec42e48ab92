//! Where Stripe keeps what a claim says: the way back from our words to the field of its object.
//!
//! It is the other end of [`super::learn`]: whoever doubts a claim opens the object at Stripe and looks at this field.

use frontdesk_core::entitlement::Property;
use frontdesk_core::fact::{Key, Kind};

/// The name of the source in the configuration.
const NAME: &str = "stripe";

/// The field of Stripe's object that a property of ours was read from, as a path; `None` for a property that this kind
/// of object does not have.
///
/// The end of a delayed payment is no field of the session but the type of the event that told it. Older API versions
/// keep an item's period at the subscription; the paths named here are those of 2026-10-28.endive, in which reads are
/// made.
///
/// Source: Stripe API reference, version 2026-10-28.endive (read 2026-11-24).
pub const fn path(kind: Kind, property: Property) -> Option<&'static str> {
    Some(match (kind, property) {
        (Kind::Checkout, Property::PaymentStatus) => "payment_status",
        (Kind::CheckoutOutcome, Property::Succeeded) => "type",
        (Kind::LineItems, Property::Line) => "data[].price.id",
        (Kind::Subscription | Kind::Invoice | Kind::Refund | Kind::Dispute, Property::Status) => "status",
        (Kind::Subscription, Property::NoLongerSells) => "items.data[].price.id",
        (Kind::Subscription, Property::CancelAt) => "cancel_at",
        (Kind::Subscription, Property::CancelAtPeriodEnd) => "cancel_at_period_end",
        (Kind::Subscription, Property::PeriodEnd) => "items.data[].current_period_end",
        (Kind::Subscription, Property::CancelReason) => "cancellation_details.reason",
        (Kind::Subscription, Property::CollectionPaused) => "pause_collection.behavior",
        (Kind::Subscription, Property::PauseReason) => "status_details.paused.subscription.type",
        (Kind::Invoice, Property::CreatedAt) => "created",
        (Kind::Charge, Property::Refunded) => "amount_refunded",
        (Kind::Customer, Property::Deleted) => "deleted",
        _ => return None,
    })
}

/// The same for one object, whatever its source: `None` where the source is not Stripe.
pub fn path_of(object: &Key, property: Property) -> Option<&'static str> {
    (object.source.as_str() == NAME).then(|| path(object.kind, property)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Follows a path into an object; `[]` takes the first of a list.
    fn at<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
        path.split('.').try_fold(object, |value, part| match part.strip_suffix("[]") {
            Some(list) => value.get(list)?.get(0),
            None => value.get(part),
        })
    }

    #[test]
    fn every_property_is_a_field_of_some_object() {
        for property in Property::ALL {
            assert!(Kind::ALL.into_iter().any(|kind| path(kind, property).is_some()), "{property}");
        }
    }

    #[test]
    fn what_the_path_leads_to_is_what_was_learnt() {
        let subscription = json!({
            "id": "sub_1", "status": "paused", "created": 1, "cancel_at": 2_000, "cancel_at_period_end": true,
            "items": { "data": [{
                "id": "si_1", "price": { "id": "price_1", "product": "prod_1" }, "current_period_end": 3_000,
            }] },
            "pause_collection": { "behavior": "void" }, "cancellation_details": { "reason": "payment_failed" },
            "status_details": { "paused": { "subscription": { "type": "pause_requested" } } },
        });
        let rows = [
            (Property::Status, json!("paused")),
            (Property::NoLongerSells, json!("price_1")),
            (Property::CancelAt, json!(2_000)),
            (Property::CancelAtPeriodEnd, json!(true)),
            (Property::PeriodEnd, json!(3_000)),
            (Property::CancelReason, json!("payment_failed")),
            (Property::CollectionPaused, json!("void")),
            (Property::PauseReason, json!("pause_requested")),
        ];
        for (property, value) in rows {
            let path = path(Kind::Subscription, property).unwrap();
            assert_eq!(at(&subscription, path), Some(&value), "{property}");
        }
        let learnt =
            super::super::facts::subscription(&super::super::wire::Node::root(&subscription)).unwrap();
        assert_eq!(learnt.pause_reason.as_deref(), Some("pause_requested"));
        assert_eq!(learnt.collection_paused.as_deref(), Some("void"));
        assert_eq!(learnt.cancel_reason.as_deref(), Some("payment_failed"));
        assert_eq!(learnt.cancel_at.map(jiff::Timestamp::as_second), Some(2_000));
        assert_eq!(learnt.items[0].period_end_at.map(jiff::Timestamp::as_second), Some(3_000));
    }
}
