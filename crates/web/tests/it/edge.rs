//! What holds for every route: headers, limits, names, methods.

use crate::house::{HOST, House, SECRET, after_checkout, get, post};
use axum::body::Body;
use frontdesk_web::{BadSettings, Web, WebSettings};
use http::{Method, Request, StatusCode};
use std::time::Duration;

/// Every route, and every sort of refusal that can be had without a fault of ours.
fn requests() -> Vec<(&'static str, Request<Body>, StatusCode)> {
    let plain = |method: Method, path: &str| Request::builder().method(method).uri(path).header("host", HOST);
    let empty = |builder: http::request::Builder| builder.body(Body::empty()).unwrap();
    vec![
        ("webhook, refused", post().body(Body::from("{}")).unwrap(), StatusCode::UNAUTHORIZED),
        (
            "webhook, too large",
            post().header("content-length", "2000000").body(Body::empty()).unwrap(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            "webhook, encoded",
            empty(post().header("content-encoding", "gzip")),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "webhook, method",
            empty(plain(Method::GET, "/api/webhooks/payment")),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        ("webhook, unknown", empty(plain(Method::POST, "/webhooks/else")), StatusCode::NOT_FOUND),
        ("welcome", empty(get("/welcome?session_id=cs_1")), StatusCode::OK),
        ("welcome, method", empty(plain(Method::POST, "/welcome")), StatusCode::METHOD_NOT_ALLOWED),
        ("status", empty(get("/status")), StatusCode::NOT_FOUND),
        ("status, token", empty(get("/status/hello")), StatusCode::NOT_FOUND),
        ("status, live", empty(get("/status/live")), StatusCode::NOT_FOUND),
        ("health", empty(get("/healthz")), StatusCode::OK),
        ("ready", empty(get("/readyz")), StatusCode::OK),
        ("report", empty(plain(Method::POST, "/csp-report")), StatusCode::NO_CONTENT),
        ("asset, none", empty(get("/assets/customer-000000000000.css")), StatusCode::NOT_FOUND),
        ("problem", empty(get("/problems/signature")), StatusCode::OK),
        ("icon", empty(get("/favicon.ico")), StatusCode::NO_CONTENT),
        ("robots", empty(get("/robots.txt")), StatusCode::OK),
        ("nothing, for a person", empty(get("/else")), StatusCode::NOT_FOUND),
        ("nothing, for a program", empty(plain(Method::GET, "/.git/config")), StatusCode::NOT_FOUND),
        ("trace", empty(plain(Method::TRACE, "/welcome")), StatusCode::METHOD_NOT_ALLOWED),
        (
            "options",
            empty(plain(Method::OPTIONS, "/status").header("origin", "https://evil.example")),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "another host",
            empty(Request::get("/welcome").header("host", "evil.example")),
            StatusCode::MISDIRECTED_REQUEST,
        ),
        ("no host", empty(Request::get("/welcome")), StatusCode::MISDIRECTED_REQUEST),
        ("two hosts", empty(get("/welcome").header("host", "evil.example")), StatusCode::MISDIRECTED_REQUEST),
        ("encoded dots", empty(get("/assets/..%2f..%2fCargo.toml")), StatusCode::NOT_FOUND),
    ]
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let house = House::new().await;
    for (what, request, expect) in requests() {
        let told = house.ask(request).await;
        assert_eq!(told.status, expect, "{what}: {}", told.text());
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ] {
            assert_eq!(told.header(name), value, "{what}: {name}");
        }
        assert!(told.header("permissions-policy").contains("camera=()"), "{what}");
        assert!(told.header("x-request-id").starts_with("fdr_"), "{what}");
        for absent in ["server", "x-powered-by", "access-control-allow-origin", "set-cookie"] {
            assert_eq!(told.header(absent), "", "{what}: {absent}");
        }
        let is_page = told.header("content-type") == "text/html; charset=utf-8";
        let policy = told.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{what}"
        );
        assert_eq!(policy.contains("script-src 'self'"), is_page, "{what}");
        assert!(!policy.contains("unsafe"), "{what}");
        if told.status.is_client_error() && !is_page {
            assert_eq!(told.header("content-type"), "application/problem+json", "{what}");
            let problem = told.json();
            assert_eq!(problem["status"], told.status.as_u16(), "{what}");
            assert_eq!(problem["instance"], told.header("x-request-id"), "{what}");
            let (_, path) = problem["type"].as_str().unwrap().split_once(HOST).unwrap();
            assert_eq!(house.get(path).await.status, StatusCode::OK, "{what}: {path}");
        }
    }
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own_whatever_it_brings() {
    let house = House::new().await;
    let ask = || house.ask(get("/healthz").header("x-request-id", "chosen").body(Body::empty()).unwrap());
    let (one, two) = (ask().await, ask().await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    assert_ne!(one.header("x-request-id"), "chosen");
}

#[tokio::test]
async fn the_head_of_a_request_has_limits() {
    let house = House::new().await;
    for (length, expect) in
        [(4096, StatusCode::OK), (4097, StatusCode::URI_TOO_LONG), (40_000, StatusCode::URI_TOO_LONG)]
    {
        let path = format!("/welcome?x={}", "a".repeat(length - "/welcome?x=".len()));
        assert_eq!(house.get(&path).await.status, expect, "{length}");
    }
    let too_large = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    for (count, expect) in [(62, StatusCode::OK), (63, too_large), (1000, too_large)] {
        // Beside `host` and `accept`.
        let request =
            (0..count).fold(get("/healthz"), |request, nth| request.header(format!("x-{nth}"), "1"));
        assert_eq!(house.ask(request.body(Body::empty()).unwrap()).await.status, expect, "{count}");
    }
    let others = "host".len()
        + HOST.len()
        + 4
        + "accept".len()
        + "text/html,application/xhtml+xml".len()
        + 4
        + "x-big".len()
        + 4;
    for (bytes, expect) in [(16 * 1024, StatusCode::OK), (16 * 1024 + 1, too_large)] {
        let request = get("/healthz").header("x-big", "a".repeat(bytes - others));
        assert_eq!(house.ask(request.body(Body::empty()).unwrap()).await.status, expect, "{bytes}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let house = House::new().await;
    for path in ["/healthz", "/welcome?session_id=cs_1", "/robots.txt"] {
        let head = Request::head(path).header("host", HOST).body(Body::empty()).unwrap();
        let (head, whole) = (house.ask(head).await, house.get(path).await);
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn files_of_pages_are_kept_for_ever_under_their_names() {
    let house = House::new().await;
    let page = house.get("/welcome").await;
    let files: Vec<&str> = page.text().split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for (file, media_type) in files.iter().zip(["text/css; charset=utf-8", "text/javascript; charset=utf-8"])
    {
        let told = house.get(file).await;
        assert_eq!((told.status, told.header("content-type")), (StatusCode::OK, media_type), "{file}");
        assert_eq!(told.header("cache-control"), "public, max-age=31536000, immutable");
        let tag = told.header("etag").to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"else\", {tag}"), "*".to_owned()] {
            let again =
                house.ask(get(file).header("if-none-match", &known).body(Body::empty()).unwrap()).await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        }
        let other =
            house.ask(get(file).header("if-none-match", "\"else\"").body(Body::empty()).unwrap()).await;
        assert_eq!(other.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn pages_travel_compressed() {
    let house = House::new().await;
    let whole = house.get("/welcome").await.body.len();
    let told =
        house.ask(get("/welcome").header("accept-encoding", "gzip").body(Body::empty()).unwrap()).await;
    assert_eq!(told.header("content-encoding"), "gzip");
    assert!(told.body.len() * 2 < whole, "{} of {whole} bytes", told.body.len());
}

#[tokio::test]
async fn behind_a_proxy_plain_http_is_sent_to_https() {
    let house = House::with(after_checkout(), &[SECRET], |settings| settings.behind_proxy = true).await;
    let proxied = |request: http::request::Builder| {
        request
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-for", "203.0.113.9")
            .body(Body::empty())
            .unwrap()
    };
    let page = house.ask_from("10.0.0.2:1", proxied(get("/welcome?session_id=cs_1"))).await;
    assert_eq!(page.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(page.header("location"), format!("https://{HOST}/welcome?session_id=cs_1"));
    let hook = house.ask_from("10.0.0.2:1", proxied(post())).await;
    assert_eq!((hook.status, hook.header("location")), (StatusCode::FORBIDDEN, ""));
    assert!(hook.json()["detail"].as_str().unwrap().contains("https"));
    // Who is no proxy is not believed, and a proxy that speaks https is let through.
    let direct = house.ask_from("203.0.113.9:1", proxied(get("/welcome?session_id=cs_1"))).await;
    assert_eq!(direct.status, StatusCode::OK);
    let https =
        get("/welcome?session_id=cs_1").header("x-forwarded-proto", "https").body(Body::empty()).unwrap();
    assert_eq!(house.ask_from("10.0.0.2:1", https).await.status, StatusCode::OK);
}

#[tokio::test]
async fn behind_a_proxy_limits_count_the_visitor() {
    let house = House::with(after_checkout(), &[SECRET], |settings| settings.behind_proxy = true).await;
    let from =
        |visitor: &str| get("/welcome").header("x-forwarded-for", visitor).body(Body::empty()).unwrap();
    for _ in 0..30 {
        assert_eq!(house.ask_from("10.0.0.2:1", from("203.0.113.9")).await.status, StatusCode::OK);
    }
    assert_eq!(
        house.ask_from("10.0.0.2:1", from("1.1.1.1, 203.0.113.9")).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(house.ask_from("10.0.0.2:1", from("203.0.113.10")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn reports_of_broken_policies_are_counted_small_and_limited() {
    let house = House::new().await;
    let report = |bytes: usize| {
        let request = Request::post("/csp-report")
            .header("host", HOST)
            .header("content-type", "application/csp-report");
        request.body(Body::from(vec![b'x'; bytes])).unwrap()
    };
    assert_eq!(house.ask(report(8 * 1024)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.ask(report(8 * 1024 + 1)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    for _ in 2..60 {
        assert_eq!(house.ask(report(1)).await.status, StatusCode::NO_CONTENT);
    }
    let over = house.ask(report(1)).await;
    assert_eq!((over.status, over.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
    let answer = house.get("/readyz").await.json();
    assert_eq!(answer["info"], serde_json::json!([{ "kind": "policy_reports", "count": 59 }]));
}

#[tokio::test]
async fn a_loopback_site_does_not_limit_this_machine() {
    let local = |settings: &mut WebSettings| "http://127.0.0.1:8080".clone_into(&mut settings.url);
    let house = House::with(after_checkout(), &[SECRET], local).await;
    for nth in 0..100 {
        let request = Request::get("/welcome").header("host", "localhost:8080").body(Body::empty()).unwrap();
        assert_eq!(house.ask_from("127.0.0.1:1", request).await.status, StatusCode::OK, "{nth}");
    }
    let elsewhere = Request::get("/welcome").header("host", "rebound.example").body(Body::empty()).unwrap();
    assert_eq!(house.ask_from("127.0.0.1:1", elsewhere).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let house = House::new().await;
    let with = |change: fn(&mut WebSettings)| {
        let mut settings = crate::house::web_settings();
        change(&mut settings);
        Web::new(house.engine.clone(), settings).err()
    };
    assert_eq!(with(|_| {}), None);
    assert!(matches!(with(|settings| settings.url.clear()), Some(BadSettings::Url(_))));
    assert!(matches!(
        with(|settings| "/status".clone_into(&mut settings.webhook_path)),
        Some(BadSettings::WebhookPath(_))
    ));
    house.ports.pass(Duration::ZERO);
}

#[tokio::test]
async fn one_network_cannot_take_every_connection() {
    let house = House::with(after_checkout(), &[SECRET], |settings| settings.behind_proxy = true).await;
    let ip = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    let held: Vec<_> = (0..64).map(|_| house.web.admit(ip("203.0.113.9")).unwrap()).collect();
    assert!(house.web.admit(ip("203.0.113.9")).is_none());
    assert!(house.web.admit(ip("203.0.113.10")).is_some());
    // The proxy and this machine speak for many.
    let many: Vec<_> = (0..100).map(|_| house.web.admit(ip("10.0.0.2")).unwrap()).collect();
    drop(held);
    assert!(house.web.admit(ip("203.0.113.9")).is_some());
    let rest: Vec<_> = std::iter::from_fn(|| house.web.admit(ip("::1"))).collect();
    assert_eq!(many.len() + rest.len(), 896);
}
