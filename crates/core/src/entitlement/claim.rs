//! Claims: the data that `explain`, evidence and cases are made of. The wording lives elsewhere.

use crate::catalogue::Good;
use crate::fact::{Current, Key};
use crate::id::{EntitlementId, EntryId, PlanId};
use crate::target::Item;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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
        /// Which property of it, in our words: `status`, `payment_status`, `refunded` …
        field: String,
        /// What the property is.
        value: String,
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
    /// Another live record that shares the member or the address wants the item.
    WantedByAnother {
        /// Whose record.
        customer: crate::id::CustomerId,
        /// What is wanted.
        item: Item,
    },
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
}

impl Claim {
    /// What the version that counts says about one property.
    pub fn said(object: &Key, current: &Current<'_>, field: &str, value: impl fmt::Display) -> Self {
        Self::Said {
            at: current.version.at,
            object: object.clone(),
            field: field.to_owned(),
            value: value.to_string(),
            entry: current.version.evidence.entry.clone(),
        }
    }

    /// The source's time, for claims that have one.
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Said { at, .. } => Some(*at),
            _ => None,
        }
    }
}
