//! The one state that a customer sees for an entitlement.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A stage, in the order of urgency of DESIGN §3: the headline of a customer is the first of
/// their stages in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A person must look.
    SupportReview,
    /// A renewal failed; access is kept until the grace period ends.
    PastDue,
    /// The first payment failed; nothing was granted.
    PaymentFailed,
    /// A dispute suspends access.
    Disputed,
    /// Paid; an access target is being retried, or is paused.
    AccessPending,
    /// Paid; access work was not attempted yet.
    PaymentReceived,
    /// Checkout done, money not yet confirmed.
    PaymentProcessing,
    /// The community's invitation is out, not yet accepted.
    InviteSent,
    /// Cancelled, paid until a date.
    Ending,
    /// Access was observed in the target.
    Active,
    /// The money went back; access ended with it.
    Refunded,
    /// No longer entitled.
    Ended,
}

impl Stage {
    /// All stages, most urgent first.
    pub const ALL: [Self; 12] = [
        Self::SupportReview, Self::PastDue, Self::PaymentFailed, Self::Disputed, Self::AccessPending,
        Self::PaymentReceived, Self::PaymentProcessing, Self::InviteSent, Self::Ending, Self::Active, Self::Refunded,
        Self::Ended,
    ];

    /// The stage as one word, as in JSON and in `data-stage`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SupportReview => "support_review",
            Self::PastDue => "past_due",
            Self::PaymentFailed => "payment_failed",
            Self::Disputed => "disputed",
            Self::AccessPending => "access_pending",
            Self::PaymentReceived => "payment_received",
            Self::PaymentProcessing => "payment_processing",
            Self::InviteSent => "invite_sent",
            Self::Ending => "ending",
            Self::Active => "active",
            Self::Refunded => "refunded",
            Self::Ended => "ended",
        }
    }

    /// The inverse of [`Stage::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
