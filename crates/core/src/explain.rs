//! The answer to "why?", as data.

use crate::decision::Decision;
use crate::entitlement::{Claim, Deadline, Standing};
use crate::fact::Key;
use crate::id::EntitlementId;
use crate::stage::Stage;
use crate::sync::{State, Sync};
use crate::target::{Holder, Holding, Item, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The explanation of one entitlement, or of a purchase without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// Which entitlement; `None`: an unmapped or unread purchase.
    pub entitlement: Option<EntitlementId>,
    /// The journey of the purchase that decides.
    pub journey: String,
    /// Whose.
    pub holder: Holder,
    /// The answer.
    pub standing: Standing,
    /// What the customer sees.
    pub stage: Option<Stage>,
    /// Since when it is pending.
    pub pending_since: Option<Timestamp>,
    /// Why, oldest first.
    pub because: Vec<Claim>,
    /// Per target: what is wished and what was last seen.
    pub targets: Vec<Seen>,
    /// The one fact that would change the answer.
    pub would_change: Option<Turning>,
}

/// What one target should hold for the entitlement, and what it was last seen to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which target.
    pub target: Target,
    /// How the row stands; `None`: there is none.
    pub state: Option<State>,
    /// Each item: the wish as one word, and what was last seen.
    pub items: BTreeMap<Item, (String, Option<Holding>)>,
}

/// The one fact that would change an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turns_on", rename_all = "snake_case")]
pub enum Turning {
    /// The object reaching this state.
    Becomes {
        /// Which object.
        object: Key,
        /// Which property.
        field: String,
        /// To what.
        value: String,
    },
    /// The clock.
    Passes {
        /// When.
        at: Timestamp,
        /// What ends then.
        what: Deadline,
    },
    /// A plan that sells it.
    Mapped {
        /// The purchase's price or product.
        good: String,
    },
    /// The source's answer about this object.
    Read {
        /// Which object.
        object: Key,
    },
    /// A new purchase: nothing that exists can bring it back.
    BoughtAgain,
}

/// Explains every entitlement, and every purchase without one.
pub fn explain(decision: &Decision, syncs: &BTreeMap<Target, Sync>) -> Vec<Explained> {
    let _ = (decision, syncs);
    Vec::new()
}
