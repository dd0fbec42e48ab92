//! The states of the objects of a source, each in our terms.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Money in minor units of a currency. There are no floats.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (cents for USD, whole yen for JPY).
    pub minor: i64,
    /// ISO 4217, lower case, as the source writes it.
    pub currency: String,
}

/// A customer object of the source. Its address is never proof of identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The address on record, as written there.
    pub email: Option<String>,
    /// The name on record.
    pub name: Option<String>,
    /// Whether the source has deleted the object.
    pub deleted: bool,
    /// Preferred languages, most wanted first (`preferred_locales`).
    pub locales: Vec<String>,
}

/// What a checkout session sells through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One-time goods.
    Payment,
    /// A subscription, perhaps with one-time goods beside it.
    Subscription,
    /// A card is saved, nothing is sold.
    Setup,
    /// A word that we do not know.
    Unknown,
}

/// How far a checkout session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutStatus {
    /// The buyer may still finish.
    Open,
    /// The buyer finished the form; that is not yet payment.
    Complete,
    /// Given up.
    Expired,
    /// A word that we do not know.
    Unknown,
}

/// Whether a checkout session is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money is there.
    Paid,
    /// The money is not there, or not yet.
    Unpaid,
    /// A trial, a full discount, a free plan.
    NoPaymentRequired,
    /// A word that we do not know: treated as unpaid.
    Unknown,
}

/// A checkout session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// What it sells through.
    pub mode: Mode,
    /// How far it is.
    pub status: CheckoutStatus,
    /// Whether it is paid.
    pub payment_status: PaymentStatus,
    /// The source's customer, absent for guests.
    pub customer: Option<String>,
    /// The address the buyer typed, else the one the shop had filled in; as written.
    pub email: Option<String>,
    /// The buyer's name as typed.
    pub name: Option<String>,
    /// A hint from the shop or, on payment links, from whoever edited the address bar. Never proof.
    pub client_reference_id: Option<String>,
    /// The session's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// The subscription it made.
    pub subscription: Option<String>,
    /// The payment it made.
    pub payment: Option<String>,
    /// The invoice it made.
    pub invoice: Option<String>,
    /// What the buyer paid in all.
    pub total: Option<Money>,
    /// The language of the checkout page, if the session names one.
    pub locale: Option<String>,
    /// When the session was made.
    pub created_at: Timestamp,
}

/// How a delayed payment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutOutcome {
    /// `true`: the money came; `false`: it bounced.
    pub succeeded: bool,
}

/// One line of goods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// The line's own id, when it has one.
    pub id: String,
    /// The price.
    pub price: Option<String>,
    /// The product.
    pub product: Option<String>,
    /// How many.
    pub quantity: i64,
    /// Whether the price recurs; `None` when the source did not say.
    pub recurring: Option<bool>,
}

/// The goods of a checkout session, all pages of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItems {
    /// The lines, sorted by id.
    pub lines: Vec<Line>,
    /// `false` while further pages are still to be read.
    pub complete: bool,
}

/// The status of a subscription. Source: Stripe API reference, *The subscription object*.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// The first payment is not done.
    Incomplete,
    /// The first payment was never done. Final.
    IncompleteExpired,
    /// In a trial.
    Trialing,
    /// In good standing.
    Active,
    /// A renewal is unpaid and retried.
    PastDue,
    /// Retries are used up.
    Unpaid,
    /// Paused with its billing.
    Paused,
    /// Over. Final.
    Canceled,
    /// A word that we do not know: no change, and a case.
    Other(String),
}

impl SubscriptionStatus {
    /// The status as the source writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Other(word) => word,
        }
    }

    /// The inverse of [`SubscriptionStatus::as_str`].
    pub fn of(word: String) -> Self {
        match word.as_str() {
            "incomplete" => Self::Incomplete,
            "incomplete_expired" => Self::IncompleteExpired,
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "unpaid" => Self::Unpaid,
            "paused" => Self::Paused,
            "canceled" => Self::Canceled,
            _ => Self::Other(word),
        }
    }
}

/// One item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubscriptionItem {
    /// `si_…`.
    pub id: String,
    /// The recurring price.
    pub price: Option<String>,
    /// Its product.
    pub product: Option<String>,
    /// How many.
    pub quantity: i64,
    /// End of the period that is paid or being billed.
    pub period_end_at: Option<Timestamp>,
    /// Start of that period.
    pub period_start_at: Option<Timestamp>,
}

/// A subscription: the truth for recurring access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The source's customer.
    pub customer: Option<String>,
    /// Its status.
    pub status: SubscriptionStatus,
    /// What it sells, sorted by id.
    pub items: Vec<SubscriptionItem>,
    /// `false` when the object holds only the first items of more.
    pub items_complete: bool,
    /// It ends with the running period.
    pub cancel_at_period_end: bool,
    /// It ends then, whatever the flag says.
    pub cancel_at: Option<Timestamp>,
    /// When somebody asked for the end. Never a reason to remove.
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// End of the trial.
    pub trial_end_at: Option<Timestamp>,
    /// Collection is paused (`keep_as_draft`, `mark_uncollectible`, `void`); the status stays.
    pub collection_paused: Option<String>,
    /// Why it is paused, where the source says: `pause_requested`, `first_payment_failure` …
    pub pause_reason: Option<String>,
    /// Why it was cancelled: `cancellation_requested`, `payment_failed`, `payment_disputed` …
    pub cancel_reason: Option<String>,
    /// Its newest invoice.
    pub latest_invoice: Option<String>,
    /// Its own metadata.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The status of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// Not yet final; nobody owes it.
    Draft,
    /// Owed.
    Open,
    /// Paid.
    Paid,
    /// Given up on.
    Uncollectible,
    /// Withdrawn.
    Void,
    /// A word that we do not know.
    Unknown,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// The source's customer.
    pub customer: Option<String>,
    /// The customer's address when the invoice was made.
    pub email: Option<String>,
    /// The customer's name when the invoice was made.
    pub name: Option<String>,
    /// The subscription it bills.
    pub subscription: Option<String>,
    /// Its status.
    pub status: InvoiceStatus,
    /// `subscription_create`, `subscription_cycle`, `subscription_update`, `manual` …
    pub billing_reason: Option<String>,
    /// What is owed in all.
    pub due: Option<Money>,
    /// What was paid on it.
    pub paid: Option<Money>,
    /// How often payment was tried.
    pub attempts: u32,
    /// When payment is tried next; `None`: never again.
    pub next_attempt_at: Option<Timestamp>,
    /// The page on which it can be paid.
    pub pay_url: Option<String>,
    /// The latest end among the periods that its lines bill.
    pub period_end_at: Option<Timestamp>,
    /// The payment that paid it, in API versions that say so.
    pub payment: Option<String>,
    /// The charge that paid it, in API versions that say so.
    pub charge: Option<String>,
    /// When it was paid, as far as the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which invoices a payment paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoicePayments {
    /// Invoice ids, sorted. Empty: the payment belongs to no invoice.
    pub invoices: Vec<String>,
}

/// A payment intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The source's customer.
    pub customer: Option<String>,
    /// The invoice it pays, in API versions that say so.
    pub invoice: Option<String>,
    /// `succeeded`, `processing`, `requires_payment_method` …, as the source writes it.
    pub status: String,
    /// The amount.
    pub amount: Option<Money>,
    /// The bank's code for the last refusal.
    pub failure: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The source's customer.
    pub customer: Option<String>,
    /// The payment it belongs to.
    pub payment: Option<String>,
    /// The invoice it pays, in API versions that say so.
    pub invoice: Option<String>,
    /// Whether money moved.
    pub succeeded: bool,
    /// The amount charged.
    pub amount: Money,
    /// What of it went back, in minor units. The source lowers it again when a refund fails.
    pub refunded_minor: i64,
    /// All of it went back.
    pub refunded: bool,
    /// A dispute exists or existed.
    pub disputed: bool,
    /// The bank's code for a refusal.
    pub failure: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The status of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Under way, or waits for the customer.
    Pending,
    /// The money went back.
    Succeeded,
    /// The bank returned it: the money is with the shop again.
    Failed,
    /// Withdrawn.
    Canceled,
    /// A word that we do not know.
    Unknown,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The charge it gives back.
    pub charge: Option<String>,
    /// The payment it gives back.
    pub payment: Option<String>,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub status: RefundStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a dispute's status means for access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// A question from the bank, no money taken (`warning_…`).
    Inquiry,
    /// Money taken, undecided.
    Open,
    /// Decided for the shop, or the inquiry was closed.
    Won,
    /// Decided for the buyer.
    Lost,
    /// A word that we do not know: flagged, nothing removed.
    Unknown,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The charge in question.
    pub charge: Option<String>,
    /// The payment in question.
    pub payment: Option<String>,
    /// How much.
    pub amount: Money,
    /// How far it is.
    pub status: DisputeStatus,
    /// The bank's reason.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}
