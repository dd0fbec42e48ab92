//! One-time goods, and whatever a checkout says before anything else does.

use super::ledger::Told;
use super::money::{Back, Ends, Receipts};
use super::{Claim, Desk, Flag, Nothing, Over, Property, Purchase, Standing, Terms, in_order, sells};
use crate::catalogue::{PartialRefund, Policy};
use crate::fact::{
    Checkout, CheckoutOutcome, CheckoutStatus, Invoice, InvoiceStatus, Line, LineItems, Mode, PaymentStatus,
    Sold, Subscription,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Whether the money of a checkout came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It did, or none is asked for.
    Yes,
    /// Not yet.
    NotYet,
    /// It bounced then.
    Bounced(Timestamp),
}

impl<'a> Desk<'a> {
    /// Whether the money of a checkout came. The session itself says `unpaid` both while a delayed
    /// payment is under way and after it failed (docs/providers.md, Stripe: checkout).
    pub(super) fn came(&self, told: Told<'a, Checkout>, receipts: &Receipts<'a>) -> Came {
        if matches!(told.state.payment_status, PaymentStatus::Paid | PaymentStatus::NoPaymentRequired)
            || receipts.came()
        {
            return Came::Yes;
        }
        match self.ledger.get::<CheckoutOutcome>(&told.key.source, &told.key.id) {
            Some(outcome) if outcome.state.succeeded => Came::Yes,
            Some(outcome) => Came::Bounced(outcome.at()),
            None => Came::NotYet,
        }
    }

    /// The money behind a checkout: its own payment, or that of its invoice.
    pub(super) fn receipts_of(&self, told: Told<'a, Checkout>) -> Receipts<'a> {
        let source = &told.key.source;
        let invoice = told.state.invoice.as_deref().and_then(|id| self.ledger.get::<Invoice>(source, id));
        match (&told.state.payment, invoice) {
            (Some(payment), _) => {
                Receipts::of(self.ledger, source, [payment.as_str()].into(), BTreeSet::new())
            }
            (None, Some(invoice)) => Receipts::of_invoices(self.ledger, source, &[invoice]),
            (None, None) => Receipts::default(),
        }
    }

    pub(super) fn sell_checkouts(&mut self) {
        let checkouts: Vec<_> = self.ledger.all::<Checkout>().collect();
        for told in checkouts {
            match nothing(told.state) {
                Some(why) => self.ignored.push((told.key.clone(), why)),
                None => self.sell_checkout(told),
            }
        }
    }

    fn sell_checkout(&mut self, told: Told<'a, Checkout>) {
        let source = &told.key.source;
        let subscription = told.state.subscription.as_deref();
        let subscription = subscription.and_then(|id| self.ledger.get::<Subscription>(source, id));
        let items = self.ledger.get::<LineItems>(source, &told.key.id);
        let awaits_subscription = told.state.mode == Mode::Subscription && subscription.is_none();
        let Some(items) = items else {
            if told.state.mode == Mode::Payment || awaits_subscription {
                self.purchases.push(self.unread(told));
            }
            return;
        };
        let recurs = |line: &Line| match line.recurring {
            Some(recurring) => recurring,
            None => subscription.is_some_and(|subscription| {
                let sold = Sold { price: line.price.clone(), product: line.product.clone() };
                subscription.fact.sold.contains(&sold)
            }),
        };
        if awaits_subscription && items.state.lines.iter().any(recurs) {
            self.purchases.push(self.unread(told));
        }
        for line in items.state.lines.iter().filter(|line| !recurs(line)) {
            if self.catalogue.ignores(source, line.price.as_deref(), line.product.as_deref()) {
                self.ignored.push((told.key.clone(), Nothing::Ignored));
            } else {
                let purchase = self.sell_line(told, items, line);
                self.purchases.push(purchase);
            }
        }
    }

    /// A finished checkout whose goods, or whose subscription, nobody told yet.
    fn unread(&self, told: Told<'a, Checkout>) -> Purchase {
        let receipts = self.receipts_of(told);
        let standing = match self.came(told, &receipts) {
            Came::Yes => Standing::Unread,
            Came::NotYet => Standing::Processing,
            Came::Bounced(at) => self.bounced(told, &receipts, at),
        };
        let mut purchase = begun(told, standing);
        purchase.paid_at = self.paid_at(told, &receipts);
        purchase.evidence = in_order(self.session_claims(told));
        purchase
    }

    /// One line of one-time goods.
    fn sell_line(&mut self, told: Told<'a, Checkout>, items: Told<'a, LineItems>, line: &Line) -> Purchase {
        let source = &told.key.source;
        let (price, product) = (line.price.as_deref(), line.product.as_deref());
        let plan = self.catalogue.plan_for(source, price, product);
        let policy = plan.map(|plan| plan.policy.clone()).unwrap_or_default();
        let receipts = self.receipts_of(told);
        let mut purchase = begun(told, Standing::Processing);
        purchase.price.clone_from(&line.price);
        purchase.product.clone_from(&line.product);
        purchase.quantity = line.quantity;
        purchase.plan = plan.map(|plan| plan.id.clone());
        purchase.title = plan.map(|plan| plan.title.clone());
        let subscription = told.state.subscription.as_deref();
        let subscription = subscription.and_then(|id| self.ledger.get::<Subscription>(source, id));
        let mut metadata = vec![&told.state.metadata];
        metadata.extend(subscription.map(|subscription| &subscription.state.metadata));
        purchase.holder = self.holder(plan, &metadata);
        purchase.paid_at = self.paid_at(told, &receipts);

        let mut claims = self.session_claims(told);
        claims.push(Claim::said(items.key, &items.current, Property::Line, price.or(product).unwrap_or("?")));
        claims.extend(receipts.evidence());
        claims.extend(plan.and_then(|plan| sells(plan, source, price, product)));
        if plan.is_none() {
            claims.extend(super::good(source, price, product).map(|good| Claim::NoPlan { good }));
        }
        purchase.standing = match self.came(told, &receipts) {
            Came::NotYet => Standing::Processing,
            Came::Bounced(at) => self.bounced(told, &receipts, at),
            Came::Yes => {
                let (standing, ends) = settle(&receipts, &policy, told, &mut purchase.flags);
                if let Some(ends) = ends {
                    purchase.total = Some(ends.sum);
                    purchase.proof = ends.proof;
                    if let Some(plan) = plan {
                        claims.extend(policy_claim(&plan.id, &policy, ends.why));
                    }
                }
                standing
            }
        };
        purchase.evidence = in_order(claims);
        purchase
    }

    /// Failed for good, with the bank's code. One-time goods have no page on which to pay again.
    fn bounced(&self, told: Told<'a, Checkout>, receipts: &Receipts<'a>, at: Timestamp) -> Standing {
        let invoice = told.state.invoice.as_deref();
        let invoice = invoice.and_then(|id| self.ledger.get::<Invoice>(&told.key.source, id));
        let owed = invoice.filter(|invoice| invoice.state.status == InvoiceStatus::Open);
        Standing::PaymentFailed {
            at: Some(at),
            pay_url: owed.and_then(|invoice| invoice.state.pay_url.clone()),
            reason: receipts.reason(),
            was_active: false,
        }
    }

    /// When the money of a checkout came: when the delayed payment was told to have succeeded,
    /// else when the charge was made, else when the session was told to be paid, else when it was begun.
    fn paid_at(&self, told: Told<'a, Checkout>, receipts: &Receipts<'a>) -> Option<Timestamp> {
        let outcome = self.ledger.get::<CheckoutOutcome>(&told.key.source, &told.key.id);
        let outcome = outcome.filter(|outcome| outcome.state.succeeded).map(|outcome| outcome.at());
        let paid =
            matches!(told.state.payment_status, PaymentStatus::Paid | PaymentStatus::NoPaymentRequired);
        outcome
            .or_else(|| receipts.paid_at())
            .or_else(|| paid.then(|| told.came_at().unwrap_or(told.state.created_at)))
    }

    /// What the session and its outcome say.
    pub(super) fn session_claims(&self, told: Told<'a, Checkout>) -> Vec<Claim> {
        let paid = match told.state.payment_status {
            PaymentStatus::Paid => "paid",
            PaymentStatus::Unpaid => "unpaid",
            PaymentStatus::NoPaymentRequired => "no_payment_required",
            PaymentStatus::Unknown => "unknown",
        };
        let mut claims = vec![Claim::said(told.key, &told.current, Property::PaymentStatus, paid)];
        if let Some(outcome) = self.ledger.get::<CheckoutOutcome>(&told.key.source, &told.key.id) {
            claims.push(Claim::said(
                outcome.key,
                &outcome.current,
                Property::Succeeded,
                outcome.state.succeeded,
            ));
        }
        claims
    }
}

/// Why a session sells nothing; `None`: it may.
fn nothing(checkout: &Checkout) -> Option<Nothing> {
    match (checkout.status, checkout.mode) {
        (CheckoutStatus::Open, _) => Some(Nothing::NotFinished),
        (CheckoutStatus::Expired, _) => Some(Nothing::Expired),
        (CheckoutStatus::Unknown, _) | (_, Mode::Unknown) => Some(Nothing::Unknown),
        (CheckoutStatus::Complete, Mode::Setup) => Some(Nothing::Setup),
        (CheckoutStatus::Complete, Mode::Payment | Mode::Subscription) => None,
    }
}

/// A purchase of a checkout, before its lines.
fn begun(told: Told<'_, Checkout>, standing: Standing) -> Purchase {
    let named = [&told.state.subscription, &told.state.payment];
    let journey = named.into_iter().flatten().next().unwrap_or(&told.key.id).clone();
    Purchase {
        journey,
        sold_by: told.key.clone(),
        price: None,
        product: None,
        quantity: 1,
        recurring: false,
        plan: None,
        by_hand: None,
        title: None,
        standing,
        holder: crate::target::Holder::Customer,
        paid_at: None,
        started_at: told.state.created_at,
        total: told.state.total.clone(),
        evidence: Vec::new(),
        proof: BTreeSet::new(),
        flags: BTreeSet::new(),
    }
}

/// How paid one-time goods stand: to keep, unless the money went back or is disputed.
fn settle(
    receipts: &Receipts<'_>,
    policy: &Policy,
    told: Told<'_, Checkout>,
    flags: &mut BTreeSet<Flag>,
) -> (Standing, Option<Ends>) {
    let contest = receipts.contest(policy.dispute, |_| false);
    flags.extend(contest.flags);
    // All lines of a session are paid by one payment, so a refund of all of it ends all of them.
    let back = receipts.back(told.state.total.as_ref());
    if !matches!(back, Back::All(_)) {
        let failed = receipts.failed_refunds().map(|refund| refund.key.id.clone());
        flags.extend(failed.map(|refund| Flag::RefundFailed { refund }));
    }
    let refunded = match back {
        Back::All(returned) => Some(returned),
        Back::Part(returned) if policy.partial_refund == PartialRefund::Revoke => Some(returned),
        Back::Part(_) => {
            flags.insert(Flag::PartlyRefunded);
            None
        }
        Back::Nothing => None,
    };
    let refunded =
        refunded.map(|back| Ends { why: Over::Refunded, at: back.at, sum: back.sum, proof: back.proof });
    match contest.over.or(refunded) {
        Some(ends) => (Standing::Over { why: ends.why, at: ends.at }, Some(ends)),
        None => (Standing::Entitled(Terms::Forever), None),
    }
}

/// The policy that made money end a purchase.
pub(super) fn policy_claim(plan: &crate::id::PlanId, policy: &Policy, why: Over) -> Option<Claim> {
    let (name, value) = match why {
        Over::Disputed => ("dispute", "suspend".to_owned()),
        Over::Paused => ("pause", "suspend".to_owned()),
        Over::GraceOver => ("grace", super::span(policy.grace)),
        Over::Refunded if policy.partial_refund == PartialRefund::Revoke => {
            ("partial_refund", "revoke".to_owned())
        }
        _ => return None,
    };
    Some(Claim::Policy { plan: plan.clone(), policy: name.to_owned(), value })
}
