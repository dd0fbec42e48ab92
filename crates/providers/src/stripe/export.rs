//! The dashboard's exports: customers, subscriptions and payments as CSV.
//!
//! A row is kept as its own cells, so that it can be read again; [`Exported::facts`] says what it tells. An export says
//! less than the API does: a subscription's items are its prices alone, goods of checkouts are in no export.
//!
//! Source: exports of Stripe's dashboard as people publish them (read 2026-11-30); Stripe documents no format, so
//! columns are found by any of their usual headers.

mod cells;
mod columns;

pub use cells::Odd;
pub use columns::{Cell, Table};

use crate::csv::{Columns, Flaw, Headed, Row, shown, twice};
use cells::{flag, minor, time};
use frontdesk_core::fact::{
    Body, Charge, Customer, Key, Kind, Money, Payment, Subscription, SubscriptionItem, SubscriptionStatus,
};
use frontdesk_core::id::SourceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an export's headers end that name metadata.
const METADATA: &str = "(metadata)";

/// Where everything is in one file.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What it holds.
    pub table: Table,
    columns: Columns<Cell>,
    /// Columns of metadata: its key, and where it is.
    metadata: Vec<(String, usize)>,
}

/// One row of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The export that it is from.
    pub table: Table,
    /// When the export was made: what it says is as of then.
    pub exported_at: Timestamp,
    /// Its cells, without empty ones.
    cells: BTreeMap<Cell, String>,
    /// The object's own metadata.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl Layout {
    /// Whether its rows say under which address a customer is known.
    pub fn has_addresses(&self) -> bool {
        self.columns.has(Cell::Email)
    }

    /// Columns that another one goes before: the one that is read, and the one that is not.
    pub fn passed_over(&self) -> &[(Headed, Headed)] {
        self.columns.passed_over()
    }

    /// Finds out what a file holds, by the id in its first row, and where.
    ///
    /// # Errors
    ///
    /// A needed column is not there, or one that is read is there twice. A file whose ids are of no kind that is known
    /// is `None`.
    pub fn find(header: &[String], first: &Row) -> Result<Option<Self>, Flaw> {
        let id = Columns::find(columns::ID, header)?;
        let Some(table) = Table::of_id(first.get(&id, Cell::Id)) else { return Ok(None) };
        let columns = Columns::find(table.columns(), header)?;
        let key = |(place, name): (usize, &String)| {
            let key = name.trim().strip_suffix(METADATA)?.trim();
            (!key.is_empty()).then(|| (key.to_owned(), place))
        };
        let metadata: Vec<_> = header.iter().enumerate().filter_map(key).collect();
        twice(header, metadata.iter().map(|(key, place)| (*place, key.as_str())))?;
        Ok(Some(Self { table, columns, metadata }))
    }

    /// One row.
    pub fn row(&self, row: &Row, exported_at: Timestamp) -> Exported {
        let text =
            |cell: &Cell| Some(row.get(&self.columns, *cell).to_owned()).filter(|text| !text.is_empty());
        let cells = self.table.columns().iter().map(|column| column.holds);
        let cells = cells.filter_map(|cell| Some((cell, text(&cell)?))).collect();
        let value = |(key, place): &(String, usize)| {
            let value = row.cells().get(*place)?.trim();
            (!value.is_empty()).then(|| (key.clone(), value.to_owned()))
        };
        let metadata = self.metadata.iter().filter_map(value).collect();
        Exported { table: self.table, exported_at, cells, metadata }
    }
}

impl Exported {
    /// The id of its object; empty where the row has none.
    pub fn id(&self) -> &str {
        self.cells.get(&Cell::Id).map_or("", String::as_str)
    }

    /// What is written as its status, where that is no word that is known. A subscription with it gives nothing and takes
    /// nothing away; a payment with it counts as paid.
    pub fn unknown_status(&self) -> Option<&str> {
        let written = self.cells.get(&Cell::Status)?;
        let word = words(written);
        let is_known = match self.table {
            Table::Customers => true,
            Table::Subscriptions => !matches!(subscription_status(word), SubscriptionStatus::Other(_)),
            Table::Payments => PAID.contains(&word.as_str()) || UNPAID.contains(&word.as_str()),
        };
        (!is_known).then_some(written)
    }

    /// Everything that the row tells, each as of when. Beside a subscription stands its customer's address: what anybody
    /// else tells of the customer is better, so it counts as of when the subscription was made.
    ///
    /// # Errors
    ///
    /// A cell that cannot be read.
    pub fn tells(&self, source: &SourceId) -> Result<Vec<(Timestamp, Key, Body)>, Odd> {
        let (key, body) = self.facts(source)?;
        let mut told = Vec::with_capacity(2);
        if let (Body::Subscription(subscription), Some(email)) = (&body, self.text(Cell::Email))
            && let Some(customer) = &subscription.customer
        {
            let of = Customer { email: Some(email), name: None, deleted: false, locales: Vec::new() };
            let at = subscription.created_at.min(self.exported_at);
            told.push((at, Key::new(source, Kind::Customer, customer.as_str()), Body::Customer(of)));
        }
        told.push((self.exported_at, key, body));
        Ok(told)
    }

    /// The object and its state, as of [`Exported::exported_at`]. A function of the row alone.
    ///
    /// # Errors
    ///
    /// A cell that cannot be read.
    pub fn facts(&self, source: &SourceId) -> Result<(Key, Body), Odd> {
        let id = self.needed(Cell::Id)?;
        if Table::of_id(id) != Some(self.table) {
            return Err(self.odd(Cell::Id, "is the id of something else than the rows before"));
        }
        let body = match self.table {
            Table::Customers => Body::Customer(Customer {
                email: self.text(Cell::Email),
                name: self.text(Cell::Name),
                deleted: false,
                locales: Vec::new(),
            }),
            Table::Subscriptions => Body::Subscription(self.subscription()?),
            Table::Payments if id.starts_with("pi_") => Body::Payment(self.payment()?),
            Table::Payments => Body::Charge(self.charge()?),
        };
        let kind = match &body {
            Body::Payment(_) => Kind::Payment,
            _ => self.table.kind(),
        };
        Ok((Key::new(source, kind, id), body))
    }

    fn subscription(&self) -> Result<Subscription, Odd> {
        let (start, end) = (self.time(Cell::PeriodStart)?, self.time(Cell::PeriodEnd)?);
        let quantity = self.cells.get(&Cell::Quantity).map(|text| text.parse().ok());
        let quantity = match quantity {
            None => 1,
            Some(Some(quantity)) => quantity,
            Some(None) => return Err(self.odd(Cell::Quantity, "is not a whole number")),
        };
        let prices = self.cells.get(&Cell::Price).map_or("", String::as_str);
        let products = self.cells.get(&Cell::Product).map_or("", String::as_str);
        let product =
            Some(products.to_owned()).filter(|id| id.starts_with("prod_") && !id.contains([',', ';']));
        let prices: Vec<_> =
            prices.split([',', ';']).map(str::trim).filter(|price| !price.is_empty()).collect();
        let is_single = prices.len() == 1;
        let item = |price: &&str| SubscriptionItem {
            id: format!("{}:{price}", self.id()),
            price: Some((*price).to_owned()),
            product: product.clone().filter(|_| is_single),
            quantity: if is_single { quantity } else { 1 },
            period_end_at: end,
            period_start_at: start,
        };
        let mut items: Vec<_> = prices.iter().map(item).collect();
        items.sort();
        Ok(Subscription {
            customer: Some(self.needed(Cell::Customer)?.to_owned()),
            status: subscription_status(words(self.needed(Cell::Status)?)),
            // Without a price the items are asked for: see `frontdesk_core::reads`.
            items_complete: !items.is_empty(),
            items,
            cancel_at_period_end: self.flag(Cell::CancelAtPeriodEnd)?.unwrap_or(false),
            cancel_at: self.time(Cell::CancelAt)?,
            canceled_at: self.time(Cell::CanceledAt)?,
            ended_at: self.time(Cell::EndedAt)?,
            trial_end_at: self.time(Cell::TrialEnd)?,
            collection_paused: None,
            pause_reason: None,
            cancel_reason: self.text(Cell::CancelReason).map(|why| why.to_lowercase().replace(' ', "_")),
            latest_invoice: None,
            metadata: self.metadata.clone(),
            created_at: self.needed_time(Cell::Created)?,
        })
    }

    fn charge(&self) -> Result<Charge, Odd> {
        let amount = self.money(Cell::Amount)?;
        let refunded_minor = self.minor(Cell::Refunded)?.unwrap_or(0);
        let status = words(self.needed(Cell::Status)?);
        let disputed = self.minor(Cell::Disputed)?.is_some_and(|minor| minor > 0);
        Ok(Charge {
            customer: self.text(Cell::Customer),
            payment: self.text(Cell::Payment),
            invoice: self.text(Cell::Invoice),
            succeeded: !UNPAID.contains(&status.as_str()),
            refunded: refunded_minor > 0 && refunded_minor >= amount.minor,
            refunded_minor,
            disputed: disputed || status.contains("disput"),
            amount,
            failure: None,
            created_at: self.needed_time(Cell::Created)?,
        })
    }

    /// A payment by its intent. It names no charge, so what went back of it could not be said of anything.
    fn payment(&self) -> Result<Payment, Odd> {
        for cell in [Cell::Refunded, Cell::Disputed] {
            if self.minor(cell)?.is_some_and(|minor| minor > 0) {
                return Err(
                    self.odd(cell, "is of a payment without its charge (ch_…): import it through the API")
                );
            }
        }
        let status = match self.needed(Cell::Status)?.to_lowercase().as_str() {
            "failed" => "requires_payment_method",
            "pending" => "processing",
            "canceled" => "canceled",
            _ => "succeeded",
        };
        Ok(Payment {
            customer: self.text(Cell::Customer),
            invoice: self.text(Cell::Invoice),
            status: status.to_owned(),
            amount: Some(self.money(Cell::Amount)?),
            failure: None,
            created_at: self.needed_time(Cell::Created)?,
        })
    }

    fn odd(&self, cell: Cell, why: &'static str) -> Odd {
        let value = self.cells.get(&cell).map_or_else(String::new, |value| shown(value));
        let id = if cell == Cell::Id { String::new() } else { shown(self.id()) };
        Odd { column: self.table.header(cell), id, value, why }
    }

    fn text(&self, cell: Cell) -> Option<String> {
        self.cells.get(&cell).cloned()
    }

    fn needed(&self, cell: Cell) -> Result<&str, Odd> {
        self.cells.get(&cell).map(String::as_str).ok_or_else(|| self.odd(cell, "is empty"))
    }

    fn time(&self, cell: Cell) -> Result<Option<Timestamp>, Odd> {
        let Some(text) = self.cells.get(&cell) else { return Ok(None) };
        time(text).map(Some).ok_or_else(|| self.odd(cell, "is no time such as 2026-01-31 13:05 (UTC)"))
    }

    fn needed_time(&self, cell: Cell) -> Result<Timestamp, Odd> {
        self.time(cell)?.ok_or_else(|| self.odd(cell, "is empty"))
    }

    fn flag(&self, cell: Cell) -> Result<Option<bool>, Odd> {
        let Some(text) = self.cells.get(&cell) else { return Ok(None) };
        flag(text).map(Some).ok_or_else(|| self.odd(cell, "is neither true nor false"))
    }

    fn minor(&self, cell: Cell) -> Result<Option<i64>, Odd> {
        let Some(text) = self.cells.get(&cell) else { return Ok(None) };
        let currency = self.needed(Cell::Currency)?;
        minor(text, currency).map(Some).ok_or_else(|| self.odd(cell, "is no amount such as 29.00"))
    }

    fn money(&self, cell: Cell) -> Result<Money, Odd> {
        let minor = self.minor(cell)?.ok_or_else(|| self.odd(cell, "is empty"))?;
        Ok(Money { minor, currency: self.needed(Cell::Currency)?.to_lowercase() })
    }
}

/// How the dashboard calls a payment whose money did not come, or not yet.
const UNPAID: [&str; 7] =
    ["failed", "pending", "canceled", "cancelled", "blocked", "uncaptured", "incomplete"];
/// And one whose money came, whatever became of it later.
const PAID: [&str; 10] = [
    "paid",
    "succeeded",
    "refunded",
    "partial_refund",
    "partially_refunded",
    "refund_pending",
    "disputed",
    "dispute_won",
    "dispute_lost",
    "early_fraud_warning",
];

/// A status as one word: programs write `Past due`, `past_due`, `PAST DUE`.
fn words(status: &str) -> String {
    status.to_lowercase().replace([' ', '-'], "_")
}

/// A subscription's status, which programs write in British English too.
fn subscription_status(word: String) -> SubscriptionStatus {
    if word == "cancelled" { SubscriptionStatus::Canceled } else { SubscriptionStatus::of(word) }
}

#[cfg(test)]
mod tests;
