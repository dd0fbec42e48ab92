//! One recorded journey: its events in the order of delivery, and what the API answers at its end.

use crate::fixtures;
use frontdesk_core::fact::{Evidence, Key, Learnt, Version};
use frontdesk_core::id::{EntryId, SourceId};
use frontdesk_providers::stripe::learn::{Learning, learn};
use frontdesk_providers::stripe::verify::Verified;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The one source of all journeys.
pub(crate) fn source() -> SourceId {
    SourceId::new("stripe")
}

/// One recorded journey.
pub(crate) struct Story {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) title: String,
    /// In the order of delivery.
    pub(crate) steps: Vec<Step>,
    /// What the API answers after the last event: `GET /path?query` → body.
    pub(crate) rest: BTreeMap<String, Value>,
}

/// One event of a journey.
pub(crate) struct Step {
    pub(crate) event_type: String,
    pub(crate) at: Timestamp,
    /// What the recording suggests should follow.
    pub(crate) expect: String,
    /// What it teaches; empty for an event without effect.
    pub(crate) learnt: Vec<(Key, Learnt, Version)>,
}

impl Story {
    /// All recorded journeys.
    pub(crate) fn all() -> Vec<Self> {
        let mut stories = Vec::new();
        for version in fixtures::names("stripe/journeys") {
            for name in fixtures::names(&format!("stripe/journeys/{version}")) {
                stories.push(Self::load(&version, &name));
            }
        }
        stories
    }

    fn load(version: &str, name: &str) -> Self {
        let folder = format!("stripe/journeys/{version}/{name}");
        let journey = fixtures::json(format!("{folder}/journey.json"));
        let mut steps: Vec<(u64, Step)> = Vec::new();
        for step in journey["steps"].as_array().unwrap() {
            let text = |name: &str| step[name].as_str().unwrap().to_owned();
            let bytes = fixtures::bytes(format!("{folder}/{}", text("file")));
            let evidence =
                Evidence { origin: text("event"), entry: EntryId::new(format!("fde_{}", text("event"))) };
            let learnt = match learn(&Verified::journaled(&bytes), &source()).unwrap() {
                Learning::Facts { at, facts } => facts
                    .into_iter()
                    .map(|(key, body)| (key, Learnt::Event, Version::new(at, body, evidence.clone())))
                    .collect(),
                Learning::NoEffect(_) => Vec::new(),
                Learning::Unreadable(unreadable) => panic!("{folder}: {unreadable}"),
            };
            let at = Timestamp::from_second(step["created"].as_i64().unwrap()).unwrap();
            let (event_type, expect) = (text("type"), text("expect"));
            steps.push((step["delivery"].as_u64().unwrap(), Step { event_type, at, expect, learnt }));
        }
        steps.sort_by_key(|(delivery, _)| *delivery);
        let rest = fixtures::json(format!("{folder}/rest.json"));
        Self {
            version: version.to_owned(),
            name: name.to_owned(),
            title: journey["title"].as_str().unwrap().to_owned(),
            steps: steps.into_iter().map(|(_, step)| step).collect(),
            rest: serde_json::from_value(rest).unwrap(),
        }
    }
}
