//! Facts and catalogue at an instant become purchases and entitlements, with their evidence.
//!
//! A purchase is one line of goods: an item of a subscription, or a one-time line of a checkout.
//! Its standing is derived from the facts about the objects that sold and paid it. An entitlement
//! is what the purchases of one holder give together: the best standing wins.

mod around;
mod by_hand;
mod checkout;
mod claim;
pub(crate) mod ledger;
mod money;
mod subscription;
mod union;

pub use claim::{Claim, Deadline, Property};
pub(crate) use money::{dispute_word, refund_word};
pub(crate) use subscription::invoice_word;
pub use subscription::{CLOCK_SLACK, FIRST_INVOICE_WAIT, INCOMPLETE_SETTLES_AFTER};

use crate::catalogue::{Catalogue, Good, Plan};
use crate::email::Email;
use crate::fact::{Checkout, Fact, Invoice, Key, Money, Payment, Subscription};
use crate::id::{EntitlementId, PlanId, SourceId};
use crate::target::{Holder, Item};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What one line of goods came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Its journey: the subscription, else the payment, else the session; the ruling.
    pub journey: String,
    /// The object that sold it: a subscription or a checkout; a ruling, where a person gave or took it.
    pub sold_by: Key,
    /// The goods. The price decides before the product; both absent while the lines are not read.
    pub price: Option<String>,
    /// The product.
    pub product: Option<String>,
    /// How many. Any number is one entitlement.
    pub quantity: i64,
    /// Whether it is paid again and again.
    pub recurring: bool,
    /// The plan that sells it.
    pub plan: Option<PlanId>,
    /// The one entitlement that a person granted or revoked: nothing was sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<EntitlementId>,
    /// The plan's title.
    pub title: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// Who has the use of it.
    pub holder: Holder,
    /// When the money came, as far as told.
    pub paid_at: Option<Timestamp>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// The sum that matters for its standing: what went back, what is disputed or owed, else what
    /// was paid.
    pub total: Option<Money>,
    /// Why it stands so, oldest first.
    pub evidence: Vec<Claim>,
    /// The objects that a source must confirm before the end of this purchase removes anything.
    pub proof: BTreeSet<Key>,
    /// What a person should know or decide about it.
    pub flags: BTreeSet<Flag>,
}

impl Purchase {
    /// The entitlements that it gives, or gave, under `catalogue`.
    pub(crate) fn gives<'a>(&'a self, catalogue: &'a Catalogue) -> BTreeSet<&'a EntitlementId> {
        let plan = self.plan.as_ref().and_then(|id| catalogue.plans.iter().find(|plan| plan.id == *id));
        let by_hand = self.by_hand.iter().filter(|id| catalogue.entitlements.contains_key(*id));
        plan.into_iter().flat_map(|plan| &plan.grants).chain(by_hand).collect()
    }

    /// The items that these come to.
    pub(crate) fn items<'a>(&'a self, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a Item> {
        let meanings = self.gives(catalogue).into_iter().filter_map(|id| catalogue.entitlements.get(id));
        meanings.flat_map(|meaning| &meaning.items)
    }

    /// Whether something was sold that no plan maps, or of which it is not known what it is.
    pub const fn has_no_plan(&self) -> bool {
        self.plan.is_none() && self.by_hand.is_none()
    }

    /// The entitlement that a person revoked, whoever paid for it.
    pub(crate) fn revokes(&self) -> Option<&EntitlementId> {
        let is_revocation = matches!(self.standing, Standing::Over { why: Over::Revoked, .. });
        self.by_hand.as_ref().filter(|_| is_revocation)
    }
}

/// Something about a purchase that changes no access and that a person should see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "flag", rename_all = "snake_case")]
pub enum Flag {
    /// The bank asks; no money was taken.
    Inquiry {
        /// The dispute.
        dispute: String,
    },
    /// A dispute of a kind or state that we do not know.
    DisputeUnclear {
        /// The dispute.
        dispute: String,
    },
    /// Money is disputed.
    Disputed {
        /// The dispute.
        dispute: String,
    },
    /// A dispute was lost, and the subscription would charge again.
    LostBesideLive {
        /// The dispute.
        dispute: String,
    },
    /// A part of the money went back.
    PartlyRefunded,
    /// The whole current period was refunded, and the subscription would charge again.
    RefundedBesideLive,
    /// A refund did not reach the buyer.
    RefundFailed {
        /// The refund.
        refund: String,
    },
    /// Collection is paused; the status stays.
    CollectionPaused {
        /// What becomes of its invoices, as the source writes it.
        behavior: String,
    },
    /// Paused, and not by the buyer's own wish.
    Paused {
        /// The source's reason; `None`: not told.
        reason: Option<String>,
    },
    /// A status that we do not know.
    UnknownStatus {
        /// The word.
        status: String,
    },
}

/// How a purchase or an entitlement stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// The checkout is done, the money not yet confirmed.
    Processing,
    /// The first payment failed; nothing was granted.
    PaymentFailed {
        /// When it failed, as far as told.
        at: Option<Timestamp>,
        /// Where it can be paid.
        pay_url: Option<String>,
        /// The bank's code.
        reason: Option<String>,
        /// The source once called it active, so that access may have been given.
        was_active: bool,
    },
    /// Paid, but what was bought is not read yet.
    Unread,
    /// Entitled, on these terms.
    Entitled(Terms),
    /// A status that we do not know: nothing is given, nothing is taken.
    Unclear {
        /// The word.
        status: String,
    },
    /// No longer entitled.
    Over {
        /// Why.
        why: Over,
        /// Since when.
        at: Timestamp,
    },
    /// Nothing was bought, or nothing is given yet.
    Nothing {
        /// Why.
        why: Nothing,
    },
}

/// On what terms access is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "terms", rename_all = "snake_case")]
pub enum Terms {
    /// Bought to keep.
    Forever,
    /// Granted by a person.
    Granted {
        /// When the grant ends; `None`: it does not.
        until: Option<Timestamp>,
    },
    /// In good standing.
    Active {
        /// When the paid period ends and the next one is charged.
        renews_at: Option<Timestamp>,
    },
    /// In a trial.
    Trial {
        /// When it ends.
        until: Option<Timestamp>,
    },
    /// Paused, and the plan keeps access.
    Paused,
    /// Cancelled, and paid until then.
    Ending {
        /// When it ends.
        at: Timestamp,
    },
    /// A renewal failed; kept until the grace period ends.
    PastDue {
        /// Since when the oldest unpaid invoice is owed: the start of the grace period.
        since: Timestamp,
        /// The end of the grace period.
        until: Timestamp,
        /// The bank's code.
        reason: Option<String>,
        /// When the source tries again.
        next_try_at: Option<Timestamp>,
        /// Where it can be paid.
        pay_url: Option<String>,
    },
}

/// Why a purchase is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The source says that it ended (cancelled).
    Ended,
    /// The source gave up on a renewal (`unpaid`).
    Unpaid,
    /// The grace period ran out. Only the clock ends it.
    GraceOver,
    /// The paid time of a cancelled subscription ran out long ago, and no word of its end came.
    /// Only the clock ends it.
    PaidTimeOver,
    /// The source deleted the customer.
    CustomerDeleted,
    /// The subscription goes on and no longer sells it: a change of plan.
    Swapped,
    /// The money went back.
    Refunded,
    /// A dispute suspends it.
    Disputed,
    /// A dispute was lost.
    DisputeLost,
    /// A pause suspends it.
    Paused,
    /// The grant of a person had an end, and that has come. Only the clock ends it.
    GrantOver,
    /// A person revoked it.
    Revoked,
}

impl Over {
    /// Whether nothing but the clock says so.
    pub const fn is_by_clock(self) -> bool {
        matches!(self, Self::GraceOver | Self::PaidTimeOver | Self::GrantOver)
    }
}

/// Why a selling object gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nothing {
    /// The form is not finished.
    NotFinished,
    /// The session expired.
    Expired,
    /// A card was saved, nothing sold.
    Setup,
    /// A mode or status that we do not know.
    Unknown,
    /// The plan gives nothing during a trial.
    TrialWaits,
    /// The catalogue says to ignore it.
    Ignored,
    /// Money that no checkout, invoice or subscription explains.
    Unexplained,
}

/// One thing that a holder may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Which.
    pub id: EntitlementId,
    /// What customers see.
    pub title: String,
    /// Who has the use of it.
    pub holder: Holder,
    /// The best standing among the purchases that give it.
    pub standing: Standing,
    /// The purchase with that standing: an index into [`Entitled::purchases`].
    pub decided_by: usize,
    /// All purchases that give it or gave it: indices into [`Entitled::purchases`].
    pub purchases: BTreeSet<usize>,
    /// The evidence of all of them, oldest first.
    pub evidence: Vec<Claim>,
}

/// A purchase that no plan maps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unmapped {
    /// What was sold.
    pub good: Good,
    /// The purchase: an index into [`Entitled::purchases`].
    pub purchase: usize,
}

/// Everything that follows from the facts of one record, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitled {
    /// All purchases, in the order of their selling objects.
    pub purchases: Vec<Purchase>,
    /// One per entitlement and holder.
    pub entitlements: Vec<Entitlement>,
    /// Purchases in good standing that no plan maps.
    pub unmapped: Vec<Unmapped>,
    /// Objects that give nothing, and why.
    pub ignored: Vec<(Key, Nothing)>,
    /// The next instant at which the clock alone changes any of this.
    pub next_change_at: Option<Timestamp>,
}

/// Derives purchases and entitlements. Pure: the same arguments always give the same answer.
///
/// Nothing here changes between `now` and [`Entitled::next_change_at`].
pub fn entitlements(facts: &BTreeMap<Key, Fact>, catalogue: &Catalogue, now: Timestamp) -> Entitled {
    let mut desk = Desk {
        ledger: ledger::Ledger::new(facts),
        catalogue,
        now,
        payer: crate::record::access_address(facts),
        next_change_at: None,
        purchases: Vec::new(),
        ignored: Vec::new(),
    };
    desk.sell_checkouts();
    desk.sell_subscriptions();
    desk.rule();
    desk.note_unexplained();
    let Desk { purchases, ignored, next_change_at, .. } = desk;
    let (entitlements, unmapped) = union::union(&purchases, catalogue);
    Entitled { purchases, entitlements, unmapped, ignored, next_change_at }
}

/// The work on one record's facts.
struct Desk<'a> {
    ledger: ledger::Ledger<'a>,
    catalogue: &'a Catalogue,
    now: Timestamp,
    /// The customer's own address: a gift to it is no gift.
    payer: Option<Email>,
    next_change_at: Option<Timestamp>,
    purchases: Vec<Purchase>,
    ignored: Vec<(Key, Nothing)>,
}

impl Desk<'_> {
    /// Whether `at` has passed. If not, the clock will change the answer then.
    fn has_passed(&mut self, at: Timestamp) -> bool {
        if self.now >= at {
            return true;
        }
        self.next_change_at = Some(self.next_change_at.map_or(at, |next| next.min(at)));
        false
    }

    /// Who has the use of a purchase: whom the plan's metadata key names, else the customer. The
    /// key is set by the operator's own server (DESIGN §4).
    fn holder(&self, plan: Option<&Plan>, metadata: &[&BTreeMap<String, String>]) -> Holder {
        let named = plan.and_then(|plan| plan.beneficiary.as_ref()).and_then(|key| {
            let mut written = metadata.iter().filter_map(|of| of.get(key));
            written.find_map(|email| Email::parse(email))
        });
        named.filter(|email| self.payer.as_ref() != Some(email)).map_or(Holder::Customer, Holder::Beneficiary)
    }

    /// Money that came without anything that sold it: recorded, and shown as such.
    fn note_unexplained(&mut self) {
        let sells = self.ledger.all::<Checkout>().next().is_some()
            || self.ledger.all::<Subscription>().next().is_some()
            || self.ledger.all::<Invoice>().next().is_some();
        if !sells {
            let came = self.ledger.all::<Payment>().filter(|told| told.state.status == "succeeded");
            self.ignored.extend(came.map(|told| (told.key.clone(), Nothing::Unexplained)));
        }
    }
}

/// The good that a line names: its price, else its product.
pub(crate) fn good(source: &SourceId, price: Option<&str>, product: Option<&str>) -> Option<Good> {
    price.or(product).map(|id| Good { source: source.clone(), id: id.to_owned() })
}

/// The claim that a plan sells the line, by the price or product that the plan names.
fn sells(plan: &Plan, source: &SourceId, price: Option<&str>, product: Option<&str>) -> Option<Claim> {
    let mut goods =
        [price, product].into_iter().flatten().map(|id| Good { source: source.clone(), id: id.to_owned() });
    let good = goods.find(|good| plan.goods.contains(good))?;
    Some(Claim::Sells { good, plan: plan.id.clone() })
}

/// A whole number of hours or days, as policies are written.
fn span(span: jiff::SignedDuration) -> String {
    format!("{span:#}")
}

/// Sorted, oldest first, without repetition: what has no time follows what has one.
fn in_order(mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.sort();
    claims.dedup();
    claims
}
