//! Injected faults: what the client sees, and whether the thing was done.

use std::time::Duration;

use frontdesk_sandbox::{Call, Reply};
use serde_json::{Value, json};

use crate::tools::{KEY, Stage, text};

/// A call that changes something: it registers an endpoint.
fn register() -> Call {
    let mut call = Call::new("POST", "/v1/webhook_endpoints")
        .header("authorization", &format!("Bearer {KEY}"))
        .header("x-request-id", "r-1")
        .header("frontdesk-effect", "e-1");
    call.body = b"url=https%3A%2F%2Fhooks.example.com&enabled_events[]=*".to_vec();
    call
}

#[test]
fn each_kind_of_fault_does_or_does_not_and_answers_as_told() {
    let status = |commit: bool| json!({ "kind": "status", "status": 503, "html": true, "commit": commit });
    for (rule, did, expect) in [
        (json!({ "kind": "timeout_before" }), false, "hang"),
        (json!({ "kind": "timeout_after" }), true, "hang"),
        (json!({ "kind": "reset_before" }), false, "reset"),
        (json!({ "kind": "reset_after" }), true, "reset"),
        (json!({ "kind": "down" }), false, "reset"),
        (status(false), false, "503"),
        (status(true), true, "503"),
        (json!({ "kind": "slow", "delay_ms": 1500 }), true, "200"),
        (json!({ "kind": "truncated" }), true, "200"),
    ] {
        let mut stage = Stage::new();
        let mut rule = rule;
        rule["provider"] = json!("stripe");
        rule["path"] = json!("/webhook_endpoints");
        stage.world.add_faults(&rule).unwrap();
        let reply = stage.world.handle(&register(), stage.now);
        let seen = match &reply {
            Reply::Hang => "hang".to_owned(),
            Reply::Reset => "reset".to_owned(),
            Reply::Answer { answer, .. } => answer.status.to_string(),
        };
        assert_eq!(seen, expect, "{rule}");
        if let Reply::Answer { answer, after } = reply {
            let is_slow = rule["kind"] == "slow";
            assert_eq!(after, Duration::from_millis(if is_slow { 1500 } else { 0 }), "{rule}");
            let is_whole = serde_json::from_slice::<Value>(&answer.body).is_ok();
            assert_eq!(is_whole, is_slow, "{rule}");
        }
        let state = stage.world.state(stage.now);
        assert_eq!(state["stripe"]["endpoints"].as_array().unwrap().len(), usize::from(did), "{rule}");
        let logged = &state["stripe"]["requests"][0];
        assert_eq!((&logged["did"], &logged["fault"]), (&json!(did), &rule["kind"]), "{rule}");
        assert_eq!(logged["headers"]["x-request-id"], "r-1");
        assert_eq!(logged["headers"]["frontdesk-effect"], "e-1");
        assert!(!state.to_string().contains(KEY), "the log keeps no key");
    }
}

#[test]
fn a_rule_hits_its_provider_its_path_and_its_count() {
    let mut stage = Stage::new();
    let rule = json!([
        { "provider": "stripe", "method": "get", "path": "/v1/charges", "kind": "status", "status": 500, "times": 2, "after": 1 },
        { "provider": "kit", "kind": "down" },
    ]);
    stage.world.add_faults(&rule).unwrap();
    let statuses: Vec<u16> = (0..5).map(|_| stage.get("/v1/charges").0).collect();
    assert_eq!(statuses, [200, 500, 500, 200, 200]);
    assert_eq!(stage.get("/v1/refunds").0, 200);
    for _ in 0..3 {
        assert_eq!(stage.world.handle(&Call::new("GET", "/v4/account"), stage.now), Reply::Reset);
    }
    stage.call(&Call::new("DELETE", "/_sandbox/faults"));
    assert!(stage.world.handle(&Call::new("GET", "/v4/account"), stage.now).answer().is_some());
}

#[test]
fn what_is_unknown_is_refused_with_what_is_allowed() {
    for (path, body, expect) in [
        ("/_sandbox/faults", json!({ "provider": "stripe", "kind": "explode" }), "timeout_before"),
        ("/_sandbox/faults", json!({ "provider": "mail", "kind": "down" }), "stripe, circle, kit"),
        ("/_sandbox/faults", json!({ "provider": "stripe", "switch": "mood", "value": 1 }), "read_lag_s"),
        ("/_sandbox/faults", json!({ "provider": "circle", "switch": "mood", "value": 1 }), "existing_post"),
        ("/_sandbox/stripe/juggle", json!({}), "checkout"),
        (
            "/_sandbox/stripe/checkout",
            json!({ "email": "a@example.com", "price": "price_no" }),
            "price_1Community",
        ),
        ("/_sandbox/stripe/checkout", json!({ "price": "price_1Course" }), "`email` is missing"),
        ("/_sandbox/stripe/cancel", json!({ "subscription": "sub_no" }), "no such object"),
        (
            "/_sandbox/stripe/checkout",
            json!({ "email": "a@example.com", "price": "price_1Course", "deliver": "never" }),
            "reversed",
        ),
        ("/_sandbox/clock", json!({ "advance": "soon" }), "36h"),
        ("/_sandbox/mail/send", json!({}), "stripe, circle, kit"),
    ] {
        let mut stage = Stage::new();
        let answer = stage.call(&Call::new("POST", path).json(&body));
        assert_eq!(answer.status, 400, "{path} {body}");
        assert_eq!(answer.headers[0].1, "application/problem+json");
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(text(&problem["detail"]).contains(expect), "{path} {body}: {problem}");
    }
}

#[test]
fn the_clock_jumps_for_all_and_a_reset_keeps_it() {
    let mut stage = Stage::new();
    let post = |path: &str, body: Value| Call::new("POST", path).json(&body);
    stage.call(&post("/_sandbox/clock", json!({ "advance": "36h" })));
    let clock: Value =
        serde_json::from_slice(&stage.call(&Call::new("GET", "/_sandbox/clock")).body).unwrap();
    assert_eq!(clock, json!({ "now": "2026-11-25T22:00:00Z", "offset_ms": 129_600_000 }));
    let bought = stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course" }));
    let customer = stage.read(&format!("/v1/customers/{}", text(&bought["customer"])));
    assert_eq!(customer["created"], stage.now.as_second() + 129_600);
    stage.call(&post("/_sandbox/reset", json!({})));
    let state: Value =
        serde_json::from_slice(&stage.call(&Call::new("GET", "/_sandbox/state")).body).unwrap();
    assert_eq!(state["stripe"]["customers"], json!([]));
    assert_eq!(state["stripe"]["prices"].as_array().unwrap().len(), 4, "the catalogue is seeded again");
    assert_eq!(state["clock"], clock);
    for part in ["circle", "kit", "deliveries", "faults"] {
        assert!(state.get(part).is_some(), "{part}");
    }
}

#[test]
fn the_page_shows_what_is_held_without_scripts() {
    let mut stage = Stage::new();
    stage.act(
        "checkout",
        &json!({ "email": "ada@example.com", "name": "<b>Ada</b>", "price": "price_1Course" }),
    );
    let answer = stage.call(&Call::new("GET", "/_sandbox/"));
    let page = String::from_utf8(answer.body).unwrap();
    assert!(page.contains("ada@example.com"));
    assert!(page.contains("&lt;b&gt;Ada"));
    assert!(!page.contains("<script") && !page.contains("<b>Ada"));
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let run = || {
        let mut stage = Stage::new();
        stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Community" }));
        stage.world.state(stage.now)
    };
    assert_eq!(run(), run());
}
