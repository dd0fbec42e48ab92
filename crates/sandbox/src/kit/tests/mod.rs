//! The fake against the documents: every operation, refusal, switch and trap.

mod limits;
mod lists;
mod refusals;
mod shapes;
mod switches;
mod traps;
mod webhooks;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call};

use super::{API_KEY, Kit};

/// An account, a clock, and an integration with a valid key.
struct Desk {
    kit: Kit,
    now: Timestamp,
}

#[expect(clippy::needless_pass_by_value, reason = "a `json!` literal reads best as it stands")]
impl Desk {
    fn new() -> Self {
        Self { kit: Kit::new(7), now: "2026-03-10T12:00:00Z".parse().unwrap() }
    }

    fn raw(&mut self, call: &Call) -> (bool, Answer) {
        let handled = self.kit.handle(call, self.now);
        (handled.did, handled.answer)
    }

    /// Sends `GET /path?query`, with a body if there is one, and reads the JSON answer.
    fn call(&mut self, line: &str, body: Value) -> (u16, Value) {
        let (_, answer) = self.raw(&call(line, body));
        let parsed = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        (answer.status, parsed)
    }

    fn get(&mut self, target: &str) -> (u16, Value) {
        self.call(&format!("GET {target}"), Value::Null)
    }

    fn upsert(&mut self, body: Value) -> (u16, Value) {
        self.call("POST /v4/subscribers", body)
    }

    /// Creates a subscriber.
    fn create(&mut self, email: &str) -> u64 {
        let (status, body) = self.upsert(json!({ "email_address": email }));
        assert_eq!(status, 201, "{body}");
        body["subscriber"]["id"].as_u64().unwrap()
    }

    fn control(&mut self, action: &str, body: Value) -> Value {
        self.kit.control(action, &body, self.now).unwrap()
    }

    fn switch(&mut self, name: &str, value: Value) {
        self.kit.switch(name, &value).unwrap();
    }

    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn state(&self) -> Value {
        self.kit.state(self.now)
    }
}

/// A call with a valid key.
#[expect(clippy::needless_pass_by_value, reason = "a `json!` literal reads best as it stands")]
fn call(line: &str, body: Value) -> Call {
    let (method, target) = line.split_once(' ').unwrap();
    let call = Call::new(method, target).header("X-Kit-Api-Key", API_KEY);
    if body.is_null() { call } else { call.json(&body) }
}

/// One value of every row of a list.
fn each(list: &Value, rows: &str, key: &str) -> Vec<Value> {
    list[rows].as_array().unwrap().iter().map(|row| row[key].clone()).collect()
}
