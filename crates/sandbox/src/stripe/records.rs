//! What the fake account holds, free of any API version. Times are Unix seconds, money is minor units.

use serde_json::{Map, Value};

/// Metadata of an object.
pub(crate) type Metadata = Map<String, Value>;

/// A product of the catalogue. Visible in both modes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) default_price: Option<String>,
    /// Lookup keys of the features that a subscription to it gives.
    pub(crate) features: Vec<String>,
    pub(crate) active: bool,
    pub(crate) created: i64,
}

/// A price of the catalogue. Visible in both modes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Price {
    pub(crate) id: String,
    pub(crate) product: String,
    /// The product's name, which line descriptions repeat.
    pub(crate) product_name: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// `month`, `year` …; absent for a one-time price.
    pub(crate) interval: Option<String>,
    pub(crate) lookup_key: Option<String>,
    pub(crate) active: bool,
    pub(crate) created: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) invoice_prefix: String,
    pub(crate) deleted: bool,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

/// A trial offer that an item is on: its own price until `end`, then another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrialOffer {
    pub(crate) id: String,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) then: Price,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) price: Price,
    pub(crate) quantity: i64,
    pub(crate) period_start: i64,
    pub(crate) period_end: i64,
    pub(crate) trial_offer: Option<TrialOffer>,
    pub(crate) created: i64,
}

/// Why a subscription is paused, which only endive and later tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paused {
    /// `pause_requested`, `first_payment_failure` …; absent for the older shape that leaves the reason out.
    pub(crate) reason: Option<String>,
    pub(crate) at: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cancellation {
    pub(crate) comment: Option<String>,
    pub(crate) feedback: Option<String>,
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PauseCollection {
    pub(crate) behavior: String,
    pub(crate) resumes_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) status: String,
    pub(crate) items: Vec<Item>,
    pub(crate) anchor: i64,
    pub(crate) cancel_at: Option<i64>,
    pub(crate) cancel_at_period_end: bool,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) cancellation: Cancellation,
    pub(crate) trial: Option<(i64, i64)>,
    pub(crate) pause_collection: Option<PauseCollection>,
    pub(crate) paused: Option<Paused>,
    pub(crate) latest_invoice: Option<String>,
    pub(crate) payment_method: Option<String>,
    /// Flexible billing mode; else classic.
    pub(crate) flexible: bool,
    /// What the end of a trial without a card does: `create_invoice`, `pause` or `cancel`.
    pub(crate) missing_payment_method: String,
    pub(crate) metadata: Metadata,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

impl Subscription {
    /// The end of the current period of the first item.
    pub(crate) fn period_end(&self) -> i64 {
        self.items.first().map_or(self.created, |item| item.period_end)
    }

    /// The start of the current period of the first item.
    pub(crate) fn period_start(&self) -> i64 {
        self.items.first().map_or(self.created, |item| item.period_start)
    }

    /// Moves all items to a period.
    pub(crate) fn set_period(&mut self, start: i64, end: i64) {
        for item in &mut self.items {
            (item.period_start, item.period_end) = (start, end);
        }
    }

    /// Whether it has ended for good.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "canceled" | "incomplete_expired")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InvoiceLine {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) price: Price,
    pub(crate) quantity: i64,
    pub(crate) description: String,
    pub(crate) proration: bool,
    pub(crate) period: (i64, i64),
    /// Present for a one-off or prorated line.
    pub(crate) invoice_item: Option<String>,
    pub(crate) subscription_item: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) subscription: Option<String>,
    pub(crate) subscription_metadata: Metadata,
    pub(crate) customer: String,
    pub(crate) customer_email: Option<String>,
    pub(crate) customer_name: Option<String>,
    pub(crate) status: String,
    pub(crate) billing_reason: String,
    pub(crate) amount_due: i64,
    pub(crate) amount_paid: i64,
    pub(crate) attempt_count: i64,
    pub(crate) next_attempt: Option<i64>,
    pub(crate) lines: Vec<InvoiceLine>,
    pub(crate) payment_intent: Option<String>,
    pub(crate) charge: Option<String>,
    /// Its invoice payment, once a payment is tied to it.
    pub(crate) payment: Option<String>,
    pub(crate) period_start: i64,
    pub(crate) finalized_at: Option<i64>,
    pub(crate) paid_at: Option<i64>,
    pub(crate) voided_at: Option<i64>,
    pub(crate) uncollectible: Option<(i64, String)>,
    pub(crate) number: String,
    pub(crate) hosted_token: String,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

/// The road from a payment to its invoice since basil.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InvoicePayment {
    pub(crate) id: String,
    pub(crate) invoice: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    /// `open`, `paid` or `canceled`.
    pub(crate) status: String,
    pub(crate) paid_at: Option<i64>,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

/// Why the last attempt at a payment failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PaymentError {
    pub(crate) charge: String,
    pub(crate) code: String,
    pub(crate) decline_code: Option<String>,
    pub(crate) message: String,
    /// `card_error` or `invalid_request_error`.
    pub(crate) kind: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) customer: Option<String>,
    pub(crate) status: String,
    /// `card` or `sepa_debit`.
    pub(crate) method: String,
    pub(crate) payment_method: Option<String>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) last_error: Option<PaymentError>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) secret: String,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) payment_intent: String,
    pub(crate) customer: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) amount: i64,
    pub(crate) amount_refunded: i64,
    /// `pending`, `succeeded` or `failed`.
    pub(crate) status: String,
    /// `card` or `sepa_debit`.
    pub(crate) method: String,
    pub(crate) payment_method: String,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) receipt_token: Option<String>,
    pub(crate) failure: Option<(String, String)>,
    pub(crate) disputed: bool,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: String,
    pub(crate) method: String,
    pub(crate) amount: i64,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) balance_transaction: String,
    /// The bank's reference, once it is known.
    pub(crate) reference: Option<String>,
    /// Why it failed and the balance transaction that brought the money back.
    pub(crate) failure: Option<(String, String)>,
    pub(crate) currency: String,
    pub(crate) created: i64,
    /// Not in the object itself: Stripe's refunds do not name their mode.
    pub(crate) livemode: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    pub(crate) reason: String,
    pub(crate) status: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    /// The balance transaction that took the money, and when.
    pub(crate) withdrawn: Option<(String, i64)>,
    pub(crate) has_evidence: bool,
    pub(crate) past_due: bool,
    pub(crate) due_by: i64,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

/// One thing bought in a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionLine {
    pub(crate) id: String,
    pub(crate) price: Price,
    pub(crate) quantity: i64,
    /// What it costs in this session; 0 on a trial.
    pub(crate) amount: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// `payment` or `subscription`.
    pub(crate) mode: String,
    pub(crate) status: String,
    pub(crate) payment_status: String,
    pub(crate) customer: Option<String>,
    pub(crate) customer_creation: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) payment_intent: Option<String>,
    pub(crate) subscription: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) lines: Vec<SessionLine>,
    pub(crate) methods: Vec<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) payment_method_collection: String,
    pub(crate) currency: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

/// A feature that a customer has through a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entitlement {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) feature: String,
    pub(crate) lookup_key: String,
    pub(crate) created: i64,
    pub(crate) livemode: bool,
}

/// All active entitlements of a customer; it exists in events alone and has no id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EntitlementSummary {
    pub(crate) customer: String,
    pub(crate) entitlements: Vec<Entitlement>,
    pub(crate) livemode: bool,
}

/// Any object of the account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Product(Product),
    Price(Price),
    Customer(Customer),
    Subscription(Box<Subscription>),
    Invoice(Box<Invoice>),
    InvoicePayment(InvoicePayment),
    PaymentIntent(Box<PaymentIntent>),
    Charge(Box<Charge>),
    Refund(Box<Refund>),
    Dispute(Box<Dispute>),
    Session(Box<Session>),
    Entitlement(Entitlement),
    EntitlementSummary(EntitlementSummary),
}

impl Record {
    /// The value of `object`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Product(_) => Product::KIND,
            Self::Price(_) => Price::KIND,
            Self::Customer(_) => Customer::KIND,
            Self::Subscription(_) => Subscription::KIND,
            Self::Invoice(_) => Invoice::KIND,
            Self::InvoicePayment(_) => InvoicePayment::KIND,
            Self::PaymentIntent(_) => PaymentIntent::KIND,
            Self::Charge(_) => Charge::KIND,
            Self::Refund(_) => Refund::KIND,
            Self::Dispute(_) => Dispute::KIND,
            Self::Session(_) => Session::KIND,
            Self::Entitlement(_) => Entitlement::KIND,
            Self::EntitlementSummary(_) => EntitlementSummary::KIND,
        }
    }

    /// Its id; the customer's for a summary, which has none.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Product(it) => &it.id,
            Self::Price(it) => &it.id,
            Self::Customer(it) => &it.id,
            Self::Subscription(it) => &it.id,
            Self::Invoice(it) => &it.id,
            Self::InvoicePayment(it) => &it.id,
            Self::PaymentIntent(it) => &it.id,
            Self::Charge(it) => &it.id,
            Self::Refund(it) => &it.id,
            Self::Dispute(it) => &it.id,
            Self::Session(it) => &it.id,
            Self::Entitlement(it) => &it.id,
            Self::EntitlementSummary(it) => &it.customer,
        }
    }

    /// When it was created.
    pub(crate) fn created(&self) -> i64 {
        match self {
            Self::Product(it) => it.created,
            Self::Price(it) => it.created,
            Self::Customer(it) => it.created,
            Self::Subscription(it) => it.created,
            Self::Invoice(it) => it.created,
            Self::InvoicePayment(it) => it.created,
            Self::PaymentIntent(it) => it.created,
            Self::Charge(it) => it.created,
            Self::Refund(it) => it.created,
            Self::Dispute(it) => it.created,
            Self::Session(it) => it.created,
            Self::Entitlement(it) => it.created,
            Self::EntitlementSummary(_) => 0,
        }
    }

    /// The mode it lives in; absent for the catalogue, which both modes see.
    pub(crate) fn livemode(&self) -> Option<bool> {
        match self {
            Self::Product(_) | Self::Price(_) => None,
            Self::Customer(it) => Some(it.livemode),
            Self::Subscription(it) => Some(it.livemode),
            Self::Invoice(it) => Some(it.livemode),
            Self::InvoicePayment(it) => Some(it.livemode),
            Self::PaymentIntent(it) => Some(it.livemode),
            Self::Charge(it) => Some(it.livemode),
            Self::Refund(it) => Some(it.livemode),
            Self::Dispute(it) => Some(it.livemode),
            Self::Session(it) => Some(it.livemode),
            Self::Entitlement(it) => Some(it.livemode),
            Self::EntitlementSummary(it) => Some(it.livemode),
        }
    }
}

/// A kind of record that can be taken out of a [`Record`].
pub(crate) trait Kind: Into<Record> + Clone {
    /// The value of `object`.
    const KIND: &'static str;

    fn of(record: &Record) -> Option<&Self>;
}

/// Wraps each kind into [`Record`], and unwraps it by reference.
macro_rules! record {
    ($($kind:ident $(in $boxed:ident)? = $name:literal),+ $(,)?) => { $(
        impl From<$kind> for Record {
            fn from(it: $kind) -> Self {
                Self::$kind($($boxed::new)?(it))
            }
        }
        impl Kind for $kind {
            const KIND: &'static str = $name;

            fn of(record: &Record) -> Option<&Self> {
                match record {
                    Record::$kind(it) => Some(it),
                    _ => None,
                }
            }
        }
    )+ };
}

record!(
    Product = "product",
    Price = "price",
    Customer = "customer",
    Subscription in Box = "subscription",
    Invoice in Box = "invoice",
    InvoicePayment = "invoice_payment",
    PaymentIntent in Box = "payment_intent",
    Charge in Box = "charge",
    Refund in Box = "refund",
    Dispute in Box = "dispute",
    Session in Box = "checkout.session",
    Entitlement = "entitlements.active_entitlement",
    EntitlementSummary = "entitlements.active_entitlement_summary",
);
