//! Everything of one kind that the account holds: the lists of an import.

use super::answer::ReplyError;
use super::facts;
use super::route::Route;
use super::wire::{Node, Unreadable};
use crate::json;
use frontdesk_core::fact::{Body, Key, Kind};
use frontdesk_core::id::SourceId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One list.
///
/// Source: Stripe API reference, *List all …* of each object (read 2026-11-24). The order is newest first; objects of
/// test clocks are left out by Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Customers that are not deleted.
    Customers,
    /// Subscriptions, ended ones too, each with its newest invoice.
    Subscriptions,
    /// Finished checkout sessions, each with its first ten goods.
    Checkouts,
    /// Invoices that are owed.
    OpenInvoices,
    /// Invoices that were given up on.
    UncollectibleInvoices,
    /// Charges.
    Charges,
    /// Refunds.
    Refunds,
    /// Disputes.
    Disputes,
}

impl List {
    /// All lists, in the order in which an import takes them in: what a later one names is known by then, so that
    /// hardly anything has to be asked for by itself.
    pub const ALL: [Self; 8] = [
        Self::Customers,
        Self::Subscriptions,
        Self::Checkouts,
        Self::OpenInvoices,
        Self::UncollectibleInvoices,
        Self::Charges,
        Self::Refunds,
        Self::Disputes,
    ];

    /// The list as one word, as stored and shown to programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Checkouts => "checkouts",
            Self::OpenInvoices => "open_invoices",
            Self::UncollectibleInvoices => "uncollectible_invoices",
            Self::Charges => "charges",
            Self::Refunds => "refunds",
            Self::Disputes => "disputes",
        }
    }

    /// The list as people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Checkouts => "checkout sessions",
            Self::OpenInvoices => "open invoices",
            Self::UncollectibleInvoices => "uncollectible invoices",
            Self::Charges => "charges",
            Self::Refunds => "refunds",
            Self::Disputes => "disputes",
        }
    }

    /// What it lists.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Customers => Kind::Customer,
            Self::Subscriptions => Kind::Subscription,
            Self::Checkouts => Kind::Checkout,
            Self::OpenInvoices | Self::UncollectibleInvoices => Kind::Invoice,
            Self::Charges => Kind::Charge,
            Self::Refunds => Kind::Refund,
            Self::Disputes => Kind::Dispute,
        }
    }

    pub(super) const fn route(self) -> Route {
        match self {
            Self::Customers => Route::Customers,
            Self::Subscriptions => Route::Subscriptions,
            Self::Checkouts => Route::Checkouts,
            Self::OpenInvoices | Self::UncollectibleInvoices => Route::Invoices,
            Self::Charges => Route::Charges,
            Self::Refunds => Route::Refunds,
            Self::Disputes => Route::Disputes,
        }
    }

    /// Without `status=all` subscriptions that ended are left out; goods and the newest invoice come on request alone.
    pub(super) const fn query(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Subscriptions => &[("status", "all"), ("expand[]", "data.latest_invoice")],
            Self::Checkouts => &[("status", "complete"), ("expand[]", "data.line_items")],
            Self::OpenInvoices => &[("status", "open")],
            Self::UncollectibleInvoices => &[("status", "uncollectible")],
            Self::Customers | Self::Charges | Self::Refunds | Self::Disputes => &[],
        }
    }
}

/// One object of a page.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The object as Stripe wrote it.
    pub body: Box<RawValue>,
}

/// The objects of a page, each byte for byte, and the id after which the next page begins.
pub(super) fn objects(body: &[u8]) -> Result<(Vec<Listed>, Option<String>), ReplyError> {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<Box<RawValue>>,
        has_more: bool,
    }
    #[derive(Deserialize)]
    struct Identity {
        id: String,
    }
    json::check_limits(body).map_err(ReplyError::Beyond)?;
    let Page { data, has_more } = serde_json::from_slice(body).map_err(|_| ReplyError::NotJson)?;
    let listed = |(nth, body): (usize, Box<RawValue>)| match serde_json::from_str::<Identity>(body.get()) {
        Ok(Identity { id }) if !id.is_empty() => Ok(Listed { id, body }),
        _ => Err(Unreadable { field: format!("data[{nth}].id"), why: "is not text" }),
    };
    let objects = data.into_iter().enumerate().map(listed).collect::<Result<Vec<_>, _>>()?;
    let next = objects.last().filter(|_| has_more).map(|last| last.id.clone());
    Ok((objects, next))
}

/// The newest invoice of a subscription, where the list showed it in the place of its id. One that cannot be read keeps
/// nobody from knowing the subscription: it is asked for by itself where it is needed.
pub(super) fn latest_invoice(source: &SourceId, subscription: &Node<'_>) -> Option<(Key, Body)> {
    let invoice = subscription.lenient_object("latest_invoice")?;
    let key = Key::new(source, Kind::Invoice, invoice.lenient_text("id")?);
    Some((key, Body::Invoice(facts::invoice(&invoice).ok()?)))
}
