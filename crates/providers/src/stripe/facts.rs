//! Stripe objects in our terms: one function per object that Frontdesk keeps a fact of.
//!
//! Where API versions differ, the new place is read first and the old one after it; the version
//! itself is never looked at. Words of an enumeration that we do not know are kept as *unknown*,
//! never refused.
//!
//! Source: Stripe API reference and its published OpenAPI description, versions 2024-06-20 to
//! 2026-10-28.endive (read 2026-11-24). `docs/providers.md` lists what moved when.

use super::wire::{Node, Unreadable};
use frontdesk_core::fact::{
    Charge, Checkout, CheckoutStatus, Customer, Dispute, DisputeStatus, Invoice, InvoiceStatus, Line, Mode,
    Payment, PaymentStatus, Refund, RefundStatus, Subscription, SubscriptionItem, SubscriptionStatus,
};
use jiff::Timestamp;

/// A customer object. `{id, deleted: true}` is all that is left of a deleted one.
pub(super) fn customer(object: &Node<'_>) -> Result<Customer, Unreadable> {
    Ok(Customer {
        email: object.lenient_text("email"),
        name: object.lenient_text("name"),
        deleted: object.bool("deleted")?.unwrap_or(false),
        locales: object.lenient_texts("preferred_locales"),
    })
}

/// A checkout session, without its goods.
///
/// The address is `customer_details.email`, which the buyer typed; `customer_email` is what the
/// shop had filled in and counts only where the first is absent. The page's locale `auto` names no
/// language.
pub(super) fn checkout(object: &Node<'_>) -> Result<Checkout, Unreadable> {
    let details = object.lenient_object("customer_details");
    let typed = |name: &str| details.as_ref().and_then(|details| details.lenient_text(name));
    Ok(Checkout {
        mode: match object.needed_text("mode")?.as_str() {
            "payment" => Mode::Payment,
            "subscription" => Mode::Subscription,
            "setup" => Mode::Setup,
            _ => Mode::Unknown,
        },
        status: match object.needed_text("status")?.as_str() {
            "open" => CheckoutStatus::Open,
            "complete" => CheckoutStatus::Complete,
            "expired" => CheckoutStatus::Expired,
            _ => CheckoutStatus::Unknown,
        },
        payment_status: match object.needed_text("payment_status")?.as_str() {
            "paid" => PaymentStatus::Paid,
            "unpaid" => PaymentStatus::Unpaid,
            "no_payment_required" => PaymentStatus::NoPaymentRequired,
            _ => PaymentStatus::Unknown,
        },
        customer: object.id("customer")?,
        email: typed("email").or_else(|| object.lenient_text("customer_email")),
        name: typed("name"),
        client_reference_id: object.lenient_text("client_reference_id"),
        metadata: object.metadata("metadata"),
        subscription: object.id("subscription")?,
        payment: object.id("payment_intent")?,
        invoice: object.id("invoice")?,
        total: object.money("amount_total")?,
        locale: object.lenient_text("locale").filter(|locale| locale != "auto"),
        created_at: object.needed_time("created")?,
    })
}

/// One line of goods of a checkout session.
pub(super) fn line(object: &Node<'_>) -> Result<Line, Unreadable> {
    let price = object.object("price")?;
    let part = |name: &str| price.as_ref().map_or(Ok(None), |price| price.id(name));
    let recurring =
        price.as_ref().and_then(|price| price.lenient_text("type")).and_then(|kind| match kind.as_str() {
            "recurring" => Some(true),
            "one_time" => Some(false),
            _ => None,
        });
    Ok(Line {
        id: object.needed_text("id")?,
        price: part("id")?,
        product: part("product")?,
        quantity: object.integer("quantity")?.unwrap_or(1),
        recurring,
    })
}

/// A subscription.
///
/// The period is the item's own from 2025-03-31.basil on and the subscription's before. The
/// top-level `plan` and `quantity` are leftovers of single-item subscriptions and are not read.
/// An object holds at most its first 10 items: `items_complete` says whether these are all.
pub(super) fn subscription(object: &Node<'_>) -> Result<Subscription, Unreadable> {
    let list = object.needed_object("items")?;
    let period = (object.time("current_period_start")?, object.time("current_period_end")?);
    let mut items = list
        .needed_list("data")?
        .iter()
        .map(|item| subscription_item(item, period))
        .collect::<Result<Vec<_>, _>>()?;
    items.sort();
    let behavior = object.object("pause_collection")?.and_then(|pause| pause.lenient_text("behavior"));
    let pause = object.lenient_object("status_details").and_then(|details| details.lenient_object("paused"));
    let pause_reason = pause.and_then(|pause| pause.lenient_object("subscription")?.lenient_text("type"));
    let cancellation = object.lenient_object("cancellation_details");
    Ok(Subscription {
        customer: object.id("customer")?,
        status: SubscriptionStatus::of(object.needed_text("status")?),
        items,
        items_complete: !list.bool("has_more")?.unwrap_or(false),
        cancel_at_period_end: object.bool("cancel_at_period_end")?.unwrap_or(false),
        cancel_at: object.time("cancel_at")?,
        canceled_at: object.time("canceled_at")?,
        ended_at: object.time("ended_at")?,
        trial_end_at: object.time("trial_end")?,
        collection_paused: behavior,
        pause_reason,
        cancel_reason: cancellation.and_then(|details| details.lenient_text("reason")),
        latest_invoice: object.id("latest_invoice")?,
        metadata: object.metadata("metadata"),
        created_at: object.needed_time("created")?,
    })
}

/// One item of a subscription; `period` is the subscription's own, in versions that have it there.
pub(super) fn subscription_item(
    item: &Node<'_>,
    (start, end): (Option<Timestamp>, Option<Timestamp>),
) -> Result<SubscriptionItem, Unreadable> {
    let price = item.object("price")?;
    let part = |name: &str| price.as_ref().map_or(Ok(None), |price| price.id(name));
    Ok(SubscriptionItem {
        id: item.needed_text("id")?,
        price: part("id")?,
        product: part("product")?,
        quantity: item.integer("quantity")?.unwrap_or(1),
        period_end_at: item.time("current_period_end")?.or(end),
        period_start_at: item.time("current_period_start")?.or(start),
    })
}

/// An invoice.
///
/// The period is that of its lines: the invoice's own `period_end` is the window of usage, and on
/// a first invoice it equals its start. The subscription is under `parent` from 2025-03-31.basil
/// on; the payment that paid it is then told only by `payments`, when expanded, or by a read.
pub(super) fn invoice(object: &Node<'_>) -> Result<Invoice, Unreadable> {
    let parent = object.object("parent")?.map_or(Ok(None), |parent| parent.object("subscription_details"))?;
    let subscription = parent.map_or(Ok(None), |details| details.id("subscription"))?;
    let mut period_end_at = None;
    for line in object.object("lines")?.map_or(Ok(None), |lines| lines.list("data"))?.unwrap_or_default() {
        let end = line.object("period")?.map_or(Ok(None), |period| period.time("end"))?;
        period_end_at = period_end_at.max(end);
    }
    Ok(Invoice {
        customer: object.id("customer")?,
        email: object.lenient_text("customer_email"),
        name: object.lenient_text("customer_name"),
        subscription: subscription.map_or_else(|| object.id("subscription"), |id| Ok(Some(id)))?,
        status: match object.needed_text("status")?.as_str() {
            "draft" => InvoiceStatus::Draft,
            "open" => InvoiceStatus::Open,
            "paid" => InvoiceStatus::Paid,
            "uncollectible" => InvoiceStatus::Uncollectible,
            "void" => InvoiceStatus::Void,
            _ => InvoiceStatus::Unknown,
        },
        billing_reason: object.lenient_text("billing_reason"),
        due: object.money("amount_due")?,
        paid: object.money("amount_paid")?,
        attempts: object.integer("attempt_count")?.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        next_attempt_at: object.time("next_payment_attempt")?,
        pay_url: object.lenient_text("hosted_invoice_url"),
        period_end_at,
        payment: object.id("payment_intent")?,
        charge: object.id("charge")?,
        paid_at: object.object("status_transitions")?.map_or(Ok(None), |passed| passed.time("paid_at"))?,
        created_at: object.needed_time("created")?,
    })
}

/// A payment intent. Its failure is the bank's own code where there is one, else Stripe's, unless
/// that only says that an attempt failed.
pub(super) fn payment(object: &Node<'_>) -> Result<Payment, Unreadable> {
    let error = object.lenient_object("last_payment_error");
    let failure = error
        .and_then(|error| error.lenient_text("decline_code").or_else(|| error.lenient_text("code")))
        .filter(|code| code != "payment_intent_payment_attempt_failed");
    Ok(Payment {
        customer: object.id("customer")?,
        invoice: object.id("invoice")?,
        status: object.needed_text("status")?,
        amount: object.money("amount")?,
        failure,
        created_at: object.needed_time("created")?,
    })
}

/// A charge. `amount_refunded` and `refunded` are needed: access may end by them.
pub(super) fn charge(object: &Node<'_>) -> Result<Charge, Unreadable> {
    let declined = object.lenient_text("failure_code");
    let reason = object.lenient_object("outcome").and_then(|outcome| outcome.lenient_text("reason"));
    Ok(Charge {
        customer: object.id("customer")?,
        payment: object.id("payment_intent")?,
        invoice: object.id("invoice")?,
        succeeded: object.needed_text("status")? == "succeeded",
        amount: object.needed_money("amount")?,
        refunded_minor: object.needed_integer("amount_refunded")?,
        refunded: object.needed_bool("refunded")?,
        disputed: object.bool("disputed")?.unwrap_or(false),
        failure: declined.map(|code| reason.unwrap_or(code)),
        created_at: object.needed_time("created")?,
    })
}

/// A refund. It names no customer before 2026-05-27, so it is found by its charge or payment.
pub(super) fn refund(object: &Node<'_>) -> Result<Refund, Unreadable> {
    Ok(Refund {
        charge: object.id("charge")?,
        payment: object.id("payment_intent")?,
        amount: object.needed_money("amount")?,
        status: match object.needed_text("status")?.as_str() {
            "pending" | "requires_action" => RefundStatus::Pending,
            "succeeded" => RefundStatus::Succeeded,
            "failed" => RefundStatus::Failed,
            "canceled" => RefundStatus::Canceled,
            _ => RefundStatus::Unknown,
        },
        created_at: object.needed_time("created")?,
    })
}

/// A dispute. `warning_…` is an inquiry, for which no money was taken; a closed inquiry and a
/// prevented dispute end for the shop. An appeal keeps it open.
pub(super) fn dispute(object: &Node<'_>) -> Result<Dispute, Unreadable> {
    Ok(Dispute {
        charge: object.id("charge")?,
        payment: object.id("payment_intent")?,
        amount: object.needed_money("amount")?,
        status: match object.needed_text("status")?.as_str() {
            "warning_closed" | "won" | "prevented" => DisputeStatus::Won,
            "lost" => DisputeStatus::Lost,
            "needs_response" | "under_review" | "appeal_needs_response" | "appeal_under_review" => {
                DisputeStatus::Open
            }
            warning if warning.starts_with("warning_") => DisputeStatus::Inquiry,
            _ => DisputeStatus::Unknown,
        },
        reason: object.lenient_text("reason"),
        created_at: object.needed_time("created")?,
    })
}
