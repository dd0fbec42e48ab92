//! The control actions by name.

use jiff::Timestamp;
use serde_json::Value;

use super::Stripe;
use super::body::Body;

/// Every control action.
const ACTIONS: &[&str] = &["checkout", "endpoint", "rotate", "disable", "enable", "keys"];

impl Stripe {
    pub(crate) fn act(&mut self, action: &str, body: &Body, now: Timestamp) -> Result<Value, String> {
        match action {
            "checkout" => self.checkout(body, now),
            "endpoint" => self.add_endpoint(body, now),
            "rotate" => self.rotate_endpoint(body, now),
            "disable" => self.enable_endpoint(body, false),
            "enable" => self.enable_endpoint(body, true),
            "keys" => self.change_key(body),
            _ => Err(format!("there is no action `{action}`; there are {}", ACTIONS.join(", "))),
        }
    }
}
