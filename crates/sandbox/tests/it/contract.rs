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

#[test]
fn every_read_has_the_keys_of_the_recorded_one() {
    for (version, journey) in [
        ("2024-06-20", "purchase-subscription"),
        ("2025-09-30.clover", "purchase-subscription"),
        ("2026-10-28.endive", "subscription-with-one-time-line"),
    ] {
        let folder =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/stripe/journeys").join(version);
        let bytes = std::fs::read(folder.join(journey).join("rest.json")).unwrap();
        let recorded: serde_json::Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
        let mut stage = Stage::new();
        // The newer story is one of flexible billing.
        let flexible = version == "2026-10-28.endive";
        let order = json!({ "email": "ada@example.com", "price": "price_1Community", "flexible": flexible });
        let bought = stage.act("checkout", &order);
        let mut differences = Vec::new();
        for (target, expect) in &recorded {
            let target = target.strip_prefix("GET ").unwrap();
            let ours = ours(target, &bought);
            let (status, read) = stage.get_as(&ours, crate::tools::KEY, Some(version));
            assert_eq!(status, 200, "{ours}: {read}");
            compare("", expect, &read, &mut differences, &format!("{version} {target}"));
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        assert!(recorded.len() >= 5, "{version}: {} reads are recorded", recorded.len());
    }
}

/// The target of a recorded read with the ids of our own purchase in the place of the recorded ones.
fn ours(target: &str, bought: &Value) -> String {
    let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut ours = target.to_owned();
    for (prefix, name) in [
        ("cs_live_", "session"),
        ("cus_", "customer"),
        ("sub_", "subscription"),
        ("in_", "invoice"),
        ("ch_", "charge"),
        ("pi_", "payment_intent"),
    ] {
        let starts = |at: &usize| ours[..*at].ends_with(['/', '=']);
        if let Some(at) = ours.match_indices(prefix).map(|(at, _)| at).find(starts) {
            let length = ours[at..].find(|c| !is_id(c)).unwrap_or(ours.len() - at);
            ours.replace_range(at..at + length, text(&bought[name]));
        }
    }
    ours
}

#[test]
fn refusals_read_like_the_recorded_ones() {
    let mut stage = Stage::new();
    let masked = "rk_live_sandbox_without_0000";
    stage.act("keys", &json!({ "key": masked, "permissions": ["rak_event_read"] }));
    let test = stage
        .act("checkout", &json!({ "email": "qa@example.com", "price": "price_1Course", "livemode": false }));
    let session = format!("/v1/checkout/sessions/{}", text(&test["session"]));
    for (file, target, key, trouble) in [
        ("error_401_bad_key", "/v1/events", "rk_live_0000000000000000000000000", None),
        ("error_401_key_echoed", "/v1/events", "rk-live-pasted-whole-never-log-this", None),
        ("error_403_restricted_key", "/v1/subscriptions", masked, None),
        ("error_404_missing", "/v1/subscriptions/sub_1QdoesNotExist", crate::tools::KEY, None),
        ("error_404_wrong_mode", session.as_str(), crate::tools::KEY, None),
        ("error_429_rate_limit", "/v1/events", crate::tools::KEY, Some("rate_limit")),
        ("error_429_lock_timeout", "/v1/events", crate::tools::KEY, Some("lock_timeout")),
        ("error_500", "/v1/events", crate::tools::KEY, Some("api_error")),
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/stripe/rest");
        let recorded: Value =
            serde_json::from_slice(&std::fs::read(path.join(format!("{file}.json"))).unwrap()).unwrap();
        if let Some(kind) = trouble {
            let rule = json!({ "provider": "stripe", "switch": "trouble", "value": { "kind": kind } });
            stage.world.add_faults(&rule).unwrap();
        }
        let (status, body) = stage.get_as(target, key, None);
        assert_eq!(status.to_string(), file[6..9], "{file}");
        let (recorded, refused) = (&recorded["error"], &body["error"]);
        for field in ["type", "code", "param", "doc_url"] {
            assert_eq!(refused[field], recorded[field], "{file}: {field}");
        }
        // Ids and keys differ, the words do not.
        let words = |message: &Value| -> Vec<String> {
            let words = text(message).split(' ').filter(|word| !word.contains('_') || word.contains("rak_"));
            words.map(str::to_owned).collect()
        };
        assert_eq!(words(&refused["message"]), words(&recorded["message"]), "{file}");
        // A session of the other mode is recorded without it.
        if !recorded["request_log_url"].is_null() {
            assert!(refused["request_log_url"].is_string(), "{file}");
        }
    }
}
