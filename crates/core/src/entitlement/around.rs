//! What is known around one subscription: its sessions, its invoices and their money.

use super::checkout::Came;
use super::ledger::{Ledger, Told};
use super::money::{Back, Ends, Receipts};
use super::subscription::invoice_word;
use super::{Claim, Desk, Flag, Over, Property, Standing};
use crate::catalogue::{PartialRefund, Policy};
use crate::fact::{
    Checkout, CheckoutStatus, Customer, Invoice, InvoiceStatus, Key, Money, Payment, Subscription,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What is known around one subscription.
pub(super) struct Around<'a> {
    pub(super) ledger: Ledger<'a>,
    pub(super) told: Told<'a, Subscription>,
    /// Its finished sessions.
    pub(super) sessions: Vec<Told<'a, Checkout>>,
    /// Its invoices, oldest first.
    pub(super) invoices: Vec<Told<'a, Invoice>>,
    /// The money of all of them.
    pub(super) receipts: Receipts<'a>,
    /// A payment, a full discount or a free start is known.
    pub(super) was_paid: bool,
    /// A session says that the first money is not there.
    pub(super) is_unpaid: bool,
    /// A session says that the first money bounced.
    pub(super) bounced_at: Option<Timestamp>,
    /// The source deleted its customer.
    pub(super) customer_deleted: Option<Told<'a, Customer>>,
}

/// A standing, with what it rests on.
pub(super) struct Verdict {
    pub(super) standing: Standing,
    pub(super) claims: Vec<Claim>,
    pub(super) proof: BTreeSet<Key>,
    pub(super) flags: BTreeSet<Flag>,
    pub(super) sum: Option<Money>,
}

impl<'a> Desk<'a> {
    pub(super) fn around(&self, told: Told<'a, Subscription>) -> Around<'a> {
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
}

impl<'a> Around<'a> {
    /// The invoices that are owed, oldest first: final and not paid.
    pub(super) fn owed(&self) -> impl Iterator<Item = &Told<'a, Invoice>> {
        let owed = |status| matches!(status, InvoiceStatus::Open | InvoiceStatus::Uncollectible);
        self.invoices.iter().filter(move |invoice| owed(invoice.state.status))
    }

    /// The first invoice: the one that made the subscription.
    pub(super) fn first(&self) -> Option<&Told<'a, Invoice>> {
        let creates = |invoice: &&Told<'_, Invoice>| {
            invoice.state.billing_reason.as_deref() == Some("subscription_create")
        };
        self.invoices.iter().find(creates)
    }

    /// Nothing was ever paid, and the first invoice or the session says so. What was never told
    /// is never held against the customer.
    pub(super) fn first_failed(&self) -> bool {
        let creates = |invoice: &Told<'_, Invoice>| {
            invoice.state.status == InvoiceStatus::Draft
                || invoice.state.billing_reason.as_deref() == Some("subscription_create")
        };
        !self.was_paid && (self.is_unpaid || self.first().is_some() && self.invoices.iter().all(creates))
    }

    /// Active, and neither a session nor a paid invoice is known yet.
    pub(super) fn awaits_first_invoice(&self) -> bool {
        let names_one = self.told.state.latest_invoice.is_some() || !self.invoices.is_empty();
        // A trial's first invoice is free: access does not wait for money.
        let after_trial = self.told.state.trial_end_at.is_some();
        self.sessions.is_empty() && !self.was_paid && names_one && !after_trial
    }

    pub(super) fn payment_failed(&self, verdict: &mut Verdict, was_active: bool) -> Standing {
        let owed = self.owed().next();
        if let Some(first) = self.first().or(owed) {
            // Where access may have been given, the word that this was paid may be the one that was lost.
            verdict.proof.insert(first.key.clone());
            let word = invoice_word(first.state.status);
            verdict.claims.push(Claim::said(first.key, &first.current, Property::Status, word));
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
    pub(super) fn refusal(&self) -> Option<String> {
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
    pub(super) fn by_money(&self, policy: &Policy, verdict: &mut Verdict) {
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
            if let Standing::Over { at, .. } = verdict.standing {
                // It was over before: the money says why, its own proof stays with what ended it.
                verdict.standing = Standing::Over { why: ends.why, at: at.min(ends.at) };
            } else {
                verdict.standing = Standing::Over { why: ends.why, at: ends.at };
                verdict.proof = ends.proof;
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

    /// When the first money came: when the invoice was paid. Where nobody says when that was, when the invoice was made: a
    /// purchase of old that is read today was not paid today.
    pub(super) fn paid_at(&self) -> Option<Timestamp> {
        let paid = self.invoices.iter().filter(|invoice| invoice.state.status == InvoiceStatus::Paid);
        let sessions = self.sessions.iter().map(|session| session.state.created_at);
        let at = |invoice: &Told<'_, Invoice>| {
            invoice.state.paid_at.or_else(|| invoice.came_at()).unwrap_or(invoice.state.created_at)
        };
        paid.map(at).min().or_else(|| sessions.min().filter(|_| self.was_paid))
    }

    /// What a period costs: the sum of the newest invoice, if that was an ordinary renewal or
    /// start. A proration says nothing about it.
    pub(super) fn regular_sum(&self) -> Option<Money> {
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
