//! The newest known state of one external object, in our terms, and how two versions of it join.
//!
//! A fact is a join-semilattice: [`Fact::join`] is associative, commutative and idempotent, so any
//! order and any repetition of events gives the same fact. Events and reads are kept apart and
//! joined each on its own; [`Fact::current`] weighs them against each other as a pure function of
//! the pair, so that the order in which an event and a read arrived does not matter either.

mod body;
mod key;
mod state;

pub use body::Body;
pub use key::{Key, Kind};
pub use state::{
    Charge, Checkout, CheckoutOutcome, CheckoutStatus, Customer, Dispute, DisputeStatus, Invoice,
    InvoicePayments, InvoiceStatus, Line, LineItems, Mode, Money, Payment, PaymentStatus, Refund,
    RefundStatus, Subscription, SubscriptionItem, SubscriptionStatus,
};

use crate::id::EntryId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long after an object's newest event a read of it may still show the state before it.
///
/// A read that disagrees with the newest event inside this span is provisional (DESIGN §3).
/// Source: `docs/providers.md`, Stripe: reads may lag behind the webhook by moments.
pub const READ_SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Where a version was learnt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// The source's own id of the event, or the request id of the read.
    pub origin: String,
    /// The journal entry that carried it.
    pub entry: EntryId,
}

/// One state of an object, with the time at which the source said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The source's time: an event's `created`, a read's response `Date`. Whole seconds.
    pub at: Timestamp,
    /// [`Body::hash`] of `body`.
    pub hash: String,
    /// Two different states share this time and standing: which is newer cannot be told from
    /// events alone, so the object is to be read again.
    pub ambiguous: bool,
    /// Where this was learnt; of several equal ones, the smallest.
    pub evidence: Evidence,
    /// The state.
    pub body: Body,
}

impl Version {
    /// A version as learnt once.
    pub fn new(at: Timestamp, body: Body, evidence: Evidence) -> Self {
        Self { at, hash: body.hash(), ambiguous: false, evidence, body }
    }

    /// Whether it is a row of an export. Its time is when a file was written, so what the source itself told of the
    /// object is better, whatever their times and whichever came first.
    fn is_imported(&self) -> bool {
        self.evidence.origin.starts_with(IMPORTED)
    }

    /// The version that wins, flagged ambiguous if both stand at one instant with different states.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let standing = |version: &Self| (version.body.is_final(), !version.is_imported(), version.at);
        match standing(&self).cmp(&standing(&other)) {
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal if self.hash == other.hash => Self {
                ambiguous: self.ambiguous || other.ambiguous,
                evidence: self.evidence.clone().min(other.evidence),
                ..self
            },
            std::cmp::Ordering::Equal => {
                let order = |version: &Self| (version.body.rank(), version.hash.clone());
                let winner = if order(&self) > order(&other) { self } else { other };
                Self { ambiguous: true, ..winner }
            }
        }
    }
}

/// How the origin of what an export says begins.
pub const IMPORTED: &str = "import:";

/// How a version was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learnt {
    /// From an event that the source sent or listed.
    Event,
    /// From reading the object at the source.
    Read,
}

/// What an item of a subscription sold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sold {
    /// The price.
    pub price: Option<String>,
    /// The product.
    pub product: Option<String>,
}

/// When a subscription was said to be past due, and when last to be anything else.
///
/// The newest state says since when only by its own time, which every read moves. What is kept is a union, a maximum and
/// what that leaves, so order does not matter. It grows by what the source tells while one subscription is past due
/// without a break: a few tries of a bank and a few reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrears {
    /// The times at which it was said, none of them before `other_at`.
    past_due_at: BTreeSet<Timestamp>,
    /// When last something else was said.
    other_at: Option<Timestamp>,
}

impl Arrears {
    fn of(version: &Version) -> Self {
        match &version.body {
            Body::Subscription(subscription) if subscription.status == SubscriptionStatus::PastDue => {
                Self { past_due_at: [version.at].into(), other_at: None }
            }
            Body::Subscription(_) => Self { past_due_at: BTreeSet::new(), other_at: Some(version.at) },
            _ => Self::default(),
        }
    }

    /// When it was first said to be past due, since it was last said to be anything else. `None`: it is not, as far as
    /// is known.
    pub fn since(&self) -> Option<Timestamp> {
        self.past_due_at.first().copied()
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Joins what two know.
    #[must_use]
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.past_due_at.extend(other.past_due_at);
        self.other_at = self.other_at.max(other.other_at);
        // Of two states in one second, being past due is the later one (DESIGN §3).
        self.past_due_at.retain(|at| self.other_at.is_none_or(|other| *at >= other));
        self
    }
}

/// One external object as known: the newest event about it and the newest read of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The newest state that an event told.
    pub event: Option<Version>,
    /// The newest state that a read showed.
    pub read: Option<Version>,
    /// Whatever any version of a subscription ever sold: after a change of plan the newest state
    /// no longer says what must be taken back. A union, so order does not matter here either.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sold: BTreeSet<Sold>,
    /// Since when a subscription is past due.
    #[serde(default, skip_serializing_if = "Arrears::is_empty")]
    pub arrears: Arrears,
}

/// The state that counts, and how sure it is.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// The version that counts.
    pub version: &'a Version,
    /// It must be read again before it may remove anything: ambiguous, or a read within ten
    /// seconds of an event that disagrees with it.
    pub is_provisional: bool,
    /// The time of a read that shows this very state and is settled; `None` without one.
    pub confirmed_at: Option<Timestamp>,
}

impl Fact {
    /// A fact of one version.
    pub fn new(learnt: Learnt, version: Version) -> Self {
        let sold = match &version.body {
            Body::Subscription(subscription) => {
                let sold = |item: &SubscriptionItem| Sold {
                    price: item.price.clone(),
                    product: item.product.clone(),
                };
                subscription.items.iter().map(sold).collect()
            }
            _ => BTreeSet::new(),
        };
        let arrears = Arrears::of(&version);
        match learnt {
            Learnt::Event => Self { event: Some(version), read: None, sold, arrears },
            Learnt::Read => Self { event: None, read: Some(version), sold, arrears },
        }
    }

    /// Joins what two facts about one object know.
    ///
    /// Associative, commutative, idempotent: the property tests of this module say so.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let newest = |a: Option<Version>, b: Option<Version>| match (a, b) {
            (Some(a), Some(b)) => Some(a.join(b)),
            (a, b) => a.or(b),
        };
        let mut sold = self.sold;
        sold.extend(other.sold);
        let arrears = self.arrears.join(other.arrears);
        Self { event: newest(self.event, other.event), read: newest(self.read, other.read), sold, arrears }
    }

    /// The state that counts, weighing the newest event against the newest read (DESIGN §3).
    ///
    /// - a final state wins over one that is not;
    /// - a read that agrees with the event counts at once, and confirms it, unless it is older;
    /// - a read more than ten seconds after the event wins;
    /// - a read that disagrees inside those ten seconds is given the event's time, so the
    ///   lifecycle rank decides, and the object is to be read again;
    /// - a read from before the event loses.
    pub fn current(&self) -> Current<'_> {
        match (&self.event, &self.read) {
            (Some(event), None) => {
                Current { version: event, is_provisional: event.ambiguous, confirmed_at: None }
            }
            (None, Some(read)) => {
                let settled = !read.ambiguous;
                Current { version: read, is_provisional: !settled, confirmed_at: settled.then_some(read.at) }
            }
            (Some(event), Some(read)) if event.hash == read.hash => {
                // An ambiguous second that a later read agrees with is settled by it; a read from
                // before the event says nothing about it, although the states are alike.
                let settles = !read.ambiguous && read.at >= event.at;
                Current {
                    version: event,
                    is_provisional: !settles && (event.ambiguous || read.at >= event.at),
                    confirmed_at: settles.then_some(read.at),
                }
            }
            (Some(event), Some(read)) => {
                let late = read.at.duration_since(event.at) > READ_SETTLES_AFTER;
                let order =
                    |version: &Version| (version.body.is_final(), version.body.rank(), version.hash.clone());
                if event.body.is_final() != read.body.is_final() {
                    let version = if event.body.is_final() { event } else { read };
                    let confirmed_at = (!event.body.is_final() && late).then_some(read.at);
                    return Current {
                        version,
                        is_provisional: confirmed_at.is_none() && !event.body.is_final(),
                        confirmed_at,
                    };
                }
                if late {
                    Current {
                        version: read,
                        is_provisional: read.ambiguous,
                        confirmed_at: (!read.ambiguous).then_some(read.at),
                    }
                } else if read.at < event.at {
                    Current { version: event, is_provisional: event.ambiguous, confirmed_at: None }
                } else {
                    let version = if order(read) > order(event) { read } else { event };
                    Current { version, is_provisional: true, confirmed_at: None }
                }
            }
            (None, None) => unreachable!("a fact is made from one version and joins only add"),
        }
    }
}
