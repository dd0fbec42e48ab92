//! Workflows of the community that call a URL: unsigned, once, ids only.
//!
//! Source: test sends of the workflow action *Send to webhook* (2026-08-11) and two integrations that receive it: the
//! shape, the wrapping in `body`, the first `HEAD` and the empty test body. The type of a removal is ours, after that
//! of an addition. Circle documents no retries and no signature.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::post::{Delivery, Manner, Outbox, Parcel, Signing};

use super::Circle;

/// Circle's deliveries are numbered from here.
pub(crate) const FIRST_DELIVERY: u64 = 2_000_000_000;

/// A workflow whose action calls a URL.
#[derive(Clone, Debug)]
struct Hook {
    url: String,
    /// A header that the operator entered beside the URL.
    header: Option<(String, String)>,
    /// Members for whom it has run, where it runs once for each.
    ran_for: BTreeSet<u64>,
}

/// The workflows and everything sent or to be sent by them.
#[derive(Debug)]
pub(super) struct Hooks {
    hooks: BTreeMap<u64, Hook>,
    outbox: Outbox,
}

impl Hooks {
    pub(super) fn new() -> Self {
        Self { hooks: BTreeMap::new(), outbox: Outbox::new(FIRST_DELIVERY, &[]) }
    }

    fn put(&mut self, hook: u64, kind: &str, method: &'static str, body: Vec<u8>, due: (Timestamp, bool)) {
        let parcel = Parcel {
            endpoint: hook,
            kind: kind.to_owned(),
            events: Vec::new(),
            method,
            body,
            signing: Signing::Absent,
        };
        self.outbox.put(parcel, due.0, due.1);
    }

    pub(super) fn state(&self) -> Value {
        let hooks: Vec<Value> =
            self.hooks.iter().map(|(id, it)| json!({ "id": id, "url": it.url })).collect();
        json!({ "hooks": hooks, "deliveries": self.outbox.state() })
    }
}

impl Circle {
    /// `hook`: a workflow that calls `url`, perhaps with the header `{"name", "value"}`. Circle first looks whether
    /// anybody answers there, and sends an empty test.
    pub(super) fn add_hook(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let url = body.get("url").and_then(Value::as_str).ok_or("`url` must be a text")?.to_owned();
        let header = body.get("header").and_then(|header| {
            Some((header["name"].as_str()?.to_owned(), header["value"].as_str()?.to_owned()))
        });
        let id = self.hooks.hooks.len() as u64 + 1;
        self.hooks.hooks.insert(id, Hook { url, header, ran_for: BTreeSet::new() });
        self.hooks.put(id, "test", "HEAD", Vec::new(), (now, false));
        self.hooks.put(id, "test", "POST", Vec::new(), (now, false));
        Ok(json!({ "id": id }))
    }

    /// Lets every workflow run that a change of a group starts.
    pub(super) fn run_hooks(&mut self, change: &str, about: &Value, now: Timestamp) {
        let kind = match change {
            "added to group" => "access_groups_added",
            "removed from group" => "access_groups_removed",
            _ => return,
        };
        let Some(member) = about["member_id"].as_u64() else { return };
        let community = self.community.current().details()["id"].clone();
        let data = json!({
            "community_id": community, "community_member_id": member, "access_group_id": about["group_id"],
        });
        let plain = json!({ "type": kind, "data": data });
        let shown = if self.switches.hook_is_wrapped { json!({ "body": plain }) } else { plain };
        let manner = self.switches.hook_delivery.clone();
        let due_at = if let Manner::Late(late) = manner { now + late } else { now };
        for id in self.hooks.hooks.keys().copied().collect::<Vec<_>>() {
            let hook = self.hooks.hooks.get_mut(&id).expect("it was listed just above");
            if !hook.ran_for.insert(member) && self.switches.hook_once {
                continue;
            }
            for _ in 0..manner.copies() {
                let body = shown.to_string().into_bytes();
                self.hooks.put(id, kind, "POST", body, (due_at, manner == Manner::Lost));
            }
        }
    }

    /// Takes the calls that are due. Each must be reported with [`Circle::delivered`]; it is made once, whatever is
    /// answered.
    pub fn due_deliveries(&mut self, now: Timestamp) -> Vec<Delivery> {
        let due = self.hooks.outbox.take(now);
        let deliveries = due.into_iter().map(|(id, parcel)| {
            let hook = &self.hooks.hooks[&parcel.endpoint];
            let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            headers.extend(hook.header.clone());
            let (method, url, body) = (parcel.method, hook.url.clone(), parcel.body);
            Delivery { id, event: String::new(), method, url, headers, body }
        });
        deliveries.collect()
    }

    /// Records how a call went: the status, or why there was none.
    pub fn delivered(&mut self, id: u64, outcome: Result<u16, String>, now: Timestamp) {
        self.hooks.outbox.delivered(id, outcome, None, now);
    }

    /// When a call is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.hooks.outbox.next_due()
    }
}
