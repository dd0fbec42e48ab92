//! Changes to a running subscription that somebody asks for: cancelling, upgrading, pausing.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Stripe;
use super::body::Body;
use super::records::{Cancellation, Customer, Invoice, PauseCollection, Subscription};
use super::renewals::reason;

impl Stripe {
    /// Cancels `now`, at `period_end` (flag and time), or by `cancel_at` alone, as flexible billing does.
    /// A cancellation that is due already simply happens, by itself.
    pub(crate) fn cancel(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let statuses = ["active", "trialing", "past_due", "unpaid", "paused", "incomplete"];
        let subscription = self.subscription_of(body, &statuses)?;
        let id = subscription.id.clone();
        let why = Cancellation {
            comment: body.text("comment")?,
            feedback: body.text("feedback")?,
            reason: reason(body, "cancellation_requested")?,
        };
        let when = body.text("when")?.unwrap_or_else(|| "now".to_owned());
        match when.as_str() {
            "now" => {
                let is_due = subscription.cancel_at.is_some_and(|at| at <= now.as_second());
                self.end(&id, why, !is_due, now)
            }
            "period_end" | "cancel_at" => {
                let at = body.number("at")?.unwrap_or_else(|| subscription.period_end());
                self.change_and_emit::<Subscription>(
                    "customer.subscription.updated",
                    &id,
                    true,
                    now,
                    |it| {
                        it.cancel_at = Some(at);
                        it.cancel_at_period_end = when == "period_end";
                        it.canceled_at = Some(now.as_second());
                        it.cancellation = why;
                    },
                )?;
                Ok(json!({ "subscription": id, "cancel_at": at }))
            }
            other => Err(format!("`when` is now, period_end or cancel_at, not `{other}`")),
        }
    }

    /// Withdraws a cancellation before its time.
    pub(crate) fn undo_cancel(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["active", "trialing", "past_due", "paused"])?;
        if subscription.cancel_at.is_none() && !subscription.cancel_at_period_end {
            return Err(format!("`{}` is not being cancelled", subscription.id));
        }
        self.change_and_emit::<Subscription>(
            "customer.subscription.updated",
            &subscription.id,
            true,
            now,
            |it| {
                (it.cancel_at, it.cancel_at_period_end, it.canceled_at) = (None, false, None);
                it.cancellation = Cancellation::default();
            },
        )?;
        Ok(json!({ "subscription": subscription.id }))
    }

    /// Swaps the price (or the quantity) of the first item at once, and charges the difference for the rest
    /// of the period. A cheaper price charges nothing.
    pub(crate) fn upgrade(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["active", "trialing", "past_due"])?;
        let who = self.find::<Customer>(&subscription.customer)?;
        let before = subscription.clone();
        let mut after = subscription;
        let old = after.items[0].clone();
        let new_price = match body.text("price")? {
            Some(price) => self.price(&price)?,
            None => old.price.clone(),
        };
        if new_price.interval.is_none() {
            return Err(format!("`{}` is a one-time price", new_price.id));
        }
        let item = &mut after.items[0];
        item.price = new_price.clone();
        item.quantity = body.number("quantity")?.unwrap_or(old.quantity).max(1);
        item.trial_offer = None;
        let item = item.clone();
        let rest = (now.as_second(), item.period_end);
        let share = |amount: i64| {
            let (left, whole) = ((rest.1 - rest.0).max(0), (item.period_end - item.period_start).max(1));
            amount * left.min(whole) / whole
        };
        let (credit, debit) =
            (-share(old.price.amount * old.quantity), share(new_price.amount * item.quantity));
        let is_charged = before.status != "trialing" && credit + debit > 0;
        let mut invoice: Option<Invoice> = None;
        if is_charged {
            let unused = format!("Unused time on {}", old.price.product_name);
            let remaining = format!("Remaining time on {}", new_price.product_name);
            let lines = vec![
                self.one_off_line(&old.price, old.quantity, credit, unused, true, rest),
                self.one_off_line(&new_price, item.quantity, debit, remaining, true, rest),
            ];
            invoice = Some(self.new_invoice(&mut after, &who, "subscription_update", lines, now));
        }
        self.ledger.put(after.clone(), now);
        self.emit("customer.subscription.updated", after.clone(), Some(before.into()), true, now);
        let Some(mut invoice) = invoice else {
            self.refresh_entitlements(&after.customer, after.livemode, now);
            return Ok(json!({ "subscription": after.id, "customer": after.customer }));
        };
        let mut intent = self.intent_for(&mut invoice, &after, now);
        let charge = self.charge_succeeds(&mut intent, (who.email, who.name), now);
        self.emit("invoice.finalized", invoice.clone(), None, false, now);
        self.settle(&mut invoice, Some(&charge), now);
        self.emit("invoice.paid", invoice.clone(), None, false, now);
        self.refresh_entitlements(&after.customer, after.livemode, now);
        Ok(json!({
            "subscription": after.id, "customer": after.customer, "invoice": invoice.id, "charge": charge.id,
        }))
    }

    /// Pauses a subscription for real; `reason` may be another or `null` (left out of the object).
    pub(crate) fn pause(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["active", "trialing", "past_due"])?;
        self.pause_for(&subscription.id, reason(body, "pause_requested")?, true, now)?;
        Ok(json!({ "subscription": subscription.id }))
    }

    /// Ends a pause. With `fail` the payment for it is declined: by default the subscription is then past
    /// due without retries; with `behavior` `resume_on_payment_success` it stays paused and is tried again.
    pub(crate) fn resume(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["paused"])?;
        let id = subscription.id.clone();
        if body.flag("fail")? != Some(true) {
            self.unpause(&id, "active", true, now)?;
            return Ok(json!({ "subscription": id }));
        }
        let waits = match body.text("behavior")?.as_deref() {
            None | Some("resume_on_payment_attempt") => false,
            Some("resume_on_payment_success") => true,
            Some(other) => {
                return Err(format!(
                    "`behavior` is resume_on_payment_attempt or resume_on_payment_success, not `{other}`"
                ));
            }
        };
        let who = self.find::<Customer>(&subscription.customer)?;
        let mut subscription = if waits { subscription } else { self.unpause(&id, "past_due", true, now)? };
        let lines = subscription.items.clone().iter().map(|item| self.item_line(item, false)).collect();
        let mut invoice = self.new_invoice(&mut subscription, &who, "subscription_cycle", lines, now);
        self.ledger.put(subscription.clone(), now);
        self.emit("invoice.finalized", invoice.clone(), None, false, now);
        let mut intent = self.intent_for(&mut invoice, &subscription, now);
        let charge = self.charge_fails(&mut intent, (who.email, who.name), false, now);
        invoice.attempt_count = 1;
        invoice.charge = Some(charge.id);
        invoice.next_attempt = waits.then(|| now.as_second() + super::objects::DAY);
        self.put_and_emit("invoice.payment_failed", invoice.clone(), false, now);
        Ok(json!({ "subscription": id, "invoice": invoice.id }))
    }

    /// Stops or resumes collecting money while the status stays; `behavior` `null` resumes.
    pub(crate) fn pause_collection(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let subscription = self.subscription_of(body, &["active", "trialing", "past_due", "unpaid"])?;
        let resumes_at = body.number("resumes_at")?;
        let behavior = match body.text("behavior")? {
            None if body.is_null("behavior") => None,
            None => Some("void".to_owned()),
            Some(known) if matches!(known.as_str(), "void" | "keep_as_draft" | "mark_uncollectible") => {
                Some(known)
            }
            Some(other) => {
                return Err(format!(
                    "`behavior` is void, keep_as_draft, mark_uncollectible or null, not `{other}`"
                ));
            }
        };
        // It runs out by itself at the time that was set.
        let is_due = subscription
            .pause_collection
            .is_some_and(|it| it.resumes_at.is_some_and(|at| at <= now.as_second()));
        self.change_and_emit::<Subscription>(
            "customer.subscription.updated",
            &subscription.id,
            !is_due || behavior.is_some(),
            now,
            |it| {
                it.pause_collection = behavior.map(|behavior| PauseCollection { behavior, resumes_at });
            },
        )?;
        Ok(json!({ "subscription": subscription.id }))
    }
}
