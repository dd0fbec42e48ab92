//! The control actions by name.

use jiff::Timestamp;
use serde_json::Value;

use super::Stripe;
use super::body::Body;

/// Every control action and the fields it takes besides `deliver` and `api_version`.
const ACTIONS: &[(&str, &[&str])] = &[
    (
        "checkout",
        &[
            "email",
            "name",
            "price",
            "quantity",
            "lines",
            "method",
            "guest",
            "customer",
            "trial_days",
            "card",
            "trial_offer",
            "flexible",
            "expire",
            "metadata",
            "subscription_metadata",
            "client_reference_id",
            "livemode",
        ],
    ),
    ("sepa_settle", &["session"]),
    ("sepa_fail", &["session"]),
    (
        "refund",
        &["charge", "payment_intent", "session", "invoice", "subscription", "amount", "status", "reason"],
    ),
    ("refund_settle", &["refund", "twin"]),
    ("refund_fail", &["refund", "twin"]),
    ("dispute", &["charge", "payment_intent", "session", "invoice", "subscription", "reason", "inquiry"]),
    ("dispute_review", &["dispute"]),
    ("dispute_close", &["dispute", "status"]),
    ("cancel", &["subscription", "when", "at", "reason", "feedback", "comment"]),
    ("undo_cancel", &["subscription"]),
    ("renew", &["subscription"]),
    ("renewal_fail", &["subscription", "end", "reason"]),
    ("renewal_recover", &["subscription"]),
    ("upgrade", &["subscription", "price", "quantity"]),
    ("pause", &["subscription", "reason"]),
    ("resume", &["subscription", "fail", "behavior"]),
    ("pause_collection", &["subscription", "behavior", "resumes_at"]),
    ("trial_end", &["subscription", "fail", "reason"]),
    ("trial_will_end", &["subscription"]),
    ("incomplete_expire", &["subscription"]),
    ("change_email", &["customer", "email"]),
    ("delete_customer", &["customer"]),
    (
        "price",
        &["id", "product", "name", "amount", "currency", "interval", "lookup_key", "features", "active"],
    ),
    ("endpoint", &["url", "secret", "enabled_events", "status", "description", "livemode"]),
    ("rotate", &["endpoint", "secret", "old_first"]),
    ("disable", &["endpoint"]),
    ("enable", &["endpoint"]),
    ("keys", &["key", "status", "permissions"]),
    (
        "event",
        &[
            "type",
            "object",
            "id",
            "previous_attributes",
            "created",
            "livemode",
            "account",
            "sign",
            "raw_body",
        ],
    ),
    ("redeliver", &["event", "times", "sign"]),
    ("conflict", &["event", "object"]),
    ("thin", &["type", "id", "object"]),
    ("vanish", &["id"]),
];

/// Refuses an action or a field that does not exist, and says what does.
fn check(action: &str, body: &Body) -> Result<(), String> {
    let Some((_, fields)) = ACTIONS.iter().find(|(name, _)| *name == action) else {
        let known: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no action `{action}`; there are {}", known.join(", ")));
    };
    match body.names().find(|name| !["deliver", "api_version"].contains(name) && !fields.contains(name)) {
        Some(unknown) => Err(format!(
            "`{action}` has no field `{unknown}`; it takes {}, deliver, api_version",
            fields.join(", ")
        )),
        None => Ok(()),
    }
}

impl Stripe {
    /// Does an action by its name.
    pub(crate) fn act(&mut self, action: &str, body: &Body, now: Timestamp) -> Result<Value, String> {
        check(action, body)?;
        match action {
            "checkout" => self.checkout(body, now),
            "sepa_settle" => self.sepa_settle(body, now),
            "sepa_fail" => self.sepa_fail(body, now),
            "refund" => self.refund(body, now),
            "refund_settle" => self.refund_settle(body, now),
            "refund_fail" => self.refund_fail(body, now),
            "dispute" => self.dispute(body, now),
            "dispute_review" => self.dispute_review(body, now),
            "dispute_close" => self.dispute_close(body, now),
            "cancel" => self.cancel(body, now),
            "undo_cancel" => self.undo_cancel(body, now),
            "renew" => self.renew(body, now),
            "renewal_fail" => self.renewal_fail(body, now),
            "renewal_recover" => self.renewal_recover(body, now),
            "upgrade" => self.upgrade(body, now),
            "pause" => self.pause(body, now),
            "resume" => self.resume(body, now),
            "pause_collection" => self.pause_collection(body, now),
            "trial_end" => self.trial_end(body, now),
            "trial_will_end" => self.trial_will_end(body, now),
            "incomplete_expire" => self.incomplete_expire(body, now),
            "change_email" => self.change_email(body, now),
            "delete_customer" => self.delete_customer(body, now),
            "price" => self.add_price(body, now),
            "endpoint" => self.add_endpoint(body, now),
            "rotate" => self.rotate_endpoint(body, now),
            "disable" => self.enable_endpoint(body, false),
            "enable" => self.enable_endpoint(body, true),
            "keys" => self.change_key(body),
            "event" => self.make_event(body, now),
            "redeliver" => self.redeliver(body, now),
            "conflict" => self.conflict(body, now),
            "thin" => self.thin(body, now),
            "vanish" => self.vanish(body),
            _ => unreachable!("`check` lets known actions through alone"),
        }
    }
}
