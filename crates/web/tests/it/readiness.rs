//! How we are, as machines ask.

use crate::house::{House, events};
use axum::body::Body;
use frontdesk_core::target::Target;
use frontdesk_store::{Commit, Write};
use http::{Request, StatusCode};
use std::time::Duration;

async fn ask(house: &House, path: &str) -> (StatusCode, serde_json::Value) {
    // Monitors name any host.
    let told =
        house.ask(Request::get(path).header("host", "10.0.0.7:8080").body(Body::empty()).unwrap()).await;
    assert_eq!(told.header("content-type"), "application/json");
    (told.status, told.json())
}

fn kinds(answer: &serde_json::Value) -> Vec<&str> {
    answer["reasons"].as_array().unwrap().iter().map(|reason| reason["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_fresh_installation_is_alive_and_ready() {
    let house = House::new().await;
    assert_eq!(ask(&house, "/healthz").await, (StatusCode::OK, serde_json::json!({ "status": "alive" })));
    let (status, answer) = ask(&house, "/readyz").await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &"ready".into()));
    assert_eq!(answer["reasons"], serde_json::json!([]));
}

#[tokio::test]
async fn what_waits_for_somebody_is_degraded_and_says_what() {
    let house = House::new().await;
    let event = events(crate::house::JOURNEY).remove(0);
    house.deliver(&event).await;
    house.deliver(b"no event").await;
    let now = frontdesk_engine::Ports::now_wall(&house.ports);
    let alert = Write::AlertOpen {
        key: "unmapped:price_1".to_owned(),
        kind: "unmapped".to_owned(),
        subject: "stripe:price_1".to_owned(),
        detail: serde_json::Value::Null,
        at: now,
    };
    house.engine.store().commit(Commit { expect: Vec::new(), writes: vec![alert] }).await.unwrap();
    let (status, answer) = ask(&house, "/readyz").await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &"degraded".into()));
    assert_eq!(kinds(&answer), ["quarantined", "unmapped"], "the event is young: {answer}");
    house.ports.pass(Duration::from_secs(301));
    let (_, answer) = ask(&house, "/readyz").await;
    assert_eq!(kinds(&answer), ["pending", "quarantined", "unmapped"]);
    assert_eq!(answer["reasons"][0]["since"], now.to_string());
    assert!(!answer.to_string().contains("example.com"), "{answer}");
}

#[tokio::test]
async fn metrics_have_these_names_and_no_person_in_them() {
    let house = House::new().await;
    house.live_through(crate::house::JOURNEY).await;
    house.deliver(&events(crate::house::JOURNEY).remove(0)).await;
    house.deliver(b"no event").await;
    let metrics = async |peer: &str| {
        house
            .ask_from(
                peer,
                Request::get("/metrics").header("host", "10.0.0.7:8080").body(Body::empty()).unwrap(),
            )
            .await
    };
    assert_eq!(metrics("203.0.113.9:4711").await.status, StatusCode::NOT_FOUND, "strangers learn nothing");
    let told = metrics("127.0.0.1:4711").await;
    assert_eq!(
        (told.status, told.header("content-type")),
        (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8")
    );
    let text = String::from_utf8(told.body).unwrap();
    assert!(text.contains("frontdesk_webhooks_total{standing=\"duplicate\"} 1\n"), "{text}");
    assert!(text.contains("frontdesk_webhooks_total{standing=\"no_event\"} 1\n"), "{text}");
    assert!(!text.contains('@') && !text.contains("fdc_"), "{text}");
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    insta::assert_snapshot!("metrics", names.join("\n"));
    let page = include_str!("../../../../docs/operating.md");
    for name in names.iter().filter_map(|line| line.split(' ').next()) {
        assert!(page.contains(&format!("`{name}")), "docs/operating.md does not say what {name} is");
    }
}

#[tokio::test]
async fn a_row_that_needs_a_person_is_degraded() {
    let house = House::new().await;
    let customer = house.live_through(crate::house::JOURNEY).await;
    let now = frontdesk_engine::Ports::now_wall(&house.ports);
    let mut row = frontdesk_core::sync::Sync::new(customer, Target::Circle, now);
    row.state = frontdesk_core::sync::State::Parked { why: "refused".to_owned() };
    house.engine.store().commit(Commit { expect: Vec::new(), writes: vec![Write::Sync(row)] }).await.unwrap();
    let (_, answer) = ask(&house, "/readyz").await;
    assert_eq!(answer["reasons"], serde_json::json!([{ "kind": "parked", "subject": "circle", "count": 1 }]));
}

#[tokio::test]
async fn asking_often_writes_seldom() {
    let house = House::new().await;
    ask(&house, "/readyz").await;
    let probed = house.engine.store().meta("probed_at").await.unwrap();
    house.ports.pass(Duration::from_millis(999));
    ask(&house, "/readyz").await;
    assert_eq!(house.engine.store().meta("probed_at").await.unwrap(), probed);
    house.ports.pass(Duration::from_millis(1));
    ask(&house, "/readyz").await;
    assert_ne!(house.engine.store().meta("probed_at").await.unwrap(), probed);
}

#[tokio::test]
async fn refused_webhooks_are_counted() {
    let house = House::new().await;
    house.ask(crate::house::post().body(Body::from("{}")).unwrap()).await;
    let (_, answer) = ask(&house, "/readyz").await;
    assert_eq!(answer["status"], "ready");
    assert_eq!(answer["info"], serde_json::json!([{ "kind": "webhooks_refused", "count": 1 }]));
}

#[tokio::test]
async fn what_is_frozen_is_told_and_is_no_trouble() {
    use frontdesk_core::freeze::Scope;
    let house = House::new().await;
    let customer = house.live_through(crate::house::JOURNEY).await;
    let until = frontdesk_engine::Ports::now_wall(&house.ports) + jiff::SignedDuration::from_hours(24);
    for scope in [Scope::Marketing, Scope::Person(customer.clone())] {
        house.engine.freeze(scope, until, "Ada", "launch day").await.unwrap();
    }
    let (_, answer) = ask(&house, "/readyz").await;
    assert_eq!(kinds(&answer), Vec::<&str>::new());
    let frozen: Vec<_> = answer["info"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|matter| matter["kind"] == "frozen")
        .map(|matter| (matter["subject"].as_str().unwrap(), matter["until"].as_str().unwrap()))
        .collect();
    let until = until.to_string();
    assert_eq!(frozen, [("marketing", until.as_str()), ("person", until.as_str())]);
    assert!(!answer.to_string().contains(customer.as_str()), "{answer}");
}
