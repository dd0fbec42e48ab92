//! Every object of the account, with enough of its recent past to answer a read that lags behind.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::records::{Kind, Record};

/// The objects by id.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: BTreeMap<String, Row>,
    /// The ids of each kind.
    kinds: BTreeMap<&'static str, BTreeSet<String>>,
    added: u64,
}

#[derive(Debug)]
struct Row {
    /// Counts up with each new object, so that equal seconds still have an order.
    sequence: u64,
    /// The states and when each began, oldest first; never empty.
    states: VecDeque<(Timestamp, Record)>,
}

/// The longest read lag that is answered exactly; older states are forgotten.
pub(crate) const LAG_MAX: SignedDuration = SignedDuration::from_mins(10);

impl Ledger {
    /// Adds an object or its next state.
    pub(crate) fn put(&mut self, record: impl Into<Record>, now: Timestamp) {
        let record = record.into();
        let Some(row) = self.rows.get_mut(record.id()) else {
            self.added += 1;
            let id = record.id().to_owned();
            self.kinds.entry(record.kind()).or_default().insert(id.clone());
            self.rows.insert(id, Row { sequence: self.added, states: VecDeque::from([(now, record)]) });
            return;
        };
        if row.states.back().is_some_and(|(began_at, _)| *began_at == now) {
            row.states.pop_back();
        }
        row.states.push_back((now, record));
        // The second state must itself be old enough before the first can go.
        while row.states.get(1).is_some_and(|(began_at, _)| *began_at <= now - LAG_MAX) {
            row.states.pop_front();
        }
    }

    /// Forgets an object; whether it was there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        for ids in self.kinds.values_mut() {
            ids.remove(id);
        }
        self.rows.remove(id).is_some()
    }

    /// The newest state of an object of that kind.
    pub(crate) fn get<T: Kind>(&self, id: &str) -> Option<&T> {
        T::of(&self.rows.get(id)?.states.back()?.1)
    }

    /// The state that a read sees that lags behind by `lag`: the newest that is at least so old, else the
    /// first. An object is seen from its first moment on.
    pub(crate) fn read(&self, id: &str, now: Timestamp, lag: SignedDuration) -> Option<&Record> {
        self.rows.get(id).map(|row| row.as_of(now - lag))
    }

    /// All objects of a kind as such a read sees them, newest first by creation.
    pub(crate) fn list(&self, kind: &str, now: Timestamp, lag: SignedDuration) -> Vec<&Record> {
        let mut found: Vec<(i64, u64, &Record)> = self
            .rows_of(kind)
            .map(|row| (row.sequence, row.as_of(now - lag)))
            .map(|(sequence, record)| (record.created(), sequence, record))
            .collect();
        found.sort_by_key(|row| Reverse((row.0, row.1)));
        found.into_iter().map(|(_, _, record)| record).collect()
    }

    /// The newest states of all objects of a kind, in the order of their ids.
    pub(crate) fn all<'a, T: Kind + 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        self.rows_of(T::KIND).filter_map(|row| T::of(&row.states.back()?.1))
    }

    fn rows_of(&self, kind: &str) -> impl Iterator<Item = &Row> {
        self.kinds.get(kind).into_iter().flatten().map(|id| &self.rows[id])
    }
}

impl Row {
    fn as_of(&self, seen_until: Timestamp) -> &Record {
        let seen = self.states.iter().rev().find(|(began_at, _)| *began_at <= seen_until);
        seen.or(self.states.front()).map(|(_, record)| record).expect("a row has at least one state")
    }
}
