//! The one row per customer and target that drives reconciliation.

use crate::id::CustomerId;
use crate::target::{Failure, Observed, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a row waits without using attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case")]
pub enum Hold {
    /// The target is in shadow mode: what it would do is known and not done.
    Shadow,
    /// A removal waits for fresh proof read at the source.
    Proof,
    /// A removal waits behind the mass-change brake until a person releases it.
    Brake {
        /// The brake's name, by which it is released.
        name: String,
    },
    /// Something named in the catalogue does not exist at the target.
    Misconfigured {
        /// What.
        mapping: String,
    },
    /// A person took the customer out, or banned them: that is a person's decision.
    Person,
}

/// The state of a row (DESIGN §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// To be looked at, now or at `next_attempt_at`.
    Due,
    /// Answered, not yet seen.
    Sent,
    /// We may have acted; look first.
    Unknown,
    /// Waits without using attempts.
    Held(Hold),
    /// Seen to be as desired.
    Applied,
    /// Needs a person: retries used up, or refused.
    Parked {
        /// Why, in our words.
        why: String,
    },
    /// Something else keeps undoing it.
    Contested {
        /// Why, in our words.
        why: String,
    },
}

impl State {
    /// The state as one word, as stored and shown.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Held(_) => "held",
            Self::Applied => "applied",
            Self::Parked { .. } => "parked",
            Self::Contested { .. } => "contested",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as a row remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    pub at: Timestamp,
    /// Which step.
    pub step: String,
    /// Why.
    pub failure: Failure,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// Whose.
    pub customer: CustomerId,
    /// Where.
    pub target: Target,
    /// Raised by one each time desired changed.
    pub generation: i64,
    /// The generation that was seen to hold; below `generation` while work is left.
    pub applied_generation: i64,
    /// Hash of desired at `generation`.
    pub desired_hash: String,
    /// What the target was last seen to hold.
    pub observed: Observed,
    /// How the row stands.
    pub state: State,
    /// Tries since the last success.
    pub attempts: u32,
    /// When the first of those tries failed.
    pub failing_since: Option<Timestamp>,
    /// When the row is to be looked at next; `None`: not by itself.
    pub next_attempt_at: Option<Timestamp>,
    /// The last failure, until a success.
    pub last_failure: Option<Failed>,
    /// When the row was seen to be as desired.
    pub applied_at: Option<Timestamp>,
    /// When this generation became due: the start of "payment to access".
    pub due_since: Timestamp,
}
