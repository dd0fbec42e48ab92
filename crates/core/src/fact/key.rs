//! Which external object a fact is about.

use crate::id::SourceId;
use serde::{Deserialize, Serialize};
use std::fmt;

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
