//! The rolling limit of each credential, and what is counted.

use serde_json::{Value, json};

use crate::call::Call;

use super::{Desk, call};

#[test]
fn a_credential_past_its_limit_gets_plain_text_without_advice() {
    let mut desk = Desk::new();
    for _ in 0..120 {
        assert_eq!(desk.get("/v4/account").0, 200);
    }
    let (did, answer) = desk.raw(&call("POST /v4/subscribers", json!({ "email_address": "ada@x.io" })));
    assert!(!did);
    assert_eq!((answer.status, answer.body.as_slice()), (429, b"Retry later".as_slice()));
    let header =
        |name: &str| answer.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert!(header("content-type").unwrap().starts_with("text/plain"));
    assert_eq!(header("retry-after"), None);

    let oauth = Call::new("GET", "/v4/account").header("authorization", "Bearer kit_sandbox_oauth");
    for _ in 0..600 {
        assert_eq!(desk.raw(&oauth).1.status, 200, "another credential has its own, larger limit");
    }
    assert_eq!(desk.raw(&oauth).1.status, 429);
    desk.wait(59);
    assert_eq!(desk.get("/v4/account").0, 429);
    desk.wait(1);
    assert_eq!(desk.get("/v4/account").0, 200, "refused calls do not prolong the wait");
}

#[test]
fn the_window_rolls_with_each_call() {
    let mut desk = Desk::new();
    desk.switch("limit_per_minute", json!(2));
    assert_eq!(desk.get("/v4/account").0, 200);
    desk.wait(30);
    assert_eq!(desk.get("/v4/account").0, 200);
    assert_eq!(desk.get("/v4/account").0, 429);
    desk.wait(30);
    assert_eq!(desk.get("/v4/account").0, 200, "the first has left the window");
    assert_eq!(desk.get("/v4/account").0, 429);
    assert_eq!(desk.state()["calls"]["in_this_minute"]["kit_sandbox_key"], 2);
}

#[test]
fn calls_are_counted_by_status_and_operation() {
    let mut desk = Desk::new();
    desk.create("ada@x.io");
    desk.call("POST /v4/tags/11/subscribers/3001", json!({}));
    desk.call("POST /v4/tags/12/subscribers/3001", json!({}));
    desk.call("GET /v4/subscribers/9", Value::Null);
    let calls = desk.state()["calls"].clone();
    assert_eq!(calls["total"], 4);
    assert_eq!(calls["by_status"], json!({ "201": 3, "404": 1 }));
    assert_eq!(calls["by_operation"]["POST /v4/tags/{id}/subscribers/{id}"], 2);
}

#[test]
fn one_seed_gives_one_story() {
    let story = |seed: u64| {
        let mut desk = Desk::new();
        desk.kit = crate::kit::Kit::new(seed);
        desk.switch("list_lag_s", json!("profile"));
        let mut answers =
            vec![desk.raw(&call("POST /v4/subscribers", json!({ "email_address": "ada@x.io" })))];
        for _ in 0..10 {
            desk.wait(15);
            answers.push(desk.raw(&call("GET /v4/subscribers", Value::Null)));
        }
        answers
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2), "request ids and lags come from the seed");
}
