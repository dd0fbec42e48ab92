//! The one fact that would change an answer, found by trying.
//!
//! Nothing here knows why an answer is what it is. Changes that a source, the clock or the operator could bring are
//! put into the record one at a time, the likeliest first, and the answer is derived again: the first change that turns
//! it is the one that is told. So what is said here cannot drift away from the rules.

use crate::catalogue::{Catalogue, Good, Plan, Policy};
use crate::decision::Decision;
use crate::entitlement::ledger::{Ledger, State, Told};
use crate::entitlement::{
    Deadline, Entitled, Entitlement, Over, Property, Purchase, Standing, dispute_word, entitlements, good,
    invoice_word, refund_word,
};
use crate::fact::{
    Body, Charge, Checkout, Dispute, DisputeStatus, Evidence, Fact, Invoice, InvoiceStatus, Key, Kind,
    Learnt, Money, PaymentStatus, Refund, RefundStatus, Subscription, SubscriptionStatus, Version,
};
use crate::id::{EntitlementId, EntryId, PlanId};
use crate::record::{Record, Tie};
use crate::ruling::{Ruling, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many changes by the clock are followed: grace, paid time, a first invoice; each comes once per purchase.
const CLOCK_STEPS_MAX: usize = 32;

/// The one fact that would change an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turns_on", rename_all = "snake_case")]
pub enum Turning {
    /// The object reaching this state.
    Becomes {
        /// Which object.
        object: Key,
        /// Which property.
        field: Property,
        /// To what.
        value: String,
    },
    /// All the money going back.
    GoesBack {
        /// The charge, or the payment where no charge is known.
        object: Key,
        /// How much.
        sum: Money,
    },
    /// The next invoice of a subscription being paid.
    Renews {
        /// Which subscription.
        object: Key,
        /// When the running period ends.
        at: Option<Timestamp>,
    },
    /// The clock.
    Passes {
        /// When.
        at: Timestamp,
        /// What ends then.
        what: Deadline,
        /// When the clock alone says so, should the source's own word of it be lost.
        clock_at: Timestamp,
    },
    /// A plan that sells it.
    Mapped {
        /// What was bought.
        good: Good,
    },
    /// The source's answer about this object.
    Read {
        /// Which object.
        object: Key,
    },
    /// A grant or revocation by a person.
    Ruled {
        /// Which of the two.
        verdict: Verdict,
        /// Of what.
        entitlement: EntitlementId,
    },
    /// A new purchase: nothing that exists can bring it back.
    BoughtAgain,
    /// No single fact: each of these gives it by itself.
    Several {
        /// What sold it.
        objects: BTreeSet<Key>,
    },
}

/// What the answer is about.
pub(super) enum Subject<'a> {
    /// An entitlement.
    Entitlement(&'a Entitlement),
    /// A purchase that gives nothing: its goods are not read, or no plan maps them.
    Purchase(&'a Purchase),
}

/// The record as it is, and what becomes of it when something changes.
pub(super) struct World<'a> {
    pub(super) record: &'a Record,
    pub(super) catalogue: &'a Catalogue,
    pub(super) now: Timestamp,
}

/// A change to try: what it is called, and the states that it brings.
type Change = (Turning, Vec<(Key, Body)>);

/// The one fact that would change the answer; `None` where nothing that we can think of does.
pub(super) fn turning(world: &World<'_>, decision: &Decision, subject: &Subject<'_>) -> Option<Turning> {
    let entitled = &decision.entitled;
    if let Subject::Purchase(purchase) = subject {
        match &purchase.standing {
            Standing::Unread => return Some(unread(purchase, decision)),
            Standing::Entitled(_) => return world.mapped(purchase),
            _ => {}
        }
    }
    let purchases = subject.purchases(entitled);
    let is_given = subject.is_given(entitled);
    let turns = |after: &Entitled| subject.is_given(after) != is_given;
    if let Some(passes) = world.clock(entitled, subject, turns) {
        return Some(passes);
    }
    let of = |purchase: &&Purchase| if is_given { world.ends(purchase) } else { world.begins(purchase) };
    let changes: Vec<Change> = purchases.iter().flat_map(of).collect();
    if let Some((turning, _)) = changes.into_iter().find(|(_, states)| turns(&world.with(states))) {
        return Some(turning);
    }
    match subject {
        Subject::Entitlement(_) if is_given => several(&purchases),
        Subject::Entitlement(entitlement) => {
            let sells = |plan: &Plan| plan.grants.contains(&entitlement.id) && !plan.goods.is_empty();
            world.catalogue.plans.iter().any(sells).then_some(Turning::BoughtAgain)
        }
        Subject::Purchase(_) => None,
    }
}

/// Whatever answer of the source the goods wait for.
fn unread(purchase: &Purchase, decision: &Decision) -> Turning {
    let sold_by = &purchase.sold_by;
    let about = |object: &&Key| object.source == sold_by.source && object.id == sold_by.id;
    let wanted = decision.reads.iter().map(|want| &want.object).find(about);
    Turning::Read { object: wanted.unwrap_or(sold_by).clone() }
}

/// All that gives it at once, where that is more than one thing.
fn several(purchases: &[&Purchase]) -> Option<Turning> {
    let giving = purchases.iter().filter(|purchase| matches!(purchase.standing, Standing::Entitled(_)));
    let objects: BTreeSet<Key> = giving.map(|purchase| purchase.sold_by.clone()).collect();
    (objects.len() > 1).then_some(Turning::Several { objects })
}

impl Subject<'_> {
    /// The purchases that matter, the one that decides first.
    fn purchases<'e>(&self, entitled: &'e Entitled) -> Vec<&'e Purchase> {
        match self {
            Self::Entitlement(entitlement) => {
                let others = entitlement.purchases.iter().filter(|index| **index != entitlement.decided_by);
                let all = std::iter::once(&entitlement.decided_by).chain(others);
                all.filter_map(|index| entitled.purchases.get(*index)).collect()
            }
            Self::Purchase(purchase) => {
                entitled.purchases.iter().filter(|other| other.sold_by == purchase.sold_by).collect()
            }
        }
    }

    /// How the entitlement stands.
    fn standing<'e>(&self, entitled: &'e Entitled) -> Option<&'e Standing> {
        let Self::Entitlement(entitlement) = self else { return None };
        let mut all = entitled.entitlements.iter();
        let same = all.find(|other| other.id == entitlement.id && other.holder == entitlement.holder);
        same.map(|entitlement| &entitlement.standing)
    }

    /// Whether a person revoked it.
    fn is_revoked(&self, entitled: &Entitled) -> bool {
        matches!(self.standing(entitled), Some(Standing::Over { why: Over::Revoked, .. }))
    }

    /// Whether the answer is yes. Of a purchase of unknown goods: whether its money is there.
    fn is_given(&self, entitled: &Entitled) -> bool {
        match self {
            Self::Entitlement(_) => matches!(self.standing(entitled), Some(Standing::Entitled(_))),
            Self::Purchase(purchase) => entitled.purchases.iter().any(|other| {
                other.sold_by == purchase.sold_by
                    && (other.standing == Standing::Unread
                        || other.plan.is_some() && matches!(other.standing, Standing::Entitled(_)))
            }),
        }
    }
}

impl<'a> World<'a> {
    /// What follows once the source has said this.
    fn with(&self, states: &[(Key, Body)]) -> Entitled {
        let mut facts = self.record.facts.clone();
        for (key, body) in states {
            let evidence = Evidence { origin: String::new(), entry: EntryId::new("") };
            let mut fact = Fact::new(Learnt::Event, Version::new(self.now, body.clone(), evidence));
            if let Some(known) = facts.remove(key) {
                fact.sold.extend(known.sold);
                fact.arrears = fact.arrears.join(known.arrears);
            }
            facts.insert(key.clone(), fact);
        }
        entitlements(&facts, self.catalogue, self.now)
    }

    /// When the clock alone turns the answer.
    fn clock(
        &self,
        entitled: &Entitled,
        subject: &Subject<'_>,
        turns: impl Fn(&Entitled) -> bool,
    ) -> Option<Turning> {
        let mut next = entitled.next_change_at;
        for _ in 0..CLOCK_STEPS_MAX {
            let clock_at = next?;
            let later = entitlements(&self.record.facts, self.catalogue, clock_at);
            if turns(&later) {
                let (at, what) = match subject.standing(&later) {
                    Some(Standing::Over { why: Over::GraceOver, at }) => (*at, Deadline::Grace),
                    Some(Standing::Over { why: Over::GrantOver, at }) => (*at, Deadline::Grant),
                    Some(Standing::Over { at, .. }) => (*at, Deadline::PaidTime),
                    _ if subject.is_revoked(entitled) => (clock_at, Deadline::Revocation),
                    _ => (clock_at, Deadline::FirstInvoice),
                };
                return Some(Turning::Passes { at, what, clock_at });
            }
            next = later.next_change_at;
        }
        None
    }

    /// Whether a plan that sold it would give something for it.
    fn mapped(&self, purchase: &Purchase) -> Option<Turning> {
        let sold = (purchase.price.as_deref(), purchase.product.as_deref());
        let good = good(&purchase.sold_by.source, sold.0, sold.1)?;
        let given = EntitlementId::new("");
        let plan = Plan {
            id: PlanId::new(""),
            title: String::new(),
            goods: [good.clone()].into(),
            grants: [given.clone()].into(),
            policy: Policy::default(),
            beneficiary: None,
        };
        let mut catalogue = self.catalogue.clone();
        catalogue.plans.push(plan);
        let after = entitlements(&self.record.facts, &catalogue, self.now);
        let is_given = after.entitlements.iter().any(|entitlement| {
            entitlement.id == given && matches!(entitlement.standing, Standing::Entitled(_))
        });
        is_given.then_some(Turning::Mapped { good })
    }

    /// What could end a purchase, the likeliest first.
    fn ends(&self, purchase: &Purchase) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(Told { key, state, .. }) = self.seller::<Subscription>(purchase) {
            let ended = Subscription {
                status: SubscriptionStatus::Canceled,
                ended_at: Some(self.now),
                ..state.clone()
            };
            let turning = becomes(key, Property::Status, ended.status.as_str());
            changes.push((turning, vec![(key.clone(), Body::Subscription(ended))]));
        }
        if let Some(session) = self.seller::<Checkout>(purchase) {
            let charges = self.ledger().all::<Charge>().filter(|told| told.state.succeeded);
            changes.extend(charges.map(|Told { key, state, .. }| {
                let back = Charge { refunded: true, refunded_minor: state.amount.minor, ..state.clone() };
                let turning = Turning::GoesBack { object: key.clone(), sum: state.amount.clone() };
                (turning, vec![(key.clone(), Body::Charge(back))])
            }));
            changes.extend(self.untold_goes_back(session));
        }
        changes.extend(ruled(purchase, Verdict::Revoke));
        changes
    }

    /// The money of a checkout going back, where nobody told its charge.
    fn untold_goes_back(&self, session: Told<'a, Checkout>) -> Option<Change> {
        let (payment, sum) = (session.state.payment.as_ref()?, session.state.total.as_ref()?);
        let refund = Refund {
            charge: None,
            payment: Some(payment.clone()),
            amount: sum.clone(),
            status: RefundStatus::Succeeded,
            created_at: self.now,
        };
        let source = &session.key.source;
        let object = Key::new(source, Kind::Payment, payment);
        let states = vec![(Key::new(source, Kind::Refund, ""), Body::Refund(refund))];
        Some((Turning::GoesBack { object, sum: sum.clone() }, states))
    }

    /// What could give, or give again, what a purchase does not give, the likeliest first.
    fn begins(&self, purchase: &Purchase) -> Vec<Change> {
        let mut changes = Vec::new();
        let subscription = self.seller::<Subscription>(purchase);
        // What failed and has no page on which it can be paid is bought again or not at all.
        if !matches!(&purchase.standing, Standing::PaymentFailed { pay_url: None, .. }) {
            changes.extend(self.seller(purchase).and_then(paid));
            changes.extend(subscription.into_iter().flat_map(|told| self.recovers(told)));
        }
        changes.extend(self.disputes_won());
        changes.extend(self.refunds_fail());
        changes.extend(subscription.and_then(|told| self.renews(told)));
        changes.extend(ruled(purchase, Verdict::Grant));
        changes
    }

    /// A subscription being paid, or going on.
    fn recovers(&self, told: Told<'a, Subscription>) -> Vec<Change> {
        let mine = |of: &Key, named: &Option<String>| {
            of.source == told.key.source && named.as_deref() == Some(told.key.id.as_str())
        };
        let sessions = self.ledger().all::<Checkout>().filter(|of| mine(of.key, &of.state.subscription));
        let mut changes: Vec<_> = sessions.filter_map(paid).collect();
        if told.current.version.body.is_final() {
            return changes;
        }
        let active = Subscription { status: SubscriptionStatus::Active, ..told.state.clone() };
        let active = (told.key.clone(), Body::Subscription(active));
        let is_owed = |of: &Invoice| matches!(of.status, InvoiceStatus::Open | InvoiceStatus::Uncollectible);
        let owed = self.ledger().all::<Invoice>();
        let owed = owed.filter(|of| mine(of.key, &of.state.subscription) && is_owed(of.state));
        let mut owed: Vec<_> = owed.collect();
        owed.sort_by_key(|of| (of.state.created_at, of.key));
        changes.extend(owed.into_iter().map(|of| {
            let paid =
                Invoice { status: InvoiceStatus::Paid, paid: of.state.due.clone(), ..of.state.clone() };
            // The source makes a subscription active with the payment that brings it back.
            let states = vec![(of.key.clone(), Body::Invoice(paid)), active.clone()];
            (becomes(of.key, Property::Status, invoice_word(InvoiceStatus::Paid)), states)
        }));
        if told.state.status != SubscriptionStatus::Active {
            let turning = becomes(told.key, Property::Status, SubscriptionStatus::Active.as_str());
            changes.push((turning, vec![active]));
        }
        changes
    }

    /// Each open dispute being won.
    fn disputes_won(&self) -> impl Iterator<Item = Change> {
        let open = self.ledger().all::<Dispute>().filter(|told| told.state.status == DisputeStatus::Open);
        open.map(|Told { key, state, .. }| {
            let won = Dispute { status: DisputeStatus::Won, ..state.clone() };
            let turning = becomes(key, Property::Status, dispute_word(won.status));
            (turning, vec![(key.clone(), Body::Dispute(won))])
        })
    }

    /// Each refund that is under way coming back to the shop.
    fn refunds_fail(&self) -> impl Iterator<Item = Change> {
        let pending = self.ledger().all::<Refund>().filter(|told| told.state.status == RefundStatus::Pending);
        pending.map(|Told { key, state, .. }| {
            let failed = Refund { status: RefundStatus::Failed, ..state.clone() };
            let turning = becomes(key, Property::Status, refund_word(failed.status));
            (turning, vec![(key.clone(), Body::Refund(failed))])
        })
    }

    /// The next period of a subscription being paid: it makes up for money that went back before.
    fn renews(&self, told: Told<'a, Subscription>) -> Option<Change> {
        if told.current.version.body.is_final() {
            return None;
        }
        let id = Some(told.key.id.as_str());
        let invoices = self.ledger().all::<Invoice>().filter(|of| of.state.subscription.as_deref() == id);
        let newest = invoices.max_by_key(|of| (of.state.created_at, of.key))?;
        let next = Invoice {
            status: InvoiceStatus::Paid,
            billing_reason: Some("subscription_cycle".to_owned()),
            paid: newest.state.due.clone(),
            payment: None,
            charge: None,
            period_end_at: Some(Timestamp::MAX),
            created_at: self.now,
            ..newest.state.clone()
        };
        let at = told.state.items.iter().filter_map(|item| item.period_end_at).max();
        let states = vec![(Key::new(&told.key.source, Kind::Invoice, ""), Body::Invoice(next))];
        Some((Turning::Renews { object: told.key.clone(), at }, states))
    }

    fn ledger(&self) -> Ledger<'a> {
        Ledger::new(&self.record.facts)
    }

    /// What sold a purchase, if it was such an object.
    fn seller<T: State + 'a>(&self, purchase: &Purchase) -> Option<Told<'a, T>> {
        let Key { source, kind, id } = &purchase.sold_by;
        (*kind == T::KIND).then(|| self.ledger().get(source, id)).flatten()
    }
}

fn becomes(object: &Key, field: Property, value: &str) -> Turning {
    Turning::Becomes { object: object.clone(), field, value: value.to_owned() }
}

/// The money of a checkout coming in.
fn paid(session: Told<'_, Checkout>) -> Option<Change> {
    let Told { key, state, .. } = session;
    if matches!(state.payment_status, PaymentStatus::Paid | PaymentStatus::NoPaymentRequired) {
        return None;
    }
    let paid = Checkout { payment_status: PaymentStatus::Paid, ..state.clone() };
    let states = vec![(key.clone(), Body::Checkout(paid))];
    Some((becomes(key, Property::PaymentStatus, "paid"), states))
}

/// A person deciding otherwise about what a person gave or took.
fn ruled(purchase: &Purchase, verdict: Verdict) -> Option<Change> {
    let entitlement = purchase.by_hand.clone()?;
    let ruling = Ruling {
        verdict,
        entitlement: entitlement.clone(),
        about: Tie::Object(purchase.sold_by.clone()),
        holder: purchase.holder.clone(),
        until: None,
        until_bought: false,
        by: String::new(),
        reason: String::new(),
    };
    let key = Key::new(&purchase.sold_by.source, Kind::Ruling, "");
    Some((Turning::Ruled { verdict, entitlement }, vec![(key, Body::Ruling(ruling))]))
}
