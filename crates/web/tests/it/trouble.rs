//! When something of ours fails: what is answered, and what is logged.

use crate::house::{ADDRESS, House, JOURNEY, Told, events, get, post, signed};
use crate::log;
use axum::body::Body;
use bytes::Bytes;
use frontdesk_core::email::Email;
use frontdesk_core::sync::{State, Sync};
use frontdesk_core::target::{Holder, Membership, Standing, Target};
use frontdesk_store::Commit;
use http::StatusCode;
use rusqlite::Connection;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::channel;
use tokio_stream::wrappers::ReceiverStream;

/// Another hand at the database.
fn meddle(house: &House) -> Connection {
    Connection::open(house.folder.join("frontdesk.db")).unwrap()
}

fn assert_tells_nothing(told: &Told) {
    let text = told.text().to_lowercase();
    for inner in ["sqlite", "no such table", "select", "insert", "journal", "panicked", "planted", "src/"] {
        assert!(!text.contains(inner), "the answer tells {inner:?}: {text}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_kept_is_asked_for_again() {
    let house = House::new().await;
    meddle(&house).execute_batch("ALTER TABLE journal RENAME TO gone").unwrap();
    let told = house.deliver(&events(JOURNEY)[0]).await;
    assert_eq!((told.status, told.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert_eq!(told.header("content-type"), "application/problem+json");
    assert_eq!(told.json()["instance"], told.header("x-request-id"));
    assert!(told.text().contains("Nothing was stored"), "{}", told.text());
}

#[tokio::test]
async fn a_store_that_takes_no_write_is_not_ready_and_still_alive() {
    let house = House::new().await;
    meddle(&house).execute_batch("ALTER TABLE meta RENAME TO gone").unwrap();
    let told = house.get("/readyz").await;
    assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told.json()["status"], "not_ready");
    assert_eq!(told.json()["reasons"], serde_json::json!([{ "kind": "store_not_writable" }]));
    assert_eq!(house.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_that_cannot_be_looked_up_says_so_and_names_the_request() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    meddle(&house).execute_batch("ALTER TABLE status_link RENAME TO gone").unwrap();
    let told = house.get(&link).await;
    assert_eq!((told.status, told.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "10"));
    assert!(told.header("content-type").starts_with("text/html"));
    assert!(told.text().contains(told.header("x-request-id")), "{}", told.text());
    assert_tells_nothing(&told);
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    let house = House::new().await;
    let (_open, body) = channel::<Result<Bytes, Infallible>>(1);
    let request = post().body(Body::from_stream(ReceiverStream::new(body))).unwrap();
    house.ports.waiting_panics.store(true, Ordering::Relaxed);
    let told = house.ask(request).await;
    house.ports.waiting_panics.store(false, Ordering::Relaxed);
    assert_eq!(told.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(told.json()["instance"], told.header("x-request-id"));
    assert_eq!(told.header("x-content-type-options"), "nosniff");
    assert_tells_nothing(&told);
    let readiness = house.get("/readyz").await;
    assert_eq!(readiness.json()["reasons"], serde_json::json!([{ "kind": "panics", "count": 1 }]));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up_after_fifteen_seconds() {
    let house = House::new().await;
    let other = meddle(&house);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = &events(JOURNEY)[0];
    let mut asked = Box::pin(house.ask(signed(body, house.ports.now_second())));
    for seconds in [0, 14] {
        house.ports.pass(Duration::from_secs(seconds));
        for _ in 0..16 {
            tokio::select! {
                biased;
                told = &mut asked => panic!("answered after {seconds} s: {told:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    house.ports.pass(Duration::from_secs(1));
    let told = asked.await;
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!((told.status, told.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    // The sender comes back, and it is one event whatever became of the first try.
    assert_eq!(house.deliver(body).await.status, StatusCode::OK);
    assert_eq!(house.engine.store().balance().await.unwrap().rows, 2);
}

#[tokio::test]
async fn a_refused_webhook_is_one_line_without_its_content() {
    let house = House::new().await;
    log::taken();
    let request = post().header("stripe-signature", "t=1,v1=deadbeef").header("x-api-key", "sk_live_secret");
    let told = house.ask(request.body(Body::from(r#"{"email":"ada@example.org"}"#)).unwrap()).await;
    let written = log::taken();
    let id = told.header("x-request-id");
    let is_ours = |line: &&str| line.contains(id) && !line.contains("\"level\":\"DEBUG\"");
    let ours: Vec<&str> = written.lines().filter(is_ours).collect();
    assert_eq!(ours.len(), 1, "{written}");
    let line: serde_json::Value = serde_json::from_str(ours[0]).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["fields"]["reason"], "bad_signature");
    assert_eq!(line["span"]["route"], "/api/webhooks/payment");
    assert_eq!(line["span"]["address"], "203.0.113.0/24");
    for private in ["deadbeef", "sk_live", "ada@", "203.0.113.9"] {
        assert!(!written.contains(private), "the log holds {private:?}: {written}");
    }
}

#[tokio::test]
async fn a_token_and_a_session_are_in_no_line_of_the_log() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    log::taken();
    house.get(&link).await;
    house.get("/welcome?session_id=cs_live_secret").await;
    house
        .ask(get("/status").header("cookie", "__Host-fd_status=fds_secret").body(Body::empty()).unwrap())
        .await;
    let written = log::taken();
    assert!(written.contains("\"route\":\"/status/{token}\""), "{written}");
    for private in ["fds_", "cs_live"] {
        assert!(!written.contains(private), "the log holds {private:?}: {written}");
    }
}

#[tokio::test]
async fn a_page_is_shown_although_the_look_at_it_cannot_be_noted() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let now = frontdesk_engine::Ports::now_wall(&house.ports);
    // An invitation that was last seen long ago: a look at the page asks for a new look at Circle.
    let mut row = Sync::new(customer.clone(), Target::Circle, now);
    row.state = State::Applied;
    let invited = Membership::Member {
        id: 7,
        address: Email::parse(ADDRESS).unwrap(),
        standing: Standing::Invited,
        seen_at: now - jiff::SignedDuration::from_hours(1),
    };
    row.observed.people.entry(Holder::Customer).or_default().membership = invited;
    let written = Commit { expect: Vec::new(), writes: vec![frontdesk_store::Write::Sync(row)] };
    house.engine.store().commit(written).await.unwrap();
    let link = house.link(&customer).await;
    let cookie = house.get(&link).await.header("set-cookie").split(';').next().unwrap().to_owned();
    let refuse = |when: &str| {
        format!("CREATE TRIGGER full_{when} BEFORE {when} ON sync BEGIN SELECT RAISE(ABORT, 'no'); END;")
    };
    meddle(&house).execute_batch(&["INSERT", "UPDATE"].map(refuse).concat()).unwrap();
    assert!(house.engine.is_looked_at(&customer).await.is_err(), "the note is refused");
    let told = house.ask(get("/status").header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
}

#[tokio::test]
async fn monitors_that_wait_for_one_look_get_its_answer() {
    let house = House::new().await;
    let other = meddle(&house);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = async {
        let told = house.get("/readyz").await;
        // The store is free again, which the next look would see.
        drop(other);
        told
    };
    // Polled after the two who ask: the first waits for the store by now, the second for the first.
    let time = async { house.ports.pass(Duration::from_secs(5)) };
    let (first, second, ()) = tokio::join!(first, house.get("/readyz"), time);
    assert_eq!(first.json()["reasons"], serde_json::json!([{ "kind": "store_not_writable" }]));
    assert_eq!(second.body, first.body);
}
