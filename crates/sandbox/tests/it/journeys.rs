//! The recorded journeys, acted out: the same events in the same order with the same decisive fields.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::tools::{Stage, text};

/// A journey as actions. `$name` in a body stands for that id of the first checkout's or a later answer.
struct Journey {
    name: &'static str,
    versions: &'static [&'static str],
    actions: Vec<(&'static str, Value)>,
    /// Events that the record leaves out and the fake emits, because the real change emits them too.
    beside: &'static [&'static str],
}

const CLOVER: &str = "2025-09-30.clover";
const ENDIVE: &str = "2026-10-28.endive";

#[test]
fn the_recorded_journeys_can_be_acted_out() {
    let mut wrong = Vec::new();
    for journey in journeys() {
        for version in journey.versions {
            let recorded = recorded(version, journey.name);
            let emitted = act(&journey, version);
            let types = |events: &[Value]| -> Vec<String> {
                events.iter().map(|event| text(&event["type"]).to_owned()).collect()
            };
            let mut kept = Vec::new();
            for event in emitted {
                let is_next = recorded.get(kept.len()).is_some_and(|next| next["type"] == event["type"]);
                if is_next || !journey.beside.contains(&text(&event["type"])) {
                    kept.push(event);
                }
            }
            if types(&kept) != types(&recorded) {
                wrong.push(format!(
                    "{} in {version}: {:?}\n not {:?}",
                    journey.name,
                    types(&kept),
                    types(&recorded)
                ));
                continue;
            }
            for (emitted, recorded) in kept.iter().zip(&recorded) {
                let (is, was) = (decisive(emitted), decisive(recorded));
                if is != was {
                    wrong.push(format!(
                        "{} in {version}: {}\n    {is}\nnot {was}",
                        journey.name, recorded["type"]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a reader decides by, from one event.
fn decisive(event: &Value) -> Value {
    let object = &event["data"]["object"];
    // The record shows the invoice as it is at the end; really it is open when it is finalised.
    let status = if event["type"] == "invoice.finalized" { &Value::Null } else { &object["status"] };
    json!({
        "status": status, "payment_status": object["payment_status"], "refunded": object["refunded"],
        "cancel_at_period_end": object["cancel_at_period_end"], "is_ending": !object["cancel_at"].is_null(),
        "has_ended": !object["ended_at"].is_null(), "is_asked": !object["canceled_at"].is_null(),
        "reason": object["cancellation_details"]["reason"], "billing_reason": object["billing_reason"],
        "mode": object["mode"], "livemode": event["livemode"], "version": event["api_version"],
        "pause_collection": object["pause_collection"]["behavior"],
        "paused_for": object["status_details"]["paused"]["subscription"]["type"],
        "is_guest": object.get("customer").is_some_and(Value::is_null),
        "has_entitlements": object["entitlements"]["data"].as_array().map(|rows| !rows.is_empty()),
        "by_request": !event["request"]["id"].is_null(),
        "changed": event["data"]["previous_attributes"].as_object().map(|before| {
            // Some records name these and some do not, for the same change.
            let varies = ["receipt_url", "billing_cycle_anchor"];
            before.keys().filter(|name| !varies.contains(&name.as_str())).cloned().collect::<Vec<_>>()
        }),
    })
}

fn act(journey: &Journey, version: &str) -> Vec<Value> {
    let mut stage = Stage::with_endpoint(version);
    stage.act(
        "price",
        &json!({ "id": "price_1Club", "product": "prod_Club", "name": "Club", "amount": 1000,
                 "interval": "month", "features": ["community"] }),
    );
    stage.act(
        "price",
        &json!({ "id": "price_1Offer", "product": "prod_Community", "amount": 900, "interval": "month" }),
    );
    let mut ids = serde_json::Map::new();
    for (action, body) in &journey.actions {
        let mut body = body.clone();
        for value in body.as_object_mut().unwrap().values_mut() {
            if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('$')) {
                *value = ids[name].clone();
            }
        }
        body["api_version"] = json!(version);
        let answer = stage.act(action, &body);
        ids.extend(answer.as_object().unwrap().clone().into_iter().filter(|(_, id)| id.is_string()));
        stage.pass(3_600);
    }
    stage.receive()
}

fn recorded(version: &str, name: &str) -> Vec<Value> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/stripe/journeys").join(version);
    let folder = folder.join(name);
    let read =
        |file: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap() };
    let story = read("journey.json");
    story["steps"].as_array().unwrap().iter().map(|step| read(text(&step["file"]))).collect()
}

fn journeys() -> Vec<Journey> {
    let buy = |order: Value| {
        let mut body = json!({ "email": "ada@example.com", "name": "Ada" });
        body.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        ("checkout", body)
    };
    let member = || buy(json!({ "price": "price_1Community" }));
    let course = || buy(json!({ "price": "price_1Course" }));
    let of = |more: Value| {
        let mut body = json!({ "subscription": "$subscription" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let all = |name, actions| Journey { name, versions: &[CLOVER], actions, beside: &[] };
    let newer = |name, actions| Journey { name, versions: &[CLOVER, ENDIVE], actions, beside: &[] };
    let purchase = |name, actions| Journey { name, versions: &["2024-06-20", CLOVER], actions, beside: &[] };
    let fail = |end: &str| ("renewal_fail", of(json!({ "end": end })));
    let sepa = |price: &str| buy(json!({ "price": price, "method": "sepa" }));
    let session = json!({ "session": "$session" });
    vec![
        purchase("purchase-one-time", vec![course()]),
        purchase("purchase-subscription", vec![member()]),
        purchase("guest-checkout", vec![buy(json!({ "price": "price_1Course", "guest": true }))]),
        purchase("checkout-expired", vec![buy(json!({ "price": "price_1Course", "expire": true }))]),
        purchase(
            "failed-card-then-success",
            vec![buy(json!({ "price": "price_1Course", "method": "card_fails_then_succeeds" }))],
        ),
        purchase("async-sepa-success", vec![sepa("price_1Course"), ("sepa_settle", session.clone())]),
        purchase("async-sepa-failure", vec![sepa("price_1Course"), ("sepa_fail", session.clone())]),
        newer("sepa-subscription-paid", vec![sepa("price_1Community"), ("sepa_settle", session.clone())]),
        newer("sepa-subscription-failed", vec![sepa("price_1Community"), ("sepa_fail", session)]),
        purchase(
            "refund-full",
            vec![
                course(),
                ("refund", json!({ "charge": "$charge" })),
                ("refund_settle", json!({ "refund": "$refund" })),
            ],
        ),
        purchase(
            "refund-partial",
            vec![
                course(),
                ("refund", json!({ "charge": "$charge", "amount": 8300 })),
                ("refund", json!({ "charge": "$charge" })),
            ],
        ),
        purchase(
            "refund-failed",
            vec![
                course(),
                ("refund", json!({ "charge": "$charge" })),
                ("refund_fail", json!({ "refund": "$refund" })),
            ],
        ),
        purchase(
            "dispute-lost",
            vec![
                course(),
                ("dispute", json!({ "charge": "$charge" })),
                ("dispute_close", json!({ "dispute": "$dispute", "status": "lost" })),
            ],
        ),
        purchase(
            "dispute-won",
            vec![
                course(),
                ("dispute", json!({ "charge": "$charge" })),
                ("dispute_review", json!({ "dispute": "$dispute" })),
                ("dispute_close", json!({ "dispute": "$dispute", "status": "won" })),
            ],
        ),
        all(
            "duplicate-checkout-click",
            vec![
                member(),
                member(),
                ("refund", json!({ "charge": "$charge" })),
                ("cancel", json!({ "subscription": "$subscription" })),
            ],
        ),
        all(
            "renewal-failed-recovered",
            vec![member(), fail("none"), fail("none"), ("renewal_recover", of(json!({})))],
        ),
        all(
            "renewal-failed-lost",
            vec![member(), fail("none"), fail("none"), fail("none"), fail("canceled")],
        ),
        Journey {
            beside: &["charge.succeeded", "payment_intent.succeeded"],
            ..all(
                "renewal-failed-unpaid",
                vec![member(), fail("none"), fail("unpaid"), ("renewal_recover", of(json!({})))],
            )
        },
        all("upgrade-mid-period", vec![member(), ("upgrade", of(json!({ "price": "price_1Pro" })))]),
        all(
            "cancel-at-period-end",
            vec![member(), ("cancel", of(json!({ "when": "period_end" }))), ("renew", of(json!({})))],
        ),
        newer(
            "cancel-flexible-billing",
            vec![member(), ("cancel", of(json!({ "when": "cancel_at" }))), ("renew", of(json!({})))],
        ),
        all(
            "cancel-undone",
            vec![member(), ("cancel", of(json!({ "when": "period_end" }))), ("undo_cancel", of(json!({})))],
        ),
        all(
            "pause-collection",
            vec![
                member(),
                ("pause_collection", of(json!({ "resumes_at": 1_795_521_600 }))),
                // Due by then, so that it ends by itself.
                ("pause_collection", of(json!({ "behavior": null }))),
            ],
        ),
        newer(
            "pause-on-payment-failure",
            vec![buy(json!({ "price": "price_1Club" })), fail("paused"), ("renewal_recover", of(json!({})))],
        ),
        Journey {
            beside: &["invoice.finalized", "charge.succeeded"],
            ..all(
                "trial-to-paid",
                vec![
                    buy(json!({ "price": "price_1Community", "trial_days": 7 })),
                    ("trial_will_end", of(json!({}))),
                    ("trial_end", of(json!({}))),
                ],
            )
        },
        Journey {
            beside: &["invoice.paid", "checkout.session.completed"],
            ..all(
                "trial-no-card-paused",
                vec![
                    buy(json!({ "price": "price_1Community", "trial_days": 7, "card": false })),
                    ("trial_end", of(json!({}))),
                    ("resume", of(json!({}))),
                ],
            )
        },
        Journey {
            versions: &[ENDIVE],
            beside: &["invoice.finalized"],
            ..all(
                "trial-offer-price-change",
                vec![
                    buy(json!({ "price": "price_1Community", "trial_offer": "price_1Offer" })),
                    ("renew", of(json!({}))),
                ],
            )
        },
        newer(
            "subscription-with-one-time-line",
            vec![
                buy(json!({ "lines": [{ "price": "price_1Community" }, { "price": "price_1Course" }] })),
                ("cancel", of(json!({}))),
            ],
        ),
        all("customer-deleted", vec![member(), ("delete_customer", json!({ "customer": "$customer" }))]),
        all(
            "first-payment-incomplete-expired",
            vec![
                buy(json!({ "price": "price_1Community", "method": "requires_action" })),
                ("incomplete_expire", of(json!({}))),
            ],
        ),
        all(
            "entitlements-summary",
            vec![buy(json!({ "price": "price_1Club" })), ("cancel", of(json!({ "reason": null })))],
        ),
    ]
}
