//! The success page of a checkout, and its weak key.

use crate::house::{ADDRESS, HOST, House, JOURNEY, SESSION};
use http::StatusCode;
use std::time::Duration;

fn stage(page: &str) -> &str {
    let (_, rest) = page.split_once("data-stage=\"").expect("a page has a stage");
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn the_page_goes_from_processing_to_what_was_bought() {
    let house = House::new().await;
    let before = house.get(&format!("/welcome?session_id={SESSION}")).await;
    assert_eq!((before.status, stage(before.text())), (StatusCode::OK, "payment_processing"));
    house.live_through(JOURNEY).await;
    let after = house.get(&format!("/welcome?session_id={SESSION}")).await;
    assert_eq!((after.status, stage(after.text())), (StatusCode::OK, "active"));
    assert!(after.text().contains("t•••@e•••.com"), "{}", after.text());
}

#[tokio::test]
async fn no_full_address_no_plan_and_no_token_is_shown() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    house.link(&customer).await;
    let page = house.get(&format!("/welcome?session_id={SESSION}")).await;
    for secret in [ADDRESS, "tomas", "Novak", "novak", "Pro<", "fds_", customer.as_str(), "cus_", "sub_"] {
        assert!(!page.text().contains(secret), "the page holds {secret:?}");
    }
    assert_eq!(page.header("set-cookie"), "");
}

#[tokio::test]
async fn any_key_that_opens_nothing_gets_the_same_page() {
    let house = House::new().await;
    house.live_through(JOURNEY).await;
    house.ports.pass(Duration::from_secs(24 * 3600 + 1));
    let long = format!("cs_{}", "a".repeat(250));
    let keys = [
        ("old", SESSION),
        ("foreign", "cs_live_somebodyElses"),
        ("guessed", "cs_test_1"),
        ("longest", long.as_str()),
        ("malformed", "hello"),
        ("of another object", "sub_1QKlJC74yLTHbdFd8kR2vT0n"),
        ("a path", "..%2f..%2fetc"),
    ];
    let mut pages: Vec<String> = Vec::new();
    for (what, key) in keys {
        let told = house.get(&format!("/welcome?session_id={key}")).await;
        assert_eq!(told.status, StatusCode::OK, "{what}");
        // The page's own links lead back to it; but for them it is the same.
        let echoed = key.replace("..%2f..%2fetc", "%2E%2E%2F%2E%2E%2Fetc");
        pages.push(told.text().replace(&format!("session_id={echoed}"), "session_id="));
    }
    for odd in ["/welcome", "/welcome?session_id=", "/welcome?session_id=cs_1&session_id=cs_2"] {
        pages.push(house.get(odd).await.text().to_owned());
    }
    pages.push(house.get(&format!("/welcome?session_id=cs_{}", "a".repeat(1000))).await.text().to_owned());
    assert!(pages[0].contains("data-stage=\"payment_processing\""));
    for page in &pages {
        assert_eq!(*page, pages[0]);
    }
}

#[tokio::test]
async fn a_key_opens_for_a_day() {
    let house = House::new().await;
    house.live_through(JOURNEY).await;
    // The clock stands a second after the checkout.
    for (seconds, expect) in [(24 * 3600 - 1, "active"), (1, "payment_processing")] {
        house.ports.pass(Duration::from_secs(seconds));
        let told = house.get(&format!("/welcome?session_id={SESSION}")).await;
        assert_eq!(stage(told.text()), expect);
    }
}

#[tokio::test]
async fn what_is_in_the_key_is_not_written_into_the_page() {
    let house = House::new().await;
    let told = house.get("/welcome?session_id=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert_eq!(told.status, StatusCode::OK);
    assert!(!told.text().contains("alert(1)"), "{}", told.text());
    assert!(!told.text().contains("<script>"), "{}", told.text());
}

#[tokio::test]
async fn the_language_is_the_one_asked_for_else_the_browsers() {
    let house = House::new().await;
    for (path, accepted, expect) in [
        ("/welcome?session_id=cs_1", "", "en"),
        ("/welcome?session_id=cs_1", "de-AT,de;q=0.9", "de"),
        ("/welcome?session_id=cs_1&lang=fr", "de", "fr"),
        ("/welcome?lang=xx&session_id=cs_1", "es", "es"),
    ] {
        let request = crate::house::get(path).header("accept-language", accepted);
        let told = house.ask(request.body(axum::body::Body::empty()).unwrap()).await;
        assert!(told.text().contains(&format!("<html lang=\"{expect}\">")), "{path} {accepted}");
    }
}

#[tokio::test]
async fn pages_are_limited_by_network() {
    let house = House::new().await;
    for _ in 0..30 {
        assert_eq!(house.get("/welcome").await.status, StatusCode::OK);
    }
    let over = house.get("/welcome").await;
    assert_eq!(over.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(over.header("retry-after"), "1");
    assert!(over.header("content-type").starts_with("text/html"), "a person asked: {over:?}");
    let elsewhere = crate::house::get("/welcome").body(axum::body::Body::empty()).unwrap();
    assert_eq!(house.ask_from("198.51.100.1:1", elsewhere).await.status, StatusCode::OK);
    house.ports.pass(Duration::from_millis(200));
    assert_eq!(house.get("/welcome").await.status, StatusCode::OK);
    assert_eq!(house.get("/welcome").await.status, StatusCode::TOO_MANY_REQUESTS, "{HOST}");
}
