//! Customers who change or go.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::records::{Cancellation, Customer, Subscription};

impl Stripe {
    /// A customer's e-mail address changes; `null` takes it away.
    pub(crate) fn change_email(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("customer")?;
        let email = body.text("email")?;
        if email.is_none() && !body.is_null("email") {
            return Err("`email` is missing".to_owned());
        }
        self.change_and_emit::<Customer>("customer.updated", &id, true, now, |it| it.email = email)?;
        Ok(json!({ "customer": id }))
    }

    /// Staff delete a customer: the subscriptions end at once, the reads answer a stub.
    pub(crate) fn delete_customer(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("customer")?;
        let customer = self.find::<Customer>(&id)?;
        if customer.deleted {
            return Err(format!("`{id}` is deleted already"));
        }
        let running: Vec<String> = self
            .ledger
            .all::<Subscription>()
            .filter(|it| it.customer == id && !it.is_over())
            .map(|it| it.id.clone())
            .collect();
        for subscription in &running {
            let why =
                Cancellation { reason: Some("cancellation_requested".to_owned()), ..Cancellation::default() };
            self.end(subscription, why, true, now)?;
        }
        self.change::<Customer>(&id, now, |it| it.deleted = true)?;
        self.emit("customer.deleted", customer, None, true, now);
        Ok(json!({ "customer": id, "subscriptions": running }))
    }
}
