//! A state of any kind, and how states of one object stand to each other.

use super::key::Kind;
use super::state::{
    Charge, Checkout, CheckoutOutcome, CheckoutStatus, Customer, Dispute, DisputeStatus, Invoice,
    InvoicePayments, InvoiceStatus, LineItems, Payment, PaymentStatus, Refund, RefundStatus, Subscription,
    SubscriptionStatus,
};
use crate::pairing::Pairing;
use crate::ruling::Ruling;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The state of one external object, in our terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// See [`Customer`].
    Customer(Customer),
    /// See [`Checkout`].
    Checkout(Checkout),
    /// See [`CheckoutOutcome`].
    CheckoutOutcome(CheckoutOutcome),
    /// See [`LineItems`].
    LineItems(LineItems),
    /// See [`Subscription`].
    Subscription(Subscription),
    /// See [`Invoice`].
    Invoice(Invoice),
    /// See [`InvoicePayments`].
    InvoicePayments(InvoicePayments),
    /// See [`Payment`].
    Payment(Payment),
    /// See [`Charge`].
    Charge(Charge),
    /// See [`Refund`].
    Refund(Refund),
    /// See [`Dispute`].
    Dispute(Dispute),
    /// See [`Ruling`].
    Ruling(Ruling),
    /// See [`Pairing`].
    Pairing(Pairing),
}

impl Body {
    /// The kind of object that this is a state of.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Customer(_) => Kind::Customer,
            Self::Checkout(_) => Kind::Checkout,
            Self::CheckoutOutcome(_) => Kind::CheckoutOutcome,
            Self::LineItems(_) => Kind::LineItems,
            Self::Subscription(_) => Kind::Subscription,
            Self::Invoice(_) => Kind::Invoice,
            Self::InvoicePayments(_) => Kind::InvoicePayments,
            Self::Payment(_) => Kind::Payment,
            Self::Charge(_) => Kind::Charge,
            Self::Refund(_) => Kind::Refund,
            Self::Dispute(_) => Kind::Dispute,
            Self::Ruling(_) => Kind::Ruling,
            Self::Pairing(_) => Kind::Pairing,
        }
    }

    /// Whether nothing can follow this state: it wins over any version that is not final, whatever
    /// their times (DESIGN §3).
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Subscription(subscription) => {
                matches!(
                    subscription.status,
                    SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired
                )
            }
            Self::Customer(customer) => customer.deleted,
            _ => false,
        }
    }

    /// The lifecycle rank that decides between two versions of one second (DESIGN §3): later in
    /// the object's life is higher.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Subscription(subscription) => match subscription.status {
                SubscriptionStatus::Other(_) => 0,
                SubscriptionStatus::Incomplete => 1,
                SubscriptionStatus::Trialing => 2,
                SubscriptionStatus::Active => 3,
                SubscriptionStatus::PastDue => 4,
                SubscriptionStatus::Unpaid => 5,
                SubscriptionStatus::Paused => 6,
                SubscriptionStatus::Canceled => 7,
                SubscriptionStatus::IncompleteExpired => 8,
            },
            Self::Checkout(checkout) => match (checkout.status, checkout.payment_status) {
                (CheckoutStatus::Unknown, _) => 0,
                (CheckoutStatus::Open, _) => 1,
                (CheckoutStatus::Expired, _) => 2,
                (CheckoutStatus::Complete, PaymentStatus::Unpaid | PaymentStatus::Unknown) => 3,
                (CheckoutStatus::Complete, _) => 4,
            },
            Self::CheckoutOutcome(outcome) => u8::from(outcome.succeeded),
            Self::Invoice(invoice) => match invoice.status {
                InvoiceStatus::Unknown => 0,
                InvoiceStatus::Draft => 1,
                InvoiceStatus::Open => 2,
                InvoiceStatus::Uncollectible => 3,
                InvoiceStatus::Void => 4,
                InvoiceStatus::Paid => 5,
            },
            Self::Payment(payment) => match payment.status.as_str() {
                "succeeded" => 3,
                "canceled" => 2,
                "processing" => 1,
                _ => 0,
            },
            // Money that went back is later in a charge's life than money that is there.
            Self::Charge(charge) => {
                u8::from(charge.succeeded) + u8::from(charge.disputed) + 2 * u8::from(charge.refunded)
            }
            Self::Refund(refund) => match refund.status {
                RefundStatus::Unknown => 0,
                RefundStatus::Pending => 1,
                RefundStatus::Succeeded => 2,
                // After `succeeded` a bank may still return the money, never the other way round.
                RefundStatus::Canceled | RefundStatus::Failed => 3,
            },
            Self::Dispute(dispute) => match dispute.status {
                DisputeStatus::Unknown => 0,
                DisputeStatus::Inquiry => 1,
                DisputeStatus::Open => 2,
                DisputeStatus::Won => 3,
                DisputeStatus::Lost => 4,
            },
            Self::Customer(customer) => u8::from(customer.deleted),
            Self::LineItems(items) => u8::from(items.complete),
            Self::InvoicePayments(payments) => u8::from(!payments.invoices.is_empty()),
            // Each act is an object of its own.
            Self::Ruling(_) | Self::Pairing(_) => 0,
        }
    }

    /// SHA-256 of the canonical JSON of this state, as hex.
    ///
    /// Taken over our own terms, so that one state told in two API versions has one hash.
    pub fn hash(&self) -> String {
        let canonical =
            serde_json::to_vec(self).expect("a fact holds only strings, numbers and maps with text keys");
        hex::encode(Sha256::digest(canonical))
    }
}
