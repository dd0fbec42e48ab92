//! Recurring goods: what a subscription's status, invoices and money mean.

use super::around::{Around, Verdict};
use super::checkout::policy_claim;
use super::{
    Claim, Deadline, Desk, Flag, Nothing, Over, Property, Purchase, Standing, Terms, in_order, sells,
};
use crate::catalogue::{OnPause, OnTrial, Plan, Policy};
use crate::fact::{InvoiceStatus, Sold, Subscription, SubscriptionItem, SubscriptionStatus};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long a new subscription may wait for the word that its first invoice is paid.
///
/// With SEPA or ACH a subscription is `active` before any money came (docs/providers.md, Stripe:
/// checkout), and of its events that one may arrive first. An hour is far longer than events and
/// the read of the invoice take; after it the status alone is believed.
pub const FIRST_INVOICE_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// How long an `incomplete` subscription whose first invoice was tried may still be on its way to
/// `active`: older API versions make it so for a moment in every purchase.
pub const INCOMPLETE_SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// How long after the clock ended something the word of it may still come, where nothing else
/// says so (docs/providers.md, Stripe: subscription states).
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(24);

impl<'a> Desk<'a> {
    pub(super) fn sell_subscriptions(&mut self) {
        let subscriptions: Vec<_> = self.ledger.all::<Subscription>().collect();
        for told in subscriptions {
            let around = self.around(told);
            for item in &told.state.items {
                let sold = Sold { price: item.price.clone(), product: item.product.clone() };
                self.sell_item(&around, &sold, Some(item));
            }
            // A price has one product, which not everybody who names the price says.
            let now_sold = |sold: &Sold| {
                told.state.items.iter().any(|item| {
                    item.price == sold.price && (item.price.is_some() || item.product == sold.product)
                })
            };
            if told.state.items_complete {
                for sold in told.fact.sold.iter().filter(|sold| !now_sold(sold)) {
                    self.sell_item(&around, sold, None);
                }
            }
        }
    }

    /// One item, or (`item` absent) what was sold before a change of plan.
    fn sell_item(&mut self, around: &Around<'a>, sold: &Sold, item: Option<&SubscriptionItem>) {
        let told = around.told;
        let source = &told.key.source;
        let (price, product) = (sold.price.as_deref(), sold.product.as_deref());
        if self.catalogue.ignores(source, price, product) {
            self.ignored.push((told.key.clone(), Nothing::Ignored));
            return;
        }
        let plan = self.catalogue.plan_for(source, price, product);
        let policy = plan.map(|plan| plan.policy.clone()).unwrap_or_default();
        let mut verdict = self.judge(around, plan, &policy, item);
        let goes_on = matches!(
            verdict.standing,
            Standing::Entitled(_) | Standing::Processing | Standing::Nothing { .. }
        );
        if item.is_none() && goes_on {
            let at = told.at();
            verdict.standing = Standing::Over { why: Over::Swapped, at };
            verdict.proof = [told.key.clone()].into();
            verdict.flags.clear();
            verdict.claims.push(Claim::said(
                told.key,
                &told.current,
                Property::NoLongerSells,
                price.or(product).unwrap_or("?"),
            ));
        }
        verdict.claims.extend(plan.and_then(|plan| sells(plan, source, price, product)));
        if plan.is_none() {
            verdict.claims.extend(super::good(source, price, product).map(|good| Claim::NoPlan { good }));
        }
        let mut metadata = vec![&told.state.metadata];
        metadata.extend(around.sessions.iter().map(|session| &session.state.metadata));
        self.purchases.push(Purchase {
            journey: told.key.id.clone(),
            sold_by: told.key.clone(),
            price: sold.price.clone(),
            product: sold.product.clone(),
            quantity: item.map_or(1, |item| item.quantity),
            recurring: true,
            plan: plan.map(|plan| plan.id.clone()),
            by_hand: None,
            title: plan.map(|plan| plan.title.clone()),
            holder: self.holder(plan, &metadata),
            paid_at: around.paid_at(),
            started_at: told.state.created_at,
            total: verdict.sum.or_else(|| around.regular_sum()),
            standing: verdict.standing,
            evidence: in_order(verdict.claims),
            proof: verdict.proof,
            flags: verdict.flags,
        });
    }

    fn judge(
        &mut self,
        around: &Around<'a>,
        plan: Option<&Plan>,
        policy: &Policy,
        item: Option<&SubscriptionItem>,
    ) -> Verdict {
        let told = around.told;
        let mut verdict = Verdict {
            standing: Standing::Processing,
            claims: vec![Claim::said(told.key, &told.current, Property::Status, told.state.status.as_str())],
            proof: [told.key.clone()].into(),
            flags: BTreeSet::new(),
            sum: None,
        };
        self.by_status(around, policy, item, &mut verdict);
        if let Some(behavior) = &told.state.collection_paused {
            verdict.flags.insert(Flag::CollectionPaused { behavior: behavior.clone() });
            verdict.claims.push(Claim::said(told.key, &told.current, Property::CollectionPaused, behavior));
        }
        if matches!(verdict.standing, Standing::Entitled(_) | Standing::Over { .. }) {
            around.by_money(policy, &mut verdict);
        }
        if let (Standing::Over { why, .. }, Some(plan)) = (&verdict.standing, plan) {
            verdict.claims.extend(policy_claim(&plan.id, policy, *why));
        }
        verdict
    }

    /// What the status says, before refunds and disputes.
    fn by_status(
        &mut self,
        around: &Around<'a>,
        policy: &Policy,
        item: Option<&SubscriptionItem>,
        verdict: &mut Verdict,
    ) {
        let told = around.told;
        let subscription = told.state;
        let over = |why, at| Standing::Over { why, at };
        if let (Some(customer), false) = (&around.customer_deleted, told.current.version.body.is_final()) {
            verdict.claims.push(Claim::said(customer.key, &customer.current, Property::Deleted, true));
            verdict.proof.insert(customer.key.clone());
            verdict.standing = over(Over::CustomerDeleted, customer.at());
            return;
        }
        verdict.standing = match &subscription.status {
            SubscriptionStatus::Incomplete => {
                let tried = around.owed().next().is_some_and(|invoice| invoice.state.attempts > 0);
                let settled = tried && self.has_passed(subscription.created_at + INCOMPLETE_SETTLES_AFTER);
                if around.receipts.refused() || settled {
                    around.payment_failed(verdict, false)
                } else {
                    Standing::Processing
                }
            }
            SubscriptionStatus::IncompleteExpired => around.payment_failed(verdict, false),
            SubscriptionStatus::Trialing => match (policy.trial, cancels_at(subscription, item)) {
                (OnTrial::Wait, _) => Standing::Nothing { why: Nothing::TrialWaits },
                (OnTrial::Grant, Some(at)) => self.ending(around, policy, at, verdict),
                (OnTrial::Grant, None) => {
                    Standing::Entitled(Terms::Trial { until: subscription.trial_end_at })
                }
            },
            SubscriptionStatus::Active if around.is_unpaid && !around.was_paid => {
                verdict
                    .claims
                    .extend(around.sessions.iter().flat_map(|session| self.session_claims(*session)));
                match around.bounced_at {
                    Some(_) => around.payment_failed(verdict, true),
                    None => Standing::Processing,
                }
            }
            SubscriptionStatus::Active if around.awaits_first_invoice() => {
                let until = subscription.created_at + FIRST_INVOICE_WAIT;
                if self.has_passed(until) {
                    self.active(around, policy, item, verdict)
                } else {
                    verdict.claims.push(Claim::Until { at: until, what: Deadline::FirstInvoice });
                    Standing::Processing
                }
            }
            SubscriptionStatus::Active => self.active(around, policy, item, verdict),
            SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid | SubscriptionStatus::Canceled
                if around.first_failed() =>
            {
                around.payment_failed(verdict, true)
            }
            SubscriptionStatus::PastDue => self.past_due(around, policy, verdict),
            SubscriptionStatus::Unpaid => over(Over::Unpaid, told.at()),
            SubscriptionStatus::Paused => {
                let reason = subscription.pause_reason.clone();
                if let Some(reason) = &reason {
                    verdict.claims.push(Claim::said(told.key, &told.current, Property::PauseReason, reason));
                }
                // A pause that the buyer asked for needs nobody, unless it takes access away.
                if policy.pause == OnPause::Suspend || reason.as_deref() != Some("pause_requested") {
                    verdict.flags.insert(Flag::Paused { reason });
                }
                match policy.pause {
                    OnPause::Keep => Standing::Entitled(Terms::Paused),
                    OnPause::Suspend => over(Over::Paused, told.at()),
                }
            }
            SubscriptionStatus::Canceled => {
                if let Some(reason) = &subscription.cancel_reason {
                    verdict.claims.push(Claim::said(told.key, &told.current, Property::CancelReason, reason));
                }
                // `canceled_at` is when somebody asked; only `ended_at` is an end.
                over(Over::Ended, subscription.ended_at.unwrap_or_else(|| told.at()))
            }
            SubscriptionStatus::Other(status) => {
                verdict.flags.insert(Flag::UnknownStatus { status: status.clone() });
                Standing::Unclear { status: status.clone() }
            }
        };
    }

    fn active(
        &mut self,
        around: &Around<'a>,
        policy: &Policy,
        item: Option<&SubscriptionItem>,
        verdict: &mut Verdict,
    ) -> Standing {
        if let Some(paid) =
            around.invoices.iter().rev().find(|invoice| invoice.state.status == InvoiceStatus::Paid)
        {
            verdict.claims.push(Claim::said(
                paid.key,
                &paid.current,
                Property::Status,
                invoice_word(InvoiceStatus::Paid),
            ));
        }
        let subscription = around.told.state;
        if let Some(at) = cancels_at(subscription, item) {
            return self.ending(around, policy, at, verdict);
        }
        let ends = subscription.items.iter().filter_map(|item| item.period_end_at);
        let renews_at = item.and_then(|item| item.period_end_at).or_else(|| ends.max());
        Standing::Entitled(Terms::Active { renews_at })
    }

    /// Cancelled and paid until `at`. The end itself is the source's to tell; only when nothing is
    /// told for the grace time and a day more does the clock say it.
    fn ending(
        &mut self,
        around: &Around<'a>,
        policy: &Policy,
        at: Timestamp,
        verdict: &mut Verdict,
    ) -> Standing {
        let told = around.told;
        verdict.claims.push(match told.state.cancel_at {
            Some(at) => Claim::said(told.key, &told.current, Property::CancelAt, at),
            None => Claim::said(told.key, &told.current, Property::CancelAtPeriodEnd, true),
        });
        verdict.claims.push(Claim::Until { at, what: Deadline::PaidTime });
        if self.has_passed(at + policy.grace + CLOCK_SLACK) {
            Standing::Over { why: Over::PaidTimeOver, at }
        } else {
            Standing::Entitled(Terms::Ending { at })
        }
    }

    /// A renewal failed. Grace runs from the creation of the oldest unpaid invoice: never from
    /// when we first saw it, so that order does not matter.
    ///
    /// Until an invoice is known to be owed, its creation is a guess. The likeliest is the beginning of the period, and a
    /// guess ends nothing: the invoices are read (see `reads`). But no source has to answer, an export names no invoice, and
    /// access must not be for ever. Whatever is past due was billed before the first of the running periods ends, for
    /// nothing is billed between two ends of periods; where no period is named, it counts as billed before it was first
    /// said to be past due, however often it is said since. Grace that runs from there is over for certain, and ends access
    /// once the subscription itself was read again and says the same.
    fn past_due(&mut self, around: &Around<'a>, policy: &Policy, verdict: &mut Verdict) -> Standing {
        let owed = around.owed().next();
        let told = around.told;
        let subscription = told.state;
        let starts = subscription.items.iter().filter_map(|item| item.period_start_at);
        let start =
            owed.map(|invoice| invoice.state.created_at).or(starts.max()).unwrap_or(subscription.created_at);
        let mut until = start + policy.grace;
        if let Some(invoice) = owed {
            verdict.claims.push(Claim::said(invoice.key, &invoice.current, Property::CreatedAt, start));
            verdict.sum.clone_from(&invoice.state.due);
        }
        let mut is_over = self.has_passed(until);
        if is_over && owed.is_none() {
            let end = subscription.items.iter().filter_map(|item| item.period_end_at).min();
            verdict
                .claims
                .extend(end.map(|end| Claim::said(told.key, &told.current, Property::PeriodEnd, end)));
            let billed_before = end.or_else(|| told.fact.arrears.since()).unwrap_or_else(|| told.at());
            until = billed_before.max(start) + policy.grace;
            is_over = self.has_passed(until);
        }
        verdict.claims.push(Claim::Until { at: until, what: Deadline::Grace });
        if is_over {
            // It may have been paid or withdrawn, and another one be the oldest: then grace runs anew.
            verdict.proof.insert(owed.map_or(told.key, |invoice| invoice.key).clone());
            return Standing::Over { why: Over::GraceOver, at: until };
        }
        let newest = around.owed().last();
        Standing::Entitled(Terms::PastDue {
            since: start,
            until,
            reason: around.refusal(),
            next_try_at: newest.and_then(|invoice| invoice.state.next_attempt_at),
            pay_url: owed.and_then(|invoice| invoice.state.pay_url.clone()),
        })
    }
}

/// When a subscription ends that was cancelled: `cancel_at` before the flag, because newer API
/// versions set it while the flag stays false (docs/providers.md, Stripe: subscription states).
fn cancels_at(subscription: &Subscription, item: Option<&SubscriptionItem>) -> Option<Timestamp> {
    let period_end = || {
        let ends = subscription.items.iter().filter_map(|item| item.period_end_at);
        item.and_then(|item| item.period_end_at).or_else(|| ends.max())
    };
    subscription.cancel_at.or_else(|| period_end().filter(|_| subscription.cancel_at_period_end))
}

/// An invoice's status as the source writes it.
pub(crate) const fn invoice_word(status: InvoiceStatus) -> &'static str {
    match status {
        InvoiceStatus::Draft => "draft",
        InvoiceStatus::Open => "open",
        InvoiceStatus::Paid => "paid",
        InvoiceStatus::Uncollectible => "uncollectible",
        InvoiceStatus::Void => "void",
        InvoiceStatus::Unknown => "unknown",
    }
}
