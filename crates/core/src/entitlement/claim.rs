//! Claims: the data that `explain`, evidence and cases are made of. The wording lives elsewhere.

use crate::catalogue::Good;
use crate::fact::{Current, Key};
use crate::id::{EntitlementId, EntryId, PlanId};
use crate::ruling::Verdict;
use crate::target::Item;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// One reason for an answer, with where it can be looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "claim", rename_all = "snake_case")]
pub enum Claim {
    /// A source said it about one of its objects.
    Said {
        /// When the source said so (whole seconds).
        at: Timestamp,
        /// About which object.
        object: Key,
        /// Which property of it, in our words. Where the source keeps it is for its provider to say.
        field: Property,
        /// What the property is.
        value: String,
        /// The journal entry that carried it.
        entry: EntryId,
    },
    /// A person granted or revoked it.
    Ruled {
        /// When.
        at: Timestamp,
        /// Which of the two.
        verdict: Verdict,
        /// What.
        entitlement: EntitlementId,
        /// Who.
        by: String,
        /// Why, in their words.
        reason: String,
        /// Until when it counts; `None`: until somebody rules otherwise.
        until: Option<Timestamp>,
        /// The journal entry that carried it.
        entry: EntryId,
    },
    /// The catalogue maps what was sold to a plan.
    Sells {
        /// What was sold.
        good: Good,
        /// The plan that sells it.
        plan: PlanId,
    },
    /// No plan maps what was sold.
    NoPlan {
        /// What was sold.
        good: Good,
    },
    /// A policy of the plan decided.
    Policy {
        /// Whose.
        plan: PlanId,
        /// Which: `grace`, `dispute`, `partial_refund`, `trial`, `pause`.
        policy: String,
        /// What it says.
        value: String,
    },
    /// An instant decides: access is kept until then, or ended then.
    Until {
        /// The instant.
        at: Timestamp,
        /// What it is the end of.
        what: Deadline,
    },
    /// An earlier version of the catalogue granted it, the present one does not: left as it is.
    GrantedEarlier {
        /// What was sold.
        good: Good,
        /// What it granted then.
        entitlement: EntitlementId,
    },
    /// An earlier version of the catalogue granted it, and a person has withdrawn that.
    Withdrawn {
        /// What was sold.
        good: Good,
        /// What it granted then.
        entitlement: EntitlementId,
        /// When it was withdrawn.
        at: Timestamp,
        /// By whom.
        by: String,
    },
    /// What the entitlement means was changed, and a person confirmed that what it meant before is taken.
    Redefined {
        /// The entitlement, which is still given for what was sold.
        entitlement: EntitlementId,
        /// What it means by now.
        means: BTreeSet<Item>,
        /// When that was confirmed.
        at: Timestamp,
        /// By whom.
        by: String,
    },
    /// Another live record that shares the member or the address wants the item.
    WantedByAnother {
        /// Whose record.
        customer: crate::id::CustomerId,
        /// What is wanted.
        item: Item,
    },
}

/// A property of an external object, in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// Where it is in its life.
    Status,
    /// Whether a checkout is paid.
    PaymentStatus,
    /// How a delayed payment of a checkout ended.
    Succeeded,
    /// One of the goods of a checkout.
    Line,
    /// What a subscription sold and does not sell any more.
    NoLongerSells,
    /// How much of a charge went back.
    Refunded,
    /// When it was made.
    CreatedAt,
    /// When a subscription ends.
    CancelAt,
    /// That a subscription ends with the running period.
    CancelAtPeriodEnd,
    /// When the period ends that a subscription is in.
    PeriodEnd,
    /// Why a subscription was cancelled.
    CancelReason,
    /// What becomes of the invoices of a subscription whose collection is paused.
    CollectionPaused,
    /// Why a subscription is paused.
    PauseReason,
    /// That the source deleted it.
    Deleted,
}

impl Property {
    /// All properties, in the order in which they are declared.
    pub const ALL: [Self; 14] = [
        Self::Status,
        Self::PaymentStatus,
        Self::Succeeded,
        Self::Line,
        Self::NoLongerSells,
        Self::Refunded,
        Self::CreatedAt,
        Self::CancelAt,
        Self::CancelAtPeriodEnd,
        Self::PeriodEnd,
        Self::CancelReason,
        Self::CollectionPaused,
        Self::PauseReason,
        Self::Deleted,
    ];

    /// The property as one word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::PaymentStatus => "payment_status",
            Self::Succeeded => "succeeded",
            Self::Line => "line",
            Self::NoLongerSells => "no_longer_sells",
            Self::Refunded => "refunded",
            Self::CreatedAt => "created_at",
            Self::CancelAt => "cancel_at",
            Self::CancelAtPeriodEnd => "cancel_at_period_end",
            Self::PeriodEnd => "period_end",
            Self::CancelReason => "cancel_reason",
            Self::CollectionPaused => "collection_paused",
            Self::PauseReason => "pause_reason",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an instant is the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// The grace period after a failed renewal.
    Grace,
    /// The paid time of a cancelled subscription.
    PaidTime,
    /// The trial.
    Trial,
    /// The time that a first invoice is given to arrive.
    FirstInvoice,
    /// The grant of a person.
    Grant,
    /// The revocation of a person.
    Revocation,
}

impl Claim {
    /// What the version that counts says about one property.
    pub fn said(object: &Key, current: &Current<'_>, field: Property, value: impl fmt::Display) -> Self {
        Self::Said {
            at: current.version.at,
            object: object.clone(),
            field,
            value: value.to_string(),
            entry: current.version.evidence.entry.clone(),
        }
    }

    /// Whether a person revoked it.
    pub const fn is_revocation(&self) -> bool {
        matches!(self, Self::Ruled { verdict: Verdict::Revoke, .. })
    }

    /// The source's time, or a person's, for claims that have one.
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Said { at, .. }
            | Self::Ruled { at, .. }
            | Self::Withdrawn { at, .. }
            | Self::Redefined { at, .. } => Some(*at),
            _ => None,
        }
    }
}
