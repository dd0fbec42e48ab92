//! Products and prices: those there from the start, and new ones.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::records::{Price, Product};

/// 2024-01-01, before anything happens.
const CATALOGUE_CREATED: i64 = 1_704_067_200;

impl Stripe {
    /// The catalogue of "Northwind Makers"; `price_1Mystery` is there to be mapped by nobody.
    pub(crate) fn seed_catalogue(&mut self) {
        for (name, title, amount, interval) in [
            ("Community", "Northwind Makers Community", 2_900, Some("month")),
            ("Pro", "Northwind Makers Pro", 4_900, Some("month")),
            ("Course", "Course: Pricing Your Workshop", 24_900, None),
            ("Mystery", "Mystery box", 9_900, None),
        ] {
            let product = Product {
                id: format!("prod_{name}"),
                name: title.to_owned(),
                default_price: Some(format!("price_1{name}")),
                features: Vec::new(),
                active: true,
                created: CATALOGUE_CREATED,
            };
            let price = Price {
                id: format!("price_1{name}"),
                product: product.id.clone(),
                product_name: title.to_owned(),
                amount,
                currency: "usd".to_owned(),
                interval: interval.map(str::to_owned),
                lookup_key: Some(format!("{}_{}", name.to_lowercase(), interval.unwrap_or("once"))),
                active: true,
                created: CATALOGUE_CREATED,
            };
            let at = Timestamp::from_second(CATALOGUE_CREATED).expect("a second of 2024 is a timestamp");
            self.ledger.put(product, at);
            self.ledger.put(price, at);
        }
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
