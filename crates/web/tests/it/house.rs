//! A whole installation in a temporary folder, asked without a socket.

use crate::log;
use crate::ports::TestPorts;
use axum::body::Body;
use axum::extract::ConnectInfo;
use frontdesk_core::budget::Limits;
use frontdesk_core::catalogue::{Catalogue, Good, Meaning, Plan, Policy};
use frontdesk_core::id::{CustomerId, EntitlementId, PlanId, SourceId};
use frontdesk_core::words::Language;
use frontdesk_engine::Engine;
use frontdesk_engine::settings::{LEASE, LOOK_EVERY, Settings, Source};
use frontdesk_providers::secret::Secret;
use frontdesk_providers::stripe::read::Account;
use frontdesk_store::{SqliteMode, SqliteSettings, Store};
use frontdesk_web::{Web, WebSettings};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;

/// The name that the site has.
pub(crate) const HOST: &str = "members.northwind.example";
/// The secret that signs.
pub(crate) const SECRET: &str = "whsec_frontdeskTestSecretAAAA0001";
/// Where the visitor of a test comes from.
pub(crate) const VISITOR: &str = "203.0.113.9:40000";
/// The fixtures' journey of a subscription: what was bought, by whom, when.
pub(crate) const JOURNEY: &str = "2025-09-30.clover/purchase-subscription";
pub(crate) const SESSION: &str = "cs_live_a1E620GZn5CPAJ5sF43MFcS2J2L81Vl1kwejc9VMCJsAzSlzyLZnwlXbOk";
pub(crate) const ADDRESS: &str = "tomas.novak@example.com";
const PRICE: &str = "price_1Q68d562489066Fd8kR2vT0n";

/// A second after the checkout of [`JOURNEY`].
pub(crate) fn after_checkout() -> Timestamp {
    Timestamp::from_second(1_760_457_603).unwrap()
}

static FOLDERS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct House {
    pub(crate) ports: TestPorts,
    pub(crate) engine: Engine<TestPorts>,
    pub(crate) web: Web<TestPorts>,
    pub(crate) folder: PathBuf,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Told {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(after_checkout(), &[SECRET], |_| {}).await
    }

    pub(crate) async fn with(
        now: Timestamp,
        secrets: &[&str],
        change: impl FnOnce(&mut WebSettings),
    ) -> Self {
        log::keep();
        let nth = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("web-{}-{nth}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open_sqlite(&SqliteSettings {
            path: folder.join("frontdesk.db"),
            mode: SqliteMode::Threaded,
            now,
        });
        let ports = TestPorts::new(now);
        let engine = Engine::open(ports.clone(), store.unwrap(), engine_settings(secrets)).await.unwrap();
        let mut settings = web_settings();
        change(&mut settings);
        let web = Web::new(engine.clone(), settings).unwrap();
        Self { ports, engine, web, folder }
    }

    /// Asks, coming from [`VISITOR`].
    pub(crate) async fn ask(&self, request: Request<Body>) -> Told {
        self.ask_from(VISITOR, request).await
    }

    pub(crate) async fn ask_from(&self, peer: &str, mut request: Request<Body>) -> Told {
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        let response = self.web.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Told { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Told {
        self.ask(get(path).body(Body::empty()).unwrap()).await
    }

    /// Delivers a body, signed now.
    pub(crate) async fn deliver(&self, body: &[u8]) -> Told {
        self.ask(signed(body, self.ports.now_second())).await
    }

    /// Delivers all events of a journey of the fixtures, in order, and applies them.
    pub(crate) async fn live_through(&self, journey: &str) -> CustomerId {
        for body in events(journey) {
            assert_eq!(self.deliver(&body).await.status, StatusCode::OK);
        }
        self.engine.apply_due().await.unwrap();
        let customers = self.engine.store().find_customers(ADDRESS, 10).await.unwrap();
        assert_eq!(customers.len(), 1, "{customers:?}");
        customers.into_iter().next().unwrap()
    }

    /// A fresh link of a customer: its path.
    pub(crate) async fn link(&self, customer: &CustomerId) -> String {
        let site = format!("https://{HOST}");
        let url = frontdesk_web::mint_status_link(&self.engine, &site, customer).await.unwrap().unwrap();
        url.strip_prefix(&site).unwrap().to_owned()
    }

    /// Every byte that the database has on disk.
    pub(crate) fn database(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path());
        files.flat_map(|path| std::fs::read(path).unwrap()).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // What stays is in the target folder; a test has nothing to say about it.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl TestPorts {
    pub(crate) fn now_second(&self) -> i64 {
        frontdesk_engine::Ports::now_wall(self).as_second()
    }
}

fn engine_settings(secrets: &[&str]) -> Settings {
    let stripe = SourceId::new("stripe");
    let limits = Limits { calls: 25, window: SignedDuration::from_secs(1), monthly: None };
    let key = Secret::new("sources.stripe.api_key#0000", "rk_live_frontdeskTest".to_owned());
    Settings {
        node: "test".to_owned(),
        source: Source {
            id: stripe.clone(),
            signing_secrets: secrets
                .iter()
                .map(|secret| Secret::new("signing#0000", (*secret).to_owned()))
                .collect(),
            livemode: true,
            account: None,
            api: Account::new("http://127.0.0.1:9", key).unwrap(),
            limits,
            poll_every: None,
        },
        targets: BTreeMap::new(),
        // No target means anything by the entitlement, so whoever paid is in at once.
        catalogue: Catalogue {
            plans: vec![Plan {
                id: PlanId::new("pro"),
                title: "Pro".to_owned(),
                goods: [Good { source: stripe, id: PRICE.to_owned() }].into(),
                grants: [EntitlementId::new("community")].into(),
                policy: Policy::default(),
                beneficiary: None,
            }],
            entitlements: [(
                EntitlementId::new("community"),
                Meaning { title: "Community".to_owned(), items: BTreeSet::new() },
            )]
            .into(),
            ..Catalogue::default()
        },
        lease: LEASE,
        look_every: LOOK_EVERY,
    }
}

pub(crate) fn web_settings() -> WebSettings {
    WebSettings {
        url: format!("https://{HOST}"),
        name: "Northwind Makers".to_owned(),
        webhook_path: "/api/webhooks/payment".to_owned(),
        community_url: Some("https://community.northwind.example".to_owned()),
        help_email: Some("help@northwind.example".to_owned()),
        zone: TimeZone::get("Europe/Lisbon").unwrap(),
        language: Language::En,
        invite_stale_after: SignedDuration::from_hours(7 * 24),
        behind_proxy: false,
        trusted_proxies: BTreeSet::new(),
    }
}

/// The bodies of a journey, in order.
pub(crate) fn events(journey: &str) -> Vec<Vec<u8>> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/stripe/journeys").join(journey);
    let paths = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let numbered = |path: &PathBuf| {
        path.file_name().unwrap().to_str().unwrap().starts_with(|first: char| first.is_ascii_digit())
    };
    let paths: BTreeSet<_> = paths.filter(numbered).collect();
    assert!(!paths.is_empty());
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A request of a browser.
pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::get(path).header("host", HOST).header("accept", "text/html,application/xhtml+xml")
}

pub(crate) fn signature(body: &[u8], at: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn signed(body: &[u8], at: i64) -> Request<Body> {
    post().header("stripe-signature", signature(body, at)).body(Body::from(body.to_vec())).unwrap()
}

/// A delivery as the source sends it, but for its signature.
pub(crate) fn post() -> http::request::Builder {
    Request::post("/api/webhooks/payment")
        .header("host", "203.0.113.1")
        .header("content-type", "application/json")
}
