//! Live pages: what a stream says, and when.

use crate::house::{HOST, House, JOURNEY, SESSION, VISITOR, events};
use axum::body::{Body, BodyDataStream};
use axum::extract::ConnectInfo;
use http::{Request, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;
use tokio_stream::StreamExt;
use tower::ServiceExt;

async fn open(house: &House, path: &str, cookie: &str) -> (StatusCode, BodyDataStream) {
    let mut request =
        Request::get(path).header("host", HOST).header("cookie", cookie).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(VISITOR.parse::<SocketAddr>().unwrap()));
    let response = house.web.router().oneshot(request).await.unwrap();
    (response.status(), response.into_body().into_data_stream())
}

/// The next event: its name and its data.
async fn next(stream: &mut BodyDataStream) -> Option<(String, String)> {
    let frame = stream.next().await?.unwrap();
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
    house.ports.pass(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_page_that_changed_by_the_clock_alone_says_so() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let view = house.engine.view(&customer).await.unwrap().unwrap();
    let change_at = view.next_change_at().expect("a subscription ends if it is not renewed");
    let link = house.link(&customer).await;
    let left = change_at.duration_since(frontdesk_engine::Ports::now_wall(&house.ports));
    // Until the change is less than a link's life away.
    assert!(left.as_secs() > 7 * 24 * 3600, "{left}");
    house.ports.pass(Duration::try_from(left).unwrap().checked_sub(Duration::from_secs(5)).unwrap());
    assert_eq!(house.get(&link).await.status, StatusCode::NOT_FOUND);
    let link = house.link(&customer).await;
    let cookie = house.get(&link).await.header("set-cookie").split(';').next().unwrap().to_owned();
    let (_, mut stream) = open(&house, "/status/live", &cookie).await;
    names(&mut stream, 4).await;
    house.ports.pass(Duration::from_secs(6));
    let (name, _) = next(&mut stream).await.unwrap();
    let (_, answer) = next(&mut stream).await.unwrap();
    assert_eq!(name, "icons");
    let now_shown = house.engine.view(&customer).await.unwrap().unwrap().headline().unwrap().stage;
    assert_ne!(Some(now_shown), view.headline().map(|of| of.stage));
    assert!(answer.contains(&format!("data-stage=\"{now_shown}\"")), "{answer}");
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let house = House::new().await;
    let (_, mut stream) = open(&house, "/welcome/live?session_id=cs_1", "").await;
    names(&mut stream, 3).await;
    house.web.stop();
    assert_eq!(next(&mut stream).await, None);
}
