//! Manual grants and revocations: what a person decided about one entitlement of one customer.
//!
//! A ruling is a fact from the source `operator`, so it enters the journal, is joined like any other
//! fact, and is known to a rebuild. Each act is an object of its own that never changes; of those about
//! one entitlement of one holder the newest counts, so that a later grant lifts an earlier revocation and
//! the other way round. Where the newest has ended, the payment facts speak again; a grant that a revocation ended
//! is over for good, whatever becomes of the revocation.

use crate::fact::{Body, Key, Kind};
use crate::id::{EntitlementId, EntryId, SourceId};
use crate::record::Tie;
use crate::target::Holder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of the source that operators are.
pub const OPERATOR: &str = "operator";

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The holder may use it, paid or not.
    Grant,
    /// The holder may not use it, although it may be paid.
    Revoke,
}

impl Verdict {
    /// The verdict as one word, as in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
        }
    }
}

/// One grant or revocation by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What was decided.
    pub verdict: Verdict,
    /// About which entitlement.
    pub entitlement: EntitlementId,
    /// What leads to the customer: an object or the address of a finished checkout of theirs, else the
    /// address that the person named, under which a record begins.
    pub about: Tie,
    /// Whose use of it.
    pub holder: Holder,
    /// Until when it counts, exclusive; `None`: until somebody rules otherwise.
    pub until: Option<Timestamp>,
    /// Whether a purchase that begins later ends it: a revocation of what was held without a payment is no word about
    /// what is paid for afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_bought: bool,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Ruling {
    /// The object that a ruling is: one for each act, named by the journal entry that carries it.
    pub fn key(entry: &EntryId) -> Key {
        Key::new(&SourceId::new(OPERATOR), Kind::Ruling, entry.as_str())
    }

    /// The ruling in a state, if that is one.
    pub const fn of(body: &Body) -> Option<&Self> {
        match body {
            Body::Ruling(ruling) => Some(ruling),
            _ => None,
        }
    }
}
