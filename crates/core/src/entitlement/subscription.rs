//! Recurring goods: what a subscription's status, invoices and money mean.

use super::checkout::{Came, policy_claim};
use super::ledger::{Ledger, Told};
use super::money::{Back, Ends, Receipts};
use super::{Claim, Deadline, Desk, Flag, Nothing, Over, Purchase, Standing, Terms, in_order, sells};
use crate::catalogue::{OnPause, OnTrial, PartialRefund, Plan, Policy};
use crate::fact::{
    Checkout, CheckoutStatus, Customer, Invoice, InvoiceStatus, Key, Payment, Sold, Subscription,
    SubscriptionItem, SubscriptionStatus,
};
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

/// What is known around one subscription.
struct Around<'a> {
    ledger: Ledger<'a>,
    told: Told<'a, Subscription>,
    /// Its finished sessions.
    sessions: Vec<Told<'a, Checkout>>,
    /// Its invoices, oldest first.
    invoices: Vec<Told<'a, Invoice>>,
    /// The money of all of them.
    receipts: Receipts<'a>,
    /// A payment, a full discount or a free start is known.
    was_paid: bool,
    /// A session says that the first money is not there.
    is_unpaid: bool,
    /// A session says that the first money bounced.
    bounced_at: Option<Timestamp>,
    /// The source deleted its customer.
    customer_deleted: Option<Told<'a, Customer>>,
}

/// A standing, with what it rests on.
struct Verdict {
    standing: Standing,
    claims: Vec<Claim>,
    proof: BTreeSet<Key>,
    flags: BTreeSet<Flag>,
    sum: Option<crate::fact::Money>,
}

impl<'a> Desk<'a> {
    pub(super) fn sell_subscriptions(&mut self) {
        let subscriptions: Vec<_> = self.ledger.all::<Subscription>().collect();
        for told in subscriptions {
            let around = self.around(told);
            for item in &told.state.items {
                let sold = Sold { price: item.price.clone(), product: item.product.clone() };
                self.sell_item(&around, &sold, Some(item));
            }
            let now_sold = |sold: &Sold| {
                told.state.items.iter().any(|item| item.price == sold.price && item.product == sold.product)
            };
            if told.state.items_complete {
                for sold in told.fact.sold.iter().filter(|sold| !now_sold(sold)) {
                    self.sell_item(&around, sold, None);
                }
            }
        }
    }

    fn around(&self, told: Told<'a, Subscription>) -> Around<'a> {
        let source = &told.key.source;
        let id = Some(told.key.id.as_str());
        let mine = |session: &Told<'a, Checkout>| {
            session.key.source == *source
                && session.state.subscription.as_deref() == id
                && session.state.status == CheckoutStatus::Complete
        };
        let sessions: Vec<_> = self.ledger.all::<Checkout>().filter(mine).collect();
        let invoices = self.ledger.all::<Invoice>();
        let bills = |invoice: &Told<'a, Invoice>| {
            invoice.key.source == *source && invoice.state.subscription.as_deref() == id
        };
        let mut invoices: Vec<_> = invoices.filter(bills).collect();
        invoices.sort_by_key(|invoice| (invoice.state.created_at, invoice.key));
        let receipts = Receipts::of_invoices(self.ledger, source, &invoices);
        let came: Vec<_> = sessions.iter().map(|session| self.came(*session, &Receipts::default())).collect();
        let bounced = |came: &Came| match came {
            Came::Bounced(at) => Some(*at),
            _ => None,
        };
        let customer = told.state.customer.as_deref();
        let customer = customer.and_then(|id| self.ledger.get::<Customer>(source, id));
        Around {
            ledger: self.ledger,
            told,
            was_paid: came.contains(&Came::Yes)
                || invoices.iter().any(|invoice| invoice.state.status == InvoiceStatus::Paid),
            is_unpaid: came.iter().any(|came| *came != Came::Yes),
            bounced_at: came.iter().find_map(bounced),
            customer_deleted: customer.filter(|customer| customer.state.deleted),
            sessions,
            invoices,
            receipts,
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
                "no_longer_sells",
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
            claims: vec![Claim::said(told.key, &told.current, "status", word(&told.state.status))],
            proof: [told.key.clone()].into(),
            flags: BTreeSet::new(),
            sum: None,
        };
        self.by_status(around, policy, item, &mut verdict);
        if let Some(behavior) = &told.state.collection_paused {
            verdict.flags.insert(Flag::CollectionPaused { behavior: behavior.clone() });
            verdict.claims.push(Claim::said(told.key, &told.current, "collection_paused", behavior));
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
        let failed_at_first = || around.first_failed();
        let over = |why, at| Standing::Over { why, at };
        if let (Some(customer), false) = (&around.customer_deleted, told.current.version.body.is_final()) {
            verdict.claims.push(Claim::said(customer.key, &customer.current, "deleted", true));
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
            SubscriptionStatus::PastDue if failed_at_first() => around.payment_failed(verdict, true),
            SubscriptionStatus::PastDue => self.past_due(around, policy, verdict),
            SubscriptionStatus::Unpaid if failed_at_first() => around.payment_failed(verdict, true),
            SubscriptionStatus::Unpaid => over(Over::Unpaid, told.at()),
            SubscriptionStatus::Paused => {
                let reason = subscription.pause_reason.clone();
                if let Some(reason) = &reason {
                    verdict.claims.push(Claim::said(told.key, &told.current, "pause_reason", reason));
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
            SubscriptionStatus::Canceled if failed_at_first() => around.payment_failed(verdict, true),
            SubscriptionStatus::Canceled => {
                if let Some(reason) = &subscription.cancel_reason {
                    verdict.claims.push(Claim::said(told.key, &told.current, "cancel_reason", reason));
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
            verdict.claims.push(Claim::said(paid.key, &paid.current, "status", "paid"));
        }
        let subscription = around.told.state;
        match cancels_at(subscription, item) {
            Some(at) => self.ending(around, policy, at, verdict),
            None => {
                let ends = subscription.items.iter().filter_map(|item| item.period_end_at);
                let renews_at = item.and_then(|item| item.period_end_at).or_else(|| ends.max());
                Standing::Entitled(Terms::Active { renews_at })
            }
        }
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
        let field = if told.state.cancel_at.is_some() { "cancel_at" } else { "cancel_at_period_end" };
        verdict.claims.push(Claim::said(told.key, &told.current, field, at));
        verdict.claims.push(Claim::Until { at, what: Deadline::PaidTime });
        if self.has_passed(at + policy.grace + CLOCK_SLACK) {
            Standing::Over { why: Over::PaidTimeOver, at }
        } else {
            Standing::Entitled(Terms::Ending { at })
        }
    }

    /// A renewal failed. Grace runs from the creation of the oldest unpaid invoice: never from
    /// when we first saw it, so that order does not matter.
    fn past_due(&mut self, around: &Around<'a>, policy: &Policy, verdict: &mut Verdict) -> Standing {
        let owed = around.owed().next();
        let subscription = around.told.state;
        let period = subscription.items.iter().filter_map(|item| item.period_start_at).max();
        let start =
            owed.map(|invoice| invoice.state.created_at).or(period).unwrap_or(subscription.created_at);
        let until = start + policy.grace;
        if let Some(invoice) = owed {
            verdict.claims.push(Claim::said(invoice.key, &invoice.current, "created_at", start));
            verdict.sum.clone_from(&invoice.state.due);
        }
        verdict.claims.push(Claim::Until { at: until, what: Deadline::Grace });
        if self.has_passed(until) {
            return Standing::Over { why: Over::GraceOver, at: until };
        }
        let newest = around.owed().last();
        Standing::Entitled(Terms::PastDue {
            until,
            reason: around.refusal(),
            next_try_at: newest.and_then(|invoice| invoice.state.next_attempt_at),
            pay_url: owed.and_then(|invoice| invoice.state.pay_url.clone()),
        })
    }
}

impl<'a> Around<'a> {
    /// The invoices that are owed, oldest first: final and not paid.
    fn owed(&self) -> impl Iterator<Item = &Told<'a, Invoice>> {
        let owed = |status| matches!(status, InvoiceStatus::Open | InvoiceStatus::Uncollectible);
        self.invoices.iter().filter(move |invoice| owed(invoice.state.status))
    }

    /// The first invoice: the one that made the subscription.
    fn first(&self) -> Option<&Told<'a, Invoice>> {
        let creates = |invoice: &&Told<'_, Invoice>| {
            invoice.state.billing_reason.as_deref() == Some("subscription_create")
        };
        self.invoices.iter().find(creates)
    }

    /// Nothing was ever paid, and the first invoice or the session says so. What was never told
    /// is never held against the customer.
    fn first_failed(&self) -> bool {
        let creates = |invoice: &Told<'_, Invoice>| {
            invoice.state.status == InvoiceStatus::Draft
                || invoice.state.billing_reason.as_deref() == Some("subscription_create")
        };
        !self.was_paid && (self.is_unpaid || self.first().is_some() && self.invoices.iter().all(creates))
    }

    /// Active, and neither a session nor a paid invoice is known yet.
    fn awaits_first_invoice(&self) -> bool {
        let names_one = self.told.state.latest_invoice.is_some() || !self.invoices.is_empty();
        // A trial's first invoice is free: access does not wait for money.
        let after_trial = self.told.state.trial_end_at.is_some();
        self.sessions.is_empty() && !self.was_paid && names_one && !after_trial
    }

    fn payment_failed(&self, verdict: &mut Verdict, was_active: bool) -> Standing {
        let owed = self.owed().next();
        if let Some(first) = self.first().or(owed) {
            verdict.claims.push(Claim::said(first.key, &first.current, "paid", false));
            verdict.sum.clone_from(&first.state.due);
        }
        let ended_at = self.told.state.ended_at;
        Standing::PaymentFailed {
            at: self.bounced_at.or(ended_at).or_else(|| owed.map(Told::at)).or(Some(self.told.at())),
            pay_url: owed
                .filter(|invoice| invoice.state.status == InvoiceStatus::Open)
                .filter(|_| ended_at.is_none())
                .and_then(|invoice| invoice.state.pay_url.clone()),
            reason: self.refusal(),
            was_active,
        }
    }

    /// The bank's code of the newest refusal. Newer API versions do not say which invoice a
    /// payment is for: then the customer's newest refused payment since the oldest owed invoice.
    fn refusal(&self) -> Option<String> {
        let since = self.owed().next().map_or(self.told.state.created_at, |invoice| invoice.state.created_at);
        let customer = self.told.state.customer.as_ref()?;
        let refused = |told: &Told<'_, Payment>| {
            told.state.customer.as_ref() == Some(customer)
                && told.key.source == self.told.key.source
                && told.state.status == "requires_payment_method"
                && told.at() >= since
        };
        let newest = self.ledger.all::<Payment>().filter(refused).max_by_key(|told| (told.at(), told.key));
        self.receipts.reason().or_else(|| newest.and_then(|told| told.state.failure.clone()))
    }

    /// Refunds and disputes, over what the status says.
    fn by_money(&self, policy: &Policy, verdict: &mut Verdict) {
        let subscription = self.told.state;
        let is_final = self.told.current.version.body.is_final();
        let charges_again =
            !is_final && subscription.cancel_at.is_none() && !subscription.cancel_at_period_end;
        let paid_after = |at: Timestamp| {
            self.invoices.iter().any(|invoice| {
                invoice.state.status == InvoiceStatus::Paid
                    && invoice.state.created_at > at
                    && has_money(invoice)
            })
        };
        let contest = self.receipts.contest(policy.dispute, paid_after);
        verdict.flags.extend(contest.flags);
        if charges_again {
            verdict.flags.extend(contest.lost.into_iter().map(|dispute| Flag::LostBesideLive { dispute }));
        }
        let (back, failed) = self.current_period_back();
        verdict.flags.extend(failed.into_iter().map(|refund| Flag::RefundFailed { refund }));
        verdict.claims.extend(self.receipts.evidence());
        let refunded = match back {
            Back::All(returned) => {
                if charges_again {
                    verdict.flags.insert(Flag::RefundedBesideLive);
                }
                Some(returned)
            }
            Back::Part(returned) if policy.partial_refund == PartialRefund::Revoke => Some(returned),
            Back::Part(_) => {
                verdict.flags.insert(Flag::PartlyRefunded);
                None
            }
            Back::Nothing => None,
        };
        let refunded =
            refunded.map(|back| Ends { why: Over::Refunded, at: back.at, sum: back.sum, proof: back.proof });
        if let Some(ends) = contest.over.or(refunded) {
            verdict.sum = Some(ends.sum);
            match verdict.standing {
                // It was over before: the money says why, its own proof stays with what ended it.
                Standing::Over { at, .. } => {
                    verdict.standing = Standing::Over { why: ends.why, at: at.min(ends.at) }
                }
                _ => {
                    verdict.standing = Standing::Over { why: ends.why, at: ends.at };
                    verdict.proof = ends.proof;
                }
            }
        }
    }

    /// What went back of the money that paid the running period, and which refunds failed.
    ///
    /// The invoices of the running period are those paid ones whose lines reach furthest, so that
    /// a mid-period upgrade's proration stands beside the period's first invoice: only when each
    /// of them went back in full is the period refunded.
    fn current_period_back(&self) -> (Back, BTreeSet<String>) {
        let failed = self.receipts.failed_refunds().map(|refund| refund.key.id.clone()).collect();
        let start = self.told.state.items.iter().filter_map(|item| item.period_start_at).max();
        let paid = self
            .invoices
            .iter()
            .filter(|invoice| invoice.state.status == InvoiceStatus::Paid && has_money(invoice));
        let paid: Vec<_> = paid.copied().collect();
        let reach = paid.iter().map(|invoice| invoice.state.period_end_at).max().flatten();
        if reach.is_some() && start.is_some() && reach <= start {
            return (Back::Nothing, failed);
        }
        let current: Vec<_> =
            paid.into_iter().filter(|invoice| invoice.state.period_end_at == reach).collect();
        let backs: Vec<_> = current
            .iter()
            .map(|invoice| {
                let receipts = Receipts::of_invoices(self.ledger, &invoice.key.source, &[*invoice]);
                receipts.back(invoice.state.paid.as_ref())
            })
            .collect();
        match Back::together(backs) {
            all @ Back::All(_) => (all, BTreeSet::new()),
            back => (back, failed),
        }
    }

    /// When the first money came: when the invoice was told to be paid.
    fn paid_at(&self) -> Option<Timestamp> {
        let paid = self.invoices.iter().filter(|invoice| invoice.state.status == InvoiceStatus::Paid);
        let sessions = self.sessions.iter().map(|session| session.state.created_at);
        paid.map(Told::at).min().or_else(|| sessions.min().filter(|_| self.was_paid))
    }

    /// What a period costs: the sum of the newest invoice, if that was an ordinary renewal or
    /// start. A proration says nothing about it.
    fn regular_sum(&self) -> Option<crate::fact::Money> {
        let newest =
            self.invoices.iter().rev().find(|invoice| has_money(invoice) || invoice.state.due.is_some())?;
        let reason = newest.state.billing_reason.as_deref();
        let regular = matches!(reason, Some("subscription_create" | "subscription_cycle"));
        newest.state.due.clone().filter(|due| regular && due.minor > 0)
    }
}

/// Whether money was paid on it: free invoices are paid as well.
fn has_money(invoice: &Told<'_, Invoice>) -> bool {
    invoice.state.paid.as_ref().is_some_and(|paid| paid.minor > 0)
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

/// The status as the source writes it.
pub(crate) fn word(status: &SubscriptionStatus) -> &str {
    match status {
        SubscriptionStatus::Incomplete => "incomplete",
        SubscriptionStatus::IncompleteExpired => "incomplete_expired",
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Unpaid => "unpaid",
        SubscriptionStatus::Paused => "paused",
        SubscriptionStatus::Canceled => "canceled",
        SubscriptionStatus::Other(word) => word,
    }
}
