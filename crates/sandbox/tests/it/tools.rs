//! What the tests share: a world with hands, and an independent check of signatures.

use frontdesk_sandbox::{Answer, Call, Reply, World};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "rk_live_sandbox_frontdesk";
pub(crate) const SECRET: &str = "whsec_test_of_the_sandbox";

/// A world and the time at which it is driven.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { world: World::new(7), now: "2026-11-24T10:00:00Z".parse().unwrap() }
    }

    /// A stage with one endpoint for all events in a version.
    pub(crate) fn with_endpoint(version: &str) -> Self {
        let mut stage = Self::new();
        stage.act(
            "endpoint",
            &json!({ "url": "http://127.0.0.1:9/hook", "secret": SECRET, "api_version": version }),
        );
        stage
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// Does a control action of the Stripe fake, which must work.
    pub(crate) fn act(&mut self, action: &str, body: &Value) -> Value {
        self.world
            .act("stripe", action, body, self.now)
            .unwrap_or_else(|why| panic!("{action} {body}: {why}"))
    }

    pub(crate) fn call(&mut self, call: &Call) -> Answer {
        match self.world.handle(call, self.now) {
            Reply::Answer { answer, .. } => answer,
            other => panic!("{call:?} got {other:?}"),
        }
    }

    /// A GET with the live key; status and body.
    pub(crate) fn get(&mut self, target: &str) -> (u16, Value) {
        self.get_as(target, KEY, None)
    }

    pub(crate) fn get_as(&mut self, target: &str, key: &str, version: Option<&str>) -> (u16, Value) {
        let mut call = Call::new("GET", target).header("authorization", &format!("Bearer {key}"));
        if let Some(version) = version {
            call = call.header("stripe-version", version);
        }
        let answer = self.call(&call);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// A GET that must answer 200.
    pub(crate) fn read(&mut self, target: &str) -> Value {
        let (status, body) = self.get(target);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// Takes what is due and says that it arrived; gives the events in order.
    pub(crate) fn receive(&mut self) -> Vec<Value> {
        let due = self.world.due_deliveries(self.now);
        due.into_iter()
            .map(|delivery| {
                self.world.delivered(delivery.id, Ok(200), self.now);
                serde_json::from_slice(&delivery.body).unwrap()
            })
            .collect()
    }

    /// The types of the events that an action delivered.
    pub(crate) fn received_types(&mut self) -> Vec<String> {
        self.receive().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// Checks a signature header the way Stripe's documentation says, sharing nothing with the sender.
pub(crate) fn signed_by(header: &str, secret: &str, body: &[u8]) -> bool {
    let mut at = None;
    let mut marks = Vec::new();
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", value)) => at = Some(value),
            Some(("v1", value)) => marks.push(value.to_owned()),
            _ => {}
        }
    }
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(at.expect("a signature has a time").as_bytes());
    mac.update(b".");
    mac.update(body);
    marks.contains(&hex::encode(mac.finalize().into_bytes()))
}

/// A member of a header list.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The `type`s as text.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
