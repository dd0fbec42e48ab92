//! What each target should hold for a record: want, absent or leave, per managed item.

use crate::catalogue::Catalogue;
use crate::email::Email;
use crate::entitlement::{Claim, Entitled};
use crate::fact::Key;
use crate::record::Record;
use crate::sync::Sync;
use crate::target::{Holder, Item, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What one item should be for one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    /// The holder should have it.
    Want {
        /// Why.
        because: Vec<Claim>,
    },
    /// The holder should not have it.
    Absent {
        /// Why.
        because: Vec<Claim>,
        /// Since when.
        since: Timestamp,
        /// Whether the removal may be done.
        removal: Removal,
    },
    /// Neither added nor removed.
    Leave {
        /// Why.
        because: Vec<Claim>,
    },
}

impl Wish {
    /// The wish as one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Want { .. } => "want",
            Self::Absent { .. } => "absent",
            Self::Leave { .. } => "leave",
        }
    }
}

/// Whether a removal may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "removal", content = "objects", rename_all = "snake_case")]
pub enum Removal {
    /// The source confirmed every deciding object since access ended.
    Proven,
    /// These objects are to be read first. Empty: no source can be read, and the clock's slack has
    /// not passed yet.
    NeedsProof(BTreeSet<Key>),
}

/// What one holder should have in one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// The holder's address.
    pub address: Email,
    /// The holder's name, for a person whom the target does not know yet.
    pub name: Option<String>,
    /// The managed items that the record's purchases ever concerned.
    pub items: BTreeMap<Item, Wish>,
}

/// What one target should hold for a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Which target.
    pub target: Target,
    /// By holder.
    pub holders: BTreeMap<Holder, Wishes>,
}

impl Desired {
    /// SHA-256 over what is wished, not over why: a row's generation rises only when work changes.
    pub fn hash(&self) -> String {
        String::new()
    }
}

/// Another live record that shares a member or an address with the one in question, and its rows.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its rows, which know its member ids.
    pub syncs: &'a BTreeMap<Target, Sync>,
}

/// What every target should hold for `record`.
///
/// Whatever one of `others` wants for the same member or address is never [`Wish::Absent`] here:
/// last one out. `readable`: a key for the record's source is configured, so that removals wait
/// for fresh proof.
pub fn desired(
    record: &Record,
    entitled: &Entitled,
    syncs: &BTreeMap<Target, Sync>,
    others: &[Other<'_>],
    catalogue: &Catalogue,
    readable: bool,
    now: Timestamp,
) -> BTreeMap<Target, Desired> {
    let _ = (record, entitled, syncs, others, catalogue, readable, now);
    BTreeMap::new()
}
