//! Purchases through Checkout, in the order of events that real ones have.
//!
//! Sessions made before 2025-03-31.basil create the subscription and its invoice before the payment, later
//! ones after it; so the payment's events come first there and the subscription is never `incomplete`.
//!
//! Source: Stripe changelog, 2025-03-31.basil, "Checkout Sessions now create subscriptions after payment".

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::objects::DAY;
use super::order::{Method, Order};
use super::records::{
    Charge, Customer, Invoice, InvoiceLine, InvoicePayment, PaymentError, PaymentIntent, Session,
    SessionLine, Subscription, TrialOffer,
};

/// What a checkout left behind.
#[derive(Default)]
struct Outcome {
    customer: Option<String>,
    subscription: Option<String>,
    invoice: Option<String>,
    intent: Option<String>,
    charge: Option<String>,
    payment_status: &'static str,
    status: &'static str,
}

impl Stripe {
    /// A person goes through Checkout.
    pub(crate) fn checkout(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let order = self.order(body)?;
        if body.flag("expire")? == Some(true) {
            return Ok(self.expire(&order, now));
        }
        let customer = match (&order.customer, order.is_guest) {
            (Some(customer), _) => Some(customer.clone()),
            (None, true) => None,
            (None, false) => {
                let customer =
                    self.new_customer(order.email.clone(), order.name.clone(), order.livemode, now);
                self.put_and_emit("customer.created", customer.clone(), true, now);
                Some(customer)
            }
        };
        let outcome = match &customer {
            Some(customer) if !order.recurring().is_empty() => self.subscribe(&order, customer, now),
            _ => self.pay_once(&order, customer.as_ref(), now),
        };
        let session = self.new_session(&order, &outcome, now);
        if outcome.status == "complete" {
            self.put_and_emit("checkout.session.completed", session.clone(), false, now);
        } else {
            self.ledger.put(session.clone(), now);
        }
        if let Some(customer) = &customer {
            self.refresh_entitlements(&customer.id, customer.livemode, now);
        }
        Ok(json!({
            "session": session.id, "customer": outcome.customer, "subscription": outcome.subscription,
            "payment_intent": outcome.intent, "charge": outcome.charge, "invoice": outcome.invoice,
        }))
    }

    /// A session that nobody finished.
    fn expire(&mut self, order: &Order, now: Timestamp) -> Value {
        let outcome = Outcome { payment_status: "unpaid", status: "expired", ..Outcome::default() };
        let mut session = self.new_session(order, &outcome, now);
        session.created -= DAY;
        self.put_and_emit("checkout.session.expired", session.clone(), false, now);
        json!({ "session": session.id })
    }

    fn new_session(&mut self, order: &Order, outcome: &Outcome, now: Timestamp) -> Session {
        let is_subscription = !order.recurring().is_empty();
        let lines = order
            .lines
            .iter()
            .map(|line| SessionLine {
                id: self.ids.id("li"),
                price: line.0.clone(),
                quantity: line.1,
                amount: order.amount(line),
            })
            .collect();
        let methods: &[&str] = if order.method == Method::Sepa { &["card", "sepa_debit"] } else { &["card"] };
        let creation = match (is_subscription, order.is_guest) {
            (false, true) => "if_required",
            _ => "always",
        };
        Session {
            id: self.ids.session(order.livemode),
            mode: if is_subscription { "subscription" } else { "payment" }.to_owned(),
            status: outcome.status.to_owned(),
            payment_status: outcome.payment_status.to_owned(),
            customer: outcome.customer.clone(),
            customer_creation: creation.to_owned(),
            email: order.email.clone(),
            name: order.name.clone(),
            payment_intent: outcome.intent.clone(),
            subscription: outcome.subscription.clone(),
            invoice: outcome.invoice.clone(),
            lines,
            methods: methods.iter().map(|it| (*it).to_owned()).collect(),
            client_reference_id: order.client_reference_id.clone(),
            metadata: order.metadata.clone(),
            payment_method_collection: if is_subscription && order.has_card {
                "always"
            } else {
                "if_required"
            }
            .to_owned(),
            currency: order.lines[0].0.currency.clone(),
            created: now.as_second(),
            livemode: order.livemode,
        }
    }

    /// A payment without a subscription.
    fn pay_once(&mut self, order: &Order, customer: Option<&Customer>, now: Timestamp) -> Outcome {
        let customer_id = customer.map(|it| it.id.clone());
        let total = order.total();
        if total == 0 {
            return Outcome {
                customer: customer_id,
                payment_status: "no_payment_required",
                status: "complete",
                ..Outcome::default()
            };
        }
        let method = if order.method == Method::Sepa { "sepa_debit" } else { "card" };
        let currency = order.lines[0].0.currency.clone();
        let mut intent =
            self.new_payment_intent(total, customer_id.clone(), method, &currency, order.livemode, now);
        if customer.is_none() {
            intent.receipt_email.clone_from(&order.email);
        }
        let paid = self.attempt(order, &mut intent, now);
        Outcome {
            customer: customer_id,
            charge: intent.latest_charge.clone(),
            intent: Some(intent.id),
            payment_status: if paid == Paid::Yes { "paid" } else { "unpaid" },
            status: if paid == Paid::No { "open" } else { "complete" },
            ..Outcome::default()
        }
    }

    /// Tries the payment as the order's method has it, with the events of the payment.
    fn attempt(&mut self, order: &Order, intent: &mut PaymentIntent, now: Timestamp) -> Paid {
        match order.method {
            Method::Card | Method::Free => {
                self.charge_succeeds(intent, order.who(), now);
                Paid::Yes
            }
            Method::CardFailsThenSucceeds => {
                self.charge_fails(intent, order.who(), true, now);
                self.charge_succeeds(intent, order.who(), now);
                Paid::Yes
            }
            Method::CardFails => {
                self.charge_fails(intent, order.who(), true, now);
                Paid::No
            }
            Method::RequiresAction => {
                "requires_action".clone_into(&mut intent.status);
                self.ledger.put(intent.clone(), now);
                Paid::No
            }
            Method::Sepa => {
                let charge = self.new_charge(intent, "pending", order.who(), now);
                "processing".clone_into(&mut intent.status);
                self.ledger.put(intent.clone(), now);
                self.put_and_emit("charge.pending", charge, false, now);
                Paid::Pending
            }
        }
    }

    /// A charge that goes through, with its two events.
    pub(crate) fn charge_succeeds(
        &mut self,
        intent: &mut PaymentIntent,
        who: (Option<String>, Option<String>),
        now: Timestamp,
    ) -> Charge {
        let charge = self.new_charge(intent, "succeeded", who, now);
        "succeeded".clone_into(&mut intent.status);
        intent.last_error = None;
        self.put_and_emit("charge.succeeded", charge.clone(), false, now);
        self.put_and_emit("payment_intent.succeeded", intent.clone(), false, now);
        charge
    }

    /// A charge that is declined. Renewals show the payment's event alone, Checkout the charge's too.
    pub(crate) fn charge_fails(
        &mut self,
        intent: &mut PaymentIntent,
        who: (Option<String>, Option<String>),
        shows_charge: bool,
        now: Timestamp,
    ) -> Charge {
        let charge = self.new_charge(intent, "failed", who, now);
        "requires_payment_method".clone_into(&mut intent.status);
        intent.payment_method = None;
        intent.last_error = Some(PaymentError {
            charge: charge.id.clone(),
            code: "card_declined".to_owned(),
            decline_code: Some("insufficient_funds".to_owned()),
            message: "Your card has insufficient funds.".to_owned(),
            kind: "card_error".to_owned(),
        });
        self.ledger.put(charge.clone(), now);
        if shows_charge {
            self.emit("charge.failed", charge.clone(), None, false, now);
        }
        self.put_and_emit("payment_intent.payment_failed", intent.clone(), false, now);
        charge
    }

    /// Marks an invoice as paid by a payment, without an event.
    pub(crate) fn settle(&mut self, invoice: &mut Invoice, charge: Option<&Charge>, now: Timestamp) {
        "paid".clone_into(&mut invoice.status);
        invoice.amount_paid = invoice.amount_due;
        invoice.paid_at = Some(now.as_second());
        invoice.next_attempt = None;
        invoice.uncollectible = None;
        if let Some(charge) = charge {
            invoice.attempt_count += 1;
            invoice.charge = Some(charge.id.clone());
        }
        let payment = invoice.payment.as_ref().and_then(|id| self.ledger.get::<InvoicePayment>(id).cloned());
        if let Some(mut payment) = payment {
            "paid".clone_into(&mut payment.status);
            payment.paid_at = invoice.paid_at;
            self.ledger.put(payment, now);
        }
        self.ledger.put(invoice.clone(), now);
    }

    /// A subscription with its first invoice, and one-time lines on that invoice.
    fn subscribe(&mut self, order: &Order, customer: &Customer, now: Timestamp) -> Outcome {
        let mut subscription = self.new_subscription(customer, &order.recurring(), order.trial_days, now);
        subscription.flexible = order.flexible;
        subscription.metadata.clone_from(&order.subscription_metadata);
        if !order.has_card {
            subscription.payment_method = None;
            "pause".clone_into(&mut subscription.missing_payment_method);
        }
        if let Some(offer) = &order.trial_offer {
            let id = self.ids.id("to");
            for item in &mut subscription.items {
                let then = std::mem::replace(&mut item.price, offer.clone());
                let (start, end) = (item.period_start, item.period_end);
                item.trial_offer = Some(TrialOffer { id: id.clone(), start, end, then });
            }
        }
        let is_free = order.method == Method::Free;
        let mut lines: Vec<InvoiceLine> = Vec::new();
        for item in &subscription.items.clone() {
            lines.push(self.item_line(item, is_free || order.trial_days > 0));
        }
        for line in &order.one_time() {
            let at = now.as_second();
            let title = line.0.product_name.clone();
            lines.push(self.one_off_line(&line.0, line.1, order.amount(line), title, false, (at, at)));
        }
        let invoice = self.new_invoice(&mut subscription, customer, "subscription_create", lines, now);
        let outcome = Outcome {
            customer: Some(customer.id.clone()),
            subscription: Some(subscription.id.clone()),
            invoice: Some(invoice.id.clone()),
            status: "complete",
            ..Outcome::default()
        };
        if invoice.amount_due == 0 {
            return self.start_unpaid(subscription, invoice, outcome, now);
        }
        let method = if order.method == Method::Sepa { "sepa_debit" } else { "card" };
        let mut intent = self.new_payment_intent(
            invoice.amount_due,
            Some(customer.id.clone()),
            method,
            &subscription.currency,
            subscription.livemode,
            now,
        );
        if order.method == Method::RequiresAction || (!self.batch_version.is_basil() && method == "card") {
            self.pay_after_start(order, (subscription, invoice, intent), outcome, now)
        } else {
            // The payment does not know its invoice yet: basil creates that after the money.
            let paid = self.attempt(order, &mut intent, now);
            let outcome =
                Outcome { intent: Some(intent.id.clone()), charge: intent.latest_charge.clone(), ..outcome };
            self.start_after_payment(paid, (subscription, invoice, intent), outcome, now)
        }
    }

    /// Nothing to pay now: a trial, or a full discount.
    fn start_unpaid(
        &mut self,
        subscription: Subscription,
        mut invoice: Invoice,
        outcome: Outcome,
        now: Timestamp,
    ) -> Outcome {
        self.settle(&mut invoice, None, now);
        self.put_and_emit("customer.subscription.created", subscription, true, now);
        self.emit("invoice.paid", invoice, None, false, now);
        Outcome { payment_status: "no_payment_required", ..outcome }
    }

    /// Since basil: the payment came first, and a failed one leaves no subscription.
    fn start_after_payment(
        &mut self,
        paid: Paid,
        (subscription, mut invoice, mut intent): (Subscription, Invoice, PaymentIntent),
        outcome: Outcome,
        now: Timestamp,
    ) -> Outcome {
        if paid == Paid::No {
            return Outcome {
                subscription: None,
                invoice: None,
                payment_status: "unpaid",
                status: "open",
                ..outcome
            };
        }
        if paid == Paid::Pending {
            invoice.attempt_count = 1;
        }
        self.bind(&mut invoice, &mut intent, now);
        self.ledger.put(intent, now);
        self.ledger.put(invoice.clone(), now);
        if let Some(mut charge) =
            outcome.charge.as_ref().and_then(|id| self.ledger.get::<Charge>(id).cloned())
        {
            charge.invoice = Some(invoice.id.clone());
            self.ledger.put(charge.clone(), now);
            if paid == Paid::Yes {
                self.put_and_emit("customer.subscription.created", subscription, true, now);
                self.emit("invoice.finalized", invoice.clone(), None, false, now);
                self.settle(&mut invoice, Some(&charge), now);
                self.emit("invoice.paid", invoice, None, false, now);
                return Outcome { payment_status: "paid", ..outcome };
            }
        }
        self.emit("invoice.finalized", invoice, None, false, now);
        self.put_and_emit("customer.subscription.created", subscription, true, now);
        Outcome { payment_status: "unpaid", ..outcome }
    }

    /// Before basil: the subscription is there, incomplete, and the payment decides.
    fn pay_after_start(
        &mut self,
        order: &Order,
        (mut subscription, mut invoice, mut intent): (Subscription, Invoice, PaymentIntent),
        outcome: Outcome,
        now: Timestamp,
    ) -> Outcome {
        "incomplete".clone_into(&mut subscription.status);
        self.bind(&mut invoice, &mut intent, now);
        self.ledger.put(invoice.clone(), now);
        self.put_and_emit("customer.subscription.created", subscription.clone(), true, now);
        self.emit("invoice.finalized", invoice.clone(), None, false, now);
        let paid = self.attempt(order, &mut intent, now);
        let outcome =
            Outcome { intent: Some(intent.id.clone()), charge: intent.latest_charge.clone(), ..outcome };
        if paid != Paid::Yes {
            invoice.attempt_count = 1;
            self.ledger.put(invoice.clone(), now);
            if order.method == Method::RequiresAction {
                self.emit("invoice.payment_action_required", invoice.clone(), None, false, now);
            }
            self.emit("invoice.payment_failed", invoice, None, false, now);
            return Outcome { payment_status: "unpaid", status: "open", ..outcome };
        }
        let before = subscription.clone();
        "active".clone_into(&mut subscription.status);
        self.ledger.put(subscription.clone(), now);
        self.emit("customer.subscription.updated", subscription, Some(before.into()), false, now);
        let charge = outcome.charge.as_ref().and_then(|id| self.ledger.get::<Charge>(id).cloned());
        self.settle(&mut invoice, charge.as_ref(), now);
        self.emit("invoice.paid", invoice, None, false, now);
        Outcome { payment_status: "paid", ..outcome }
    }
}

/// How an attempt at a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paid {
    Yes,
    /// Days until it is known.
    Pending,
    No,
}
