//! Rows of the source's exports.
//!
//! What the source itself told, by event or when asked, is better than its export: a row about an object that is known
//! from there is passed over. Rows enter the journal as they are, a batch at a time.

use super::BACKLOG_MAX;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::fact::{Body, Fact, IMPORTED, Key};
use frontdesk_core::reads::is_worth_keeping;
use frontdesk_providers::stripe::export::{Exported, Odd};
use frontdesk_store::{Commit, EntryKind, EntryState, Error, NewEntry, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One row, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedRow {
    /// The file, as the operator named it.
    pub file: String,
    /// The line in it.
    pub line: u64,
    /// The row.
    pub row: Exported,
}

/// What a batch of rows came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Rows that said something new, and entered the journal.
    pub new: u64,
    /// Rows that said nothing new, or about objects that the source itself told of.
    pub known: u64,
    /// Rows that can matter to nobody: payments of which nothing went back.
    pub left: u64,
}

impl<P: Ports> Engine<P> {
    /// Whether so much waits to be applied that more of the past must wait as well.
    pub async fn is_behind(&self) -> Result<bool, Error> {
        let now = self.ports().now_wall();
        Ok(self.store().pending(BACKLOG_MAX, now).await?.len() >= BACKLOG_MAX as usize)
    }

    /// Takes a batch of rows in, whole or not at all.
    ///
    /// # Errors
    ///
    /// The store's; and the first row that cannot be read, by its place in the batch: whoever asks has looked before.
    pub async fn import_rows(&self, rows: &[ExportedRow]) -> Result<Result<Taken, (usize, Odd)>, Error> {
        let settings = self.settings();
        let source = &settings.source;
        let mut told = Vec::with_capacity(rows.len());
        for (nth, row) in rows.iter().enumerate() {
            match row.row.facts(&source.id) {
                Ok(fact) => told.push(fact),
                Err(odd) => return Ok(Err((nth, odd))),
            }
        }
        let keys: Vec<Key> = told.iter().map(|(key, _)| key.clone()).collect();
        let known = self.facts_of(&keys).await?;
        let mut taken = Taken::default();
        let mut writes = Vec::new();
        for (row, (key, body)) in rows.iter().zip(&told) {
            if !is_worth_keeping(body) {
                taken.left += 1;
            } else if known.get(key).is_some_and(|fact| is_better(fact, body, row.row.exported_at)) {
                taken.known += 1;
            } else {
                taken.new += 1;
                writes.push(Write::Journal(self.row_entry(row, key)));
            }
        }
        if !rows.is_empty() {
            writes.push(Write::Meta { key: self.exports_key(), value: self.ports().now_wall().to_string() });
        }
        if !writes.is_empty() {
            self.store().commit(Commit { expect: Vec::new(), writes }).await?;
        }
        if taken.new > 0 {
            self.bell().ring(Loop::Apply);
            tracing::info!(rows = taken.new, known = taken.known, "rows of exports were taken in");
        }
        Ok(Ok(taken))
    }

    fn row_entry(&self, row: &ExportedRow, key: &Key) -> NewEntry {
        let settings = self.settings();
        let body = serde_json::to_vec(&row.row).expect("a row holds only text and a time");
        let place = serde_json::json!({ "file": row.file, "line": row.line });
        NewEntry {
            id: self.new_entry_id(),
            source: settings.source.id.clone(),
            // The same row of the same export is the same entry.
            event_key: format!("{IMPORTED}{}", hex::encode(Sha256::digest(&body))),
            kind: EntryKind::Import,
            event_type: format!("import.{}", key.kind.as_str()),
            object_id: Some(key.id.clone()),
            object_created_at: Some(row.row.exported_at),
            livemode: Some(settings.source.livemode),
            api_version: None,
            received_at: self.ports().now_wall(),
            verified_by: None,
            headers: place.to_string(),
            body,
            state: EntryState::Pending,
            reason: None,
        }
    }
}

/// Whether what is known of an object makes a row about it worthless: the source itself told it, or an export did that
/// says the same or is not older.
fn is_better(fact: &Fact, body: &Body, exported_at: Timestamp) -> bool {
    let versions = [&fact.event, &fact.read].into_iter().flatten();
    let mut of_source = versions.filter(|version| !version.evidence.origin.starts_with(IMPORTED));
    let current = fact.current().version;
    of_source.next().is_some() || current.hash == body.hash() || current.at >= exported_at
}
