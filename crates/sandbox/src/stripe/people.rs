//! Customers who change or go, and the catalogue.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::records::{Cancellation, Customer, Price, Product, Subscription};

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

    /// Adds a price, and its product if that is new. `features` are lookup keys of Stripe Entitlements.
    pub(crate) fn add_price(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = match body.text("id")? {
            Some(id) => id,
            None => self.ids.id("price"),
        };
        let product_id = match body.text("product")? {
            Some(product) => product,
            None => self.ids.id("prod"),
        };
        let interval = body.text("interval")?;
        if let Some(other) =
            interval.as_ref().filter(|it| !matches!(it.as_str(), "day" | "week" | "month" | "year"))
        {
            return Err(format!("`interval` is day, week, month, year or null, not `{other}`"));
        }
        let amount = body.number("amount")?.ok_or("`amount` is missing: minor units")?;
        let mut product = self.ledger.get::<Product>(&product_id).cloned().unwrap_or_else(|| Product {
            id: product_id.clone(),
            name: product_id.clone(),
            default_price: Some(id.clone()),
            features: Vec::new(),
            active: true,
            created: now.as_second(),
        });
        if let Some(name) = body.text("name")? {
            product.name = name;
        }
        if let Some(features) = body.texts("features")? {
            product.features = features;
        }
        let price = Price {
            id: id.clone(),
            product: product_id.clone(),
            product_name: product.name.clone(),
            amount,
            currency: body.text("currency")?.unwrap_or_else(|| "usd".to_owned()),
            interval,
            lookup_key: body.text("lookup_key")?,
            active: body.flag("active")?.unwrap_or(true),
            created: now.as_second(),
        };
        self.ledger.put(product, now);
        self.ledger.put(price, now);
        Ok(json!({ "price": id, "product": product_id }))
    }
}
