//! Live pages: what a stream says, and when.

use crate::house::{HOST, House, JOURNEY, SECRET, SESSION, VISITOR, events};
use axum::body::{Body, BodyDataStream};
use axum::extract::ConnectInfo;
use frontdesk_core::catalogue::Policy;
use frontdesk_core::entitlement::CLOCK_SLACK;
use frontdesk_core::stage::Stage;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use std::net::SocketAddr;
use std::time::Duration;
use tokio_stream::StreamExt;
use tower::ServiceExt;

/// A subscription that was cancelled to the end of its month.
const CANCELLED: &str = "2025-09-30.clover/cancel-at-period-end";

/// When that month ended.
const MONTH_ENDED: i64 = 1_763_388_002;

async fn open(house: &House, path: &str, cookie: &str) -> (StatusCode, BodyDataStream) {
    open_from(house, VISITOR, path, cookie).await
}

async fn open_from(house: &House, peer: &str, path: &str, cookie: &str) -> (StatusCode, BodyDataStream) {
    let mut request =
        Request::get(path).header("host", HOST).header("cookie", cookie).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    let response = house.web.router().oneshot(request).await.unwrap();
    (response.status(), response.into_body().into_data_stream())
}

/// The next event: its name and its data.
#[expect(clippy::disallowed_methods, reason = "ends a test that hangs; no test waits for it")]
async fn next(stream: &mut BodyDataStream) -> Option<(String, String)> {
    let frame =
        tokio::time::timeout(Duration::from_secs(20), stream.next()).await.expect("an event comes")?.unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let named = |line: &str, name: &str| line.strip_prefix(name).map(|rest| rest.trim_start().to_owned());
    let event = text.lines().find_map(|line| named(line, "event:")).unwrap();
    let data: Vec<_> = text.lines().filter_map(|line| named(line, "data:")).collect();
    Some((event, data.join("\n")))
}

async fn names(stream: &mut BodyDataStream, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(next(stream).await.unwrap().0);
    }
    names
}

#[tokio::test]
async fn a_stream_shows_a_change_as_it_happens_and_beats_in_between() {
    let house = House::new().await;
    let (status, mut stream) = open(&house, &format!("/welcome/live?session_id={SESSION}"), "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(names(&mut stream, 2).await, ["icons", "answer"]);
    assert_eq!(next(&mut stream).await.unwrap().0, "steps");
    for body in events(JOURNEY) {
        house.deliver(&body).await;
    }
    house.engine.apply_due().await.unwrap();
    // A checkout that is not known is looked for every two seconds.
    house.ports.pass(Duration::from_secs(2));
    assert_eq!(next(&mut stream).await.unwrap().0, "icons");
    let (name, answer) = next(&mut stream).await.unwrap();
    assert_eq!(name, "answer");
    assert!(answer.contains("data-stage=\"active\""), "{answer}");
    assert_eq!(next(&mut stream).await.unwrap().0, "steps");
    house.ports.pass(Duration::from_secs(15));
    assert_eq!(next(&mut stream).await.unwrap(), ("looked".to_owned(), ".".to_owned()));
}

#[tokio::test]
async fn a_status_stream_needs_the_cookie_and_ends_with_the_link() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    assert_eq!(open(&house, "/status/live", "").await.0, StatusCode::NOT_FOUND);
    let link = house.link(&customer).await;
    let cookie = house.get(&link).await.header("set-cookie").split(';').next().unwrap().to_owned();
    let (status, mut stream) = open(&house, "/status/live", &cookie).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(names(&mut stream, 4).await, ["icons", "answer", "steps", "have"]);
    house.ports.pass(Duration::from_hours(7 * 24));
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_page_that_changed_by_the_clock_alone_says_so() {
    // A day before the clock alone ends it: that is long after the month, because word of a renewal may be late.
    let ends_at = Timestamp::from_second(MONTH_ENDED).unwrap() + Policy::default().grace + CLOCK_SLACK;
    let house = House::with(ends_at - SignedDuration::from_hours(24), &[SECRET], |_| {}).await;
    // All but the last event, which tells the end.
    let mut told = events(CANCELLED);
    told.pop();
    for body in told {
        house.deliver(&body).await;
    }
    house.engine.apply_due().await.unwrap();
    let customer = house.engine.store().customers(None, None, 1).await.unwrap().remove(0).id;
    let stage = || async { house.engine.view(&customer).await.unwrap().unwrap().headline().unwrap().stage };
    assert_eq!(stage().await, Stage::Ending);
    let link = house.link(&customer).await;
    let cookie = house.get(&link).await.header("set-cookie").split(';').next().unwrap().to_owned();
    let (_, mut stream) = open(&house, "/status/live", &cookie).await;
    names(&mut stream, 4).await;
    house.ports.pass(Duration::from_hours(24));
    assert_eq!(names(&mut stream, 1).await, ["icons"]);
    let (_, answer) = next(&mut stream).await.unwrap();
    assert_eq!(stage().await, Stage::Ended);
    assert!(answer.contains("data-stage=\"ended\""), "{answer}");
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let house = House::new().await;
    let (_, mut stream) = open(&house, "/welcome/live?session_id=cs_1", "").await;
    names(&mut stream, 3).await;
    house.web.stop();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn one_network_cannot_take_every_seat() {
    let house = House::new().await;
    let mut held = Vec::new();
    for _ in 0..32 {
        let (status, stream) = open(&house, "/welcome/live?session_id=cs_1", "").await;
        assert_eq!(status, StatusCode::OK);
        held.push(stream);
        // As fast as the limit of page views allows.
        house.ports.pass(Duration::from_millis(200));
    }
    assert_eq!(open(&house, "/welcome/live?session_id=cs_1", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
    let (status, _) = open_from(&house, "198.51.100.4:1", "/welcome/live?session_id=cs_1", "").await;
    assert_eq!(status, StatusCode::OK, "others are not held up");
}

#[tokio::test]
async fn a_stream_ends_after_half_an_hour_and_the_browser_asks_again() {
    let house = House::new().await;
    let (_, mut stream) = open(&house, "/welcome/live?session_id=cs_1", "").await;
    names(&mut stream, 3).await;
    house.ports.pass(Duration::from_mins(30));
    let mut left = 0;
    while next(&mut stream).await.is_some() {
        left += 1;
        assert!(left < 3, "it goes on");
    }
}
