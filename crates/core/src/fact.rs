//! The newest known state of one external object, in our terms, and how two versions of it join.
//!
//! A fact is a join-semilattice: [`Fact::join`] is associative, commutative and idempotent, so any
//! order and any repetition of events gives the same fact. Events and reads are kept apart and
//! joined each on its own; [`Fact::current`] weighs them against each other as a pure function of
//! the pair, so that the order in which an event and a read arrived does not matter either.

use crate::id::{EntryId, SourceId};
use crate::pairing::Pairing;
use crate::ruling::Ruling;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How long after an object's newest event a read of it may still show the state before it.
///
/// A read that disagrees with the newest event inside this span is provisional (DESIGN §3).
/// Source: `docs/providers.md`, Stripe: reads may lag behind the webhook by moments.
pub const READ_SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What kind of external object a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A customer object of the source (`cus_…`).
    Customer,
    /// A checkout session (`cs_…`).
    Checkout,
    /// How a delayed payment of a checkout ended; keyed by the session. The session object itself
    /// says `unpaid` both while the money is under way and after it failed.
    CheckoutOutcome,
    /// The goods of a checkout session, keyed by the session. Never part of an event.
    LineItems,
    /// A subscription (`sub_…`).
    Subscription,
    /// An invoice (`in_…`).
    Invoice,
    /// Which invoices a payment paid, keyed by the payment (`pi_…`).
    InvoicePayments,
    /// A payment intent (`pi_…`).
    Payment,
    /// A charge (`ch_…`, `py_…`).
    Charge,
    /// A refund (`re_…`).
    Refund,
    /// A dispute (`du_…`, `dp_…`).
    Dispute,
    /// A grant or revocation by a person (`fde_…`): the journal entry that carries it.
    Ruling,
    /// A person's word for whether a customer and a member are one (`fde_…`): the journal entry that carries it.
    Pairing,
}

impl Kind {
    /// All kinds, in the order in which they are declared.
    pub const ALL: [Self; 13] = [
        Self::Customer,
        Self::Checkout,
        Self::CheckoutOutcome,
        Self::LineItems,
        Self::Subscription,
        Self::Invoice,
        Self::InvoicePayments,
        Self::Payment,
        Self::Charge,
        Self::Refund,
        Self::Dispute,
        Self::Ruling,
        Self::Pairing,
    ];

    /// The kind as one word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Checkout => "checkout",
            Self::CheckoutOutcome => "checkout_outcome",
            Self::LineItems => "line_items",
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
            Self::InvoicePayments => "invoice_payments",
            Self::Payment => "payment",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::Ruling => "ruling",
            Self::Pairing => "pairing",
        }
    }

    /// Whether its objects are words of a person, which no source can be asked about and our own clock dates.
    pub const fn is_by_hand(self) -> bool {
        matches!(self, Self::Ruling | Self::Pairing)
    }

    /// The inverse of [`Kind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Which external object: its source, kind and id there.
///
/// As JSON it is its text form, so that it can be the key of a map.
///
/// ```
/// use frontdesk_core::fact::{Key, Kind};
/// use frontdesk_core::id::SourceId;
/// let key = Key::new(&SourceId::new("stripe"), Kind::Invoice, "in_1");
/// assert_eq!(Key::try_from("stripe:invoice:in_1".to_owned()), Ok(key));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    /// The source account that holds it.
    pub source: SourceId,
    /// What it is.
    pub kind: Kind,
    /// Its id at the source.
    pub id: String,
}

impl Key {
    /// A key from its parts.
    pub fn new(source: &SourceId, kind: Kind, id: impl Into<String>) -> Self {
        Self { source: source.clone(), kind, id: id.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.kind.as_str(), self.id)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next().and_then(Kind::parse), parts.next()) {
            (Some(source), Some(kind), Some(id)) => Ok(Self::new(&SourceId::new(source), kind, id)),
            _ => Err(format!("`{text}` names no object")),
        }
    }
}

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

/// Where a version was learnt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// The source's own id of the event, or the request id of the read.
    pub origin: String,
    /// The journal entry that carried it.
    pub entry: EntryId,
}

/// One state of an object, with the time at which the source said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The source's time: an event's `created`, a read's response `Date`. Whole seconds.
    pub at: Timestamp,
    /// [`Body::hash`] of `body`.
    pub hash: String,
    /// Two different states share this time and standing: which is newer cannot be told from
    /// events alone, so the object is to be read again.
    pub ambiguous: bool,
    /// Where this was learnt; of several equal ones, the smallest.
    pub evidence: Evidence,
    /// The state.
    pub body: Body,
}

impl Version {
    /// A version as learnt once.
    pub fn new(at: Timestamp, body: Body, evidence: Evidence) -> Self {
        Self { at, hash: body.hash(), ambiguous: false, evidence, body }
    }

    /// Whether it is a row of an export. Its time is when a file was written, so what the source itself told of the
    /// object is better, whatever their times and whichever came first.
    fn is_imported(&self) -> bool {
        self.evidence.origin.starts_with(IMPORTED)
    }

    /// The version that wins, flagged ambiguous if both stand at one instant with different states.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let standing = |version: &Self| (version.body.is_final(), !version.is_imported(), version.at);
        match standing(&self).cmp(&standing(&other)) {
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal if self.hash == other.hash => Self {
                ambiguous: self.ambiguous || other.ambiguous,
                evidence: self.evidence.clone().min(other.evidence),
                ..self
            },
            std::cmp::Ordering::Equal => {
                let order = |version: &Self| (version.body.rank(), version.hash.clone());
                let winner = if order(&self) > order(&other) { self } else { other };
                Self { ambiguous: true, ..winner }
            }
        }
    }
}

/// How the origin of what an export says begins.
pub const IMPORTED: &str = "import:";

/// How a version was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learnt {
    /// From an event that the source sent or listed.
    Event,
    /// From reading the object at the source.
    Read,
}

/// What an item of a subscription sold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sold {
    /// The price.
    pub price: Option<String>,
    /// The product.
    pub product: Option<String>,
}

/// One external object as known: the newest event about it and the newest read of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The newest state that an event told.
    pub event: Option<Version>,
    /// The newest state that a read showed.
    pub read: Option<Version>,
    /// Whatever any version of a subscription ever sold: after a change of plan the newest state
    /// no longer says what must be taken back. A union, so order does not matter here either.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sold: BTreeSet<Sold>,
}

/// The state that counts, and how sure it is.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// The version that counts.
    pub version: &'a Version,
    /// It must be read again before it may remove anything: ambiguous, or a read within ten
    /// seconds of an event that disagrees with it.
    pub is_provisional: bool,
    /// The time of a read that shows this very state and is settled; `None` without one.
    pub confirmed_at: Option<Timestamp>,
}

impl Fact {
    /// A fact of one version.
    pub fn new(learnt: Learnt, version: Version) -> Self {
        let sold = match &version.body {
            Body::Subscription(subscription) => {
                let sold = |item: &SubscriptionItem| Sold {
                    price: item.price.clone(),
                    product: item.product.clone(),
                };
                subscription.items.iter().map(sold).collect()
            }
            _ => BTreeSet::new(),
        };
        match learnt {
            Learnt::Event => Self { event: Some(version), read: None, sold },
            Learnt::Read => Self { event: None, read: Some(version), sold },
        }
    }

    /// Joins what two facts about one object know.
    ///
    /// Associative, commutative, idempotent: the property tests of this module say so.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let newest = |a: Option<Version>, b: Option<Version>| match (a, b) {
            (Some(a), Some(b)) => Some(a.join(b)),
            (a, b) => a.or(b),
        };
        let mut sold = self.sold;
        sold.extend(other.sold);
        Self { event: newest(self.event, other.event), read: newest(self.read, other.read), sold }
    }

    /// The state that counts, weighing the newest event against the newest read (DESIGN §3).
    ///
    /// - a final state wins over one that is not;
    /// - a read that agrees with the event counts at once, and confirms it, unless it is older;
    /// - a read more than ten seconds after the event wins;
    /// - a read that disagrees inside those ten seconds is given the event's time, so the
    ///   lifecycle rank decides, and the object is to be read again;
    /// - a read from before the event loses.
    pub fn current(&self) -> Current<'_> {
        match (&self.event, &self.read) {
            (Some(event), None) => {
                Current { version: event, is_provisional: event.ambiguous, confirmed_at: None }
            }
            (None, Some(read)) => {
                let settled = !read.ambiguous;
                Current { version: read, is_provisional: !settled, confirmed_at: settled.then_some(read.at) }
            }
            (Some(event), Some(read)) if event.hash == read.hash => {
                // An ambiguous second that a later read agrees with is settled by it; a read from
                // before the event says nothing about it, although the states are alike.
                let settles = !read.ambiguous && read.at >= event.at;
                Current {
                    version: event,
                    is_provisional: !settles && (event.ambiguous || read.at >= event.at),
                    confirmed_at: settles.then_some(read.at),
                }
            }
            (Some(event), Some(read)) => {
                let late = read.at.duration_since(event.at) > READ_SETTLES_AFTER;
                let order =
                    |version: &Version| (version.body.is_final(), version.body.rank(), version.hash.clone());
                if event.body.is_final() != read.body.is_final() {
                    let version = if event.body.is_final() { event } else { read };
                    let confirmed_at = (!event.body.is_final() && late).then_some(read.at);
                    return Current {
                        version,
                        is_provisional: confirmed_at.is_none() && !event.body.is_final(),
                        confirmed_at,
                    };
                }
                if late {
                    Current {
                        version: read,
                        is_provisional: read.ambiguous,
                        confirmed_at: (!read.ambiguous).then_some(read.at),
                    }
                } else if read.at < event.at {
                    Current { version: event, is_provisional: event.ambiguous, confirmed_at: None }
                } else {
                    let version = if order(read) > order(event) { read } else { event };
                    Current { version, is_provisional: true, confirmed_at: None }
                }
            }
            (None, None) => unreachable!("a fact is made from one version and joins only add"),
        }
    }
}
