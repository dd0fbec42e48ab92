//! The webhook sender: endpoints, batches, signatures, retries, and every way in which a delivery goes astray.

use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::post::Delivery;

use super::{Desk, call};

/// Who listens to what happens to tags, and with which secret.
const SECRET: &str = "whsec_of_the_test";

impl Desk {
    fn listens(&mut self) -> u64 {
        let body = json!({ "url": "http://127.0.0.1:9/webhooks/kit", "secret": SECRET });
        self.control("endpoint", body)["id"].as_u64().unwrap()
    }

    fn due(&mut self) -> Vec<Delivery> {
        self.kit.due_deliveries(self.now)
    }

    fn answered(&mut self, delivery: &Delivery, status: u16, retry_after: Option<i64>) {
        let after = retry_after.map(SignedDuration::from_secs);
        self.kit.delivered(delivery.id, Ok(status), after, self.now);
    }
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> &'a str {
    delivery.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

fn kinds(delivery: &Delivery) -> Vec<String> {
    let body = body(delivery);
    let events = body["events"].as_array().unwrap();
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// Checks a signature the way Kit's Ruby library does, sharing nothing with the sender.
fn is_signed(delivery: &Delivery, secret: &str) -> bool {
    let header = header(delivery, "x-kit-signature");
    let (time, marks) = header.split_once(',').unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(time.strip_prefix("t=").unwrap().as_bytes());
    mac.update(b".");
    mac.update(&delivery.body);
    let expected = format!("v1={}", hex::encode(mac.finalize().into_bytes()));
    marks.split(',').any(|mark| mark == expected)
}

#[test]
fn endpoints_are_made_listed_changed_and_removed() {
    let mut desk = Desk::new();
    let asked = json!({ "url": "https://x.io/kit", "events": ["subscriber.tag_added"], "name": "Frontdesk" });
    let (status, made) = desk.call("POST /v4/webhook_endpoints", asked);
    assert_eq!(status, 201);
    let made = &made["webhook_endpoint"];
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let (_, listed) = desk.get("/v4/webhook_endpoints?status=active");
    assert_eq!(listed["webhook_endpoints"][0]["url"], "https://x.io/kit");
    assert_eq!(listed["webhook_endpoints"][0].get("secret"), None, "it is shown once");
    let body = json!({ "events": ["subscriber.bounced"], "status": "disabled" });
    let (_, changed) = desk.call("PATCH /v4/webhook_endpoints/1", body);
    assert_eq!(changed["webhook_endpoint"]["events"], json!(["subscriber.bounced"]), "the list is replaced");
    let (status, rotated) = desk.call("POST /v4/webhook_endpoints/1/rotate_secret", json!({}));
    assert_eq!(status, 200);
    assert_ne!(rotated["webhook_endpoint"]["secret"], made["secret"]);
    let (status, _) = desk.call("POST /v4/webhook_endpoints/1/rotate_secret", json!({}));
    assert_eq!(status, 409, "the overlap is still open");
    let (status, _) = desk.call("POST /v4/webhook_endpoints/1/rotate_secret", json!({ "force": true }));
    assert_eq!(status, 200);
    assert_eq!(desk.call("DELETE /v4/webhook_endpoints/1", Value::Null).0, 204);
    assert_eq!(desk.get("/v4/webhook_endpoints/1").0, 404);
}

#[test]
fn what_cannot_be_subscribed_to_is_refused() {
    let mut desk = Desk::new();
    for (url, events) in [
        ("https://x.io/kit", json!([])),
        ("https://x.io/kit", json!(["subscriber.link_clicked"])),
        ("https://x.io/kit", json!(["subscriber.vanished"])),
        ("x.io/kit", json!(["subscriber.bounced"])),
    ] {
        let (status, answer) =
            desk.call("POST /v4/webhook_endpoints", json!({ "url": url, "events": events }));
        assert_eq!(status, 422, "{url} {events}: {answer}");
    }
    desk.switch("private_url", json!("422"));
    for url in ["http://127.0.0.1:8080/kit", "https://localhost/kit", "https://10.0.0.7/kit"] {
        let asked = json!({ "url": url, "events": ["subscriber.bounced"] });
        assert_eq!(desk.call("POST /v4/webhook_endpoints", asked).0, 422, "{url}");
    }
    desk.switch("webhook_endpoints_with_key", json!("401"));
    let asked = json!({ "url": "https://x.io/kit", "events": ["subscriber.bounced"] });
    assert_eq!(desk.call("POST /v4/webhook_endpoints", asked.clone()).0, 401);
    assert_eq!(desk.get("/v4/account").0, 200, "the key itself is good");
    let mut by_app = call("POST /v4/webhook_endpoints", asked);
    by_app.headers.remove("x-kit-api-key");
    let by_app = by_app.header("authorization", &format!("Bearer {}", crate::kit::OAUTH_TOKEN));
    assert_eq!(desk.raw(&by_app).1.status, 201);
    desk.switch("webhook_endpoints_with_key", json!("201"));
    assert_eq!(desk.get("/v4/webhook_endpoints/1").0, 404, "what an app made is the app's own");
    assert_eq!(desk.call("DELETE /v4/webhook_endpoints/1", Value::Null).0, 403);
}

#[test]
fn what_happens_comes_in_signed_batches_of_one_type_our_own_writes_too() {
    let mut desk = Desk::new();
    desk.listens();
    desk.switch("limit_per_minute", json!(1_000));
    for nth in 0..130 {
        let id = desk.create(&format!("p{nth}@x.io"));
        desk.call(&format!("POST /v4/tags/11/subscribers/{id}"), json!({}));
    }
    desk.control("untag", json!({ "email": "p3@x.io", "tag": "member" }));
    desk.control("unsubscribe", json!({ "email": "p4@x.io" }));
    let due = desk.due();
    let sizes: Vec<(String, usize)> = due.iter().map(|it| (kinds(it)[0].clone(), kinds(it).len())).collect();
    let expected = [
        ("subscriber.created", 100),
        ("subscriber.tag_added", 100),
        ("subscriber.created", 30),
        ("subscriber.tag_added", 30),
        ("subscriber.tag_removed", 1),
        ("subscriber.unsubscribed", 1),
    ];
    assert_eq!(sizes, expected.map(|(kind, size)| (kind.to_owned(), size)));
    for delivery in &due {
        assert!(is_signed(delivery, SECRET));
        assert!(kinds(delivery).iter().all(|kind| *kind == kinds(delivery)[0]), "one type each");
        assert_eq!(header(delivery, "x-kit-delivery"), body(delivery)["delivery_id"].to_string());
        desk.answered(delivery, 204, None);
    }
    let removed = body(&due[4])["events"][0].clone();
    assert_eq!(removed["data"]["tag"], json!({ "id": 11, "name": "member" }));
    assert_eq!(removed["data"]["subscriber"]["email_address"], "p3@x.io");
    assert_eq!(removed["created"], "2026-03-10T12:00:00Z");
    assert_eq!(body(&due[5])["events"][0]["data"]["subscriber"]["state"], "cancelled");
    assert!(desk.due().is_empty());
}

#[test]
fn a_delivery_is_tried_eight_times_over_two_days_with_a_fresh_signature() {
    let mut desk = Desk::new();
    desk.listens();
    desk.create("ada@x.io");
    let mut waits = Vec::new();
    let (mut first, began) = (None, desk.now);
    while let Some(next) = desk.kit.next_due() {
        waits.push(next.duration_since(desk.now).as_secs());
        desk.now = next;
        let due = desk.due();
        assert!(is_signed(&due[0], SECRET));
        assert!(header(&due[0], "x-kit-signature").starts_with(&format!("t={},", desk.now.as_second())));
        let sent = first.get_or_insert_with(|| due[0].clone());
        assert_eq!((sent.id, &sent.body), (due[0].id, &due[0].body), "the same delivery");
        desk.answered(&due[0], 500, None);
    }
    assert_eq!(waits, [0, 30, 120, 900, 3_600, 14_400, 43_200, 86_400]);
    assert_eq!(desk.now.duration_since(began).as_hours(), 41);
    assert_eq!(desk.state()["webhooks"]["deliveries"][0]["fate"], "failed");
}

#[test]
fn a_receiver_may_ask_for_time_or_for_no_more() {
    for (status, retry_after, wait) in [
        (503, Some(77), Some(77)),
        (429, Some(1_000_000), Some(86_400)),
        (500, Some(77), Some(30)),
        (410, None, None),
    ] {
        let mut desk = Desk::new();
        desk.listens();
        desk.create("ada@x.io");
        let due = desk.due();
        desk.answered(&due[0], status, retry_after);
        let next = desk.kit.next_due().map(|at| at.duration_since(desk.now).as_secs());
        assert_eq!(next, wait, "{status} {retry_after:?}");
    }
}

#[test]
fn both_secrets_sign_while_one_is_rotated() {
    let mut desk = Desk::new();
    desk.listens();
    let new = desk.control("rotate-secret", Value::Null)["secret"].as_str().unwrap().to_owned();
    desk.create("ada@x.io");
    let due = desk.due();
    assert!(is_signed(&due[0], SECRET) && is_signed(&due[0], &new));
    desk.wait(86_401);
    desk.create("eve@x.io");
    let due = desk.due();
    assert!(!is_signed(&due[0], SECRET) && is_signed(&due[0], &new));
}

#[test]
fn deliveries_go_astray_as_told() {
    for (manner, at_once, later) in [
        (json!("normal"), 1, 0),
        (json!("lost"), 0, 0),
        (json!("twice"), 2, 0),
        (json!({ "late": "60s" }), 0, 1),
    ] {
        let mut desk = Desk::new();
        desk.listens();
        desk.switch("webhook_delivery", manner.clone());
        desk.create("ada@x.io");
        assert_eq!(desk.due().len(), at_once, "{manner}");
        desk.wait(60);
        assert_eq!(desk.due().len(), later, "{manner}");
    }
}

#[test]
fn events_are_made_by_hand_and_sent_again() {
    let mut desk = Desk::new();
    desk.listens();
    let test = json!({ "type": "webhook_endpoint.test", "data": {}, "id": "e-1" });
    desk.control("event", test.clone());
    let due = desk.due();
    assert_eq!(body(&due[0])["events"][0]["id"], "e-1");
    desk.control("redeliver", json!({ "event": "e-1" }));
    let again = desk.due();
    assert_ne!(again[0].id, due[0].id, "in another delivery");
    assert_eq!(body(&again[0])["events"], body(&due[0])["events"]);
    for sign in ["wrong", "old", "none"] {
        let mut forged = test.clone();
        forged["sign"] = json!(sign);
        desk.control("event", forged);
        let due = desk.due();
        let is_believed = !header(&due[0], "x-kit-signature").is_empty() && is_signed(&due[0], SECRET);
        assert_eq!(is_believed, sign == "old", "{sign}");
    }
}
