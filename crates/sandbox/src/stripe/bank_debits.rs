//! Delayed payments: what becomes of a SEPA debit days after Checkout.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::records::{Charge, Invoice, PaymentError, PaymentIntent, Session, Subscription};

impl Stripe {
    /// The money of an unpaid session comes in.
    pub(crate) fn sepa_settle(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let (mut session, mut intent, mut charge) = self.processing(body)?;
        "succeeded".clone_into(&mut charge.status);
        charge.balance_transaction = Some(self.ids.id("txn"));
        charge.receipt_token = Some(self.ids.token(40));
        "succeeded".clone_into(&mut intent.status);
        self.put_and_emit("charge.succeeded", charge.clone(), false, now);
        self.put_and_emit("payment_intent.succeeded", intent, false, now);
        if let Some(id) = session.invoice.clone() {
            let mut invoice = self.find::<Invoice>(&id)?;
            self.settle(&mut invoice, None, now);
            invoice.charge = Some(charge.id.clone());
            self.put_and_emit("invoice.paid", invoice, false, now);
        }
        "paid".clone_into(&mut session.payment_status);
        self.put_and_emit("checkout.session.async_payment_succeeded", session.clone(), false, now);
        Ok(json!({ "session": session.id, "charge": charge.id }))
    }

    /// The debit bounces. What was never paid has nothing to keep; the status that Stripe then gives the
    /// subscription is not documented, `past_due` is our choice.
    pub(crate) fn sepa_fail(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let (session, mut intent, mut charge) = self.processing(body)?;
        "failed".clone_into(&mut charge.status);
        charge.failure = Some((
            "insufficient_funds".to_owned(),
            "The customer's account has insufficient funds to cover this payment.".to_owned(),
        ));
        "requires_payment_method".clone_into(&mut intent.status);
        intent.payment_method = None;
        intent.last_error = Some(PaymentError {
            charge: charge.id.clone(),
            code: "payment_intent_payment_attempt_failed".to_owned(),
            decline_code: None,
            message: "The payment failed.".to_owned(),
            kind: "invalid_request_error".to_owned(),
        });
        self.put_and_emit("charge.failed", charge.clone(), false, now);
        self.put_and_emit("payment_intent.payment_failed", intent, false, now);
        if let Some(id) = &session.invoice {
            let invoice = self.find::<Invoice>(id)?;
            self.emit("invoice.payment_failed", invoice, None, false, now);
        }
        if let Some(id) = &session.subscription {
            self.change_and_emit::<Subscription>("customer.subscription.updated", id, false, now, |it| {
                "past_due".clone_into(&mut it.status);
            })?;
        }
        self.emit("checkout.session.async_payment_failed", session.clone(), None, false, now);
        Ok(json!({ "session": session.id, "charge": charge.id }))
    }

    /// The session named with its payment, which must still be under way.
    fn processing(&self, body: &Body) -> Result<(Session, PaymentIntent, Charge), String> {
        let session = self.find::<Session>(&body.needed("session")?)?;
        let intent = self.find::<PaymentIntent>(session.payment_intent.as_deref().unwrap_or_default())?;
        if intent.status != "processing" {
            return Err(format!("the payment of `{}` is {}, not processing", session.id, intent.status));
        }
        let charge = self.find::<Charge>(intent.latest_charge.as_deref().unwrap_or_default())?;
        Ok((session, intent, charge))
    }
}
