//! The request log: everything a client sent, what came of it, and what it was told.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::Call;
use crate::faults::Fault;
use crate::world::Provider;

/// The log keeps so many requests and forgets the oldest beyond.
const ENTRIES_MAX: usize = 200_000;

/// The headers that are kept; what else a client sends may be a secret.
const HEADERS: [&str; 7] = [
    "accept",
    "content-type",
    "frontdesk-effect",
    "idempotency-key",
    "stripe-version",
    "user-agent",
    "x-request-id",
];

/// One request and its end.
#[derive(Clone, Debug)]
struct Entry {
    provider: Provider,
    at: Timestamp,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: String,
    /// The status sent; absent if the client got none.
    status: Option<u16>,
    did: bool,
    fault: Option<&'static str>,
}

/// What became of a request.
pub(crate) struct End {
    pub(crate) status: Option<u16>,
    pub(crate) did: bool,
    pub(crate) fault: Option<Fault>,
}

/// All requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
}

impl Log {
    pub(crate) fn push(&mut self, provider: Provider, call: &Call, end: &End, now: Timestamp) {
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        let headers = call.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
        self.entries.push_back(Entry {
            provider,
            at: now,
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            body: String::from_utf8_lossy(&call.body).into_owned(),
            status: end.status,
            did: end.did,
            fault: end.fault.as_ref().map(Fault::name),
        });
    }

    /// Whether the newest request changed what a fake holds.
    pub(crate) fn last_did(&self) -> bool {
        self.entries.back().is_some_and(|entry| entry.did)
    }

    /// The requests to one provider, oldest first.
    pub(crate) fn state(&self, provider: Provider) -> Value {
        let rows = self.entries.iter().filter(|entry| entry.provider == provider).map(|entry| {
            json!({
                "at": entry.at.to_string(), "method": entry.method, "path": entry.path, "query": entry.query,
                "headers": entry.headers, "body": entry.body, "status": entry.status, "did": entry.did,
                "fault": entry.fault,
            })
        });
        Value::Array(rows.collect())
    }
}
