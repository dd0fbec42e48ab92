//! New objects of the account, as they are at the moment of their creation.

use jiff::Timestamp;

use super::Stripe;
use super::records::{
    Cancellation, Charge, Customer, Entitlement, EntitlementSummary, Invoice, InvoiceLine, InvoicePayment,
    Item, Metadata, PaymentIntent, Price, Product, Subscription,
};

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// The end of a period that starts at `start`: 31 days a month, 365 a year, so that a test can reckon.
pub(crate) fn period_end(start: i64, interval: Option<&str>) -> i64 {
    start
        + match interval {
            Some("day") => DAY,
            Some("week") => 7 * DAY,
            Some("year") => 365 * DAY,
            _ => 31 * DAY,
        }
}

impl Stripe {
    pub(crate) fn new_customer(
        &mut self,
        email: Option<String>,
        name: Option<String>,
        livemode: bool,
        now: Timestamp,
    ) -> Customer {
        Customer {
            id: self.ids.id("cus"),
            email,
            name,
            metadata: Metadata::new(),
            invoice_prefix: self.ids.token(8).to_uppercase(),
            deleted: false,
            created: now.as_second(),
            livemode,
        }
    }

    /// A payment of `amount`, not yet attempted.
    pub(crate) fn new_payment_intent(
        &mut self,
        amount: i64,
        customer: Option<String>,
        method: &str,
        currency: &str,
        livemode: bool,
        now: Timestamp,
    ) -> PaymentIntent {
        PaymentIntent {
            id: self.ids.id("pi"),
            amount,
            customer,
            status: "requires_payment_method".to_owned(),
            method: method.to_owned(),
            payment_method: None,
            latest_charge: None,
            last_error: None,
            receipt_email: None,
            invoice: None,
            secret: self.ids.token(25),
            currency: currency.to_owned(),
            created: now.as_second(),
            livemode,
        }
    }

    /// An attempt at a payment, with the status given; the payment points at it.
    pub(crate) fn new_charge(
        &mut self,
        intent: &mut PaymentIntent,
        status: &str,
        who: (Option<String>, Option<String>),
        now: Timestamp,
    ) -> Charge {
        let is_card = intent.method == "card";
        let succeeded = status == "succeeded";
        let charge = Charge {
            id: self.ids.id(if is_card { "ch" } else { "py" }),
            payment_intent: intent.id.clone(),
            customer: intent.customer.clone(),
            invoice: intent.invoice.clone(),
            amount: intent.amount,
            amount_refunded: 0,
            status: status.to_owned(),
            method: intent.method.clone(),
            payment_method: self.ids.id("pm"),
            balance_transaction: succeeded.then(|| self.ids.id("txn")),
            receipt_token: succeeded.then(|| self.ids.token(40)),
            failure: (status == "failed").then(|| {
                let why = if is_card {
                    ("card_declined", "Your card has insufficient funds.")
                } else {
                    (
                        "insufficient_funds",
                        "The customer's account has insufficient funds to cover this payment.",
                    )
                };
                (why.0.to_owned(), why.1.to_owned())
            }),
            disputed: false,
            email: who.0,
            name: who.1,
            receipt_email: intent.receipt_email.clone(),
            currency: intent.currency.clone(),
            created: now.as_second(),
            livemode: intent.livemode,
        };
        intent.latest_charge = Some(charge.id.clone());
        intent.payment_method = Some(charge.payment_method.clone());
        charge
    }

    /// A subscription whose first period starts now; with a trial the period is the trial.
    pub(crate) fn new_subscription(
        &mut self,
        customer: &Customer,
        lines: &[(Price, i64)],
        trial_days: i64,
        now: Timestamp,
    ) -> Subscription {
        let start = now.as_second();
        let id = self.ids.id("sub");
        let items: Vec<Item> = lines
            .iter()
            .map(|(price, quantity)| Item {
                id: self.ids.id("si"),
                price: price.clone(),
                quantity: *quantity,
                period_start: start,
                period_end: if trial_days > 0 {
                    start + trial_days * DAY
                } else {
                    period_end(start, price.interval.as_deref())
                },
                trial_offer: None,
                created: start,
            })
            .collect();
        Subscription {
            id,
            customer: customer.id.clone(),
            status: if trial_days > 0 { "trialing" } else { "active" }.to_owned(),
            items,
            anchor: start + trial_days * DAY,
            cancel_at: None,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            cancellation: Cancellation::default(),
            trial: (trial_days > 0).then_some((start, start + trial_days * DAY)),
            pause_collection: None,
            paused: None,
            latest_invoice: None,
            payment_method: Some(self.ids.id("pm")),
            flexible: false,
            missing_payment_method: "create_invoice".to_owned(),
            metadata: Metadata::new(),
            currency: lines.first().map_or("usd", |line| line.0.currency.as_str()).to_owned(),
            created: start,
            livemode: customer.livemode,
        }
    }

    /// A line for one item's period; free of charge during a trial.
    pub(crate) fn item_line(&mut self, item: &Item, is_free: bool) -> InvoiceLine {
        let price = &item.price;
        let per = price.interval.as_deref().unwrap_or("once");
        InvoiceLine {
            id: self.ids.id("il"),
            amount: if is_free { 0 } else { price.amount * item.quantity },
            price: price.clone(),
            quantity: item.quantity,
            description: format!(
                "{} × {} (at ${}.{:02} / {per})",
                item.quantity,
                price.product_name,
                price.amount / 100,
                price.amount % 100
            ),
            proration: false,
            period: (item.period_start, item.period_end),
            invoice_item: None,
            subscription_item: Some(item.id.clone()),
        }
    }

    /// A line for a one-off or prorated amount.
    pub(crate) fn one_off_line(
        &mut self,
        price: &Price,
        quantity: i64,
        amount: i64,
        description: String,
        proration: bool,
        period: (i64, i64),
    ) -> InvoiceLine {
        InvoiceLine {
            id: self.ids.id("il"),
            amount,
            price: price.clone(),
            quantity,
            description,
            proration,
            period,
            invoice_item: Some(self.ids.id("ii")),
            subscription_item: None,
        }
    }

    /// An open invoice of a subscription, finalised now. The subscription points at it.
    pub(crate) fn new_invoice(
        &mut self,
        subscription: &mut Subscription,
        who: &Customer,
        reason: &str,
        lines: Vec<InvoiceLine>,
        now: Timestamp,
    ) -> Invoice {
        let id = self.ids.id("in");
        let number: u64 = id.bytes().fold(0, |sum, byte| (sum * 31 + u64::from(byte)) % 9_000) + 1_000;
        subscription.latest_invoice = Some(id.clone());
        Invoice {
            id,
            subscription: Some(subscription.id.clone()),
            subscription_metadata: subscription.metadata.clone(),
            customer: who.id.clone(),
            customer_email: who.email.clone(),
            customer_name: who.name.clone(),
            status: "open".to_owned(),
            billing_reason: reason.to_owned(),
            amount_due: lines.iter().map(|line| line.amount).sum::<i64>().max(0),
            amount_paid: 0,
            attempt_count: 0,
            next_attempt: None,
            lines,
            payment_intent: None,
            charge: None,
            payment: None,
            period_start: now.as_second(),
            finalized_at: Some(now.as_second()),
            paid_at: None,
            voided_at: None,
            uncollectible: None,
            number: format!("NWM-{number:04}"),
            hosted_token: self.ids.token(40),
            currency: subscription.currency.clone(),
            created: now.as_second(),
            livemode: subscription.livemode,
        }
    }

    /// Ties a payment to an invoice, in both directions.
    pub(crate) fn bind(&mut self, invoice: &mut Invoice, intent: &mut PaymentIntent, now: Timestamp) {
        invoice.payment_intent = Some(intent.id.clone());
        intent.invoice = Some(invoice.id.clone());
        let paid = invoice.status == "paid";
        let payment = InvoicePayment {
            id: self.ids.id("inpay"),
            invoice: invoice.id.clone(),
            payment_intent: intent.id.clone(),
            amount: intent.amount,
            status: if paid { "paid" } else { "open" }.to_owned(),
            paid_at: invoice.paid_at,
            currency: invoice.currency.clone(),
            created: now.as_second(),
            livemode: invoice.livemode,
        };
        invoice.payment = Some(payment.id.clone());
        self.ledger.put(payment, now);
    }

    /// Recomputes what features the customer's subscriptions give, and tells of it if that changed.
    pub(crate) fn refresh_entitlements(&mut self, customer: &str, livemode: bool, now: Timestamp) {
        let held: Vec<Entitlement> =
            self.ledger.all::<Entitlement>().filter(|it| it.customer == customer).cloned().collect();
        if held.is_empty() && self.ledger.all::<Product>().all(|product| product.features.is_empty()) {
            return;
        }
        let mut wanted: Vec<String> = Vec::new();
        for subscription in self.ledger.all::<Subscription>().filter(|it| it.customer == customer) {
            if matches!(subscription.status.as_str(), "active" | "trialing" | "past_due") {
                for item in &subscription.items {
                    if let Some(product) = self.ledger.get::<Product>(&item.price.product) {
                        wanted.extend(product.features.iter().cloned());
                    }
                }
            }
        }
        wanted.sort();
        wanted.dedup();
        let mut held_keys: Vec<&str> = held.iter().map(|it| it.lookup_key.as_str()).collect();
        held_keys.sort_unstable();
        if held_keys == wanted.iter().map(String::as_str).collect::<Vec<_>>() {
            return;
        }
        for gone in held.iter().filter(|it| !wanted.contains(&it.lookup_key)) {
            self.ledger.remove(&gone.id);
        }
        let mut now_held: Vec<Entitlement> =
            held.iter().filter(|it| wanted.contains(&it.lookup_key)).cloned().collect();
        for key in wanted.iter().filter(|key| !held.iter().any(|it| it.lookup_key == **key)) {
            let entitlement = Entitlement {
                id: self.ids.id("ent"),
                customer: customer.to_owned(),
                feature: format!("feat_{key}"),
                lookup_key: key.clone(),
                created: now.as_second(),
                livemode,
            };
            self.ledger.put(entitlement.clone(), now);
            now_held.push(entitlement);
        }
        let summary =
            |entitlements| EntitlementSummary { customer: customer.to_owned(), entitlements, livemode };
        let before = summary(held).into();
        self.emit(
            "entitlements.active_entitlement_summary.updated",
            summary(now_held),
            Some(before),
            false,
            now,
        );
    }
}
