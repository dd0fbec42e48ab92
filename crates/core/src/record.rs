//! All facts of one customer, and the ties that make two records one.

use crate::email::Email;
use crate::fact::{Body, Fact, Key, Kind, Learnt, Version};
use crate::id::{CustomerId, EntryId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What makes two facts belong to one customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// Both are about, or name, this object.
    Object(Key),
    /// Both are finished checkouts with this address.
    Address(Email),
}

/// The ties of one state of one object: a set function, so that the order of learning does not
/// matter.
pub fn ties(key: &Key, body: &Body) -> BTreeSet<Tie> {
    let _ = body;
    [Tie::Object(key.clone())].into()
}

/// The addresses in one state that lead to its record when somebody looks one up. They tie
/// nothing.
pub fn addresses(body: &Body) -> BTreeSet<Email> {
    let _ = body;
    BTreeSet::new()
}

/// All that is known of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Our canonical id.
    pub id: CustomerId,
    /// The journal's sequence number of the entry that first needed the record. Of records that
    /// become one, the lowest survives.
    pub first_seq: i64,
    /// The newest known state of each object.
    pub facts: BTreeMap<Key, Fact>,
    /// Every tie that any version ever gave, also versions that are superseded by now.
    pub ties: BTreeSet<Tie>,
}

impl Record {
    /// Nothing person-like is known yet: facts wait under their payment object.
    pub fn is_provisional(&self) -> bool {
        !self.ties.iter().any(|tie| match tie {
            Tie::Object(key) => key.kind == Kind::Customer,
            Tie::Address(_) => true,
        })
    }

    /// The address under which access is given.
    pub fn access_address(&self) -> Option<Email> {
        None
    }

    /// The address to write to.
    pub fn mail_address(&self) -> Option<Email> {
        None
    }

    /// The name, as last told.
    pub fn name(&self) -> Option<String> {
        None
    }

    /// The language, as last told.
    pub fn locale(&self) -> Option<String> {
        None
    }
}

/// What [`assemble`] made of new versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assembled {
    /// The records that were touched, as they are now.
    pub records: Vec<Record>,
    /// Records that became part of another: (loser, survivor).
    pub merged: Vec<(CustomerId, CustomerId)>,
    /// Records that did not exist before.
    pub created: Vec<CustomerId>,
    /// Objects whose fact or ties changed.
    pub changed: BTreeSet<Key>,
}

/// Joins new versions into the records that they tie together. Pure; apply and rebuild use it
/// alike.
pub fn assemble(
    existing: Vec<Record>,
    learnt: Vec<(Key, Learnt, Version)>,
    entry: &EntryId,
    seq: i64,
) -> Assembled {
    let _ = (learnt, entry, seq);
    Assembled { records: existing, ..Assembled::default() }
}
