//! Every event the fake emits has the keys of the recorded event of its type and version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::tools::{Stage, text};

const VERSIONS: [&str; 4] = ["2024-06-20", "2025-09-30.clover", "2026-07-29.dahlia", "2026-10-28.endive"];

/// Fields that an object has in some states only, so that the one recorded event may differ.
const CONDITIONAL: [&str; 8] = [
    // On a refund that failed.
    "failure_reason",
    "failure_balance_transaction",
    // On a subscription that is paused, since endive.
    "status_details",
    // Mirrors on a subscription of one item.
    "plan",
    "quantity",
    // On one-off and prorated lines before basil.
    "invoice_item",
    // In the card details of a refund whose reference has arrived, and of a declined payment.
    "reference",
    "decline_code",
];

#[test]
fn every_event_has_the_keys_of_the_recorded_one() {
    for version in VERSIONS {
        let events = all_actions(version);
        let mut differences = Vec::new();
        let mut seen = BTreeSet::new();
        for event in &events {
            let kind = text(&event["type"]);
            let Some(recorded) = recorded(version, kind) else { continue };
            seen.insert(kind.to_owned());
            compare("", &recorded, event, &mut differences, &format!("{version} {kind}"));
        }
        differences.sort();
        differences.dedup();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        let missed: Vec<String> =
            recorded_types(version).into_iter().filter(|kind| !seen.contains(kind)).collect();
        assert!(missed.is_empty(), "{version}: never emitted: {missed:?}");
    }
}

/// Compares the keys of two objects and of what is inside them; what is null on either side says nothing.
fn compare(at: &str, recorded: &Value, emitted: &Value, differences: &mut Vec<String>, of: &str) {
    match (recorded, emitted) {
        (Value::Object(recorded), Value::Object(emitted)) => {
            if FREE.iter().any(|free| at.ends_with(free)) {
                return;
            }
            let keys =
                |it: &serde_json::Map<String, Value>| -> BTreeSet<String> { it.keys().cloned().collect() };
            let (recorded_keys, emitted_keys) = (keys(recorded), keys(emitted));
            for key in recorded_keys.symmetric_difference(&emitted_keys) {
                let depends = at == ".data" && key == "previous_attributes";
                if !depends && !CONDITIONAL.contains(&key.as_str()) {
                    let side = if recorded_keys.contains(key) { "missing" } else { "extra" };
                    differences.push(format!("{of}: {side} {at}.{key}"));
                }
            }
            for key in recorded_keys.intersection(&emitted_keys) {
                compare(&format!("{at}.{key}"), &recorded[key], &emitted[key], differences, of);
            }
        }
        (Value::Array(recorded), Value::Array(emitted)) => {
            if let (Some(recorded), Some(emitted)) = (recorded.first(), emitted.first()) {
                compare(&format!("{at}[0]"), recorded, emitted, differences, of);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => {
            let same = std::mem::discriminant(recorded) == std::mem::discriminant(emitted);
            if !same {
                differences
                    .push(format!("{of}: {at} is {recorded} in the record and {emitted} in the event"));
            }
        }
    }
}

/// Objects whose keys depend on what happened, not on the version.
const FREE: [&str; 5] = [
    ".metadata",
    ".previous_attributes",
    ".payment_method_options",
    ".payment_method_details",
    ".last_payment_error",
];

fn folder(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/stripe/events").join(version)
}

fn recorded(version: &str, kind: &str) -> Option<Value> {
    let bytes = std::fs::read(folder(version).join(format!("{kind}.json"))).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

fn recorded_types(version: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder(version)).unwrap().map(|entry| entry.unwrap().file_name());
    let kinds = names.map(|name| name.to_str().unwrap().trim_end_matches(".json").to_owned());
    kinds.filter(|kind| !kind.starts_with("testmode.")).collect()
}

/// Does every action that emits an event, each on a purchase of its own.
pub(crate) fn all_actions(version: &str) -> Vec<Value> {
    let mut stage = Stage::with_endpoint(version);
    let mut buyer = 0;
    let mut buy = |stage: &mut Stage, body: Value| -> BTreeMap<String, String> {
        buyer += 1;
        let mut order = json!({ "email": format!("buyer{buyer}@example.com"), "name": "A Buyer" });
        order.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        order["api_version"] = json!(version);
        let bought = stage.act("checkout", &order);
        stage.pass(60);
        let ids = bought.as_object().unwrap().iter();
        ids.filter_map(|(name, id)| Some((name.clone(), id.as_str()?.to_owned()))).collect()
    };
    let month = json!({ "price": "price_1Community" });
    let course = json!({ "price": "price_1Course" });
    stage.act(
        "price",
        &json!({ "id": "price_1Club", "product": "prod_Club", "name": "Club", "amount": 1000,
                "interval": "month", "features": ["club"] }),
    );

    for method in ["card", "card_fails", "card_fails_then_succeeds", "free", "requires_action"] {
        for price in ["price_1Community", "price_1Course"] {
            buy(&mut stage, json!({ "price": price, "method": method }));
        }
    }
    buy(&mut stage, json!({ "price": "price_1Course", "guest": true }));
    buy(&mut stage, json!({ "price": "price_1Course", "expire": true }));
    buy(&mut stage, json!({ "price": "price_1Club" }));
    buy(&mut stage, json!({ "lines": [{ "price": "price_1Community" }, { "price": "price_1Course" }] }));
    for price in ["price_1Community", "price_1Course"] {
        for end in ["sepa_settle", "sepa_fail"] {
            let bought = buy(&mut stage, json!({ "price": price, "method": "sepa" }));
            stage.act(end, &json!({ "session": bought["session"], "api_version": version }));
        }
    }

    let bought = buy(&mut stage, course.clone());
    stage.act("refund", &json!({ "session": bought["session"], "amount": 8300 }));
    let refunded = stage.act("refund", &json!({ "charge": bought["charge"] }));
    stage.pass(60);
    stage.act("refund_settle", &json!({ "refund": refunded["refund"] }));
    stage.act("refund_fail", &json!({ "refund": refunded["refund"] }));
    for status in ["won", "lost"] {
        let bought = buy(&mut stage, course.clone());
        let disputed = stage.act("dispute", &json!({ "charge": bought["charge"] }));
        stage.act("dispute_review", &json!({ "dispute": disputed["dispute"] }));
        stage.act("dispute_close", &json!({ "dispute": disputed["dispute"], "status": status }));
    }

    let on_subscription: [&[(&str, Value)]; 12] = [
        &[("renew", json!({})), ("cancel", json!({}))],
        &[("renewal_fail", json!({})), ("renewal_fail", json!({})), ("renewal_recover", json!({}))],
        &[("renewal_fail", json!({ "end": "canceled" }))],
        &[("renewal_fail", json!({ "end": "unpaid" })), ("renewal_recover", json!({}))],
        &[("renewal_fail", json!({ "end": "past_due" }))],
        &[("renewal_fail", json!({ "end": "paused" })), ("renewal_recover", json!({}))],
        &[("upgrade", json!({ "price": "price_1Pro" }))],
        &[("cancel", json!({ "when": "period_end" })), ("undo_cancel", json!({}))],
        &[("cancel", json!({ "when": "cancel_at" })), ("renew", json!({}))],
        &[("pause", json!({})), ("resume", json!({}))],
        &[("pause", json!({ "reason": null })), ("resume", json!({ "fail": true }))],
        &[("pause_collection", json!({})), ("pause_collection", json!({ "behavior": null }))],
    ];
    for actions in on_subscription {
        let bought = buy(&mut stage, month.clone());
        for (action, body) in actions {
            let mut body = body.clone();
            body["subscription"] = json!(bought["subscription"]);
            body["api_version"] = json!(version);
            stage.act(action, &body);
            stage.pass(60);
        }
    }
    for (order, end) in [
        (json!({ "price": "price_1Community", "trial_days": 7 }), json!({})),
        (json!({ "price": "price_1Community", "trial_days": 7 }), json!({ "fail": true })),
        (json!({ "price": "price_1Community", "trial_days": 7, "card": false }), json!({})),
    ] {
        let bought = buy(&mut stage, order);
        stage.act("trial_will_end", &json!({ "subscription": bought["subscription"] }));
        let mut end = end;
        end["subscription"] = json!(bought["subscription"]);
        stage.act("trial_end", &end);
    }
    let started = buy(&mut stage, json!({ "price": "price_1Community", "method": "requires_action" }));
    stage.act("incomplete_expire", &json!({ "subscription": started["subscription"] }));

    let bought = buy(&mut stage, month);
    stage.act("change_email", &json!({ "customer": bought["customer"], "email": "new@example.com" }));
    stage.act("delete_customer", &json!({ "customer": bought["customer"] }));
    stage.receive()
}
