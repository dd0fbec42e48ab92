//! What a buyer wants and how they pay, read from the body of a `checkout`.

use super::Stripe;
use super::body::Body;
use super::records::{Customer, Metadata, Price};

/// How the buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Card,
    Sepa,
    /// The card is declined and the buyer gives up.
    CardFails,
    CardFailsThenSucceeds,
    /// A full discount: nothing is charged now.
    Free,
    /// The bank wants a confirmation that never comes. Subscriptions made before basil alone are left
    /// `incomplete` by Checkout; own payment forms do it in every version, so the fake does too.
    RequiresAction,
}

impl Method {
    fn parse(word: &str) -> Result<Self, String> {
        Ok(match word {
            "card" => Self::Card,
            "sepa" => Self::Sepa,
            "card_fails" => Self::CardFails,
            "card_fails_then_succeeds" => Self::CardFailsThenSucceeds,
            "free" => Self::Free,
            "requires_action" => Self::RequiresAction,
            _ => {
                return Err(format!(
                    "`method` is card, sepa, card_fails, card_fails_then_succeeds, free or requires_action, not `{word}`"
                ));
            }
        })
    }
}

/// What the buyer does, read from the action's body.
pub(crate) struct Order {
    pub(crate) lines: Vec<(Price, i64)>,
    pub(crate) method: Method,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) is_guest: bool,
    pub(crate) customer: Option<Customer>,
    pub(crate) livemode: bool,
    pub(crate) trial_days: i64,
    pub(crate) trial_offer: Option<Price>,
    pub(crate) has_card: bool,
    pub(crate) flexible: bool,
    pub(crate) metadata: Metadata,
    pub(crate) subscription_metadata: Metadata,
    pub(crate) client_reference_id: Option<String>,
}

impl Order {
    pub(crate) fn recurring(&self) -> Vec<(Price, i64)> {
        self.lines.iter().filter(|line| line.0.interval.is_some()).cloned().collect()
    }

    pub(crate) fn one_time(&self) -> Vec<(Price, i64)> {
        self.lines.iter().filter(|line| line.0.interval.is_none()).cloned().collect()
    }

    /// What a line costs now.
    pub(crate) fn amount(&self, line: &(Price, i64)) -> i64 {
        let is_on_trial = self.trial_days > 0 && line.0.interval.is_some();
        if is_on_trial || self.method == Method::Free { 0 } else { line.0.amount * line.1 }
    }

    pub(crate) fn total(&self) -> i64 {
        self.lines.iter().map(|line| self.amount(line)).sum()
    }

    pub(crate) fn who(&self) -> (Option<String>, Option<String>) {
        (self.email.clone(), self.name.clone())
    }
}

impl Stripe {
    /// Reads the order, or says what is wrong with it.
    pub(crate) fn order(&self, body: &Body) -> Result<Order, String> {
        let mut lines = Vec::new();
        for row in body.rows("lines")? {
            lines.push((self.price(&row.needed("price")?)?, row.number("quantity")?.unwrap_or(1)));
        }
        if lines.is_empty() {
            let price = body.text("price")?.ok_or("give `price` or `lines`")?;
            lines.push((self.price(&price)?, body.number("quantity")?.unwrap_or(1)));
        }
        if lines.iter().any(|(_, quantity)| !(1..=1_000_000).contains(quantity)) {
            return Err("`quantity` is 1 to 1000000".to_owned());
        }
        let customer = match body.text("customer")? {
            Some(id) => Some(self.find::<Customer>(&id)?),
            None => None,
        };
        let trial_offer = match body.text("trial_offer")? {
            Some(price) => Some(self.price(&price)?),
            None => None,
        };
        let order = Order {
            method: Method::parse(body.text("method")?.as_deref().unwrap_or("card"))?,
            email: body.text("email")?.or_else(|| customer.as_ref().and_then(|it| it.email.clone())),
            name: body.text("name")?.or_else(|| customer.as_ref().and_then(|it| it.name.clone())),
            is_guest: body.flag("guest")?.unwrap_or(false),
            livemode: match &customer {
                Some(customer) => customer.livemode,
                None => body.flag("livemode")?.unwrap_or(self.livemode),
            },
            customer,
            lines,
            trial_days: body.number("trial_days")?.unwrap_or(0).clamp(0, 730),
            trial_offer,
            has_card: body.flag("card")?.unwrap_or(true),
            flexible: body.flag("flexible")?.unwrap_or(false),
            metadata: body.metadata("metadata")?,
            subscription_metadata: body.metadata("subscription_metadata")?,
            client_reference_id: body.text("client_reference_id")?,
        };
        if order.email.is_none() {
            return Err("`email` is missing: a buyer always types one".to_owned());
        }
        if order.is_guest && !order.recurring().is_empty() {
            return Err(
                "a guest cannot subscribe: Checkout always makes a customer for a subscription".to_owned()
            );
        }
        Ok(order)
    }

    /// The price of that id, or which there are.
    pub(crate) fn price(&self, id: &str) -> Result<Price, String> {
        self.ledger.get::<Price>(id).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.ledger.all::<Price>().map(|price| price.id.as_str()).collect();
            format!("there is no price `{id}`; there are {}", known.join(", "))
        })
    }
}
