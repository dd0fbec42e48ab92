//! A customer's own page, and the link that opens it.

use crate::house::{ADDRESS, House, JOURNEY, Told, get, web_settings};
use axum::body::Body;
use frontdesk_core::id::CustomerId;
use frontdesk_store::{Commit, Write};
use http::StatusCode;
use std::time::Duration;

/// The cookie that an answer sets, as the browser sends it back.
fn cookie_of(told: &Told) -> String {
    told.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn with_cookie(house: &House, path: &str, cookie: &str) -> Told {
    house.ask(get(path).header("cookie", format!("theme=dark; {cookie}")).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_link_becomes_a_cookie_and_a_clean_address() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    let entered = house.get(&link).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/status"));
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("__Host-fd_status=fds_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let page = with_cookie(&house, "/status", &cookie_of(&entered)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("data-stage=\"active\""), "{}", page.text());
    assert!(page.text().contains("<bdi>Pro</bdi>"), "{}", page.text());
    for secret in [ADDRESS, "fds_", customer.as_str()] {
        assert!(!page.text().contains(secret), "the page holds {secret:?}");
    }
}

#[tokio::test]
async fn opening_a_link_uses_nothing_up() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    let first = cookie_of(&house.get(&link).await);
    for _ in 0..5 {
        assert_eq!(house.get(&link).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(with_cookie(&house, "/status", &first).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_language_that_was_asked_for_survives_the_clean_address() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    assert_eq!(house.get(&format!("{link}?lang=de")).await.header("location"), "/status?lang=de");
    assert_eq!(house.get(&format!("{link}?lang=//evil.example")).await.header("location"), "/status");
}

#[tokio::test]
async fn the_token_is_nowhere_in_the_database() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    house.get(&link).await;
    let token = link.strip_prefix("/status/").unwrap().as_bytes();
    let database = house.database();
    let holds = |needle: &[u8]| database.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(token), "the token is stored");
    assert!(!holds(&token[4..56]), "the token's random part is stored");
    assert!(holds(customer.as_str().as_bytes()), "what is searched is the database");
}

#[tokio::test]
async fn a_link_that_opens_nothing_is_one_page() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    let cookie = cookie_of(&house.get(&link).await);
    let revoke = Write::StatusLinksRevoke { customer, at: frontdesk_engine::Ports::now_wall(&house.ports) };
    house.engine.store().commit(Commit { expect: Vec::new(), writes: vec![revoke] }).await.unwrap();
    let changed = format!("{}0", &link[..link.len() - 1]);
    let mut pages = Vec::new();
    for told in [
        house.get(&link).await,
        house.get(&changed).await,
        house.get("/status/hello").await,
        house.get("/status/%00").await,
        house.get("/status").await,
        with_cookie(&house, "/status", &cookie).await,
        with_cookie(&house, "/status", "__Host-fd_status=hello").await,
    ] {
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{}", told.text());
        assert_eq!(told.header("set-cookie"), "");
        assert_eq!(told.header("cache-control"), "no-store");
        pages.push(told.body);
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
}

#[tokio::test]
async fn a_link_opens_for_seven_days_and_no_longer_for_being_used() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    house.ports.pass(Duration::from_mins(7 * 24 * 60 - 1));
    let entered = house.get(&link).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    assert!(entered.header("set-cookie").contains("Max-Age=60;"), "{entered:?}");
    house.ports.pass(Duration::from_mins(1));
    assert_eq!(house.get(&link).await.status, StatusCode::NOT_FOUND);
    assert_eq!(with_cookie(&house, "/status", &cookie_of(&entered)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_sixth_link_takes_back_the_first() {
    let house = House::new().await;
    let customer = house.live_through(JOURNEY).await;
    let mut links = Vec::new();
    for _ in 0..6 {
        links.push(house.link(&customer).await);
        house.ports.pass(Duration::from_secs(1));
    }
    assert_eq!(house.get(&links[0]).await.status, StatusCode::NOT_FOUND);
    for link in &links[1..] {
        assert_eq!(house.get(link).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn nobody_gets_no_link() {
    let house = House::new().await;
    let nobody = CustomerId::new("fdc_nobody");
    assert_eq!(
        frontdesk_web::mint_status_link(&house.engine, "https://a.example", &nobody).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_site_on_this_machine_says_that_its_cookie_is_not_safe() {
    let now = crate::house::after_checkout();
    let local =
        |settings: &mut frontdesk_web::WebSettings| "http://127.0.0.1:8080".clone_into(&mut settings.url);
    let house = House::with(now, &[crate::house::SECRET], local).await;
    let customer = house.live_through(JOURNEY).await;
    let link = house.link(&customer).await;
    let request = http::Request::get(&link).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap();
    let entered = house.ask_from("127.0.0.1:1", request).await;
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("fd_status_insecure=fds_") && !cookie.contains("Secure"), "{cookie}");
    assert_eq!(entered.header("strict-transport-security"), "");
    assert!(web_settings().url.starts_with("https"));
}
