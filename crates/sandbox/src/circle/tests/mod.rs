//! The fake against the documents: every operation, refusal, switch and trap.

mod hooks;
mod limits;
mod refusals;
mod shapes;
mod switches;
mod traps;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call};

use super::{Circle, TOKEN};

/// A community, a clock, and an integration with a valid token.
struct Desk {
    circle: Circle,
    now: Timestamp,
}

#[expect(clippy::needless_pass_by_value, reason = "a `json!` literal reads best as it stands")]
impl Desk {
    fn new() -> Self {
        Self { circle: Circle::new(7), now: "2026-03-10T12:00:00Z".parse().unwrap() }
    }

    fn raw(&mut self, call: &Call) -> (bool, Answer) {
        let handled = self.circle.handle(call, self.now);
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

    fn invite(&mut self, email: &str) -> u64 {
        let (status, body) = self.call("POST /community_members", json!({ "email": email }));
        assert_eq!(status, 201, "{body}");
        body["community_member"]["id"].as_u64().unwrap()
    }

    fn control(&mut self, action: &str, body: Value) -> Value {
        self.circle.control(action, &body, self.now).unwrap()
    }

    fn switch(&mut self, name: &str, value: Value) {
        self.circle.switch(name, &value).unwrap();
    }

    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn state(&self) -> Value {
        self.circle.state(self.now)
    }
}

/// A call with a valid token.
#[expect(clippy::needless_pass_by_value, reason = "a `json!` literal reads best as it stands")]
fn call(line: &str, body: Value) -> Call {
    let (method, target) = line.split_once(' ').unwrap();
    let call = Call::new(method, target).header("Authorization", &format!("Token {TOKEN}"));
    if body.is_null() { call } else { call.json(&body) }
}

/// What is missing, if the answer is a `404` that says so.
fn missing(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 404, "{}", answer.1);
    assert_eq!(answer.1["message"], "Oops! Missing record. Please try again later.");
    answer.1["error_details"]["message"].as_str().unwrap()
}

/// One value of every record of a page.
fn each(page: &Value, key: &str) -> Vec<Value> {
    page["records"].as_array().unwrap().iter().map(|record| record[key].clone()).collect()
}
