//! The money behind a purchase: what was paid, what of it went back, what is disputed.

use super::ledger::{Ledger, Told};
use super::{Claim, Flag, Over, Property};
use crate::catalogue::OnDispute;
use crate::fact::{
    Charge, Dispute, DisputeStatus, Invoice, InvoicePayments, Key, Money, Payment, Refund, RefundStatus,
};
use crate::id::SourceId;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// All that is known of the money behind something.
#[derive(Debug, Default)]
pub(super) struct Receipts<'a> {
    pub(super) charges: Vec<Told<'a, Charge>>,
    pub(super) payments: Vec<Told<'a, Payment>>,
    pub(super) refunds: Vec<Told<'a, Refund>>,
    pub(super) disputes: Vec<Told<'a, Dispute>>,
}

/// What went back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// Nothing.
    Nothing,
    /// A part.
    Part(Returned),
    /// All of it.
    All(Returned),
}

impl Back {
    /// Of several payments for one thing: all went back only if each did.
    pub(super) fn together(backs: Vec<Self>) -> Self {
        let all = !backs.is_empty() && backs.iter().all(|back| matches!(back, Self::All(_)));
        let returned = backs.into_iter().filter_map(|back| match back {
            Self::All(returned) | Self::Part(returned) => Some(returned),
            Self::Nothing => None,
        });
        let sum = returned.reduce(|mut sum, more| {
            sum.at = sum.at.max(more.at);
            sum.sum.minor += more.sum.minor;
            sum.proof.extend(more.proof);
            sum
        });
        match sum {
            Some(sum) if all => Self::All(sum),
            Some(sum) => Self::Part(sum),
            None => Self::Nothing,
        }
    }
}

/// Money that went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Returned {
    /// When the newest refund of it was made.
    pub(super) at: Timestamp,
    /// How much.
    pub(super) sum: Money,
    /// The objects that prove it.
    pub(super) proof: BTreeSet<Key>,
}

/// What disputes mean for a purchase.
#[derive(Debug, Default)]
pub(super) struct Contest {
    /// They end it.
    pub(super) over: Option<Ends>,
    /// What a person should see.
    pub(super) flags: BTreeSet<Flag>,
    /// Those lost and not made up for.
    pub(super) lost: BTreeSet<String>,
}

/// An end that money brings about.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) why: Over,
    pub(super) at: Timestamp,
    pub(super) sum: Money,
    pub(super) proof: BTreeSet<Key>,
}

impl<'a> Receipts<'a> {
    /// The money of these payments and charges.
    pub(super) fn of(
        ledger: Ledger<'a>,
        source: &SourceId,
        mut payments: BTreeSet<&'a str>,
        mut charges: BTreeSet<&'a str>,
    ) -> Self {
        let named: Vec<_> = charges.iter().filter_map(|id| ledger.get::<Charge>(source, id)).collect();
        payments.extend(named.iter().filter_map(|told| told.state.payment.as_deref()));
        let mine = |told: &Told<'a, Charge>| {
            told.key.source == *source
                && (charges.contains(told.key.id.as_str())
                    || told.state.payment.as_deref().is_some_and(|id| payments.contains(id)))
        };
        let told_charges: Vec<_> = ledger.all::<Charge>().filter(mine).collect();
        charges.extend(told_charges.iter().map(|told| told.key.id.as_str()));
        let names = |key: &Key, charge: &Option<String>, payment: &Option<String>| {
            key.source == *source
                && (charge.as_deref().is_some_and(|id| charges.contains(id))
                    || payment.as_deref().is_some_and(|id| payments.contains(id)))
        };
        Self {
            refunds: ledger
                .all::<Refund>()
                .filter(|r| names(r.key, &r.state.charge, &r.state.payment))
                .collect(),
            disputes: ledger
                .all::<Dispute>()
                .filter(|d| names(d.key, &d.state.charge, &d.state.payment))
                .collect(),
            payments: payments.iter().filter_map(|id| ledger.get(source, id)).collect(),
            charges: told_charges,
        }
    }

    /// The money that paid these invoices. Invoices of newer API versions do not name it: the
    /// link is then a read of its own (docs/providers.md, Stripe: the shapes by version).
    pub(super) fn of_invoices(ledger: Ledger<'a>, source: &SourceId, invoices: &[Told<'a, Invoice>]) -> Self {
        let ids: BTreeSet<&str> = invoices.iter().map(|told| told.key.id.as_str()).collect();
        let mut payments: BTreeSet<&str> =
            invoices.iter().filter_map(|told| told.state.payment.as_deref()).collect();
        let mut charges: BTreeSet<&str> =
            invoices.iter().filter_map(|told| told.state.charge.as_deref()).collect();
        let pays = |invoice: &Option<String>| invoice.as_deref().is_some_and(|id| ids.contains(id));
        payments
            .extend(ledger.all::<Payment>().filter(|p| pays(&p.state.invoice)).map(|p| p.key.id.as_str()));
        charges.extend(ledger.all::<Charge>().filter(|c| pays(&c.state.invoice)).map(|c| c.key.id.as_str()));
        let links = ledger.all::<InvoicePayments>();
        let links = links.filter(|link| link.state.invoices.iter().any(|id| ids.contains(id.as_str())));
        payments.extend(links.map(|link| link.key.id.as_str()));
        Self::of(ledger, source, payments, charges)
    }

    /// Whether any payment is known to have come.
    pub(super) fn came(&self) -> bool {
        self.charges.iter().any(|told| told.state.succeeded)
            || self.payments.iter().any(|told| told.state.status == "succeeded")
    }

    /// Whether the last that is known of the payments is a refusal.
    pub(super) fn refused(&self) -> bool {
        self.payments
            .iter()
            .any(|told| told.state.status == "requires_payment_method" && told.state.failure.is_some())
    }

    /// The bank's code of the newest refusal.
    pub(super) fn reason(&self) -> Option<String> {
        let charges = self.charges.iter().filter_map(|told| Some((told.at(), told.state.failure.clone()?)));
        let payments = self.payments.iter().filter_map(|told| Some((told.at(), told.state.failure.clone()?)));
        charges.chain(payments).max().map(|(_, code)| code)
    }

    /// When the first successful charge was made.
    pub(super) fn paid_at(&self) -> Option<Timestamp> {
        self.charges.iter().filter(|told| told.state.succeeded).map(|told| told.state.created_at).min()
    }

    /// What went back. `total`: what the seller said was paid, for money whose charge is unknown.
    pub(super) fn back(&self, total: Option<&Money>) -> Back {
        let mut paid = 0;
        let mut sum = 0;
        let mut currency = None;
        let mut at: Option<Timestamp> = None;
        let mut proof = BTreeSet::new();
        let paid_charges: Vec<_> = self.charges.iter().filter(|told| told.state.succeeded).collect();
        for charge in &paid_charges {
            let refunds: Vec<_> = self.refunds.iter().filter(|refund| gives_back(refund, charge)).collect();
            let back = refunded(charge, &refunds);
            paid += charge.state.amount.minor;
            sum += back;
            currency.get_or_insert_with(|| charge.state.amount.currency.clone());
            if back > 0 {
                proof.insert(charge.key.clone());
                // Refunds that do not add up to what went back are not all told yet.
                let told = made_at(&refunds).filter(|_| counted(&refunds) >= back);
                at = at.max(Some(told.unwrap_or_else(|| charge.at())));
            }
        }
        if paid_charges.is_empty() {
            let succeeded: Vec<_> =
                self.refunds.iter().filter(|r| r.state.status == RefundStatus::Succeeded).collect();
            let amounts = self.payments.iter().filter_map(|told| told.state.amount.as_ref());
            let amount = amounts.chain(total).map(|money| money.minor).max();
            sum = succeeded.iter().map(|refund| refund.state.amount.minor).sum();
            // Without any amount paid that is known, a refund is never taken for a full one.
            paid = amount.unwrap_or(i64::MAX);
            currency = succeeded.first().map(|refund| refund.state.amount.currency.clone());
            at = made_at(&succeeded);
            proof.extend(succeeded.iter().map(|refund| refund.key.clone()));
        }
        match (at, currency) {
            (Some(at), Some(currency)) if sum > 0 => {
                let returned = Returned { at, sum: Money { minor: sum.min(paid), currency }, proof };
                if sum >= paid { Back::All(returned) } else { Back::Part(returned) }
            }
            _ => Back::Nothing,
        }
    }

    /// The refunds that did not reach the buyer, while the money is still with the shop.
    pub(super) fn failed_refunds(&self) -> impl Iterator<Item = &Told<'a, Refund>> {
        self.refunds.iter().filter(|refund| refund.state.status == RefundStatus::Failed)
    }

    /// What the disputes mean. `paid_after`: whether a payment of the same purchase came in for an
    /// invoice made after an instant; it makes up for a dispute that was lost before.
    pub(super) fn contest(&self, on: OnDispute, paid_after: impl Fn(Timestamp) -> bool) -> Contest {
        let mut contest = Contest::default();
        for told in &self.disputes {
            let dispute = told.key.id.clone();
            let made_at = told.state.created_at;
            let suspends = match (told.state.status, on) {
                (DisputeStatus::Won, _) => None,
                (DisputeStatus::Inquiry, _) => {
                    contest.flags.insert(Flag::Inquiry { dispute });
                    None
                }
                (DisputeStatus::Unknown, _) => {
                    contest.flags.insert(Flag::DisputeUnclear { dispute });
                    None
                }
                (DisputeStatus::Open, on) => {
                    contest.flags.insert(Flag::Disputed { dispute });
                    (on == OnDispute::Suspend).then_some((Over::Disputed, made_at))
                }
                (DisputeStatus::Lost, _) if paid_after(made_at) => None,
                (DisputeStatus::Lost, OnDispute::Suspend) => Some((Over::DisputeLost, made_at)),
                (DisputeStatus::Lost, OnDispute::Keep) => Some((Over::DisputeLost, told.at())),
            };
            if let Some((why, at)) = suspends {
                // The earliest ended it; all of them must be settled before it can come back.
                let ends = contest.over.get_or_insert_with(|| Ends {
                    why,
                    at,
                    sum: told.state.amount.clone(),
                    proof: BTreeSet::new(),
                });
                ends.proof.insert(told.key.clone());
                if (at, why) < (ends.at, ends.why) {
                    (ends.at, ends.why, ends.sum) = (at, why, told.state.amount.clone());
                }
                if why == Over::DisputeLost {
                    contest.lost.insert(told.key.id.clone());
                }
            }
        }
        contest
    }

    /// The claims about what went back and what is disputed.
    pub(super) fn evidence(&self) -> Vec<Claim> {
        let mut claims = Vec::new();
        for told in self.charges.iter().filter(|told| told.state.refunded_minor > 0) {
            let value = format!("{} of {}", told.state.refunded_minor, told.state.amount.minor);
            claims.push(Claim::said(told.key, &told.current, Property::Refunded, value));
        }
        for told in &self.refunds {
            claims.push(Claim::said(
                told.key,
                &told.current,
                Property::Status,
                refund_word(told.state.status),
            ));
        }
        for told in &self.disputes {
            claims.push(Claim::said(
                told.key,
                &told.current,
                Property::Status,
                dispute_word(told.state.status),
            ));
        }
        claims
    }
}

/// Whether a refund is of this charge. One that names only the payment is of its charge.
fn gives_back(refund: &Told<'_, Refund>, charge: &Told<'_, Charge>) -> bool {
    match &refund.state.charge {
        Some(id) => *id == charge.key.id,
        None => refund.state.payment.is_some() && refund.state.payment == charge.state.payment,
    }
}

/// Whether a refund went back or is on its way.
const fn counts(refund: &Refund) -> bool {
    matches!(refund.status, RefundStatus::Pending | RefundStatus::Succeeded)
}

/// When the newest refund that counts was made.
fn made_at(refunds: &[&Told<'_, Refund>]) -> Option<Timestamp> {
    refunds.iter().filter(|refund| counts(refund.state)).map(|refund| refund.state.created_at).max()
}

/// The sum of the refunds that count, in minor units.
fn counted(refunds: &[&Told<'_, Refund>]) -> i64 {
    refunds.iter().filter(|refund| counts(refund.state)).map(|refund| refund.state.amount.minor).sum()
}

/// What of one charge went back, in minor units.
///
/// The charge says how much; refunds told after it correct that. One that failed since is with
/// the shop again. One that succeeded and is not older than the charge's own word counts although
/// the charge does not show it yet.
fn refunded(charge: &Told<'_, Charge>, refunds: &[&Told<'_, Refund>]) -> i64 {
    let amount = charge.state.amount.minor;
    let told = if charge.state.refunded { amount } else { charge.state.refunded_minor };
    let since =
        |refund: &&&Told<'_, Refund>| refund.at() > charge.at() && refund.state.created_at <= charge.at();
    let failed = |refund: &&&Told<'_, Refund>| {
        matches!(refund.state.status, RefundStatus::Failed | RefundStatus::Canceled)
    };
    let returned: i64 =
        refunds.iter().filter(failed).filter(since).map(|refund| refund.state.amount.minor).sum();
    let told = (told - returned).max(0);
    let succeeded: Vec<_> =
        refunds.iter().filter(|refund| refund.state.status == RefundStatus::Succeeded).collect();
    let claimed: i64 = succeeded.iter().map(|refund| refund.state.amount.minor).sum();
    let is_newer = succeeded.iter().any(|refund| refund.at() >= charge.at());
    let back = if is_newer { told.max(claimed) } else { told };
    back.min(amount)
}

/// A refund's status as one word.
pub(crate) const fn refund_word(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "pending",
        RefundStatus::Succeeded => "succeeded",
        RefundStatus::Failed => "failed",
        RefundStatus::Canceled => "canceled",
        RefundStatus::Unknown => "unknown",
    }
}

/// A dispute's status as one word.
pub(crate) const fn dispute_word(status: DisputeStatus) -> &'static str {
    match status {
        DisputeStatus::Inquiry => "inquiry",
        DisputeStatus::Open => "open",
        DisputeStatus::Won => "won",
        DisputeStatus::Lost => "lost",
        DisputeStatus::Unknown => "unknown",
    }
}
