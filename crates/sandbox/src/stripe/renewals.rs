//! What happens when a period turns: renewals, their failures and the ends of those, recovery, trials.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::objects::{DAY, period_end};
use super::records::{
    Cancellation, Charge, Customer, Invoice, InvoiceLine, Paused, PaymentIntent, Record, Subscription,
};

/// Days between attempts to collect a renewal.
const RETRY_DAYS: i64 = 3;

impl Stripe {
    /// A period turns and is paid. A cancellation that is due ends the subscription instead; a trial offer
    /// that has run out moves the item to its other price.
    pub(crate) fn renew(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["active", "past_due"])?;
        let end = subscription.period_end();
        if subscription.cancel_at_period_end || subscription.cancel_at.is_some_and(|at| at <= end) {
            return self.end(
                &subscription.id,
                Cancellation { reason: None, ..subscription.cancellation },
                false,
                now,
            );
        }
        let (subscription, invoice) = self.turn_period(subscription, "active", now)?;
        self.collect(&subscription, invoice, now)
    }

    /// The next try to collect a renewal fails: the first also turns the period. `end` says what the account
    /// does when it gives up: `canceled`, `unpaid`, `past_due` or `paused`; `none` tries again later.
    pub(crate) fn renewal_fail(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let end = body.text("end")?.unwrap_or_else(|| "none".to_owned());
        if !matches!(end.as_str(), "none" | "canceled" | "unpaid" | "past_due" | "paused") {
            return Err(format!("`end` is none, canceled, unpaid, past_due or paused, not `{end}`"));
        }
        let subscription = self.subscription_of(body, &["active", "past_due", "unpaid"])?;
        let id = subscription.id.clone();
        let who = self.find::<Customer>(&subscription.customer)?;
        let is_first = subscription.status == "active";
        let (subscription, mut invoice) = if is_first {
            self.turn_period(subscription, "active", now)?
        } else {
            let invoice = self.open_invoice(&id)?;
            (subscription, invoice)
        };
        let mut intent = match &invoice.payment_intent {
            Some(intent) => self.find::<PaymentIntent>(intent)?,
            None => self.intent_for(&mut invoice, &subscription, now),
        };
        let charge = self.charge_fails(&mut intent, (who.email, who.name), false, now);
        invoice.attempt_count += 1;
        invoice.charge = Some(charge.id);
        invoice.next_attempt = (end == "none").then(|| now.as_second() + RETRY_DAYS * DAY);
        self.put_and_emit("invoice.payment_failed", invoice.clone(), false, now);
        if is_first {
            self.set_status(&id, "past_due", now)?;
        }
        let attempts = invoice.attempt_count;
        match end.as_str() {
            "canceled" => {
                let why =
                    Cancellation { reason: Some("payment_failed".to_owned()), ..Cancellation::default() };
                self.end(&id, why, false, now)?;
            }
            "unpaid" => self.set_status(&id, "unpaid", now)?,
            "paused" => {
                let usual = if attempts == 1 { "first_payment_failure" } else { "final_payment_failure" };
                self.pause_for(&id, reason(body, usual)?, true, now)?;
            }
            _ => {}
        }
        Ok(json!({ "subscription": id, "invoice": invoice.id, "attempt_count": attempts }))
    }

    /// The open invoice is paid after all and the subscription is in good standing again.
    pub(crate) fn renewal_recover(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["past_due", "unpaid", "paused", "incomplete"])?;
        let id = subscription.id.clone();
        let who = self.find::<Customer>(&subscription.customer)?;
        let mut invoice = self.open_invoice(&id)?;
        let mut intent = match &invoice.payment_intent {
            Some(intent) => self.find::<PaymentIntent>(intent)?,
            None => self.intent_for(&mut invoice, &subscription, now),
        };
        let charge = self.charge_succeeds(&mut intent, (who.email, who.name), now);
        self.settle(&mut invoice, Some(&charge), now);
        match subscription.status.as_str() {
            "past_due" | "incomplete" => {
                self.set_status(&id, "active", now)?;
                self.emit("invoice.paid", invoice.clone(), None, false, now);
            }
            "unpaid" => {
                self.emit("invoice.paid", invoice.clone(), None, false, now);
                self.set_status(&id, "active", now)?;
            }
            _ => {
                self.emit("invoice.paid", invoice.clone(), None, false, now);
                self.unpause(&id, "active", false, now)?;
            }
        }
        Ok(json!({ "subscription": id, "invoice": invoice.id, "charge": charge.id }))
    }

    /// A trial ends: paid with the card there is, or what the subscription says about a missing one. With
    /// `fail` the card is declined.
    pub(crate) fn trial_end(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["trialing"])?;
        let id = subscription.id.clone();
        let has_card = subscription.payment_method.is_some();
        if !has_card && subscription.missing_payment_method == "pause" {
            self.pause_for(&id, reason(body, "trial_end_without_payment_method")?, false, now)?;
            return Ok(json!({ "subscription": id }));
        }
        let is_paid = has_card && body.flag("fail")? != Some(true);
        let (subscription, invoice) = self.turn_period(subscription, "active", now)?;
        if is_paid {
            return self.collect(&subscription, invoice, now);
        }
        self.renewal_declined(&subscription, invoice, now)
    }

    /// Three days before a trial ends.
    pub(crate) fn trial_will_end(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["trialing"])?;
        let id = subscription.id.clone();
        self.emit("customer.subscription.trial_will_end", subscription, None, false, now);
        Ok(json!({ "subscription": id }))
    }

    /// A first payment was never made within 23 hours.
    pub(crate) fn incomplete_expire(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["incomplete"])?;
        let id = subscription.id.clone();
        let mut invoice = self.open_invoice(&id)?;
        self.change_and_emit::<Subscription>("customer.subscription.updated", &id, false, now, |it| {
            "incomplete_expired".clone_into(&mut it.status);
            it.ended_at = Some(now.as_second());
        })?;
        "void".clone_into(&mut invoice.status);
        invoice.voided_at = Some(now.as_second());
        self.put_and_emit("invoice.voided", invoice, false, now);
        Ok(json!({ "subscription": id }))
    }

    /// Moves a subscription to its next period and finalises the invoice for it.
    fn turn_period(
        &mut self,
        subscription: Subscription,
        status: &str,
        now: Timestamp,
    ) -> Result<(Subscription, Invoice), String> {
        let who = self.find::<Customer>(&subscription.customer)?;
        let before = subscription.clone();
        let mut after = subscription;
        status.clone_into(&mut after.status);
        let start = after.period_end();
        for item in &mut after.items {
            if item.trial_offer.as_ref().is_some_and(|offer| offer.end <= start) {
                let offer = item.trial_offer.take().expect("it was there a line above");
                item.price = offer.then;
            }
            (item.period_start, item.period_end) = (start, period_end(start, item.price.interval.as_deref()));
        }
        let lines: Vec<InvoiceLine> =
            after.items.clone().iter().map(|item| self.item_line(item, false)).collect();
        let invoice = self.new_invoice(&mut after, &who, "subscription_cycle", lines, now);
        self.ledger.put(after.clone(), now);
        self.emit("customer.subscription.updated", after.clone(), Some(Record::from(before)), false, now);
        self.put_and_emit("invoice.finalized", invoice.clone(), false, now);
        Ok((after, invoice))
    }

    /// Pays an invoice with the card on file.
    pub(crate) fn collect(
        &mut self,
        subscription: &Subscription,
        mut invoice: Invoice,
        now: Timestamp,
    ) -> Result<Value, String> {
        let who = self.find::<Customer>(&subscription.customer)?;
        let mut charge = None;
        if invoice.amount_due > 0 {
            let mut intent = self.intent_for(&mut invoice, subscription, now);
            charge = Some(self.charge_succeeds(&mut intent, (who.email, who.name), now));
        }
        self.settle(&mut invoice, charge.as_ref(), now);
        self.emit("invoice.paid", invoice.clone(), None, false, now);
        self.refresh_entitlements(&subscription.customer, subscription.livemode, now);
        Ok(json!({
            "subscription": subscription.id, "invoice": invoice.id, "payment_intent": invoice.payment_intent,
            "charge": charge.map(|it: Charge| it.id),
        }))
    }

    /// The first try to collect an invoice fails and the subscription falls behind.
    fn renewal_declined(
        &mut self,
        subscription: &Subscription,
        mut invoice: Invoice,
        now: Timestamp,
    ) -> Result<Value, String> {
        let who = self.find::<Customer>(&subscription.customer)?;
        let mut intent = self.intent_for(&mut invoice, subscription, now);
        let charge = self.charge_fails(&mut intent, (who.email, who.name), false, now);
        invoice.attempt_count += 1;
        invoice.charge = Some(charge.id);
        invoice.next_attempt = Some(now.as_second() + RETRY_DAYS * DAY);
        self.put_and_emit("invoice.payment_failed", invoice.clone(), false, now);
        self.set_status(&subscription.id, "past_due", now)?;
        Ok(json!({ "subscription": subscription.id, "invoice": invoice.id }))
    }

    /// A payment for an invoice, tied to it.
    pub(crate) fn intent_for(
        &mut self,
        invoice: &mut Invoice,
        subscription: &Subscription,
        now: Timestamp,
    ) -> PaymentIntent {
        let mut intent = self.new_payment_intent(
            invoice.amount_due,
            Some(subscription.customer.clone()),
            "card",
            &subscription.currency,
            subscription.livemode,
            now,
        );
        self.bind(invoice, &mut intent, now);
        self.ledger.put(intent.clone(), now);
        self.ledger.put(invoice.clone(), now);
        intent
    }

    /// Sets a status and tells of it.
    pub(crate) fn set_status(&mut self, id: &str, status: &str, now: Timestamp) -> Result<(), String> {
        let after =
            self.change_and_emit::<Subscription>("customer.subscription.updated", id, false, now, |it| {
                status.clone_into(&mut it.status);
            })?;
        self.refresh_entitlements(&after.customer, after.livemode, now);
        Ok(())
    }

    /// The oldest open invoice of a subscription.
    pub(crate) fn open_invoice(&self, subscription: &str) -> Result<Invoice, String> {
        self.ledger
            .all::<Invoice>()
            .filter(|it| it.subscription.as_deref() == Some(subscription) && it.status == "open")
            .min_by_key(|it| it.created)
            .cloned()
            .ok_or_else(|| format!("`{subscription}` has no open invoice"))
    }

    /// The subscription named, which must have one of these statuses.
    pub(crate) fn subscription_of(&self, body: &Body, statuses: &[&str]) -> Result<Subscription, String> {
        let subscription = self.find::<Subscription>(&body.needed("subscription")?)?;
        if statuses.contains(&subscription.status.as_str()) {
            Ok(subscription)
        } else {
            Err(format!("`{}` is {}, not {}", subscription.id, subscription.status, statuses.join(" or ")))
        }
    }

    /// Pauses with both events. A pause moves the end of the item's period to its own moment, except that a
    /// trial has ended by itself.
    ///
    /// Source: Stripe docs, "Pause subscriptions": no invoices and no new periods while paused.
    pub(crate) fn pause_for(
        &mut self,
        id: &str,
        reason: Option<String>,
        moves_period: bool,
        now: Timestamp,
    ) -> Result<(), String> {
        let (before, after) = self.change::<Subscription>(id, now, |it| {
            "paused".clone_into(&mut it.status);
            it.paused = Some(Paused { reason, at: now.as_second() });
            if moves_period {
                for item in &mut it.items {
                    item.period_end = now.as_second();
                }
            }
        })?;
        for kind in ["customer.subscription.paused", "customer.subscription.updated"] {
            self.emit(kind, after.clone(), Some(before.clone().into()), false, now);
        }
        self.refresh_entitlements(&after.customer, after.livemode, now);
        Ok(())
    }

    /// Leaves the pause with both events; a new cycle starts now.
    pub(crate) fn unpause(
        &mut self,
        id: &str,
        status: &str,
        by_request: bool,
        now: Timestamp,
    ) -> Result<Subscription, String> {
        let method = self.ids.id("pm");
        let (before, after) = self.change::<Subscription>(id, now, |it| {
            status.clone_into(&mut it.status);
            it.paused = None;
            it.anchor = now.as_second();
            it.payment_method.get_or_insert(method);
            let end =
                period_end(now.as_second(), it.items.first().and_then(|item| item.price.interval.as_deref()));
            it.set_period(now.as_second(), end);
        })?;
        for kind in ["customer.subscription.resumed", "customer.subscription.updated"] {
            self.emit(kind, after.clone(), Some(before.clone().into()), by_request, now);
        }
        self.refresh_entitlements(&after.customer, after.livemode, now);
        Ok(after)
    }

    /// Ends a subscription for good. The reason of an earlier request to cancel stays.
    pub(crate) fn end(
        &mut self,
        id: &str,
        why: Cancellation,
        by_request: bool,
        now: Timestamp,
    ) -> Result<Value, String> {
        let (_, after) = self.change::<Subscription>(id, now, |it| {
            "canceled".clone_into(&mut it.status);
            it.canceled_at.get_or_insert(now.as_second());
            it.ended_at = Some(now.as_second());
            if it.cancellation.reason.is_none() {
                it.cancellation = why;
            }
        })?;
        self.emit("customer.subscription.deleted", after.clone(), None, by_request, now);
        self.refresh_entitlements(&after.customer, after.livemode, now);
        Ok(json!({ "subscription": id, "customer": after.customer }))
    }
}

/// The reason of a pause or an end: as the body says, `null` for none, else the usual one.
pub(crate) fn reason(body: &Body, usual: &str) -> Result<Option<String>, String> {
    if body.is_null("reason") {
        return Ok(None);
    }
    Ok(Some(body.text("reason")?.unwrap_or_else(|| usual.to_owned())))
}
