//! Which objects are to be read at their source, and why.

use crate::desired::Desired;
use crate::entitlement::Entitled;
use crate::fact::Key;
use crate::record::Record;
use crate::target::Target;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// The reads that are wanted now, at most one per object, in the order of their keys.
pub fn reads(
    record: &Record,
    entitled: &Entitled,
    desired: &BTreeMap<Target, Desired>,
    now: Timestamp,
) -> Vec<Want> {
    let _ = (record, entitled, desired, now);
    Vec::new()
}
