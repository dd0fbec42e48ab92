//! The usual headers of the dashboard's exports.

use crate::csv::Column;
use frontdesk_core::fact::Kind;
use serde::{Deserialize, Serialize};

/// Which export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// *Customers → Export*.
    Customers,
    /// *Billing → Subscriptions → Export*.
    Subscriptions,
    /// *Payments → Export*.
    Payments,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// The object's id.
    Id,
    /// An address.
    Email,
    /// A name.
    Name,
    /// The customer's id.
    Customer,
    /// The price or prices sold.
    Price,
    /// The product sold.
    Product,
    /// How many.
    Quantity,
    /// How it stands.
    Status,
    /// When it was made.
    Created,
    /// When the paid period began.
    PeriodStart,
    /// When it ends.
    PeriodEnd,
    /// When the trial ends.
    TrialEnd,
    /// When somebody asked for the end.
    CanceledAt,
    /// When it ended.
    EndedAt,
    /// When it ends.
    CancelAt,
    /// Whether it ends with the paid period.
    CancelAtPeriodEnd,
    /// Why it was cancelled.
    CancelReason,
    /// How much.
    Amount,
    /// How much went back.
    Refunded,
    /// How much is disputed.
    Disputed,
    /// In which currency.
    Currency,
    /// The payment intent's id.
    Payment,
    /// The invoice's id.
    Invoice,
}

const fn needed(holds: Cell, headers: &'static [&'static str]) -> Column<Cell> {
    Column { holds, headers, is_needed: true }
}

const fn maybe(holds: Cell, headers: &'static [&'static str]) -> Column<Cell> {
    Column { holds, headers, is_needed: false }
}

/// The column by which a file is recognised. Other files than that of the customers name a customer too.
pub(super) const ID: &[Column<Cell>] =
    &[needed(Cell::Id, &["id", "Subscription ID", "Payment ID", "Charge ID", "Customer ID"])];

const CUSTOMERS: &[Column<Cell>] = &[
    needed(Cell::Id, &["id", "Customer ID"]),
    needed(Cell::Email, &["Email", "Customer Email"]),
    maybe(Cell::Name, &["Name", "Customer Name"]),
];

const SUBSCRIPTIONS: &[Column<Cell>] = &[
    needed(Cell::Id, &["id", "Subscription ID"]),
    needed(Cell::Customer, &["Customer ID", "Customer"]),
    needed(Cell::Price, &["Plan", "Price ID", "Plan ID", "Price"]),
    needed(Cell::Status, &["Status"]),
    needed(Cell::Created, &["Created (UTC)", "Created"]),
    maybe(Cell::Email, &["Customer Email", "Email"]),
    maybe(Cell::Product, &["Product ID", "Product"]),
    maybe(Cell::Quantity, &["Quantity"]),
    maybe(Cell::PeriodStart, &["Current Period Start (UTC)", "Current Period Start"]),
    maybe(Cell::PeriodEnd, &["Current Period End (UTC)", "Current Period End"]),
    maybe(Cell::TrialEnd, &["Trial End (UTC)", "Trial End"]),
    maybe(Cell::CanceledAt, &["Canceled At (UTC)", "Canceled At"]),
    maybe(Cell::EndedAt, &["Ended At (UTC)", "Ended At"]),
    maybe(Cell::CancelAt, &["Cancel At (UTC)", "Cancel At"]),
    maybe(Cell::CancelAtPeriodEnd, &["Cancel At Period End"]),
    maybe(Cell::CancelReason, &["Cancellation Reason"]),
];

const PAYMENTS: &[Column<Cell>] = &[
    needed(Cell::Id, &["id", "Payment ID", "Charge ID"]),
    needed(Cell::Created, &["Created date (UTC)", "Created (UTC)", "Created"]),
    needed(Cell::Amount, &["Amount"]),
    needed(Cell::Refunded, &["Amount Refunded"]),
    needed(Cell::Currency, &["Currency"]),
    needed(Cell::Status, &["Status"]),
    maybe(Cell::Customer, &["Customer ID", "Customer"]),
    maybe(Cell::Payment, &["PaymentIntent ID", "Payment Intent ID"]),
    maybe(Cell::Invoice, &["Invoice ID"]),
    maybe(Cell::Disputed, &["Disputed Amount", "Dispute Amount"]),
];

impl Table {
    /// The export whose rows have such an id: `cus_…`, `sub_…`, `ch_…`, `py_…` or `pi_…`.
    pub fn of_id(id: &str) -> Option<Self> {
        Some(match id.split_once('_')? {
            ("cus", _) => Self::Customers,
            ("sub", _) => Self::Subscriptions,
            ("ch" | "py" | "pi", _) => Self::Payments,
            _ => return None,
        })
    }

    /// The export as people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Payments => "payments",
        }
    }

    /// What its rows are.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Customers => Kind::Customer,
            Self::Subscriptions => Kind::Subscription,
            Self::Payments => Kind::Charge,
        }
    }

    /// Its columns, with their usual headers.
    pub const fn columns(self) -> &'static [Column<Cell>] {
        match self {
            Self::Customers => CUSTOMERS,
            Self::Subscriptions => SUBSCRIPTIONS,
            Self::Payments => PAYMENTS,
        }
    }

    /// The usual header of a column.
    pub(super) fn header(self, cell: Cell) -> &'static str {
        let column = self.columns().iter().find(|column| column.holds == cell);
        column.and_then(|column| column.headers.first().copied()).unwrap_or("id")
    }
}
