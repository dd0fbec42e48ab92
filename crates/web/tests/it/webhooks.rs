//! What the source sends, and what it is answered.

use crate::house::{House, JOURNEY, VISITOR, events, post, signature, signed};
use axum::body::Body;
use base64::Engine as _;
use bytes::Bytes;
use frontdesk_store::EntryFilter;
use http::{Request, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::channel;
use tokio_stream::wrappers::ReceiverStream;

#[tokio::test]
async fn every_recorded_signature_has_its_answer() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/signatures.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(fixtures).unwrap()).unwrap();
    let vectors: Vec<&Value> =
        vectors.as_array().unwrap().iter().filter(|vector| vector["provider"] == "stripe").collect();
    assert_eq!(vectors.len(), 38);
    for vector in vectors {
        let (expect, problem) = match vector["reason"].as_str().unwrap() {
            "ok" => (StatusCode::OK, None),
            "empty_body" | "bad_body" | "thin_event" => (StatusCode::BAD_REQUEST, Some("no-event")),
            _ => (StatusCode::UNAUTHORIZED, Some("signature")),
        };
        let secrets: Vec<&str> =
            vector["secrets"].as_array().unwrap().iter().map(|secret| secret.as_str().unwrap()).collect();
        let now = Timestamp::from_second(vector["now"].as_i64().unwrap()).unwrap();
        let house = House::with(now, &secrets, |_| {}).await;
        let body = match vector["body_base64"].as_str() {
            Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
            None => vector["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        let mut request = post();
        for (name, value) in vector["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        let told = house.ask(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(told.status, expect, "{}: {}", vector["id"], told.text());
        match problem {
            None => assert_eq!(told.json()["received"], true, "{}", vector["id"]),
            Some(problem) => {
                assert_eq!(told.header("content-type"), "application/problem+json");
                assert!(
                    told.json()["type"].as_str().unwrap().ends_with(&format!("/problems/{problem}")),
                    "{}",
                    vector["id"]
                );
            }
        }
        let rows = house.engine.store().balance().await.unwrap().rows;
        // One is the catalogue. What is not believed leaves no row.
        assert_eq!(rows, if expect == StatusCode::UNAUTHORIZED { 1 } else { 2 }, "{}", vector["id"]);
    }
}

#[tokio::test]
async fn a_forged_event_is_refused_cleanly() {
    let house = House::new().await;
    let forged = r#"{"event":"checkout.completed","user_id":"123"}"#;
    let request = post().header("x-signature", "test").body(Body::from(forged)).unwrap();
    let told = house.ask(request).await;
    assert_eq!(told.status, StatusCode::UNAUTHORIZED);
    let problem = told.json();
    assert_eq!(problem["status"], 401);
    assert_eq!(problem["title"], "The signature is not accepted");
    assert_eq!(problem["instance"], told.header("x-request-id"));
    assert!(told.header("x-request-id").starts_with("fdr_"), "{told:?}");
    assert_eq!(told.header("www-authenticate"), "Signature realm=\"webhooks\"");
    assert!(!told.text().contains("user_id") && !told.text().contains("whsec_"), "{}", told.text());
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 1);
}

#[tokio::test]
async fn every_refusal_reads_the_same() {
    let house = House::new().await;
    let body = &events(JOURNEY)[0];
    let now = house.ports.now_second();
    let mut answers = Vec::new();
    for header in
        [None, Some("hello".to_owned()), Some(signature(body, now - 301)), Some(signature(b"else", now))]
    {
        let mut request = post();
        if let Some(header) = header {
            request = request.header("stripe-signature", header);
        }
        let told = house.ask(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(told.status, StatusCode::UNAUTHORIZED);
        let mut problem = told.json();
        problem["instance"] = Value::Null;
        answers.push(problem);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn two_signature_headers_with_two_times_contradict() {
    let house = House::new().await;
    let body = &events(JOURNEY)[0];
    let now = house.ports.now_second();
    for (one, two, expect) in [(now, now - 1, StatusCode::UNAUTHORIZED), (now, now, StatusCode::OK)] {
        let request = post()
            .header("stripe-signature", signature(body, one))
            .header("stripe-signature", signature(body, two));
        let told = house.ask(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(told.status, expect, "{}", told.text());
    }
}

#[tokio::test]
async fn a_second_delivery_is_told_apart_and_changes_nothing() {
    let house = House::new().await;
    let body = &events(JOURNEY)[0];
    let first = house.deliver(body).await.json();
    let second = house.deliver(body).await.json();
    assert_eq!((&first["duplicate"], &first["standing"]), (&false.into(), &"new".into()));
    assert_eq!((&second["duplicate"], &second["standing"]), (&true.into(), &"duplicate".into()));
    assert_eq!(first["entry"], second["entry"]);
    assert_ne!(first["request_id"], second["request_id"]);
}

#[tokio::test]
async fn fifty_identical_deliveries_at_once_are_one_entry() {
    let house = Arc::new(House::new().await);
    let body = Arc::new(events(JOURNEY).remove(0));
    let mut deliveries = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (house, body) = (Arc::clone(&house), Arc::clone(&body));
        deliveries.spawn(async move { house.deliver(&body).await.json() });
    }
    let answers = deliveries.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer["duplicate"] == false).count(), 1);
    let entries = house.engine.store().journal_list(&EntryFilter::default(), None, 10).await.unwrap();
    let events: Vec<_> = entries.iter().filter(|entry| entry.event_type == "customer.created").collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].deliveries, 50);
    assert!(answers.iter().all(|answer| answer["entry"] == events[0].id.as_str()));
}

#[tokio::test]
async fn a_thin_notification_is_answered_with_advice() {
    let house = House::new().await;
    let thin = br#"{"id":"evt_1","object":"v2.core.event","type":"v1.customer.created","created":"2025-10-14T16:00:00Z","livemode":true}"#;
    let told = house.deliver(thin).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert!(told.json()["detail"].as_str().unwrap().contains("payload style `Snapshot`"), "{}", told.text());
}

#[tokio::test]
async fn a_type_that_is_not_handled_is_taken_without_effect() {
    let house = House::new().await;
    let probe = br#"{"id":"evt_probe","object":"event","type":"frontdesk.probe","created":1760457600,"livemode":true,"data":{"object":{"id":"probe_1","object":"probe"}}}"#;
    let told = house.deliver(probe).await;
    assert_eq!((told.status, &told.json()["standing"]), (StatusCode::OK, &"no_effect".into()));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    const LIMIT: usize = 1024 * 1024;
    let house = House::new().await;
    for (length, announced, expect) in [
        (LIMIT, true, StatusCode::BAD_REQUEST),
        (LIMIT + 1, true, StatusCode::PAYLOAD_TOO_LARGE),
        (LIMIT, false, StatusCode::BAD_REQUEST),
        (LIMIT + 1, false, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = vec![b' '; length];
        let (mut head, whole) = signed(&body, house.ports.now_second()).into_parts();
        if announced {
            head.headers.insert("content-length", length.into());
        }
        let told = house.ask(Request::from_parts(head, whole)).await;
        assert_eq!(told.status, expect, "{length} {announced}: {}", told.text());
    }
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 2);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_on() {
    let house = House::new().await;
    let (chunks, body) = channel::<Result<Bytes, Infallible>>(1);
    let request = post().body(Body::from_stream(ReceiverStream::new(body))).unwrap();
    let asked = house.ask(request);
    let sent = async move {
        let mut sent = 0;
        while chunks.send(Ok(Bytes::from(vec![b' '; 64 * 1024]))).await.is_ok() {
            sent += 64;
        }
        sent
    };
    let (told, sent_kib) = tokio::join!(asked, sent);
    assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(sent_kib < 1024 + 3 * 64, "{sent_kib} KiB were taken");
}

#[tokio::test]
async fn a_body_that_dribbles_is_given_up() {
    let house = House::new().await;
    // 3 KiB earn three seconds beside the first two, and 20 KiB no more than ten in all.
    for (kib, patience) in [(0, 2), (3, 5), (20, 10)] {
        let (chunks, body) = channel::<Result<Bytes, Infallible>>(1);
        let request = post().body(Body::from_stream(ReceiverStream::new(body))).unwrap();
        let mut asked = Box::pin(house.ask(request));
        chunks.send(Ok(Bytes::from(vec![b' '; kib * 1024]))).await.unwrap();
        assert!(is_pending(&mut asked).await, "{kib} KiB: given up at once");
        for second in 1..patience {
            house.ports.pass(Duration::from_secs(1));
            assert!(is_pending(&mut asked).await, "{kib} KiB: given up after {second} s");
        }
        house.ports.pass(Duration::from_secs(1));
        assert_eq!(asked.await.status, StatusCode::REQUEST_TIMEOUT, "{kib} KiB");
    }
}

/// Whether a request is still under way once everything that could go on has gone on.
async fn is_pending<F: Future + Unpin>(asked: &mut F) -> bool {
    for _ in 0..16 {
        tokio::select! {
            biased;
            _ = &mut *asked => return false,
            () = tokio::task::yield_now() => {}
        }
    }
    true
}

#[tokio::test]
async fn an_encoded_body_is_refused() {
    let house = House::new().await;
    let body = &events(JOURNEY)[0];
    for (encoding, expect) in [
        ("gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("br", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("identity", StatusCode::OK),
    ] {
        let mut request = signed(body, house.ports.now_second());
        request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
        assert_eq!(house.ask(request).await.status, expect, "{encoding}");
    }
}

#[tokio::test]
async fn bad_signatures_are_limited_by_network_and_good_ones_never() {
    let house = House::new().await;
    let body = &events(JOURNEY)[0];
    let bad = || post().body(Body::from("{}")).unwrap();
    for _ in 0..60 {
        assert_eq!(house.ask(bad()).await.status, StatusCode::UNAUTHORIZED);
    }
    let over = house.ask(bad()).await;
    assert_eq!(over.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(over.header("retry-after"), "1");
    assert_eq!(house.ask_from("198.51.100.1:1", bad()).await.status, StatusCode::UNAUTHORIZED);
    for _ in 0..100 {
        assert_eq!(house.deliver(body).await.status, StatusCode::OK, "from {VISITOR}");
    }
    house.ports.pass(Duration::from_secs(1));
    assert_eq!(house.ask(bad()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.ask(bad()).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn other_paths_and_methods_are_problems() {
    let house = House::new().await;
    for (method, path, expect, allow) in [
        ("GET", "/api/webhooks/payment", StatusCode::METHOD_NOT_ALLOWED, "POST"),
        ("PUT", "/api/webhooks/payment", StatusCode::METHOD_NOT_ALLOWED, "POST"),
        ("OPTIONS", "/api/webhooks/payment", StatusCode::METHOD_NOT_ALLOWED, "POST"),
        ("POST", "/webhooks/stripe", StatusCode::NOT_FOUND, ""),
        ("POST", "/webhooks/else", StatusCode::NOT_FOUND, ""),
        ("GET", "/webhooks/else", StatusCode::NOT_FOUND, ""),
    ] {
        let request =
            Request::builder().method(method).uri(path).header("accept", "text/html").body(Body::empty());
        let told = house.ask(request.unwrap()).await;
        assert_eq!(told.status, expect, "{method} {path}");
        assert_eq!(told.header("allow"), allow, "{method} {path}");
        assert_eq!(told.header("content-type"), "application/problem+json", "{method} {path}");
        assert_eq!(told.json()["status"], expect.as_u16(), "{method} {path}");
    }
}
