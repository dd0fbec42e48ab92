//! `/_sandbox`: the clock, the faults, what each fake holds, and the hands of owners and buyers.
//!
//! | Call | Does |
//! |---|---|
//! | `GET /_sandbox/` | a page for people |
//! | `GET`, `POST /_sandbox/clock` | reads the clock; jumps `{"advance": "36h"}`, `{"to": …}`, `{"back": …}` |
//! | `GET`, `POST`, `DELETE /_sandbox/faults` | lists, adds (one rule or a list), removes all |
//! | `GET /_sandbox/state` | everything held, asked and delivered |
//! | `POST /_sandbox/reset` | a fresh world; the clock keeps its time |
//! | `POST /_sandbox/{provider}/{action}` | a control action of that fake |

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::call::{Answer, Call};
use crate::page;
use crate::world::{Provider, World};

impl World {
    /// Answers a call under `/_sandbox`.
    pub(crate) fn control(&mut self, call: &Call, real_now: Timestamp) -> Answer {
        let segments = call.segments();
        let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
        let body = match body(call) {
            Ok(body) => body,
            Err(problem) => return problem,
        };
        let answer = match (call.method.as_str(), path.as_slice()) {
            ("GET", []) => return Answer::html(200, &page::render(self, real_now)),
            ("GET", ["clock"]) => Ok(self.clock.state(real_now)),
            ("POST", ["clock"]) => self.clock.jump(&body, real_now).map(|()| self.clock.state(real_now)),
            ("GET", ["faults"]) => Ok(self.faults.state()),
            ("POST", ["faults"]) => self.add_faults(&body).map(|()| self.faults.state()),
            ("DELETE", ["faults"]) => {
                self.faults.clear();
                Ok(self.faults.state())
            }
            ("GET", ["state"]) => Ok(self.state(real_now)),
            ("POST", ["reset"]) => {
                let clock = self.clock;
                *self = Self::new(self.seed);
                self.clock = clock;
                Ok(json!({ "reset": true }))
            }
            ("POST", [provider, action]) => self.act(provider, action, &body, real_now),
            _ => return problem(404, "Not found", "See GET /_sandbox/ for what there is."),
        };
        match answer {
            Ok(value) => Answer::json(200, &value),
            Err(why) => problem(400, "Bad request", &why),
        }
    }

    /// Everything held, asked and delivered, as `GET /_sandbox/state` answers it.
    pub fn state(&self, real_now: Timestamp) -> Value {
        let now = self.now(real_now);
        let mut state = Map::new();
        state.insert("clock".to_owned(), self.clock.state(real_now));
        for provider in Provider::ALL {
            let mut held = match provider {
                Provider::Stripe => self.stripe.state(now),
                Provider::Circle => self.circle.state(now),
                Provider::Kit => self.kit.state(now),
            };
            held["requests"] = self.requests(provider);
            state.insert(provider.name().to_owned(), held);
        }
        state.insert("deliveries".to_owned(), self.stripe.deliveries());
        state.insert("faults".to_owned(), self.faults.state());
        Value::Object(state)
    }

    /// Does a control action of a provider at the caller's time; the errors say what is allowed.
    pub fn act(
        &mut self,
        provider: &str,
        action: &str,
        body: &Value,
        real_now: Timestamp,
    ) -> Result<Value, String> {
        let now = self.now(real_now);
        match Provider::parse(provider)? {
            Provider::Stripe => self.stripe.control(action, body, now),
            Provider::Circle => self.circle.control(action, body, now),
            Provider::Kit => self.kit.control(action, body, now),
        }
    }

    /// Adds one fault rule or a list of them. A rule with `switch` sets a behaviour switch of a fake.
    ///
    /// Rules before a bad one stay in force.
    pub fn add_faults(&mut self, body: &Value) -> Result<(), String> {
        if let Value::Array(rules) = body {
            return rules.iter().try_for_each(|rule| self.add_faults(rule));
        }
        let Some(switch) = body.get("switch") else { return self.faults.add(body) };
        let name = switch.as_str().ok_or("`switch` is the name of a switch")?;
        let value = body.get("value").ok_or("`value` is missing")?;
        match Provider::parse(body["provider"].as_str().unwrap_or_default())? {
            Provider::Stripe => self.stripe.switch(name, value),
            Provider::Circle => self.circle.switch(name, value),
            Provider::Kit => self.kit.switch(name, value),
        }
    }
}

fn body(call: &Call) -> Result<Value, Answer> {
    if call.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&call.body)
        .map_err(|why| problem(400, "Bad request", &format!("The body is not JSON: {why}")))
}

fn problem(status: u16, title: &str, detail: &str) -> Answer {
    let mut answer = Answer::json(status, &json!({ "title": title, "status": status, "detail": detail }));
    answer.headers = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
    answer
}
