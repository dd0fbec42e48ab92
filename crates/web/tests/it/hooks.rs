//! What targets say by themselves, and what they are answered.

use crate::house::{House, SECRET, Told, signature};
use axum::body::Body;
use frontdesk_core::budget::Limits;
use frontdesk_core::target::Target;
use frontdesk_engine::settings::{Connection, Mode, TargetSettings};
use frontdesk_providers::call::Base;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::{circle, kit};
use http::{Method, Request, StatusCode};
use jiff::SignedDuration;

const HOOK_SECRET: &str = "a-secret-nobody-can-guess";

/// A house that listens to both targets.
async fn listening() -> House {
    let house = House::new().await;
    let mut settings = (*house.engine.settings()).clone();
    let secret = |value: &str| Secret::new("hook#0000", value.to_owned());
    let target = |connection, hook: &str| TargetSettings {
        mode: Mode::Shadow,
        connection,
        limits: Limits { calls: 25, window: SignedDuration::from_secs(1), monthly: None },
        hook_secrets: vec![secret(hook)],
        sweep_every: None,
    };
    let kit = kit::Account {
        base: Base::parse("http://127.0.0.1:9").unwrap(),
        credential: kit::Credential::ApiKey(secret("key")),
    };
    let circle = circle::Account {
        base: Base::parse("http://127.0.0.1:9").unwrap(),
        token: secret("token"),
        scheme: circle::Scheme::Token,
    };
    settings.targets.insert(Target::Kit, target(Connection::Kit(kit), SECRET));
    settings.targets.insert(Target::Circle, target(Connection::Circle(circle), HOOK_SECRET));
    let catalogue = (*house.engine.catalogue()).clone();
    house.engine.exchange(settings, catalogue);
    house
}

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "203.0.113.1")
}

async fn kit(house: &House, body: &str, signature: Option<String>) -> Told {
    let mut request = request(Method::POST, "/webhooks/kit").header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("x-kit-signature", signature);
    }
    house.ask(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_signed_batch_is_durable_event_by_event_before_it_is_answered() {
    let house = listening().await;
    let event = |id: &str| {
        format!(
            r#"{{"id":"{id}","type":"subscriber.tag_added","created":"2026-07-29T14:32:10Z","data":{{"subscriber":{{"id":1}},"tag":{{"name":"member"}}}}}}"#
        )
    };
    let body = format!(r#"{{"delivery_id":1,"events":[{},{}]}}"#, event("e-1"), event("e-2"));
    let signed = |body: &str| Some(signature(body.as_bytes(), house.ports.now_second()));
    let told = kit(&house, &body, signed(&body)).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    assert_eq!(told.json()["events"]["new"], 2);
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 3, "the catalogue and two events");
    let again = kit(&house, &body, signed(&body)).await;
    assert_eq!(again.json()["events"]["duplicate"], 2);
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 3);
}

#[tokio::test]
async fn what_is_not_signed_by_kit_is_refused_and_not_kept() {
    let house = listening().await;
    let now = house.ports.now_second();
    for header in
        [None, Some("t=1".to_owned()), Some(signature(b"{}", now - 301)), Some(signature(b"else", now))]
    {
        let told = kit(&house, "{}", header.clone()).await;
        assert_eq!(told.status, StatusCode::UNAUTHORIZED, "{header:?}");
        assert!(told.json()["type"].as_str().unwrap().ends_with("/problems/signature"));
    }
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 1);
    for (body, expect) in [("", 400), ("{}", 400), ("[1]", 400), (r#"{"events":[]}"#, 200)] {
        let told = kit(&house, body, Some(signature(body.as_bytes(), now))).await;
        assert_eq!(told.status.as_u16(), expect, "{body}: {}", told.text());
    }
    let large = " ".repeat(1024 * 1024 + 1);
    assert_eq!(kit(&house, &large, None).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(house.get("/webhooks/kit").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_workflow_of_circle_brings_its_secret_in_the_path_or_in_a_header() {
    let house = listening().await;
    let call = r#"{"type":"access_groups_added","data":{"community_member_id":7,"access_group_id":4012}}"#;
    let path = format!("/webhooks/circle/{HOOK_SECRET}");
    for (method, path, header, body, expect) in [
        (Method::HEAD, path.as_str(), None, "", 200),
        (Method::POST, path.as_str(), None, "", 200),
        (Method::POST, path.as_str(), None, "null", 200),
        (Method::POST, path.as_str(), None, call, 200),
        (Method::POST, "/webhooks/circle", Some(HOOK_SECRET), call, 200),
        (Method::POST, "/webhooks/circle", Some("a-secret-somebody-guesses"), call, 401),
        (Method::POST, "/webhooks/circle", None, call, 401),
        (Method::POST, "/webhooks/circle/wrong", None, call, 401),
        (Method::HEAD, "/webhooks/circle/wrong", None, "", 401),
        (Method::POST, path.as_str(), None, "{", 400),
    ] {
        let mut asked = request(method.clone(), path);
        if let Some(header) = header {
            asked = asked.header("frontdesk-hook-secret", header);
        }
        let told = house.ask(asked.body(Body::from(body)).unwrap()).await;
        assert_eq!(told.status.as_u16(), expect, "{method} {path} {header:?} {body}");
        assert!(!String::from_utf8_lossy(&told.body).contains(HOOK_SECRET));
    }
    // The catalogue, the call once within a minute, and the copy of what is no JSON.
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 3);
}

#[tokio::test]
async fn without_a_secret_there_is_nothing_here() {
    let house = House::new().await;
    for path in ["/webhooks/kit", "/webhooks/circle", "/webhooks/circle/anything"] {
        let told = house.ask(request(Method::POST, path).body(Body::from("{}")).unwrap()).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{path}");
    }
}
