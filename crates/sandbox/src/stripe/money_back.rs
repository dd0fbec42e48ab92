//! Refunds and disputes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::objects::DAY;
use super::records::{Charge, Dispute, Invoice, PaymentIntent, Refund, Session, Subscription};

/// Days until a dispute must be answered.
const DISPUTE_DUE_DAYS: i64 = 9;

impl Stripe {
    /// Gives money back, all of what is left or an `amount`. It never touches the subscription.
    pub(crate) fn refund(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let charge = self.charge_of(body)?;
        let left = charge.amount - charge.amount_refunded;
        let amount = body.number("amount")?.unwrap_or(left);
        if charge.status != "succeeded" || amount < 1 || amount > left {
            return Err(format!(
                "`{}` is {} and has {left} left to refund, not {amount}",
                charge.id, charge.status
            ));
        }
        let is_card = charge.method == "card";
        let status = match body.text("status")?.as_deref() {
            None if is_card => "succeeded",
            None | Some("pending") => "pending",
            Some("succeeded") => "succeeded",
            Some(other) => return Err(format!("`status` is succeeded or pending, not `{other}`")),
        };
        let refund = Refund {
            id: self.ids.id("re"),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            customer: charge.customer.clone(),
            payment_method: charge.payment_method.clone(),
            method: charge.method.clone(),
            amount,
            status: status.to_owned(),
            reason: Some(body.text("reason")?.unwrap_or_else(|| "requested_by_customer".to_owned())),
            balance_transaction: self.ids.id("txn"),
            reference: None,
            failure: None,
            currency: charge.currency.clone(),
            created: now.as_second(),
            livemode: charge.livemode,
        };
        let receipt = self.ids.token(40);
        let charge = self.change_and_emit::<Charge>("charge.refunded", &charge.id, true, now, |it| {
            it.amount_refunded += amount;
            it.receipt_token = Some(receipt);
        })?;
        self.put_and_emit("refund.created", refund.clone(), true, now);
        Ok(json!({
            "refund": refund.id, "charge": charge.id, "payment_intent": charge.payment_intent,
            "amount_refunded": charge.amount_refunded,
        }))
    }

    /// The bank's reference of a refund arrives; a pending one is through.
    pub(crate) fn refund_settle(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("refund")?;
        let refund = self.change_and_emit::<Refund>("refund.updated", &id, false, now, |it| {
            "succeeded".clone_into(&mut it.status);
            it.reference = Some("74000004288123456789012".to_owned());
        })?;
        self.older_twin(body, refund, now)?;
        Ok(json!({ "refund": id }))
    }

    /// The bank sends a refund back: the money is the merchant's again and the charge counts as paid.
    pub(crate) fn refund_fail(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("refund")?;
        if self.find::<Refund>(&id)?.status == "failed" {
            return Err(format!("`{id}` has failed already"));
        }
        let transaction = self.ids.id("txn");
        let (before, refund) = self.change::<Refund>(&id, now, |it| {
            "failed".clone_into(&mut it.status);
            it.failure = Some(("lost_or_stolen_card".to_owned(), transaction));
        })?;
        self.change::<Charge>(&refund.charge, now, |it| it.amount_refunded -= refund.amount)?;
        self.emit("refund.updated", refund.clone(), Some(before.into()), false, now);
        self.older_twin(body, refund.clone(), now)?;
        self.emit("refund.failed", refund.clone(), None, false, now);
        Ok(json!({ "refund": refund.id, "charge": refund.charge }))
    }

    /// Emits `charge.refund.updated` beside `refund.updated`, if the action says `twin`.
    fn older_twin(&mut self, body: &Body, refund: Refund, now: Timestamp) -> Result<(), String> {
        if body.flag("twin")? == Some(true) {
            self.emit("charge.refund.updated", refund, None, false, now);
        }
        Ok(())
    }

    /// The cardholder disputes a charge; with `inquiry` the bank only asks and takes no money.
    pub(crate) fn dispute(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let charge = self.charge_of(body)?;
        let is_inquiry = body.flag("inquiry")?.unwrap_or(false);
        let mut dispute = Dispute {
            id: self.ids.id("du"),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            amount: charge.amount,
            reason: body.text("reason")?.unwrap_or_else(|| "fraudulent".to_owned()),
            status: if is_inquiry { "warning_needs_response" } else { "needs_response" }.to_owned(),
            email: charge.email.clone(),
            name: charge.name.clone(),
            withdrawn: None,
            has_evidence: false,
            past_due: false,
            due_by: now.as_second() + DISPUTE_DUE_DAYS * DAY,
            currency: charge.currency.clone(),
            created: now.as_second(),
            livemode: charge.livemode,
        };
        self.change::<Charge>(&charge.id, now, |it| it.disputed = true)?;
        self.put_and_emit("charge.dispute.created", dispute.clone(), false, now);
        if !is_inquiry {
            dispute.withdrawn = Some((self.ids.id("txn"), now.as_second()));
            self.put_and_emit("charge.dispute.funds_withdrawn", dispute.clone(), false, now);
        }
        Ok(json!({ "dispute": dispute.id, "charge": charge.id }))
    }

    /// The merchant hands in evidence.
    pub(crate) fn dispute_review(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("dispute")?;
        self.change_and_emit::<Dispute>("charge.dispute.updated", &id, true, now, |it| {
            let is_inquiry = it.status.starts_with("warning_");
            if is_inquiry { "warning_under_review" } else { "under_review" }.clone_into(&mut it.status);
            it.has_evidence = true;
        })?;
        Ok(json!({ "dispute": id }))
    }

    /// The bank decides. A lost dispute leaves the charge `refunded: false`.
    pub(crate) fn dispute_close(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("dispute")?;
        let status = body.needed("status")?;
        if !matches!(status.as_str(), "won" | "lost" | "warning_closed" | "prevented") {
            return Err(format!("`status` is won, lost, warning_closed or prevented, not `{status}`"));
        }
        let (_, dispute) = self.change::<Dispute>(&id, now, |it| {
            it.past_due = status == "lost" && !it.has_evidence;
            it.status.clone_from(&status);
        })?;
        self.emit("charge.dispute.closed", dispute.clone(), None, false, now);
        if status == "won" && dispute.withdrawn.is_some() {
            self.emit("charge.dispute.funds_reinstated", dispute, None, false, now);
        }
        Ok(json!({ "dispute": id, "status": status }))
    }

    /// The charge that a body means by `charge`, `payment_intent`, `session`, `invoice` or `subscription`
    /// (of its latest invoice).
    fn charge_of(&self, body: &Body) -> Result<Charge, String> {
        let mut charge = body.text("charge")?;
        let mut intent = body.text("payment_intent")?;
        let mut invoice = body.text("invoice")?;
        if let Some(id) = body.text("session")? {
            let session = self.find::<Session>(&id)?;
            (intent, invoice) = (session.payment_intent, session.invoice.or(invoice));
        }
        if let Some(id) = body.text("subscription")? {
            invoice = self.find::<Subscription>(&id)?.latest_invoice;
        }
        if let (None, Some(id)) = (&intent, &invoice) {
            intent = self.find::<Invoice>(id)?.payment_intent;
        }
        if let (None, Some(id)) = (&charge, &intent) {
            charge = self.find::<PaymentIntent>(id)?.latest_charge;
        }
        let id =
            charge.ok_or("name a paid `charge`, `payment_intent`, `session`, `invoice` or `subscription`")?;
        self.find::<Charge>(&id)
    }
}
